/* A filter: it takes tensors from anybody, and one call checks them. */
#include "images.h"

static float *pixels_of(const DLTensor *image) {
    return (float *)((char *)image->data + image->byte_offset);
}

static float mean_around(const float *pixels, int64_t height, int64_t width, int64_t y, int64_t x) {
    float sum = 0, count = 0;
    for (int64_t v = y - 1; v <= y + 1; v++)
        for (int64_t u = x - 1; u <= x + 1; u++)
            if (v >= 0 && v < height && u >= 0 && u < width) {
                sum += pixels[v * width + u];
                count++;
            }
    return sum / count;
}

dlbridge_status blur(const DLTensor *source, DLTensor *target) {
    const DLTensor *given[2] = {source, target};
    const dlbridge_status status =
        dlbridge_check_all(2, given, "source: f32[h, w] c host, target: f32[h, w] c host");
    if (status != DLBRIDGE_OK)
        return status;

    const int64_t height = source->shape[0], width = source->shape[1];
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            pixels_of(target)[y * width + x] = mean_around(pixels_of(source), height, width, y, x);
    return DLBRIDGE_OK;
}
