/* Names and typestrs of every element type of DLPack 1.3, both ways. */
#include "check.h"

typedef struct Type {
    DLDataTypeCode code;
    uint8_t bits;
    const char *name;
    /* In the byte order of a little-endian machine; NULL if there is none. */
    const char *typestr;
    /* Whether the typestr says which type it is. */
    bool both_ways;
} Type;

static const Type types[] = {
    {kDLInt, 8, "int8", "|i1", true},
    {kDLInt, 16, "int16", "<i2", true},
    {kDLInt, 32, "int32", "<i4", true},
    {kDLInt, 64, "int64", "<i8", true},
    {kDLInt, 1, "int1", NULL, false},
    {kDLInt, 2, "int2", NULL, false},
    {kDLInt, 4, "int4", NULL, false},
    {kDLUInt, 8, "uint8", "|u1", true},
    {kDLUInt, 16, "uint16", "<u2", true},
    {kDLUInt, 32, "uint32", "<u4", true},
    {kDLUInt, 64, "uint64", "<u8", true},
    {kDLUInt, 1, "uint1", NULL, false},
    {kDLUInt, 2, "uint2", NULL, false},
    {kDLUInt, 4, "uint4", NULL, false},
    {kDLFloat, 16, "float16", "<f2", true},
    {kDLFloat, 32, "float32", "<f4", true},
    {kDLFloat, 64, "float64", "<f8", true},
    {kDLOpaqueHandle, 64, "opaque64", "|V8", false},
    {kDLBfloat, 16, "bfloat16", "|V2", false},
    {kDLComplex, 32, "complex32", "|V4", false},
    {kDLComplex, 64, "complex64", "<c8", true},
    {kDLComplex, 128, "complex128", "<c16", true},
    {kDLBool, 8, "bool", "|b1", true},
    {kDLFloat8_e3m4, 8, "float8_e3m4", "|V1", false},
    {kDLFloat8_e4m3, 8, "float8_e4m3", "|V1", false},
    {kDLFloat8_e4m3b11fnuz, 8, "float8_e4m3b11fnuz", "|V1", false},
    {kDLFloat8_e4m3fn, 8, "float8_e4m3fn", "|V1", false},
    {kDLFloat8_e4m3fnuz, 8, "float8_e4m3fnuz", "|V1", false},
    {kDLFloat8_e5m2, 8, "float8_e5m2", "|V1", false},
    {kDLFloat8_e5m2fnuz, 8, "float8_e5m2fnuz", "|V1", false},
    {kDLFloat8_e8m0fnu, 8, "float8_e8m0fnu", "|V1", false},
    {kDLFloat6_e2m3fn, 6, "float6_e2m3fn", NULL, false},
    {kDLFloat6_e3m2fn, 6, "float6_e3m2fn", NULL, false},
    {kDLFloat4_e2m1fn, 4, "float4_e2m1fn", NULL, false},
};

