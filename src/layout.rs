//! Shapes and strides: how many elements, which bytes, in which order.

use std::ops::Range;

use smallvec::SmallVec;

use crate::abi::MAX_NDIM;
use crate::error::{Error, Result, Status, fail};
use crate::inline_dims::InlineDims;
use crate::memory::{self, NoMemory};

/// A list of extents or strides; up to eight lie on the stack. Longer ones are made by
/// [`dims`] and [`memory::collect`], which return an error where there is no memory.
pub type Dims = SmallVec<[i64; 8]>;

/// The numbers as a list.
///
/// # Errors
/// If there are more than eight, and no memory for them.
#[inline]
pub fn dims(numbers: &[i64]) -> std::result::Result<Dims, NoMemory> {
    match numbers.len() {
        // Quicker, and on the stack.
        0..=8 => Ok(Dims::from_slice(numbers)),
        _ => memory::collect(numbers.iter().copied()),
    }
}

/// How far the elements of a near layout are from the first one, at most.
const NEAR_BYTES: u64 = 1 << 40;
/// The bytes of the widest elements that are looked at quickly.
const WIDEST: u64 = 16;

/// A checked shape with strides in elements. No strides means C order without
/// gaps.
///
/// Once made, no arithmetic on it can overflow: element count, byte count and
/// the distance in bytes from the first element to any other fit in an `i64`.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    shape: &'a [i64],
    strides: Option<&'a [i64]>,
    item_bits: u32,
    count: i64,
}

impl<'a> Layout<'a> {
    /// Checks a shape and strides that come from outside, for elements of
    /// `item_bits` bits.
    ///
    /// # Errors
    /// `Ndim` above 64 dimensions, `Shape` for a negative extent, `Size` if the
    /// element count or the byte count overflows (extents of 0 do not hide the
    /// others), `Strides` if an element would be too far from the first one.
    pub fn new(item_bits: u32, shape: &'a [i64], strides: Option<&'a [i64]>) -> Result<Self> {
        if shape.len() > MAX_NDIM {
            fail!(Ndim, "ndim is {}; it must be 0 to {MAX_NDIM}", shape.len());
        }
        if let Some(strides) = strides.filter(|strides| strides.len() != shape.len()) {
            fail!(
                Strides,
                "strides has {} entries; it must have {}, one for each dimension",
                strides.len(),
                shape.len()
            );
        }
        let count = checked_count(shape, item_bits)?;
        if let Some(strides) = strides.filter(|_| count > 0) {
            check_reach(shape, strides, item_bits)?;
        }
        Ok(Layout { shape, strides, item_bits, count })
    }

    /// As `new`, where it is quick to tell that all elements are near the first one, which is
    /// true of nearly all tensors; with the bytes that they reach from it at most, to both sides.
    #[inline]
    pub(crate) fn near(
        item_bits: u32,
        shape: &'a [i64],
        strides: &'a [i64],
    ) -> Option<(Self, u64)> {
        const NEAR: u64 = NEAR_BYTES / WIDEST;
        let (mut count, mut far) = (1_u64, 0_u64);
        for (&extent, &stride) in shape.iter().zip(strides) {
            // With extents of 0 the product says nothing of the others.
            let steps = u64::try_from(extent).ok()?.checked_sub(1)?;
            count = count.saturating_mul(steps + 1);
            far = far.saturating_add(stride.unsigned_abs().saturating_mul(steps));
        }
        let has_axes = shape.len() <= MAX_NDIM && strides.len() == shape.len();
        let is_near = has_axes && count <= NEAR && far < NEAR && u64::from(item_bits) <= 8 * WIDEST;
        let layout = Layout { shape, strides: Some(strides), item_bits, count: count as i64 };
        is_near.then(|| (layout, (far + 1) * WIDEST))
    }

    /// A layout that `new` accepted before.
    pub(crate) fn trusted(item_bits: u32, shape: &'a [i64], strides: &'a [i64]) -> Self {
        Layout { shape, strides: Some(strides), item_bits, count: shape.iter().product() }
    }

