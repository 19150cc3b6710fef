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

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Address = unsigned long long;

enum Error {
    INVALID_VALUE = 1,
    NOT_INITIALIZED = 3,
    DEINITIALIZED = 4,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_ISOLATION = 905,
    CAPTURE_IMPLICIT = 906,
};

/* Between what a program calls memory of a GPU and where it is: no address of the
 * host begins like this. */
constexpr Address ON_GPU = Address(1) << 56;

/* New and freed memory is filled, to be noticed, unless it is too large for this machine. */
constexpr size_t MOST_FILLED = 1 << 20;

/* Something to do, after what it waits for. */
struct Work {
    std::vector<std::shared_ptr<Work>> before;
    std::function<void()> run;
    bool captured = false;
    bool done = false;
};
using WorkPointer = std::shared_ptr<Work>;

struct Context {
    int device;
};

struct Stream {
    Context *context;
    std::string name;
    bool blocking;
    bool capturing = false;
    WorkPointer last = nullptr;
};

struct Event {
    Context *context;
    WorkPointer at = nullptr;
};

enum Kind { HOST, GPU, PINNED, MANAGED };

struct Allocation {
    Kind kind;
    int device;
    size_t bytes;
    bool captured;
    WorkPointer there = nullptr;
    bool freed = false;
};

struct Driver {
    std::mutex lock;
    std::vector<std::unique_ptr<Context>> primary;
    std::vector<std::unique_ptr<Context>> others;
    std::vector<std::unique_ptr<Stream>> streams;
    std::map<Context *, Stream *> legacy;
    std::map<std::pair<Context *, std::thread::id>, Stream *> per_thread;
    std::map<Address, Allocation> memory;
    std::map<std::string, unsigned> failures;
    std::vector<std::pair<std::string, WorkPointer>> pending;
    std::string log, given_log;
    unsigned frees = 0;
    bool initialised = false, shut_down = false, spoiled = false;

    Driver() {
        const char *count = std::getenv("FAKE_DEVICES");
        for (int i = 0; i < (count ? std::atoi(count) : 2); ++i)
            primary.emplace_back(new Context{i});
        if (const char *fail = std::getenv("FAKE_FAIL")) {
            const std::string text = fail;
            const size_t equals = text.find('=');
            failures[text.substr(0, equals)] = unsigned(std::stoul(text.substr(equals + 1)));
        }
    }
};

/* Never destroyed: deleters may come while the process ends. */
Driver &driver = *new Driver;
thread_local std::vector<Context *> current;
thread_local int capture_mode = 0;
enum { RELAXED = 2 };

[[noreturn]] void die(const char *what) {
    std::fprintf(stderr, "fake CUDA driver: %s\nlast calls:\n%s", what, driver.log.c_str());
    std::abort();
}

__attribute__((format(printf, 1, 2))) void note(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    driver.log += line;
    driver.log += '\n';
}

