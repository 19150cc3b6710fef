//! Copies of elements on the host, between any two layouts.

use crate::error::{Result, fail};
use crate::inline_dims::InlineDims;
use crate::strided::copy_elements;
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;

impl Tensor {
    /// A copy of the elements in C order, in memory of its own, which the caller
    /// alone owns (flag `IS_COPIED`).
    ///
    /// # Errors
    /// `Device` off the host, `Dtype` for elements that are parts of bytes,
    /// `Memory`.
    ///
    /// # Safety
    /// The memory of `source` is readable, and nobody writes to it meanwhile.
    pub unsafe fn copy_of(source: TensorRef<'_>) -> Result<Tensor> {
        check_host(&source, "source")?;
        // SAFETY: the caller's promise for the source; the copy is new, and all of it is
        // written.
        unsafe {
            let copy = Tensor::empty(source.dtype(), source.shape())?;
            transfer(&source, &copy.view())?;
            Ok(copy.mark_copied())
        }
    }
}

/// Copies the elements of `source` to `target`, for any strides on both sides.
///
/// # Errors
/// Nothing was written then. `Dtype` or `Shape` if the two differ, `Device` off
/// the host, `ReadOnly` for a read-only target, `Overlap` if the target may
/// reach an element twice, or shares memory with the source unless both are the
/// same elements, `Dtype` for elements that are parts of bytes, `Memory` for what a
/// copy over more than eight axes has to remember.
///
/// # Safety
/// The memory of `source` is readable, that of `target` writable, and nobody
/// writes to the first or uses the second meanwhile.
pub unsafe fn copy_into(source: TensorRef<'_>, target: TensorRef<'_>) -> Result<()> {
    check_host(&source, "source")?;
    check_host(&target, "target")?;
    if needs_copy(&source, &target)? {
        // SAFETY: the caller's promise, and they do not overlap.
        unsafe { transfer(&source, &target) }?;
    }
    Ok(())
}

/// Whether there is anything to copy, after checking that it can be.
pub(crate) fn needs_copy(source: &TensorRef<'_>, target: &TensorRef<'_>) -> Result<bool> {
    if source.shape() != target.shape() {
        fail!(
            Shape,
            "target is {target}; its shape must be that of the source, {:?}",
            source.shape()
        );
    }
    if source.dtype() != target.dtype() {
        fail!(
            Dtype,
            "target is {target}; its dtype must be that of the source, {}",
            source.dtype()
        );
    }
    if source.dtype().item_bytes().is_none() {
        fail!(Dtype, "dtype {} cannot be copied; its elements must be whole bytes", source.dtype());
    }
    if target.flags().contains(crate::abi::Flags::READ_ONLY) {
        fail!(ReadOnly, "target is read-only; it must be writable");
    }
    if !target.layout().is_injective() {
        fail!(
            Overlap,
            "target is {target}, where two indices may reach one element; it must have one for each"
        );
    }
    if same_elements(source, target) {
        return Ok(false);
    }
    if addresses(source).start < addresses(target).end
        && addresses(target).start < addresses(source).end
    {
        fail!(
            Overlap,
            "source is {source} at {:p}, and target is {target} at {:p}; they must not share memory: \
             copy to a new tensor first",
            source.first(),
            target.first()
        );
    }
    Ok(true)
}

fn check_host(tensor: &TensorRef<'_>, role: &str) -> Result<()> {
    if !tensor.device().is_host_accessible() {
        fail!(Device, "{role} is {tensor}; it must be on the host to be copied here");
    }
    Ok(())
}

/// The bytes touched, as addresses.
fn addresses(tensor: &TensorRef<'_>) -> std::ops::Range<i128> {
    let first = tensor.first() as usize as i128;
    let range = tensor.layout().byte_range();
    first + i128::from(range.start)..first + i128::from(range.end)
}

fn same_elements(source: &TensorRef<'_>, target: &TensorRef<'_>) -> bool {
    let has_same_strides = || {
        let (mut from, mut to) = (InlineDims::new(), InlineDims::new());
        let strides = source.layout.strides_or(&mut from).iter();
        let mut axes = strides.zip(target.layout.strides_or(&mut to)).zip(source.shape());
        axes.all(|((from, to), extent)| from == to || *extent <= 1)
    };
    source.layout().count() == 0 || source.first() == target.first() && has_same_strides()
}

