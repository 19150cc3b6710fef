// Generated from src/capi by cbindgen (`make header`); do not edit.
//
// dlbridge exchanges n-dimensional buffers through DLPack and NumPy's array
// interface without a copy. The DLPack struct is the handle: an owned tensor is
// a `DLManagedTensorVersioned *`, a borrowed one a `const DLTensor *`, and
// tensors from anywhere can be given to these functions.
//
// Ownership, in four words:
//   owns      must release it, once, by dlbridge_release() or its deleter;
//   borrows   may use it until the call returns, and does not release it;
//   consumes  takes the ownership from the caller if the call succeeds; on an
//             error the caller still owns it;
//   shares    becomes a further owner; the memory is released after the last.
//
// Errors: functions that can fail return DLBRIDGE_OK (0) or one of the
// DLBRIDGE_ERROR_ codes, and dlbridge_last_error() has a sentence that names the
// argument or field, what it was and what it must be. Outputs are written only
// on success. No function lets a panic or an exception out. A descriptor that
// C code changed is checked again: then the codes of dlbridge_validate() come
// also where they are not listed.
//
// Threads: any function may be called on any thread. An object behind a
// `const T *` may be used by several threads at once; behind a `T *`, by one.
//
// What is made here: tensors that this library gives out have shape and strides
// (never NULL with dimensions), and a byte_offset of 0 wherever data is an
// address, so that data is the first element. Tensors from elsewhere may differ:
// the first element is at (char *)data + byte_offset, and NULL strides are C order.
//
// Units: strides of a DLTensor are in elements, strides of the array interface
// in bytes.


#ifndef DLBRIDGE_DLBRIDGE_H_
#define DLBRIDGE_DLBRIDGE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dlbridge/abi.h"

/// The most dimensions that a tensor may have here: what NumPy allows
/// (`NPY_MAXDIMS`), the largest limit among the frameworks that have one.
#define DLBRIDGE_MAX_NDIM 64

/// Alignment in bytes of the memory that this library allocates.
#define DLBRIDGE_ALIGNMENT 64

/// The elements lie in C order without gaps.
#define DLBRIDGE_ARRAY_C_CONTIGUOUS 1

/// The elements lie in Fortran order without gaps.
#define DLBRIDGE_ARRAY_F_CONTIGUOUS 2

/// The data and the strides are multiples of the element's alignment.
#define DLBRIDGE_ARRAY_ALIGNED 256

/// The elements are in native byte order.
#define DLBRIDGE_ARRAY_NOTSWAPPED 512

/// The data may be written to.
#define DLBRIDGE_ARRAY_WRITEABLE 1024

/// `descr` is set.
#define DLBRIDGE_ARRAY_HAS_DESCR 2048

/// The version of the C ABI: larger after any change that could break a program
/// compiled before. It equals dlbridge_abi_version() of the library linked to,
/// or else header and library do not fit.
#define DLBRIDGE_ABI_VERSION 1

/// Bytes that hold the description of a tensor of up to 8 dimensions.
#define DLBRIDGE_TEXT_SIZE 512

/// Stands for a missing start or stop of a dlbridge_range: as far as the axis
/// goes in the direction of the step.
#define DLBRIDGE_OPEN INT64_MIN

/// Bytes that hold the name of any element type or device, or any typestr.
#define DLBRIDGE_NAME_SIZE 32

