//! Whether the storage of a torch.Tensor holds all of its elements. PyTorch lets it become
//! too small: by `x.untyped_storage().resize_()`, and by a `resize_` that fails halfway.

use dlbridge::abi::DLTensor;
use pyo3::prelude::*;

use crate::frameworks::torch::functions::Functions;
use crate::frameworks::torch::refusal::Reason;
use crate::support::objects::intern;

/// The storage of a tensor, and where in it the tensor begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub bytes: i64,
    /// In elements.
    pub offset: i64,
}

impl Held {
    /// Of a tensor of PyTorch's own types.
    pub fn of(x: &Bound<'_, PyAny>) -> PyResult<Held> {
        match Functions::get(x.py()).and_then(|functions| functions.held(x)) {
            Some(held) => Ok(held),
            None => Held::asked(x),
        }
    }

    /// As the methods tell.
    pub fn asked(x: &Bound<'_, PyAny>) -> PyResult<Held> {
        let bytes = super::read::storage(x)?.call_method0(intern!(x.py(), "nbytes")?)?.extract()?;
        let offset = x.call_method0(intern!(x.py(), "storage_offset")?)?.extract()?;
        Ok(Held { bytes, offset })
    }

    /// Whether all elements of the tensor lie inside.
    ///
    /// # Safety
    /// The descriptor has as many extents and strides as it says.
    #[inline]
    pub unsafe fn holds(&self, descriptor: &DLTensor) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.reach(descriptor) }.is_some_and(|reach| reach <= self.bytes)
    }

    /// The end of the last element, in bytes from the start of the storage. None for what is
    /// in no storage: an element before it, or one too far to count.
    ///
    /// # Safety
    /// As `holds`.
    #[inline]
    unsafe fn reach(&self, descriptor: &DLTensor) -> Option<i64> {
        let bits = i64::from(descriptor.dtype.bits) * i64::from(descriptor.dtype.lanes);
        // SAFETY: the caller's promise.
        let axes = (0..descriptor.ndim as usize)
            .map(|axis| unsafe { (*descriptor.shape.add(axis), *descriptor.strides.add(axis)) });
        reach(axes, self.offset, (bits + 7) / 8)
    }

    /// Refuses a tensor that reaches beyond.
    ///
    /// # Safety
    /// As `holds`.
    pub unsafe fn check(&self, descriptor: &DLTensor) -> PyResult<()> {
        // SAFETY: the caller's promise.
        self.admit(unsafe { self.reach(descriptor) })
    }

    fn admit(&self, reach: Option<i64>) -> PyResult<()> {
        match reach {
            Some(reach) if reach <= self.bytes => Ok(()),
            reach => Err(too_small(self.bytes, reach)),
        }
    }
}

/// As `Held::check`, of a tensor whose descriptor is not known, as its methods tell.
pub fn check_asked(x: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = x.py();
    let held = Held::asked(x)?;
    let shape: Vec<i64> = x.getattr(intern!(py, "shape")?)?.extract()?;
    let strides: Vec<i64> = x.call_method0(intern!(py, "stride")?)?.extract()?;
    let size = x.call_method0(intern!(py, "element_size")?)?.extract()?;
    held.admit(reach(shape.into_iter().zip(strides), held.offset, size))
}

#[inline(always)]
fn reach(axes: impl Iterator<Item = (i64, i64)>, offset: i64, size: i64) -> Option<i64> {
    let mut last = offset;
    for (extent, stride) in axes {
        if extent == 0 {
            return Some(0);
        }
        if stride < 0 {
            return None;
        }
        last = last.checked_add((extent - 1).checked_mul(stride)?)?;
    }
    last.checked_add(1)?.checked_mul(size)
}

#[cold]
fn too_small(bytes: i64, reach: Option<i64>) -> PyErr {
    let reach = reach.map_or_else(|| "where no storage is".to_owned(), |reach| reach.to_string());
    let what = format!(
        "is larger than its memory: the storage has {bytes} bytes, shape and strides reach {reach}"
    );
    Reason::new(what, "pass a tensor whose storage was not resized or freed").error()
}
