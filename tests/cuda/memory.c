/* Allocating, asking what a pointer is, and releasing, on the fake driver. */
#include "cuda.h"

#include <pthread.h>

static const DLDevice gpu = {kDLCUDA, 0}, second_gpu = {kDLCUDA, 1};
static const DLDevice pinned = {kDLCUDAHost, 0}, managed = {kDLCUDAManaged, 0};

static DLManagedTensorVersioned *empty(DLDevice device, void *stream) {
    int64_t shape[] = {2, 3};
    DLManagedTensorVersioned *out = NULL;
    CHECK_OK(dlbridge_cuda_empty(dtype_of(kDLFloat, 32), 2, shape, device, stream, &out));
    return out;
}

/* Questions make no context, which would take memory of the GPU. */
static void test_questions(void) {
    int32_t count = 0;
    DLDevice found;
    CHECK_OK(dlbridge_cuda_pointer_device(&count, &found));
    CHECK(found.device_type == kDLCPU);
    CHECK_OK(dlbridge_cuda_device_count(&count));
    CHECK(count == 2);
    CHECK_ERROR(dlbridge_cuda_device_count(NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_LOG("");
}

static void check_place(DLDevice asked, DLDevice got) {
    DLManagedTensorVersioned *tensor = empty(asked, NULL);
    const DLTensor *view = &tensor->dl_tensor;
    DLDevice found;
    CHECK(view->device.device_type == got.device_type && view->device.device_id == got.device_id);
    CHECK_LIST(view->shape, 2, 3);
    CHECK_LIST(view->strides, 3, 1);
    CHECK(view->byte_offset == 0 && tensor->flags == 0);
    CHECK_OK(dlbridge_cuda_pointer_device(view->data, &found));
    CHECK(found.device_type == got.device_type && found.device_id == got.device_id);
    CHECK_OK(dlbridge_cuda_check(view));
    dlbridge_release(tensor);
}

static void test_every_place(void) {
    const DLDevice pinned_1 = {kDLCUDAHost, 1}, managed_1 = {kDLCUDAManaged, 1};
    check_place(gpu, gpu);
    CHECK_LOG("retain 0\nallocate 24 legacy0\nfree 24 legacy0\n");
    check_place(second_gpu, second_gpu);
    CHECK_LOG("retain 1\nallocate 24 legacy1\nfree 24 legacy1\n");
    check_place(pinned, pinned);
    check_place(pinned_1, pinned);
    CHECK_LOG("allocate pinned 24\nfree pinned\nallocate pinned 24\nfree pinned\n");
    check_place(managed, managed);
    check_place(managed_1, managed);
    CHECK_LOG("allocate managed 24\nfree managed\nallocate managed 24\nfree managed\n");
}

/* Memory goes back in the order of its stream, after the last owner. */
static void test_owners(void) {
    void *stream = fake_stream(1, 0);
    DLManagedTensorVersioned *tensor = empty(second_gpu, stream), *row = NULL;
    char *data = tensor->dl_tensor.data;
    CHECK_OK(dlbridge_select(tensor, 0, 1, &row));
    CHECK((char *)row->dl_tensor.data == data + 12);
    dlbridge_release(tensor);
    CHECK(strncmp(fake_log(), "allocate 24 s", 13) == 0);
    dlbridge_release(row);
    CHECK(strncmp(fake_log(), "free 24 s", 9) == 0);
}

static void *release_tensor(void *tensor) {
    dlbridge_release(tensor);
    return NULL;
}

/* On another thread, 2 would be another stream. */
static void test_release_on_another_thread(void) {
    pthread_t thread;
    DLManagedTensorVersioned *tensor = empty(gpu, (void *)2);
    pthread_create(&thread, NULL, release_tensor, tensor);
    pthread_join(thread, NULL);
    CHECK_LOG("allocate 24 thread0\nfree 24 legacy0\n");
}

static void test_current_context(void) {
    void *mine, *now;
    DLManagedTensorVersioned *tensor;
    DLManagedTensorVersioned *out = UNTOUCHED;
    int64_t shape = 5;
    CHECK(cuDevicePrimaryCtxRetain(&mine, 1) == 0 && cuCtxPushCurrent_v2(mine) == 0);
    tensor = empty(gpu, NULL);
    CHECK(cuCtxGetCurrent(&now) == 0 && now == mine);
    dlbridge_release(tensor);
    CHECK(cuCtxGetCurrent(&now) == 0 && now == mine);
    fake_fail("cuMemAllocAsync", 2);
    CHECK_ERROR(dlbridge_cuda_empty(dtype_of(kDLInt, 8), 1, &shape, gpu, NULL, &out),
                DLBRIDGE_ERROR_MEMORY,
                "cuMemAllocAsync: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory");
    fake_fail("cuMemAllocAsync", 0);
    CHECK(out == UNTOUCHED && cuCtxGetCurrent(&now) == 0 && now == mine);
    CHECK(cuCtxPopCurrent_v2(&now) == 0 && now == mine);
    CHECK(cuCtxGetCurrent(&now) == 0 && now == NULL);
    fake_log();
}

static void test_errors(void) {
    int64_t shape[] = {2, -3};
    const DLDevice third = {kDLCUDA, 2}, rocm = {kDLROCM, 0};
    const DLDataType f32 = dtype_of(kDLFloat, 32);
    DLManagedTensorVersioned *out = UNTOUCHED;
    CHECK_ERROR(dlbridge_cuda_empty(f32, 2, shape, gpu, NULL, &out), DLBRIDGE_ERROR_SHAPE, "-3");
    CHECK_ERROR(dlbridge_cuda_empty(f32, 1, shape, third, NULL, &out), DLBRIDGE_ERROR_DEVICE,
                "cuda:2; there are 2");
    CHECK_ERROR(dlbridge_cuda_empty(f32, 1, shape, rocm, NULL, &out), DLBRIDGE_ERROR_DEVICE,
                "rocm:0");
    CHECK_ERROR(dlbridge_cuda_empty(dtype_of(kDLFloat4_e2m1fn, 4), 1, shape, gpu, NULL, &out),
                DLBRIDGE_ERROR_DTYPE, "float4");
    CHECK_ERROR(dlbridge_cuda_empty(f32, 1, shape, gpu, fake_stream(1, 0), &out),
                DLBRIDGE_ERROR_DEVICE, "stream belongs to cuda:1");
    fake_fail("cuMemAllocAsync", 999);
    CHECK_ERROR(dlbridge_cuda_empty(f32, 1, shape, gpu, NULL, &out), DLBRIDGE_ERROR_CUDA,
                "cuMemAllocAsync: CUDA_ERROR_UNKNOWN (999), the fake driver's text");
    fake_fail("cuMemAllocAsync", 12345);
    CHECK_ERROR(dlbridge_cuda_empty(f32, 1, shape, gpu, NULL, &out), DLBRIDGE_ERROR_CUDA, "12345");
    fake_fail("cuMemAllocAsync", 0);
    CHECK(out == UNTOUCHED);
    CHECK_LOG("");
}

/* Nothing to allocate, and nothing to free. */
static void test_no_elements(void) {
    int64_t shape[] = {0, 3};
    DLManagedTensorVersioned *out = NULL;
    CHECK_OK(dlbridge_cuda_empty(dtype_of(kDLInt, 8), 2, shape, gpu, NULL, &out));
    CHECK(out->dl_tensor.data == NULL);
    CHECK_OK(dlbridge_cuda_check(&out->dl_tensor));
    dlbridge_release(out);
    CHECK_LOG("");
}

/* When the process ends, the driver may be gone before the last owner. */
static void test_the_driver_is_gone(void) {
    DLManagedTensorVersioned *tensor = empty(gpu, NULL), *other = empty(pinned, NULL);
    DLManagedTensorVersioned *third = empty(managed, NULL);
    fake_shut_down();
    dlbridge_release(tensor);
    dlbridge_release(other);
    dlbridge_release(third);
    CHECK_ERROR(dlbridge_cuda_synchronize(NULL, gpu), DLBRIDGE_ERROR_CUDA, "(4)");
}

static void test_pointers(void) {
    int64_t shape = 6, back = -1;
    int on_the_host = 0;
    DLManagedTensorVersioned *on_gpu = empty(gpu, NULL), *on_host = empty(pinned, NULL);
    DLManagedTensorVersioned *everywhere = empty(managed, NULL);
    DLTensor claim = on_gpu->dl_tensor;
    DLDevice found = {kDLTrn, 9};
    CHECK_OK(dlbridge_cuda_pointer_device(&on_the_host, &found));
    CHECK(found.device_type == kDLCPU && found.device_id == 0);
    CHECK_OK(dlbridge_cuda_pointer_device(NULL, &found));
    CHECK(found.device_type == kDLCPU);
    CHECK_ERROR(dlbridge_cuda_pointer_device(&found, NULL), DLBRIDGE_ERROR_NULL, "out");

    /* Wrong claims: another GPU, the host, and elements beyond the memory. */
    claim.device = second_gpu;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "is on cuda:0");
    CHECK_ERROR_MENTIONS("on cuda:1");
    claim.device.device_type = kDLCPU;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "is on cuda:0");
    claim.device = gpu;
    claim.ndim = 1;
    claim.shape = &shape;
    claim.strides = &back;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "is on cpu");
    claim.byte_offset = 20;
    CHECK_OK(dlbridge_cuda_check(&claim));
    claim.strides = NULL;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "is on cpu");
    claim.device.device_type = kDLROCM;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "rocm");

    /* Pinned memory is memory of the host, managed memory is that of all. */
    claim = on_host->dl_tensor;
    claim.device.device_type = kDLCPU;
    CHECK_OK(dlbridge_cuda_check(&claim));
    claim.device = gpu;
    CHECK_ERROR(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE, "is on cuda_pinned:0");
    claim = everywhere->dl_tensor;
    claim.device.device_type = kDLCPU;
    CHECK_OK(dlbridge_cuda_check(&claim));
    claim.device = second_gpu;
    CHECK_OK(dlbridge_cuda_check(&claim));
    claim = on_gpu->dl_tensor;
    claim.device = managed;
    CHECK_STATUS(dlbridge_cuda_check(&claim), DLBRIDGE_ERROR_DEVICE);
    CHECK_ERROR(dlbridge_cuda_check(NULL), DLBRIDGE_ERROR_NULL, "tensor");
    dlbridge_release(on_gpu);
    dlbridge_release(on_host);
    dlbridge_release(everywhere);
}

int main(void) {
    test_questions();
    test_every_place();
    test_owners();
    test_release_on_another_thread();
    test_current_context();
    test_errors();
    test_no_elements();
    test_pointers();
    CHECK(fake_allocations() == 0);
    test_the_driver_is_gone();
    return 0;
}
