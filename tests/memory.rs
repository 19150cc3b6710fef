//! Whichever allocation fails: every function of the Rust API that can fail returns `Memory`
//! then, leaks nothing, and leaves what it was given to its owner.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use dlbridge::abi::{DLDataType, DLTensor, Flags};
use dlbridge::array_interface::{ArrayStruct, Values, from_values};
use dlbridge::check::{Checker, check, check_all};
use dlbridge::copy::copy_into;
use dlbridge::cuda::Stream;
use dlbridge::spec::{Names, Spec, Specs};
use dlbridge::{
    DType, Deleter, Device, Error, Result, Slice, Status, Tensor, TensorRef, View, cuda, managed,
};

/// Fails the allocations that a thread asked it to fail, and counts the live blocks that the
/// thread made meanwhile.
struct Failing;

thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

#[derive(Clone, Copy)]
struct Plan {
    /// Counts down to the allocation that fails.
    left: usize,
    and_later: bool,
    failed: bool,
}

fn fails() -> bool {
    let Some(mut plan) = PLAN.get() else {
        return false;
    };
    plan.left = plan.left.saturating_sub(1);
    let fails = plan.left == 0 && (plan.and_later || !plan.failed);
    plan.failed |= fails;
    PLAN.set(Some(plan));
    fails
}

fn made(block: *mut u8) -> *mut u8 {
    if PLAN.get().is_some() && !block.is_null() {
        LIVE.set(LIVE.get() + 1);
    }
    block
}

