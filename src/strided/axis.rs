//! The axes of a copy, and the two addresses that walk along them.

use smallvec::SmallVec;

/// An axis: how many indices, and the bytes from one to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub extent: usize,
    pub source: isize,
    pub target: isize,
}

impl Axis {
    /// Stands in where there is no axis.
    pub(super) const SINGLE: Axis = Axis { extent: 1, source: 0, target: 0 };

    pub(super) fn with_extent(self, extent: usize) -> Self {
        Axis { extent, ..self }
    }

    /// The axis from its other end, and the step to get there.
    pub(super) fn reversed(self, place: Place) -> (Self, Place) {
        let (source, target) = (self.source.wrapping_neg(), self.target.wrapping_neg());
        (Axis { source, target, ..self }, place.step(self, self.extent - 1))
    }
}

/// Axes; up to eight lie on the stack.
pub(crate) type Axes = SmallVec<[Axis; 8]>;

/// Where an element is, and where its copy goes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub source: *const u8,
    pub target: *mut u8,
}

impl Place {
    /// The element `index` steps further along `axis`.
    #[inline(always)]
    pub fn step(self, axis: Axis, index: usize) -> Self {
        let index = index as isize;
        Place {
            source: self.source.wrapping_offset(axis.source.wrapping_mul(index)),
            target: self.target.wrapping_offset(axis.target.wrapping_mul(index)),
        }
    }
}
