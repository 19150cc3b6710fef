/* Share memory of your own as a tensor, without a copy. */
#include <dlbridge/dlbridge.h>
#include <stdio.h>

static void release(void *name) { printf("nobody uses the %s any more\n", (char *)name); }

int main(void) {
    float pixels[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int64_t shape[2] = {2, 3};
    DLTensor picture = {pixels, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
    DLManagedTensorVersioned *tensor, *transposed;

    if (dlbridge_wrap(&picture, 0, "pixels", release, &tensor) ||
        dlbridge_permute(tensor, 2, (int32_t[]){1, 0}, &transposed)) {
        fprintf(stderr, "%s\n", dlbridge_last_error());
        return 1;
    }
    dlbridge_release(tensor); /* the pixels still have an owner: transposed */

    const DLTensor *view = &transposed->dl_tensor;
    float *first = view->data;
    first[2 * view->strides[0] + 1 * view->strides[1]] = 60;

    char text[DLBRIDGE_TEXT_SIZE];
    dlbridge_describe(view, text, sizeof text);
    printf("%s\npixels[1][2] is %g\n", text, pixels[1][2]);
    dlbridge_release(transposed);
    return 0;
}