static bool is_little_endian(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

static void check_name(DLDataType dtype, const char *name) {
    char buffer[DLBRIDGE_NAME_SIZE];
    DLDataType back;
    CHECK_OK(dlbridge_dtype_name(dtype, buffer, sizeof buffer));
    CHECK(strcmp(buffer, name) == 0);
    CHECK_OK(dlbridge_dtype_from_name(name, &back));
    CHECK(memcmp(&back, &dtype, sizeof dtype) == 0);
}

static void check_typestr(const Type *type, DLDataType dtype) {
    char buffer[DLBRIDGE_NAME_SIZE] = "before";
    DLDataType back = {99, 99, 99};
    if (type->typestr == NULL) {
        CHECK_ERROR(dlbridge_dtype_typestr(dtype, buffer, sizeof buffer), DLBRIDGE_ERROR_DTYPE,
                    type->name);
        CHECK(strcmp(buffer, "before") == 0);
        return;
    }
    CHECK_OK(dlbridge_dtype_typestr(dtype, buffer, sizeof buffer));
    CHECK(strcmp(buffer + 1, type->typestr + 1) == 0);
    CHECK(buffer[0] == (type->typestr[0] == '|' ? '|' : is_little_endian() ? '<' : '>'));
    if (type->both_ways) {
        CHECK_OK(dlbridge_dtype_from_typestr(buffer, &back));
        CHECK(memcmp(&back, &dtype, sizeof dtype) == 0);
        buffer[0] = '=';
        CHECK_OK(dlbridge_dtype_from_typestr(buffer, &back));
        CHECK_OK(dlbridge_dtype_from_typestr(buffer + 1, &back));
    } else {
        CHECK_ERROR(dlbridge_dtype_from_typestr(buffer, &back), DLBRIDGE_ERROR_DTYPE,
                    type->typestr);
        CHECK(back.code == 99);
    }
}

static void test_every_type(void) {
    bool seen[kDLFloat4_e2m1fn + 1] = {false};
    int i;
    for (i = 0; i < COUNT(types); ++i) {
        char name[DLBRIDGE_NAME_SIZE];
        DLDataType dtype = dtype_of(types[i].code, types[i].bits);
        seen[types[i].code] = true;
        check_name(dtype, types[i].name);
        check_typestr(&types[i], dtype);
        dtype.lanes = 4;
        snprintf(name, sizeof name, "%sx4", types[i].name);
        check_name(dtype, name);
        CHECK_STATUS(dlbridge_dtype_typestr(dtype, name, sizeof name), DLBRIDGE_ERROR_DTYPE);
    }
    for (i = 0; i < COUNT(seen); ++i) {
        CHECK(seen[i]);
    }
}

static void test_the_longest_names_fit(void) {
    DLDataType dtype = dtype_of(kDLFloat8_e4m3b11fnuz, 8);
    char buffer[DLBRIDGE_NAME_SIZE];
    dtype.lanes = UINT16_MAX;
    CHECK_OK(dlbridge_dtype_name(dtype, buffer, sizeof buffer));
}

static void test_byte_order(void) {
    static const char *const foreign[] = {"f4", "i2", "u8", "c16"};
    int i;
    for (i = 0; i < COUNT(foreign); ++i) {
        char typestr[8];
        DLDataType out = {99, 99, 99};
        snprintf(typestr, sizeof typestr, "%c%s", is_little_endian() ? '>' : '<', foreign[i]);
        CHECK_ERROR(dlbridge_dtype_from_typestr(typestr, &out), DLBRIDGE_ERROR_BYTE_ORDER, typestr);
        CHECK_ERROR_MENTIONS("byte order");
        CHECK(out.code == 99);
    }
}

static void test_single_bytes_have_no_order(void) {
    DLDataType out;
    CHECK_OK(dlbridge_dtype_from_typestr(">u1", &out));
    CHECK(out.code == kDLUInt && out.bits == 8);
    CHECK_OK(dlbridge_dtype_from_typestr("<b1", &out));
    CHECK(out.code == kDLBool && out.bits == 8);
}

static void test_refusals(void) {
    static const char *const names[] = {"",        "float", "float32x", "float32x1", "float32x0",
                                        "Float32", "int33", "int32 ",   "float8",    "object"};
    static const char *const not_in_dlpack[] = {"|O8", "<M8[ns]", "<m8", "|S5", "<U5", "<f16"};
    static const char *const malformed[] = {"", "<", "4", "x4", "<x4", "?"};
    char small[4] = "abc", *none = NULL;
    DLDataType out = {99, 99, 99}, unknown = dtype_of(kDLInt, 32);
    int i;
    unknown.code = 18;
    for (i = 0; i < COUNT(names); ++i) {
        CHECK_STATUS(dlbridge_dtype_from_name(names[i], &out), DLBRIDGE_ERROR_DTYPE);
        CHECK_ERROR_MENTIONS(names[i]);
        CHECK_ERROR_MENTIONS("must be");
    }
    for (i = 0; i < COUNT(not_in_dlpack); ++i) {
        CHECK_ERROR(dlbridge_dtype_from_typestr(not_in_dlpack[i], &out), DLBRIDGE_ERROR_DTYPE,
                    not_in_dlpack[i]);
    }
    for (i = 0; i < COUNT(malformed); ++i) {
        CHECK_ERROR(dlbridge_dtype_from_typestr(malformed[i], &out), DLBRIDGE_ERROR_INTERFACE,
                    "typestr");
    }
    CHECK_ERROR(dlbridge_dtype_from_name("\xff", &out), DLBRIDGE_ERROR_ARGUMENT, "UTF-8");
    CHECK_ERROR(dlbridge_dtype_from_typestr("\xff", &out), DLBRIDGE_ERROR_ARGUMENT, "UTF-8");
    CHECK_ERROR(dlbridge_dtype_from_name(NULL, &out), DLBRIDGE_ERROR_NULL, "name");
    CHECK_ERROR(dlbridge_dtype_from_typestr(NULL, &out), DLBRIDGE_ERROR_NULL, "typestr");
    CHECK(out.code == 99 && out.bits == 99 && out.lanes == 99);
    CHECK_ERROR(dlbridge_dtype_from_name("int32", NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_ERROR(dlbridge_dtype_from_typestr("<i4", NULL), DLBRIDGE_ERROR_NULL, "out");

    CHECK_STATUS(dlbridge_dtype_name(unknown, small, sizeof small), DLBRIDGE_ERROR_DTYPE);
    CHECK_ERROR(dlbridge_dtype_name(dtype_of(kDLBool, 8), small, 4), DLBRIDGE_ERROR_ARGUMENT, "5");
    CHECK_ERROR(dlbridge_dtype_typestr(dtype_of(kDLBool, 8), small, 3), DLBRIDGE_ERROR_ARGUMENT,
                "4");
    CHECK(strcmp(small, "abc") == 0);
    CHECK_ERROR(dlbridge_dtype_name(dtype_of(kDLBool, 8), none, 9), DLBRIDGE_ERROR_NULL, "buffer");
    CHECK_STATUS(dlbridge_dtype_typestr(dtype_of(kDLBool, 8), none, 9), DLBRIDGE_ERROR_NULL);
}

int main(void) {
    test_every_type();
    test_the_longest_names_fit();
    test_byte_order();
    test_single_bytes_have_no_order();
    test_refusals();
    return 0;
}
