/* A producer: memory of our own becomes a tensor, without a copy. */
#include "images.h"

#include <stdlib.h>

DLManagedTensorVersioned *make_rings(int64_t height, int64_t width) {
    const int64_t most = 32768;
    if (height < 1 || height > most || width < 1 || width > most) {
        dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "height and width must be 1 to 32768");
        return NULL;
    }
    float *pixels = malloc((size_t)(height * width) * sizeof *pixels);
    if (pixels == NULL) {
        dlbridge_fail(DLBRIDGE_ERROR_MEMORY, "the pixels could not be allocated");
        return NULL;
    }
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            pixels[y * width + x] = (float)((x * x + y * y) % 256);

    int64_t shape[2] = {height, width};
    const DLTensor image = {pixels, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
    DLManagedTensorVersioned *tensor;
    /* The last owner, in whatever language, calls free(pixels). */
    if (dlbridge_wrap(&image, 0, pixels, free, &tensor) != DLBRIDGE_OK) {
        free(pixels);
        return NULL;
    }
    return tensor;
}
