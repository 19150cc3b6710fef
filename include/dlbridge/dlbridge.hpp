/// \file
/// dlbridge for C++17 and later: owning and viewing tensors of DLPack, over the C
/// functions of dlbridge.h. Everything is in headers; link the C library.
///
/// Ownership: a Tensor owns, a TensorView borrows. What is given to Tensor::adopt()
/// or wrap() is taken, also if that fails, and released exactly once.
/// Errors: what can fail throws Error; the same name with try_ in front returns an
/// Expected, and is all that there is under -fno-exceptions.
/// Threads: const functions may be called on one object by several threads at once.
/// Units: strides are in elements.
///
///     auto image = dlbridge::empty<std::uint8_t>({480, 640, 3});
///     auto pixels = image.mdspan<std::uint8_t, 3>();
///     ...
///     return image.release(); // to NumPy, PyTorch, ...
#ifndef DLBRIDGE_DLBRIDGE_HPP_
#define DLBRIDGE_DLBRIDGE_HPP_

#include "dlbridge/dlbridge.h"

#include "dlbridge/check.hpp"
#include "dlbridge/cuda.hpp"
#include "dlbridge/device.hpp"
#include "dlbridge/dtype.hpp"
#include "dlbridge/error.hpp"
#include "dlbridge/list.hpp"
#include "dlbridge/mdspan.hpp"
#include "dlbridge/span.hpp"
#include "dlbridge/tensor.hpp"
#include "dlbridge/view.hpp"
#include "dlbridge/wrap.hpp"

#endif // DLBRIDGE_DLBRIDGE_HPP_
