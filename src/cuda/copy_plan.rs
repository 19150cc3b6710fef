//! The plan of a strided copy, in the units of the kernels.

use crate::memory::{self, NoMemory};
use crate::strided::{Axes, Axis, CopyPlan, Place};

/// The least units of a tile for which one is worth while.
const LEAST_TILE: usize = 64;

impl CopyPlan {
    /// The same plan with steps and items in units: the largest power of two up to
    /// `largest` bytes that divides all there is, addresses too, since a GPU reads
    /// no units that are not aligned.
    ///
    /// # Errors
    /// As [`CopyPlan::new`].
    pub(super) fn in_units(&self, largest: usize) -> Result<(CopyPlan, usize), NoMemory> {
        let steps = self.axes.iter().flat_map(|axis| [axis.source, axis.target]);
        let bits = steps.fold(self.item | largest, |all, step| all | step as usize)
            | self.place.source.addr()
            | self.place.target.addr();
        let unit = 1 << bits.trailing_zeros();
        let mut axes = Axes::new();
        if self.item > unit {
            axes.push(Axis { extent: self.item / unit, source: 1, target: 1 });
        }
        let bytes = unit as isize;
        for axis in &self.axes {
            let (source, target) = (axis.source / bytes, axis.target / bytes);
            memory::push(&mut axes, Axis { source, target, ..*axis })?;
        }
        Ok((CopyPlan { axes, place: self.place, item: unit }, unit))
    }

    /// The number of items.
    pub(super) fn count(&self) -> u64 {
        self.axes.iter().map(|axis| axis.extent as u64).product()
    }

    /// Both halves of a plan in units of `unit` bytes, cut through its longest axis.
    ///
    /// # Errors
    /// As [`CopyPlan::new`].
    pub(super) fn halves(&self, unit: usize) -> Result<[CopyPlan; 2], NoMemory> {
        let longest = (0..self.axes.len()).max_by_key(|&index| self.axes[index].extent);
        let longest = longest.unwrap_or(0);
        let axis = self.axes[longest];
        let half = axis.extent / 2;
        let bytes = Axis {
            source: axis.source * unit as isize,
            target: axis.target * unit as isize,
            ..axis
        };
        let part = |extent, place| {
            let mut axes: Axes = memory::collect(self.axes.iter().copied())?;
            axes[longest].extent = extent;
            Ok(CopyPlan { axes, place, item: self.item })
        };
        let rest = part(axis.extent - half, self.place.step(bytes, half))?;
        Ok([part(half, self.place)?, rest])
    }

    /// Whether steps add up to more than 31 bits.
    pub(super) fn is_wide(&self) -> bool {
        let reach = |step: fn(&Axis) -> isize| -> u64 {
            let far = |axis: &Axis| {
                (axis.extent as u64 - 1).saturating_mul(step(axis).unsigned_abs() as u64)
            };
            self.axes.iter().map(far).fold(0, u64::saturating_add)
        };
        let most = i32::MAX as u64;
        reach(|axis| axis.source) > most || reach(|axis| axis.target) > most
    }

    /// The axis that is fastest in the target and the one that is fastest in the
    /// source, if these are two and large enough to go through shared memory.
    pub(super) fn crossing(&self) -> Option<(Axis, Axis)> {
        let (x, others) = self.axes.split_first()?;
        let steps = |axis: &&Axis| axis.source.unsigned_abs();
        // What is read again and again comes from the cache anyway.
        let y = others.iter().filter(|axis| axis.source != 0).min_by_key(steps)?;
        let crosses = steps(&y) < steps(&x) && x.extent.saturating_mul(y.extent) >= LEAST_TILE;
        crosses.then_some((*x, *y))
    }

    /// The rows of a plane that CUDA copies by itself: bytes of a row, rows, and the
    /// bytes from one row to the next in source and target.
    pub(super) fn rows(&self) -> Option<(usize, usize, usize, usize)> {
        /// Shorter rows go faster through a kernel or through the host.
        const LEAST_ROW: usize = 64;
        /// CUDA's limit on steps.
        const MOST_PITCH: usize = i32::MAX as usize;
        let [axis] = self.axes[..] else {
            return None;
        };
        let pitch = |step: isize| {
            let fitting = |step: &usize| (self.item..=MOST_PITCH).contains(step);
            usize::try_from(step).ok().filter(fitting)
        };
        let (source, target) = (pitch(axis.source)?, pitch(axis.target)?);
        (self.item >= LEAST_ROW).then_some((self.item, axis.extent, source, target))
    }

