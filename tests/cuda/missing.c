/* Without a CUDA driver that works: each function says so, with the reason that the
 * program's argument is, and all else works. */
#include "check.h"

static const char *reason;

#define CHECK_MISSING(call)                                                                        \
    do {                                                                                           \
        CHECK_ERROR(call, DLBRIDGE_ERROR_NO_CUDA, "no CUDA driver: ");                             \
        CHECK_ERROR_MENTIONS(reason);                                                              \
    } while (0)

static void test_cuda(void) {
    const DLDevice gpu = {kDLCUDA, 0}, pinned = {kDLCUDAHost, 0}, cpu = {kDLCPU, 0};
    int64_t shape = 4;
    int numbers[4] = {0};
    DLTensor host = tensor_of(numbers, 1, &shape, NULL), device = host;
    DLManagedTensorVersioned *out = UNTOUCHED;
    DLDevice found = gpu;
    int32_t count = 77;
    device.device.device_type = kDLCUDA;
    device.data = (void *)0x1000;
    CHECK_MISSING(dlbridge_cuda_device_count(&count));
    CHECK_MISSING(dlbridge_cuda_empty(dtype_of(kDLInt, 8), 1, &shape, gpu, NULL, &out));
    CHECK_MISSING(dlbridge_cuda_empty(dtype_of(kDLInt, 8), 1, &shape, pinned, NULL, &out));
    CHECK_MISSING(dlbridge_cuda_pointer_device(numbers, &found));
    CHECK_MISSING(dlbridge_cuda_check(&device));
    CHECK_MISSING(dlbridge_cuda_check(&host));
    CHECK_MISSING(dlbridge_cuda_copy(&host, gpu, NULL, &out));
    CHECK_MISSING(dlbridge_cuda_copy(&device, cpu, NULL, &out));
    CHECK_MISSING(dlbridge_cuda_copy_into(&host, &device, NULL));
    CHECK_MISSING(dlbridge_stream_wait(NULL, (void *)2, gpu));
    CHECK_MISSING(dlbridge_cuda_synchronize(NULL, gpu));
    CHECK(out == UNTOUCHED && count == 77 && found.device_type == kDLCUDA);
}

/* Tensors on each kind of device go through without a runtime. */
static void test_descriptors_pass(void) {
    int type, shared = 0;
    for (type = kDLCPU; type <= kDLTrn; ++type) {
        int64_t shape[] = {2, 3}, strides[] = {1, 2};
        DLTensor tensor = tensor_of((void *)0x1000, 2, shape, strides);
        DLManagedTensorVersioned *out = NULL, *share = NULL;
        DLManagedTensor *legacy = NULL;
        int count = 0;
        tensor.device.device_type = (DLDeviceType)type;
        tensor.device.device_id = type == kDLCPU ? 0 : 3;
        tensor.byte_offset = 8;
        if (dlbridge_validate(&tensor) == DLBRIDGE_ERROR_DEVICE) {
            continue; /* a number without a device */
        }
        out = wrap(&tensor, 0, &count);
        CHECK_OK(dlbridge_share(out, 0, &share));
        CHECK_OK(dlbridge_export_legacy(out, &legacy));
        CHECK(legacy->dl_tensor.device.device_type == tensor.device.device_type);
        CHECK(legacy->dl_tensor.device.device_id == tensor.device.device_id);
        CHECK((char *)legacy->dl_tensor.data + legacy->dl_tensor.byte_offset == (char *)0x1008);
        CHECK_LIST(legacy->dl_tensor.strides, 1, 2);
        dlbridge_release_legacy(legacy);
        dlbridge_release(share);
        CHECK(count == 1);
        ++shared;
    }
    CHECK(shared == 16);
}

/* What would need another runtime is refused by its name. */
static void test_other_runtimes(void) {
    static const DLDeviceType types[] = {kDLROCM, kDLMetal, kDLOneAPI, kDLVulkan, kDLHexagon};
    static const char *const names[] = {"rocm", "metal", "oneapi", "vulkan", "hexagon"};
    int i;
    for (i = 0; i < COUNT(types); ++i) {
        int64_t shape = 4;
        DLTensor there = tensor_of((void *)0x1000, 1, &shape, NULL), here = there;
        DLManagedTensorVersioned *out = UNTOUCHED;
        there.device.device_type = types[i];
        CHECK_ERROR(dlbridge_cuda_check(&there), DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR(dlbridge_cuda_copy_into(&there, &here, NULL), DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR(dlbridge_cuda_copy_into(&here, &there, NULL), DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR(dlbridge_cuda_copy(&here, there.device, NULL, &out), DLBRIDGE_ERROR_DEVICE,
                    names[i]);
        CHECK_ERROR(dlbridge_copy(&there, &out), DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR(dlbridge_cuda_empty(there.dtype, 1, &shape, there.device, NULL, &out),
                    DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR_MENTIONS("runtime of ");
        CHECK(out == UNTOUCHED);
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    reason = arguments[1];
    test_cuda();
    test_descriptors_pass();
    test_other_runtimes();
    return 0;
}
