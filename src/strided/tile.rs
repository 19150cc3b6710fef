//! Copies of a few kilobytes.

use super::axis::{Axis, Place};
use super::machine::{Lane, load, prefetch, store, zip};
use super::sizes::{LANE, LINE};

/// Copies the elements of two axes. `N` is the bytes of an item, or 0 if only
/// `item` tells. `ahead` is how many bytes further the next tile begins in the
/// source, or 0.
///
/// # Safety
/// As for `copy_elements`, for these elements.
#[inline(always)]
pub(super) unsafe fn copy_tile<const N: usize>(
    x: Axis,
    y: Axis,
    place: Place,
    item: usize,
    ahead: usize,
) {
    let crossed = x.target == N as isize && y.source == N as isize;
    let lanes = crossed && x.extent.min(y.extent) * N >= LANE;
    let (short, long) = if x.extent < y.extent { (x, y) } else { (y, x) };
    let groups = x.extent < y.extent || y.source.unsigned_abs() < x.source.unsigned_abs();
    // SAFETY: passed on.
    unsafe {
        match (N, short.extent) {
            (1, _) if lanes => copy_squares::<1, 16>(x, y, place, ahead),
            (2, _) if lanes => copy_squares::<2, 8>(x, y, place, ahead),
            (4, _) if lanes => copy_squares::<4, 4>(x, y, place, ahead),
            (8, _) if lanes => copy_squares::<8, 2>(x, y, place, ahead),
            (16, _) if lanes => copy_squares::<16, 1>(x, y, place, ahead),
            (1.., 2) if groups => copy_groups::<N, 2>(short, long, place),
            (1.., 3) if groups => copy_groups::<N, 3>(short, long, place),
            (1.., 4) if groups => copy_groups::<N, 4>(short, long, place),
            // Starting a row takes longer than a few items do.
            _ if x.extent < 16 => copy_rows::<N>(long, short, place, item),
            _ => copy_rows::<N>(x, y, place, item),
        }
    }
}

/// Copies squares of `K` by `K` items, as many as fit in a lane.
///
/// # Safety
/// As for `copy_tile`. Items follow each other without gaps along `x` in the
/// target, along `y` in the source. Both axes have `K` indices or more.
#[inline(never)]
unsafe fn copy_squares<const N: usize, const K: usize>(
    x: Axis,
    y: Axis,
    place: Place,
    ahead: usize,
) {
    let x = Axis { target: N as isize, ..x };
    let y = Axis { source: N as isize, ..y };
    // The last squares overlap those before, to stay within the tile.
    let steps = |extent: usize| (0..extent).step_by(K).map(move |start| start.min(extent - K));
    for top in steps(y.extent) {
        // Spread over the tile, else they would wait for each other.
        for row in top..(top + K).min(x.extent) {
            let next = place.step(x, row).source.wrapping_add(ahead);
            (0..ahead).step_by(LINE).for_each(|line| prefetch(next.wrapping_add(line)));
        }
        // Whole lines of the target come first: a store that misses the cache
        // costs more than a load.
        for left in steps(x.extent) {
            // SAFETY: the square lies in the tile.
            unsafe { copy_square::<N, K>(x, y, place.step(y, top).step(x, left)) };
        }
    }
}

/// Copies a square within registers.
///
/// # Safety
/// As for `copy_squares`.
#[inline(always)]
unsafe fn copy_square<const N: usize, const K: usize>(x: Axis, y: Axis, place: Place) {
    // SAFETY: a lane holds a row of the square.
    let mut lanes: [Lane; K] =
        std::array::from_fn(|row| unsafe { load(place.step(x, row).source) });
    // Each round rotates the bits of all positions, row and column, by one; in
    // the end the row is where the column was.
    for _ in 0..K.ilog2() {
        let before = lanes;
        for row in 0..K / 2 {
            (lanes[2 * row], lanes[2 * row + 1]) = zip::<N>(before[row], before[row + K / 2]);
        }
    }
    for (row, lane) in lanes.into_iter().enumerate() {
        // SAFETY: a lane holds a row of the square.
        unsafe { store(place.step(y, row).target, lane) };
    }
}

/// Copies groups of `C` items, such as the colours of a pixel.
///
/// # Safety
/// As for `copy_tile`. `short` has `C` indices.
#[inline(never)]
unsafe fn copy_groups<const N: usize, const C: usize>(short: Axis, long: Axis, place: Place) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: passed on; AVX2 is there.
        return unsafe { copy_groups_avx2::<N, C>(short, long, place) };
    }
    // SAFETY: passed on.
    unsafe { copy_groups_anywhere::<N, C>(short, long, place) }
}

/// From the same loops the compiler makes code up to ten times faster.
///
/// # Safety
/// As for `copy_groups`, on a machine with AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copy_groups_avx2<const N: usize, const C: usize>(short: Axis, long: Axis, place: Place) {
    // SAFETY: passed on.
    unsafe { copy_groups_anywhere::<N, C>(short, long, place) }
}

/// Only with constant steps does the compiler find vector code.
///
/// # Safety
/// As for `copy_groups`.
#[inline(always)]
unsafe fn copy_groups_anywhere<const N: usize, const C: usize>(
    short: Axis,
    long: Axis,
    place: Place,
) {
    let short = short.with_extent(C);
    let (item, group) = (N as isize, (C * N) as isize);
    // SAFETY: passed on.
    unsafe {
        if (short.target, long.source, long.target) == (item, item, group) {
            let (short, long) =
                (Axis { target: item, ..short }, Axis { source: item, target: group, ..long });
            copy_rows_plainly::<N>(short, long, place, N);
        } else if (short.source, long.source, long.target) == (item, group, item) {
            let (short, long) =
                (Axis { source: item, ..short }, Axis { source: group, target: item, ..long });
            copy_rows_plainly::<N>(short, long, place, N);
        } else {
            copy_rows_plainly::<N>(short, long, place, N);
        }
    }
}

/// Copies rows along `x`, with constant steps if they are usual ones: all
/// items alike, backward, or every second one.
///
/// # Safety
/// As for `copy_tile`.
#[inline(always)]
unsafe fn copy_rows<const N: usize>(x: Axis, y: Axis, place: Place, item: usize) {
    let n = N as isize;
    let to = |source: isize| Axis { source, target: n, ..x };
    // SAFETY: passed on.
    unsafe {
        match x.source {
            _ if N == 0 || x.target != n => copy_rows_plainly::<N>(x, y, place, item),
            0 => copy_rows_plainly::<N>(to(0), y, place, item),
            step if step == -n => copy_rows_plainly::<N>(to(-n), y, place, item),
            step if step == 2 * n => copy_rows_plainly::<N>(to(2 * n), y, place, item),
            _ => copy_rows_plainly::<N>(x, y, place, item),
        }
    }
}

/// # Safety
/// As for `copy_tile`.
#[inline(always)]
unsafe fn copy_rows_plainly<const N: usize>(x: Axis, y: Axis, place: Place, item: usize) {
    let item = if N == 0 { item } else { N };
    for row in 0..y.extent {
        let place = place.step(y, row);
        for index in 0..x.extent {
            let Place { source, target } = place.step(x, index);
            // SAFETY: passed on.
            unsafe { source.copy_to_nonoverlapping(target, item) };
        }
    }
}