/// The kind of a failure. The numbers are never reused and never renumbered.
enum dlbridge_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// A pointer argument is NULL that must not be.
  DLBRIDGE_ERROR_NULL = 1,
  /// An argument is outside the values that the function takes.
  DLBRIDGE_ERROR_ARGUMENT = 2,
  /// The memory could not be allocated: that for a result, or for the sentence
  /// of another failure.
  DLBRIDGE_ERROR_MEMORY = 3,
  /// `version`: another major version of DLPack.
  DLBRIDGE_ERROR_VERSION = 4,
  /// `flags`: bits that DLPack 1.3 does not define.
  DLBRIDGE_ERROR_FLAGS = 5,
  /// `ndim`: negative or above 64.
  DLBRIDGE_ERROR_NDIM = 6,
  /// `shape`: NULL with dimensions, or a negative extent.
  DLBRIDGE_ERROR_SHAPE = 7,
  /// `strides`: they reach further than an address can.
  DLBRIDGE_ERROR_STRIDES = 8,
  /// The element count or the byte count does not fit in 63 bits.
  DLBRIDGE_ERROR_SIZE = 9,
  /// `data`: NULL although the tensor has elements.
  DLBRIDGE_ERROR_DATA = 10,
  /// `byte_offset`, or the addresses reached from it, leave the address space.
  DLBRIDGE_ERROR_BYTE_OFFSET = 11,
  /// `dtype`: unknown code, or bits or lanes that the code does not have.
  DLBRIDGE_ERROR_DTYPE = 12,
  /// `device`: unknown type or negative index, or not the device needed.
  DLBRIDGE_ERROR_DEVICE = 13,
  /// The tensor is read-only and the operation needs a writable one.
  DLBRIDGE_ERROR_READ_ONLY = 14,
  /// The layout asked for cannot be had without a copy.
  DLBRIDGE_ERROR_LAYOUT = 15,
  /// Source and target of a copy share memory, or the target overlaps itself.
  DLBRIDGE_ERROR_OVERLAP = 16,
  /// An axis or an index is out of range.
  DLBRIDGE_ERROR_INDEX = 17,
  /// Elements in the byte order of another machine.
  DLBRIDGE_ERROR_BYTE_ORDER = 18,
  /// The tensor was not made by this library and has to be imported first.
  DLBRIDGE_ERROR_FOREIGN = 19,
  /// The tensor has other owners, or owners that cannot be known.
  DLBRIDGE_ERROR_SHARED = 20,
  /// An array interface struct or typestr that is malformed.
  DLBRIDGE_ERROR_INTERFACE = 21,
  /// A defect of this library: please report it.
  DLBRIDGE_ERROR_INTERNAL = 22,
  /// The first element is not aligned as asked for.
  DLBRIDGE_ERROR_ALIGNMENT = 23,
  /// The text of a check is malformed.
  DLBRIDGE_ERROR_SPEC = 24,
  /// There is no CUDA driver, or none that can be used; the sentence says why.
  DLBRIDGE_ERROR_NO_CUDA = 25,
  /// A call of the CUDA driver failed; the sentence has its error.
  DLBRIDGE_ERROR_CUDA = 26,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dlbridge_error dlbridge_error;
#else
typedef int32_t dlbridge_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// DLBRIDGE_OK or one of the DLBRIDGE_ERROR_ codes.
typedef int32_t dlbridge_status;

/// Indices of an axis, with the meaning of Python's start:stop:step. Negative
/// positions count from the end; positions past an end stop there.
typedef struct dlbridge_range {
  /// The first index, or DLBRIDGE_OPEN.
  int64_t start;
  /// The first index no longer taken, or DLBRIDGE_OPEN.
  int64_t stop;
  /// The distance between indices: any but 0.
  int64_t step;
} dlbridge_range;

/// The values of an `__array_interface__` dictionary, version 3.
typedef struct dlbridge_array_interface {
  /// The element type, for example "<f4", with a zero byte.
  char typestr[8];
  /// The number of dimensions, up to DLBRIDGE_MAX_NDIM.
  int32_t ndim;
  /// The first half of `data`: the address of the first element.
  void *data;
  /// The second half of `data`: whether it must not be written to.
  bool read_only;
  /// Whether `strides` counts. False is Python's None: C order without gaps.
  bool has_strides;
  /// The extents.
  int64_t shape[64];
  /// The strides in bytes.
  int64_t strides[64];
} dlbridge_array_interface;

/// The `PyArrayInterface` of NumPy: what the capsule of `__array_struct__`
/// points to. `shape` and `strides` have `nd` entries, strides in bytes.
typedef struct dlbridge_array_struct {
  /// 2, as a check that it is this struct.
  int two;
  /// The number of dimensions.
  int nd;
  /// The letter of the typestr.
  char typekind;
  /// The bytes of one element.
  int itemsize;
  /// `DLBRIDGE_ARRAY_...` bits.
  int flags;
  /// The extents.
  ptrdiff_t *shape;
  /// The strides in bytes.
  ptrdiff_t *strides;
  /// The first element.
  void *data;
  /// A Python object that describes fields, or NULL: not read here.
  void *descr;
} dlbridge_array_struct;



/// Success.
#define DLBRIDGE_OK 0

/// The first status that is free for libraries that use this one: from here on
/// they may return codes of their own.
#define DLBRIDGE_ERROR_USER 1000



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The library's version, for example "0.1.0".
///
/// Returns: never NULL; a constant.
/// Threads: any.
const char *dlbridge_version(void);

