//! What needs instructions of the machine: 16 bytes at a time, and stores that
//! bypass the cache. SSE2 is part of every x86-64.

use core::arch::x86_64::*;

use crate::strided::sizes::{LANE, LINE};

/// 16 bytes in a register.
pub type Lane = __m128i;

/// # Safety
/// 16 bytes from `source` on are valid for reads.
#[inline(always)]
pub unsafe fn load(source: *const u8) -> Lane {
    // SAFETY: passed on.
    unsafe { _mm_loadu_si128(source.cast()) }
}

/// # Safety
/// 16 bytes from `target` on are valid for writes.
#[inline(always)]
pub unsafe fn store(target: *mut u8, lane: Lane) {
    // SAFETY: passed on.
    unsafe { _mm_storeu_si128(target.cast(), lane) }
}

/// The items of `a` and `b` in turn; an item has `N` bytes: 1, 2, 4 or 8.
#[inline(always)]
pub fn zip<const N: usize>(a: Lane, b: Lane) -> (Lane, Lane) {
    // SAFETY: SSE2 is there.
    unsafe {
        match N {
            1 => (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b)),
            2 => (_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)),
            4 => (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)),
            _ => (_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b)),
        }
    }
}

/// Starts to bring the line of `source`, any address, into the cache.
#[inline(always)]
pub fn prefetch(source: *const u8) {
    // SAFETY: it accepts any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(source.cast()) }
}

/// Copies bytes without bringing the target into the cache. `finish_stream`
/// must follow before another thread may read the target.
///
/// # Safety
/// As for `copy_nonoverlapping`.
pub unsafe fn stream(source: *const u8, target: *mut u8, bytes: usize) {
    let head = target.align_offset(LINE).min(bytes);
    let lines = (bytes - head) / LINE;
    let tail = head + lines * LINE;
    // SAFETY: the three parts make up the whole; those of streams are aligned.
    unsafe {
        source.copy_to_nonoverlapping(target, head);
        for line in 0..lines {
            for lane in 0..LINE / LANE {
                let at = head + line * LINE + lane * LANE;
                _mm_stream_si128(target.add(at).cast(), load(source.add(at)));
            }
        }
        source.add(tail).copy_to_nonoverlapping(target.add(tail), bytes - tail);
    }
}

/// Makes all that was streamed visible to other threads that synchronize with
/// this one: plain stores do not order it.
pub fn finish_stream() {
    // SAFETY: SSE is there.
    unsafe { _mm_sfence() }
}
