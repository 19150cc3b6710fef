//! Other layouts of the same memory: slices, permutations, reshapes and
//! broadcasts, as arithmetic on shape and strides.

use crate::abi::MAX_NDIM;
use crate::error::{Error, Result, Status, fail};
use crate::inline_dims::InlineDims;
use crate::layout::{Dims, Layout, c_strides, dims};
use crate::memory;

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

/// All operations return `Strides` where the view would reach further than addresses do:
/// what a layout reaches is counted from its first element, and a view has another one. And
/// `Memory` where there is none for more than eight axes.
impl View {
    /// The same layout.
    ///
    /// # Errors
    /// `Memory`.
    pub fn same(layout: Layout<'_>) -> Result<View> {
        let mut room = InlineDims::new();
        let strides = dims(layout.strides_or(&mut room))?;
        Ok(View { shape: dims(layout.shape())?, strides, offset: 0 })
    }

    /// Whether this is a layout.
    #[inline]
    fn check(&self, item_bits: u32) -> Result<()> {
        match Layout::near(item_bits, &self.shape, &self.strides) {
            Some(_) => Ok(()),
            None => Layout::new(item_bits, &self.shape, Some(&self.strides)).map(drop),
        }
    }

    /// The same layout, with positive strides in place of the negative ones through whose
    /// axes nothing is reached, which many libraries refuse. All others stay as they are: they
    /// tell where an axis of extent 1 was cut, and images of one channel from one image.
    ///
    /// # Errors
    /// `Memory`.
    pub fn without_idle_negatives(layout: Layout<'_>) -> Result<View> {
        let mut view = View::same(layout)?;
        for (extent, stride) in view.shape.iter().zip(&mut view.strides) {
            if *stride < 0 && (*extent == 1 || layout.count() == 0) {
                *stride = stride.checked_neg().unwrap_or(i64::MAX);
            }
        }
        Ok(view)
    }

    /// Part of the layout: one slice for each leading axis, later axes whole.
    ///
    /// # Errors
    /// `Index` for more slices than axes, `Argument` for a step of 0; `Strides`, `Memory`.
    pub fn slice(layout: Layout<'_>, slices: &[Slice]) -> Result<View> {
        View::slice_each(layout, slices.iter().copied())
    }

    /// As `slice`, of slices that are no list yet.
    #[inline]
    pub(crate) fn slice_each(
        layout: Layout<'_>,
        slices: impl ExactSizeIterator<Item = Slice>,
    ) -> Result<View> {
        if slices.len() > layout.ndim() {
            fail!(
                Index,
                "{} slices were given; the tensor has {} dimensions",
                slices.len(),
                layout.ndim()
            );
        }
        let mut view = View::same(layout)?;
        let mut offset = Some(0_i64);
        let mut is_far = false;
        for (axis, slice) in slices.enumerate() {
            if slice.step == 0 {
                fail!(Argument, "the step of axis {axis} is 0; it must be another number");
            }
            let (start, count) = slice.resolve(view.shape[axis]);
            let stride = view.strides[axis];
            view.shape[axis] = count;
            if count > 0 {
                offset = offset.and_then(|offset| offset.checked_add(start.checked_mul(stride)?));
            }
            if count > 1 {
                // The numbers of elements that are parts of bytes may not fit.
                let (step, overflows) = stride.overflowing_mul(slice.step);
                view.strides[axis] = step;
                is_far |= overflows;
            }
        }
        if !view.shape.contains(&0) {
            // Without elements nothing is reached, and the numbers may be anything.
            view.offset = offset.filter(|_| !is_far).ok_or_else(|| too_far(layout))?;
        }
        view.check(layout.item_bits())?;
        Ok(view)
    }