/// DLBRIDGE_ABI_VERSION of the library that runs.
///
/// Threads: any.
uint32_t dlbridge_abi_version(void);

/// The sentence of the last failure on this thread, "" before the first.
///
/// Returns: never NULL; the library owns the text. One of more than 4095 bytes is
///   cut, and ends with "...".
/// Lifetime: until the next failure on this thread, or the thread's end.
/// Threads: each has its own.
const char *dlbridge_last_error(void);

/// The name of a status code: "DLBRIDGE_OK", "DLBRIDGE_ERROR_DTYPE", and
/// "unknown" for a number that is none.
///
/// Returns: never NULL; a constant.
/// Threads: any.
const char *dlbridge_status_name(dlbridge_status status);

/// Reports an error of the caller's own, so that whoever reads the status of his
/// function finds the sentence where those of this library are:
///
///   return dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "sigma must be positive");
///
/// status: the code that fits, or one of the caller's own.
/// sentence: borrowed; copied. NULL is an empty one. It may be that of
///   dlbridge_last_error().
/// Returns: the status; DLBRIDGE_ERROR_MEMORY if there is no memory for the
///   sentence, which happens only where more than 16 threads have one.
/// Threads: any; dlbridge_last_error() of this thread has the sentence.
dlbridge_status dlbridge_fail(dlbridge_status status, const char *sentence);

/// Allocates a tensor on the host, in C order without gaps. The elements are
/// not initialised; the first lies at a multiple of DLBRIDGE_ALIGNMENT bytes.
///
/// dtype: any whose elements are whole bytes.
/// ndim, shape: the extents; with ndim 0 shape is ignored.
/// out: the caller owns the tensor.
/// Errors: DTYPE, NDIM, SHAPE, SIZE, NULL, MEMORY.
/// Threads: any.
dlbridge_status dlbridge_empty(DLDataType dtype,
                               int32_t ndim,
                               const int64_t *shape,
                               DLManagedTensorVersioned **out);

/// Makes a tensor over memory of the caller, without a copy.
///
/// descriptor: borrowed; it says where the memory is, on any device, with any
///   strides in elements (NULL strides: C order). It is copied, with its shape
///   and strides; the memory is not.
/// flags: DLPACK_FLAG_BITMASK_ values; READ_ONLY forbids every owner to write.
/// context, release: release(context) is called once after the last owner, on
///   whichever thread that is; it must not throw. release may be NULL.
/// out: the caller owns the tensor. On an error release is not called.
/// Errors: those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
dlbridge_status dlbridge_wrap(const DLTensor *descriptor,
                              uint64_t flags,
                              void *context,
                              void (*release)(void *context),
                              DLManagedTensorVersioned **out);

/// Makes a further owner of a tensor.
///
/// tensor: borrowed; one that this library made. Another one has to go through
///   dlbridge_import() first (error FOREIGN). Its flag IS_COPIED is taken off, by
///   an atomic write: all that is ever written to it.
/// flags: 0, or DLPACK_FLAG_BITMASK_READ_ONLY for an owner that must not write.
/// out: the caller owns it; it shares the memory, with a descriptor of its own.
/// Errors: FOREIGN, FLAGS, NULL, MEMORY.
/// Lifetime: the owners may be released in any order.
/// Threads: several threads may share one tensor at once.
dlbridge_status dlbridge_share(const DLManagedTensorVersioned *tensor,
                               uint64_t flags,
                               DLManagedTensorVersioned **out);

/// Takes over a tensor from anywhere, after checking all of it. The result has
/// a shape and strides of its own, and can be shared and viewed.
///
/// tensor: consumed. Its deleter may be NULL.
/// out: the caller owns it. It may be the same pointer, if this library made it.
/// Errors: VERSION and those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Threads: any.
dlbridge_status dlbridge_import(DLManagedTensorVersioned *tensor, DLManagedTensorVersioned **out);

/// Takes over a tensor in the legacy form, as dlbridge_import() does.
///
/// tensor: consumed. Its deleter may be NULL.
/// flags: what the caller knows, since the legacy form has no flags:
///   DLPACK_FLAG_BITMASK_ values. Where nobody says that the memory may be
///   written to, READ_ONLY is the safe answer.
/// out: the caller owns it.
/// Errors: those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Threads: any.
dlbridge_status dlbridge_import_legacy(DLManagedTensor *tensor,
                                       uint64_t flags,
                                       DLManagedTensorVersioned **out);

