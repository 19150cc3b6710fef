/* Questions about shape and strides. */
#include "check.h"

typedef struct Case {
    int32_t ndim;
    int64_t shape[4];
    int64_t strides[4];
    int64_t count;
    bool c_contiguous, f_contiguous;
    /* Of int32, in bytes from the first element. */
    ptrdiff_t lowest, end;
} Case;

static const Case cases[] = {
    /* C order, Fortran order, neither */
    {2, {2, 3}, {3, 1}, 6, true, false, 0, 24},
    {2, {2, 3}, {1, 2}, 6, false, true, 0, 24},
    {2, {2, 3}, {6, 2}, 6, false, false, 0, 44},
    {1, {5}, {1}, 5, true, true, 0, 20},
    {1, {5}, {2}, 5, false, false, 0, 36},
    /* a scalar; extents of 1 with strides that do not matter */
    {0, {0}, {0}, 1, true, true, 0, 4},
    {3, {2, 1, 3}, {3, 77, 1}, 6, true, false, 0, 24},
    {3, {2, 1, 3}, {1, -77, 2}, 6, false, true, 0, 24},
    {2, {1, 1}, {-5, INT64_MAX}, 1, true, true, 0, 4},
    /* nothing at all */
    {2, {0, 3}, {99, 99}, 0, true, true, 0, 0},
    {3, {4, 0, 2}, {-1, 0, 0}, 0, true, true, 0, 0},
    /* backwards and repeated */
    {1, {5}, {-1}, 5, false, false, -16, 4},
    {2, {2, 3}, {-3, -1}, 6, false, false, -20, 4},
    {2, {2, 3}, {-3, 1}, 6, false, false, -12, 12},
    {2, {4, 3}, {0, 1}, 12, false, false, 0, 12},
};

static char memory[256];

static void check_case(const Case *expected) {
    int64_t shape[4], strides[4], count = -1, bytes = -1;
    bool c_contiguous, f_contiguous;
    void *lowest, *end;
    char *first = memory + 128;
    DLTensor tensor;
    memcpy(shape, expected->shape, sizeof shape);
    memcpy(strides, expected->strides, sizeof strides);
    tensor = tensor_of(memory, expected->ndim, shape, strides);
    tensor.byte_offset = 128;
    if (expected->count == 0) {
        tensor.data = first = NULL;
    }
    CHECK_OK(dlbridge_element_count(&tensor, &count));
    CHECK_OK(dlbridge_byte_count(&tensor, &bytes));
    CHECK_OK(dlbridge_is_c_contiguous(&tensor, &c_contiguous));
    CHECK_OK(dlbridge_is_f_contiguous(&tensor, &f_contiguous));
    CHECK_OK(dlbridge_byte_range(&tensor, &lowest, &end));
    CHECK(count == expected->count);
    CHECK(bytes == 4 * expected->count);
    CHECK(c_contiguous == expected->c_contiguous);
    CHECK(f_contiguous == expected->f_contiguous);
    CHECK((uintptr_t)lowest == (uintptr_t)first + (uintptr_t)expected->lowest);
    CHECK((uintptr_t)end == (uintptr_t)first + (uintptr_t)expected->end);
}

static void test_no_strides(void) {
    int64_t shape[] = {2, 3}, row[] = {1, 6};
    DLTensor tensor = tensor_of(memory, 2, shape, NULL);
    bool answer;
    void *lowest, *end;
    CHECK_OK(dlbridge_is_c_contiguous(&tensor, &answer));
    CHECK(answer);
    CHECK_OK(dlbridge_is_f_contiguous(&tensor, &answer));
    CHECK(!answer);
    CHECK_OK(dlbridge_byte_range(&tensor, &lowest, &end));
    CHECK(lowest == memory && end == memory + 24);
    tensor.shape = row;
    CHECK_OK(dlbridge_is_f_contiguous(&tensor, &answer));
    CHECK(answer);
}

static void check_bytes(DLDataType dtype, int64_t extent, int64_t expected) {
    int64_t shape[] = {extent}, bytes = -1;
    DLTensor tensor = tensor_of(memory, 1, shape, NULL);
    tensor.dtype = dtype;
    CHECK_OK(dlbridge_byte_count(&tensor, &bytes));
    CHECK(bytes == expected);
}

