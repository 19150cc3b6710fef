/* What `bind` calls in the tests, together with user_library.c. */
#include <complex.h>
#include <dlbridge/abi.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static int calls = 0;

/* How often one of the functions up to `fail` ran: a refused call must not. */
int count_calls(void) { return calls; }

static float *at(const DLTensor *tensor, int64_t row, int64_t column) {
    float *first = (float *)(void *)((char *)tensor->data + tensor->byte_offset);
    return first + row * tensor->strides[0] + column * tensor->strides[1];
}

/* dst = factor * src, for matrices of any strides. */
int scale(const DLTensor *src, DLTensor *dst, double factor) {
    int64_t row, column;
    ++calls;
    for (row = 0; row < src->shape[0]; ++row) {
        for (column = 0; column < src->shape[1]; ++column) {
            *at(dst, row, column) = (float)factor * *at(src, row, column);
        }
    }
    return 0;
}

double sum(const float *first, int64_t count) {
    double total = 0;
    int64_t i;
    ++calls;
    for (i = 0; i < count; ++i) {
        total += (double)first[i];
    }
    return total;
}

/* The sum, and of how many. */
int sum_to(const float *first, int64_t count, float *out) {
    out[0] = (float)sum(first, count);
    out[1] = (float)count;
    return 0;
}

/* Writes 0, 1, 2 ... over `count` floats. */
void number(float *first, int64_t count) {
    int64_t i;
    ++calls;
    for (i = 0; i < count; ++i) {
        first[i] = (float)i;
    }
}

/* The same, with an array in front that is not looked at. */
void number_beside(const DLTensor *other, float *first, int64_t count) {
    (void)other;
    number(first, count);
}

/* first[i] += i, and the sum of what was there. */
double add_numbers(float *first, int64_t count) {
    double total = 0;
    int64_t i;
    ++calls;
    for (i = 0; i < count; ++i) {
        total += (double)first[i];
        first[i] += (float)i;
    }
    return total;
}

void nothing(void) { ++calls; }

/* Takes anything, and says nothing of it. */
void take(const void *first, const void *second) {
    (void)first;
    (void)second;
    ++calls;
}

const char *greet(const char *name) {
    static char text[64];
    ++calls;
    if (name == NULL) {
        return NULL;
    }
    strcpy(text, "hello ");
    strncat(text, name, sizeof text - sizeof "hello ");
    return text;
}

int fail(int status) {
    ++calls;
    return status;
}

/* As `fail`, but not counted: it is not refused. */
int answer(int status, float *unused) {
    if (unused != NULL) {
        *unused = -1;
    }
    return status;
}

const char *why(int status) { return status == 7 ? "the seventh failure" : NULL; }
const char *why_without_status(void) { return "something failed"; }
const char *not_utf8(void) { return "caf\xe9"; }

/* What C sees of a tensor. `numbers` has room for shape and strides of 64 axes. */
void look(const DLTensor *tensor, void **first, int32_t *ndim, int64_t *numbers, int32_t *dtype,
          int32_t *device) {
    int32_t axis;
    *first = tensor->data == NULL ? NULL : (char *)tensor->data + tensor->byte_offset;
    *ndim = tensor->ndim;
    for (axis = 0; axis < tensor->ndim; ++axis) {
        numbers[axis] = tensor->shape[axis];
        numbers[64 + axis] = tensor->strides[axis];
    }
    *dtype = tensor->dtype.code << 16 | tensor->dtype.bits;
    *device = (int32_t)tensor->device.device_type;
}

/* Overwrites all that a descriptor says, but not the elements. */
int scribble(DLTensor *tensor) {
    int32_t axis;
    for (axis = 0; axis < tensor->ndim; ++axis) {
        tensor->shape[axis] = 100000000 + axis;
        tensor->strides[axis] = -1000000;
    }
    tensor->ndim = 1000000;
    tensor->shape = (int64_t *)8;
    tensor->strides = NULL;
    tensor->data = (void *)16;
    tensor->byte_offset = 1u << 30;
    tensor->dtype.code = 200;
    tensor->dtype.bits = 1;
    tensor->dtype.lanes = 9;
    tensor->device.device_type = kDLCUDA;
    tensor->device.device_id = 77;
    return 0;
}

/* The same, for three of them. */
int scribble_three(DLTensor *a, DLTensor *b, DLTensor *c) {
    return scribble(a) + scribble(b) + scribble(c);
}