/// Gives a tensor from anywhere the legacy form, for consumers older than
/// DLPack 1.0.
///
/// tensor: consumed. A read-only one that has elements is refused (error READ_ONLY):
///   the legacy form could not say so, and the consumer might write. Padded elements of
///   parts of bytes are refused too (error FLAGS).
/// out: the caller owns it, and releases it by its deleter or
///   dlbridge_release_legacy().
/// Errors: READ_ONLY, FLAGS, VERSION and those of dlbridge_validate(), NULL,
///   MEMORY.
/// Threads: any.
dlbridge_status dlbridge_export_legacy(DLManagedTensorVersioned *tensor, DLManagedTensor **out);

/// Releases a tensor from anywhere: calls its deleter, if it has one.
///
/// tensor: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any, also another than the one that made it.
void dlbridge_release(DLManagedTensorVersioned *tensor);

/// Releases a tensor in the legacy form, as dlbridge_release() does.
///
/// tensor: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any, also another than the one that made it.
void dlbridge_release_legacy(DLManagedTensor *tensor);

/// Checks every field of a descriptor; the memory behind it is not touched.
/// Each failure has its own status, and dlbridge_last_error() names the field,
/// what it was and what it must be. All functions here do this first.
///
/// tensor: borrowed. Accepted are NULL strides (C order), and NULL shape and
///   strides with ndim 0, and any data without elements.
/// Errors: NULL; NDIM below 0 or above DLBRIDGE_MAX_NDIM; SHAPE for NULL or a
///   negative extent; DTYPE for a code, bits or lanes that DLPack 1.3 does not
///   have; DEVICE likewise; SIZE if elements or bytes exceed 63 bits, also
///   behind an extent of 0; STRIDES if they reach too far; DATA for NULL with
///   elements; BYTE_OFFSET if addresses leave the address space.
/// Threads: any.
dlbridge_status dlbridge_validate(const DLTensor *tensor);

/// Checks the version and the flags of a managed tensor, then its descriptor.
///
/// tensor: borrowed. With another major version nothing but that is read.
/// Errors: VERSION, FLAGS for bits that DLPack 1.3 does not define, and those of
///   dlbridge_validate().
/// Threads: any.
dlbridge_status dlbridge_validate_managed(const DLManagedTensorVersioned *tensor);

/// Checks that a tensor is what a function needs, after dlbridge_validate():
///
///   dlbridge_check(image, "f32[h, w, 3] c cpu")
///
/// spec: element types, shape and words, each of which may be left out.
///   Types:  f32, or uint8|uint16, long or short names, or any; with
///           dlbridge_check_all() also source.dtype, that of an earlier argument.
///   Shape:  [h, 480, _, ...]: a name stands for the same extent wherever it
///           occurs, _ for any extent, ... for any number of axes.
///   Words:  c, f or contiguous (order of the elements, without gaps); cpu,
///           cuda, cuda:1, host (any memory that code on the host can use) or
///           anywhere (which is so if nothing is said);
///           align=64 (bytes); readonly or writable (only a managed tensor can
///           tell: see dlbridge_check_managed()).
/// tensor: borrowed.
/// Errors, whose sentence has what was wanted and what came (dtype, shape,
///   strides, device): DTYPE, NDIM, SHAPE, LAYOUT, DEVICE, ALIGNMENT, READ_ONLY;
///   SPEC if the text is not understood; those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_check(const DLTensor *tensor, const char *spec);

/// As dlbridge_check(), for a managed tensor, which can tell whether it is
/// read-only.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_check() and dlbridge_validate_managed().
/// Threads: any.
dlbridge_status dlbridge_check_managed(const DLManagedTensorVersioned *tensor, const char *spec);

/// Checks several tensors at once; a name stands for the same extent in all of
/// them, and errors have the name and the position of the argument:
///
///   const DLTensor *tensors[] = {source, target};
///   dlbridge_check_all(2, tensors, "source: f32[h, w], target: f32[h, w] c")
///
/// count, tensors: borrowed.
/// specs: one for each tensor, with commas between them, each with a name and a
///   colon in front if it shall have one.
/// Errors: those of dlbridge_check(); ARGUMENT if the numbers differ; NDIM for a
///   count outside 0 to DLBRIDGE_MAX_NDIM.
/// Threads: any.
dlbridge_status dlbridge_check_all(int32_t count,
                                   const DLTensor *const *tensors,
                                   const char *specs);

