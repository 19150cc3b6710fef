/* Checks that end the program with the place and the reason, and the tensors
 * that several tests use. */
#ifndef CHECK_H_
#define CHECK_H_

#include <dlbridge/dlbridge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition, "is false"))

/* The call returns this status. */
#define CHECK_STATUS(call, status) check_status(__FILE__, __LINE__, #call, call, status)

#define CHECK_OK(call) CHECK_STATUS(call, DLBRIDGE_OK)

/* The last error's sentence on this thread has this text in it. */
#define CHECK_ERROR_MENTIONS(text) check_mentions(__FILE__, __LINE__, text)

#define CHECK_ERROR(call, status, text)                                                            \
    do {                                                                                           \
        CHECK_STATUS(call, status);                                                                \
        CHECK_ERROR_MENTIONS(text);                                                                \
    } while (0)

/* An output that a failed call must leave as it is. */
#define UNTOUCHED ((void *)(uintptr_t)0x5a5a5a50)

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

static inline void check_fail(const char *file, int line, const char *what, const char *why) {
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
    exit(1);
}

static inline void check_status(const char *file, int line, const char *call,
                                dlbridge_status status, dlbridge_status expected) {
    char why[1024];
    if (status == expected) {
        return;
    }
    snprintf(why, sizeof why, "%s (%s); expected %s", dlbridge_status_name(status),
             status == DLBRIDGE_OK ? "" : dlbridge_last_error(), dlbridge_status_name(expected));
    check_fail(file, line, call, why);
}

static inline void check_mentions(const char *file, int line, const char *text) {
    if (strstr(dlbridge_last_error(), text) == NULL) {
        check_fail(file, line, dlbridge_last_error(), text);
    }
}

/* Under the address sanitizer, what cannot be allocated is NULL as elsewhere. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static inline DLDataType dtype_of(DLDataTypeCode code, uint8_t bits) {
    DLDataType dtype;
    dtype.code = (uint8_t)code;
    dtype.bits = bits;
    dtype.lanes = 1;
    return dtype;
}

/* A descriptor of int32 on the host; strides may be NULL. */
static inline DLTensor tensor_of(void *data, int32_t ndim, int64_t *shape, int64_t *strides) {
    DLTensor tensor;
    memset(&tensor, 0, sizeof tensor);
    tensor.data = data;
    tensor.device.device_type = kDLCPU;
    tensor.ndim = ndim;
    tensor.dtype = dtype_of(kDLInt, 32);
    tensor.shape = shape;
    tensor.strides = strides;
    return tensor;
}

/* A release callback: counts in the int that its context points to. */
static inline void count_release(void *context) {
    int *count = context;
    ++*count;
}

static inline DLManagedTensorVersioned *wrap(const DLTensor *tensor, uint64_t flags, int *count) {
    DLManagedTensorVersioned *out = NULL;
    CHECK_OK(dlbridge_wrap(tensor, flags, count, count_release, &out));
    return out;
}

static inline void count_delete(DLManagedTensorVersioned *self) {
    count_release(self->manager_ctx);
}

/* A tensor of somebody else; its deleter counts. */
static inline DLManagedTensorVersioned foreign(DLTensor tensor, int *count) {
    DLManagedTensorVersioned managed;
    memset(&managed, 0, sizeof managed);
    managed.version.major = 1;
    managed.version.minor = 3;
    managed.manager_ctx = count;
    managed.deleter = count_delete;
    managed.dl_tensor = tensor;
    return managed;
}

/* Whether a list has these values. */
#define CHECK_LIST(list, ...)                                                                      \
    do {                                                                                           \
        const int64_t expected_[] = {__VA_ARGS__};                                                 \
        CHECK(memcmp(list, expected_, sizeof expected_) == 0);                                     \
    } while (0)

/* The same numbers in each run of a program, from 0 to below the limit. */
static inline uint32_t random_below(uint32_t limit) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

/* 0 to count - 1 in a random order. */
static inline void random_order(int32_t *order, int32_t count) {
    int32_t i;
    for (i = 0; i < count; ++i) {
        const int32_t j = (int32_t)random_below((uint32_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

#endif /* CHECK_H_ */