// SAFETY: what does not fail is the system's.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        if fails() { ptr::null_mut() } else { made(unsafe { System.alloc(layout) }) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        if fails() { ptr::null_mut() } else { made(unsafe { System.alloc_zeroed(layout) }) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: passed on. The number of blocks stays.
        if fails() { ptr::null_mut() } else { unsafe { System.realloc(block, layout, size) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if PLAN.get().is_some() {
            LIVE.set(LIVE.get() - 1);
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Failing = Failing;

/// Runs `tested`, and drops what it returns, with each of its allocations failing in turn,
/// one alone and all from one on; then `expected` is its status, None for success.
#[track_caller]
fn each<T>(expected: Option<Status>, mut tested: impl FnMut() -> Result<T>) {
    each_with(expected, || (), |()| tested());
}

/// As `each`, of something that is made before.
#[track_caller]
fn each_with<I, T>(
    expected: Option<Status>,
    mut make: impl FnMut() -> I,
    mut tested: impl FnMut(I) -> Result<T>,
) {
    for and_later in [false, true] {
        for nth in 1.. {
            let input = make();
            LIVE.set(0);
            PLAN.set(Some(Plan { left: nth, and_later, failed: false }));
            let status = tested(input).map(drop).map_err(|error| error.status());
            let plan = PLAN.replace(None).unwrap();
            // Of what was made before some may be freed, and what is left of it is negative.
            assert!(LIVE.get() <= 0, "{} blocks leak", LIVE.get());
            match plan.failed {
                true => assert_eq!(status, Err(Status::Memory), "allocation {nth}"),
                false => {
                    assert_eq!(status.err(), expected);
                    break;
                }
            }
        }
    }
}

const FAILS: fn(Status) -> Option<Status> = Some;

/// Sixty-four axes, ten of which are longer than one: more than lie on the stack.
fn many_shape() -> Vec<i64> {
    (0..64).map(|axis| if axis < 10 { 2 } else { 1 }).collect()
}

fn reversed_axes() -> Vec<usize> {
    (0..64).rev().collect()
}

fn tensors() -> [Tensor; 3] {
    let few = Tensor::zeros(DType::FLOAT32, &[4, 5, 3]).unwrap();
    let many = Tensor::zeros(DType::FLOAT32, &many_shape()).unwrap();
    let permuted = many.permute(&reversed_axes()).unwrap();
    [few, many, permuted]
}

#[test]
fn tensors_are_made_or_not() {
    for shape in [&[4, 5, 3][..], &many_shape()] {
        each(None, || Tensor::zeros(DType::FLOAT32, shape));
        // SAFETY: no element is read.
        each(None, || unsafe { Tensor::empty(DType::FLOAT32, shape) });
    }
    each(FAILS(Status::Shape), || Tensor::zeros(DType::FLOAT32, &[-1]));
    each(FAILS(Status::Ndim), || Tensor::zeros(DType::FLOAT32, &[1; 65]));
    let elements = || vec![1.0_f32; 6];
    each_with(None, elements, |elements| Tensor::from_vec(elements, &[2, 3]));
    each_with(FAILS(Status::Size), elements, |elements| Tensor::from_vec(elements, &[7]));
}

#[test]
fn owners_and_views_are_made_or_not() {
    let [few, many, permuted] = tensors();
    let reverse = vec![Slice { step: -1, ..Slice::FULL }; 64];
    for (tensor, slices) in [(&few, &reverse[..3]), (&many, &reverse), (&permuted, &reverse)] {
        let axes: Vec<usize> = (0..tensor.shape().len()).rev().collect();
        let wider: Vec<i64> = tensor.shape().iter().map(|n| if *n == 1 { 3 } else { *n }).collect();
        let wider = &wider[..if wider.len() == 3 { 3 } else { 0 }];
        each(None, || tensor.share());
        each(None, || tensor.share_read_only());
        each(None, || tensor.slice(slices));
        each(None, || tensor.select(0, 0));
        each(None, || tensor.permute(&axes));
        each(None, || tensor.reshape(tensor.shape()));
        each(None, || tensor.expand(if wider.is_empty() { tensor.shape() } else { wider }));
        each(None, || View::same(tensor.layout()));
        each(None, || tensor.layout().byte_strides());
        each(None, || ArrayStruct::new(tensor));
        each(None, || Values::of(&tensor.view()));
        each(FAILS(Status::Index), || tensor.slice(&[Slice::FULL; 65]));
        each(FAILS(Status::Index), || tensor.select(99, 0));
        each(FAILS(Status::Index), || tensor.permute(&[0, 0]));
        each(FAILS(Status::Shape), || tensor.reshape(&[7, 7]));
        each(FAILS(Status::Shape), || tensor.expand(&[7]));
    }
    each(FAILS(Status::Layout), || permuted.reshape(&[-1]));
    each(FAILS(Status::Dtype), || few.as_slice::<i32>().map(<[i32]>::len));
}

#[test]
fn what_comes_from_elsewhere_is_taken_or_not() {
    let [few, many, permuted] = tensors();
    for tensor in [&few, &many, &permuted] {
        let shares = || tensor.share().unwrap().into_raw();
        // SAFETY: a raw tensor is owned here, and consumed on success only; nothing is
        // released that a source had.
        unsafe {
            each(None, || {
                let nothing = Deleter::callback(ptr::null_mut(), None);
                Tensor::wrap(tensor.view(), nothing)
            });
            each(None, || tensor.to_legacy().map(|legacy| managed::release(legacy)));
            each_with(None, shares, |raw| {
                let exported =
                    managed::export_legacy(raw).inspect_err(|_| managed::release(raw))?;
                let flags = Flags::empty();
                let back = Tensor::import_legacy(exported, flags);
                back.inspect_err(|_| managed::release(exported))
            });
            each_with(None, shares, |raw| {
                Tensor::from_raw(raw).inspect_err(|_| managed::release(raw))
            });
            each_with(None, shares, |raw| {
                (*raw).version.minor = 99;
                (*raw).dl_tensor.strides = (*raw).dl_tensor.shape;
                let flat = Tensor::import(raw).inspect_err(|_| managed::release(raw));
                flat.map(drop)
            });
            let view = tensor.view();
            let strides = tensor.layout().byte_strides().unwrap();
            each(None, || {
                let nothing = Deleter::callback(ptr::null_mut(), None);
                let (dtype, data, cpu) = (view.dtype(), view.first(), Device::CPU);
                from_values(dtype, view.shape(), Some(&strides), data, cpu, Flags::empty(), nothing)
            });
        }
    }
    let wrong = DLTensor { ndim: -1, ..*few.descriptor() };
    // SAFETY: shape and strides are those of the tensor.
    each(FAILS(Status::Ndim), || unsafe { TensorRef::new(&wrong, Flags::empty()).map(drop) });
    let read_only = few.share_read_only().unwrap();
    each(FAILS(Status::ReadOnly), || read_only.to_legacy());
}

#[test]
fn copies_are_made_or_not() {
    let [few, many, permuted] = tensors();
    // SAFETY: all memory lives, and is not written to meanwhile.
    unsafe {
        for tensor in [&few, &many, &permuted] {
            each(None, || Tensor::copy_of(tensor.view()));
        }
        let target = Tensor::copy_of(permuted.view()).unwrap();
        each(None, || copy_into(permuted.view(), target.view()));
        each(FAILS(Status::Shape), || copy_into(few.view(), many.view()));
        each(FAILS(Status::ReadOnly), || copy_into(few.view(), few.share_read_only()?.view()));
    }
}

#[test]
fn texts_are_read_and_written_or_not() {
    each(None, || "float32x4".parse::<DType>());
    each(FAILS(Status::Dtype), || "float33".parse::<DType>());
    each(FAILS(Status::Dtype), || DType::new(DLDataType { bits: 7, ..DType::INT8.raw() }));
    each(None, || DType::FLOAT32.typestr());
    each(FAILS(Status::Dtype), || DType::from_typestr("<M8"));
    each(FAILS(Status::Device), || "toaster".parse::<Device>());
    each(FAILS(Status::Device), || Device::cuda(-1));

    let names: Vec<String> = (0..64).map(|number| format!("axis{number}")).collect();
    let many = format!("x: f32|u8|i8|i16|u16|f64[{}] writable", names.join(", "));
    let several = ["f32[h, w, _]"; 12].join(", ");
    each(None, || Spec::parse(&many, &mut Names::new()).and_then(Spec::into_owned));
    each(None, || Specs::parse(&several));
    each(FAILS(Status::Spec), || Specs::parse("a: b.dtype").map(|specs| specs.each.len()));
    each(FAILS(Status::Spec), || Specs::parse("f32[h] what").map(|specs| specs.each.len()));

    let [few, long, _] = tensors();
    each(None, || check(long.view(), &many));
    each(None, || check_all(&[], ""));
    let twelve = [few.view(); 12];
    each(None, || check_all(&twelve, &several));
    each(FAILS(Status::Shape), || check(few.view(), "f32[n, n, 3]"));
    each(FAILS(Status::Dtype), || check(few.view(), "x: u8|i8|i16|i32|u16[_, _, _]"));
    let extents = vec!["n".into(); 20];
    each(None, || Checker::new(&extents).set_extent(19, 3));
    each(FAILS(Status::Shape), || Checker::new(&extents).set_extent(19, -3));
}

#[test]
fn errors_are_cloned_with_their_sentence_or_are_for_lack_of_memory() {
    let error = Tensor::zeros(DType::FLOAT32, &[-1]).unwrap_err();
    assert_eq!(error.clone(), error);
    PLAN.set(Some(Plan { left: 1, and_later: true, failed: false }));
    let clone = error.clone();
    let constant = Error::new(Status::Null, "a constant");
    let formatted = Error::format(Status::Null, format_args!("a constant"));
    PLAN.set(None);
    assert_eq!(clone.status(), Status::Memory);
    assert!(clone.message().contains("memory"), "{clone}");
    assert_eq!(constant, formatted);
}

#[test]
fn without_a_driver_cuda_is_missing_or_memory_is() {
    let [few, ..] = tensors();
    if cuda::device_count().is_ok() {
        return;
    }
    let (stream, gpu) = (Stream::LEGACY, Device::cuda(0).unwrap());
    each(FAILS(Status::NoCuda), cuda::device_count);
    each(FAILS(Status::NoCuda), || cuda::device_of(ptr::null::<c_void>()));
    each(FAILS(Status::NoCuda), || cuda::check(&few.view()));
    // SAFETY: default streams always exist; nothing is copied.
    unsafe {
        each(FAILS(Status::NoCuda), || cuda::empty(DType::FLOAT32, &[3], gpu, stream));
        each(FAILS(Status::NoCuda), || cuda::copy_to(few.view(), gpu, stream));
        each(FAILS(Status::NoCuda), || stream.synchronize(gpu));
        each(FAILS(Status::NoCuda), || stream.wait(Stream::PER_THREAD, gpu));
    }
}