    /// The layout at one index of an axis, without that axis. A negative index
    /// counts from the end.
    ///
    /// # Errors
    /// `Index` if the axis or the index is out of range; `Strides`, `Memory`.
    pub fn select(layout: Layout<'_>, axis: usize, index: i64) -> Result<View> {
        let shape = layout.shape();
        let Some(&extent) = shape.get(axis) else {
            fail!(
                Index,
                "axis is {axis}; it must be below {}, the number of dimensions",
                layout.ndim()
            );
        };
        let resolved = if index < 0 { index.saturating_add(extent) } else { index };
        if extent == 0 {
            fail!(Index, "index is {index} on axis {axis}; there is none for the extent 0");
        }
        if !(0..extent).contains(&resolved) {
            fail!(
                Index,
                "index is {index} on axis {axis}; it must be from {} to {} for the extent {extent}",
                -extent,
                extent - 1
            );
        }
        let mut room = InlineDims::new();
        let strides = layout.strides_or(&mut room);
        let offset = match layout.count() {
            0 => 0,
            _ => resolved.checked_mul(strides[axis]).ok_or_else(|| too_far(layout))?,
        };
        let view = View { shape: without(shape, axis)?, strides: without(strides, axis)?, offset };
        view.check(layout.item_bits())?;
        Ok(view)
    }

    /// The axes in another order: axis `i` of the result is `axes[i]`.
    ///
    /// # Errors
    /// `Index` unless `axes` names each axis once; `Memory`.
    pub fn permute(layout: Layout<'_>, axes: &[usize]) -> Result<View> {
        let ndim = layout.ndim();
        let mut seen = [false; MAX_NDIM];
        let each_once = axes.len() == ndim
            && axes.iter().all(|&axis| axis < ndim && !std::mem::replace(&mut seen[axis], true));
        if !each_once {
            fail!(Index, "axes is {axes:?}; it must name each of the {ndim} axes once, from 0");
        }
        let mut room = InlineDims::new();
        let strides = layout.strides_or(&mut room);
        // The same axes with the same first element: what they reach stays.
        Ok(View {
            shape: memory::collect(axes.iter().map(|&axis| layout.shape()[axis]))?,
            strides: memory::collect(axes.iter().map(|&axis| strides[axis]))?,
            offset: 0,
        })
    }

    /// The same elements in C order under another shape. One extent may be
    /// -1: what the others leave.
    ///
    /// # Errors
    /// `Shape` if the element counts differ, `Layout` if the strides allow it
    /// only with a copy; `Ndim`, `Size`, `Strides`, `Memory`.
    pub fn reshape(layout: Layout<'_>, shape: &[i64]) -> Result<View> {
        let shape = complete_shape(layout, shape)?;
        let strides = match layout.count() {
            0 => dims(&c_strides(&shape))?,
            _ => reshaped_strides(layout, &shape)?,
        };
        let view = View { shape, strides, offset: 0 };
        view.check(layout.item_bits())?;
        Ok(view)
    }

    /// The layout repeated to a larger shape, with NumPy's broadcasting rules:
    /// axes are matched from the last one, an extent of 1 is repeated, and new
    /// axes come in front. Repeated axes get the stride 0.
    ///
    /// # Errors
    /// `Shape` if an extent neither matches nor is 1; `Ndim`, `Size`, `Memory`.
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
        let mut room = InlineDims::new();
        let strides = layout.strides_or(&mut room);
        let added = shape.len() - layout.ndim();
        let expanded = |axis: usize| match axis.checked_sub(added) {
            Some(old) if layout.shape()[old] == shape[axis] => strides[old],
            _ => 0,
        };
        let strides = memory::collect((0..shape.len()).map(expanded))?;
        let view = View { shape: dims(shape)?, strides, offset: 0 };
        view.check(layout.item_bits())?;
        Ok(view)
    }
}

#[cold]
fn too_far(layout: Layout<'_>) -> Error {
    Error::format(
        Status::Strides,
        format_args!(
            "a view of shape {:?} with strides {:?} would have an offset or a stride of more elements \
             than fit in 63 bits",
            layout.shape(),
            layout.strides()
        ),
    )
}

/// The numbers but that of one axis.
fn without(numbers: &[i64], axis: usize) -> Result<Dims> {
    let mut rest = dims(numbers)?;
    rest.remove(axis);
    Ok(rest)
}

