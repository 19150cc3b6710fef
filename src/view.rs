//! Other layouts of the same memory: slices, permutations, reshapes and
//! broadcasts, as arithmetic on shape and strides.

use crate::abi::MAX_NDIM;
use crate::error::{Result, fail};
use crate::layout::{Dims, Layout};

/// A layout derived from another one, and where its first element lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The extents.
    pub shape: Dims,
    /// The strides in elements.
    pub strides: Dims,
    /// From the first element of the old layout to that of the new, in
    /// elements.
    pub offset: i64,
}

/// One axis of a slice, with the meaning of Python's `start:stop:step`:
/// negative positions count from the end, positions past an end stop there,
/// and `None` is as far as the axis goes in the direction of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first index taken.
    pub start: Option<i64>,
    /// The first index no longer taken.
    pub stop: Option<i64>,
    /// The distance between the indices taken: any but 0.
    pub step: i64,
}

impl Slice {
    /// The whole axis.
    pub const FULL: Slice = Slice { start: None, stop: None, step: 1 };

    /// The first index and the number of indices on an axis of this extent.
    /// Python's `slice.indices` does the same.
    fn resolve(self, extent: i64) -> (i64, i64) {
        let backwards = self.step < 0;
        let (lowest, highest) = if backwards { (-1, extent - 1) } else { (0, extent) };
        let clamp = |index: i64| {
            let index = if index < 0 { index.saturating_add(extent) } else { index };
            index.clamp(lowest, highest)
        };
        let first = if backwards { highest } else { lowest };
        let last = if backwards { lowest } else { highest };
        let start = self.start.map_or(first, clamp);
        let stop = self.stop.map_or(last, clamp);
        let distance = if backwards { start - stop } else { stop - start };
        if distance <= 0 {
            return (start.max(0).min(extent), 0);
        }
        let step = self.step.unsigned_abs();
        (start, ((distance as u64 - 1) / step + 1) as i64)
    }
}

impl View {
    /// The same layout.
    pub fn same(layout: Layout<'_>) -> View {
        View { shape: Dims::from_slice(layout.shape()), strides: layout.strides(), offset: 0 }
    }

    /// Part of the layout: one slice for each leading axis, later axes whole.
    ///
    /// # Errors
    /// `Index` for more slices than axes, `Argument` for a step of 0.
    pub fn slice(layout: Layout<'_>, slices: &[Slice]) -> Result<View> {
        if slices.len() > layout.ndim() {
            fail!(
                Index,
                "{} slices were given; the tensor has {} dimensions",
                slices.len(),
                layout.ndim()
            );
        }
        let mut view = View::same(layout);
        for (axis, slice) in slices.iter().enumerate() {
            if slice.step == 0 {
                fail!(Argument, "the step of axis {axis} is 0; it must be another number");
            }
            let (start, count) = slice.resolve(view.shape[axis]);
            let stride = view.strides[axis];
            view.shape[axis] = count;
            if count > 0 {
                view.offset = view.offset.wrapping_add(start.wrapping_mul(stride));
            }
            if count > 1 {
                // More than one index: the step is at most the extent, so that
                // the product is within the reach of the old layout.
                view.strides[axis] = stride.wrapping_mul(slice.step);
            }
        }
        if view.shape.contains(&0) {
            // Without elements nothing is reached, and the sum above may be anything.
            view.offset = 0;
        }
        Ok(view)
    }

    /// The layout at one index of an axis, without that axis. A negative index
    /// counts from the end.
    ///
    /// # Errors
    /// `Index` if the axis or the index is out of range.
    pub fn select(layout: Layout<'_>, axis: usize, index: i64) -> Result<View> {
        let mut view = View::same(layout);
        let Some(&extent) = view.shape.get(axis) else {
            fail!(
                Index,
                "axis is {axis}; it must be below {}, the number of dimensions",
                layout.ndim()
            );
        };
        let resolved = if index < 0 { index.saturating_add(extent) } else { index };
        if !(0..extent).contains(&resolved) {
            fail!(
                Index,
                "index is {index} on axis {axis}; it must be from {} to {} for the extent {extent}",
                -extent,
                extent - 1
            );
        }
        if layout.count() > 0 {
            view.offset = resolved * view.strides[axis];
        }
        view.shape.remove(axis);
        view.strides.remove(axis);
        Ok(view)
    }

