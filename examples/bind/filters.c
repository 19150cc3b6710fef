/* A small image library that needs nothing of dlbridge but its structs:
 *   cc -O2 -shared -fPIC $(python -m dlbridge --cflags) filters.c -o libfilters.so -lm */
#include <dlbridge/abi.h>

#include <math.h>
#include <stddef.h>

static const char *reason = "";

const char *filters_error(void) { return reason; }

static float *pixel(const DLTensor *image, int64_t y, int64_t x) {
    char *first = (char *)image->data + image->byte_offset;
    return (float *)first + y * image->strides[0] + x * image->strides[1];
}

static int64_t clamp(int64_t index, int64_t extent) {
    return index < 0 ? 0 : index >= extent ? extent - 1 : index;
}

/* Blurs each row with a Gaussian of sigma pixels. Any strides; 0 on success. */
int blur(const DLTensor *src, DLTensor *dst, double sigma) {
    if (!(sigma > 0)) {
        reason = "sigma must be above 0";
        return 1;
    }
    const int64_t reach = (int64_t)ceil(3 * sigma);
    for (int64_t y = 0; y < src->shape[0]; ++y)
        for (int64_t x = 0; x < src->shape[1]; ++x) {
            double sum = 0, weights = 0;
            for (int64_t far = -reach; far <= reach; ++far) {
                const double weight = exp(-(double)(far * far) / (2 * sigma * sigma));
                sum += weight * *pixel(src, y, clamp(x + far, src->shape[1]));
                weights += weight;
            }
            *pixel(dst, y, x) = (float)(sum / weights);
        }
    return 0;
}

/* Counts how often each value occurs. Knows nothing of tensors. */
void histogram(const unsigned char *values, size_t count, long long bins[256]) {
    for (size_t bin = 0; bin < 256; ++bin)
        bins[bin] = 0;
    for (size_t index = 0; index < count; ++index)
        ++bins[values[index]];
}
