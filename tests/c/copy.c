/* Copies between any two layouts on the host. */
#include "check.h"

enum { MEMORY = 1 << 16, MOST_AXES = 4 };

/* A layout in a memory of its own, which begins at `first`. */
typedef struct Layout {
    int64_t shape[MOST_AXES], strides[MOST_AXES];
    unsigned char *memory, *first;
} Layout;

/* The axes in a random order, with gaps, some of them backwards. */
static void lay_out(Layout *layout, int32_t ndim, size_t item) {
    int64_t stride = 1 + random_below(3), offset = 0;
    int32_t order[MOST_AXES], i;
    random_order(order, ndim);
    for (i = 0; i < ndim; ++i) {
        const int32_t axis = order[i];
        const int64_t extent = layout->shape[axis];
        layout->strides[axis] = stride;
        if (random_below(3) == 0) {
            layout->strides[axis] = -stride;
            offset += extent > 0 ? stride * (extent - 1) : 0;
        }
        stride *= (extent > 1 ? extent : 1) + random_below(2);
    }
    layout->first = layout->memory + (size_t)offset * item;
    CHECK((size_t)stride * item <= MEMORY);
}

static unsigned char *element(const Layout *layout, int32_t ndim, const int64_t *index,
                              size_t item) {
    int64_t offset = 0;
    int32_t axis;
    for (axis = 0; axis < ndim; ++axis) {
        offset += index[axis] * layout->strides[axis];
    }
    return layout->first + offset * (int64_t)item;
}

/* The next index in C order; false after the last one. */
static bool step(int64_t *index, int32_t ndim, const int64_t *shape) {
    int32_t axis;
    for (axis = ndim - 1; axis >= 0; --axis) {
        if (++index[axis] < shape[axis]) {
            return true;
        }
        index[axis] = 0;
    }
    return false;
}

static void check_copies(Layout *source, Layout *target, unsigned char *expected, int32_t ndim,
                         DLDataType dtype, size_t item) {
    DLTensor from = tensor_of(source->first, ndim, source->shape, source->strides);
    DLTensor to = tensor_of(target->first, ndim, target->shape, target->strides);
    DLManagedTensorVersioned *copy = NULL;
    int64_t index[MOST_AXES] = {0}, count = 0;
    size_t i;
    from.dtype = to.dtype = dtype;
    for (i = 0; i < MEMORY; ++i) {
        source->memory[i] = (unsigned char)random_below(256);
        target->memory[i] = expected[i] = (unsigned char)random_below(256);
    }
    CHECK_OK(dlbridge_copy_into(&from, &to));
    CHECK_OK(dlbridge_copy(&from, &copy));
    CHECK_OK(dlbridge_element_count(&from, &count));
    for (i = 0; i < (size_t)count; ++i) {
        const unsigned char *wanted = element(source, ndim, index, item);
        const ptrdiff_t place = element(target, ndim, index, item) - target->memory;
        memcpy(expected + place, wanted, item);
        CHECK(memcmp((unsigned char *)copy->dl_tensor.data + i * item, wanted, item) == 0);
        CHECK(step(index, ndim, source->shape) == (i + 1 < (size_t)count));
    }
    /* The elements have arrived, and no byte beside them was written. */
    CHECK(memcmp(target->memory, expected, MEMORY) == 0);
    CHECK(copy->flags == DLPACK_FLAG_BITMASK_IS_COPIED);
    dlbridge_release(copy);
}

/* Against a copy of one element after the other. */
static void test_any_layout_to_any_other(void) {
    static const uint8_t bits[] = {8, 16, 32, 64, 128, 32};
    static const uint16_t lanes[] = {1, 1, 1, 1, 1, 3};
    Layout source, target;
    unsigned char *expected = malloc(MEMORY);
    int round;
    source.memory = malloc(MEMORY);
    target.memory = malloc(MEMORY);
    for (round = 0; round < 300; ++round) {
        const uint32_t kind = random_below(COUNT(bits));
        const int32_t ndim = (int32_t)random_below(MOST_AXES + 1);
        DLDataType dtype = dtype_of(bits[kind] == 128 ? kDLComplex : kDLUInt, bits[kind]);
        const size_t item = (size_t)bits[kind] / 8 * lanes[kind];
        int32_t axis;
        dtype.lanes = lanes[kind];
        for (axis = 0; axis < ndim; ++axis) {
            const uint32_t extent = random_below(12);
            source.shape[axis] = extent < 2 ? extent : random_below(5) + 1;
            target.shape[axis] = source.shape[axis];
        }
        lay_out(&source, ndim, item);
        lay_out(&target, ndim, item);
        check_copies(&source, &target, expected, ndim, dtype, item);
    }
    free(source.memory);
    free(target.memory);
    free(expected);
}

static void test_copy_of_a_broadcast(void) {
    int32_t row[] = {1, 2, 3};
    int64_t shape[] = {2, 3}, strides[] = {0, 1};
    DLTensor tensor = tensor_of(row, 2, shape, strides);
    DLManagedTensorVersioned *copy = NULL;
    static const int32_t expected[] = {1, 2, 3, 1, 2, 3};
    CHECK_OK(dlbridge_copy(&tensor, &copy));
    CHECK(memcmp(copy->dl_tensor.data, expected, sizeof expected) == 0);
    CHECK((uintptr_t)copy->dl_tensor.data % DLBRIDGE_ALIGNMENT == 0);
    CHECK_LIST(copy->dl_tensor.strides, 3, 1);
    CHECK_OK(dlbridge_validate_managed(copy));
    dlbridge_release(copy);
}

