/* An image to a GPU on one stream, and back to pinned memory on another. The streams
 * here are those that always exist; yours are CUstream or cudaStream_t. */
#include <dlbridge/dlbridge.h>
#include <stdio.h>

static int failed(void) {
    fprintf(stderr, "%s\n", dlbridge_last_error());
    return 1;
}

int main(void) {
    void *upload = (void *)2, *work = (void *)1; /* this thread's, and the legacy stream */
    const DLDevice gpu = {kDLCUDA, 0}, pinned = {kDLCUDAHost, 0};
    float pixels[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int64_t shape[2] = {3, 2}, transposed[2] = {1, 3};
    DLTensor picture = {pixels, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, transposed, 0};
    DLManagedTensorVersioned *there, *back;

    int32_t count;
    if (dlbridge_cuda_device_count(&count))
        return failed(); /* says why there is no GPU */

    /* In any layout; the host goes on at once. */
    if (dlbridge_cuda_copy(&picture, gpu, upload, &there))
        return failed();
    /* The GPU waits, not the host. Kernels on `work` may use the copy from here on. */
    if (dlbridge_stream_wait(work, upload, gpu) ||
        dlbridge_cuda_copy(&there->dl_tensor, pinned, work, &back))
        return failed();
    /* The memory goes in the order of its stream, which must wait for its last user. */
    if (dlbridge_stream_wait(upload, work, gpu))
        return failed();
    dlbridge_release(there);

    if (dlbridge_cuda_synchronize(work, gpu))
        return failed();
    const float *numbers = back->dl_tensor.data;
    printf("pixels[1][0], transposed on a GPU, is %g\n", numbers[1]);
    dlbridge_release(back);
    return 0;
}
