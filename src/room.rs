//! Numbers of axes on the stack, where lists are too slow.

use std::mem::MaybeUninit;

use crate::abi::MAX_NDIM;

/// Room for one number of each axis, of as many axes as there may be. It is not set
/// before it is filled: making one costs nothing.
pub struct Room([MaybeUninit<i64>; MAX_NDIM]);

impl Room {
    /// Room that is not filled yet.
    #[inline]
    #[expect(clippy::new_without_default, reason = "nothing is set by default")]
    pub fn new() -> Room {
        Room([MaybeUninit::uninit(); MAX_NDIM])
    }

    /// Puts numbers into it, of which only the first 64 have room.
    #[inline]
    pub fn fill(&mut self, numbers: impl Iterator<Item = i64>) -> &mut [i64] {
        let mut count = 0;
        for (place, number) in self.0.iter_mut().zip(numbers) {
            place.write(number);
            count += 1;
        }
        // SAFETY: so many have been written.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_axes_and_no_more() {
        let mut room = Room::new();
        assert_eq!(room.fill(std::iter::empty()), []);
        assert_eq!(room.fill([3, 4].into_iter()), [3, 4]);
        assert_eq!(room.fill(0..100).len(), MAX_NDIM);
    }
}
