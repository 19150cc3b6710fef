/* NumPy's array interface: the struct and the dictionary's values, both ways. */
#include "check.h"

static int32_t numbers[24];

static DLManagedTensorVersioned *wrap_numbers(int64_t *shape, int64_t *strides, uint64_t offset,
                                              uint64_t flags, int *released) {
    DLTensor tensor = tensor_of(numbers, 2, shape, strides);
    tensor.byte_offset = offset;
    return wrap(&tensor, flags, released);
}

static const char *native(const char *little) {
    const uint16_t one = 1;
    static char typestr[8];
    snprintf(typestr, sizeof typestr, "%s", little);
    if (*(const unsigned char *)&one == 0) {
        typestr[0] = '>';
    }
    return typestr;
}

static void test_to_values(void) {
    int64_t shape[] = {4, 3}, strides[] = {-6, 2};
    int released = 0;
    DLManagedTensorVersioned *tensor =
        wrap_numbers(shape, strides, 18 * 4, DLPACK_FLAG_BITMASK_READ_ONLY, &released);
    dlbridge_array_interface array;
    CHECK_OK(dlbridge_to_array_interface(tensor, &array));
    CHECK(strcmp(array.typestr, native("<i4")) == 0);
    CHECK(array.ndim == 2 && array.data == &numbers[18]);
    CHECK(array.read_only && array.has_strides);
    CHECK_LIST(array.shape, 4, 3);
    CHECK_LIST(array.strides, -24, 8);
    dlbridge_release(tensor);
    CHECK(released == 1);
}

static void test_values_round_trip(void) {
    static const uint64_t flags[] = {0, DLPACK_FLAG_BITMASK_READ_ONLY};
    int64_t shape[] = {4, 3}, strides[] = {-6, 2};
    int i;
    for (i = 0; i < COUNT(flags); ++i) {
        int released = 0, borrowed = 0;
        DLManagedTensorVersioned *tensor =
            wrap_numbers(shape, strides, 18 * 4, flags[i], &released);
        DLManagedTensorVersioned *back = NULL;
        dlbridge_array_interface array;
        CHECK_OK(dlbridge_to_array_interface(tensor, &array));
        CHECK_OK(dlbridge_from_array_interface(&array, &borrowed, count_release, &back));
        memset(&array, 0xff, sizeof array);
        CHECK(back->flags == flags[i] && back->dl_tensor.data == &numbers[18]);
        CHECK_LIST(back->dl_tensor.shape, 4, 3);
        CHECK_LIST(back->dl_tensor.strides, -6, 2);
        CHECK(memcmp(&back->dl_tensor.dtype, &tensor->dl_tensor.dtype, 4) == 0);
        CHECK(back->dl_tensor.device.device_type == kDLCPU);
        dlbridge_release(tensor);
        CHECK(released == 1 && borrowed == 0);
        dlbridge_release(back);
        CHECK(borrowed == 1);
    }
}

static dlbridge_array_interface values(void) {
    dlbridge_array_interface array;
    memset(&array, 0, sizeof array);
    strcpy(array.typestr, native("<i4"));
    array.ndim = 2;
    array.data = numbers;
    array.shape[0] = 4;
    array.shape[1] = 6;
    return array;
}

static void test_values_without_strides(void) {
    dlbridge_array_interface array = values();
    DLManagedTensorVersioned *tensor = NULL;
    array.strides[0] = array.strides[1] = 3;
    CHECK_OK(dlbridge_from_array_interface(&array, NULL, NULL, &tensor));
    CHECK_LIST(tensor->dl_tensor.strides, 6, 1);
    CHECK(tensor->flags == 0);
    dlbridge_release(tensor);
}

static void test_values_refused(void) {
    int released = 0;
    DLManagedTensorVersioned *out = UNTOUCHED;
    dlbridge_array_interface array = values();
    const char swapped = native("<i4")[0] == '<' ? '>' : '<';
    array.typestr[0] = swapped;
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_BYTE_ORDER, "byte order");
    strcpy(array.typestr, "|V4");
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_DTYPE, "|V4");
    strcpy(array.typestr, "?");
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_INTERFACE, "typestr");
    memset(array.typestr, '4', sizeof array.typestr);
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_INTERFACE, "zero byte");
    array = values();
    array.has_strides = true;
    array.strides[0] = 24;
    array.strides[1] = 6;
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_STRIDES, "strides[1] is 6 bytes");
    CHECK_ERROR_MENTIONS("multiple");
    array = values();
    array.ndim = 65;
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_NDIM, "65");
    array = values();
    array.data = NULL;
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_DATA, "data");
    array = values();
    CHECK_ERROR(dlbridge_from_array_interface(NULL, &released, count_release, &out),
                DLBRIDGE_ERROR_NULL, "array");
    CHECK_ERROR(dlbridge_from_array_interface(&array, &released, count_release, NULL),
                DLBRIDGE_ERROR_NULL, "out");
    CHECK(released == 0 && out == UNTOUCHED);
}