    /// The extents.
    pub fn shape(&self) -> &'a [i64] {
        self.shape
    }

    /// The number of dimensions.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// The strides in elements, those of C order where none were given.
    #[inline]
    pub fn strides(&self) -> InlineDims {
        let mut room = InlineDims::new();
        self.strides_in(&mut room);
        room
    }

    /// The same layout, with its numbers in another place.
    pub(crate) fn with_dims<'b>(&self, shape: &'b [i64], strides: &'b [i64]) -> Layout<'b> {
        Layout { shape, strides: Some(strides), item_bits: self.item_bits, count: self.count }
    }

    /// As [`Layout::strides`], in room that is there.
    #[inline]
    pub fn strides_in<'b>(&self, room: &'b mut InlineDims) -> &'b mut [i64] {
        match self.strides {
            Some(given) => room.fill(given.iter().copied()),
            None => c_strides_in(self.shape, room),
        }
    }

    /// As [`Layout::strides`]: those given, or others in the room.
    #[inline]
    pub(crate) fn strides_or<'b>(&self, room: &'b mut InlineDims) -> &'b [i64]
    where
        'a: 'b,
    {
        match self.strides {
            Some(given) => given,
            None => c_strides_in(self.shape, room),
        }
    }

    /// The strides in elements, where some were given.
    pub fn given_strides(&self) -> Option<&'a [i64]> {
        self.strides
    }

    /// The bits from one element to the next one in a row without gaps.
    pub fn item_bits(&self) -> u32 {
        self.item_bits
    }

    /// The number of elements.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// The bytes of the elements side by side, packed if they are parts of
    /// bytes.
    pub fn bytes(&self) -> i64 {
        bits_to_bytes(i128::from(self.count) * i128::from(self.item_bits))
    }

    /// Whether the elements lie in C order (last axis fastest) without gaps.
    /// Extents of 1 may have any stride; a tensor without elements is
    /// contiguous.
    pub fn is_c_contiguous(&self) -> bool {
        self.is_contiguous_along(self.shape.iter().enumerate().rev())
    }

    /// Whether the elements lie in Fortran order (first axis fastest) without
    /// gaps. Extents of 1 may have any stride; a tensor without elements is
    /// contiguous.
    pub fn is_f_contiguous(&self) -> bool {
        match self.strides {
            // C order is Fortran order as long as one axis at most is longer than 1.
            None => self.count == 0 || self.shape.iter().filter(|extent| **extent > 1).count() <= 1,
            Some(_) => self.is_contiguous_along(self.shape.iter().enumerate()),
        }
    }

    fn is_contiguous_along(&self, axes: impl Iterator<Item = (usize, &'a i64)>) -> bool {
        let Some(strides) = self.strides.filter(|_| self.count > 0) else {
            return true;
        };
        let mut expected = 1;
        for (axis, extent) in axes.filter(|(_, extent)| **extent != 1) {
            if strides[axis] != expected {
                return false;
            }
            expected *= extent;
        }
        true
    }

    /// The bytes that the elements touch, counted from the first element:
    /// from the lowest, which is negative with negative strides, to one past
    /// the highest. Empty without elements.
    pub fn byte_range(&self) -> Range<i64> {
        if self.count == 0 {
            return 0..0;
        }
        let (low, high) = match self.strides {
            Some(strides) if self.item_bits.is_multiple_of(8) => {
                // What was checked fits, and this is quick.
                let (low, high) = near_reach(self.shape, strides);
                let size = i64::from(self.item_bits / 8);
                return low * size..(high + 1) * size;
            }
            Some(strides) => reach(self.shape, strides),
            None => (0, i128::from(self.count - 1)),
        };
        let bits = i128::from(self.item_bits);
        ((low * bits) >> 3) as i64..bits_to_bytes((high + 1) * bits)
    }

    /// Whether a stride is negative through whose axis nothing is reached: of an extent of
    /// 1, or of any without elements.
    pub fn has_idle_negative(&self) -> bool {
        let is_idle = |extent: i64| extent == 1 || self.count == 0;
        let mut axes = self.shape.iter().zip(self.strides.unwrap_or_default());
        axes.any(|(extent, stride)| *stride < 0 && is_idle(*extent))
    }

    /// Whether two indices certainly never reach the same element. `false` for
    /// broadcast axes, and for strides so entangled that it would take a
    /// search to tell.
    pub fn is_injective(&self) -> bool {
        let Some(strides) = self.strides.filter(|_| self.count > 0) else {
            return true;
        };
        let step = |axis: &u8| strides[usize::from(*axis)].unsigned_abs();
        let mut axes = [0_u8; MAX_NDIM];
        let mut count = 0;
        for axis in (0..self.shape.len()).filter(|axis| self.shape[*axis] > 1) {
            axes[count] = axis as u8;
            count += 1;
        }
        axes[..count].sort_unstable_by_key(step);
        let mut reached = 0;
        axes[..count].iter().all(|axis| {
            let stride = i128::from(step(axis));
            let clear = stride > reached;
            reached += stride * i128::from(self.shape[usize::from(*axis)] - 1);
            clear
        })
    }

    /// The strides in bytes, as the array interface has them.
    ///
    /// An axis of extent 0 or 1 gets the stride of C order where its own would
    /// overflow: nothing is ever reached through it.
    ///
    /// # Errors
    /// `Layout` if elements are parts of bytes, `Memory`.
    pub fn byte_strides(&self) -> Result<Dims> {
        let mut room = InlineDims::new();
        let strides = self.strides_in(&mut room);
        self.scale_to_bytes(strides)?;
        Ok(dims(strides)?)
    }

    /// As [`Layout::byte_strides`], in place of the strides in elements.
    ///
    /// # Errors
    /// `Layout` if elements are parts of bytes.
    pub fn scale_to_bytes(&self, strides: &mut [i64]) -> Result<()> {
        if !self.item_bits.is_multiple_of(8) {
            fail!(
                Layout,
                "elements of {} bits have no strides in bytes; they must be whole bytes",
                self.item_bits
            );
        }
        let size = i64::from(self.item_bits / 8);
        for (axis, stride) in strides.iter_mut().enumerate() {
            *stride =
                stride.checked_mul(size).unwrap_or_else(|| c_strides(self.shape)[axis] * size);
        }
        Ok(())
    }
}

