//! Owners of a tensor come and go in any order, on any thread; the memory is
//! released once, after the last.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlbridge::abi::{DLTensor, Flags};
use dlbridge::{DType, Deleter, Device, Slice, Status, Tensor, TensorRef, managed};

/// Memory that counts its releases.
struct Counted {
    elements: Vec<f32>,
    releases: Arc<AtomicUsize>,
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: the context is the box of `counted`, released once.
    let counted = unsafe { Box::from_raw(context.cast::<Counted>()) };
    counted.releases.fetch_add(1, Ordering::SeqCst);
}

fn counted(shape: &mut [i64]) -> (Tensor, Arc<AtomicUsize>) {
    let releases = Arc::new(AtomicUsize::new(0));
    let count = shape.iter().product::<i64>() as usize;
    let memory = Box::into_raw(Box::new(Counted {
        elements: vec![0.0; count],
        releases: Arc::clone(&releases),
    }));
    let descriptor = DLTensor {
        // SAFETY: the box is alive.
        data: unsafe { (*memory).elements.as_mut_ptr() }.cast(),
        device: Device::CPU.raw(),
        ndim: shape.len() as i32,
        dtype: DType::FLOAT32.raw(),
        shape: shape.as_mut_ptr(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    // SAFETY: the memory stays until `release`.
    let tensor = unsafe {
        let view = TensorRef::new(&descriptor, Flags::empty()).unwrap();
        Tensor::wrap(view, Deleter::callback(memory.cast(), Some(release))).unwrap()
    };
    (tensor, releases)
}

fn count(releases: &AtomicUsize) -> usize {
    releases.load(Ordering::SeqCst)
}

#[test]
fn released_once_after_the_last_owner_in_every_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (tensor, releases) = counted(&mut [2, 3]);
        let shared = tensor.share().unwrap();
        let view = shared.permute(&[1, 0]).unwrap();
        let mut owners = [Some(tensor), Some(shared), Some(view)];
        for (gone, index) in order.into_iter().enumerate() {
            assert_eq!(count(&releases), 0);
            assert_eq!(owners[index].as_ref().unwrap().owners(), 3 - gone);
            owners[index] = None;
        }
        assert_eq!(count(&releases), 1);
    }
}

#[test]
fn released_once_when_threads_share_and_drop() {
    let (tensor, releases) = counted(&mut [64]);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let own = tensor.share().unwrap();
            std::thread::spawn(move || {
                for _ in 0..1000 {
                    let copy = own.clone();
                    let view = copy.slice(&[Slice { step: -1, ..Slice::FULL }]).unwrap();
                    drop(copy);
                    assert_eq!(view.shape(), [64]);
                }
            })
        })
        .collect();
    drop(tensor);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(count(&releases), 1);
}

#[test]
fn a_raw_handle_is_an_owner() {
    let (tensor, releases) = counted(&mut [4]);
    let raw = tensor.share().unwrap().into_raw();
    drop(tensor);
    assert_eq!(count(&releases), 0);
    // SAFETY: the handle is owned here; its deleter is called once.
    unsafe { (*raw).deleter.unwrap()(raw) };
    assert_eq!(count(&releases), 1);
}

#[test]
fn views_keep_the_memory_and_own_their_shape() {
    let (tensor, releases) = counted(&mut [2, 3]);
    let first = tensor.data_ptr();
    let row = tensor.select(0, 1).unwrap();
    drop(tensor);
    assert_eq!(row.data_ptr(), first.wrapping_byte_add(12));
    assert_eq!((row.shape(), row.strides()), (&[3][..], &[1][..]));
    assert_eq!(count(&releases), 0);
    drop(row);
    assert_eq!(count(&releases), 1);
}

#[test]
fn legacy_and_back_is_one_more_owner_each() {
    let (tensor, releases) = counted(&mut [2, 3]);
    let legacy = tensor.to_legacy().unwrap();
    // SAFETY: the legacy handle is owned here, and consumed.
    let back = unsafe { Tensor::import_legacy(legacy, Flags::READ_ONLY) }.unwrap();
    assert!(back.is_read_only() && !tensor.is_read_only());
    assert_eq!(back.data_ptr(), tensor.data_ptr());
    drop(tensor);
    assert_eq!(count(&releases), 0);
    drop(back);
    assert_eq!(count(&releases), 1);
}

#[test]
fn read_only_never_becomes_legacy() {
    let (tensor, releases) = counted(&mut [2]);
    let read_only = tensor.share_read_only().unwrap();
    assert_eq!(read_only.to_legacy().unwrap_err().status(), Status::ReadOnly);
    let raw = read_only.into_raw();
    // SAFETY: on error the handle still is owned here.
    unsafe {
        assert_eq!(managed::export_legacy(raw).unwrap_err().status(), Status::ReadOnly);
        managed::release(raw);
    }
    drop(tensor);
    assert_eq!(count(&releases), 1);
}