static void test_to_struct(void) {
    int64_t shape[] = {4, 3}, strides[] = {-6, 2};
    int released = 0;
    DLManagedTensorVersioned *tensor = wrap_numbers(shape, strides, 18 * 4, 0, &released);
    dlbridge_array_struct *array = NULL;
    CHECK_OK(dlbridge_to_array_struct(tensor, &array));
    dlbridge_release(tensor);
    CHECK(released == 0);
    CHECK(array->two == 2 && array->nd == 2 && array->descr == NULL);
    CHECK(array->typekind == 'i' && array->itemsize == 4 && array->data == &numbers[18]);
    CHECK(array->shape[0] == 4 && array->shape[1] == 3);
    CHECK(array->strides[0] == -24 && array->strides[1] == 8);
    CHECK(array->flags ==
          (DLBRIDGE_ARRAY_NOTSWAPPED | DLBRIDGE_ARRAY_WRITEABLE | DLBRIDGE_ARRAY_ALIGNED));
    dlbridge_release_array_struct(array);
    CHECK(released == 1);
    dlbridge_release_array_struct(NULL);
}

static int struct_flags(int64_t *shape, int64_t *strides, uint64_t offset, uint64_t flags) {
    int released = 0, result;
    DLManagedTensorVersioned *tensor = wrap_numbers(shape, strides, offset, flags, &released);
    dlbridge_array_struct *array = NULL;
    CHECK_OK(dlbridge_to_array_struct(tensor, &array));
    result = array->flags;
    dlbridge_release_array_struct(array);
    CHECK(released == 0);
    dlbridge_release(tensor);
    return result;
}

static void test_struct_flags(void) {
    int64_t shape[] = {2, 3}, rows[] = {3, 1}, columns[] = {1, 2}, gaps[] = {6, 2};
    const int always = DLBRIDGE_ARRAY_NOTSWAPPED, aligned = DLBRIDGE_ARRAY_ALIGNED;
    const int writable = DLBRIDGE_ARRAY_WRITEABLE;
    const uint64_t read_only = DLPACK_FLAG_BITMASK_READ_ONLY;
    CHECK(struct_flags(shape, rows, 0, 0) ==
          (always | aligned | writable | DLBRIDGE_ARRAY_C_CONTIGUOUS));
    CHECK(struct_flags(shape, columns, 0, 0) ==
          (always | aligned | writable | DLBRIDGE_ARRAY_F_CONTIGUOUS));
    CHECK(struct_flags(shape, gaps, 0, read_only) == (always | aligned));
    CHECK(struct_flags(shape, gaps, 2, read_only) == always);
}

static void test_struct_round_trip(void) {
    static const uint64_t flags[] = {0, DLPACK_FLAG_BITMASK_READ_ONLY};
    int64_t shape[] = {4, 3}, strides[] = {-6, 2};
    int i;
    for (i = 0; i < COUNT(flags); ++i) {
        int released = 0, borrowed = 0;
        DLManagedTensorVersioned *tensor =
            wrap_numbers(shape, strides, 18 * 4, flags[i], &released);
        DLManagedTensorVersioned *back = NULL;
        dlbridge_array_struct *array = NULL;
        CHECK_OK(dlbridge_to_array_struct(tensor, &array));
        CHECK_OK(dlbridge_from_array_struct(array, &borrowed, count_release, &back));
        dlbridge_release_array_struct(array);
        CHECK(back->flags == flags[i] && back->dl_tensor.data == &numbers[18]);
        CHECK_LIST(back->dl_tensor.shape, 4, 3);
        CHECK_LIST(back->dl_tensor.strides, -6, 2);
        dlbridge_release(back);
        CHECK(borrowed == 1 && released == 0);
        dlbridge_release(tensor);
        CHECK(released == 1);
    }
}

static dlbridge_array_struct structure(ptrdiff_t *shape, ptrdiff_t *strides) {
    dlbridge_array_struct array;
    memset(&array, 0, sizeof array);
    array.two = 2;
    array.nd = 2;
    array.typekind = 'i';
    array.itemsize = 4;
    array.flags = DLBRIDGE_ARRAY_NOTSWAPPED | DLBRIDGE_ARRAY_WRITEABLE;
    array.shape = shape;
    array.strides = strides;
    array.data = numbers;
    return array;
}

