/* Checks of arguments in one line. */
#include "check.h"

static float pixels[4 * 6 * 3];
static int64_t image_shape[] = {4, 6, 3};

static DLTensor image(void) {
    DLTensor tensor = tensor_of(pixels, 3, image_shape, NULL);
    tensor.dtype = dtype_of(kDLFloat, 32);
    return tensor;
}

static void test_what_fits(void) {
    static const char *const specs[] = {
        "",        "any",       "f32",         "float32",     "uint8|float32",
        "[_,_,_]", "[h, w, 3]", "[4, ..., 3]", "[...]",       "f32[h, w, 3] c cpu",
        "host",    "c",         "contiguous",  "f32 align=4", "[4, 6, ..., 3]",
    };
    const DLTensor tensor = image();
    int i;
    for (i = 0; i < COUNT(specs); ++i) {
        CHECK_OK(dlbridge_check(&tensor, specs[i]));
    }
}

static void test_what_does_not(void) {
    static const struct {
        const char *spec;
        dlbridge_status status;
    } cases[] = {
        {"f64", DLBRIDGE_ERROR_DTYPE},         {"u8|i8", DLBRIDGE_ERROR_DTYPE},
        {"[h, w]", DLBRIDGE_ERROR_NDIM},       {"[h, w, c, ..., d]", DLBRIDGE_ERROR_NDIM},
        {"[h, w, 4]", DLBRIDGE_ERROR_SHAPE},   {"[n, n, 3]", DLBRIDGE_ERROR_SHAPE},
        {"f", DLBRIDGE_ERROR_LAYOUT},          {"cuda", DLBRIDGE_ERROR_DEVICE},
        {"cuda:1", DLBRIDGE_ERROR_DEVICE},     {"f33", DLBRIDGE_ERROR_SPEC},
        {"f32[h, w", DLBRIDGE_ERROR_SPEC},     {"f32 sideways", DLBRIDGE_ERROR_SPEC},
        {"f32 writable", DLBRIDGE_ERROR_SPEC}, {"align=3.5", DLBRIDGE_ERROR_SPEC},
        {"[..., ...]", DLBRIDGE_ERROR_SPEC},
    };
    const DLTensor tensor = image();
    int i;
    for (i = 0; i < COUNT(cases); ++i) {
        CHECK_STATUS(dlbridge_check(&tensor, cases[i].spec), cases[i].status);
        CHECK_ERROR_MENTIONS(cases[i].spec);
    }
    CHECK_ERROR(dlbridge_check(&tensor, "f64[h, w]"), DLBRIDGE_ERROR_DTYPE, "float32");
    CHECK_ERROR_MENTIONS("[4, 6, 3]");
}

static void test_alignment(void) {
    DLTensor tensor = image();
    tensor.data = (void *)(uintptr_t)0x1040;
    CHECK_OK(dlbridge_check(&tensor, "align=64"));
    CHECK_ERROR(dlbridge_check(&tensor, "align=128"), DLBRIDGE_ERROR_ALIGNMENT, "128");
}

static void test_managed(void) {
    DLManagedTensorVersioned managed = foreign(image(), NULL);
    CHECK_OK(dlbridge_check_managed(&managed, "f32[h, w, 3] writable"));
    CHECK_STATUS(dlbridge_check_managed(&managed, "readonly"), DLBRIDGE_ERROR_READ_ONLY);
    managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    CHECK_OK(dlbridge_check_managed(&managed, "readonly"));
    CHECK_ERROR(dlbridge_check_managed(&managed, "writable"), DLBRIDGE_ERROR_READ_ONLY,
                "read-only");
    managed.version.major = 2;
    CHECK_STATUS(dlbridge_check_managed(&managed, "f32"), DLBRIDGE_ERROR_VERSION);
}

static void test_several(void) {
    const DLTensor first = image();
    DLTensor second = image();
    const DLTensor *tensors[2] = {&first, &second};
    int64_t wider[] = {4, 7, 3};
    CHECK_OK(dlbridge_check_all(2, tensors, "source: f32[h, w, 3], target: f32[h, w, 3] c"));
    CHECK_OK(dlbridge_check_all(2, tensors, "f32[h, w, 3], any"));
    second.shape = wider;
    CHECK_ERROR(dlbridge_check_all(2, tensors, "source: f32[h, w, 3], target: f32[h, w, 3]"),
                DLBRIDGE_ERROR_SHAPE, "target");
    CHECK_ERROR_MENTIONS("7");
    CHECK_STATUS(dlbridge_check_all(1, tensors, "f32, f32"), DLBRIDGE_ERROR_ARGUMENT);
    CHECK_STATUS(dlbridge_check_all(2, tensors, "f32"), DLBRIDGE_ERROR_ARGUMENT);
    tensors[1] = NULL;
    CHECK_ERROR(dlbridge_check_all(2, tensors, "f32, f32"), DLBRIDGE_ERROR_NULL, "tensors[1]");
}

static void test_null(void) {
    const DLTensor tensor = image();
    const DLTensor *tensors[] = {&tensor};
    const DLManagedTensorVersioned managed = foreign(tensor, NULL);
    CHECK_ERROR(dlbridge_check(NULL, "f32"), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK_ERROR(dlbridge_check(&tensor, NULL), DLBRIDGE_ERROR_NULL, "spec");
    CHECK_ERROR(dlbridge_check_managed(NULL, "f32"), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK_ERROR(dlbridge_check_managed(&managed, NULL), DLBRIDGE_ERROR_NULL, "spec");
    CHECK_ERROR(dlbridge_check_all(1, NULL, "f32"), DLBRIDGE_ERROR_NULL, "tensors");
    CHECK_ERROR(dlbridge_check_all(1, tensors, NULL), DLBRIDGE_ERROR_NULL, "specs");
}

int main(void) {
    test_what_fits();
    test_what_does_not();
    test_alignment();
    test_managed();
    test_several();
    test_null();
    return 0;
}