/// The number of elements: the product of the extents, 1 with ndim 0.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_element_count(const DLTensor *tensor, int64_t *out);

/// The number of bytes of the elements side by side; elements of parts of bytes
/// are packed, and the last byte counts whole.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_byte_count(const DLTensor *tensor, int64_t *out);

/// Whether the elements lie in C order (last axis fastest) without gaps. The
/// stride of an extent of 1 does not matter; without elements it is true.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_is_c_contiguous(const DLTensor *tensor, bool *out);

/// Whether the elements lie in Fortran order (first axis fastest) without gaps.
/// The stride of an extent of 1 does not matter; without elements it is true.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_is_f_contiguous(const DLTensor *tensor, bool *out);

/// The bytes that the elements touch: from the lowest (below the first element
/// with negative strides) to one past the highest. Equal without elements.
///
/// tensor: borrowed; on a device whose data is a handle the addresses mean
///   nothing.
/// out_lowest, out_end: addresses in the tensor's memory, for comparison.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_byte_range(const DLTensor *tensor, void **out_lowest, void **out_end);

/// A tensor in words, for messages:
/// "float32 [480, 640] with strides [640, 1] on cpu".
///
/// tensor: borrowed.
/// buffer, size: where the text goes, with a zero byte; DLBRIDGE_TEXT_SIZE is
///   enough for up to 8 dimensions of any extents.
/// Errors: ARGUMENT if the buffer is too small (the sentence says which size is
///   enough), those of dlbridge_validate(), NULL.
/// Threads: any.
dlbridge_status dlbridge_describe(const DLTensor *tensor, char *buffer, size_t size);

/// Part of a tensor, without a copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// count, ranges: one for each leading axis; later axes stay whole.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX for more ranges than axes, NDIM for a count outside 0 to
///   DLBRIDGE_MAX_NDIM, ARGUMENT for a step of 0, LAYOUT if elements of parts of
///   bytes would begin within a byte, STRIDES if the view would reach further from
///   its first element than an address can, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
dlbridge_status dlbridge_slice(const DLManagedTensorVersioned *tensor,
                               int32_t count,
                               const struct dlbridge_range *ranges,
                               DLManagedTensorVersioned **out);

/// The part of a tensor at one index of an axis, without that axis and without a
/// copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// axis: from 0. index: negative counts from the end.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX, LAYOUT and STRIDES as in dlbridge_slice(), FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
dlbridge_status dlbridge_select(const DLManagedTensorVersioned *tensor,
                                int32_t axis,
                                int64_t index,
                                DLManagedTensorVersioned **out);

/// The axes in another order, without a copy: the result has at place i the axis
/// that entry i of axes names.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, axes: each axis once, from 0.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX, NDIM, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
dlbridge_status dlbridge_permute(const DLManagedTensorVersioned *tensor,
                                 int32_t ndim,
                                 const int32_t *axes,
                                 DLManagedTensorVersioned **out);

/// The elements in C order under another shape, if that needs no copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, shape: the new extents; one may be -1, for what the others leave.
/// out: the caller owns it; it shares the memory.
/// Errors: SHAPE if the element counts differ, LAYOUT if only a copy could have
///   that shape (make one with dlbridge_copy()), NDIM, SIZE, STRIDES if strides in
///   elements of parts of bytes do not fit, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
dlbridge_status dlbridge_reshape(const DLManagedTensorVersioned *tensor,
                                 int32_t ndim,
                                 const int64_t *shape,
                                 DLManagedTensorVersioned **out);

/// A tensor repeated to a larger shape, without a copy, by NumPy's broadcasting
/// rules: counted from the last axis, an extent of 1 is repeated (stride 0), and
/// new axes come in front. The result is read-only if it repeats elements.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, shape: the new extents.
/// out: the caller owns it; it shares the memory.
/// Errors: SHAPE if an extent neither matches nor is 1, NDIM, SIZE, FOREIGN,
///   NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
dlbridge_status dlbridge_expand(const DLManagedTensorVersioned *tensor,
                                int32_t ndim,
                                const int64_t *shape,
                                DLManagedTensorVersioned **out);

