//! The arrays that a call makes for what C writes.

use dlbridge::abi::DLTensor;
use dlbridge::check::check_place;
use dlbridge::cuda::{self, Stream};
use dlbridge::spec::{Extent, Order, Spec, Types};
use dlbridge::{DType, Device, Tensor};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::call::argument::read;
use crate::bind::call::array_plan::{ArrayPlan, Dtypes};
use crate::bind::call::call_state::CallState;
use crate::bind::call::errors::{Label, named};
use crate::bind::call::plan::is_plain;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::Parameter;
use crate::engine::deliver;
use crate::engine::reader::{Library, Snapshot};
use crate::frameworks::compatibility::Request;
use crate::frameworks::framework::Framework;
use crate::frameworks::{compatibility, numpy, torch};
use crate::support::ask::Ask;
use crate::support::{errors, modules, objects};
use crate::values::stream::lasting;
use crate::values::tensor::PyTensor;

impl<'a, 'py> CallState<'a, 'py> {
    /// Makes the outputs that the caller did not give.
    #[inline(always)]
    pub fn make_outputs(&mut self) -> PyResult<()> {
        for plan in &self.plan.arrays[self.plan.inputs..] {
            let parameter = self.parameter(plan.parameter);
            if self.objects[plan.parameter].is_none() && !parameter.optional {
                let made = self.make_output(plan, parameter);
                made.map_err(|error| {
                    named(self.py, self.function, &Label(parameter, None), error)
                })?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn make_output(&mut self, plan: &'a ArrayPlan, parameter: &Parameter) -> PyResult<()> {
        // Where memory is allocated foreign code may run.
        self.ran_foreign = true;
        let array = self.new_output(plan, parameter)?;
        self.check_deliverable(&array)?;
        let accepted = Snapshot::of(&array).filter(|_| plan.is_whole);
        let accepted = accepted.and_then(|found| {
            self.has_torch |= found.library == Library::PyTorch;
            self.arrays.accept(plan, &found)
        });
        let value = match accepted {
            Some(address) => CValue::new(address),
            None => read(&array, Some(false), |found| {
                self.held.extend(found.tensor.map(|tensor| (plan.index, tensor.clone())));
                Ok(CValue::new(found.store(plan, self.arrays)))
            })?,
        };
        self.values[plan.parameter] = value;
        self.made.push((plan.parameter, array));
        Ok(())
    }

    /// Whether the framework will take what C has written to: after the call it would be
    /// too late to say that it does not.
    fn check_deliverable(&self, array: &Bound<'py, PyAny>) -> PyResult<()> {
        let (Ok(tensor), Some(framework)) = (array.cast_exact::<PyTensor>(), self.framework())
        else {
            return Ok(());
        };
        let view = tensor.get().core().view();
        let verdict =
            compatibility::check(self.py, framework, &view, Request { writable_alias: false });
        if verdict.refused {
            return Err(errors::refused(verdict.reason));
        }
        match self.function.copy == Some(false) && verdict.copies() > 0 {
            true => Err(deliver::refuse_copy(&verdict, view.layout().bytes())),
            false => Ok(()),
        }
    }

    fn new_output(
        &mut self,
        plan: &ArrayPlan,
        parameter: &Parameter,
    ) -> PyResult<Bound<'py, PyAny>> {
        let spec = parameter.kind.spec().expect("a tensor");
        let mut shape = SmallVec::<[i64; 8]>::new();
        for extent in spec.shape.iter().flatten() {
            shape.push(self.known_extent(*extent)?);
        }
        let dtype = match &spec.types {
            Types::OneOf(dtypes) => dtypes[0],
            Types::Same(name) => {
                let dtype = match plan.dtypes {
                    Dtypes::Same(index) => self.arrays.dtype(index),
                    _ => None,
                };
                let dtype = dtype.ok_or_else(|| {
                    errors::refused(format_args!("its dtype is not known: {name} was not given"))
                })?;
                DType::new(dtype).map_err(errors::exchange)?
            }
            Types::Any => unreachable!("such a signature is refused"),
        };
        let device = if self.is_on_host { Device::CPU } else { self.device };
        check_place(spec, device).map_err(errors::exchange)?;
        if dtype.item_bytes().is_none() {
            // NumPy would give each a whole byte, of which C would know nothing.
            let text = format!("an output of {dtype}, parts of bytes, is not allocated here");
            return Err(errors::refused(text + ": pass an array for it"));
        }
        let stream = if device == Device::CPU { Stream::LEGACY } else { self.work()? };
        Wanted { dtype, shape: &shape, spec, device, stream }.make(self.py, self.framework())
    }

    fn known_extent(&self, extent: Extent) -> PyResult<i64> {
        match extent {
            Extent::Fixed(extent) => Ok(extent),
            Extent::Named(name) => self.arrays.extent(name).ok_or_else(|| {
                let name = &self.function.signature.names[name];
                errors::refused(format_args!(
                    "its extent {name} is not known: no array was given for it"
                ))
            }),
            Extent::Any | Extent::Rest => unreachable!("such a signature is refused"),
        }
    }
}

/// What an output is to be.
pub struct Wanted<'a> {
    pub dtype: DType,
    pub shape: &'a [i64],
    pub spec: &'a Spec<'a>,
    pub device: Device,
    /// That C works on.
    pub stream: Stream,
}

impl Wanted<'_> {
    /// An array that C can write to: of the framework itself where that is quick, else
    /// a tensor that becomes such an array afterwards.
    pub fn make<'py>(
        &self,
        py: Python<'py>,
        framework: Option<&'static Framework>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = framework.map_or("dlbridge", |framework| framework.name);
        if is_plain(self.spec) {
            match name {
                "numpy" if self.device == Device::CPU => {
                    return numpy::empty(py, self.dtype, self.shape);
                }
                "torch" => {
                    if let Some(array) = self.make_torch(py)? {
                        return Ok(array);
                    }
                }
                _ => {}
            }
        }
        let tensor = PyTensor::on(self.tensor()?, lasting(self.stream));
        Ok(Bound::new(py, tensor)?.into_any())
    }

    fn tensor(&self) -> PyResult<Tensor> {
        // SAFETY: no element is read here: they are for C to write. Whoever gave the stream
        // keeps it.
        let empty =
            |shape: &[i64]| unsafe { cuda::empty(self.dtype, shape, self.device, self.stream) };
        let tensor = match self.spec.order {
            Some(Order::Fortran) => {
                let shape: Vec<i64> = self.shape.iter().rev().copied().collect();
                let axes: Vec<usize> = (0..shape.len()).rev().collect();
                empty(&shape).and_then(|tensor| tensor.permute(&axes))
            }
            _ => empty(self.shape),
        };
        tensor.map_err(errors::argument)
    }

    /// By the allocator in PyTorch's table, if it has that.
    fn make_torch<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(table) = torch::table(py)? else {
            return Ok(None);
        };
        if torch::has_modes(py)? {
            // FfiCall of others looks on: what it raises would be lost in the table's function.
            return self.make_by_name(py).map(Some);
        }
        let prototype = DLTensor {
            data: std::ptr::null_mut(),
            device: self.device.raw(),
            ndim: self.shape.len() as i32,
            dtype: self.dtype.raw(),
            shape: self.shape.as_ptr().cast_mut(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        };
        table.allocate(py, &prototype)
    }
}

impl Wanted<'_> {
    /// By `torch.empty`.
    fn make_by_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let torch = modules::import(py, c"torch")?;
        let dtype = torch.getattr(objects::display(py, self.dtype)?)?;
        let device = objects::display(py, self.device)?.into_any();
        let options = objects::named(py, [("dtype", dtype), ("device", device)])?;
        torch.attribute(c"empty")?.called_with([objects::ints(py, self.shape)?.as_any()], &options)
    }
}
