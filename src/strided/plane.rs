//! Copies over the axes that matter for the cache, in tiles.

use std::mem::MaybeUninit;
use std::ptr::null_mut;

use super::axis::{Axes, Axis, Place};
use super::machine::{finish_stream, stream};
use super::sizes::{LANE, LINE};
use super::tile::copy_tile;

/// From this many bytes on, copies bypass the cache: they would not fit in it,
/// and the processor would read each line of the target before writing it.
/// Tests set it low to get there.
const STREAM: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// The least bytes of a plane for which that pays.
const STREAM_PLANE: usize = 256;

/// The bytes of a tile's rows, in both layouts, where these cross each other.
const SIDE: usize = 128;

/// The bytes of a tile that takes whole rows.
const TILE: usize = 8192;

/// The bytes of the largest tile, with what `parts` and `stream_tile` add.
const BUFFER: usize = (SIDE + LANE + LINE) * (SIDE + LANE);

/// A copy over up to three axes.
pub(super) struct Plane {
    /// The axis with the shortest steps in the target.
    x: Axis,
    /// Of the others, the one with the shortest steps in the source.
    y: Axis,
    /// One to walk within the tiles, else they would use parts of lines only.
    z: Axis,
    /// The bytes of an item.
    item: usize,
    /// The extents of a tile along `x` and `y`.
    tile: (usize, usize),
    /// Whether tiles bypass the cache.
    streams: bool,
}

impl Plane {
    /// Takes the best axes for the inner loops. May reverse one of them and
    /// move `place` to its other end.
    pub(super) fn take_from(axes: &mut Axes, place: &mut Place, item: usize) -> Self {
        let all: usize = axes.iter().map(|axis| axis.extent).product();
        let x = take_least(axes, |axis| axis.target.unsigned_abs());
        let mut y = take_least(axes, |axis| match axis.source.unsigned_abs() {
            // Reading one element again and again is as good in any order.
            0 => usize::MAX,
            step => step,
        });
        if y.source < 0 {
            (y, *place) = y.reversed(*place);
        }
        let z = take_inner(axes, x, &mut y, item);
        let dense = y.target == (x.extent * item) as isize;
        let streams = all * item >= STREAM
            && x.extent * y.extent * z.extent * item >= STREAM_PLANE
            && x.target == item as isize
            && item < LINE
            && (dense || !is_short(x, item));
        Plane { x, y, z, item, tile: tile_extents(x, y, z, item), streams }
    }

    /// Copies the planes at all indices of the other axes.
    ///
    /// # Safety
    /// As for `copy_elements`.
    pub(super) unsafe fn copy_all(&self, others: &[Axis], place: Place) {
        if self.streams {
            // SAFETY: passed on.
            unsafe { self.stream_all(others, place) };
        } else {
            // SAFETY: passed on; only streams use the buffer.
            walk(others, place, &|place| unsafe { self.copy(place, null_mut()) });
        }
    }

    /// Apart from `copy_all`, else small copies too would pay for the buffer.
    ///
    /// # Safety
    /// As for `copy_elements`.
    #[inline(never)]
    unsafe fn stream_all(&self, others: &[Axis], place: Place) {
        let mut buffer = MaybeUninit::<[u8; BUFFER]>::uninit();
        let buffer = buffer.as_mut_ptr().cast();
        // SAFETY: passed on.
        walk(others, place, &|place| unsafe { self.copy(place, buffer) });
        finish_stream();
    }

    /// Copies the plane whose first element is at `place`.
    ///
    /// # Safety
    /// As for `copy_elements`. `buffer` has room for `BUFFER` bytes if tiles
    /// are streamed.
    unsafe fn copy(&self, place: Place, buffer: *mut u8) {
        // SAFETY: passed on.
        unsafe {
            match self.item {
                1 => self.copy_tiles::<1>(place, buffer),
                2 => self.copy_tiles::<2>(place, buffer),
                3 => self.copy_tiles::<3>(place, buffer),
                4 => self.copy_tiles::<4>(place, buffer),
                6 => self.copy_tiles::<6>(place, buffer),
                8 => self.copy_tiles::<8>(place, buffer),
                12 => self.copy_tiles::<12>(place, buffer),
                16 => self.copy_tiles::<16>(place, buffer),
                _ => self.copy_tiles::<0>(place, buffer),
            }
        }
    }

    /// `N` is the bytes of an item, or 0 if only `self.item` tells.
    ///
    /// # Safety
    /// As for `copy`.
    unsafe fn copy_tiles<const N: usize>(&self, place: Place, buffer: *mut u8) {
        let item = if N == 0 { self.item } else { N };
        for (left, width) in parts(self.x.extent, self.tile.0, item) {
            for (top, height) in parts(self.y.extent, self.tile.1, item) {
                let (x, y) = (self.x.with_extent(width), self.y.with_extent(height));
                for depth in 0..self.z.extent {
                    let place = place.step(y, top).step(self.z, depth);
                    // SAFETY: passed on; the parts lie in the plane.
                    unsafe {
                        if self.streams {
                            self.stream_tile::<N>(x, y, left, place, buffer);
                        } else {
                            copy_tile::<N>(x, y, place.step(x, left), item, 0);
                        }
                    }
                }
            }
        }
    }