/* `descr` is an object of Python: it is not read. */
static void test_struct_of_another_library(void) {
    ptrdiff_t shape[] = {4, 6};
    dlbridge_array_struct array = structure(shape, NULL);
    DLManagedTensorVersioned *tensor = NULL;
    array.flags = DLBRIDGE_ARRAY_NOTSWAPPED | DLBRIDGE_ARRAY_HAS_DESCR;
    array.descr = UNTOUCHED;
    CHECK_OK(dlbridge_from_array_struct(&array, NULL, NULL, &tensor));
    CHECK(tensor->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    CHECK_LIST(tensor->dl_tensor.strides, 6, 1);
    dlbridge_release(tensor);

    /* One byte has no order. */
    array.typekind = 'b';
    array.itemsize = 1;
    array.flags = DLBRIDGE_ARRAY_WRITEABLE;
    CHECK_OK(dlbridge_from_array_struct(&array, NULL, NULL, &tensor));
    CHECK(tensor->dl_tensor.dtype.code == kDLBool && tensor->flags == 0);
    dlbridge_release(tensor);

    array = structure(NULL, NULL);
    array.nd = 0;
    CHECK_OK(dlbridge_from_array_struct(&array, NULL, NULL, &tensor));
    CHECK(tensor->dl_tensor.ndim == 0);
    dlbridge_release(tensor);
}

static void test_struct_refused(void) {
    ptrdiff_t shape[] = {4, 6}, odd[] = {24, 5}, negative[] = {4, -6};
    dlbridge_array_struct array = structure(shape, NULL);
    int released = 0;
    DLManagedTensorVersioned *out = UNTOUCHED;
    array.two = 3;
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_INTERFACE, "two is 3");
    array = structure(shape, NULL);
    array.flags = DLBRIDGE_ARRAY_WRITEABLE;
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_BYTE_ORDER, "byte order");
    array = structure(shape, odd);
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_STRIDES, "strides[1] is 5 bytes");
    array = structure(negative, NULL);
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_SHAPE, "-6");
    array = structure(NULL, NULL);
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_SHAPE, "shape");
    array = structure(shape, NULL);
    array.nd = -1;
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, &out),
                DLBRIDGE_ERROR_NDIM, "-1");
    array = structure(shape, NULL);
    array.typekind = 'O';
    CHECK_STATUS(dlbridge_from_array_struct(&array, &released, count_release, &out),
                 DLBRIDGE_ERROR_DTYPE);
    array = structure(shape, NULL);
    array.itemsize = -4;
    CHECK_STATUS(dlbridge_from_array_struct(&array, &released, count_release, &out),
                 DLBRIDGE_ERROR_DTYPE);
    array = structure(shape, NULL);
    array.data = NULL;
    CHECK_STATUS(dlbridge_from_array_struct(&array, &released, count_release, &out),
                 DLBRIDGE_ERROR_DATA);
    array = structure(shape, NULL);
    CHECK_ERROR(dlbridge_from_array_struct(NULL, &released, count_release, &out),
                DLBRIDGE_ERROR_NULL, "array");
    CHECK_ERROR(dlbridge_from_array_struct(&array, &released, count_release, NULL),
                DLBRIDGE_ERROR_NULL, "out");
    CHECK(released == 0 && out == UNTOUCHED);
}

static void refuse_tensor(DLTensor tensor, dlbridge_status status, const char *text) {
    int released = 0;
    DLManagedTensorVersioned *own = wrap(&tensor, 0, &released);
    dlbridge_array_interface values;
    dlbridge_array_struct *out = UNTOUCHED;
    memset(&values, 0x55, sizeof values);
    CHECK_ERROR(dlbridge_to_array_interface(own, &values), status, text);
    CHECK_ERROR(dlbridge_to_array_struct(own, &out), status, text);
    CHECK(out == UNTOUCHED && values.ndim == 0x55555555 && values.typestr[0] == 0x55);
    CHECK_ERROR(dlbridge_to_array_interface(own, NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_ERROR(dlbridge_to_array_struct(own, NULL), DLBRIDGE_ERROR_NULL, "out");
    dlbridge_release(own);
    CHECK(released == 1);
}

static void test_tensors_that_numpy_cannot_have(void) {
    int64_t shape[] = {2, 3};
    DLTensor tensor = tensor_of(numbers, 2, shape, NULL);
    tensor.device.device_type = kDLCUDA;
    refuse_tensor(tensor, DLBRIDGE_ERROR_DEVICE, "cuda:0");
    tensor.device.device_type = kDLCPU;
    tensor.dtype = dtype_of(kDLFloat4_e2m1fn, 4);
    refuse_tensor(tensor, DLBRIDGE_ERROR_DTYPE, "float4_e2m1fn");
    tensor.dtype = dtype_of(kDLFloat, 32);
    tensor.dtype.lanes = 2;
    refuse_tensor(tensor, DLBRIDGE_ERROR_DTYPE, "float32x2");
}

int main(void) {
    test_to_values();
    test_values_round_trip();
    test_values_without_strides();
    test_values_refused();
    test_to_struct();
    test_struct_flags();
    test_struct_round_trip();
    test_struct_of_another_library();
    test_struct_refused();
    test_tensors_that_numpy_cannot_have();
    return 0;
}
