//! Extents or strides on the stack, where lists are too slow or must not fail.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

use crate::abi::MAX_NDIM;

/// One number per axis, of at most [`MAX_NDIM`] axes. It is empty before it is filled:
/// making one costs nothing.
pub struct InlineDims {
    numbers: [MaybeUninit<i64>; MAX_NDIM],
    /// So many have been written.
    count: usize,
}

impl InlineDims {
    /// Without numbers.
    #[inline]
    #[expect(clippy::new_without_default, reason = "nothing is set by default")]
    pub fn new() -> InlineDims {
        InlineDims { numbers: [MaybeUninit::uninit(); MAX_NDIM], count: 0 }
    }

    /// Replaces the numbers; only the first [`MAX_NDIM`] are kept.
    #[inline]
    pub fn fill(&mut self, numbers: impl Iterator<Item = i64>) -> &mut [i64] {
        let mut count = 0;
        for (slot, number) in self.numbers.iter_mut().zip(numbers) {
            slot.write(number);
            count += 1;
        }
        self.count = count;
        self
    }
}

impl Deref for InlineDims {
    type Target = [i64];

    #[inline]
    fn deref(&self) -> &[i64] {
        // SAFETY: `count` numbers have been written, and are part of `self`.
        unsafe { std::slice::from_raw_parts(self.numbers.as_ptr().cast(), self.count) }
    }
}

impl DerefMut for InlineDims {
    #[inline]
    fn deref_mut(&mut self) -> &mut [i64] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.numbers.as_mut_ptr().cast(), self.count) }
    }
}

impl fmt::Debug for InlineDims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_axes_and_no_more() {
        let mut room = InlineDims::new();
        assert_eq!(room.fill(std::iter::empty()), []);
        assert_eq!(room.fill([3, 4].into_iter()), [3, 4]);
        assert_eq!(room.fill(0..100).len(), MAX_NDIM);
    }
}
