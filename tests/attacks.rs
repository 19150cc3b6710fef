//! Whatever a foreign descriptor says, the answer is an error or a tensor whose
//! every address was checked: no panic, no overflow, no view that reaches
//! beyond what it views.

use std::ffi::c_void;

use dlbridge::abi::{DLDataType, DLDataTypeCode, DLDevice, DLDeviceType, DLTensor, Flags};
use dlbridge::{DType, Deleter, Device, Slice, Tensor, TensorRef};
use proptest::collection::vec;
use proptest::prelude::*;

/// Small numbers, the ends of the range, and everything else.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -3..6_i64,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => (0..63_u32).prop_map(|bit| 1 << bit),
        1 => any::<i64>(),
    ]
}

prop_compose! {
    fn dtype()(
        code in prop_oneof![0..19_u8, any::<u8>()],
        bits in prop_oneof![Just(8_u8), Just(32), Just(64), Just(4), any::<u8>()],
        lanes in prop_oneof![4 => Just(1_u16), 1 => any::<u16>()],
    ) -> DLDataType {
        DLDataType { code: DLDataTypeCode(code), bits, lanes }
    }
}

#[derive(Debug, Clone)]
struct Fields {
    data: usize,
    device: (u32, i32),
    ndim: Option<i32>,
    dtype: DLDataType,
    shape: Vec<i64>,
    strides: Option<Vec<i64>>,
    byte_offset: u64,
    flags: u64,
}

prop_compose! {
    fn fields()(
        axes in vec((number(), number()), 0..6),
        has_strides in any::<bool>(),
        data in prop_oneof![Just(0_usize), Just(0x1000), Just(usize::MAX), any::<usize>()],
        device in prop_oneof![Just((1, 0)), (0..20_u32, number().prop_map(|id| id as i32))],
        ndim in prop_oneof![9 => Just(None), 1 => (-2..1_i32).prop_map(Some)],
        dtype in dtype(),
        byte_offset in prop_oneof![4 => Just(0_u64), 1 => any::<u64>()],
        flags in prop_oneof![4 => 0..8_u64, 1 => any::<u64>()],
    ) -> Fields {
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        let strides = has_strides.then_some(strides);
        Fields { data, device, ndim, dtype, shape, strides, byte_offset, flags }
    }
}

