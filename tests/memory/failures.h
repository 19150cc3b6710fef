/* The functions of failing_allocator.c in a C or C++ program into which it is preloaded. */
#ifndef FAILURES_H_
#define FAILURES_H_

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_EXPECT(condition, what)                                                           \
    ((condition) ? (void)0 : failures_end(__FILE__, __LINE__, #condition, what))

static inline void failures_end(const char *file, int line, const char *condition,
                                const char *what) {
    fprintf(stderr, "%s:%d: %s: %s is false\n", file, line, what, condition);
    exit(1);
}

static void (*arm)(long nth, int and_later);
static void (*disarm)(void);
static long (*calls)(void);
static long (*failures)(void);
static long (*live_blocks)(void);
static long (*live_bytes)(void);

/* ISO C has no conversion between the pointer types. */
static inline void failures_find_in(void *library, void *function, const char *name) {
    void *found = dlsym(library, name);
    FAILURES_EXPECT(found != NULL, name);
    memcpy(function, &found, sizeof found);
}

static inline void failures_find(void) {
    failures_find_in(RTLD_DEFAULT, &arm, "failing_allocator_arm");
    failures_find_in(RTLD_DEFAULT, &disarm, "failing_allocator_disarm");
    failures_find_in(RTLD_DEFAULT, &calls, "failing_allocator_calls");
    failures_find_in(RTLD_DEFAULT, &failures, "failing_allocator_failures");
    failures_find_in(RTLD_DEFAULT, &live_blocks, "failing_allocator_live_blocks");
    failures_find_in(RTLD_DEFAULT, &live_bytes, "failing_allocator_live_bytes");
}

#endif /* FAILURES_H_ */
