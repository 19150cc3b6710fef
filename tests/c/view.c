/* Views: other shapes and strides of the same memory. */
#include "check.h"

static int32_t numbers[24];

/* 4 x 6 in C order; element [i][j] is numbers[6 * i + j]. */
static DLManagedTensorVersioned *table(uint64_t flags, int *released) {
    int64_t shape[] = {4, 6};
    DLTensor tensor = tensor_of(numbers, 2, shape, NULL);
    return wrap(&tensor, flags, released);
}

/* Takes the view and checks where it begins, and its shape and strides. */
#define CHECK_VIEW(view, first, dimensions, ...)                                                   \
    do {                                                                                           \
        const int64_t expected[] = {__VA_ARGS__};                                                  \
        check_view(__LINE__, view, first, dimensions, expected);                                   \
    } while (0)

static void check_view(int line, DLManagedTensorVersioned *view, void *first, int32_t ndim,
                       const int64_t *expected) {
    const size_t bytes = (size_t)ndim * sizeof *expected;
    if (view->dl_tensor.ndim != ndim || view->dl_tensor.data != first ||
        view->dl_tensor.byte_offset != 0 || memcmp(view->dl_tensor.shape, expected, bytes) != 0 ||
        memcmp(view->dl_tensor.strides, expected + ndim, bytes) != 0) {
        char text[DLBRIDGE_TEXT_SIZE];
        CHECK_OK(dlbridge_describe(&view->dl_tensor, text, sizeof text));
        check_fail(__FILE__, line, "wrong view", text);
    }
    CHECK_OK(dlbridge_validate_managed(view));
    dlbridge_release(view);
}

static void test_slice(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(0, &released), *view = NULL;
    const dlbridge_range whole = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, 1};
    const dlbridge_range reversed = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, -1};
    dlbridge_range ranges[2];
    CHECK_OK(dlbridge_slice(base, 0, NULL, &view));
    CHECK_VIEW(view, numbers, 2, 4, 6, 6, 1);
    ranges[0].start = 1, ranges[0].stop = 3, ranges[0].step = 1;
    CHECK_OK(dlbridge_slice(base, 1, ranges, &view));
    CHECK_VIEW(view, &numbers[6], 2, 2, 6, 6, 1);
    ranges[0] = whole;
    ranges[1].start = -5, ranges[1].stop = DLBRIDGE_OPEN, ranges[1].step = 2;
    CHECK_OK(dlbridge_slice(base, 2, ranges, &view));
    CHECK_VIEW(view, &numbers[1], 2, 4, 3, 6, 2);
    ranges[0] = ranges[1] = reversed;
    CHECK_OK(dlbridge_slice(base, 2, ranges, &view));
    CHECK_VIEW(view, &numbers[23], 2, 4, 6, -6, -1);
    ranges[0].start = 2, ranges[0].stop = DLBRIDGE_OPEN, ranges[0].step = -2;
    CHECK_OK(dlbridge_slice(base, 1, ranges, &view));
    CHECK_VIEW(view, &numbers[12], 2, 2, 6, -12, 1);
    /* Past an end, and all the way over the range of the numbers. */
    ranges[0].start = -100, ranges[0].stop = INT64_MAX, ranges[0].step = INT64_MAX;
    CHECK_OK(dlbridge_slice(base, 1, ranges, &view));
    CHECK_VIEW(view, numbers, 2, 1, 6, 6, 1);
    ranges[0].start = 3, ranges[0].stop = 3, ranges[0].step = 1;
    CHECK_OK(dlbridge_slice(base, 1, ranges, &view));
    CHECK(view->dl_tensor.shape[0] == 0 && view->dl_tensor.shape[1] == 6);
    dlbridge_release(view);
    dlbridge_release(base);
    CHECK(released == 1);
}

static void test_select(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(0, &released), *row = NULL, *element = NULL;
    CHECK_OK(dlbridge_select(base, 0, -1, &row));
    CHECK_OK(dlbridge_select(row, 0, 2, &element));
    CHECK_VIEW(row, &numbers[18], 1, 6, 1);
    CHECK(element->dl_tensor.ndim == 0 && element->dl_tensor.data == &numbers[20]);
    dlbridge_release(element);
    CHECK_OK(dlbridge_select(base, 1, 5, &row));
    CHECK_VIEW(row, &numbers[5], 1, 4, 6);
    dlbridge_release(base);
    CHECK(released == 1);
}