/// A copy of the elements in C order, in memory of its own.
///
/// source: borrowed; any strides, on the host (pinned and managed memory too).
/// out: the caller owns it, alone: it has the flag IS_COPIED.
/// Errors: those of dlbridge_validate(), DEVICE off the host, DTYPE if elements
///   are parts of bytes, NULL, MEMORY.
/// Threads: nobody may write to the source meanwhile.
dlbridge_status dlbridge_copy(const DLTensor *source, DLManagedTensorVersioned **out);

/// Copies elements into a tensor that exists, for any strides on both sides.
///
/// source: borrowed; on the host.
/// target: borrowed; its memory is written to. Same shape and dtype as source.
///   A DLTensor has no flags: that the target is not read-only is the caller's
///   to know.
/// Errors, with nothing written: SHAPE or DTYPE if the two differ, OVERLAP if
///   the bytes of one begin within those of the other (unless both are the same
///   elements: then there is nothing to do) or the target reaches an element
///   twice, DEVICE off the host, DTYPE if elements are parts of bytes, those of
///   dlbridge_validate(), NULL.
/// Threads: nobody may write to the source or use the target meanwhile.
dlbridge_status dlbridge_copy_into(const DLTensor *source, const DLTensor *target);

/// The name of an element type: "float32", "bool", "bfloat16", "complex64",
/// "float8_e4m3fn", and "float32x4" with 4 lanes.
///
/// buffer, size: where the name goes, with a zero byte; DLBRIDGE_NAME_SIZE is
///   enough.
/// Errors: DTYPE if DLPack 1.3 does not have it, ARGUMENT if the buffer is too
///   small, NULL.
/// Threads: any.
dlbridge_status dlbridge_dtype_name(DLDataType dtype, char *buffer, size_t size);

/// The element type of a name that dlbridge_dtype_name() gives.
///
/// name: borrowed.
/// Errors: DTYPE if there is none, ARGUMENT if it is not UTF-8, NULL.
/// Threads: any.
dlbridge_status dlbridge_dtype_from_name(const char *name, DLDataType *out);

/// The NumPy typestr of an element type, in native byte order: "<f4", "|b1".
/// Types that NumPy does not have become raw bytes of the same size, "|V2" for
/// bfloat16 and "|V1" for the fp8 kinds, as ml_dtypes writes them; their meaning
/// is lost on the way.
///
/// buffer, size: as in dlbridge_dtype_name().
/// Errors: DTYPE with several lanes, or if elements are parts of bytes;
///   ARGUMENT, NULL.
/// Threads: any.
dlbridge_status dlbridge_dtype_typestr(DLDataType dtype, char *buffer, size_t size);

/// The element type of a NumPy typestr. Raw bytes ("|V2") are refused: they do
/// not say what they are.
///
/// typestr: borrowed.
/// Errors: BYTE_ORDER in the byte order of another machine, DTYPE if DLPack does
///   not have it, INTERFACE if it is no typestr, ARGUMENT, NULL.
/// Threads: any.
dlbridge_status dlbridge_dtype_from_typestr(const char *typestr, DLDataType *out);

/// The name of a device: "cpu", "cuda:0".
///
/// buffer, size: where the name goes, with a zero byte; DLBRIDGE_NAME_SIZE is
///   enough.
/// Errors: DEVICE if DLPack 1.3 does not have it, ARGUMENT if the buffer is too
///   small, NULL.
/// Threads: any.
dlbridge_status dlbridge_device_name(DLDevice device, char *buffer, size_t size);

/// The device of a name; without a number it is number 0.
///
/// name: borrowed.
/// Errors: DEVICE if there is none, ARGUMENT if it is not UTF-8, NULL.
/// Threads: any.
dlbridge_status dlbridge_device_from_name(const char *name, DLDevice *out);

/// The values of the `__array_interface__` dictionary of a tensor.
///
/// tensor: borrowed; made by this library (else import it first), on the host.
/// out: has strides always. It describes the tensor's memory and does not keep
///   it alive.
/// Errors: DEVICE off the host, DTYPE as in dlbridge_dtype_typestr(), FOREIGN,
///   NULL.
/// Lifetime: out is good for as long as the tensor has an owner.
/// Threads: any.
dlbridge_status dlbridge_to_array_interface(const DLManagedTensorVersioned *tensor,
                                            struct dlbridge_array_interface *out);