/// # Errors
/// `Memory`, before anything is written.
///
/// # Safety
/// As `copy_into`; shape and dtype are the same, with whole bytes, and the
/// memory does not overlap.
unsafe fn transfer(source: &TensorRef<'_>, target: &TensorRef<'_>) -> Result<()> {
    if source.layout().count() == 0 {
        return Ok(());
    }
    let bytes = source.dtype().item_bytes().unwrap_or(0);
    let (from, to) = (source.first().cast::<u8>(), target.first().cast::<u8>());
    if source.layout().is_c_contiguous() && target.layout().is_c_contiguous() {
        // SAFETY: both are one row of this many bytes.
        unsafe { to.copy_from_nonoverlapping(from, source.layout().bytes() as usize) };
        return Ok(());
    }
    let (mut from_room, mut to_room) = (InlineDims::new(), InlineDims::new());
    let from_strides = source.layout.strides_or(&mut from_room);
    let to_strides = target.layout.strides_or(&mut to_room);
    // SAFETY: the layouts were checked, so that every element lies in the memory
    // that the caller vouches for.
    unsafe { copy_elements(source.shape(), from, from_strides, to, to_strides, bytes) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::c_strides;
    use crate::{DType, Slice, Status};

    fn numbers(shape: &[i64]) -> Tensor {
        let count = shape.iter().product::<i64>();
        Tensor::from_vec((0..count as i32).collect::<Vec<i32>>(), shape).unwrap()
    }

    fn copied(tensor: &Tensor) -> Vec<i32> {
        // SAFETY: all memory in these tests lives and is not written meanwhile.
        let copy = unsafe { Tensor::copy_of(tensor.view()) }.unwrap();
        assert_eq!(copy.strides(), &c_strides(copy.shape())[..]);
        copy.as_slice::<i32>().unwrap().to_vec()
    }

    fn into(source: &Tensor, target: &Tensor) -> Result<()> {
        // SAFETY: as above.
        unsafe { copy_into(source.view(), target.view()) }
    }

    #[test]
    fn copies_follow_the_strides() {
        let base = numbers(&[2, 3]);
        assert_eq!(copied(&base.permute(&[1, 0]).unwrap()), [0, 3, 1, 4, 2, 5]);
        let reversed = Slice { step: -1, ..Slice::FULL };
        assert_eq!(copied(&base.slice(&[reversed, reversed]).unwrap()), [5, 4, 3, 2, 1, 0]);
        let row = base.select(0, 1).unwrap();
        assert_eq!(copied(&row.expand(&[2, 3]).unwrap()), [3, 4, 5, 3, 4, 5]);
        assert_eq!(copied(&numbers(&[0, 3])), [0_i32; 0]);
        assert_eq!(copied(&numbers(&[])), [0]);
    }

    #[test]
    fn copies_go_into_any_layout() {
        let target = Tensor::from_vec(vec![-1; 12], &[4, 3]).unwrap();
        let every_other = Slice { step: -2, ..Slice::FULL };
        into(&numbers(&[2, 3]), &target.slice(&[every_other]).unwrap()).unwrap();
        assert_eq!(target.as_slice::<i32>().unwrap(), [-1, -1, -1, 3, 4, 5, -1, -1, -1, 0, 1, 2]);
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let base = numbers(&[2, 2]);
        let transposed = base.permute(&[1, 0]).unwrap();
        let other = numbers(&[4]);
        let floats = Tensor::zeros(DType::FLOAT32, &[2, 2]).unwrap();
        let broadcast = numbers(&[2]).expand(&[2, 2]).unwrap();
        for (source, target, status, needle) in [
            (&base, &transposed, Status::Overlap, "must not share"),
            (&base, &other, Status::Shape, "[2, 2]"),
            (&base, &floats, Status::Dtype, "float32"),
            (&base, &base.share_read_only().unwrap(), Status::ReadOnly, "read-only"),
            (&base, &broadcast, Status::ReadOnly, "read-only"),
        ] {
            let error = into(source, target).unwrap_err();
            assert_eq!(error.status(), status, "{error}");
            assert!(error.message().contains(needle), "{error}");
        }
        into(&base, &base.share().unwrap()).unwrap();
    }

    #[test]
    fn only_a_copy_is_marked_copied() {
        let base = numbers(&[2]);
        // SAFETY: as above.
        let copy = unsafe { Tensor::copy_of(base.view()) }.unwrap();
        let copied = crate::abi::Flags::IS_COPIED;
        assert!(copy.flags().contains(copied) && !base.flags().contains(copied));
        let share = copy.share().unwrap();
        assert!(!copy.flags().contains(copied) && !share.flags().contains(copied));
    }
}
