/* An allocator that fails when it is told to, to be preloaded (LD_PRELOAD) into a program.
 *
 * malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign and free are those of the C
 * library, except that on a thread that armed it
 *   - each allocation is a counted call, and the n-th one fails: NULL, or ENOMEM;
 *   - the blocks that are made are remembered until somebody, on any thread, frees them.
 * Other threads, and calls before and after, are passed on as they are.
 *
 * Programs find the functions by dlsym(RTLD_DEFAULT, name), so that they also run without:
 *
 *   void failing_allocator_arm(long nth, int and_later)
 *       From now on calls of this thread count, from 1. The nth fails and, with and_later, all
 *       after it, as when memory is exhausted; with nth 0 none does, and they are only counted.
 *       Both counts begin at 0 again.
 *   void failing_allocator_disarm(void)
 *       Calls of this thread no longer count. The counts stay.
 *   long failing_allocator_calls(void)
 *   long failing_allocator_failures(void)
 *       The calls of this thread that counted, and those of them that failed.
 *   long failing_allocator_live_blocks(void)
 *   long failing_allocator_live_bytes(void)
 *       The blocks that armed threads made and nobody freed yet, and their bytes as asked for.
 *   void failing_allocator_forget(void)
 *       These blocks are no longer remembered. (One that was made before is never counted.)
 *
 * A test that goes through every allocation of what it tests:
 *
 *   for (nth = 1; ; ++nth) {
 *       arm(nth, and_later);
 *       result = tested();
 *       disarm();
 *       if (failures() == 0)
 *           break;                    // all allocations have had their turn
 *       check(result is "no memory"); check(live_blocks() == 0); check(outputs are untouched);
 *   }
 *
 * Run `tested` once before: what is made once in the life of a process (the buffer of the last
 * error's sentence on a thread, say) is a live block else. Tests that fail there too do not.
 *
 * From Python, in a process of its own with LD_PRELOAD and PYTHONMALLOC=malloc, without which
 * small objects never reach malloc (tests/support/failing_allocator.py does this):
 *
 *   allocator = ctypes.PyDLL(None)    # PyDLL: the GIL stays, so no other thread comes between
 *   arm, disarm = allocator.failing_allocator_arm, allocator.failing_allocator_disarm
 *   arm.argtypes, arm.restype, disarm.restype = [ctypes.c_long, ctypes.c_int], None, None
 *
 * What is looked up and converted between arm() and disarm() counts too: bind the names to
 * locals before. The interpreter keeps freed objects for later, so that a live block need not
 * be a leak: run the loop again and compare.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The thread's own plan. Initial-exec, since other models may allocate at the first use. */
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))

THREAD_LOCAL int armed;
THREAD_LOCAL int fails_later;
THREAD_LOCAL long failing;
THREAD_LOCAL long calls;
THREAD_LOCAL long failures;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static void *(*next_memalign)(size_t, size_t);
static void (*next_free)(void *);

/* dlsym() itself may allocate before the functions are known: from here. */
union unit {
    long double number;
    void *pointer;
    char bytes[16];
};
static union unit start_up[1 << 10];
static size_t start_up_used;

static void end(const char *why) {
    const ssize_t written = write(STDERR_FILENO, why, strlen(why));
    (void)written;
    abort();
}

static void *start_up_alloc(size_t size) {
    void *block = start_up + start_up_used;
    const size_t units = size / sizeof start_up[0] + 1;
    if (units > sizeof start_up / sizeof start_up[0] - start_up_used)
        end("failing_allocator: the room for start-up is too small\n");
    start_up_used += units;
    return block;
}

static size_t rest_of_start_up(const void *block) {
    const char *byte = block;
    const char *last = (const char *)(start_up + sizeof start_up / sizeof start_up[0]);
    return byte >= (const char *)start_up && byte < last ? (size_t)(last - byte) : 0;
}