    /// Copies the tile from the index `left` of `x` on to the buffer, and from
    /// there to the target. Only whole lines can bypass the cache, so each one
    /// is left to the tile in which it begins. `place` is at index 0 of `x`.
    ///
    /// # Safety
    /// As for `copy`.
    #[inline(never)]
    unsafe fn stream_tile<const N: usize>(
        &self,
        x: Axis,
        y: Axis,
        left: usize,
        place: Place,
        buffer: *mut u8,
    ) {
        let item = if N == 0 { self.item } else { N };
        let (start, end, row_end) = (left * item, (left + x.extent) * item, self.x.extent * item);
        let aligned = (place.target.addr() | y.target as usize | start | end).is_multiple_of(LINE);
        let more = if aligned { 0 } else { LINE.div_ceil(item) };
        let width = (x.extent + more).min(self.x.extent - left);
        debug_assert!(width * y.extent * item <= BUFFER);
        let ahead = if y.extent * item == SIDE { SIDE } else { 0 };
        let buffered = Place { source: place.step(x, left).source, target: buffer };
        // SAFETY: the tile and the line after it lie in the plane.
        unsafe {
            let x = Axis { extent: width, target: item as isize, ..x };
            let y = Axis { target: (width * item) as isize, ..y };
            copy_tile::<N>(x, y, buffered, item, ahead);
        }
        if width * item == row_end && y.target == row_end as isize {
            // SAFETY: these rows follow each other without gaps.
            return unsafe { stream(buffer, place.target, y.extent * row_end) };
        }
        for row in 0..y.extent {
            let target = place.step(y, row).target;
            let line_from = |at: usize| at + target.wrapping_add(at).align_offset(LINE);
            let from = if start == 0 { 0 } else { line_from(start).min(row_end) };
            let to = if end == row_end { end } else { line_from(end).min(row_end) };
            // SAFETY: the buffer holds this part of the row.
            unsafe {
                stream(buffer.add(row * width * item + from - start), target.add(from), to - from)
            };
        }
    }
}

/// Whether rows along the axis are shorter than a line.
fn is_short(axis: Axis, item: usize) -> bool {
    axis.extent * item < LINE
}

/// Takes the axis to walk within the tiles, if there is a reason for one. May
/// exchange it for `y`.
fn take_inner(axes: &mut Axes, x: Axis, y: &mut Axis, item: usize) -> Axis {
    let source = |axis: &Axis| axis.source.unsigned_abs();
    let target = |axis: &Axis| axis.target.unsigned_abs();
    let largest = x.extent.max(y.extent);
    if is_short(x, item) && axes.iter().any(|axis| target(axis) < target(y)) {
        take_least(axes, target)
    } else if is_short(*y, item) && axes.iter().any(|axis| source(axis) < source(&x)) {
        take_least(axes, source)
    } else if !axes.is_empty() && (largest <= 4 || largest * item < LANE) {
        // Tiny planes: one loop over many of them beats many short ones.
        std::mem::replace(y, take_least(axes, target))
    } else {
        Axis::SINGLE
    }
}

/// Takes out the axis with the least `key`.
fn take_least(axes: &mut Axes, key: impl Fn(&Axis) -> usize) -> Axis {
    let least = (0..axes.len()).min_by_key(|&index| key(&axes[index]));
    least.map_or(Axis::SINGLE, |index| axes.remove(index))
}

/// The extents along `x` and `y` of tiles whose lines stay in the cache.
fn tile_extents(x: Axis, y: Axis, z: Axis, item: usize) -> (usize, usize) {
    let fitting = |bytes: usize, others: usize| match bytes / (others * item) {
        count @ 0..LINE => count.max(1),
        count => count / LINE * LINE,
    };
    let crossed = y.source != 0 && y.source.unsigned_abs() < x.source.unsigned_abs();
    if item >= LINE {
        (x.extent, y.extent)
    } else if z.extent > 1 {
        (LINE, LINE)
    } else if is_short(x, item) || !crossed {
        (fitting(TILE, 1).min(x.extent), fitting(TILE, x.extent))
    } else if is_short(y, item) {
        (fitting(TILE, y.extent), y.extent)
    } else {
        let side = fitting(SIDE, 1);
        (side, side)
    }
}

/// Cuts an axis into parts of `step` indices: their starts and extents. The
/// last part may be shorter, but if it were shorter than a lane then it joins
/// the one before.
fn parts(extent: usize, step: usize, item: usize) -> impl Iterator<Item = (usize, usize)> {
    let lane = LANE.div_ceil(item).min(step);
    let mut end = 0;
    std::iter::from_fn(move || {
        let start = end;
        end = if extent - start < step + lane { extent } else { start + step };
        (start < end).then_some((start, end - start))
    })
}

/// Calls `copy` at each index of the axes, the last one slowest.
fn walk(axes: &[Axis], place: Place, copy: &impl Fn(Place)) {
    match axes.split_last() {
        None => copy(place),
        Some((slowest, faster)) => {
            (0..slowest.extent).for_each(|index| walk(faster, place.step(*slowest, index), copy));
        }
    }
}
