//! The CUDA driver, found at run time.
//!
//! The types are cudarc's, and so are the signatures: the compiler compares. The
//! functions are looked up here and not by cudarc, which panics where the library
//! or a function is missing, and which would take a stub of the CUDA toolkit for
//! the driver.

#![allow(non_snake_case)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

use cudarc::driver::sys;
use sys::{
    CUDA_MEMCPY2D, CUcontext, CUdevice, CUdeviceptr, CUevent, CUfunction, CUhostFn, CUmodule,
    CUpointer_attribute, CUstream, CUstreamCaptureMode, CUstreamCaptureStatus,
};

use super::library::{Library, no_cuda};
use crate::error::{Error, Result, Status};

/// The name under which drivers install the library. Not `libcuda.so`, which may
/// be the toolkit's stub.
const LIBRARY: &CStr = if cfg!(windows) { c"nvcuda.dll" } else { c"libcuda.so.1" };

/// What a driver's function returns. A number, since later drivers have errors that
/// no enum of today knows.
type Code = c_uint;

const OUT_OF_MEMORY: Code = sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY as Code;

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*);)*) => {
        /// The functions of the driver that are used here.
        pub(super) struct Driver {
            $($name: unsafe extern "C" fn($($kind),*) -> Code,)*
            cuGetErrorName: ErrorText,
            cuGetErrorString: ErrorText,
        }

        impl Driver {
            fn find(library: &Library) -> Result<Driver> {
                Ok(Driver {
                    $($name: function(library, concat!(stringify!($name), "\0"))?,)*
                    cuGetErrorName: function(library, "cuGetErrorName\0")?,
                    cuGetErrorString: function(library, "cuGetErrorString\0")?,
                })
            }

            $(
                /// # Safety
                /// That of CUDA's function of the same name.
                #[allow(clippy::too_many_arguments)]
                pub unsafe fn $name(&self, $($argument: $kind),*) -> Result<()> {
                    // SAFETY: the caller's promise.
                    match unsafe { (self.$name)($($argument),*) } {
                        0 => Ok(()),
                        code => Err(self.failed(stringify!($name), code)),
                    }
                }
            )*
        }

        $(const _: unsafe fn($($kind),*) -> sys::CUresult = sys::$name;)*
    };
}

type ErrorText = unsafe extern "C" fn(Code, *mut *const c_char) -> Code;

functions! {
    fn cuInit(flags: c_uint);
    fn cuDeviceGetCount(count: *mut c_int);
    fn cuDeviceGet(device: *mut CUdevice, ordinal: c_int);
    fn cuDevicePrimaryCtxRetain(context: *mut CUcontext, device: CUdevice);
    fn cuCtxPushCurrent_v2(context: CUcontext);
    fn cuCtxPopCurrent_v2(context: *mut CUcontext);
    fn cuCtxGetDevice(device: *mut CUdevice);
    fn cuPointerGetAttributes(
        count: c_uint,
        attributes: *mut CUpointer_attribute,
        values: *mut *mut c_void,
        pointer: CUdeviceptr
    );
    fn cuMemAllocAsync(pointer: *mut CUdeviceptr, bytes: usize, stream: CUstream);
    fn cuMemFreeAsync(pointer: CUdeviceptr, stream: CUstream);
    fn cuMemHostAlloc(pointer: *mut *mut c_void, bytes: usize, flags: c_uint);
    fn cuMemFreeHost(pointer: *mut c_void);
    fn cuMemAllocManaged(pointer: *mut CUdeviceptr, bytes: usize, flags: c_uint);
    fn cuMemFree_v2(pointer: CUdeviceptr);
    fn cuMemcpyAsync(target: CUdeviceptr, source: CUdeviceptr, bytes: usize, stream: CUstream);
    fn cuMemcpyPeerAsync(
        target: CUdeviceptr,
        target_context: CUcontext,
        source: CUdeviceptr,
        source_context: CUcontext,
        bytes: usize,
        stream: CUstream
    );
    fn cuMemcpy2DAsync_v2(copy: *const CUDA_MEMCPY2D, stream: CUstream);
    fn cuStreamCreate(stream: *mut CUstream, flags: c_uint);
    fn cuStreamGetCtx(stream: CUstream, context: *mut CUcontext);
    fn cuStreamWaitEvent(stream: CUstream, event: CUevent, flags: c_uint);
    fn cuStreamSynchronize(stream: CUstream);
    fn cuStreamIsCapturing(stream: CUstream, status: *mut CUstreamCaptureStatus);
    fn cuThreadExchangeStreamCaptureMode(mode: *mut CUstreamCaptureMode);
    fn cuLaunchHostFunc(stream: CUstream, function: CUhostFn, data: *mut c_void);
    fn cuEventCreate(event: *mut CUevent, flags: c_uint);
    fn cuEventRecord(event: CUevent, stream: CUstream);
    fn cuEventDestroy_v2(event: CUevent);
    fn cuModuleLoadData(module: *mut CUmodule, image: *const c_void);
    fn cuModuleGetFunction(function: *mut CUfunction, module: CUmodule, name: *const c_char);
    fn cuLaunchKernel(
        function: CUfunction,
        blocks_x: c_uint,
        blocks_y: c_uint,
        blocks_z: c_uint,
        threads_x: c_uint,
        threads_y: c_uint,
        threads_z: c_uint,
        shared_bytes: c_uint,
        stream: CUstream,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void
    );
}

