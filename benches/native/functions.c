/* The functions that the benchmarks call. They use the first elements only: what is
 * measured is the way there. */
#include <dlbridge/abi.h>

static float *elements(const DLTensor *tensor) {
    return (float *)((char *)tensor->data + tensor->byte_offset);
}

int read1_address(const float *a) { return (int)*a; }

int read1(const DLTensor *a) { return read1_address(elements(a)); }

int read1_named(const DLTensor *a, const char *name) { return read1(a) + name[0]; }

int copy1(const DLTensor *a, DLTensor *dst) {
    *elements(dst) = *elements(a);
    return 0;
}

int add3_addresses(const float *a, const float *b, float *dst) {
    *dst = *a + *b;
    return 0;
}

/* Sums of as many as their names say, the last of which they are written to. */

int add1(DLTensor *dst) { return add3_addresses(elements(dst), elements(dst), elements(dst)); }

int add3(const DLTensor *a, const DLTensor *b, DLTensor *dst) {
    return add3_addresses(elements(a), elements(b), elements(dst));
}

#define FOUR(w, x, y, z) const DLTensor *w, const DLTensor *x, const DLTensor *y, const DLTensor *z
#define SUM(w, x, y, z) (*elements(w) + *elements(x) + *elements(y) + *elements(z))

int add8(FOUR(a, b, c, d), FOUR(e, f, g, dst)) {
    *elements(dst) = SUM(a, b, c, d) + SUM(e, f, g, g);
    return 0;
}

int add16(FOUR(a, b, c, d), FOUR(e, f, g, h), FOUR(i, j, k, l), FOUR(m, n, o, dst)) {
    *elements(dst) = SUM(a, b, c, d) + SUM(e, f, g, h) + SUM(i, j, k, l) + SUM(m, n, o, o);
    return 0;
}
