/* The standard structs of DLPack 1.3.
 *
 * The official header <dlpack/dlpack.h> is used where the compiler finds it.
 * Elsewhere the same types are defined here, under the official include guard,
 * so that a later #include of the official header adds nothing. The rules that
 * the fields obey: https://dmlc.github.io/dlpack/latest/c_api.html
 */
#ifndef DLBRIDGE_ABI_H_
#define DLBRIDGE_ABI_H_

#include <stddef.h>
#include <stdint.h>

#if !defined(DLPACK_DLPACK_H_) && defined(__has_include)
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#endif
#endif

#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_

#define DLPACK_MAJOR_VERSION 1
#define DLPACK_MINOR_VERSION 3

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the struct layout (major) and of the sets of codes (minor). */
typedef struct {
  uint32_t major;
  uint32_t minor;
} DLPackVersion;

#ifdef __cplusplus
typedef enum : int32_t {
#else
typedef enum {
#endif
  kDLCPU = 1,
  kDLCUDA = 2,
  kDLCUDAHost = 3, /* host memory, pinned by CUDA */
  kDLOpenCL = 4,
  kDLVulkan = 7,
  kDLMetal = 8,
  kDLVPI = 9,
  kDLROCM = 10,
  kDLROCMHost = 11, /* host memory, pinned by ROCm */
  kDLExtDev = 12,   /* for experiments */
  kDLCUDAManaged = 13,
  kDLOneAPI = 14,
  kDLWebGPU = 15,
  kDLHexagon = 16,
  kDLMAIA = 17,
  kDLTrn = 18
} DLDeviceType;

/* A device; the index is 0 for memory of the host. */
typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;

typedef enum {
  kDLInt = 0U,
  kDLUInt = 1U,
  kDLFloat = 2U, /* IEEE 754 */
  kDLOpaqueHandle = 3U,
  kDLBfloat = 4U,
  kDLComplex = 5U, /* two floats; bits counts both */
  kDLBool = 6U,    /* one byte */
  kDLFloat8_e3m4 = 7U,
  kDLFloat8_e4m3 = 8U,
  kDLFloat8_e4m3b11fnuz = 9U,
  kDLFloat8_e4m3fn = 10U,
  kDLFloat8_e4m3fnuz = 11U,
  kDLFloat8_e5m2 = 12U,
  kDLFloat8_e5m2fnuz = 13U,
  kDLFloat8_e8m0fnu = 14U,
  kDLFloat6_e2m3fn = 15U,
  kDLFloat6_e3m2fn = 16U,
  kDLFloat4_e2m1fn = 17U
} DLDataTypeCode;

/* An element type: code is a DLDataTypeCode, bits the width of one lane. */
typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

/* A tensor that somebody else keeps alive. */
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;   /* ndim extents */
  int64_t *strides; /* ndim strides, in elements */
  uint64_t byte_offset;
} DLTensor;

/* An owned tensor in the form before DLPack 1.0, without version and flags. */
typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;

#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
#define DLPACK_FLAG_BITMASK_IS_COPIED (1UL << 1UL)
#define DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED (1UL << 2UL)

/* An owned tensor: its owner calls deleter(self) once, on any thread. */
typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

/* The functions of __dlpack_c_exchange_api__; each returns 0, or -1 with a
 * Python exception set. */
typedef int (*DLPackManagedTensorAllocator)(DLTensor *prototype, DLManagedTensorVersioned **out,
                                            void *error_ctx,
                                            void (*SetError)(void *error_ctx, const char *kind,
                                                             const char *message));
typedef int (*DLPackManagedTensorFromPyObjectNoSync)(void *py_object,
                                                     DLManagedTensorVersioned **out);
typedef int (*DLPackManagedTensorToPyObjectNoSync)(DLManagedTensorVersioned *tensor,
                                                   void **out_py_object);
typedef int (*DLPackDLTensorFromPyObjectNoSync)(void *py_object, DLTensor *out);
typedef int (*DLPackCurrentWorkStream)(DLDeviceType device_type, int32_t device_id,
                                       void **out_current_stream);

typedef struct DLPackExchangeAPIHeader {
  DLPackVersion version;
  struct DLPackExchangeAPIHeader *prev_api;
} DLPackExchangeAPIHeader;

typedef struct DLPackExchangeAPI {
  DLPackExchangeAPIHeader header;
  DLPackManagedTensorAllocator managed_tensor_allocator;
  DLPackManagedTensorFromPyObjectNoSync managed_tensor_from_py_object_no_sync;
  DLPackManagedTensorToPyObjectNoSync managed_tensor_to_py_object_no_sync;
  DLPackDLTensorFromPyObjectNoSync dltensor_from_py_object_no_sync; /* may be NULL */
  DLPackCurrentWorkStream current_work_stream;
} DLPackExchangeAPI;

#ifdef __cplusplus
}
#endif

#endif /* DLPACK_DLPACK_H_ */

#if !defined(DLPACK_MAJOR_VERSION) || DLPACK_MAJOR_VERSION != 1
#error "dlbridge needs dlpack/dlpack.h of version 1.x, and the compiler found another one"
#endif

/* The library and its callers must agree on every byte, whoever defined the
 * structs. Before C11 a negative array size does the work of static_assert. */
#if defined(__cplusplus)
#define DLBRIDGE_ASSERT_(name, condition) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define DLBRIDGE_ASSERT_(name, condition) _Static_assert(condition, #name)
#else
#define DLBRIDGE_ASSERT_(name, condition) typedef char dlbridge_assert_##name[(condition) ? 1 : -1]
#endif

#if UINTPTR_MAX == 0xffffffffffffffffU
DLBRIDGE_ASSERT_(tensor_size, sizeof(DLTensor) == 48);
DLBRIDGE_ASSERT_(tensor_data, offsetof(DLTensor, data) == 0);
DLBRIDGE_ASSERT_(tensor_device, offsetof(DLTensor, device) == 8);
DLBRIDGE_ASSERT_(tensor_ndim, offsetof(DLTensor, ndim) == 16);
DLBRIDGE_ASSERT_(tensor_dtype, offsetof(DLTensor, dtype) == 20);
DLBRIDGE_ASSERT_(tensor_shape, offsetof(DLTensor, shape) == 24);
DLBRIDGE_ASSERT_(tensor_strides, offsetof(DLTensor, strides) == 32);
DLBRIDGE_ASSERT_(tensor_byte_offset, offsetof(DLTensor, byte_offset) == 40);
DLBRIDGE_ASSERT_(legacy_size, sizeof(DLManagedTensor) == 64);
DLBRIDGE_ASSERT_(legacy_manager_ctx, offsetof(DLManagedTensor, manager_ctx) == 48);
DLBRIDGE_ASSERT_(legacy_deleter, offsetof(DLManagedTensor, deleter) == 56);
DLBRIDGE_ASSERT_(managed_size, sizeof(DLManagedTensorVersioned) == 80);
DLBRIDGE_ASSERT_(managed_manager_ctx, offsetof(DLManagedTensorVersioned, manager_ctx) == 8);
DLBRIDGE_ASSERT_(managed_deleter, offsetof(DLManagedTensorVersioned, deleter) == 16);
DLBRIDGE_ASSERT_(managed_flags, offsetof(DLManagedTensorVersioned, flags) == 24);
DLBRIDGE_ASSERT_(managed_dl_tensor, offsetof(DLManagedTensorVersioned, dl_tensor) == 32);
#endif

#endif /* DLBRIDGE_ABI_H_ */
