/* What the tests with the fake driver have in common. */
#ifndef CUDA_H_
#define CUDA_H_

#include "check.h"
#include "fake.h"

/* The calls since the last check were these, one a line. */
#define CHECK_LOG(...) check_log(__FILE__, __LINE__, __VA_ARGS__)

static inline void check_log(const char *file, int line, const char *expected) {
    const char *log = fake_log();
    if (strcmp(log, expected) != 0) {
        check_fail(file, line, log, expected);
    }
}

#endif /* CUDA_H_ */