#[test]
fn importing_what_was_made_here_gives_it_back() {
    let (tensor, releases) = counted(&mut [2]);
    let raw = tensor.into_raw();
    // SAFETY: the handle is owned here, and consumed.
    let back = unsafe { Tensor::import(raw) }.unwrap();
    assert_eq!(back.into_raw(), raw);
    // SAFETY: as above.
    drop(unsafe { Tensor::from_raw(raw) }.unwrap());
    assert_eq!(count(&releases), 1);
}

#[test]
fn a_changed_descriptor_is_checked_again() {
    let (tensor, releases) = counted(&mut [2, 2]);
    let raw = tensor.into_raw();
    // SAFETY: the handle is owned here; C code could write to it as this does.
    unsafe {
        *(*raw).dl_tensor.shape = -1;
        assert_eq!(Tensor::import(raw).unwrap_err().status(), Status::Shape);
        assert_eq!(Tensor::from_raw(raw).unwrap_err().status(), Status::Shape);
        *(*raw).dl_tensor.shape = 2;
        let mut shape = [4];
        (*raw).dl_tensor.shape = shape.as_mut_ptr();
        (*raw).dl_tensor.ndim = 1;
        assert_eq!(Tensor::from_raw(raw).unwrap_err().status(), Status::Foreign);
        let imported = Tensor::import(raw).unwrap();
        std::hint::black_box(&mut shape)[0] = 5;
        assert_eq!(imported.shape(), [4]);
        drop(imported);
    }
    assert_eq!(count(&releases), 1);
}

#[test]
fn vectors_move_in_and_are_written_to_by_their_only_owner() {
    let elements: Vec<i32> = (0..6).collect();
    let address = elements.as_ptr();
    let mut tensor = Tensor::from_vec(elements, &[2, 3]).unwrap();
    assert_eq!(tensor.data_ptr().cast_const().cast(), address);
    tensor.as_mut_slice::<i32>().unwrap()[5] = 50;
    assert_eq!(tensor.as_slice::<i32>().unwrap(), [0, 1, 2, 3, 4, 50]);

    let shared = tensor.share().unwrap();
    assert_eq!(tensor.as_mut_slice::<i32>().unwrap_err().status(), Status::Shared);
    drop(shared);
    assert!(tensor.as_mut_slice::<i32>().is_ok());
    assert_eq!(tensor.as_slice::<f32>().unwrap_err().status(), Status::Dtype);
    let transposed = tensor.permute(&[1, 0]).unwrap();
    assert_eq!(transposed.as_slice::<i32>().unwrap_err().status(), Status::Layout);
    assert_eq!(Tensor::from_vec(vec![1_u8], &[2]).unwrap_err().status(), Status::Size);
}

#[test]
fn memory_of_others_is_not_written_to_safely() {
    let (mut tensor, _releases) = counted(&mut [4]);
    assert_eq!(tensor.as_mut_slice::<f32>().unwrap_err().status(), Status::Shared);
    let mut read_only = Tensor::from_vec(vec![0_u8], &[1]).unwrap().share_read_only().unwrap();
    assert_eq!(read_only.as_mut_slice::<u8>().unwrap_err().status(), Status::ReadOnly);
}

#[test]
fn allocations_are_aligned_and_in_c_order() {
    for shape in [&[][..], &[1], &[3, 5], &[2, 1, 7], &[1000, 1000]] {
        let tensor = Tensor::zeros(DType::FLOAT64, shape).unwrap();
        assert_eq!(tensor.data_ptr() as usize % dlbridge::abi::ALIGNMENT, 0);
        assert!(tensor.layout().is_c_contiguous());
    }
    let none = Tensor::zeros(DType::FLOAT64, &[3, 0]).unwrap();
    let zeros = Tensor::zeros(DType::INT64, &[3, 5]).unwrap();
    assert_eq!(zeros.as_slice::<i64>().unwrap(), [0; 15]);
    assert!(none.data_ptr().is_null());
    assert_eq!(none.as_slice::<f64>().unwrap(), []);
    let packed = Tensor::zeros("int4".parse().unwrap(), &[4]);
    assert_eq!(packed.unwrap_err().status(), Status::Dtype);
    let huge = Tensor::zeros(DType::UINT8, &[i64::MAX]);
    assert_eq!(huge.unwrap_err().status(), Status::Memory);
}

#[test]
fn broadcasts_are_read_only() {
    let (tensor, releases) = counted(&mut [3, 1]);
    let broadcast = tensor.expand(&[2, 3, 4]).unwrap();
    assert!(broadcast.is_read_only());
    assert!(!tensor.expand(&[1, 3, 1]).unwrap().is_read_only());
    drop((tensor, broadcast));
    assert_eq!(count(&releases), 1);
}