impl Fields {
    /// Runs `test` with the descriptor, if it is accepted.
    fn accepted(mut self, test: impl FnOnce(TensorRef<'_>)) {
        let tensor = DLTensor {
            data: self.data as *mut c_void,
            device: DLDevice { device_type: DLDeviceType(self.device.0), device_id: self.device.1 },
            ndim: self.ndim.unwrap_or(self.shape.len() as i32).min(self.shape.len() as i32),
            dtype: self.dtype,
            shape: self.shape.as_mut_ptr(),
            strides: self.strides.as_mut().map_or(std::ptr::null_mut(), Vec::as_mut_ptr),
            byte_offset: self.byte_offset,
        };
        // SAFETY: shape and strides have at least ndim entries.
        let checked = unsafe { TensorRef::new(&tensor, Flags::from_bits_retain(self.flags)) };
        match checked {
            Ok(tensor) => test(tensor),
            Err(error) => assert!(!error.message().is_empty()),
        }
    }
}

/// The lowest and highest element, counted without any cleverness.
fn reach(shape: &[i64], strides: &[i64]) -> (i128, i128) {
    let far = shape.iter().zip(strides).map(|(n, s)| (i128::from(*n) - 1) * i128::from(*s));
    far.fold((0, 0), |(low, high), far| (low + far.min(0), high + far.max(0)))
}

fn wrap(tensor: TensorRef<'_>) -> Tensor {
    // SAFETY: the memory is never touched, and there is nothing to release.
    unsafe { Tensor::wrap(tensor, Deleter::callback(std::ptr::null_mut(), None)) }.unwrap()
}

/// A descriptor whose strides reach about as far as addresses go, of elements of any size,
/// as no memory has it: here sums and products overflow, if anywhere.
fn far_fields() -> impl Strategy<Value = Fields> {
    let far = || {
        let near_a_power = (52..63_u32, -2..3_i64).prop_map(|(bit, off)| (1_i64 << bit) + off);
        let signed =
            (near_a_power, any::<bool>()).prop_map(|(n, negative)| if negative { -n } else { n });
        prop_oneof![2 => signed, 1 => -3..4_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
    };
    let bits = prop_oneof![
        Just((1, 1)),
        Just((1, 2)),
        Just((1, 4)),
        Just((17, 4)),
        Just((15, 6)),
        Just((1, 8)),
        Just((2, 64))
    ];
    let extent = prop_oneof![Just(1), Just(2), Just(3), Just(4), Just(8), Just(16), Just(0)];
    let data = prop_oneof![Just(1_usize << 63), Just(1 << 62), Just(3 << 62), any::<usize>()];
    let device = prop_oneof![3 => Just((1, 0)), 1 => Just((8, 0))];
    (vec((extent, far()), 1..4), bits, data, device, 0..2_u64).prop_map(
        |(axes, (code, bits), data, device, padded)| {
            let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            Fields {
                data,
                device,
                ndim: None,
                dtype: DLDataType { code: DLDataTypeCode(code), bits, lanes: 1 },
                shape,
                strides: Some(strides),
                byte_offset: 0,
                flags: padded * Flags::IS_SUBBYTE_TYPE_PADDED.bits(),
            }
        },
    )
}

/// What an operation returned passes the check that foreign tensors must pass, and every
/// element of it is one of the tensor's, at a place that is computed without any cleverness.
fn assert_is_sound(view: Tensor, tensor: &Tensor) {
    let bits = |tensor: &Tensor| {
        let first = match tensor.device().has_addresses() {
            true => tensor.data_ptr() as usize as i128,
            false => i128::from(tensor.descriptor().byte_offset),
        };
        let (low, high) = reach(tensor.shape(), tensor.strides());
        let item = i128::from(tensor.layout().item_bits());
        (8 * first + low * item, 8 * first + (high + 1) * item)
    };
    if view.layout().count() > 0 {
        let (inner, outer) = (bits(&view), bits(tensor));
        assert!(outer.0 <= inner.0 && inner.1 <= outer.1, "{view:?} of {tensor:?}");
    }
    // SAFETY: the descriptor is that of a tensor.
    unsafe { TensorRef::new(view.descriptor(), view.flags()) }.unwrap();
    let raw = view.into_raw();
    // SAFETY: the handle is owned here, and consumed.
    drop(unsafe { Tensor::import(raw) }.unwrap());
}

/// Every byte of the view is one of the tensor's.
fn assert_within(view: &Tensor, tensor: &Tensor) {
    if view.layout().count() == 0 || !tensor.device().has_addresses() {
        return;
    }
    let bytes = |tensor: &Tensor| {
        let first = tensor.data_ptr() as usize as i128;
        let range = tensor.layout().byte_range();
        first + i128::from(range.start)..first + i128::from(range.end)
    };
    let (inner, outer) = (bytes(view), bytes(tensor));
    assert!(outer.start <= inner.start && inner.end <= outer.end, "{view:?} of {tensor:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6_000) })]

    #[test]
    fn accepted_descriptors_stay_in_the_address_space(fields in fields()) {
        fields.accepted(|tensor| {
            let layout = tensor.layout();
            let count: i128 = tensor.shape().iter().map(|n| i128::from(*n)).product();
            assert_eq!(i128::from(layout.count()), count);
            if count == 0 {
                return;
            }
            let (low, high) = reach(tensor.shape(), &layout.strides());
            let bits = i128::from(layout.item_bits());
            let range = layout.byte_range();
            assert_eq!(i128::from(range.start), (low * bits).div_euclid(8));
            assert_eq!(i128::from(range.end), ((high + 1) * bits + 7).div_euclid(8));
            if tensor.device().has_addresses() {
                let first = tensor.first() as usize as i128;
                assert!(first + i128::from(range.start) >= 0);
                assert!(first + i128::from(range.end) <= i128::from(u64::MAX));
            }
        });
    }

    #[test]
    fn views_stay_within(
        fields in fields(),
        slices in vec((proptest::option::of(number()), proptest::option::of(number()), number()), 0..4),
        index in number(),
        shape in vec(number(), 0..5),
    ) {
        fields.accepted(|tensor| {
            let tensor = wrap(tensor);
            let slices: Vec<Slice> =
                slices.iter().map(|&(start, stop, step)| Slice { start, stop, step }).collect();
            let axes: Vec<usize> = (0..tensor.shape().len()).rev().collect();
            let views = [
                tensor.slice(&slices),
                tensor.select(0, index),
                tensor.permute(&axes),
                tensor.reshape(&shape),
                tensor.reshape(&[-1]),
                tensor.expand(&shape),
            ];
            for view in views.into_iter().flatten() {
                assert_within(&view, &tensor);
                // What was made here passes the check that foreign tensors must pass.
                let raw = view.into_raw();
                // SAFETY: the handle is owned here, and consumed.
                drop(unsafe { Tensor::import(raw) }.unwrap());
            }
        });
    }

    #[test]
    fn views_of_what_reaches_far_are_sound_or_refused(
        fields in prop_oneof![3 => far_fields(), 1 => fields()],
        slices in vec((proptest::option::of(number()), proptest::option::of(number()), number()), 0..4),
        index in -3..3_i64,
        shape in vec(prop_oneof![Just(1), Just(2), Just(4), Just(8), Just(-1), number()], 0..5),
    ) {
        fields.accepted(|tensor| {
            let tensor = wrap(tensor);
            let slices: Vec<Slice> =
                slices.iter().map(|&(start, stop, step)| Slice { start, stop, step }).collect();
            let reversed = vec![Slice { step: -1, ..Slice::FULL }; tensor.shape().len()];
            let axes: Vec<usize> = (0..tensor.shape().len()).rev().collect();
            let wider: Vec<i64> = [2].iter().chain(tensor.shape()).copied().collect();
            let views = [
                tensor.slice(&slices),
                tensor.slice(&reversed),
                tensor.select(0, index),
                tensor.select(axes.len().saturating_sub(1), index),
                tensor.permute(&axes),
                tensor.reshape(&shape),
                tensor.reshape(&[-1]),
                tensor.reshape(&[2, -1]),
                tensor.expand(&shape),
                tensor.expand(&wider),
                tensor.share(),
                tensor.share_read_only(),
            ];
            for view in views {
                match view {
                    Ok(view) => assert_is_sound(view, &tensor),
                    Err(error) => assert!(!error.message().is_empty()),
                }
            }
        });
    }

    #[test]
    fn texts_are_read_or_refused(text in "[a-z0-9_:|\\[\\], .=<>-]{0,24}") {
        if let Ok(dtype) = text.parse::<DType>() {
            assert_eq!(dtype.to_string(), text);
        }
        if let Ok(dtype) = DType::from_typestr(&text) {
            assert!(dtype.typestr().is_ok());
        }
        if let Ok(device) = text.parse::<Device>() {
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        let _ = dlbridge::spec::Specs::parse(&text);
    }
}
