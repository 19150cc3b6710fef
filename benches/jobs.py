"""What is measured: pairs of statements that do the same job."""

from . import paths
from .job import Job

_THREE_NUMPY = "C function, 3 NumPy arrays"
_THREE_TORCH = "C function, 3 torch tensors"

TARGETS = [
    Job(_THREE_NUMPY, "bound(a, b, out)", "nanobind", "with_nanobind.add3(a, b, out)", 0.5),
    Job(_THREE_TORCH, "bound(t, u, v)", "tvm-ffi", "with_tvm_ffi.add3(t, u, v)", 0.8),
    Job(
        "ctypes call, 3 NumPy arrays",
        "with_arg(a, b, out)",
        "ndpointer",
        "with_ndpointer(a, b, out)",
        0.1,
    ),
    Job("NumPy to torch", 'convert(a, "torch")', "from_numpy", "torch.from_numpy(a)", 0.85),
    Job("torch to NumPy", 'convert(t, "numpy")', "Tensor.numpy", "t.numpy()", 0.4),
    Job(
        "NumPy takes our tensor",
        "np.from_dlpack(tensor)",
        "NumPy's own",
        "np.from_dlpack(a)",
        1.0,
    ),
    Job(
        "torch takes our tensor",
        "torch.from_dlpack(tensor)",
        "tvm-ffi's",
        "torch.from_dlpack(foreign)",
        1.0,
    ),
    Job("a torch tensor taken", "from_dlpack(t)", "tvm-ffi", "tvm_ffi.from_dlpack(t)", 0.7),
]

# The shortest way through public interfaces, in C, without a check: see floor.c.
FLOORS = [
    Job(_THREE_NUMPY, "bound(a, b, out)", "the floor", "floor.add3_numpy(a, b, out)", 1.3),
    Job(_THREE_TORCH, "bound(t, u, v)", "the floor", "floor.add3_torch(t, u, v)", 1.3),
    Job("NumPy to torch", 'convert(a, "torch")', "the floor", "floor.numpy_to_torch(a)", 1.3),
    Job("torch to NumPy", 'convert(t, "numpy")', "the floor", "floor.torch_to_numpy(t)", 1.3),
]

OTHERS = [
    Job(_THREE_NUMPY, "bound(a, b, out)", "pybind11", "with_pybind11.add3(a, b, out)"),
    Job(_THREE_NUMPY, "bound(a, b, out)", "tvm-ffi", "with_tvm_ffi.add3(a, b, out)"),
    Job(_THREE_NUMPY, "bound(a, b, out)", "cuda.core", "view(a), view(b), view(out)"),
    Job(_THREE_TORCH, "bound(t, u, v)", "nanobind", "with_nanobind.add3(t, u, v)"),
    Job(_THREE_TORCH, "bound(t, u, v)", "cuda.core", "view(t), view(u), view(v)"),
    Job(
        _THREE_TORCH,
        "bound(t, u, v)",
        "data_ptr()",
        "plain(c_void_p(t.data_ptr()), c_void_p(u.data_ptr()), c_void_p(v.data_ptr()))",
    ),
    Job("C function, 1 NumPy array", "bound1(a)", "nanobind", "with_nanobind.read1(a)"),
    Job("C function, 1 torch tensor", "bound1(t)", "tvm-ffi", "with_tvm_ffi.read1(t)"),
    Job("NumPy to torch", 'convert(a, "torch")', "torch.from_dlpack", "torch.from_dlpack(a)"),
    Job("torch to NumPy", 'convert(t, "numpy")', "np.from_dlpack", "np.from_dlpack(t)"),
    Job("a NumPy array taken", "from_dlpack(a)", "cuda.core", "view(a)"),
    Job("a torch tensor taken", "from_dlpack(t)", "cuda.core", "view(t)"),
    Job("NumPy takes our tensor", "np.from_dlpack(tensor)", "tvm-ffi's", "np.from_dlpack(foreign)"),
]


SECTIONS = {
    "Beside the fastest peers": TARGETS,
    "Beside the shortest way there is in C": FLOORS,
    "Beside others": OTHERS,
    "Every path": paths.NAMED,
    "Paths of each kind": paths.OTHERS,
}
ALL = [job for jobs in SECTIONS.values() for job in jobs]
