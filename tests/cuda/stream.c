/* The order of streams, and captures, on the fake driver. */
#include "cuda.h"

static const DLDevice cpu = {kDLCPU, 0}, gpu = {kDLCUDA, 0}, second_gpu = {kDLCUDA, 1};
static const DLDevice pinned = {kDLCUDAHost, 0};
static void *const legacy = (void *)1, *const per_thread = (void *)2;

static DLManagedTensorVersioned *zeros_and(int first, DLDevice device, void *stream) {
    int64_t shape = 8;
    DLManagedTensorVersioned *out = NULL;
    CHECK_OK(dlbridge_cuda_empty(dtype_of(kDLInt, 32), 1, &shape, device, stream, &out));
    if (device.device_type != kDLCUDA) {
        int *numbers = out->dl_tensor.data;
        memset(numbers, 0, 8 * sizeof *numbers);
        numbers[0] = first;
    }
    return out;
}

static int first_of(const DLManagedTensorVersioned *pinned_tensor) {
    const int *numbers = pinned_tensor->dl_tensor.data;
    return numbers[0];
}

static void copy(const DLManagedTensorVersioned *source, DLManagedTensorVersioned *target,
                 void *stream) {
    CHECK_OK(dlbridge_cuda_copy_into(&source->dl_tensor, &target->dl_tensor, stream));
}

/* A producer writes on one stream, a consumer reads on another. What the consumer sees
 * without a wait is what makes this test one. */
static int see(bool waits, void *producer, void *consumer, DLDevice device) {
    DLManagedTensorVersioned *source = zeros_and(7, pinned, NULL);
    DLManagedTensorVersioned *result = zeros_and(0, pinned, NULL);
    DLManagedTensorVersioned *shared = zeros_and(0, device, producer);
    int seen;
    CHECK_OK(dlbridge_cuda_synchronize(producer, device)); /* the memory is there for all */
    copy(source, shared, producer);
    if (waits) {
        CHECK_OK(dlbridge_stream_wait(consumer, producer, device));
    }
    copy(shared, result, consumer);
    CHECK(first_of(result) == 0); /* nothing has waited for the GPU */
    CHECK_OK(dlbridge_cuda_synchronize(consumer, device));
    seen = first_of(result);
    CHECK_OK(dlbridge_stream_wait(producer, consumer, device));
    dlbridge_release(shared);
    dlbridge_release(source);
    dlbridge_release(result);
    return seen;
}

static void test_a_wait_orders(void) {
    void *a = fake_stream(0, 0), *b = fake_stream(0, 0), *blocking = fake_stream(0, 1);
    CHECK(see(true, a, b, gpu) == 7 && see(false, a, b, gpu) != 7);
    CHECK(see(true, a, legacy, gpu) == 7 && see(false, a, legacy, gpu) != 7);
    CHECK(see(true, per_thread, a, gpu) == 7 && see(false, per_thread, a, gpu) != 7);
    CHECK(see(true, NULL, a, gpu) == 7 && see(false, NULL, a, gpu) != 7);
    /* These wait by themselves. */
    CHECK(see(false, blocking, legacy, gpu) == 7 && see(false, NULL, per_thread, gpu) == 7);
    a = fake_stream(1, 0);
    CHECK(see(true, a, legacy, second_gpu) == 7 && see(false, a, legacy, second_gpu) != 7);
    fake_log();
}

static void test_calls_of_a_wait(void) {
    CHECK_OK(dlbridge_stream_wait(per_thread, legacy, gpu));
    CHECK_LOG("record legacy0\nwait thread0\n"); /* the event was there already */
    CHECK_OK(dlbridge_stream_wait(NULL, per_thread, second_gpu));
    CHECK_OK(dlbridge_stream_wait(NULL, per_thread, second_gpu));
    CHECK_LOG("record thread1\nwait legacy1\nrecord thread1\nwait legacy1\n");
    /* The same stream. */
    CHECK_OK(dlbridge_stream_wait(NULL, legacy, gpu));
    CHECK_OK(dlbridge_stream_wait(per_thread, per_thread, gpu));
    CHECK_OK(dlbridge_stream_wait(NULL, NULL, cpu));
    CHECK_LOG("");
}

/* Of two GPUs, and of a context that is not primary. */
static void test_wait_across(void) {
    void *context = fake_context(1), *other = NULL, *now;
    void *far_stream = fake_stream(1, 0), *near_stream = fake_stream(0, 0);
    DLManagedTensorVersioned *out = UNTOUCHED;
    const char *log;
    CHECK_OK(dlbridge_stream_wait(near_stream, far_stream, gpu));
    log = fake_log();
    CHECK(strncmp(log, "create event\nrecord s", 21) == 0 && strstr(log, "\ndestroy event\n"));
    cuCtxPushCurrent_v2(context);
    CHECK(cuStreamCreate(&other, 1) == 0);
    cuCtxPopCurrent_v2(&now);
    CHECK_OK(dlbridge_stream_wait(legacy, other, gpu));
    CHECK_LOG("create event\nrecord stream1\nwait legacy0\ndestroy event\n");
    /* Memory comes from primary contexts, and the kernels are there. */
    CHECK_ERROR(dlbridge_cuda_empty(dtype_of(kDLInt, 8), 0, NULL, second_gpu, other, &out),
                DLBRIDGE_ERROR_ARGUMENT, "context of its own on cuda:1");
    CHECK(cuCtxGetCurrent(&now) == 0 && now == NULL);
}

