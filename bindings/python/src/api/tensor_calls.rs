//! The methods of `dlbridge.Tensor` that take arguments.

use pyo3::prelude::*;

use crate::api::{dlpack_method, element, pickle};
use crate::engine::deliver::Input;
use crate::engine::{acquire, copy, deliver, record};
use crate::frameworks::compatibility::Request;
use crate::frameworks::framework::Framework;
use crate::frameworks::{numpy, registry};
use crate::support::arguments::Arguments;
use crate::support::flags;
use crate::support::function::{Function, add_method};
use crate::support::integers::integers;
use crate::support::parameters::{Parameters, not_none};
use crate::values::tensor::PyTensor;
use crate::values::{device, index, stream};

/// Gives the class these methods.
pub fn add(py: Python<'_>) -> PyResult<()> {
    add_method::<dlpack_method::Dlpack>(py)?;
    add_method::<Transpose>(py)?;
    add_method::<Reshape>(py)?;
    add_method::<Item>(py)?;
    add_method::<ToBytes>(py)?;
    add_method::<ToDevice>(py)?;
    add_method::<Numpy>(py)?;
    add_method::<Torch>(py)?;
    add_method::<Jax>(py)?;
    add_method::<Cupy>(py)?;
    add_method::<Tensorflow>(py)?;
    add_method::<Paddle>(py)?;
    add_method::<Mlx>(py)?;
    add_method::<Array>(py)?;
    add_method::<DeepCopy>(py)?;
    add_method::<ReduceEx>(py)
}

type Own<'a, 'py> = &'a Bound<'py, PyTensor>;
type Answer<'py> = PyResult<Bound<'py, PyAny>>;

struct Transpose;

impl Function for Transpose {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.transpose";
    const SIGNATURE: &'static str = "($self, /, *axes)";
    const DOCUMENTATION: &'static str = "\
The view with the axes in this order, reversed if none are given. Takes
ints or one tuple; negative ones count from the end.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        let axes = given.only_positional(Self::NAME)?;
        let tensor = own.get();
        let view = match axes {
            [] => tensor.reversed(),
            axes => {
                let axes = index::axes(axes, tensor.core().shape().len())?;
                tensor.view(tensor.core().permute(&axes))
            }
        };
        view?.into_object(own.py())
    }
}

struct Reshape;

impl Function for Reshape {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.reshape";
    const SIGNATURE: &'static str = "($self, /, *shape)";
    const DOCUMENTATION: &'static str = "\
The view with another shape: ints or one tuple, of which one may be -1.
ValueError if only a copy could have it.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        let shape = integers("shape", given.only_positional(Self::NAME)?)?;
        own.get().view(own.get().core().reshape(&shape))?.into_object(own.py())
    }
}

struct Item;

impl Function for Item {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.item";
    const SIGNATURE: &'static str = "($self, /, *index)";
    const DOCUMENTATION: &'static str = "\
The one element as a number of Python, that at a flat index, or that at one index
for each axis. Of memory of a GPU, that element is copied.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        element::item(own.py(), own.get(), given.only_positional(Self::NAME)?)
    }
}

struct ToBytes;

impl Function for ToBytes {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.tobytes";
    const SIGNATURE: &'static str = "($self, /, order='C')";
    const DOCUMENTATION: &'static str = "\
The bytes of the elements without gaps: the last axis fastest for \"C\", the first one
for \"F\"; \"A\" is \"F\" for what lies in that order, else \"C\".";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<0, 1> = Parameters::of(ToBytes::SIGNATURE);
        let ([], [order]) = PARAMETERS.read(own.py(), Self::NAME, given)?;
        pickle::to_bytes(own.py(), own.get(), order).map(Bound::into_any)
    }
}

struct ToDevice;

impl Function for ToDevice {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.to_device";
    const SIGNATURE: &'static str = "($self, device, /, *, stream=None)";
    const DOCUMENTATION: &'static str = "\
The tensor itself if it is on that device, else a copy there in C order: on
\"cpu\", \"cpu_pinned\", \"cuda_managed\" or a GPU, \"cuda:0\".

Without `stream` the copy is made in the order of the stream on which the tensor
was made, and memory of the host is read or written when this returns. With one,
of the GPU that is copied to or from (to, between two), nothing is waited for but
copies to \"cpu\": a tensor of the host is to be kept, and not to be written to, until
the stream is past the copy, and the stream exists as long as the copy and its views.
A tensor on that device already is taken over to the stream, as by `from_dlpack`.
What is copied to \"cpu_pinned\" or \"cuda_managed\" with a stream is there when the
stream is past it: wait for the stream before the host reads it. Between two GPUs
the host waits.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<1, 1> = Parameters::of(ToDevice::SIGNATURE);
        let (py, tensor) = (own.py(), own.get());
        let ([device], [stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let (device, stream) = (device::parse("device", device)?, stream::parse(stream)?);
        if device == tensor.core().device() {
            return match stream {
                None => Ok(own.clone().into_any()),
                Some(_) => PyTensor::from(acquire::shared(tensor, stream)?).into_object(py),
            };
        }
        let copy = copy::copy_to(py, tensor.core(), tensor.stream(), device, stream)?;
        record::copied(py, &copy.tensor, "to_device()")?;
        PyTensor::from(copy).into_object(py)
    }
}

struct Numpy;

impl Function for Numpy {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.numpy";
    const SIGNATURE: &'static str = "($self, /, *, copy=False)";
    const DOCUMENTATION: &'static str = "\
A NumPy array on the same memory, read-only if the tensor is; with
copy=True on a copy. BufferError where NumPy cannot have it.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<0, 1> = Parameters::of(Numpy::SIGNATURE);
        let ([], [copy]) = PARAMETERS.read(own.py(), Self::NAME, given)?;
        deliver(own, registry::NUMPY, flags::copy_or(copy, Some(false))?, false)
    }
}