    /// The axes in another order: axis `i` of the result is `axes[i]`.
    ///
    /// # Errors
    /// `Index` unless `axes` names each axis once.
    pub fn permute(layout: Layout<'_>, axes: &[usize]) -> Result<View> {
        let ndim = layout.ndim();
        let mut seen = [false; MAX_NDIM];
        let each_once = axes.len() == ndim
            && axes.iter().all(|&axis| axis < ndim && !std::mem::replace(&mut seen[axis], true));
        if !each_once {
            fail!(Index, "axes is {axes:?}; it must name each of the {ndim} axes once, from 0");
        }
        let strides = layout.strides();
        Ok(View {
            shape: axes.iter().map(|&axis| layout.shape()[axis]).collect(),
            strides: axes.iter().map(|&axis| strides[axis]).collect(),
            offset: 0,
        })
    }

    /// The same elements in C order under another shape. One extent may be
    /// -1: what the others leave.
    ///
    /// # Errors
    /// `Shape` if the element counts differ, `Layout` if the strides allow it
    /// only with a copy.
    pub fn reshape(layout: Layout<'_>, shape: &[i64]) -> Result<View> {
        let shape = complete_shape(layout, shape)?;
        let strides = match layout.count() {
            0 => crate::layout::c_strides(&shape),
            _ => reshaped_strides(layout, &shape)?,
        };
        Ok(View { shape, strides, offset: 0 })
    }

    /// The layout repeated to a larger shape, with NumPy's broadcasting rules:
    /// axes are matched from the last one, an extent of 1 is repeated, and new
    /// axes come in front. Repeated axes get the stride 0.
    ///
    /// # Errors
    /// `Shape` if an extent neither matches nor is 1.
    pub fn expand(layout: Layout<'_>, shape: &[i64]) -> Result<View> {
        let matches = |(old, new): (&i64, &i64)| old == new || *old == 1;
        let pairs = layout.shape().iter().rev().zip(shape.iter().rev());
        if shape.len() < layout.ndim() || !pairs.clone().all(matches) {
            fail!(
                Shape,
                "shape {:?} cannot be expanded to {shape:?}; counted from the last axis, each extent \
                 must be the same or 1",
                layout.shape()
            );
        }
        let strides = layout.strides();
        let added = shape.len() - layout.ndim();
        let mut expanded = Dims::from_elem(0, shape.len());
        for axis in 0..layout.ndim() {
            if layout.shape()[axis] == shape[added + axis] {
                expanded[added + axis] = strides[axis];
            }
        }
        Layout::new(layout.item_bits(), shape, Some(&expanded))?;
        Ok(View { shape: Dims::from_slice(shape), strides: expanded, offset: 0 })
    }
}

fn complete_shape(layout: Layout<'_>, shape: &[i64]) -> Result<Dims> {
    let mut complete = Dims::from_slice(shape);
    let unknown: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] == -1).collect();
    if unknown.len() > 1 {
        fail!(Shape, "shape is {shape:?}; only one extent may be -1");
    }
    if let [axis] = unknown[..] {
        complete[axis] = 1;
        let known = Layout::new(layout.item_bits(), &complete, None)?.count();
        complete[axis] = layout.count().checked_div(known).unwrap_or(-1);
        if complete[axis] < 0 {
            fail!(
                Shape,
                "shape is {shape:?}; -1 must not stand beside an extent of 0, where any number fits"
            );
        }
    }
    let count = Layout::new(layout.item_bits(), &complete, None)?.count();
    if count != layout.count() {
        fail!(
            Shape,
            "shape {shape:?} cannot hold the {} elements of shape {:?}",
            layout.count(),
            layout.shape()
        );
    }
    Ok(complete)
}