static void test_refusals(void) {
    const DLDevice others[] = {{kDLROCM, 0},   {kDLROCMHost, 0}, {kDLMetal, 0}, {kDLOneAPI, 0},
                               {kDLVulkan, 0}, {kDLOpenCL, 0},   {kDLTrn, 0}};
    int i;
    for (i = 0; i < COUNT(others); ++i) {
        char name[DLBRIDGE_NAME_SIZE];
        CHECK_OK(dlbridge_device_name(others[i], name, sizeof name));
        CHECK_ERROR(dlbridge_stream_wait(NULL, NULL, others[i]), DLBRIDGE_ERROR_DEVICE, name);
        CHECK_ERROR(dlbridge_cuda_synchronize(NULL, others[i]), DLBRIDGE_ERROR_DEVICE, name);
    }
    CHECK_ERROR(dlbridge_stream_wait(legacy, NULL, cpu), DLBRIDGE_ERROR_ARGUMENT, "must be NULL");
    CHECK_STATUS(dlbridge_cuda_synchronize(NULL, cpu), DLBRIDGE_ERROR_DEVICE);
    CHECK_STATUS(dlbridge_stream_wait(&i, NULL, gpu), DLBRIDGE_ERROR_CUDA);
    fake_fail("cuEventRecord", 999);
    CHECK_ERROR(dlbridge_stream_wait(per_thread, NULL, gpu), DLBRIDGE_ERROR_CUDA, "cuEventRecord");
    fake_fail("cuEventRecord", 0);
    /* An event with which a call failed is not used again. */
    CHECK_LOG("record legacy0\ndestroy event\ncreate event\ndestroy event\n");
}

/* Everything on the way of an exchange works while a stream is captured. */
static void test_capture(void) {
    void *stream = fake_stream(0, 0), *joined = fake_stream(0, 0);
    DLManagedTensorVersioned *before = zeros_and(0, gpu, stream), *inside, *host, *copied = NULL;
    int64_t turned_shape[] = {2, 4}, turned[] = {1, 2}, gaps[] = {8, 2};
    int scattered[16];
    DLTensor view = before->dl_tensor, strided = tensor_of(scattered, 2, turned_shape, gaps);
    view.ndim = 2;
    view.shape = turned_shape;
    view.strides = turned;

    fake_capture(stream, 1);
    CHECK_OK(dlbridge_stream_wait(joined, stream, gpu));
    CHECK_OK(dlbridge_stream_wait(stream, joined, gpu));
    host = zeros_and(1, pinned, stream); /* no part of the capture */
    inside = zeros_and(0, gpu, stream);
    copy(host, inside, stream);
    CHECK_OK(dlbridge_cuda_copy(&view, gpu, stream, &copied));
    dlbridge_release(copied);
    fake_log();
    dlbridge_release(inside); /* part of the graph, as its memory is */
    CHECK(strncmp(fake_log(), "free 32 s", 9) == 0);
    dlbridge_release(host);
    /* Memory from before the capture must not become part of the graph. */
    fake_log();
    dlbridge_release(before);
    CHECK_LOG("");
    CHECK(!fake_spoiled());
    /* What the host packs once would be copied at each launch. */
    CHECK_ERROR(dlbridge_cuda_copy(&strided, gpu, stream, &copied), DLBRIDGE_ERROR_LAYOUT,
                "captured");
    CHECK(!fake_spoiled());
    fake_capture(stream, 0);

    /* Now it goes. */
    fake_log();
    dlbridge_release(zeros_and(0, gpu, NULL));
    CHECK(strncmp(fake_log(), "free 32 s", 9) == 0);
}

/* The legacy stream would wait for a blocking stream that is captured. */
static void test_release_beside_a_capture(void) {
    void *blocking = fake_stream(0, 1);
    DLManagedTensorVersioned *tensor = zeros_and(0, gpu, NULL);
    fake_log();
    fake_capture(blocking, 1);
    dlbridge_release(tensor);
    CHECK_LOG("");
    CHECK(!fake_spoiled());
    fake_capture(blocking, 0);
    dlbridge_release(zeros_and(0, gpu, NULL));
    CHECK_LOG("free 32 legacy0\nallocate 32 legacy0\nfree 32 legacy0\n");
}

int main(void) {
    test_a_wait_orders();
    test_calls_of_a_wait();
    test_wait_across();
    test_refusals();
    test_capture();
    test_release_beside_a_capture();
    CHECK(fake_allocations() == 0);
    return 0;
}
