/* Names of every device type of DLPack 1.3, both ways. */
#include "check.h"

typedef struct Type {
    DLDeviceType type;
    const char *name;
} Type;

static const Type types[] = {
    {kDLCUDA, "cuda"},       {kDLCUDAHost, "cuda_pinned"},
    {kDLOpenCL, "opencl"},   {kDLVulkan, "vulkan"},
    {kDLMetal, "metal"},     {kDLVPI, "vpi"},
    {kDLROCM, "rocm"},       {kDLROCMHost, "rocm_pinned"},
    {kDLExtDev, "ext_dev"},  {kDLOneAPI, "oneapi"},
    {kDLWebGPU, "webgpu"},   {kDLCUDAManaged, "cuda_managed"},
    {kDLHexagon, "hexagon"}, {kDLMAIA, "maia"},
    {kDLTrn, "trn"},
};

static void check_device(DLDeviceType type, int32_t index, const char *name) {
    char buffer[DLBRIDGE_NAME_SIZE];
    DLDevice device, back;
    device.device_type = type;
    device.device_id = index;
    CHECK_OK(dlbridge_device_name(device, buffer, sizeof buffer));
    CHECK(strcmp(buffer, name) == 0);
    CHECK_OK(dlbridge_device_from_name(name, &back));
    CHECK(back.device_type == type && back.device_id == index);
}

static void test_every_type(void) {
    int i;
    check_device(kDLCPU, 0, "cpu");
    for (i = 0; i < COUNT(types); ++i) {
        char name[DLBRIDGE_NAME_SIZE];
        DLDevice device;
        snprintf(name, sizeof name, "%s:0", types[i].name);
        check_device(types[i].type, 0, name);
        snprintf(name, sizeof name, "%s:2147483647", types[i].name);
        check_device(types[i].type, INT32_MAX, name);
        CHECK_OK(dlbridge_device_from_name(types[i].name, &device));
        CHECK(device.device_type == types[i].type && device.device_id == 0);
    }
}

static void test_refusals(void) {
    static const char *const names[] = {
        "",      "gpu",    "cuda:",    "cuda:-1", "cuda:+1", "cuda:x",          "CUDA:0",
        "cpu:1", "cuda 0", "cuda:0:0", "cpu0",    "cuda:1 ", "cuda:99999999999"};
    char small[4] = "abc";
    DLDevice out, cpu, unknown;
    int i;
    memset(&out, 99, sizeof out);
    cpu.device_type = kDLCPU;
    cpu.device_id = 0;
    unknown = cpu;
    unknown.device_id = -1;
    for (i = 0; i < COUNT(names); ++i) {
        CHECK_ERROR(dlbridge_device_from_name(names[i], &out), DLBRIDGE_ERROR_DEVICE, names[i]);
        CHECK_ERROR_MENTIONS("must be");
    }
    CHECK_ERROR(dlbridge_device_from_name("\xff", &out), DLBRIDGE_ERROR_ARGUMENT, "UTF-8");
    CHECK_ERROR(dlbridge_device_from_name(NULL, &out), DLBRIDGE_ERROR_NULL, "name");
    CHECK(out.device_id == 0x63636363);
    CHECK_ERROR(dlbridge_device_from_name("cpu", NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_ERROR(dlbridge_device_name(unknown, small, 4), DLBRIDGE_ERROR_DEVICE, "-1");
    CHECK_ERROR(dlbridge_device_name(cpu, small, 3), DLBRIDGE_ERROR_ARGUMENT, "4");
    CHECK_ERROR(dlbridge_device_name(cpu, NULL, 9), DLBRIDGE_ERROR_NULL, "buffer");
    CHECK(strcmp(small, "abc") == 0);
}

int main(void) {
    test_every_type();
    test_refusals();
    return 0;
}
