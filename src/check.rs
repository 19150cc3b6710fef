//! Whether tensors are what a [`Spec`] asks for.

use std::fmt::{self, Display};

use smallvec::SmallVec;

use crate::abi::Flags;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result, fail};
use crate::memory;
use crate::spec::{Extent, Order, Place, Spec, Specs, Types};
use crate::tensor_ref::TensorRef;
use crate::text::Joined;

/// Checks one tensor.
///
/// # Errors
/// `Spec` for a text that is not understood; else `Dtype`, `Ndim`, `Shape`,
/// `Layout`, `Device`, `Alignment` or `ReadOnly`: whatever is wrong first, with
/// what was wanted and the tensor's dtype, shape, strides and device.
pub fn check(tensor: TensorRef<'_>, spec: &str) -> Result<()> {
    check_parsed(&[tensor], &Specs::parse_one(spec)?, spec)
}

/// Checks several tensors: names stand for the same extent in all of them.
///
/// # Errors
/// As [`check`], with the argument's name and position; `Argument` if there are
/// not as many tensors as specs.
pub fn check_all(tensors: &[TensorRef<'_>], specs: &str) -> Result<()> {
    check_parsed(tensors, &Specs::parse(specs)?, specs)
}

/// Checks tensors against the specs that were read from a text.
pub(crate) fn check_parsed(
    tensors: &[TensorRef<'_>],
    parsed: &Specs<'_>,
    text: &str,
) -> Result<()> {
    let count = parsed.each.len();
    if count != tensors.len() {
        fail!(Argument, "{} tensors came; the check {text:?} has {count}", tensors.len());
    }
    let mut checker = Checker::new(&parsed.names);
    for (index, (spec, tensor)) in parsed.each.iter().zip(tensors).enumerate() {
        let argument = Argument { spec, position: Some(index + 1) };
        checker.check(argument, tensor).map_err(|wrong| argument.describe(&wrong, tensor))?;
    }
    Ok(())
}

/// An argument and what it must be.
#[derive(Clone, Copy)]
pub struct Argument<'s> {
    /// What it must be, with its name.
    pub spec: &'s Spec<'s>,
    /// Its place among the arguments, from 1, if it has one.
    pub position: Option<usize>,
}

impl Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.position, &self.spec.name) {
            (Some(position), Some(name)) => write!(f, "argument {position} ({name})"),
            (Some(position), None) => write!(f, "argument {position}"),
            (None, Some(name)) => write!(f, "argument {name}"),
            (None, None) => write!(f, "the tensor"),
        }
    }
}

impl Argument<'_> {
    /// The error of [`Checker::check`], with the argument, what was expected, and
    /// what it got.
    #[cold]
    pub fn describe(&self, wrong: &Error, came: &dyn Display) -> Error {
        let spec = &self.spec.text;
        let wanted = spec.split_once(':').filter(|_| self.spec.name.is_some());
        let wanted = wanted.map_or(&**spec, |(_, wanted)| wanted.trim());
        let wrong_is = wrong.message();
        Error::format(
            wrong.status(),
            format_args!("{self}: expected {wanted}, got {came}: {wrong_is}"),
        )
    }
}

