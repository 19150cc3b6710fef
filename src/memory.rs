//! Allocations that can fail: where `Vec`, `String` and `Box` would end the process, these
//! return [`NoMemory`].

use std::alloc::{Layout, alloc};
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use smallvec::{Array, SmallVec};

/// There is no memory left. It needs none itself, and becomes an
/// [`Error`](crate::Error) with a sentence that exists beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// As `format!`, of `format_args!`.
///
/// # Errors
/// If the text cannot be allocated.
pub fn format(text: fmt::Arguments<'_>) -> Result<String, NoMemory> {
    /// Most sentences are shorter.
    const USUAL: usize = 120;
    struct Growing(String);
    impl Write for Growing {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0.try_reserve(part.len()).map_err(|_| fmt::Error)?;
            self.0.push_str(part);
            Ok(())
        }
    }
    let mut growing = Growing(String::new());
    growing.0.try_reserve(USUAL).map_err(|_| NoMemory)?;
    growing.write_fmt(text).map_err(|_| NoMemory)?;
    Ok(growing.0)
}

/// Appends to a list.
///
/// # Errors
/// If the list cannot grow. It stays as it was then, and the item is dropped.
#[inline]
pub fn push<A: Array>(list: &mut SmallVec<A>, item: A::Item) -> Result<(), NoMemory> {
    list.try_reserve(1).map_err(|_| NoMemory)?;
    list.push(item);
    Ok(())
}

/// A list of all items.
///
/// # Errors
/// If they need more room than the list has on the stack, and it cannot be allocated.
#[inline(always)]
pub fn collect<A: Array>(
    items: impl ExactSizeIterator<Item = A::Item>,
) -> Result<SmallVec<A>, NoMemory> {
    let mut list = SmallVec::new();
    if items.len() > list.inline_size() {
        list.try_reserve_exact(items.len()).map_err(|_| NoMemory)?;
    }
    list.extend(items);
    Ok(list)
}

/// Memory for a value, which [`Box::write`] puts there: whatever has to happen between the
/// allocation and that can happen without the fear that it was in vain.
///
/// # Errors
/// If it cannot be allocated.
pub fn room_for<T>() -> Result<Box<MaybeUninit<T>>, NoMemory> {
    let layout = Layout::new::<T>();
    let room = match layout.size() {
        0 => NonNull::dangling().as_ptr(),
        // SAFETY: the size is not 0.
        _ => unsafe { alloc(layout) }.cast::<MaybeUninit<T>>(),
    };
    match room.is_null() {
        true => Err(NoMemory),
        // SAFETY: the allocator that boxes use gave the memory for this layout, which is
        // that of `MaybeUninit<T>` too; any bytes are a value of that.
        false => Ok(unsafe { Box::from_raw(room) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_format() {
        assert_eq!(format(format_args!("{} and {:?}", 1, "two")).unwrap(), "1 and \"two\"");
        let long = "x".repeat(1000);
        assert_eq!(format(format_args!("{long}{long}")).unwrap(), format!("{long}{long}"));
    }

    #[test]
    fn lists_grow_beyond_the_stack() {
        let mut list: SmallVec<[i64; 2]> = collect([1, 2, 3].into_iter()).unwrap();
        push(&mut list, 4).unwrap();
        assert_eq!(list[..], [1, 2, 3, 4]);
    }

    #[test]
    fn boxes_are_freed_as_others_are() {
        assert_eq!(*Box::write(room_for().unwrap(), String::from("text")), "text");
        Box::write(room_for().unwrap(), ());
    }
}