/// A tensor over the memory that the values of an `__array_interface__`
/// dictionary describe, without a copy.
///
/// array: borrowed; copied.
/// context, release: as in dlbridge_wrap().
/// out: the caller owns it. On an error release is not called.
/// Errors: BYTE_ORDER, DTYPE and INTERFACE as in dlbridge_dtype_from_typestr(),
///   STRIDES if one is not a multiple of the element size, those of
///   dlbridge_validate(), NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
dlbridge_status dlbridge_from_array_interface(const struct dlbridge_array_interface *array,
                                              void *context,
                                              void (*release)(void *context),
                                              DLManagedTensorVersioned **out);

/// The struct behind `__array_struct__` (NumPy's PyArrayInterface) of a tensor.
///
/// tensor: borrowed; made by this library (else import it first), on the host.
/// out: the caller owns it; it shares the tensor's memory and keeps it alive
///   until dlbridge_release_array_struct().
/// Errors: DEVICE off the host, DTYPE as in dlbridge_dtype_typestr(), FOREIGN,
///   NULL, MEMORY.
/// Threads: any.
dlbridge_status dlbridge_to_array_struct(const DLManagedTensorVersioned *tensor,
                                         struct dlbridge_array_struct **out);

/// Releases what dlbridge_to_array_struct() gave out.
///
/// array: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any.
void dlbridge_release_array_struct(struct dlbridge_array_struct *array);

/// A tensor over the memory that an array interface struct describes, without a
/// copy.
///
/// array: borrowed; copied with its shape and strides. Its strides are in
///   bytes; NULL is C order. Without DLBRIDGE_ARRAY_WRITEABLE the tensor is
///   read-only. descr is not read.
/// context, release: as in dlbridge_wrap(): usually they give up the object
///   that the struct came from.
/// out: the caller owns it. On an error release is not called.
/// Errors: INTERFACE if two is not 2, BYTE_ORDER without
///   DLBRIDGE_ARRAY_NOTSWAPPED, STRIDES, DTYPE, those of dlbridge_validate(),
///   NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
dlbridge_status dlbridge_from_array_struct(const struct dlbridge_array_struct *array,
                                           void *context,
                                           void (*release)(void *context),
                                           DLManagedTensorVersioned **out);

/// The number of GPUs that CUDA can use here.
///
/// The driver is looked for at the first call of a function of this section; the
/// library needs none to load and to work. A stream is a CUstream or cudaStream_t
/// of the primary context, the one of the CUDA runtime: NULL and 1 are the legacy
/// default stream, 2 the calling thread's own default stream. It must exist until
/// what was put on it is done. Work is put on the stream that is passed, and the
/// host does not wait, unless a function says so.
///
/// out: at least 1.
/// Errors: NO_CUDA, with the reason: no driver, one older than CUDA 11.4, one that
///   does not start, no GPU. CUDA, here and below, for an error of the driver, with
///   its name. NULL.
/// Threads: any.
dlbridge_status dlbridge_cuda_device_count(int32_t *out);

/// Allocates a tensor in C order without gaps. The elements are not initialised.
///
/// dtype: any whose elements are whole bytes.
/// ndim, shape: the extents; with ndim 0 shape is ignored.
/// device: kDLCUDA with the number of a GPU: memory of its current pool. kDLCUDAHost:
///   pinned memory of the host, which GPUs reach. kDLCUDAManaged: memory that moves
///   between host and GPUs. For these two the number says in which context to
///   allocate; the tensor has device_id 0. kDLCPU: as dlbridge_empty().
/// stream: memory of a GPU is there for work on this stream, for other streams after
///   dlbridge_stream_wait(). It is not used for other memory.
/// out: the caller owns the tensor.
/// Errors: DTYPE, NDIM, SHAPE, SIZE, NULL, MEMORY; DEVICE for other kinds of device,
///   a GPU that does not exist, or a stream of another GPU; ARGUMENT for a stream
///   that is not of the primary context; NO_CUDA, CUDA.
/// Lifetime: the last owner's release gives memory of a GPU back in the order of the
///   same stream (that of kDLCUDA from stream 2: of the legacy stream, which waits for
///   it), without waiting. So the stream must exist until then, and whoever works on
///   another stream calls dlbridge_stream_wait(stream, other, device) first. The
///   release of pinned and managed memory may wait for the GPU.
/// Capture: memory of a GPU becomes part of the graph.
/// Threads: any; the release too.
dlbridge_status dlbridge_cuda_empty(DLDataType dtype,
                                    int32_t ndim,
                                    const int64_t *shape,
                                    DLDevice device,
                                    void *stream,
                                    DLManagedTensorVersioned **out);

