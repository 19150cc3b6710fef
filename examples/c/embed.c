/* dlbridge inside a plain C program, on machines that have no Python. */
#include "images.h"

#include <stdio.h>

/* A blurred copy of every second row from the last one up, or NULL. */
static DLManagedTensorVersioned *halve_and_blur(const DLManagedTensorVersioned *image) {
    const dlbridge_range upwards = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, -2};
    DLManagedTensorVersioned *view = NULL, *rows = NULL, *blurred = NULL;
    if (dlbridge_slice(image, 1, &upwards, &view) == DLBRIDGE_OK &&
        dlbridge_copy(&view->dl_tensor, &rows) == DLBRIDGE_OK &&
        dlbridge_empty(rows->dl_tensor.dtype, 2, rows->dl_tensor.shape, &blurred) == DLBRIDGE_OK &&
        blur(&rows->dl_tensor, &blurred->dl_tensor) != DLBRIDGE_OK) {
        dlbridge_release(blurred);
        blurred = NULL;
    }
    dlbridge_release(rows);
    dlbridge_release(view);
    return blurred;
}

int main(void) {
    DLManagedTensorVersioned *image = make_rings(6, 8);
    DLManagedTensorVersioned *blurred = halve_and_blur(image);
    dlbridge_release(image);
    if (blurred == NULL) {
        fprintf(stderr, "%s\n", dlbridge_last_error());
        return 1;
    }
    char text[DLBRIDGE_TEXT_SIZE];
    dlbridge_describe(&blurred->dl_tensor, text, sizeof text);
    const float *pixels = blurred->dl_tensor.data;
    printf("dlbridge %s made %s; it begins with %g\n", dlbridge_version(), text, pixels[0]);
    dlbridge_release(blurred);
    return 0;
}
