//! Whether tensors are what a [`Spec`] asks for.

use std::fmt::Write;

use smallvec::SmallVec;

use crate::abi::Flags;
use crate::borrowed::TensorRef;
use crate::device::Device;
use crate::error::{Error, Result, fail};
use crate::spec::{Extent, Order, Place, Spec, parse_all};

/// Checks one tensor.
///
/// # Errors
/// `Spec` for a text that is not understood; else `Dtype`, `Ndim`, `Shape`,
/// `Layout`, `Device`, `Alignment` or `ReadOnly`: whatever is wrong first, with
/// what was wanted and the tensor's dtype, shape, strides and device.
pub fn check(tensor: TensorRef<'_>, spec: &str) -> Result<()> {
    check_parsed(&[tensor], &[Spec::parse(spec)?], spec)
}

/// Checks several tensors: names stand for the same extent in all of them.
///
/// # Errors
/// As [`check`], with the argument's name and position; `Argument` if there are
/// not as many tensors as specs.
pub fn check_all(tensors: &[TensorRef<'_>], specs: &str) -> Result<()> {
    check_parsed(tensors, &parse_all(specs)?, specs)
}

/// Checks tensors against the specs that were read from a text.
pub(crate) fn check_parsed(
    tensors: &[TensorRef<'_>],
    parsed: &[Spec<'_>],
    specs: &str,
) -> Result<()> {
    if parsed.len() != tensors.len() {
        fail!(Argument, "{} tensors came; the check {specs:?} has {}", tensors.len(), parsed.len());
    }
    let mut checker = Checker::default();
    let mut arguments = parsed.iter().zip(tensors).enumerate();
    arguments.try_for_each(|(index, (spec, tensor))| checker.check(index, spec, tensor))
}

/// The extents that names have so far.
#[derive(Default)]
struct Checker<'a> {
    extents: SmallVec<[Known<'a>; 8]>,
}

/// A name's extent, and the argument that gave it.
struct Known<'a> {
    name: &'a str,
    extent: i64,
    argument: usize,
}

impl<'a> Checker<'a> {
    fn check(&mut self, index: usize, spec: &Spec<'a>, tensor: &TensorRef<'_>) -> Result<()> {
        check_dtype(spec, tensor)
            .and_then(|()| self.check_shape(index, spec, tensor))
            .and_then(|()| check_order(spec, tensor))
            .and_then(|()| check_place(spec, tensor.device()))
            .and_then(|()| check_alignment(spec, tensor))
            .and_then(|()| check_access(spec, tensor))
            .map_err(|wrong| describe(index, spec, tensor, &wrong))
    }

    fn check_shape(&mut self, index: usize, spec: &Spec<'a>, tensor: &TensorRef<'_>) -> Result<()> {
        let Some(wanted) = &spec.shape else {
            return Ok(());
        };
        let shape = tensor.shape();
        let rest = wanted.iter().position(|extent| *extent == Extent::Rest);
        let named = wanted.len() - usize::from(rest.is_some());
        if shape.len() < named || (rest.is_none() && shape.len() > named) {
            let least = if rest.is_some() { "at least " } else { "" };
            fail!(Ndim, "ndim is {} and must be {least}{named}", shape.len());
        }
        let skipped = shape.len() - named;
        for (position, extent) in wanted.iter().enumerate() {
            let axis = match rest {
                Some(rest) if position > rest => position + skipped - 1,
                _ => position,
            };
            match *extent {
                Extent::Any | Extent::Rest => {}
                Extent::Fixed(extent) if shape[axis] == extent => {}
                Extent::Fixed(extent) => {
                    fail!(Shape, "shape[{axis}] is {} and must be {extent}", shape[axis])
                }
                Extent::Named(name) => self.check_named(name, shape[axis], axis, index)?,
            }
        }
        Ok(())
    }

    fn check_named(
        &mut self,
        name: &'a str,
        extent: i64,
        axis: usize,
        argument: usize,
    ) -> Result<()> {
        match self.extents.iter().find(|known| known.name == name) {
            Some(known) if known.extent != extent => fail!(
                Shape,
                "shape[{axis}] is {extent} and must be {}, as {name} is in argument {}",
                known.extent,
                known.argument + 1
            ),
            Some(_) => {}
            None => self.extents.push(Known { name, extent, argument }),
        }
        Ok(())
    }
}

fn check_dtype(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    if !spec.dtypes.is_empty() && !spec.dtypes.contains(&tensor.dtype()) {
        let wanted: Vec<String> = spec.dtypes.iter().map(ToString::to_string).collect();
        fail!(Dtype, "dtype is {} and must be {}", tensor.dtype(), wanted.join(" or "));
    }
    Ok(())
}

fn check_order(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    let layout = tensor.layout();
    let (holds, wanted) = match spec.order {
        None => return Ok(()),
        Some(Order::C) => (layout.is_c_contiguous(), "C order"),
        Some(Order::Fortran) => (layout.is_f_contiguous(), "Fortran order"),
        Some(Order::Either) => {
            (layout.is_c_contiguous() || layout.is_f_contiguous(), "C or Fortran order")
        }
    };
    match holds {
        true => Ok(()),
        false => fail!(Layout, "the elements must lie in {wanted} without gaps"),
    }
}

fn check_place(spec: &Spec<'_>, device: Device) -> Result<()> {
    let (holds, wanted) = match spec.place {
        None => return Ok(()),
        Some(Place::Host) => (device.is_host_accessible(), "on the host".to_owned()),
        Some(Place::Type(wanted)) => {
            (device.type_code() == wanted.type_code(), format!("on {}", wanted.type_name()))
        }
        Some(Place::Device(wanted)) => (device == wanted, format!("on {wanted}")),
    };
    match holds {
        true => Ok(()),
        false => fail!(Device, "device is {device} and must be {wanted}"),
    }
}

fn check_alignment(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    let first = tensor.first();
    match (first as usize as u64).is_multiple_of(spec.alignment) {
        true => Ok(()),
        false => fail!(
            Alignment,
            "the first element is at {first:p} and must be at a multiple of {} bytes",
            spec.alignment
        ),
    }
}

fn check_access(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    let read_only = tensor.flags().contains(Flags::READ_ONLY);
    match spec.writable {
        Some(true) if read_only => fail!(ReadOnly, "it is read-only and must be writable"),
        Some(false) if !read_only => fail!(ReadOnly, "it is writable and must be read-only"),
        _ => Ok(()),
    }
}

#[cold]
fn describe(index: usize, spec: &Spec<'_>, tensor: &TensorRef<'_>, wrong: &Error) -> Error {
    let mut text = format!("argument {}", index + 1);
    if let Some(name) = spec.name {
        let _ = write!(text, " ({name})");
    }
    let wanted = spec.text.split_once(':').filter(|_| spec.name.is_some());
    let wanted = wanted.map_or(spec.text, |(_, wanted)| wanted.trim());
    let _ = write!(text, ": {}; wanted {wanted}, came {tensor}", wrong.message());
    Error::new(wrong.status(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Status, Tensor};

    fn image() -> Tensor {
        Tensor::zeros(DType::FLOAT32, &[4, 5, 3]).unwrap()
    }

    fn status(tensor: &Tensor, spec: &str) -> std::result::Result<(), Status> {
        check(tensor.view(), spec).map_err(|error| error.status())
    }

    #[test]
    fn one_tensor() {
        let image = image();
        for spec in [
            "f32[h, w, 3] c cpu",
            "float32|uint8",
            "any[4, 5, 3] host align=64 writable",
            "[...]",
            "[..., 3]",
            "[4, ..., 3]",
            "[4, 5, 3, ...]",
            "[_, _, _]",
            "contiguous",
            "",
        ] {
            assert_eq!(status(&image, spec), Ok(()), "{spec}");
        }
        for (spec, expected) in [
            ("u8[h, w, 3]", Status::Dtype),
            ("f32[h, w]", Status::Ndim),
            ("f32[a, b, c, d, ...]", Status::Ndim),
            ("f32[h, w, 4]", Status::Shape),
            ("f32[..., 4]", Status::Shape),
            ("f32[n, n, 3]", Status::Shape),
            ("f32 f", Status::Layout),
            ("f32 cuda", Status::Device),
            ("f32 cuda:0", Status::Device),
            ("f32 align=1152921504606846976", Status::Alignment),
            ("f32 readonly", Status::ReadOnly),
            ("f32 what", Status::Spec),
        ] {
            assert_eq!(status(&image, spec), Err(expected), "{spec}");
        }
        let read_only = image.share_read_only().unwrap();
        assert_eq!(status(&read_only, "writable"), Err(Status::ReadOnly));
        assert_eq!(status(&read_only, "readonly"), Ok(()));
        let transposed = image.permute(&[2, 1, 0]).unwrap();
        assert_eq!(status(&transposed, "c"), Err(Status::Layout));
        assert_eq!(status(&transposed, "f"), Ok(()));
        assert_eq!(status(&transposed, "contiguous"), Ok(()));
    }

    #[test]
    fn names_are_compared_across_arguments() {
        let (image, other) = (image(), Tensor::zeros(DType::FLOAT32, &[4, 6]).unwrap());
        let tensors = [image.view(), other.view()];
        assert!(check_all(&tensors, "src: f32[h, w, 3], dst: f32[h, v]").is_ok());
        let error = check_all(&tensors, "src: f32[h, w, 3], dst: f32[h, w] c").unwrap_err();
        assert_eq!(error.status(), Status::Shape);
        assert_eq!(
            error.message(),
            "argument 2 (dst): shape[1] is 6 and must be 5, as w is in argument 1; wanted f32[h, w] c, \
             came float32 [4, 6] with strides [6, 1] on cpu"
        );
        let error = check_all(&tensors, "f32").unwrap_err();
        assert_eq!(error.status(), Status::Argument);
    }
}