/// The device of the memory at an address, as CUDA knows it.
///
/// pointer: any address; it is not read.
/// out: kDLCUDA with the number of the GPU; kDLCUDAHost for memory of the host that
///   CUDA allocated or that was registered with it; kDLCUDAManaged; kDLCPU for all
///   else.
/// Errors: NULL for out, NO_CUDA, CUDA.
/// Threads: any.
dlbridge_status dlbridge_cuda_pointer_device(const void *pointer, DLDevice *out);

/// Checks that the memory of a tensor is on the device that its descriptor says:
/// the first byte of the elements and the last. dlbridge_wrap() makes tensors of
/// pointers on any device; this finds out whether the pointer is good.
///
/// tensor: borrowed; on the host or on a device of CUDA. Pinned and managed memory
///   counts as memory of the host too, managed memory as that of any GPU.
/// Errors: DEVICE if it is elsewhere, or on another kind of device; those of
///   dlbridge_validate(); NO_CUDA, CUDA, NULL.
/// Threads: any.
dlbridge_status dlbridge_cuda_check(const DLTensor *tensor);

/// A copy of the elements in C order in new memory, as dlbridge_cuda_empty() and
/// dlbridge_cuda_copy_into() make it.
///
/// source: borrowed, until the stream is past the copy; any strides.
/// device: where the copy goes: kDLCUDA, kDLCUDAHost, kDLCUDAManaged, or kDLCPU.
/// stream: the copy is there for work on this stream; for the host after
///   dlbridge_cuda_synchronize(), or at once if it is on kDLCPU.
/// out: the caller owns it, alone: it has the flag IS_COPIED.
/// Errors: those of the two.
/// Threads: nobody may write to the source meanwhile.
dlbridge_status dlbridge_cuda_copy(const DLTensor *source,
                                   DLDevice device,
                                   void *stream,
                                   DLManagedTensorVersioned **out);

/// Copies elements between tensors, for any strides on both sides, in the order of
/// a stream. One of the two is in memory of CUDA; without, use dlbridge_copy_into().
///
/// source, target: borrowed, until the stream is past the copy. Same shape and dtype.
/// stream: the work is done on its GPU; for default streams that is the target's,
///   else the source's, else number 0.
/// Waiting: none, except for memory of the host that is neither pinned nor managed:
///   copies to it return when they are done (while captured, at once), copies from it
///   perhaps when it has been read. If such memory has gaps, and rows of less than 64 bytes, it is packed
///   or unpacked on the host, in temporary memory as large as the elements.
/// Temporary memory: as large as the elements, on the stream's GPU, where layouts
///   differ and one side is such memory of the host, or another GPU.
/// Capture: works, except that nothing can be packed on the host (LAYOUT).
/// Errors, with nothing written: SHAPE or DTYPE if the two differ or elements are
///   parts of bytes; OVERLAP as dlbridge_copy_into(); DEVICE if neither is in memory
///   of CUDA, one is on another kind of device, or the stream is on a third GPU;
///   LAYOUT; ARGUMENT for a stream that is not of the primary context; those of
///   dlbridge_validate(); NULL, NO_CUDA. MEMORY and CUDA, perhaps after a part.
/// Threads: nobody may write to the source or use the target meanwhile.
dlbridge_status dlbridge_cuda_copy_into(const DLTensor *source,
                                        const DLTensor *target,
                                        void *stream);

/// Makes a stream wait for all that another has been given so far, on the GPU: the
/// host does not wait. Works during capture, and across GPUs.
///
/// consumer: the stream that waits.
/// producer: the stream that is waited for.
/// device: the one whose default streams NULL, 1 and 2 mean. On kDLCPU, where both
///   must be NULL, nothing is done.
/// Errors: DEVICE for other kinds of device, ARGUMENT for a stream on kDLCPU,
///   NO_CUDA, CUDA.
/// Threads: any.
dlbridge_status dlbridge_stream_wait(void *consumer, void *producer, DLDevice device);

/// Blocks until all that a stream has been given so far is done.
///
/// device: the one whose default streams NULL, 1 and 2 mean.
/// Errors: DEVICE for devices that are not of CUDA, NO_CUDA; CUDA, also for what
///   failed earlier on the stream, and while it is captured.
/// Threads: any.
dlbridge_status dlbridge_cuda_synchronize(void *stream, DLDevice device);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DLBRIDGE_DLBRIDGE_H_ */
