//! Lists of a length that is known.

use smallvec::{Array, SmallVec};

/// Fills an empty list where it lies: `resize` and `reserve` are calls.
#[inline(always)]
pub fn fill<A: Array>(list: &mut SmallVec<A>, count: usize, item: impl Fn() -> A::Item) {
    debug_assert!(list.is_empty());
    if count > list.inline_size() {
        list.reserve(count);
    }
    let start = list.as_mut_ptr();
    for index in 0..count {
        // SAFETY: there is room for so many, and the list had none that would have to be dropped.
        unsafe { start.add(index).write(item()) };
    }
    // SAFETY: as many were written.
    unsafe { list.set_len(count) };
}