/// Checks one tensor after the other, and remembers the extents that names have
/// and the dtypes of the arguments.
pub struct Checker<'s> {
    names: &'s [std::borrow::Cow<'s, str>],
    extents: SmallVec<[Known<'s>; 8]>,
    arguments: SmallVec<[(Argument<'s>, DType); 4]>,
}

/// A name's extent, if it has one, and where that came from.
#[derive(Clone, Copy)]
struct Known<'s> {
    extent: i64,
    giver: Option<Argument<'s>>,
}

impl<'s> Checker<'s> {
    /// Nothing is known yet of these names, those of the specs.
    #[inline(always)]
    pub fn new(names: &'s [std::borrow::Cow<'s, str>]) -> Self {
        Checker { names, extents: SmallVec::new(), arguments: SmallVec::new() }
    }

    /// The extent that the name at a place has so far.
    pub fn extent(&self, place: usize) -> Option<i64> {
        let known = self.extents.get(place);
        known.map(|known| known.extent).filter(|extent| *extent >= 0)
    }

    /// What is known of the name at a place.
    #[inline]
    fn known(&mut self, place: usize) -> Result<&mut Known<'s>> {
        while self.extents.len() <= place {
            memory::push(&mut self.extents, Known { extent: -1, giver: None })?;
        }
        Ok(&mut self.extents[place])
    }

    /// Gives a name the extent that another argument says, if it has none yet.
    ///
    /// # Errors
    /// `Shape` if it has another one, or for a negative one; `Memory`.
    pub fn set_extent(&mut self, place: usize, extent: i64) -> Result<()> {
        match self.extent(place) {
            _ if extent < 0 => fail!(Shape, "is {extent}; an extent is 0 or more"),
            Some(known) if known != extent => {
                fail!(Shape, "is {extent}, expected {known}{}", self.giver(place))
            }
            Some(_) => Ok(()),
            None => {
                self.known(place)?.extent = extent;
                Ok(())
            }
        }
    }

    /// The dtype of the argument with that name, if it was checked.
    pub fn dtype_of(&self, name: &str) -> Option<DType> {
        let is_named = |argument: &Argument<'_>| argument.spec.name.as_deref() == Some(name);
        self.arguments.iter().find(|(argument, _)| is_named(argument)).map(|(_, dtype)| *dtype)
    }

    /// Checks one tensor.
    ///
    /// # Errors
    /// Those of [`check()`], without what [`Argument::describe`] adds.
    pub fn check(&mut self, argument: Argument<'s>, tensor: &TensorRef<'_>) -> Result<()> {
        let spec = argument.spec;
        self.check_dtype(&spec.types, tensor.dtype())?;
        self.check_shape(argument, tensor)?;
        check_order(spec, tensor)?;
        check_place(spec, tensor.device())?;
        check_alignment(spec, tensor)?;
        check_access(spec, tensor)?;
        memory::push(&mut self.arguments, (argument, tensor.dtype()))?;
        Ok(())
    }

    fn check_dtype(&self, types: &Types<'_>, dtype: DType) -> Result<()> {
        match types {
            Types::Any => Ok(()),
            Types::OneOf(dtypes) if dtypes.contains(&dtype) => Ok(()),
            Types::OneOf(dtypes) => {
                fail!(Dtype, "dtype is {dtype}, expected {}", Joined(dtypes.iter(), " or "))
            }
            Types::Same(name) => match self.dtype_of(name) {
                Some(wanted) if wanted != dtype => {
                    fail!(Dtype, "dtype is {dtype}, expected {wanted}, as that of {name}")
                }
                _ => Ok(()),
            },
        }
    }

    fn check_shape(&mut self, argument: Argument<'s>, tensor: &TensorRef<'_>) -> Result<()> {
        let Some(wanted) = &argument.spec.shape else {
            return Ok(());
        };
        let shape = tensor.shape();
        let rest = wanted.iter().position(|extent| *extent == Extent::Rest);
        let named = wanted.len() - usize::from(rest.is_some());
        if shape.len() < named || (rest.is_none() && shape.len() > named) {
            let least = if rest.is_some() { "at least " } else { "" };
            fail!(Ndim, "ndim is {}, expected {least}{named}", shape.len());
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
                    fail!(Shape, "shape[{axis}] is {}, expected {extent}", shape[axis])
                }
                Extent::Named(place) => self.check_named(place, shape[axis], axis, argument)?,
            }
        }
        Ok(())
    }

    fn check_named(
        &mut self,
        place: usize,
        extent: i64,
        axis: usize,
        argument: Argument<'s>,
    ) -> Result<()> {
        let known = self.known(place)?;
        if known.extent < 0 {
            *known = Known { extent, giver: Some(argument) };
        } else if known.extent != extent {
            let known = known.extent;
            fail!(Shape, "shape[{axis}] is {extent}, expected {known}{}", self.giver(place));
        }
        Ok(())
    }

    /// Where the extent of a name came from, for error texts.
    #[cold]
    fn giver(&self, place: usize) -> Giver<'_> {
        Giver { name: &self.names[place], argument: self.extents[place].giver }
    }
}

struct Giver<'s> {
    name: &'s str,
    argument: Option<Argument<'s>>,
}

impl Display for Giver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument {
            Some(argument) => write!(f, ", as {} is in {argument}", self.name),
            None => write!(f, ", as the argument {} says", self.name),
        }
    }
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

/// Checks that memory on this device is where the spec wants it.
///
/// # Errors
/// `Device`.
pub fn check_place(spec: &Spec<'_>, device: Device) -> Result<()> {
    let holds = match spec.place {
        None | Some(Place::Anywhere) => true,
        Some(Place::Host) => device.is_host_accessible(),
        Some(Place::Type(wanted)) => device.type_code() == wanted.type_code(),
        Some(Place::Device(wanted)) => device == wanted,
    };
    if holds {
        return Ok(());
    }
    match spec.place {
        Some(Place::Type(wanted)) => {
            fail!(Device, "device is {device}, expected {}", wanted.type_name())
        }
        Some(Place::Device(wanted)) => fail!(Device, "device is {device}, expected {wanted}"),
        _ => fail!(Device, "device is {device}, expected the host"),
    }
}

fn check_alignment(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    let first = tensor.first();
    // A power of two.
    if first as usize as u64 & (spec.alignment - 1) == 0 {
        return Ok(());
    }
    fail!(
        Alignment,
        "the first element is at {first:p} and must be at a multiple of {} bytes",
        spec.alignment
    )
}

fn check_access(spec: &Spec<'_>, tensor: &TensorRef<'_>) -> Result<()> {
    let read_only = tensor.flags().contains(Flags::READ_ONLY);
    match spec.writable {
        Some(true) if read_only => fail!(ReadOnly, "it is read-only and must be writable"),
        Some(false) if !read_only => fail!(ReadOnly, "it is writable and must be read-only"),
        _ => Ok(()),
    }
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
            "argument 2 (dst): expected f32[h, w] c, got float32 [4, 6] with strides [6, 1] on cpu: shape[1] is 6, \
             expected 5, as w is in argument 1 (src)"
        );
        let error = check_all(&tensors, "src: f32[...], dst: src.dtype[h, 5]").unwrap_err();
        assert!(error.message().contains("expected 5"), "{error}");
        let bytes = Tensor::zeros(DType::UINT8, &[4, 5]).unwrap();
        let error =
            check_all(&[image.view(), bytes.view()], "src: f32, dst: src.dtype").unwrap_err();
        assert!(error.message().contains("expected float32, as that of src"), "{error}");
        assert_eq!(error.status(), Status::Dtype);
        let error = check_all(&tensors, "f32").unwrap_err();
        assert_eq!(error.status(), Status::Argument);
    }
}
