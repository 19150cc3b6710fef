#include <dlbridge/dlbridge.h>
#include <stdio.h>

int main(void) {
    const DLDataType float32 = {kDLFloat, 32, 1};
    const int64_t shape[2] = {2, 3};
    DLManagedTensorVersioned *tensor;
    char text[DLBRIDGE_TEXT_SIZE];
    if (dlbridge_abi_version() != DLBRIDGE_ABI_VERSION ||
        dlbridge_empty(float32, 2, shape, &tensor) != DLBRIDGE_OK ||
        dlbridge_describe(&tensor->dl_tensor, text, sizeof text) != DLBRIDGE_OK) {
        fprintf(stderr, "%s\n", dlbridge_last_error());
        return 1;
    }
    dlbridge_release(tensor);
    printf("%s %s\n", dlbridge_version(), text);
    return 0;
}
