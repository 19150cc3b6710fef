//! What an array must be, as a call checks it.

use dlbridge::Device;
use dlbridge::abi::DLDataType;
use dlbridge::spec::{Extent, Order, Place, Types};

use crate::bind::signature::parsed::{Kind, Mode, Parameter};

/// What an array must be.
pub struct ArrayPlan {
    /// Of its parameter, in C.
    pub parameter: usize,
    /// Among the arrays of the call.
    pub index: usize,
    pub dtypes: Dtypes,
    /// None for any shape.
    pub shape: Option<Box<[Extent]>>,
    pub is_c: bool,
    pub alignment: u64,
    pub is_written: bool,
    /// Whether C gets the address of the first element only.
    pub is_bare: bool,
    /// Whether this is all that the spec says.
    pub is_whole: bool,
}

pub enum Dtypes {
    Any,
    OneOf(Box<[DLDataType]>),
    /// That of the array with this index.
    Same(usize),
}

impl ArrayPlan {
    /// None for a parameter that is no array of the caller's.
    pub fn of(parameters: &[Parameter], index: usize) -> Option<ArrayPlan> {
        let parameter = &parameters[index];
        let spec = parameter.kind.spec().filter(|_| parameter.mode != Mode::New)?;
        let dtypes = match &spec.types {
            Types::Any => Dtypes::Any,
            Types::OneOf(dtypes) => Dtypes::OneOf(dtypes.iter().map(|dtype| dtype.raw()).collect()),
            Types::Same(name) => {
                // Those that are read before.
                let before = match parameter.mode {
                    Mode::Out => parameters,
                    _ => &parameters[..index],
                };
                let is_named =
                    |it: &Parameter| it.name == **name && matches!(it.mode, Mode::In | Mode::InOut);
                let named = before.iter().position(is_named);
                // Such an array is read before: the grammar refuses others.
                named.map_or(Dtypes::Any, |named| Dtypes::Same(index_of(parameters, named)))
            }
        };
        let shape = spec.shape.as_deref().filter(|shape| *shape != [Extent::Rest]);
        let shape: Option<Box<[Extent]>> = shape.map(Box::from);
        let is_on_host = match spec.place {
            None | Some(Place::Anywhere | Place::Host) => true,
            Some(Place::Type(device) | Place::Device(device)) => device == Device::CPU,
        };
        let is_whole = is_on_host
            && !shape.as_ref().is_some_and(|shape| shape.contains(&Extent::Rest))
            && spec.order != Some(Order::Fortran)
            && spec.writable != Some(false);
        Some(ArrayPlan {
            parameter: index,
            index: index_of(parameters, index),
            dtypes,
            shape,
            is_c: spec.order.is_some(),
            alignment: spec.alignment,
            is_written: parameter.is_written(),
            is_bare: matches!(parameter.kind, Kind::Elements(_)),
            is_whole,
        })
    }
}

/// How many arrays there are before a parameter: the index of its own.
pub fn index_of(parameters: &[Parameter], index: usize) -> usize {
    let is_array = |it: &&Parameter| it.kind.spec().is_some() && it.mode != Mode::New;
    parameters[..index].iter().filter(is_array).count()
}