static void test_bytes(void) {
    DLDataType lanes = dtype_of(kDLFloat, 32);
    lanes.lanes = 4;
    check_bytes(dtype_of(kDLComplex, 128), 3, 48);
    check_bytes(lanes, 3, 48);
    /* Parts of bytes are packed, and the last byte counts whole. */
    check_bytes(dtype_of(kDLFloat4_e2m1fn, 4), 3, 2);
    check_bytes(dtype_of(kDLFloat6_e2m3fn, 6), 4, 3);
    check_bytes(dtype_of(kDLFloat6_e2m3fn, 6), 5, 4);
    check_bytes(dtype_of(kDLUInt, 1), 9, 2);
}

static void test_describe(void) {
    char text[DLBRIDGE_TEXT_SIZE] = "before";
    int64_t shape[] = {480, 640}, strides[] = {640, 1}, extents[8], far[8];
    DLTensor tensor = tensor_of(memory, 2, shape, strides);
    const char *expected = "float32 [480, 640] with strides [640, 1] on cpu";
    int axis;
    tensor.dtype = dtype_of(kDLFloat, 32);
    CHECK_ERROR(dlbridge_describe(&tensor, text, strlen(expected)), DLBRIDGE_ERROR_ARGUMENT, "48");
    CHECK(strcmp(text, "before") == 0);
    CHECK_OK(dlbridge_describe(&tensor, text, strlen(expected) + 1));
    CHECK(strcmp(text, expected) == 0);
    tensor.device.device_type = kDLCUDA;
    tensor.device.device_id = 1;
    tensor.strides = NULL;
    CHECK_OK(dlbridge_describe(&tensor, text, sizeof text));
    CHECK(strcmp(text, "float32 [480, 640] with strides [640, 1] on cuda:1") == 0);
    /* The longest of 8 dimensions fits. */
    for (axis = 0; axis < 8; ++axis) {
        extents[axis] = axis == 0 ? 0 : 1;
        far[axis] = INT64_MIN;
    }
    extents[1] = INT64_MAX / 64;
    tensor = tensor_of(NULL, 8, extents, far);
    tensor.dtype = dtype_of(kDLFloat8_e4m3b11fnuz, 8);
    tensor.dtype.lanes = 64;
    tensor.device.device_type = kDLCUDAManaged;
    tensor.device.device_id = INT32_MAX;
    CHECK_OK(dlbridge_describe(&tensor, text, sizeof text));
}

static void test_refusals(void) {
    int64_t shape[] = {-1}, count = 77;
    bool answer = true;
    void *lowest = UNTOUCHED, *end = UNTOUCHED;
    DLTensor tensor = tensor_of(memory, 1, shape, NULL);
    CHECK_STATUS(dlbridge_element_count(&tensor, &count), DLBRIDGE_ERROR_SHAPE);
    CHECK_STATUS(dlbridge_byte_count(&tensor, &count), DLBRIDGE_ERROR_SHAPE);
    CHECK_STATUS(dlbridge_is_c_contiguous(&tensor, &answer), DLBRIDGE_ERROR_SHAPE);
    CHECK_STATUS(dlbridge_is_f_contiguous(&tensor, &answer), DLBRIDGE_ERROR_SHAPE);
    CHECK_STATUS(dlbridge_byte_range(&tensor, &lowest, &end), DLBRIDGE_ERROR_SHAPE);
    shape[0] = 1;
    CHECK_ERROR(dlbridge_byte_range(&tensor, &lowest, NULL), DLBRIDGE_ERROR_NULL, "out_end");
    CHECK_ERROR(dlbridge_byte_range(&tensor, NULL, &end), DLBRIDGE_ERROR_NULL, "out_lowest");
    CHECK(count == 77 && answer && lowest == UNTOUCHED && end == UNTOUCHED);
}

int main(void) {
    int i;
    for (i = 0; i < COUNT(cases); ++i) {
        check_case(&cases[i]);
    }
    test_no_strides();
    test_bytes();
    test_describe();
    test_refusals();
    return 0;
}
