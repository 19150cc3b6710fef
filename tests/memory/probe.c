/* Allocations of every kind, which the preloaded library fails and counts as it says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failures.h"

#define EXPECT(condition) FAILURES_EXPECT(condition, "probe")

enum { KINDS = 6 };

/* NULL is a failure. */
static void *allocate(int kind) {
    void *block = NULL;
    switch (kind) {
    case 0:
        return malloc(100);
    case 1:
        return calloc(10, 10);
    case 2:
        return realloc(NULL, 100);
    case 3:
        return posix_memalign(&block, 64, 100) == 0 ? block : NULL;
    case 4:
        return aligned_alloc(64, 128);
    default:
        return memalign(64, 100);
    }
}

static void *on_another_thread(void *kept) {
    void **blocks = kept;
    blocks[0] = malloc(100); /* does not count: the thread is not armed */
    free(blocks[1]);         /* does: an armed one made it */
    return NULL;
}

static void counts_are_of_the_armed_thread(void) {
    void *blocks[2];
    pthread_t thread;
    arm(0, 0);
    blocks[1] = malloc(100);
    disarm();
    EXPECT(calls() == 1 && live_blocks() == 1 && live_bytes() == 100);
    EXPECT(pthread_create(&thread, NULL, on_another_thread, blocks) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(calls() == 1 && live_blocks() == 0);
    free(blocks[0]);
}

static void blocks_keep_their_contents(void) {
    char *block, *moved;
    arm(2, 0);
    block = malloc(4);
    memcpy(block, "abc", 4);
    moved = realloc(block, 1 << 20);
    EXPECT(moved == NULL && errno == ENOMEM && live_bytes() == 4);
    moved = realloc(block, 1 << 20);
    disarm();
    EXPECT(moved != NULL && strcmp(moved, "abc") == 0);
    EXPECT(calls() == 3 && failures() == 1 && live_blocks() == 1 && live_bytes() == 1 << 20);
    free(moved);
    EXPECT(live_blocks() == 0 && live_bytes() == 0);
}

static void many_blocks_are_told_apart(void) {
    enum { COUNT = 20000 };
    static void *blocks[COUNT];
    int i;
    arm(0, 0);
    for (i = 0; i < COUNT; ++i)
        blocks[i] = malloc((size_t)i % 100);
    for (i = 0; i < COUNT; i += 2)
        free(blocks[i]);
    disarm();
    EXPECT(calls() == COUNT && live_blocks() == COUNT / 2);
    for (i = 1; i < COUNT; i += 2)
        free(blocks[i]);
    EXPECT(live_blocks() == 0 && live_bytes() == 0);
}

int main(void) {
    int kind, other, and_later;
    failures_find();
    for (kind = 0; kind < KINDS; ++kind)
        for (other = 0; other < KINDS; ++other)
            for (and_later = 0; and_later < 2; ++and_later) {
                void *first, *second, *third;
                arm(2, and_later);
                first = allocate(kind);
                second = allocate(other);
                third = allocate(kind);
                disarm();
                EXPECT(first != NULL && second == NULL && (third == NULL) == and_later);
                EXPECT(calls() == 3 && failures() == 1 + and_later);
                EXPECT(live_blocks() == 2 - and_later);
                free(first);
                free(third);
                EXPECT(live_blocks() == 0 && live_bytes() == 0);
            }
    counts_are_of_the_armed_thread();
    blocks_keep_their_contents();
    many_blocks_are_told_apart();
    return 0;
}