/// The strides in elements of a shape in C order without gaps. Extents of 0
/// count as 1, as in NumPy. Axes above the 64th have no room.
#[inline]
pub fn c_strides(shape: &[i64]) -> InlineDims {
    let mut room = InlineDims::new();
    c_strides_in(shape, &mut room);
    room
}

fn c_strides_in<'a>(shape: &[i64], room: &'a mut InlineDims) -> &'a mut [i64] {
    let strides = room.fill(shape.iter().map(|_| 1));
    for axis in (1..strides.len()).rev() {
        strides[axis - 1] = after(strides[axis], shape[axis]);
    }
    strides
}

/// The stride in C order of the axis before one with this stride and extent.
#[inline]
pub(crate) fn after(stride: i64, extent: i64) -> i64 {
    stride.saturating_mul(extent.max(1))
}

/// Refuses negative extents, as [`Layout::new`] does later.
pub(crate) fn check_extents(shape: &[i64]) -> Result<()> {
    match shape.iter().position(|extent| *extent < 0) {
        Some(axis) => Err(negative(axis, shape[axis])),
        None => Ok(()),
    }
}

#[cold]
fn negative(axis: usize, extent: i64) -> Error {
    Error::format(Status::Shape, format_args!("shape[{axis}] is {extent}; it must be 0 or more"))
}

/// The product of the extents, after checking that also the product without
/// the zeros, in bytes, fits: other code multiplies them in another order.
fn checked_count(shape: &[i64], item_bits: u32) -> Result<i64> {
    let mut nonzero: i64 = 1;
    let mut empty = false;
    for (axis, &extent) in shape.iter().enumerate() {
        if extent < 0 {
            return Err(negative(axis, extent));
        }
        empty |= extent == 0;
        match nonzero.checked_mul(extent.max(1)) {
            Some(product) => nonzero = product,
            None => fail!(
                Size,
                "shape {shape:?} has more elements than fit in 63 bits; the product of the extents \
                 other than 0 must be at most {}",
                i64::MAX
            ),
        }
    }
    if i128::from(nonzero) * i128::from(item_bits) > i128::from(i64::MAX) * 8 {
        fail!(
            Size,
            "shape {shape:?} with elements of {item_bits} bits has more bytes than fit in 63 bits; \
             it must be at most {} bytes",
            i64::MAX
        );
    }
    Ok(if empty { 0 } else { nonzero })
}

fn check_reach(shape: &[i64], strides: &[i64], item_bits: u32) -> Result<()> {
    let (low, high) = reach(shape, strides);
    let limit = i128::from(i64::MAX) * 8 / i128::from(item_bits) - 1;
    if low < -limit || high > limit {
        fail!(
            Strides,
            "strides {strides:?} with shape {shape:?} and elements of {item_bits} bits reach from \
             element {low} to {high}; both must be within {limit} elements, else addresses overflow"
        );
    }
    Ok(())
}

/// The lowest and the highest offset in elements. The shape has no zeros.
/// Up to 64 products of two 63-bit numbers fit in an `i128`.
fn reach(shape: &[i64], strides: &[i64]) -> (i128, i128) {
    let fars = shape.iter().zip(strides).map(|(&extent, &stride)| {
        let far = i128::from(extent - 1) * i128::from(stride);
        (far.min(0), far.max(0))
    });
    fars.fold((0, 0), |(low, high), (below, above)| (low + below, high + above))
}

/// As `reach`, where it fits.
fn near_reach(shape: &[i64], strides: &[i64]) -> (i64, i64) {
    let fars = shape.iter().zip(strides).map(|(extent, stride)| (extent - 1) * stride);
    fars.fold((0, 0), |(low, high), far| (low + far.min(0), high + far.max(0)))
}

