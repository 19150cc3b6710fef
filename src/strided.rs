//! Copies elements between strided layouts, for the usual transposes about as
//! fast as `memcpy`.

mod axis;
mod machine;
mod plane;
mod sizes;
mod tile;

#[cfg(test)]
mod tests;

pub(crate) use axis::{Axes, Axis, Place};
use plane::Plane;

use crate::memory::{self, NoMemory};

/// The plan of a copy, with few axes: those of the target ascend, the one with the
/// shortest steps first.
pub(crate) struct CopyPlan {
    /// Steps are in bytes. With none there is one item to copy, without gaps.
    pub axes: Axes,
    pub place: Place,
    /// The bytes of an item.
    pub item: usize,
}

impl CopyPlan {
    /// The plan that copies each element of `source` to the same index of `target`.
    /// Strides are in elements of `item_bytes` bytes; those of axes shorter than 2
    /// mean nothing. No extent is 0.
    ///
    /// # Errors
    /// If there are more than eight axes, and no memory for them.
    pub fn new(
        shape: &[i64],
        mut place: Place,
        source_strides: &[i64],
        target_strides: &[i64],
        item_bytes: usize,
    ) -> Result<CopyPlan, NoMemory> {
        let mut axes = byte_axes(shape, source_strides, target_strides, item_bytes)?;
        make_targets_ascend(&mut axes, &mut place);
        merge(&mut axes);
        let item = absorb_first(&mut axes, item_bytes);
        Ok(CopyPlan { axes, place, item })
    }
}

/// Copies each element of `source` to the same index of `target`. Strides are
/// in elements of `item_bytes` bytes; pointers may have any alignment. The
/// strides of axes shorter than 2 mean nothing.
///
/// # Errors
/// As [`CopyPlan::new`]; nothing was written then.
///
/// # Safety
/// Each element reached from `source` must lie in memory valid for reads, each
/// reached from `target` in memory valid for writes. The two must not overlap,
/// and no two indices may reach the same element of the target.
pub(crate) unsafe fn copy_elements(
    shape: &[i64],
    source: *const u8,
    source_strides: &[i64],
    target: *mut u8,
    target_strides: &[i64],
    item_bytes: usize,
) -> Result<(), NoMemory> {
    if shape.contains(&0) {
        return Ok(());
    }
    let place = Place { source, target };
    let CopyPlan { mut axes, mut place, item } =
        CopyPlan::new(shape, place, source_strides, target_strides, item_bytes)?;
    let plane = Plane::take_from(&mut axes, &mut place, item);
    // SAFETY: the axes still reach each element of the caller once.
    unsafe { plane.copy_all(&axes, place) };
    Ok(())
}

/// The axes with more than one index.
fn byte_axes(shape: &[i64], source: &[i64], target: &[i64], item: usize) -> Result<Axes, NoMemory> {
    let bytes = |stride: i64| (stride as isize).wrapping_mul(item as isize);
    let strides = source.iter().zip(target);
    let mut axes = Axes::new();
    for (&extent, (&source, &target)) in shape.iter().zip(strides) {
        if extent > 1 {
            let (source, target) = (bytes(source), bytes(target));
            memory::push(&mut axes, Axis { extent: extent as usize, source, target })?;
        }
    }
    Ok(axes)
}

/// Reverses the axes that run backward in the target, then sorts all, the one
/// with the shortest steps in the target first.
fn make_targets_ascend(axes: &mut Axes, place: &mut Place) {
    for axis in axes.iter_mut().filter(|axis| axis.target < 0) {
        (*axis, *place) = axis.reversed(*place);
    }
    axes.sort_unstable_by_key(|axis| axis.target);
}

/// Joins neighbours that one axis can walk in both layouts.
fn merge(axes: &mut Axes) {
    axes.dedup_by(|slower, faster| {
        let extent = faster.extent as isize;
        let joins = slower.source == faster.source.wrapping_mul(extent)
            && slower.target == faster.target.wrapping_mul(extent);
        if joins {
            faster.extent *= slower.extent;
        }
        joins
    });
}

/// If the first axis has no gaps in either layout, its elements make up one
/// larger item. Returns the bytes of an item.
fn absorb_first(axes: &mut Axes, item: usize) -> usize {
    let bytes = item as isize;
    match axes.first() {
        Some(axis) if axis.source == bytes && axis.target == bytes => axes.remove(0).extent * item,
        _ => item,
    }
}
