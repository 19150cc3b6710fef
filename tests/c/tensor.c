/* Making, sharing, importing and releasing tensors: who owns what, and when. */
#include "check.h"
#include <pthread.h>

static int32_t numbers[24];

static void check_empty(DLDataType dtype, int32_t ndim, const int64_t *shape, size_t bytes) {
    DLManagedTensorVersioned *tensor = NULL;
    int64_t stride = 1;
    int32_t axis;
    CHECK_OK(dlbridge_empty(dtype, ndim, shape, &tensor));
    CHECK(tensor->version.major == 1 && tensor->version.minor == 3);
    CHECK(tensor->flags == 0 && tensor->deleter != NULL);
    CHECK(tensor->dl_tensor.device.device_type == kDLCPU);
    CHECK(tensor->dl_tensor.device.device_id == 0);
    CHECK(memcmp(&tensor->dl_tensor.dtype, &dtype, sizeof dtype) == 0);
    CHECK(tensor->dl_tensor.ndim == ndim && tensor->dl_tensor.byte_offset == 0);
    for (axis = ndim - 1; axis >= 0; --axis) {
        CHECK(tensor->dl_tensor.shape[axis] == shape[axis]);
        CHECK(tensor->dl_tensor.strides[axis] == stride);
        stride *= shape[axis] > 0 ? shape[axis] : 1;
    }
    CHECK((uintptr_t)tensor->dl_tensor.data % DLBRIDGE_ALIGNMENT == 0);
    if (bytes > 0) {
        memset(tensor->dl_tensor.data, 0xa5, bytes);
    }
    CHECK_OK(dlbridge_validate_managed(tensor));
    dlbridge_release(tensor);
}

static void test_empty(void) {
    const int64_t shape[] = {3, 5, 7}, none[] = {3, 0, 7}, one[] = {1};
    int64_t deep[DLBRIDGE_MAX_NDIM];
    DLDataType lanes = dtype_of(kDLFloat, 32);
    int axis;
    for (axis = 0; axis < DLBRIDGE_MAX_NDIM; ++axis) {
        deep[axis] = axis < 8 ? 2 : 1;
    }
    lanes.lanes = 3;
    check_empty(dtype_of(kDLUInt, 8), 3, shape, 105);
    check_empty(dtype_of(kDLComplex, 128), 3, shape, 1680);
    check_empty(dtype_of(kDLFloat, 64), 0, NULL, 8);
    check_empty(dtype_of(kDLInt, 32), 1, one, 4);
    check_empty(dtype_of(kDLInt, 32), 3, none, 0);
    check_empty(lanes, 3, shape, 1260);
    check_empty(dtype_of(kDLBool, 8), DLBRIDGE_MAX_NDIM, deep, 256);
}

static void test_empty_refuses(void) {
    DLManagedTensorVersioned *out = UNTOUCHED;
    const DLDataType int32 = dtype_of(kDLInt, 32);
    const int64_t shape[] = {2, 3}, negative[] = {2, -3}, huge[] = {INT64_MAX, 2};
    const int64_t behind_zero[] = {0, INT64_MAX, 2}, unavailable[] = {(int64_t)1 << 60};
    CHECK_ERROR(dlbridge_empty(dtype_of(kDLInt, 4), 2, shape, &out), DLBRIDGE_ERROR_DTYPE, "int4");
    CHECK_ERROR(dlbridge_empty(dtype_of(kDLInt, 33), 2, shape, &out), DLBRIDGE_ERROR_DTYPE, "33");
    CHECK_ERROR(dlbridge_empty(int32, -1, shape, &out), DLBRIDGE_ERROR_NDIM, "-1");
    CHECK_ERROR(dlbridge_empty(int32, 65, shape, &out), DLBRIDGE_ERROR_NDIM, "65");
    CHECK_ERROR(dlbridge_empty(int32, 2, NULL, &out), DLBRIDGE_ERROR_NULL, "shape");
    CHECK_ERROR(dlbridge_empty(int32, 2, negative, &out), DLBRIDGE_ERROR_SHAPE, "-3");
    CHECK_STATUS(dlbridge_empty(int32, 2, huge, &out), DLBRIDGE_ERROR_SIZE);
    CHECK_STATUS(dlbridge_empty(int32, 3, behind_zero, &out), DLBRIDGE_ERROR_SIZE);
    CHECK_ERROR(dlbridge_empty(int32, 1, unavailable, &out), DLBRIDGE_ERROR_MEMORY, "bytes");
    CHECK(out == UNTOUCHED);
    CHECK_ERROR(dlbridge_empty(int32, 2, shape, NULL), DLBRIDGE_ERROR_NULL, "out");
}