/// A method that gives an array of a framework which may have no read-only arrays.
macro_rules! delivers {
    ($method:ident, $framework:path, $name:literal, $documentation:literal) => {
        struct $method;

        impl Function for $method {
            type Own = PyTensor;

            const NAME: &'static str = concat!("Tensor.", $name);
            const SIGNATURE: &'static str = "($self, /, *, copy=False, allow_writable_alias=False)";
            const DOCUMENTATION: &'static str = $documentation;

            fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
                static PARAMETERS: Parameters<0, 2> = Parameters::of($method::SIGNATURE);
                let ([], [copy, alias]) = PARAMETERS.read(own.py(), Self::NAME, given)?;
                let copy = flags::copy_or(copy, Some(false))?;
                deliver(own, $framework, copy, flags::allow_writable_alias(alias)?)
            }
        }
    };
}

delivers!(
    Torch,
    registry::TORCH,
    "torch",
    "\
A PyTorch tensor on the same memory. BufferError where PyTorch cannot have
it (negative strides, complex128 between multiples of 16 bytes) or would not keep
it read-only; copy=None copies in those cases, copy=True always."
);
delivers!(
    Jax,
    registry::JAX,
    "jax",
    "\
A JAX array on the same memory. BufferError where JAX would copy (memory not
aligned to 64 bytes), convert (64 bits without jax_enable_x64) or refuse it (gaps,
repeated or reversed axes); copy=None copies where that helps."
);
delivers!(
    Cupy,
    registry::CUPY,
    "cupy",
    "\
A CuPy array on the same memory of a CUDA device, which CuPy's current stream
waits for. BufferError for memory on the host, which CuPy has none of."
);
delivers!(
    Tensorflow,
    registry::TENSORFLOW,
    "tensorflow",
    "\
A TensorFlow tensor on the same memory. BufferError where TensorFlow cannot have
it (another order than C, memory not aligned to 64 bytes); copy=None copies then."
);
delivers!(
    Paddle,
    registry::PADDLE,
    "paddle",
    "\
A PaddlePaddle tensor on the same memory. BufferError where PaddlePaddle cannot
have it (negative strides, uint16, complex128 between multiples of 16 bytes) or
would not keep it read-only; copy=None copies where that helps."
);
delivers!(
    Mlx,
    registry::MLX,
    "mlx",
    "An MLX array. MLX always copies: BufferError unless copy is None or True."
);

/// An array of a framework.
fn deliver<'py>(
    own: Own<'_, 'py>,
    framework: &'static Framework,
    copy: Option<bool>,
    allow_writable_alias: bool,
) -> Answer<'py> {
    let request = Request { writable_alias: allow_writable_alias };
    deliver::deliver(framework, own.as_any(), Input::Object(own.clone()), copy, request)
}

struct Array;

impl Function for Array {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.__array__";
    const SIGNATURE: &'static str = "($self, /, dtype=None, copy=None)";
    const DOCUMENTATION: &'static str = "\
For `numpy.asarray`: what `numpy()` gives, also of the types of ml_dtypes, converted
if `dtype` is another one. ValueError where that takes a copy and `copy` is False.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<0, 2> = Parameters::of(Array::SIGNATURE);
        let ([], [dtype, copy]) = PARAMETERS.read(own.py(), Self::NAME, given)?;
        let dtype = not_none(dtype);
        let copy = flags::copy_or(copy, None)?;
        let copies = Some(dtype.is_none() && copy == Some(true));
        let array = deliver(own, registry::NUMPY, copies, false)?;
        match dtype {
            None => Ok(array),
            Some(dtype) => numpy::converted(array, dtype, copy),
        }
    }
}

struct DeepCopy;

impl Function for DeepCopy {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.__deepcopy__";
    const SIGNATURE: &'static str = "($self, memo, /)";
    const DOCUMENTATION: &'static str = "As `__copy__`.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<1, 0> = Parameters::of(DeepCopy::SIGNATURE);
        let ([_memo], []) = PARAMETERS.read(own.py(), Self::NAME, given)?;
        pickle::duplicate(own.py(), own.get())?.into_object(own.py())
    }
}

struct ReduceEx;

impl Function for ReduceEx {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.__reduce_ex__";
    const SIGNATURE: &'static str = "($self, protocol, /)";
    const DOCUMENTATION: &'static str = "\
For `pickle`, of memory of the host; read-only stays read-only. Since protocol 5
the memory may go by the side, without a copy where it has no gaps.";

    fn call<'py>(own: Own<'_, 'py>, given: Arguments<'_, 'py>) -> Answer<'py> {
        static PARAMETERS: Parameters<1, 0> = Parameters::of(ReduceEx::SIGNATURE);
        let ([protocol], []) = PARAMETERS.read(own.py(), Self::NAME, given)?;
        pickle::reduce(own, protocol).map(Bound::into_any)
    }
}