fn bits_to_bytes(bits: i128) -> i64 {
    // Rounded up: parts of bytes at the end take a whole one.
    ((bits + 7) >> 3) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout<'a>(shape: &'a [i64], strides: &'a [i64]) -> Layout<'a> {
        Layout::new(32, shape, Some(strides)).unwrap()
    }

    #[test]
    fn counts() {
        for (shape, count) in [(&[][..], 1), (&[0], 0), (&[2, 3], 6), (&[2, 0, 3], 0)] {
            let layout = Layout::new(32, shape, None).unwrap();
            assert_eq!((layout.count(), layout.bytes()), (count, count * 4));
        }
        // Three packed elements of 4 bits take 12 bits, thus 2 bytes.
        assert_eq!(Layout::new(4, &[3], None).unwrap().bytes(), 2);
    }

    #[test]
    fn contiguity_ignores_the_strides_of_short_axes() {
        for (shape, strides, c, f) in [
            (&[2, 3][..], &[3, 1][..], true, false),
            (&[2, 3], &[1, 2], false, true),
            (&[2, 1, 3], &[3, 77, 1], true, false),
            (&[1, 5], &[-9, 1], true, true),
            (&[0, 5], &[8, 8], true, true),
            (&[], &[], true, true),
            (&[4], &[2], false, false),
            (&[4], &[0], false, false),
            (&[4], &[-1], false, false),
            (&[2, 3], &[6, 1], false, false),
        ] {
            let layout = layout(shape, strides);
            assert_eq!(layout.is_c_contiguous(), c, "{layout:?}");
            assert_eq!(layout.is_f_contiguous(), f, "{layout:?}");
        }
        assert!(!Layout::new(32, &[2, 3], None).unwrap().is_f_contiguous());
        assert!(Layout::new(32, &[1, 3], None).unwrap().is_f_contiguous());
        assert!(Layout::new(32, &[2, 0], None).unwrap().is_f_contiguous());
    }

    #[test]
    fn byte_ranges() {
        for (shape, strides, range) in [
            (&[2, 3][..], &[3, 1][..], 0..24),
            (&[3], &[-1], -8..4),
            (&[2, 3], &[-3, 1], -12..12),
            (&[5], &[0], 0..4),
            (&[0, 5], &[5, -1], 0..0),
            (&[], &[], 0..4),
            (&[3], &[2], 0..20),
        ] {
            assert_eq!(layout(shape, strides).byte_range(), range);
        }
        assert_eq!(Layout::new(4, &[3], Some(&[-1])).unwrap().byte_range(), -1..1);
        assert_eq!(Layout::new(32, &[2, 3], None).unwrap().byte_range(), 0..24);
    }

    #[test]
    fn injectivity() {
        for (shape, strides, expected) in [
            (&[2, 3][..], &[3, 1][..], true),
            (&[2, 3], &[1, 2], true),
            (&[2, 3], &[2, 1], false),
            (&[5], &[0], false),
            (&[1], &[0], true),
            (&[3], &[-2], true),
            (&[0, 3], &[0, 0], true),
        ] {
            assert_eq!(layout(shape, strides).is_injective(), expected, "{shape:?} {strides:?}");
        }
    }

    #[test]
    fn overflow_is_refused_wherever_it_hides() {
        let max = i64::MAX;
        for (shape, strides, status) in [
            (&[-1][..], None, Status::Shape),
            (&[2, -3], None, Status::Shape),
            (&[1 << 40, 1 << 40], None, Status::Size),
            (&[1 << 62, 1 << 62, 0], None, Status::Size),
            (&[1 << 62], None, Status::Size),
            (&[2], Some(&[max][..]), Status::Strides),
            (&[2], Some(&[i64::MIN]), Status::Strides),
            (&[3, 3], Some(&[1 << 60, 1 << 60]), Status::Strides),
            (&[2, 2], Some(&[1]), Status::Strides),
            (&[1; 65], None, Status::Ndim),
        ] {
            let error = Layout::new(32, shape, strides).unwrap_err();
            assert_eq!(error.status(), status, "{error}");
        }
        // Nothing is reached through an axis of extent 1, or without elements.
        assert!(Layout::new(32, &[1], Some(&[max])).is_ok());
        assert!(Layout::new(32, &[0, 9], Some(&[max, max])).is_ok());
        assert_eq!(layout(&[1, 2], &[1 << 62, 1]).byte_strides().unwrap()[..], [8, 4]);
    }

    #[test]
    fn parts_of_bytes_have_no_byte_strides() {
        let layout = Layout::new(4, &[2], None).unwrap();
        assert_eq!(layout.byte_strides().unwrap_err().status(), Status::Layout);
    }
}