/// Finds strides for `shape`, which has as many elements as `layout`, at
/// least one. Groups of old axes with the same product as a group of new axes
/// are matched, and each old group must be one even row of elements.
fn reshaped_strides(layout: Layout<'_>, shape: &[i64]) -> Result<Dims> {
    let (old_shape, old_strides): (Dims, Dims) = std::iter::zip(layout.shape(), layout.strides())
        .filter(|(extent, _)| **extent != 1)
        .map(|(extent, stride)| (*extent, stride))
        .unzip();
    let mut strides = Dims::from_elem(1, shape.len());
    let (mut old, mut new) = (0, 0);
    while old < old_shape.len() {
        let (first_old, first_new) = (old, new);
        let (mut old_count, mut new_count) = (old_shape[old], shape[new]);
        while old_count != new_count {
            if old_count < new_count {
                old += 1;
                old_count *= old_shape[old];
            } else {
                new += 1;
                new_count *= shape[new];
            }
        }
        for axis in first_old..old {
            if old_strides[axis] != old_shape[axis + 1].wrapping_mul(old_strides[axis + 1]) {
                fail!(
                    Layout,
                    "shape {:?} with strides {:?} cannot be reshaped to {shape:?} without a copy; \
                     copy it to a contiguous tensor first",
                    layout.shape(),
                    &layout.strides()[..]
                );
            }
        }
        strides[new] = old_strides[old];
        for axis in (first_new..new).rev() {
            strides[axis] = strides[axis + 1].wrapping_mul(shape[axis + 1]);
        }
        old += 1;
        new += 1;
    }
    // Extents of 1 that are left have no element to step to.
    Ok(strides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    fn layout<'a>(shape: &'a [i64], strides: &'a [i64]) -> Layout<'a> {
        Layout::new(32, shape, Some(strides)).unwrap()
    }

    fn slice(start: Option<i64>, stop: Option<i64>, step: i64) -> Slice {
        Slice { start, stop, step }
    }

    fn view(shape: &[i64], strides: &[i64], offset: i64) -> View {
        View { shape: shape.into(), strides: strides.into(), offset }
    }

    #[test]
    fn slices_are_pythons() {
        // Against the rule itself: walk from start to stop by step.
        let values: Vec<Option<i64>> = [None].into_iter().chain((-7..=7).map(Some)).collect();
        for extent in 0..5_i64 {
            for (&start, &stop) in values.iter().flat_map(|a| values.iter().map(move |b| (a, b))) {
                for step in [-6, -2, -1, 1, 2, 6] {
                    let expected = python_slice(extent, start, stop, step);
                    let (first, count) = slice(start, stop, step).resolve(extent);
                    let taken: Vec<i64> = (0..count).map(|i| first + i * step).collect();
                    assert_eq!(taken, expected, "{start:?}:{stop:?}:{step} of {extent}");
                }
            }
        }
    }

    fn python_slice(extent: i64, start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<i64> {
        let wrap = |i: i64| if i < 0 { i + extent } else { i };
        let start = start.map(wrap);
        let stop = stop.map(wrap);
        let mut taken: Vec<i64> = (0..extent).collect();
        if step < 0 {
            taken.reverse();
        }
        let ahead = |index: i64, limit: i64| if step > 0 { index >= limit } else { index <= limit };
        taken.retain(|&i| start.is_none_or(|s| ahead(i, s)) && stop.is_none_or(|s| !ahead(i, s)));
        taken.into_iter().step_by(step.unsigned_abs() as usize).collect()
    }

    #[test]
    fn slices_move_the_first_element() {
        let base = layout(&[4, 6], &[6, 1]);
        let reversed =
            View::slice(base, &[slice(None, None, -1), slice(Some(1), None, 2)]).unwrap();
        assert_eq!(reversed, view(&[4, 3], &[-6, 2], 19));
        let nothing = View::slice(base, &[slice(Some(3), Some(1), 1)]).unwrap();
        assert_eq!(nothing, view(&[0, 6], &[6, 1], 0));
        let extreme =
            View::slice(base, &[slice(Some(i64::MAX), Some(i64::MIN), i64::MIN)]).unwrap();
        assert_eq!(extreme, view(&[1, 6], &[6, 1], 18));
        let error = View::slice(base, &[slice(None, None, 0)]).unwrap_err();
        assert_eq!(error.status(), Status::Argument);
        assert_eq!(View::slice(base, &[Slice::FULL; 3]).unwrap_err().status(), Status::Index);
    }

    #[test]
    fn select_drops_the_axis() {
        let base = layout(&[4, 6], &[6, 1]);
        assert_eq!(View::select(base, 0, -1).unwrap(), view(&[6], &[1], 18));
        assert_eq!(View::select(base, 1, 2).unwrap(), view(&[4], &[6], 2));
        for (axis, index) in [(0, 4), (0, -5), (2, 0), (0, i64::MIN)] {
            assert_eq!(View::select(base, axis, index).unwrap_err().status(), Status::Index);
        }
        let empty = layout(&[3, 0], &[i64::MAX, 1]);
        assert_eq!(View::select(empty, 0, 2).unwrap(), view(&[0], &[1], 0));
    }

    #[test]
    fn permutations() {
        let base = layout(&[2, 3, 4], &[12, 4, 1]);
        assert_eq!(View::permute(base, &[2, 0, 1]).unwrap(), view(&[4, 2, 3], &[1, 12, 4], 0));
        for axes in [&[0, 1][..], &[0, 1, 1], &[0, 1, 3], &[0, 1, 2, 2]] {
            assert_eq!(View::permute(base, axes).unwrap_err().status(), Status::Index);
        }
    }

    #[test]
    fn reshapes_that_need_no_copy() {
        for (shape, strides, target, expected) in [
            (&[2, 3][..], &[3, 1][..], &[6][..], &[1][..]),
            (&[6], &[1], &[2, -1], &[3, 1]),
            (&[6], &[-2], &[2, 3], &[-6, -2]),
            (&[4, 3], &[1, 4], &[2, 2, 3], &[2, 1, 4]),
            (&[2, 1, 3], &[3, 99, 1], &[3, 2], &[2, 1]),
            (&[1, 1], &[5, 7], &[], &[]),
            (&[], &[], &[1, 1], &[1, 1]),
            (&[2, 3], &[0, 0], &[3, 2], &[0, 0]),
            (&[0, 3], &[3, 1], &[5, 0], &[1, 1]),
        ] {
            let result = View::reshape(layout(shape, strides), target).unwrap();
            assert_eq!(&result.strides[..], expected, "{shape:?} {strides:?} to {target:?}");
        }
    }

    #[test]
    fn reshapes_that_cannot_be() {
        for (shape, strides, target, status) in [
            (&[4, 3][..], &[1, 4][..], &[12][..], Status::Layout),
            (&[2, 3], &[4, 1], &[3, 2], Status::Layout),
            (&[2, 3], &[3, 1], &[4], Status::Shape),
            (&[2, 3], &[3, 1], &[4, -1], Status::Shape),
            (&[2, 3], &[3, 1], &[-1, -1], Status::Shape),
            (&[2, 3], &[3, 1], &[-2, 3], Status::Shape),
            (&[0], &[1], &[0, -1], Status::Shape),
        ] {
            let error = View::reshape(layout(shape, strides), target).unwrap_err();
            assert_eq!(error.status(), status, "{error}");
        }
    }

    #[test]
    fn expansion_repeats_extents_of_one() {
        let base = layout(&[3, 1], &[1, 9]);
        assert_eq!(View::expand(base, &[2, 3, 4]).unwrap(), view(&[2, 3, 4], &[0, 1, 0], 0));
        assert_eq!(View::expand(base, &[3, 1]).unwrap(), view(&[3, 1], &[1, 9], 0));
        assert_eq!(View::expand(base, &[3, 0]).unwrap(), view(&[3, 0], &[1, 0], 0));
        for shape in [&[3][..], &[4, 1], &[-1, 3, 1]] {
            assert_eq!(View::expand(base, shape).unwrap_err().status(), Status::Shape, "{shape:?}");
        }
        let huge = View::expand(base, &[i64::MAX, 3, 1]).unwrap_err();
        assert_eq!(huge.status(), Status::Size);
    }
}
