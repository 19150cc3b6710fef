/* The header alone, twice, and what it promises to a C compiler. test_header.py
 * compiles it with the official dlpack.h before, after and in its place too. */
#ifdef OFFICIAL_FIRST
#include OFFICIAL_FIRST
#endif
#include <dlbridge/dlbridge.h>
/* again */
#include <dlbridge/abi.h>
#include <dlbridge/dlbridge.h>
#ifdef OFFICIAL_LAST
#include OFFICIAL_LAST
#endif

#define ASSERT(name, condition) typedef char assert_##name[(condition) ? 1 : -1]

ASSERT(device_size, sizeof(DLDevice) == 8);
ASSERT(device_index, offsetof(DLDevice, device_id) == 4);
ASSERT(dtype_size, sizeof(DLDataType) == 4);
ASSERT(dtype_bits, offsetof(DLDataType, bits) == 1);
ASSERT(dtype_lanes, offsetof(DLDataType, lanes) == 2);
ASSERT(version_size, sizeof(DLPackVersion) == 8);
ASSERT(range_size, sizeof(dlbridge_range) == 24);
ASSERT(range_stop, offsetof(dlbridge_range, stop) == 8);
ASSERT(range_step, offsetof(dlbridge_range, step) == 16);
ASSERT(status_size, sizeof(dlbridge_status) == 4);
ASSERT(error_size, sizeof(dlbridge_error) == 4);

#if UINTPTR_MAX == 0xffffffffffffffffU
ASSERT(tensor_byte_offset, offsetof(DLTensor, byte_offset) == 40);
ASSERT(tensor_size, sizeof(DLTensor) == 48);
ASSERT(managed_tensor, offsetof(DLManagedTensorVersioned, dl_tensor) == 32);
ASSERT(managed_size, sizeof(DLManagedTensorVersioned) == 80);
ASSERT(legacy_size, sizeof(DLManagedTensor) == 64);
#if DLPACK_MINOR_VERSION >= 3
ASSERT(exchange_header, sizeof(DLPackExchangeAPIHeader) == 16);
ASSERT(exchange_size, sizeof(DLPackExchangeAPI) == 56);
ASSERT(exchange_allocator, offsetof(DLPackExchangeAPI, managed_tensor_allocator) == 16);
ASSERT(exchange_stream, offsetof(DLPackExchangeAPI, current_work_stream) == 48);
#endif

ASSERT(interface_ndim, offsetof(dlbridge_array_interface, ndim) == 8);
ASSERT(interface_data, offsetof(dlbridge_array_interface, data) == 16);
ASSERT(interface_read_only, offsetof(dlbridge_array_interface, read_only) == 24);
ASSERT(interface_has_strides, offsetof(dlbridge_array_interface, has_strides) == 25);
ASSERT(interface_shape, offsetof(dlbridge_array_interface, shape) == 32);
ASSERT(interface_strides, offsetof(dlbridge_array_interface, strides) == 544);
ASSERT(interface_size, sizeof(dlbridge_array_interface) == 1056);

ASSERT(struct_typekind, offsetof(dlbridge_array_struct, typekind) == 8);
ASSERT(struct_itemsize, offsetof(dlbridge_array_struct, itemsize) == 12);
ASSERT(struct_flags, offsetof(dlbridge_array_struct, flags) == 16);
ASSERT(struct_shape, offsetof(dlbridge_array_struct, shape) == 24);
ASSERT(struct_strides, offsetof(dlbridge_array_struct, strides) == 32);
ASSERT(struct_data, offsetof(dlbridge_array_struct, data) == 40);
ASSERT(struct_descr, offsetof(dlbridge_array_struct, descr) == 48);
ASSERT(struct_size, sizeof(dlbridge_array_struct) == 56);
#endif

ASSERT(major, DLPACK_MAJOR_VERSION == 1);
ASSERT(read_only, DLPACK_FLAG_BITMASK_READ_ONLY == 1);
ASSERT(copied, DLPACK_FLAG_BITMASK_IS_COPIED == 2);
ASSERT(padded, DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED == 4);
ASSERT(cpu, kDLCPU == 1);
ASSERT(last_first_device, kDLMAIA == 17);
ASSERT(first_code, kDLInt == 0);
ASSERT(last_first_code, kDLBool == 6);
#if DLPACK_MINOR_VERSION >= 1
ASSERT(last_code, kDLFloat4_e2m1fn == 17);
#endif
#if DLPACK_MINOR_VERSION >= 3
ASSERT(last_device, kDLTrn == 18);
#endif
ASSERT(max_ndim, DLBRIDGE_MAX_NDIM == 64);
ASSERT(open, DLBRIDGE_OPEN == INT64_MIN);
ASSERT(ok, DLBRIDGE_OK == 0);
ASSERT(first_error, DLBRIDGE_ERROR_NULL == 1);

/* The managed tensor has its name without `struct`, whichever header named it. */
static int is_owner(const DLManagedTensorVersioned *tensor) { return tensor != NULL; }

/* Constants of the error codes are integers that a status compares with. */
static dlbridge_status first(void) { return DLBRIDGE_ERROR_NULL; }

int main(void) { return first() == DLBRIDGE_ERROR_NULL && !is_owner(NULL) ? 0 : 1; }