/* ISO C has no conversion between the pointer types. */
static void find(void *function, const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

static int is_started;

static int start(void) {
    static int is_starting;
    if (is_started)
        return 1;
    if (is_starting)
        return 0;
    is_starting = 1;
    find(&next_malloc, "malloc");
    find(&next_calloc, "calloc");
    find(&next_realloc, "realloc");
    find(&next_posix_memalign, "posix_memalign");
    find(&next_aligned_alloc, "aligned_alloc");
    find(&next_memalign, "memalign");
    find(&next_free, "free");
    is_started = 1;
    return 1;
}

/* Before main() there is one thread. */
__attribute__((constructor)) static void begin(void) { start(); }

/* The live blocks: a hash table in which a block lies at its place or soon after it. */
struct block {
    void *address;
    size_t bytes;
};

#define PLACES ((size_t)1 << 18)
static struct block table[PLACES];
static long live_blocks;
static long live_bytes;
static int table_lock;

static void lock(void) {
    while (__atomic_test_and_set(&table_lock, __ATOMIC_ACQUIRE)) {
    }
}

static void unlock(void) { __atomic_clear(&table_lock, __ATOMIC_RELEASE); }

static size_t place_of(const void *address) {
    return (size_t)(((uintptr_t)address >> 4) * (uintptr_t)0x9e3779b97f4a7c15u) % PLACES;
}

static void remember(void *address, size_t bytes) {
    size_t place = place_of(address);
    lock();
    if (live_blocks >= (long)(PLACES / 2))
        end("failing_allocator: too many live blocks\n");
    while (table[place].address != NULL)
        place = (place + 1) % PLACES;
    table[place].address = address;
    table[place].bytes = bytes;
    live_bytes += (long)bytes;
    __atomic_add_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
    unlock();
}

/* What an allocation gave, which is remembered if it is one of an armed thread. */
static void *made(void *address, size_t bytes) {
    if (address != NULL && armed)
        remember(address, bytes);
    return address;
}

/* The blocks behind the one that goes must be found without it. */
static void close_gap(size_t gap) {
    size_t place = gap;
    for (;;) {
        place = (place + 1) % PLACES;
        if (table[place].address == NULL)
            break;
        if ((place - place_of(table[place].address)) % PLACES >= (place - gap) % PLACES) {
            table[gap] = table[place];
            gap = place;
        }
    }
    table[gap].address = NULL;
}

/* Whether the block was remembered; its bytes are those asked for then. */
static int forget(const void *address, size_t *bytes) {
    size_t place = place_of(address);
    int is_known = 0;
    if (address == NULL || __atomic_load_n(&live_blocks, __ATOMIC_RELAXED) == 0)
        return 0;
    lock();
    while (table[place].address != NULL && table[place].address != address)
        place = (place + 1) % PLACES;
    if (table[place].address != NULL) {
        is_known = 1;
        *bytes = table[place].bytes;
        live_bytes -= (long)*bytes;
        __atomic_sub_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
        close_gap(place);
    }
    unlock();
    return is_known;
}

/* Counts a call, and says whether it shall fail. */
static int fails(void) {
    if (!armed)
        return 0;
    ++calls;
    if (failing == 0 || calls < failing || (calls > failing && !fails_later))
        return 0;
    ++failures;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    if (!start())
        return start_up_alloc(size);
    return fails() ? NULL : made(next_malloc(size), size);
}

void *calloc(size_t count, size_t size) {
    if (!start())
        return start_up_alloc(count * size); /* static memory: zero */
    return fails() ? NULL : made(next_calloc(count, size), count * size);
}

void *realloc(void *block, size_t size) {
    const size_t rest = rest_of_start_up(block);
    size_t bytes = 0;
    int was_known;
    void *moved;
    if (!start() || rest > 0) {
        moved = malloc(size);
        if (moved != NULL && rest > 0)
            memcpy(moved, block, size < rest ? size : rest);
        return moved;
    }
    if (fails())
        return NULL;
    /* Before: another thread may get the same address from then on. */
    was_known = forget(block, &bytes);
    moved = next_realloc(block, size);
    if (moved != NULL && (was_known || armed))
        remember(moved, size);
    if (moved == NULL && was_known && size != 0)
        remember(block, bytes);
    return moved;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    int status;
    if (!start())
        end("failing_allocator: posix_memalign during start-up\n");
    if (fails())
        return ENOMEM;
    status = next_posix_memalign(out, alignment, size);
    if (status == 0)
        made(*out, size);
    return status;
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (!start())
        end("failing_allocator: aligned_alloc during start-up\n");
    return fails() ? NULL : made(next_aligned_alloc(alignment, size), size);
}

void *memalign(size_t alignment, size_t size) {
    if (!start())
        end("failing_allocator: memalign during start-up\n");
    return fails() ? NULL : made(next_memalign(alignment, size), size);
}

void free(void *block) {
    size_t bytes = 0;
    const int error = errno; /* free() leaves it as it is */
    if (rest_of_start_up(block) > 0 || !start())
        return;
    forget(block, &bytes);
    next_free(block);
    errno = error;
}

void failing_allocator_arm(long nth, int and_later) {
    failing = nth;
    fails_later = and_later;
    calls = 0;
    failures = 0;
    armed = 1;
}

void failing_allocator_disarm(void) { armed = 0; }

long failing_allocator_calls(void) { return calls; }

long failing_allocator_failures(void) { return failures; }

long failing_allocator_live_blocks(void) { return __atomic_load_n(&live_blocks, __ATOMIC_RELAXED); }

long failing_allocator_live_bytes(void) {
    long bytes;
    lock();
    bytes = live_bytes;
    unlock();
    return bytes;
}

void failing_allocator_forget(void) {
    lock();
    memset(table, 0, sizeof table);
    live_bytes = 0;
    __atomic_store_n(&live_blocks, 0, __ATOMIC_RELAXED);
    unlock();
}
