//! One-line checks of the tensors that a function receives.

use std::ffi::c_char;

use smallvec::SmallVec;

use super::argument::{self, list, text};
use super::status::{dlbridge_status, guard};
use crate::abi::{DLManagedTensorVersioned, DLTensor};
use crate::check::{check, check_parsed};
use crate::error::{Result, fail};
use crate::managed;
use crate::memory;
use crate::spec::{Spec, Specs};
use crate::tensor_ref::TensorRef;
use crate::text::Text;

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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_check(
    tensor: *const DLTensor,
    spec: *const c_char,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let spec = text(spec, "spec")?;
        let tensor = argument::tensor(tensor, "tensor")?;
        let parsed = Specs::parse_one(spec)?;
        refuse_access(&parsed.each)?;
        check_parsed(&[tensor], &parsed, spec)
    })
}

/// As dlbridge_check(), for a managed tensor, which can tell whether it is
/// read-only.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_check() and dlbridge_validate_managed().
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_check_managed(
    tensor: *const DLManagedTensorVersioned,
    spec: *const c_char,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let spec = text(spec, "spec")?;
        check(managed::check(tensor)?, spec)
    })
}

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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_check_all(
    count: i32,
    tensors: *const *const DLTensor,
    specs: *const c_char,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let specs = text(specs, "specs")?;
        let parsed = Specs::parse(specs)?;
        refuse_access(&parsed.each)?;
        let mut checked: SmallVec<[TensorRef<'_>; 4]> = SmallVec::new();
        for (index, &tensor) in list(tensors, count, "tensors")?.iter().enumerate() {
            let name = Text::<16>::of(format_args!("tensors[{index}]"));
            let name = name.as_deref().unwrap_or("tensors");
            memory::push(&mut checked, argument::tensor(tensor, name)?)?;
        }
        check_parsed(&checked, &parsed, specs)
    })
}

/// Else `writable` would hold for every `DLTensor`, which has no flags.
fn refuse_access(specs: &[Spec<'_>]) -> Result<()> {
    match specs.iter().find(|spec| spec.writable.is_some()) {
        None => Ok(()),
        Some(spec) => fail!(
            Spec,
            "the check {:?} has readonly or writable, which a DLTensor cannot tell; \
             dlbridge_check_managed() can",
            spec.text
        ),
    }
}