    /// Where the plan begins, at other addresses.
    pub(super) fn addresses(&self) -> (u64, u64) {
        let Place { source, target } = self.place;
        (source.addr() as u64, target.addr() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::c_strides;

    fn plan(shape: &[i64], source: &[i64], target: &[i64], item: usize) -> CopyPlan {
        let place = Place { source: 0x1000 as *const u8, target: 0x8000 as *mut u8 };
        CopyPlan::new(shape, place, source, target, item).unwrap()
    }

    /// The addresses that a plan in units reads and writes.
    fn pairs(plan: &CopyPlan, unit: usize) -> Vec<(usize, usize)> {
        let mut places = vec![plan.place];
        for axis in plan.axes.iter().rev() {
            let bytes = |step: isize| step * unit as isize;
            let axis = Axis { source: bytes(axis.source), target: bytes(axis.target), ..*axis };
            places = places
                .iter()
                .flat_map(|place| (0..axis.extent).map(move |index| place.step(axis, index)))
                .collect();
        }
        places.iter().map(|place| (place.source.addr(), place.target.addr())).collect()
    }

    #[test]
    fn units_are_as_large_as_all_allows() {
        // Rows of 48 bytes, 64 apart: 16 bytes divide all.
        let rows = plan(&[4, 12], &[16, 1], &[12, 1], 4);
        let (units, unit) = rows.in_units(16).unwrap();
        assert_eq!((unit, units.count()), (16, 12));
        assert_eq!(rows.in_units(8).unwrap().1, 8);
        let moved = Place { source: rows.place.source.wrapping_add(4), ..rows.place };
        assert_eq!(CopyPlan { place: moved, ..rows }.in_units(16).unwrap().1, 4);
        // Elements of 12 bytes that are transposed.
        let (units, unit) = plan(&[5, 7], &[7, 1], &[1, 5], 12).in_units(16).unwrap();
        assert_eq!((unit, units.count()), (4, 105));
        assert_eq!(units.axes[0], Axis { extent: 3, source: 1, target: 1 });
        assert_eq!(plan(&[], &[], &[], 16).in_units(16).unwrap().0.count(), 1);
    }

    #[test]
    fn halves_are_all() {
        let (whole, unit) = plan(&[3, 50, 4], &[200, -4, 1], &[1, 3, 150], 2).in_units(16).unwrap();
        let mut expected = pairs(&whole, unit);
        let halves = whole.halves(unit).unwrap();
        assert_eq!(halves.iter().map(CopyPlan::count).sum::<u64>(), whole.count());
        let mut found: Vec<_> = halves.iter().flat_map(|half| pairs(half, unit)).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_crosses_goes_through_shared_memory() {
        let crossing = |shape: &[i64], source: &[i64]| {
            plan(shape, source, &c_strides(shape), 4).in_units(16).unwrap().0.crossing()
        };
        let (x, y) = crossing(&[40, 30], &[1, 40]).unwrap();
        assert_eq!((x.extent, y.extent), (30, 40));
        assert!(crossing(&[40, 30], &[60, 2]).is_none());
        assert!(crossing(&[3, 5], &[1, 3]).is_none());
        assert!(crossing(&[40, 30], &[0, 0]).is_none());
        // NCHW to NHWC.
        let (x, y) = crossing(&[2, 8, 8, 3], &[192, 8, 1, 64]).unwrap();
        assert_eq!((x.extent, y.extent), (3, 64));
    }

    #[test]
    fn wide_walks_need_64_bits() {
        let far = |step: i64| plan(&[3, 2], &[step, 1], &[2, 1], 1).is_wide();
        assert!(!far(1 << 29) && far(1 << 30) && far(-(1 << 30)));
    }

    #[test]
    fn rows_are_what_cuda_copies_by_itself() {
        let rows = |shape: &[i64], source: &[i64]| plan(shape, source, &c_strides(shape), 4).rows();
        assert_eq!(rows(&[3, 16], &[20, 1]), Some((64, 3, 80, 64)));
        assert_eq!(rows(&[3, 15], &[20, 1]), None);
        assert_eq!(rows(&[3, 16], &[-20, 1]), None);
        assert_eq!(rows(&[3, 16], &[0, 1]), None);
        assert_eq!(rows(&[2, 3, 16], &[1000, 20, 1]), None);
        assert_eq!(rows(&[3, 16], &[1 << 29, 1]), None);
    }
}
