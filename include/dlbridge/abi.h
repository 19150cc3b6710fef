/** @file
 * The standard structs of DLPack 1.3.
 *
 * The official header <dlpack/dlpack.h> is used where the compiler finds it.
 * Elsewhere the same types are defined here, under the official include guard,
 * so that the official header adds nothing later. The rules that
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

/** The version that these definitions are of. */
#define DLPACK_MAJOR_VERSION 1
/** The version that these definitions are of. */
#define DLPACK_MINOR_VERSION 3

#ifdef __cplusplus
extern "C" {
#endif

/** The version of a managed tensor. */
typedef struct {
    uint32_t major; /**< That of the struct layout: with another one read nothing more. */
    uint32_t minor; /**< That of the sets of codes. */
} DLPackVersion;

/** The kinds of devices. */
#ifdef __cplusplus
typedef enum : int32_t {
#else
typedef enum {
#endif
    kDLCPU = 1,
    kDLCUDA = 2,
    kDLCUDAHost = 3, /**< host memory, pinned by CUDA */
    kDLOpenCL = 4,
    kDLVulkan = 7,
    kDLMetal = 8,
    kDLVPI = 9,
    kDLROCM = 10,
    kDLROCMHost = 11, /**< host memory, pinned by ROCm */
    kDLExtDev = 12,   /**< for experiments */
    kDLCUDAManaged = 13,
    kDLOneAPI = 14,
    kDLWebGPU = 15,
    kDLHexagon = 16,
    kDLMAIA = 17,
    kDLTrn = 18
} DLDeviceType;

/** A device. */
typedef struct {
    DLDeviceType device_type; /**< Its kind. */
    int32_t device_id;        /**< Its index among those of its kind; 0 for the host. */
} DLDevice;

/** The kinds of elements. */
typedef enum {
    kDLInt = 0U,
    kDLUInt = 1U,
    kDLFloat = 2U, /**< IEEE 754 */
    kDLOpaqueHandle = 3U,
    kDLBfloat = 4U,
    kDLComplex = 5U, /**< two floats; bits counts both */
    kDLBool = 6U,    /**< one byte */
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

/** An element type, in native byte order. */
typedef struct {
    uint8_t code;   /**< A DLDataTypeCode. */
    uint8_t bits;   /**< The bits of one lane. */
    uint16_t lanes; /**< 1, but for vector types. */
} DLDataType;

/** A tensor that somebody else keeps alive. */
typedef struct {
    void *data;           /**< The memory: an address, or a handle on some devices. */
    DLDevice device;      /**< Where the memory is. */
    int32_t ndim;         /**< The number of dimensions. */
    DLDataType dtype;     /**< The element type. */
    int64_t *shape;       /**< ndim extents. */
    int64_t *strides;     /**< ndim strides, in elements; before DLPack 1.2 NULL was C order. */
    uint64_t byte_offset; /**< From data to the first element, in bytes. */
} DLTensor;

/** An owned tensor in the form before DLPack 1.0, without version and flags. */
typedef struct DLManagedTensor {
    DLTensor dl_tensor;                            /**< The descriptor. */
    void *manager_ctx;                             /**< The producer's own. */
    void (*deleter)(struct DLManagedTensor *self); /**< As in DLManagedTensorVersioned. */
} DLManagedTensor;

/** Nobody may write to the memory. */
#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
/** The memory is a copy that the receiver alone owns. */
#define DLPACK_FLAG_BITMASK_IS_COPIED (1UL << 1UL)
/** Elements that are parts of bytes take whole bytes each. */
#define DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED (1UL << 2UL)

/** An owned tensor. */
typedef struct DLManagedTensorVersioned {
    DLPackVersion version; /**< To be read before anything but the next two fields. */
    void *manager_ctx;     /**< The producer's own. */
    /** The owner calls it once, on any thread; it may be NULL. */
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;     /**< DLPACK_FLAG_BITMASK_ values. */
    DLTensor dl_tensor; /**< The descriptor. */
} DLManagedTensorVersioned;

/** Allocates a tensor of the prototype's dtype, shape and device. This and the
 * functions below return 0, or -1 with an exception set (here: by SetError). */
typedef int (*DLPackManagedTensorAllocator)(DLTensor *prototype, DLManagedTensorVersioned **out,
                                            void *error_ctx,
                                            void (*SetError)(void *error_ctx, const char *kind,
                                                             const char *message));
/** Gives one more owner of the tensor of a Python object. */
typedef int (*DLPackManagedTensorFromPyObjectNoSync)(void *py_object,
                                                     DLManagedTensorVersioned **out);
/** Makes a Python object that owns the tensor. */
typedef int (*DLPackManagedTensorToPyObjectNoSync)(DLManagedTensorVersioned *tensor,
                                                   void **out_py_object);
/** Lends the descriptor of a Python object's tensor. */
typedef int (*DLPackDLTensorFromPyObjectNoSync)(void *py_object, DLTensor *out);
/** Gives the stream on which the framework works now. */
typedef int (*DLPackCurrentWorkStream)(DLDeviceType device_type, int32_t device_id,
                                       void **out_current_stream);

/** What each version of the table begins with. */
typedef struct DLPackExchangeAPIHeader {
    DLPackVersion version;                    /**< That of this table. */
    struct DLPackExchangeAPIHeader *prev_api; /**< The table of an earlier version, or NULL. */
} DLPackExchangeAPIHeader;

/** The table behind `__dlpack_c_exchange_api__` of a Python type. */
typedef struct DLPackExchangeAPI {
    DLPackExchangeAPIHeader header;                        /**< The version. */
    DLPackManagedTensorAllocator managed_tensor_allocator; /**< Never NULL. */
    /** Never NULL. */
    DLPackManagedTensorFromPyObjectNoSync managed_tensor_from_py_object_no_sync;
    /** Never NULL. */
    DLPackManagedTensorToPyObjectNoSync managed_tensor_to_py_object_no_sync;
    DLPackDLTensorFromPyObjectNoSync dltensor_from_py_object_no_sync; /**< May be NULL. */
    DLPackCurrentWorkStream current_work_stream;                      /**< Never NULL. */
} DLPackExchangeAPI;

#ifdef __cplusplus
}
#endif

#endif /* DLPACK_DLPACK_H_ */

#if !defined(DLPACK_MAJOR_VERSION) || DLPACK_MAJOR_VERSION != 1
#error "dlbridge needs dlpack/dlpack.h of version 1.x, and the compiler found another one"
#endif

/* What official headers of earlier versions lack of what is used here. In C those
 * before DLPack 1.2 name the struct by its tag alone; those before 1.1 do not have the
 * flag. Codes and devices that they lack stay numbers: their enums are closed. */
#if DLPACK_MINOR_VERSION < 2 && !defined(__cplusplus)
typedef struct DLManagedTensorVersioned DLManagedTensorVersioned;
#endif
#ifndef DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED
#define DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED (1UL << 2UL)
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
