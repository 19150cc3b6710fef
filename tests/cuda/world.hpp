/* The GPUs of the fake driver: contexts, memory, streams, and what waits to be done. */
#ifndef WORLD_HPP_
#define WORLD_HPP_

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

bool are_on_two_gpus(Address source, Address target) {
    const auto from = allocation_of(source), to = allocation_of(target);
    return kind_of(source) == GPU && kind_of(target) == GPU &&
           from->second.device != to->second.device;
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

#endif
