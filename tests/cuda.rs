//! The Rust API of CUDA where there may be no GPU: it works, or says why not. What
//! runs on a GPU is tested through the C functions, on a fake driver, in tests/cuda.

use dlbridge::cuda::{self, Stream};
use dlbridge::{DType, Device, Result, Status, Tensor};

/// Whether there is no driver, which must be said with the reason.
fn is_missing<T>(result: &Result<T>) -> bool {
    let Some(error) = result.as_ref().err() else { return false };
    assert_eq!(error.status(), Status::NoCuda, "{error}");
    assert!(error.message().starts_with("no CUDA driver: "), "{error}");
    true
}

#[test]
fn every_function_says_that_there_is_no_driver() {
    let count = cuda::device_count();
    if !is_missing(&count) {
        assert!(count.unwrap() > 0);
        return;
    }
    let gpu = Device::cuda(0).unwrap();
    let host = Tensor::from_vec(vec![1_i32, 2, 3], &[3]).unwrap();
    // SAFETY: the host's memory lives; the default streams exist.
    unsafe {
        assert!(is_missing(&cuda::empty(DType::FLOAT32, &[2], gpu, Stream::LEGACY)));
        assert!(is_missing(&cuda::copy_to(host.view(), gpu, Stream::LEGACY)));
        assert!(is_missing(&Stream::LEGACY.wait(Stream::PER_THREAD, gpu)));
        assert!(is_missing(&Stream::LEGACY.synchronize(gpu)));
    }
    assert!(is_missing(&cuda::device_of(host.data_ptr())));
    assert!(is_missing(&cuda::check(&host.view())));
}

#[test]
fn the_host_has_no_streams() {
    let none = Stream::from_raw(std::ptr::null_mut());
    // SAFETY: no stream is used.
    unsafe {
        none.wait(none, Device::CPU).unwrap();
        let error = Stream::PER_THREAD.wait(none, Device::CPU).unwrap_err();
        assert_eq!(error.status(), Status::Argument);
        let error = none.wait(none, "rocm:1".parse().unwrap()).unwrap_err();
        assert!(error.message().contains("rocm:1"), "{error}");
        let host = cuda::empty(DType::FLOAT32, &[2], Device::CPU, none).unwrap();
        assert_eq!(host.device(), Device::CPU);
        let error = cuda::copy_into(host.view(), host.view(), none).unwrap_err();
        assert_eq!(error.status(), Status::Device);
    }
    assert_eq!(none, Stream::LEGACY);
    assert_ne!(none, Stream::PER_THREAD);
}
