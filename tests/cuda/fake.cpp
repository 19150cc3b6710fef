/* A CUDA driver without a GPU: the functions that dlbridge uses, as libcuda.so.1.
 *
 * Memory of a GPU is memory of the host at an address that the host cannot use. Each
 * stream has a queue, and what is in it is done as late as possible: when somebody
 * synchronises, and then in no other order than streams and events demand; now and
 * then memory is freed as early as these allow. So a wait that is missing shows as wrong values.
 * The kernels are run from their CUDA source.
 *
 * FAKE_DEVICES says how many GPUs there are (2), FAKE_FAIL=cuInit=100 lets a function
 * fail. Built with -DcuLaunchHostFunc=missing, that function is missing. */
#include "fake.h"
#include "kernels.hpp"
#include "world.hpp"

extern "C" {

/* The driver */

int cuInit(unsigned) {
    BEGIN(cuInit);
    driver.initialised = true;
    return 0;
}

int cuGetErrorName(unsigned error, const char **name) {
    *name = error == 1     ? "CUDA_ERROR_INVALID_VALUE"
            : error == 2   ? "CUDA_ERROR_OUT_OF_MEMORY"
            : error == 100 ? "CUDA_ERROR_NO_DEVICE"
            : error == 900 ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
            : error == 999 ? "CUDA_ERROR_UNKNOWN"
                           : nullptr;
    return *name ? 0 : INVALID_VALUE;
}

int cuGetErrorString(unsigned error, const char **text) {
    *text = error == 2 ? "out of memory" : "the fake driver's text";
    return 0;
}

int cuDeviceGetCount(int *count) {
    BEGIN(cuDeviceGetCount);
    *count = int(driver.primary.size());
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    BEGIN(cuDeviceGet);
    *device = ordinal;
    return ordinal < int(driver.primary.size()) ? 0 : INVALID_DEVICE;
}

/* What only the doctor asks. */
int cuDriverGetVersion(int *version) {
    *version = 12040;
    return 0;
}

int cuDeviceGetName(char *name, int size, int device) {
    std::snprintf(name, size_t(size), "Fake %d", device);
    return 0;
}

/* Contexts */

int cuDevicePrimaryCtxRetain(void **context, int device) {
    BEGIN(cuDevicePrimaryCtxRetain);
    note("retain %d", device);
    *context = driver.primary.at(size_t(device)).get();
    return 0;
}

int cuCtxPushCurrent_v2(void *context) {
    BEGIN(cuCtxPushCurrent_v2);
    current.push_back(static_cast<Context *>(context));
    return 0;
}

int cuCtxPopCurrent_v2(void **context) {
    BEGIN(cuCtxPopCurrent_v2);
    if (current.empty())
        return INVALID_CONTEXT;
    *context = current.back();
    current.pop_back();
    return 0;
}

int cuCtxGetCurrent(void **context) {
    *context = current.empty() ? nullptr : current.back();
    return 0;
}

int cuCtxGetDevice(int *device) {
    BEGIN(cuCtxGetDevice);
    if (current.empty())
        return INVALID_CONTEXT;
    *device = current.back()->device;
    return 0;
}

int cuThreadExchangeStreamCaptureMode(int *mode) {
    BEGIN(cuThreadExchangeStreamCaptureMode);
    std::swap(*mode, capture_mode);
    return 0;
}

/* Memory */

int cuMemAllocAsync(Address *address, size_t bytes, void *handle) {
    BEGIN(cuMemAllocAsync);
    STREAM(handle);
    note("allocate %zu %s", bytes, stream->name.c_str());
    *address = allocate(GPU, stream->context->device, bytes, stream->capturing);
    driver.memory[*address].there = put(stream, nullptr);
    return bytes > 0 ? 0 : INVALID_VALUE;
}

int cuMemFreeAsync(Address address, void *handle) {
    BEGIN(cuMemFreeAsync);
    STREAM(handle);
    const auto found = driver.memory.find(address);
    if (found == driver.memory.end() || found->second.freed)
        die("freed twice, or never allocated");
    if (stream->capturing && !found->second.captured)
        return spoil(INVALID_VALUE);
    note("free %zu %s", found->second.bytes, stream->name.c_str());
    found->second.freed = true;
    put(stream, [address] { release(address); });
    if (driver.frees++ % 2 == 0)
        finish(stream->last);
    return 0;
}

int cuMemHostAlloc(void **pointer, size_t bytes, unsigned) {
    BEGIN(cuMemHostAlloc);
    NOT_IN_CAPTURE();
    note("allocate pinned %zu", bytes);
    *pointer = real(allocate(PINNED, 0, bytes, false));
    return 0;
}

int cuMemFreeHost(void *pointer) {
    BEGIN(cuMemFreeHost);
    NOT_IN_CAPTURE();
    note("free pinned");
    finish_all();
    release(Address(pointer));
    return 0;
}

int cuMemAllocManaged(Address *address, size_t bytes, unsigned) {
    BEGIN(cuMemAllocManaged);
    NOT_IN_CAPTURE();
    note("allocate managed %zu", bytes);
    *address = allocate(MANAGED, current.back()->device, bytes, false);
    return 0;
}

int cuMemFree_v2(Address address) {
    BEGIN(cuMemFree_v2);
    NOT_IN_CAPTURE();
    note("free managed");
    finish_all();
    release(address);
    return 0;
}

int cuPointerGetAttributes(unsigned count, const int *attributes, void **values, Address address) {
    BEGIN(cuPointerGetAttributes);
    const auto found = allocation_of(address);
    const Kind kind = found == driver.memory.end() ? HOST : found->second.kind;
    for (unsigned i = 0; i < count; ++i)
        switch (attributes[i]) {
        case 2: /* memory type: host, device */
            *static_cast<unsigned *>(values[i]) = kind == HOST ? 0 : kind == PINNED ? 1 : 2;
            break;
        case 3: /* the address on the GPU of the current context */
            if (current.empty())
                return INVALID_CONTEXT;
            *static_cast<Address *>(values[i]) = kind == HOST ? 0 : address;
            break;
        case 8: /* is managed */
            *static_cast<bool *>(values[i]) = kind == MANAGED;
            break;
        case 9: /* ordinal */
            *static_cast<int *>(values[i]) = kind == HOST ? -2 : found->second.device;
            break;
        default:
            return INVALID_VALUE;
        }
    return 0;
}

/* Copies */

int cuMemcpyAsync(Address target, Address source, size_t bytes, void *handle) {
    BEGIN(cuMemcpyAsync);
    STREAM(handle);
    note("copy %zu %s", bytes, stream->name.c_str());
    if (are_on_two_gpus(source, target))
        die("memory of a pool is copied to another GPU without naming both");
    copy(stream, {source, target, bytes, 1, bytes, bytes});
    return 0;
}

int cuMemcpyPeerAsync(Address target, void *target_context, Address source, void *source_context,
                      size_t bytes, void *handle) {
    BEGIN(cuMemcpyPeerAsync);
    STREAM(handle);
    note("copy %zu %s", bytes, stream->name.c_str());
    const int from = allocation_of(source)->second.device,
              to = allocation_of(target)->second.device;
    if (static_cast<Context *>(source_context)->device != from ||
        static_cast<Context *>(target_context)->device != to)
        return INVALID_CONTEXT;
    copy(stream, {source, target, bytes, 1, bytes, bytes});
    return 0;
}

struct Copy2D {
    size_t source_x, source_y;
    int source_type;
    const void *source_host;
    Address source;
    void *source_array;
    size_t source_pitch;
    size_t target_x, target_y;
    int target_type;
    void *target_host;
    Address target;
    void *target_array;
    size_t target_pitch;
    size_t width, height;
};

int cuMemcpy2DAsync_v2(const Copy2D *rows, void *handle) {
    BEGIN(cuMemcpy2DAsync_v2);
    STREAM(handle);
    note("copy %zux%zu %s", rows->height, rows->width, stream->name.c_str());
    if (rows->width > rows->source_pitch || rows->width > rows->target_pitch)
        return INVALID_VALUE;
    const int types[] = {rows->source_type, rows->target_type};
    const Address sides[] = {rows->source, rows->target};
    for (int i = 0; i < 2; ++i) /* host, or known to CUDA */
        if (types[i] != (kind_of(sides[i]) == HOST ? 1 : 4))
            return INVALID_VALUE;
    if (are_on_two_gpus(rows->source, rows->target))
        die("rows are copied to another GPU");
    copy(stream, {rows->source, rows->target, rows->width, rows->height, rows->source_pitch,
                  rows->target_pitch});
    return 0;
}

/* Streams and events */

int cuStreamCreate(void **made, unsigned flags) {
    BEGIN(cuStreamCreate);
    if (current.empty())
        return INVALID_CONTEXT;
    const std::string device = std::to_string(current.back()->device);
    *made = new_stream(current.back(), (flags == 1 ? "stream" : "blocking") + device, flags != 1);
    return 0;
}

int cuStreamGetCtx(void *handle, void **context) {
    BEGIN(cuStreamGetCtx);
    Stream *stream = nullptr;
    if (const int error = find_stream(handle, stream))
        return error;
    *context = stream->context;
    return 0;
}

int cuStreamIsCapturing(void *handle, int *status) {
    BEGIN(cuStreamIsCapturing);
    Stream *stream = nullptr;
    if (const int error = find_stream(handle, stream))
        return error;
    *status = stream->capturing;
    return is_implicit(stream) ? CAPTURE_IMPLICIT : 0;
}

int cuStreamSynchronize(void *handle) {
    BEGIN(cuStreamSynchronize);
    STREAM(handle);
    note("synchronize %s", stream->name.c_str());
    if (stream->capturing)
        return spoil(CAPTURE_UNSUPPORTED);
    put(stream, nullptr);
    finish(stream->last);
    return 0;
}

int cuStreamWaitEvent(void *handle, Event *event, unsigned) {
    BEGIN(cuStreamWaitEvent);
    STREAM(handle);
    note("wait %s", stream->name.c_str());
    if (stream->capturing && !event->at->captured)
        return spoil(CAPTURE_ISOLATION);
    stream->capturing |= event->at->captured && !event->at->done;
    put(stream, nullptr, event->at);
    return 0;
}

int cuLaunchHostFunc(void *handle, void (*function)(void *), void *data) {
    BEGIN(cuLaunchHostFunc);
    STREAM(handle);
    note("call %s", stream->name.c_str());
    put(stream, [function, data] { function(data); });
    return 0;
}

int cuEventCreate(Event **event, unsigned) {
    BEGIN(cuEventCreate);
    note("create event");
    *event = new Event{current.back()};
    return 0;
}

int cuEventDestroy_v2(Event *event) {
    BEGIN(cuEventDestroy_v2);
    note("destroy event");
    delete event;
    return 0;
}

int cuEventRecord(Event *event, void *handle) {
    BEGIN(cuEventRecord);
    STREAM(handle);
    note("record %s", stream->name.c_str());
    if (event->context != stream->context)
        return INVALID_HANDLE;
    event->at = put(stream, nullptr);
    return 0;
}

/* Kernels */

int cuModuleLoadData(void **module, const void *image) {
    BEGIN(cuModuleLoadData);
    NOT_IN_CAPTURE();
    note("load");
    const bool is_ptx = std::strstr(static_cast<const char *>(image), ".visible .entry") != nullptr;
    *module = current.back();
    return is_ptx ? 0 : INVALID_VALUE;
}

int cuModuleGetFunction(const Kernel **function, void *, const char *name) {
    BEGIN(cuModuleGetFunction);
    *function = find_kernel(name);
    return *function ? 0 : NOT_FOUND;
}

int cuLaunchKernel(const Kernel *kernel, unsigned blocks, unsigned, unsigned, unsigned threads,
                   unsigned, unsigned, unsigned, void *handle, void **parameters, void **) {
    BEGIN(cuLaunchKernel);
    STREAM(handle);
    note("launch %s %s", kernel->name, stream->name.c_str());
    Address places[2];
    std::memcpy(&places[0], parameters[0], sizeof places[0]);
    std::memcpy(&places[1], parameters[1], sizeof places[1]);
    if (stream->context != current.back() || blocks == 0 || threads != 256)
        return INVALID_HANDLE;
    if ((places[0] | places[1]) % kernel->unit != 0)
        die("a kernel uses memory that is not aligned");
    const auto run = kernel->prepare(parameters); /* copies them, as CUDA does */
    const int device = stream->context->device;
    put(stream, [=] {
        check_reach(places[0], device);
        check_reach(places[1], device);
        run(real(places[0]), real(places[1]), blocks);
    });
    return 0;
}

/* For tests */

void *fake_stream(int device, int blocking) {
    const std::lock_guard<std::mutex> guard(driver.lock);
    const std::string name = (blocking ? "b" : "s") + std::to_string(driver.streams.size());
    return new_stream(driver.primary.at(size_t(device)).get(), name, blocking != 0);
}

void *fake_context(int device) {
    driver.others.emplace_back(new Context{device});
    return driver.others.back().get();
}

const char *fake_log(void) {
    driver.given_log.swap(driver.log);
    driver.log.clear();
    return driver.given_log.c_str();
}

void fake_fail(const char *function, unsigned error) {
    driver.failures.erase(function);
    if (error != 0)
        driver.failures[function] = error;
}

void fake_capture(void *stream, int on) {
    if (on)
        return void(static_cast<Stream *>(stream)->capturing = true);
    for (const auto &each : driver.streams) /* those that joined too */
        each->capturing = false;
}

int fake_spoiled(void) { return std::exchange(driver.spoiled, false); }

int fake_allocations(void) {
    finish_all();
    return int(driver.memory.size());
}

void fake_shut_down(void) {
    finish_all();
    while (!driver.memory.empty())
        release(driver.memory.begin()->first);
    driver.shut_down = true;
}

} /* extern "C" */
