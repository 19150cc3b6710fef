/* Functions that remember what they were called with. */

#include <dlbridge/dlbridge.h>

/* Of two tensors: address, device, ndim, dtype, offset, then shape and strides; then the numbers.
 */
int64_t seen[64];

static void see(int64_t *out, const DLTensor *tensor, int is_new) {
    *out++ = is_new ? tensor->data != NULL : (int64_t)(uintptr_t)tensor->data;
    *out++ = tensor->device.device_type;
    *out++ = tensor->device.device_id;
    *out++ = tensor->ndim;
    *out++ = tensor->dtype.code * 10000000 + tensor->dtype.bits * 10000 + tensor->dtype.lanes;
    *out++ = (int64_t)tensor->byte_offset;
    for (int axis = 0; axis < tensor->ndim; axis++) {
        *out++ = tensor->shape[axis];
        *out++ = tensor->strides[axis];
    }
}

int one(const DLTensor *tensor) {
    see(seen, tensor, 0);
    return 0;
}

int two(const DLTensor *first, DLTensor *second) {
    see(seen, first, 0);
    see(seen + 24, second, 0);
    return first->ndim == 1 && first->shape[0] == 13 ? 7 : 0;
}

int made(const DLTensor *first, DLTensor *second) {
    see(seen, first, 0);
    see(seen + 24, second, 1);
    return 0;
}

int64_t elements(const void *first, int64_t count, int64_t number, uint32_t ndim, double scale) {
    seen[0] = (int64_t)(uintptr_t)first;
    seen[1] = count;
    seen[2] = number;
    seen[3] = ndim;
    seen[4] = (int64_t)scale;
    return count;
}

/* As many as registers have room for, and one more of each kind. */
double six_and_eight(int32_t a, double b, uint8_t c, float d, uint64_t e, double f, int64_t g,
                     float h, bool i, double j, double k, double l, uint32_t m, float n) {
    return a + 2 * b + 3 * c + 4 * (double)d + 5 * (double)e + 6 * f + 7 * (double)g +
           8 * (double)h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * (double)m + 14 * (double)n;
}

uint64_t seven(int32_t a, uint8_t b, uint16_t c, int64_t d, uint64_t e, bool f, int32_t g) {
    return (uint64_t)(a + 2 * b + 3 * c + 4 * d + 5 * (int64_t)e + 6 * f + 7 * g);
}

double nine(double a, float b, double c, float d, double e, float f, double g, float h, double i) {
    return a + 2 * (double)b + 3 * c + 4 * (double)d + 5 * e + 6 * (double)f + 7 * g +
           8 * (double)h + 9 * i;
}

int8_t narrow(int8_t a, int16_t b) { return (int8_t)(a + b); }
int16_t negative(int32_t a) { return (int16_t)-a; }
bool is_odd(uint64_t a) { return a % 2; }
float half(float a) { return a / 2; }
float third(int64_t a) { return (float)a / 3; }
uint64_t rounded(double a) { return (uint64_t)a; }