fn complete_shape(layout: Layout<'_>, shape: &[i64]) -> Result<Dims> {
    let mut complete = dims(shape)?;
    let mut unknown = (0..shape.len()).filter(|&axis| shape[axis] == -1);
    let (first, second) = (unknown.next(), unknown.next());
    if second.is_some() {
        fail!(Shape, "shape is {shape:?}; only one extent may be -1");
    }
    if let Some(axis) = first {
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
    let mut room = InlineDims::new();
    let all_strides = layout.strides_or(&mut room);
    let long = || layout.shape().iter().zip(all_strides).filter(|(extent, _)| **extent != 1);
    let (mut old_shape, mut old_strides) = (InlineDims::new(), InlineDims::new());
    old_shape.fill(long().map(|(extent, _)| *extent));
    old_strides.fill(long().map(|(_, stride)| *stride));
    let mut strides: Dims = memory::collect(shape.iter().map(|_| 1))?;
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
            if Some(old_strides[axis]) != old_shape[axis + 1].checked_mul(old_strides[axis + 1]) {
                fail!(
                    Layout,
                    "shape {:?} with strides {:?} cannot be reshaped to {shape:?} without a copy; \
                     copy it to a contiguous tensor first",
                    layout.shape(),
                    all_strides
                );
            }
        }
        strides[new] = old_strides[old];
        let mut stride = i128::from(strides[new]);
        for axis in (first_new..new).rev() {
            stride *= i128::from(shape[axis + 1]);
            strides[axis] = match i64::try_from(stride) {
                Ok(stride) => stride,
                // No element to step to.
                Err(_) if shape[axis] == 1 => 1,
                Err(_) => return Err(too_far(layout)),
            };
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
    fn views_that_reach_further_than_addresses_are_refused() {
        let far =
            |bits, stride| Layout::new(bits, &[8], Some(std::slice::from_ref(stride))).unwrap();
        // From the first element on all is within reach, from the last one back it is not.
        let reversed = [slice(None, None, -1)];
        let refused = |view: Result<View>| view.unwrap_err().status() == Status::Strides;
        let layout = Layout::new(8, &[2, 2], Some(&[1 << 62, -(1 << 62)])).unwrap();
        assert!(refused(View::slice(layout, &reversed)));
        assert!(View::slice(layout, &[slice(Some(1), None, 1)]).is_ok());
        assert!(View::select(layout, 0, 1).is_ok());
        // Eight elements of a bit are a byte: these offsets and strides need 64 bits and more.
        let stride = 1 << 61;
        assert!(refused(View::slice(far(1, &stride), &reversed)));
        assert!(refused(View::slice(far(1, &stride), &[slice(Some(4), None, 1)])));
        assert!(refused(View::slice(far(1, &stride), &[slice(None, None, 7)])));
        assert!(refused(View::select(far(1, &stride), 0, 7)));
        assert!(refused(View::reshape(far(1, &stride), &[2, 4])));
        assert_eq!(View::select(far(1, &stride), 0, 3).unwrap().offset, 3 << 61);
        assert_eq!(
            View::reshape(far(1, &stride), &[4, 2]).unwrap().strides[..],
            [1 << 62, 1 << 61]
        );
        // Two rows that only look as if one began where the other ends.
        let layout = Layout::new(1, &[2, 16], Some(&[0, 1 << 60])).unwrap();
        assert_eq!(View::reshape(layout, &[32]).unwrap_err().status(), Status::Layout);
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
    fn only_negative_strides_that_reach_nothing_become_positive() {
        for (shape, strides, expected) in [
            (&[1, 3, 4][..], &[-12, 4, 1][..], Some(&[12, 4, 1][..])),
            (&[1, 3, 1], &[5, -1, -9], Some(&[5, -1, 9])),
            (&[1], &[i64::MIN], Some(&[i64::MAX])),
            (&[0, 3], &[-3, -1], Some(&[3, 1])),
            (&[1, 3, 4, 5], &[60, 1, 15, 3], None),
            (&[2, 3], &[-3, 1], None),
            (&[], &[], None),
        ] {
            let base = layout(shape, strides);
            assert_eq!(base.has_idle_negative(), expected.is_some());
            let found = View::without_idle_negatives(base).unwrap();
            assert_eq!(found, view(shape, expected.unwrap_or(strides), 0));
        }
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
