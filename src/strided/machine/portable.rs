//! What other machines have instructions for; here the compiler finds them.

/// 16 bytes.
pub type Lane = [u8; 16];

/// # Safety
/// 16 bytes from `source` on are valid for reads.
#[inline(always)]
pub unsafe fn load(source: *const u8) -> Lane {
    // SAFETY: passed on.
    unsafe { source.cast::<Lane>().read_unaligned() }
}

/// # Safety
/// 16 bytes from `target` on are valid for writes.
#[inline(always)]
pub unsafe fn store(target: *mut u8, lane: Lane) {
    // SAFETY: passed on.
    unsafe { target.cast::<Lane>().write_unaligned(lane) }
}

/// The items of `a` and `b` in turn; an item has `N` bytes: 1, 2, 4 or 8.
#[inline(always)]
pub fn zip<const N: usize>(a: Lane, b: Lane) -> (Lane, Lane) {
    let item = |byte: usize| byte / (2 * N) * N + byte % N;
    let pick = |byte: usize| if byte % (2 * N) < N { a[item(byte)] } else { b[item(byte)] };
    (std::array::from_fn(pick), std::array::from_fn(|byte| pick(byte + 16)))
}

/// Does nothing here.
pub fn prefetch(_source: *const u8) {}

/// Copies bytes.
///
/// # Safety
/// As for `copy_nonoverlapping`.
pub unsafe fn stream(source: *const u8, target: *mut u8, bytes: usize) {
    // SAFETY: passed on.
    unsafe { source.copy_to_nonoverlapping(target, bytes) }
}

/// Does nothing here.
pub fn finish_stream() {}