static void test_permute(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(0, &released), *view = NULL, *back = NULL;
    const int32_t axes[] = {1, 0};
    CHECK_OK(dlbridge_permute(base, 2, axes, &view));
    CHECK_OK(dlbridge_permute(view, 2, axes, &back));
    CHECK_VIEW(view, numbers, 2, 6, 4, 1, 6);
    CHECK_VIEW(back, numbers, 2, 4, 6, 6, 1);
    dlbridge_release(base);
    CHECK(released == 1);
}

static void test_reshape(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(0, &released), *view = NULL, *turned = NULL;
    const int64_t flat[] = {-1}, deep[] = {2, 2, -1, 1, 3}, three[] = {6, 2, 2};
    const int32_t axes[] = {1, 0};
    CHECK_OK(dlbridge_reshape(base, 1, flat, &view));
    CHECK_VIEW(view, numbers, 1, 24, 1);
    CHECK_OK(dlbridge_reshape(base, 5, deep, &view));
    CHECK_VIEW(view, numbers, 5, 2, 2, 2, 1, 3, 12, 6, 3, 3, 1);
    CHECK_OK(dlbridge_permute(base, 2, axes, &turned));
    CHECK_OK(dlbridge_reshape(turned, 3, three, &view));
    CHECK_VIEW(view, numbers, 3, 6, 2, 2, 1, 12, 6);
    view = UNTOUCHED;
    CHECK_ERROR(dlbridge_reshape(turned, 1, flat, &view), DLBRIDGE_ERROR_LAYOUT, "copy");
    CHECK(view == UNTOUCHED);
    dlbridge_release(turned);
    dlbridge_release(base);
    CHECK(released == 1);
}

static void test_scalars_can_be_reshaped(void) {
    DLTensor tensor = tensor_of(numbers, 0, NULL, NULL);
    int released = 0;
    DLManagedTensorVersioned *scalar = wrap(&tensor, 0, &released), *view = NULL, *back = NULL;
    const int64_t ones[] = {1, 1};
    CHECK_OK(dlbridge_reshape(scalar, 2, ones, &view));
    CHECK_LIST(view->dl_tensor.shape, 1, 1);
    CHECK_OK(dlbridge_reshape(view, 0, NULL, &back));
    CHECK(back->dl_tensor.ndim == 0 && back->dl_tensor.data == numbers);
    dlbridge_release(scalar);
    dlbridge_release(view);
    dlbridge_release(back);
    CHECK(released == 1);
}