/// The driver, loaded and initialised at the first call.
///
/// # Errors
/// `NoCuda` with the reason: the library, a function or a device is missing, or
/// the driver does not start. The answer does not change while the process lives, but
/// for `Memory`: then there is none yet.
pub(super) fn driver() -> Result<&'static Driver> {
    static DRIVER: OnceLock<Result<Driver>> = OnceLock::new();
    let answer = match DRIVER.get() {
        Some(answer) => answer,
        None => match start() {
            Err(error) if error.status() == Status::Memory => return Err(error),
            // Two threads may start it at once, which does no harm.
            answer => DRIVER.get_or_init(|| answer),
        },
    };
    answer.as_ref().map_err(Error::clone)
}

fn start() -> Result<Driver> {
    // SAFETY: loading the driver runs NVIDIA's initialisers, as in any CUDA program.
    let library = unsafe { Library::open(LIBRARY) }?;
    // Deleters call it until the process ends: it is never unloaded.
    let driver = Driver::find(&library)?;
    // SAFETY: 0 is the only flag there is.
    unsafe { driver.cuInit(0) }.map_err(no_cuda)?;
    match driver.device_count().map_err(no_cuda)? {
        0 => Err(no_cuda("it shows no GPU")),
        _ => Ok(driver),
    }
}

/// `name` ends with a zero byte. `F` is a pointer to a function.
fn function<F: Copy>(library: &Library, name: &str) -> Result<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    let found = CStr::from_bytes_with_nul(name.as_bytes()).map(|name| library.find(name));
    match found.ok().filter(|found| !found.is_null()) {
        // SAFETY: the table says what the function of this name is; a pointer to it is as
        // wide as the address.
        Some(found) => Ok(unsafe { std::mem::transmute_copy(&found) }),
        None => Err(no_cuda(format_args!(
            "{} has no {}; it must be a driver of CUDA 11.4 or later",
            LIBRARY.to_str().unwrap_or_default(),
            name.trim_end_matches('\0')
        ))),
    }
}

impl Driver {
    /// The number of GPUs that the driver shows.
    pub fn device_count(&self) -> Result<i32> {
        let mut count = 0;
        // SAFETY: the output is writable.
        unsafe { self.cuDeviceGetCount(&mut count) }?;
        Ok(count)
    }

    /// `call: CUDA_ERROR_INVALID_VALUE (1), invalid argument`.
    #[cold]
    fn failed(&self, call: &str, code: Code) -> Error {
        let name = self.text(self.cuGetErrorName, code).unwrap_or("an error that it cannot name");
        let text = self.text(self.cuGetErrorString, code).unwrap_or("no text");
        let status = if code == OUT_OF_MEMORY { Status::Memory } else { Status::Cuda };
        Error::format(status, format_args!("{call}: {name} ({code}), {text}"))
    }

    fn text(&self, function: ErrorText, code: Code) -> Option<&'static str> {
        let mut text = std::ptr::null();
        // SAFETY: the texts are constants of the driver, or NULL for unknown codes.
        unsafe {
            let known = function(code, &mut text) == 0 && !text.is_null();
            known.then(|| CStr::from_ptr(text).to_str().ok()).flatten()
        }
    }
}
