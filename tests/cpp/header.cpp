// The C header in C++: alone, twice, and with its functions linked as C.
#include <dlbridge/dlbridge.h>
// again
#include <dlbridge/abi.h>
#include <dlbridge/dlbridge.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

static_assert(std::is_trivially_copyable_v<DLTensor> && std::is_standard_layout_v<DLTensor>);
static_assert(std::is_trivially_copyable_v<dlbridge_array_interface>);
static_assert(std::is_same_v<dlbridge_status, int32_t>);
static_assert(std::is_same_v<std::underlying_type_t<dlbridge_error>, int32_t>);
static_assert(sizeof(DLDevice) == 8 && sizeof(DLDataType) == 4);
static_assert(sizeof(DLManagedTensorVersioned) == 80);
static_assert(offsetof(DLTensor, byte_offset) == 40);
static_assert(offsetof(DLManagedTensorVersioned, dl_tensor) == 32);
static_assert(sizeof(dlbridge_array_interface) == 1056 && sizeof(dlbridge_array_struct) == 56);
static_assert(DLBRIDGE_OPEN == INT64_MIN && DLBRIDGE_OK == 0);

int main() {
    const int64_t shape[] = {2, 3};
    DLManagedTensorVersioned *tensor = nullptr;
    if (dlbridge_empty({kDLFloat, 32, 1}, 2, shape, &tensor) != DLBRIDGE_OK) {
        return 1;
    }
    dlbridge_release(tensor);
    const dlbridge_status status = dlbridge_validate(nullptr);
    return status == DLBRIDGE_ERROR_NULL && std::strstr(dlbridge_last_error(), "NULL") ? 0 : 1;
}