static void test_wrap(void) {
    int64_t shape[] = {2, 3}, strides[] = {-6, 2};
    DLTensor tensor = tensor_of(numbers, 2, shape, strides);
    DLManagedTensorVersioned *wrapped;
    int released = 0;
    tensor.byte_offset = 12 * sizeof numbers[0];
    wrapped = wrap(&tensor, DLPACK_FLAG_BITMASK_READ_ONLY, &released);
    CHECK(wrapped->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    /* Many consumers forget the offset: it is in the address. */
    CHECK(wrapped->dl_tensor.data == &numbers[12] && wrapped->dl_tensor.byte_offset == 0);
    shape[0] = strides[0] = 99;
    CHECK_LIST(wrapped->dl_tensor.shape, 2, 3);
    CHECK_LIST(wrapped->dl_tensor.strides, -6, 2);
    CHECK(released == 0);
    wrapped->deleter(wrapped);
    CHECK(released == 1);
}

static void test_wrap_without_strides_or_release(void) {
    int64_t shape[] = {2, 3};
    DLTensor tensor = tensor_of(numbers, 2, shape, NULL);
    DLManagedTensorVersioned *wrapped = NULL;
    CHECK_OK(dlbridge_wrap(&tensor, 0, NULL, NULL, &wrapped));
    CHECK(wrapped->flags == 0);
    CHECK_LIST(wrapped->dl_tensor.strides, 3, 1);
    dlbridge_release(wrapped);
}

static void test_wrap_of_device_memory(void) {
    int64_t shape[] = {5};
    DLTensor tensor = tensor_of((void *)(uintptr_t)0x7000, 1, shape, NULL);
    DLManagedTensorVersioned *wrapped;
    int released = 0;
    tensor.device.device_type = kDLCUDA;
    tensor.device.device_id = 3;
    tensor.byte_offset = 16;
    wrapped = wrap(&tensor, 0, &released);
    CHECK(wrapped->dl_tensor.device.device_type == kDLCUDA);
    CHECK(wrapped->dl_tensor.device.device_id == 3);
    CHECK((uintptr_t)wrapped->dl_tensor.data == 0x7010);
    dlbridge_release(wrapped);
    /* A Metal buffer is a handle: nothing may be added to it. */
    tensor.device.device_type = kDLMetal;
    wrapped = wrap(&tensor, 0, &released);
    CHECK((uintptr_t)wrapped->dl_tensor.data == 0x7000);
    CHECK(wrapped->dl_tensor.byte_offset == 16);
    dlbridge_release(wrapped);
    CHECK(released == 2);
}

static void test_wrap_refuses(void) {
    int64_t shape[] = {2, 3};
    DLTensor tensor = tensor_of(numbers, 2, shape, NULL);
    DLManagedTensorVersioned *out = UNTOUCHED;
    int released = 0;
    CHECK_ERROR(dlbridge_wrap(&tensor, 8, &released, count_release, &out), DLBRIDGE_ERROR_FLAGS,
                "0x8");
    CHECK_ERROR(dlbridge_wrap(NULL, 0, &released, count_release, &out), DLBRIDGE_ERROR_NULL,
                "descriptor");
    CHECK_ERROR(dlbridge_wrap(&tensor, 0, &released, count_release, NULL), DLBRIDGE_ERROR_NULL,
                "out");
    tensor.data = NULL;
    CHECK_STATUS(dlbridge_wrap(&tensor, 0, &released, count_release, &out), DLBRIDGE_ERROR_DATA);
    CHECK(released == 0 && out == UNTOUCHED);
}

static void test_owners_go_in_any_order(void) {
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    int64_t shape[] = {4};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    int order;
    for (order = 0; order < COUNT(orders); ++order) {
        DLManagedTensorVersioned *owners[3];
        int released = 0, step;
        owners[0] = wrap(&tensor, 0, &released);
        CHECK_OK(dlbridge_share(owners[0], 0, &owners[1]));
        /* A share of a share has the same source. */
        CHECK_OK(dlbridge_share(owners[1], 0, &owners[2]));
        for (step = 0; step < 3; ++step) {
            DLManagedTensorVersioned *owner = owners[orders[order][step]];
            CHECK(released == 0);
            CHECK(owner->dl_tensor.data == numbers && owner->dl_tensor.shape[0] == 4);
            dlbridge_release(owner);
        }
        CHECK(released == 1);
    }
}

static void test_share(void) {
    int64_t shape[] = {4};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    int released = 0;
    DLManagedTensorVersioned *first = wrap(&tensor, 0, &released), *second = UNTOUCHED;
    CHECK_ERROR(dlbridge_share(first, DLPACK_FLAG_BITMASK_IS_COPIED, &second), DLBRIDGE_ERROR_FLAGS,
                "flags");
    CHECK_ERROR(dlbridge_share(NULL, 0, &second), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK(second == UNTOUCHED);
    CHECK_ERROR(dlbridge_share(first, 0, NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_OK(dlbridge_share(first, DLPACK_FLAG_BITMASK_READ_ONLY, &second));
    CHECK(first->flags == 0 && second->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    CHECK(first != second && first->dl_tensor.shape != second->dl_tensor.shape);
    dlbridge_release(first);
    /* What is read-only stays so. */
    CHECK_OK(dlbridge_share(second, 0, &first));
    CHECK(first->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    dlbridge_release(second);
    CHECK(released == 0);
    dlbridge_release(first);
    CHECK(released == 1);
}

static void test_the_copied_flag_goes_with_the_first_share(void) {
    int64_t shape[] = {4};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    int released = 0;
    DLManagedTensorVersioned *first = wrap(&tensor, DLPACK_FLAG_BITMASK_IS_COPIED, &released),
                             *second = NULL;
    CHECK(first->flags == DLPACK_FLAG_BITMASK_IS_COPIED);
    CHECK_OK(dlbridge_share(first, 0, &second));
    CHECK(first->flags == 0 && second->flags == 0);
    dlbridge_release(first);
    dlbridge_release(second);
    CHECK(released == 1);
}

enum { THREADS = 8, ROUNDS = 5000 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* Threads wait here until all have been made: else each ends before the next. */
static void pass_the_gate(void) {
    CHECK(pthread_mutex_lock(&gate) == 0);
    CHECK(pthread_mutex_unlock(&gate) == 0);
}

static void *share_and_release(void *context) {
    const DLManagedTensorVersioned *tensor = context;
    int round;
    pass_the_gate();
    for (round = 0; round < ROUNDS; ++round) {
        DLManagedTensorVersioned *mine = NULL, *further = NULL;
        CHECK_OK(dlbridge_share(tensor, 0, &mine));
        CHECK_OK(dlbridge_share(mine, DLPACK_FLAG_BITMASK_READ_ONLY, &further));
        dlbridge_release(mine);
        CHECK(further->dl_tensor.shape[0] == 4);
        dlbridge_release(further);
    }
    return NULL;
}

static void *release(void *context) {
    pass_the_gate();
    dlbridge_release(context);
    return NULL;
}

static void run_threads(void *(*function)(void *), DLManagedTensorVersioned *const *tensors) {
    pthread_t threads[THREADS];
    int i;
    CHECK(pthread_mutex_lock(&gate) == 0);
    for (i = 0; i < THREADS; ++i) {
        CHECK(pthread_create(&threads[i], NULL, function, tensors[i]) == 0);
    }
    CHECK(pthread_mutex_unlock(&gate) == 0);
    for (i = 0; i < THREADS; ++i) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void test_threads_share_one_tensor(void) {
    int64_t shape[] = {4};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    DLManagedTensorVersioned *same[THREADS];
    int released = 0, i;
    DLManagedTensorVersioned *shared = wrap(&tensor, 0, &released);
    for (i = 0; i < THREADS; ++i) {
        same[i] = shared;
    }
    run_threads(share_and_release, same);
    CHECK(released == 0);
    dlbridge_release(shared);
    CHECK(released == 1);
}

static void test_the_last_owner_may_be_on_any_thread(void) {
    int64_t shape[] = {4};
    DLTensor tensor = tensor_of(numbers, 1, shape, NULL);
    DLManagedTensorVersioned *owners[THREADS];
    int released = 0, i, round;
    for (round = 1; round <= 50; ++round) {
        owners[0] = wrap(&tensor, 0, &released);
        for (i = 1; i < THREADS; ++i) {
            CHECK_OK(dlbridge_share(owners[0], 0, &owners[i]));
        }
        run_threads(release, owners);
        CHECK(released == round);
    }
}

static void test_release_of_null(void) {
    dlbridge_release(NULL);
    dlbridge_release_legacy(NULL);
}

int main(void) {
    test_empty();
    test_empty_refuses();
    test_wrap();
    test_wrap_without_strides_or_release();
    test_wrap_of_device_memory();
    test_wrap_refuses();
    test_owners_go_in_any_order();
    test_share();
    test_the_copied_flag_goes_with_the_first_share();
    test_threads_share_one_tensor();
    test_the_last_owner_may_be_on_any_thread();
    test_release_of_null();
    return 0;
}