static void test_misaligned(void) {
    char memory[32] = {0};
    int64_t shape[] = {3}, strides[] = {-1};
    const int32_t values[] = {7, 8, 9};
    DLTensor tensor = tensor_of(memory, 1, shape, strides);
    DLManagedTensorVersioned *copy = NULL;
    static const int32_t expected[] = {9, 8, 7};
    memcpy(memory + 1, values, sizeof values);
    tensor.byte_offset = 9;
    CHECK_OK(dlbridge_copy(&tensor, &copy));
    CHECK(memcmp(copy->dl_tensor.data, expected, sizeof expected) == 0);
    dlbridge_release(copy);
}

static void test_overlap(void) {
    int32_t numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    int32_t before[12];
    int64_t four[] = {4}, backwards[] = {-1}, square[] = {2, 2}, rows[] = {2, 1};
    int64_t columns[] = {1, 2}, repeated[] = {0, 1}, entangled[] = {1, 1};
    DLTensor first = tensor_of(numbers, 1, four, NULL);
    DLTensor next = tensor_of(numbers + 3, 1, four, NULL);
    DLTensor reversed = tensor_of(numbers + 3, 1, four, backwards);
    DLTensor apart = tensor_of(numbers + 4, 1, four, NULL);
    DLTensor matrix = tensor_of(numbers, 2, square, rows);
    DLTensor transposed = tensor_of(numbers, 2, square, columns);
    DLTensor source = tensor_of(numbers + 8, 2, square, rows);
    DLTensor target = tensor_of(numbers, 2, square, repeated);
    memcpy(before, numbers, sizeof numbers);
    CHECK_ERROR(dlbridge_copy_into(&first, &next), DLBRIDGE_ERROR_OVERLAP, "share memory");
    CHECK_STATUS(dlbridge_copy_into(&next, &first), DLBRIDGE_ERROR_OVERLAP);
    CHECK_STATUS(dlbridge_copy_into(&first, &reversed), DLBRIDGE_ERROR_OVERLAP);
    CHECK_STATUS(dlbridge_copy_into(&matrix, &transposed), DLBRIDGE_ERROR_OVERLAP);
    /* The target reaches an element twice. */
    CHECK_ERROR(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_OVERLAP, "one");
    target.strides = entangled;
    CHECK_STATUS(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_OVERLAP);
    /* The same elements: nothing to do. */
    CHECK_OK(dlbridge_copy_into(&first, &first));
    CHECK_OK(dlbridge_copy_into(&transposed, &transposed));
    CHECK(memcmp(numbers, before, sizeof numbers) == 0);
    /* Neighbours do not overlap. */
    CHECK_OK(dlbridge_copy_into(&first, &apart));
    CHECK(memcmp(numbers + 4, before, 4 * sizeof numbers[0]) == 0);
}

static void test_refusals(void) {
    int32_t numbers[6] = {1, 2, 3, 4, 5, 6}, others[6] = {0};
    int64_t shape[] = {2, 3}, turned[] = {3, 2};
    DLTensor source = tensor_of(numbers, 2, shape, NULL);
    DLTensor target = tensor_of(others, 2, turned, NULL);
    DLManagedTensorVersioned *out = UNTOUCHED;
    CHECK_ERROR(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_SHAPE, "[3, 2]");
    CHECK_ERROR_MENTIONS("[2, 3]");
    target.shape = shape;
    target.dtype = dtype_of(kDLFloat, 32);
    CHECK_ERROR(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_DTYPE, "float32");
    CHECK_ERROR_MENTIONS("int32");
    source.device.device_type = kDLCUDA;
    CHECK_ERROR(dlbridge_copy_into(&target, &source), DLBRIDGE_ERROR_DEVICE, "cuda:0");
    CHECK_ERROR(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_DEVICE, "cuda:0");
    CHECK_ERROR(dlbridge_copy(&source, &out), DLBRIDGE_ERROR_DEVICE, "cuda:0");
    source.device.device_type = kDLCPU;
    source.dtype = target.dtype = dtype_of(kDLFloat4_e2m1fn, 4);
    CHECK_ERROR(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_DTYPE, "float4_e2m1fn");
    CHECK_ERROR(dlbridge_copy(&source, &out), DLBRIDGE_ERROR_DTYPE, "float4_e2m1fn");
    target.ndim = -1;
    CHECK_STATUS(dlbridge_copy_into(&source, &target), DLBRIDGE_ERROR_NDIM);
    CHECK_STATUS(dlbridge_copy(&target, &out), DLBRIDGE_ERROR_NDIM);
    CHECK_ERROR(dlbridge_copy_into(NULL, &target), DLBRIDGE_ERROR_NULL, "source");
    CHECK_ERROR(dlbridge_copy_into(&source, NULL), DLBRIDGE_ERROR_NULL, "target");
    CHECK(out == UNTOUCHED && others[0] == 0 && others[5] == 0);
}

/* Pinned and managed memory is memory of the host too. */
static void test_host_memory_of_other_devices(void) {
    static const DLDeviceType types[] = {kDLCUDAHost, kDLROCMHost, kDLCUDAManaged};
    int32_t numbers[] = {1, 2, 3};
    int64_t shape[] = {3};
    int i;
    for (i = 0; i < COUNT(types); ++i) {
        DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
        DLManagedTensorVersioned *copy = NULL;
        tensor.device.device_type = types[i];
        CHECK_OK(dlbridge_copy(&tensor, &copy));
        CHECK(memcmp(copy->dl_tensor.data, numbers, sizeof numbers) == 0);
        CHECK(copy->dl_tensor.device.device_type == kDLCPU);
        dlbridge_release(copy);
    }
}

int main(void) {
    test_any_layout_to_any_other();
    test_copy_of_a_broadcast();
    test_misaligned();
    test_overlap();
    test_refusals();
    test_host_memory_of_other_devices();
    return 0;
}
