//! The allocator of the extension: the system's, and a reserve for when that has nothing.
//!
//! Rust ends the process where a `String`, a `Box` or a `Vec` cannot be allocated, so that the
//! sentence of a MemoryError could not even be written. Such things are small and soon freed:
//! they come from the reserve then. What stays longer has to be made as `lasting` has it, else
//! the reserve would be empty one day.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[global_allocator]
static ALLOCATOR: Reserving = Reserving;

static RESERVE: Reserve = Reserve::new();

/// The bytes of the reserve that are in use.
pub fn in_use() -> usize {
    RESERVE.locked(|used| used.iter().filter(|it| **it).count()) * UNIT
}

/// How often something was taken from the reserve.
pub fn taken() -> u64 {
    RESERVE.taken.load(Ordering::Relaxed)
}

struct Reserving;

// SAFETY: memory comes from the system or from the reserve, and goes back to where its address
// says that it came from. Both keep size and alignment.
unsafe impl GlobalAlloc for Reserving {
    #[inline]
    unsafe fn alloc(&self, memory: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let pointer = unsafe { System.alloc(memory) };
        if pointer.is_null() { RESERVE.take(memory) } else { pointer }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, memory: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let pointer = unsafe { System.alloc_zeroed(memory) };
        if pointer.is_null() { RESERVE.take_zeroed(memory) } else { pointer }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, memory: Layout) {
        match RESERVE.has(pointer) {
            true => RESERVE.give_back(pointer, memory),
            // SAFETY: the caller's promise, and it did not come from the reserve.
            false => unsafe { System.dealloc(pointer, memory) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, memory: Layout, size: usize) -> *mut u8 {
        if !RESERVE.has(pointer) {
            // SAFETY: the caller's promise, and it did not come from the reserve.
            let moved = unsafe { System.realloc(pointer, memory, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.move_to(pointer, memory, size) }
    }
}

impl Reserving {
    /// # Safety
    /// As `realloc`.
    #[cold]
    unsafe fn move_to(&self, pointer: *mut u8, memory: Layout, size: usize) -> *mut u8 {
        // SAFETY: `realloc` is called with a size that is no more than a layout may have; the
        // old and the new memory are valid for the smaller of both sizes.
        unsafe {
            let target = self.alloc(Layout::from_size_align_unchecked(size, memory.align()));
            if !target.is_null() {
                ptr::copy_nonoverlapping(pointer, target, memory.size().min(size));
                self.dealloc(pointer, memory);
            }
            target
        }
    }
}

/// What is asked for is rounded up to as many bytes.
const UNIT: usize = 64;
/// Enough for the sentences of many threads at once, and for what is said of a long signature. It
/// is no memory before it is used.
const UNITS: usize = 16 << 10;
/// Larger requests get nothing: what may be so large has to be asked for as `try_reserve` does.
const LARGEST: usize = 256 << 10;
/// That of all small things. Tensors ask for more on purpose: their memory may stay for ever,
/// and a MemoryError can be raised for them.
const ALIGNMENT: usize = 8;

#[repr(align(64))]
struct Reserve {
    memory: UnsafeCell<[u8; UNIT * UNITS]>,
    /// Which units are in use.
    used: UnsafeCell<[bool; UNITS]>,
    is_locked: AtomicBool,
    taken: AtomicU64,
}

// SAFETY: `used` is reached under the lock only, and each part of `memory` by its owner.
unsafe impl Sync for Reserve {}

impl Reserve {
    const fn new() -> Self {
        Reserve {
            memory: UnsafeCell::new([0; UNIT * UNITS]),
            used: UnsafeCell::new([false; UNITS]),
            is_locked: AtomicBool::new(false),
            taken: AtomicU64::new(0),
        }
    }

    /// Whether an address lies in the reserve.
    #[inline]
    fn has(&self, pointer: *mut u8) -> bool {
        (pointer as usize).wrapping_sub(self.memory.get() as usize) < UNIT * UNITS
    }

    /// Memory for a small thing, or NULL.
    #[cold]
    fn take(&self, memory: Layout) -> *mut u8 {
        if memory.size() > LARGEST || memory.align() > ALIGNMENT {
            return ptr::null_mut();
        }
        let count = memory.size().div_ceil(UNIT);
        let found = self.locked(|used| {
            let start = used.windows(count).position(|run| !run.contains(&true))?;
            used[start..start + count].fill(true);
            Some(start)
        });
        match found {
            Some(start) => {
                self.taken.fetch_add(1, Ordering::Relaxed);
                self.memory.get().cast::<u8>().wrapping_add(start * UNIT)
            }
            None => ptr::null_mut(),
        }
    }

    #[cold]
    fn take_zeroed(&self, memory: Layout) -> *mut u8 {
        let pointer = self.take(memory);
        if !pointer.is_null() {
            // SAFETY: it has that many bytes, and nobody else has it.
            unsafe { pointer.write_bytes(0, memory.size()) };
        }
        pointer
    }

    #[cold]
    fn give_back(&self, pointer: *mut u8, memory: Layout) {
        let start = (pointer as usize - self.memory.get() as usize) / UNIT;
        self.locked(|used| used[start..start + memory.size().div_ceil(UNIT)].fill(false));
    }

    /// Nothing is called meanwhile that allocates or waits.
    fn locked<R>(&self, body: impl FnOnce(&mut [bool; UNITS]) -> R) -> R {
        while self.is_locked.swap(true, Ordering::Acquire) {
            spin_loop();
        }
        // SAFETY: the lock is held.
        let result = body(unsafe { &mut *self.used.get() });
        self.is_locked.store(false, Ordering::Release);
        result
    }
}
