//! Lists of a length that is known.

use std::slice;

use smallvec::{Array, SmallVec};

/// Fills an empty list where it lies, and returns its items: `resize` and `reserve` are calls, and
/// each look into a list asks first where its items are.
#[inline(always)]
pub fn fill<A: Array>(
    list: &mut SmallVec<A>,
    count: usize,
    item: impl Fn() -> A::Item,
) -> &mut [A::Item] {
    // SAFETY: an item is written whole.
    unsafe { fill_in_place(list, count, |place: *mut A::Item| place.write(item())) }
}

/// As `fill`, where `write` makes each item at its place.
///
/// # Safety
/// `write` writes all of an item that must not be uninitialised.
#[inline(always)]
pub unsafe fn fill_in_place<A: Array>(
    list: &mut SmallVec<A>,
    count: usize,
    write: impl Fn(*mut A::Item),
) -> &mut [A::Item] {
    debug_assert!(list.is_empty());
    if count > list.inline_size() {
        list.reserve(count);
    }
    let start = list.as_mut_ptr();
    for index in 0..count {
        // SAFETY: there is room for so many, and the list had none that would have to be dropped.
        write(unsafe { start.add(index) });
    }
    // SAFETY: as many were written, and the list is borrowed as long as they are.
    unsafe {
        list.set_len(count);
        slice::from_raw_parts_mut(start, count)
    }
}