static void test_expand(void) {
    int64_t shape[] = {3, 1};
    DLTensor tensor = tensor_of(numbers, 2, shape, NULL);
    int released = 0;
    DLManagedTensorVersioned *base = wrap(&tensor, 0, &released), *view = NULL;
    const int64_t wide[] = {2, 3, 4}, same[] = {3, 1}, front[] = {1, 3, 1};
    CHECK_OK(dlbridge_expand(base, 3, wide, &view));
    /* A write to one element would show in others. */
    CHECK(view->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    CHECK_VIEW(view, numbers, 3, 2, 3, 4, 0, 1, 0);
    CHECK_OK(dlbridge_expand(base, 2, same, &view));
    CHECK(view->flags == 0);
    CHECK_VIEW(view, numbers, 2, 3, 1, 1, 1);
    CHECK_OK(dlbridge_expand(base, 3, front, &view));
    CHECK(view->flags == 0 && view->dl_tensor.ndim == 3);
    dlbridge_release(view);
    CHECK(base->flags == 0);
    dlbridge_release(base);
    CHECK(released == 1);
}

static void test_views_keep_the_memory(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(DLPACK_FLAG_BITMASK_READ_ONLY, &released);
    DLManagedTensorVersioned *row = NULL, *part = NULL;
    const dlbridge_range every_other = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, 2};
    CHECK_OK(dlbridge_select(base, 0, 1, &row));
    CHECK_OK(dlbridge_slice(row, 1, &every_other, &part));
    CHECK(row->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    CHECK(part->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    dlbridge_release(base);
    dlbridge_release(row);
    CHECK(released == 0 && part->dl_tensor.data == &numbers[6]);
    dlbridge_release(part);
    CHECK(released == 1);
}

static void test_refusals(void) {
    int released = 0;
    DLManagedTensorVersioned *base = table(0, &released), *out = UNTOUCHED;
    const dlbridge_range ranges[3] = {{0, 1, 1}, {0, 1, 0}, {0, 1, 1}};
    const int32_t twice[] = {0, 0}, outside[] = {0, 2}, negative[] = {0, -1}, axes[] = {1, 0};
    const int64_t five[] = {5}, unknowns[] = {-1, -1}, minus[] = {-2, -12};
    const int64_t narrow[] = {4, 3}, few[] = {6}, huge[] = {INT64_MAX, 4, 6};
    CHECK_ERROR(dlbridge_slice(base, 3, ranges, &out), DLBRIDGE_ERROR_INDEX, "3");
    CHECK_ERROR(dlbridge_slice(base, 2, ranges, &out), DLBRIDGE_ERROR_ARGUMENT, "step");
    CHECK_STATUS(dlbridge_slice(base, -1, ranges, &out), DLBRIDGE_ERROR_NDIM);
    CHECK_ERROR(dlbridge_slice(base, 1, NULL, &out), DLBRIDGE_ERROR_NULL, "ranges");
    CHECK_ERROR(dlbridge_select(base, 2, 0, &out), DLBRIDGE_ERROR_INDEX, "axis is 2");
    CHECK_ERROR(dlbridge_select(base, -1, 0, &out), DLBRIDGE_ERROR_INDEX, "axis is -1");
    CHECK_ERROR(dlbridge_select(base, 0, 4, &out), DLBRIDGE_ERROR_INDEX, "index is 4");
    CHECK_ERROR(dlbridge_select(base, 0, -5, &out), DLBRIDGE_ERROR_INDEX, "index is -5");
    CHECK_STATUS(dlbridge_permute(base, 2, twice, &out), DLBRIDGE_ERROR_INDEX);
    CHECK_STATUS(dlbridge_permute(base, 2, outside, &out), DLBRIDGE_ERROR_INDEX);
    CHECK_STATUS(dlbridge_permute(base, 2, negative, &out), DLBRIDGE_ERROR_INDEX);
    CHECK_STATUS(dlbridge_permute(base, 1, axes, &out), DLBRIDGE_ERROR_INDEX);
    CHECK_ERROR(dlbridge_permute(base, 2, NULL, &out), DLBRIDGE_ERROR_NULL, "axes");
    CHECK_ERROR(dlbridge_reshape(base, 1, five, &out), DLBRIDGE_ERROR_SHAPE, "24");
    CHECK_ERROR(dlbridge_reshape(base, 2, unknowns, &out), DLBRIDGE_ERROR_SHAPE, "-1");
    CHECK_ERROR(dlbridge_reshape(base, 2, minus, &out), DLBRIDGE_ERROR_SHAPE, "-2");
    CHECK_ERROR(dlbridge_reshape(base, 2, NULL, &out), DLBRIDGE_ERROR_NULL, "shape");
    CHECK_ERROR(dlbridge_expand(base, 2, narrow, &out), DLBRIDGE_ERROR_SHAPE, "3");
    CHECK_STATUS(dlbridge_expand(base, 1, few, &out), DLBRIDGE_ERROR_SHAPE);
    CHECK_STATUS(dlbridge_expand(base, 3, huge, &out), DLBRIDGE_ERROR_SIZE);
    CHECK(out == UNTOUCHED);
    dlbridge_release(base);
    CHECK(released == 1);
}

/* Elements of 4 bits: a view may begin only where a byte begins. */
static void test_parts_of_bytes(void) {
    int64_t shape[] = {8};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    DLManagedTensorVersioned *base, *view = UNTOUCHED;
    int released = 0;
    dlbridge_range range = {3, DLBRIDGE_OPEN, 1};
    tensor.dtype = dtype_of(kDLFloat4_e2m1fn, 4);
    base = wrap(&tensor, 0, &released);
    CHECK_ERROR(dlbridge_slice(base, 1, &range, &view), DLBRIDGE_ERROR_LAYOUT, "byte");
    CHECK_ERROR(dlbridge_select(base, 0, 1, &view), DLBRIDGE_ERROR_LAYOUT, "byte");
    CHECK(view == UNTOUCHED);
    range.start = 4;
    CHECK_OK(dlbridge_slice(base, 1, &range, &view));
    CHECK_VIEW(view, (char *)numbers + 2, 1, 4, 1);
    dlbridge_release(base);
    CHECK(released == 1);
}

int main(void) {
    test_slice();
    test_select();
    test_permute();
    test_reshape();
    test_scalars_can_be_reshaped();
    test_expand();
    test_views_keep_the_memory();
    test_refusals();
    test_parts_of_bytes();
    return 0;
}