/* Overwrites a text, and returns it. */
const char *cut(char *text) {
    text[0] = '#';
    return text;
}

void *same(void *pointer) { return pointer; }
int64_t last_extent(const DLTensor *tensor) { return tensor->shape[tensor->ndim - 1]; }
int64_t product(int64_t value) { return value; }

#define ECHO(NAME, TYPE)                                                                           \
    TYPE echo_##NAME(TYPE value, TYPE *copy) {                                                     \
        *copy = value;                                                                             \
        return value;                                                                              \
    }
ECHO(i8, int8_t)
ECHO(i16, int16_t)
ECHO(i32, int32_t)
ECHO(i64, int64_t)
ECHO(u8, uint8_t)
ECHO(u16, uint16_t)
ECHO(u32, uint32_t)
ECHO(u64, uint64_t)
ECHO(char, char)
ECHO(uchar, unsigned char)
ECHO(short, short)
ECHO(ushort, unsigned short)
ECHO(int, int)
ECHO(uint, unsigned int)
ECHO(long, long)
ECHO(ulong, unsigned long)
ECHO(longlong, long long)
ECHO(ulonglong, unsigned long long)
ECHO(size_t, size_t)
ECHO(ssize_t, ptrdiff_t)
ECHO(ptrdiff_t, ptrdiff_t)
ECHO(intptr_t, intptr_t)
ECHO(uintptr_t, uintptr_t)
ECHO(bool, bool)
ECHO(float, float)
ECHO(double, double)
ECHO(f32, float)
ECHO(f64, double)
ECHO(c64, float complex)
ECHO(c128, double complex)
ECHO(pointer, void *)

/* Sign and zero extension are the caller's duty: what stands above must not matter. */
int64_t widen_i8(int8_t value) { return value; }
uint64_t widen_u16(uint16_t value) { return value; }

/* More arguments than there are registers, each with a weight of its own. */
double many(int8_t a, float b, uint8_t c, double d, int16_t e, float f, uint16_t g, double h,
            int32_t i, float j, uint32_t k, double l, int64_t m, float n, uint64_t o, double p,
            bool q, float r, char s, double t, short u, float v) {
    return a + 2 * (double)b + 3 * c + 4 * d + 5 * e + 6 * (double)f + 7 * g + 8 * h + 9 * i +
           10 * (double)j + 11 * (double)k + 12 * l + 13 * (double)m + 14 * (double)n +
           15 * (double)o + 16 * p + 17 * q + 18 * (double)r + 19 * s + 20 * t + 21 * u +
           22 * (double)v;
}

/* Tensors and numbers beyond the registers. */
double many_tensors(const DLTensor *a, double b, const DLTensor *c, double d, const DLTensor *e,
                    const DLTensor *f, const DLTensor *g, const DLTensor *h, const DLTensor *i,
                    int64_t j, const DLTensor *k) {
    const DLTensor *all[9];
    double total = b + d + (double)j;
    int index;
    all[0] = a, all[1] = c, all[2] = e, all[3] = f, all[4] = g, all[5] = h, all[6] = i, all[7] = k;
    for (index = 0; index < 8; ++index) {
        total += (index + 1) * (double)*at(all[index], 0, 0);
    }
    return total;
}

static int present = 0;

/* Whether `count` threads are in here at once, before the milliseconds are over. */
bool meet(int count, int milliseconds) {
    const struct timespec pause = {0, 1000000};
    bool met = false;
    __atomic_add_fetch(&present, 1, __ATOMIC_SEQ_CST);
    for (; milliseconds > 0 && !met; --milliseconds) {
        met = __atomic_load_n(&present, __ATOMIC_SEQ_CST) >= count;
        nanosleep(&pause, NULL);
    }
    if (!met) {
        __atomic_sub_fetch(&present, 1, __ATOMIC_SEQ_CST);
    }
    return met;
}

void leave_all(void) { __atomic_store_n(&present, 0, __ATOMIC_SEQ_CST); }

/* Calls back, and reads the tensor afterwards. */
double call_back(const DLTensor *tensor, int (*function)(int), int depth) {
    const int result = function(depth);
    return result + (double)*at(tensor, 0, 0);
}

/* Two results, and what the arguments were. */
int divide(int64_t value, int64_t by, int64_t *quotient, int64_t *rest) {
    if (by == 0) {
        return 7;
    }
    *quotient = value / by;
    *rest = value % by;
    return 0;
}
