/* A library that was loaded at run time, on threads that never called it before: where its
 * storage of the thread is only made at the first use, that needs memory too. */
#define _GNU_SOURCE
#include "failures.h"
#include <pthread.h>

static int (*from_name)(const char *, void *);
static const char *(*last_error)(void);
static int (*fail)(int, const char *);

enum { ARGUMENT = 2, MEMORY = 3 };

static void *fail_first(void *unused) {
    char dtype[64];
    int status;
    arm(1, 1);
    status = from_name("nonsense", dtype);
    disarm();
    FAILURES_EXPECT(failures() == 1 && status == MEMORY, last_error());
    FAILURES_EXPECT(strstr(last_error(), "memory") != NULL, last_error());
    return unused;
}

static void *fail_with_a_sentence(void *unused) {
    int status;
    arm(1, 1);
    status = fail(ARGUMENT, "sigma must be positive");
    disarm();
    FAILURES_EXPECT(failures() == 0 && status == ARGUMENT, last_error());
    FAILURES_EXPECT(strcmp(last_error(), "sigma must be positive") == 0, last_error());
    return unused;
}

int main(int count, char **arguments) {
    pthread_t thread;
    void *library = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    FAILURES_EXPECT(library != NULL, dlerror());
    failures_find();
    failures_find_in(library, &from_name, "dlbridge_dtype_from_name");
    failures_find_in(library, &last_error, "dlbridge_last_error");
    failures_find_in(library, &fail, "dlbridge_fail");
    fail_first(NULL);
    FAILURES_EXPECT(pthread_create(&thread, NULL, fail_first, NULL) == 0, "thread");
    FAILURES_EXPECT(pthread_join(thread, NULL) == 0, "thread");
    FAILURES_EXPECT(pthread_create(&thread, NULL, fail_with_a_sentence, NULL) == 0, "thread");
    FAILURES_EXPECT(pthread_join(thread, NULL) == 0, "thread");
    return 0;
}
