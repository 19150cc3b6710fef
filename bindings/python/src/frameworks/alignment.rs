//! Which addresses a framework takes: it may be compiled for elements at multiples of some
//! number of bytes, and end the process where they are not.

use dlbridge::{DType, TensorRef};

use crate::frameworks::framework::{Framework, Reason};
use crate::values::stream;

/// That of PyTorch and PaddlePaddle. Their complex128 lies at multiples of 16 bytes: elsewhere
/// operations as plain as indexing end the process (pytorch#190043). All other elements were
/// taken at any address by all that was tried (`tests/support/alignment_cases.py`).
pub fn compiled(dtype: DType) -> usize {
    if dtype == DType::COMPLEX128 { 16 } else { 1 }
}

/// That of all code on a GPU, which ends the work of the whole process at an element that is
/// not at a multiple of its size.
fn natural(dtype: DType) -> usize {
    const MOST: u32 = 16;
    1 << (dtype.item_bits() / 8).max(1).trailing_zeros().min(MOST.trailing_zeros())
}

/// Why a framework cannot have elements where they are.
#[inline]
pub fn check(framework: &Framework, tensor: &TensorRef<'_>) -> Result<(), Reason> {
    let dtype = tensor.dtype();
    let mut wanted = (framework.alignment)(dtype);
    if framework.on_gpu.is_some() && stream::has_cuda_streams(tensor.device()) {
        wanted = wanted.max(natural(dtype));
    }
    // Without elements it is 0.
    let address = tensor.first() as usize;
    // A power of two: a division takes longer than all else here.
    match address & (wanted - 1) {
        0 => Ok(()),
        _ => Err(format!(
            "the first element is at {address:#x}, and {} needs a multiple of {wanted} bytes for {dtype}",
            framework.title
        )
        .into()),
    }
}

/// Why a consumer that asks for a tensor by DLPack cannot have it where it is: nobody knows
/// which one it is, and it may be one that would end the process.
pub fn check_for_any(tensor: &TensorRef<'_>) -> Result<(), String> {
    let (dtype, address) = (tensor.dtype(), tensor.first() as usize);
    let wanted = compiled(dtype);
    if address.is_multiple_of(wanted) || !tensor.device().is_host_accessible() {
        return Ok(());
    }
    Err(format!(
        "the first element is at {address:#x}, and consumers of DLPack may need a multiple of \
         {wanted} bytes for {dtype}: PyTorch and PaddlePaddle end the process elsewhere. Ask for a \
         copy with copy=True, or use dlbridge.convert, which knows what it gives to"
    ))
}