/* Begins each function: locks, and fails where it was told to. */
#define BEGIN(function)                                                                            \
    const std::lock_guard<std::mutex> guard(driver.lock);                                          \
    if (driver.shut_down)                                                                          \
        return DEINITIALIZED;                                                                      \
    if (!driver.initialised && std::strcmp(#function, "cuInit") != 0)                              \
        return NOT_INITIALIZED;                                                                    \
    if (const auto failure = driver.failures.find(#function); failure != driver.failures.end())    \
    return int(failure->second)

/* Memory */

std::map<Address, Allocation>::iterator allocation_of(Address address) {
    auto found = driver.memory.upper_bound(address);
    if (found == driver.memory.begin())
        return driver.memory.end();
    --found;
    return address < found->first + found->second.bytes ? found : driver.memory.end();
}

Kind kind_of(Address address) {
    const auto found = allocation_of(address);
    if (found == driver.memory.end()) {
        if (address >= ON_GPU)
            die("an address of a GPU where no memory is");
        return HOST;
    }
    return found->second.kind;
}

unsigned char *real(Address address) {
    return reinterpret_cast<unsigned char *>(address >= ON_GPU ? address - ON_GPU : address);
}

Address allocate(Kind kind, int device, size_t bytes, bool captured) {
    unsigned char *memory = static_cast<unsigned char *>(std::malloc(bytes));
    std::memset(memory, 0xcd, std::min(bytes, MOST_FILLED));
    const Address address = Address(memory) + (kind == GPU ? ON_GPU : 0);
    driver.memory[address] = {kind, device, bytes, captured};
    return address;
}

void release(Address address) {
    std::memset(real(address), 0xdd, std::min(driver.memory.at(address).bytes, MOST_FILLED));
    driver.memory.erase(address);
    std::free(real(address));
}

/* Streams */

void finish(const WorkPointer &work) {
    if (work == nullptr || work->done)
        return;
    work->done = true;
    for (const WorkPointer &other : work->before)
        finish(other);
    work->before.clear();
    if (work->run)
        work->run();
    work->run = nullptr;
}

void finish_all() {
    for (const auto &stream : driver.streams)
        finish(stream->last);
}

Stream *new_stream(Context *context, std::string name, bool blocking) {
    driver.streams.emplace_back(new Stream{context, std::move(name), blocking});
    return driver.streams.back().get();
}

bool captures(const std::function<bool(const Stream &)> &which) {
    return std::any_of(driver.streams.begin(), driver.streams.end(),
                       [&](const auto &stream) { return stream->capturing && which(*stream); });
}

/* The stream behind a handle, which may be that of a default stream. */
int find_stream(void *handle, Stream *&stream) {
    const size_t number = reinterpret_cast<size_t>(handle);
    if (number > 2) {
        stream = static_cast<Stream *>(handle);
        const auto known = [&](const auto &each) { return each.get() == stream; };
        return std::any_of(driver.streams.begin(), driver.streams.end(), known) ? 0
                                                                                : INVALID_HANDLE;
    }
    if (current.empty())
        return INVALID_CONTEXT;
    Context *context = current.back();
    const std::string device = std::to_string(context->device);
    Stream *&known = number == 2 ? driver.per_thread[{context, std::this_thread::get_id()}]
                                 : driver.legacy[context];
    if (known == nullptr)
        known = new_stream(context, (number == 2 ? "thread" : "legacy") + device, true);
    stream = known;
    return 0;
}

bool is_legacy(const Stream *stream) {
    const auto found = driver.legacy.find(stream->context);
    return found != driver.legacy.end() && found->second == stream;
}

int spoil(int error) {
    driver.spoiled = true;
    return error;
}

/* Whether work on the legacy stream would wait for a stream that is captured. */
bool is_implicit(const Stream *stream) {
    return is_legacy(stream) && captures([&](const Stream &other) {
               return other.blocking && other.context == stream->context;
           });
}

WorkPointer put(Stream *stream, std::function<void()> run, WorkPointer after = nullptr) {
    auto work = std::make_shared<Work>();
    work->run = std::move(run);
    work->captured = stream->capturing;
    work->before = {after};
    for (const auto &other : driver.streams) {
        const bool ordered = is_legacy(stream) ? other->blocking : is_legacy(other.get());
        if (stream->blocking && ordered && other->context == stream->context)
            work->before.push_back(other->last);
    }
    /* What another stream has to do comes first: then, if this one forgot to let that
     * wait for it, it shows. */
    work->before.push_back(stream->last);
    stream->last = work;
    return work;
}

/* Finds the stream of a call that puts work on it, as `stream`. */
#define STREAM(handle)                                                                             \
    Stream *stream = nullptr;                                                                      \
    if (const int error = find_stream(handle, stream))                                             \
        return error;                                                                              \
    if (is_implicit(stream))                                                                       \
    return spoil(CAPTURE_IMPLICIT)

/* What must not be called while something is captured, unless it is said to be no part. */
#define NOT_IN_CAPTURE()                                                                           \
    if (capture_mode != RELAXED && captures([](const Stream &) { return true; }))                  \
    return spoil(CAPTURE_UNSUPPORTED)

/* Copies */

struct Rows {
    Address source, target;
    size_t bytes, count, source_pitch, target_pitch;
};

void copy_rows(const Rows &rows) {
    for (size_t row = 0; row < rows.count; ++row)
        std::memcpy(real(rows.target + row * rows.target_pitch),
                    real(rows.source + row * rows.source_pitch), rows.bytes);
}

void check_there(const Allocation &memory) {
    if (memory.there != nullptr && !memory.there->done)
        die("memory is used before it is there");
}

void check_alive(Address address, size_t bytes) {
    const auto found = allocation_of(address);
    if (kind_of(address) == HOST)
        return;
    check_there(found->second);
    if (address + bytes > found->first + found->second.bytes)
        die("a copy goes beyond the memory");
}

/* CUDA may read and write memory of the host that is not pinned at once, or later. */
void copy(Stream *stream, const Rows &rows) {
    put(stream, [rows] {
        check_alive(rows.source, (rows.count - 1) * rows.source_pitch + rows.bytes);
        check_alive(rows.target, (rows.count - 1) * rows.target_pitch + rows.bytes);
        copy_rows(rows);
    });
}

/* A kernel may use memory of its own GPU, and what all reach. */
void check_reach(Address address, int device) {
    const auto found = allocation_of(address);
    const Kind kind = kind_of(address);
    if (kind == HOST || (kind == GPU && found->second.device != device))
        die("a kernel uses memory that its GPU does not reach");
    check_there(found->second);
}

} // namespace

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
        case 3: /* the address on a GPU */
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
