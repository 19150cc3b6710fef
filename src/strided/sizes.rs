//! The sizes that the loops are made for.

/// The bytes of a cache line.
pub(super) const LINE: usize = 64;

/// The bytes of a register.
pub(super) const LANE: usize = 16;
