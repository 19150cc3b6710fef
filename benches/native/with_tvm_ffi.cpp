// The functions of functions.c, bound by apache-tvm-ffi.
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/function.h>

namespace ffi = tvm::ffi;

static float *checked(const ffi::TensorView &tensor) {
    const DLDataType dtype = tensor.dtype();
    if (tensor.ndim() != 2 || dtype.code != kDLFloat || dtype.bits != 32 || dtype.lanes != 1 ||
        tensor.device().device_type != kDLCPU)
        TVM_FFI_THROW(ValueError) << "the tensor must be f32 with 2 dimensions on the host";
    return static_cast<float *>(tensor.data_ptr());
}

static void add3(ffi::TensorView a, ffi::TensorView b, ffi::TensorView dst) {
    *checked(dst) = *checked(a) + *checked(b);
}

static int read1(ffi::TensorView a) { return static_cast<int>(*checked(a)); }

TVM_FFI_DLL_EXPORT_TYPED_FUNC(add3, add3)
TVM_FFI_DLL_EXPORT_TYPED_FUNC(read1, read1)
