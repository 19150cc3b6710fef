//! The kernels for strided copies, and how to launch them.
//!
//! They are compiled beforehand, to PTX for old GPUs and old drivers: the driver
//! compiles that for the GPU that is there, and remembers it on disk.

use std::ffi::c_void;
use std::ptr::null_mut;

use cudarc::driver::sys;
use sys::{CUfunction, CUmodule};

use super::driver::Driver;
use super::stream::Stream;
use crate::abi::MAX_NDIM;
use crate::error::Result;
use crate::memory;
use crate::strided::{self, Axis, CopyPlan};
use crate::text::Text;

const PTX: &str = concat!(include_str!("strided_copy.ptx"), "\0");

const THREADS: u32 = 256;
/// The units that a block of the kernel `any` copies.
const BLOCK_UNITS: u64 = 4 * THREADS as u64;
/// The units that a launch may have: the kernels divide numbers below this.
const MOST_UNITS: u64 = 1 << 31;
/// The bytes of units.
const UNITS: [usize; 5] = [1, 2, 4, 8, 16];

/// As in the kernels' source.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
struct Divisor {
    value: u32,
    factor: u32,
    shift: u32,
}

impl Divisor {
    /// For a value from 1 to 2^31.
    fn new(value: u64) -> Divisor {
        let shift = value.next_power_of_two().trailing_zeros();
        let factor = (((1 << shift) - value) << 32) / value + 1;
        Divisor { value: value as u32, factor: factor as u32, shift }
    }
}

/// As in the kernels' source.
#[repr(C)]
struct Axes {
    count: u32,
    extents: [Divisor; MAX_AXES],
    source: [i64; MAX_AXES],
    target: [i64; MAX_AXES],
}

/// The dimensions of a tensor, one of them in two parts, and no fewer.
const MAX_AXES: usize = MAX_NDIM + 1;

impl Axes {
    fn new(axes: &[Axis]) -> Axes {
        let mut all = Axes {
            count: axes.len() as u32,
            extents: [Divisor::default(); MAX_AXES],
            source: [0; MAX_AXES],
            target: [0; MAX_AXES],
        };
        for (index, axis) in axes.iter().enumerate() {
            all.extents[index] = Divisor::new(axis.extent as u64);
            all.source[index] = axis.source as i64;
            all.target[index] = axis.target as i64;
        }
        all
    }
}

/// As in the kernels' source.
#[repr(C)]
struct Tile {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    pitch: u32,
    tiles_x: Divisor,
    tiles_y: Divisor,
    source_x: i64,
    source_y: i64,
    target_x: i64,
    target_y: i64,
}

impl Tile {
    /// The side of a square tile of units of this many bytes.
    fn side(unit: usize) -> usize {
        if unit <= 4 { 64 } else { 32 }
    }

    /// A tile over two axes. Where one is short, the other takes its room.
    fn new(x: Axis, y: Axis, unit: usize) -> Tile {
        let side = Tile::side(unit);
        let mut width = x.extent.min(side);
        let height = y.extent.min(side * side / width);
        let pitch = height | 1;
        width = x.extent.min(side * (side + 1) / pitch).min(side * side / height);
        Tile {
            x: x.extent as u32,
            y: y.extent as u32,
            width: width as u32,
            height: height as u32,
            pitch: pitch as u32,
            tiles_x: Divisor::new(x.extent.div_ceil(width) as u64),
            tiles_y: Divisor::new(y.extent.div_ceil(height) as u64),
            source_x: x.source as i64,
            source_y: y.source as i64,
            target_x: x.target as i64,
            target_y: y.target as i64,
        }
    }

    fn count(&self) -> u32 {
        self.tiles_x.value * self.tiles_y.value
    }
}

/// The functions, in a context.
pub(super) struct Kernels {
    any: [[CUfunction; 2]; UNITS.len()],
    tile: [[CUfunction; 2]; UNITS.len()],
}

impl Kernels {
    /// In the current context.
    pub fn load(driver: &Driver) -> Result<Kernels> {
        let mut module: CUmodule = null_mut();
        // SAFETY: the image is a text that ends with a zero byte.
        unsafe { driver.cuModuleLoadData(&mut module, PTX.as_ptr().cast()) }?;
        let mut kernels = Kernels { any: Default::default(), tile: Default::default() };
        for (index, unit) in UNITS.iter().enumerate() {
            for (wide, bits) in [32, 64].iter().enumerate() {
                let named = |kind| find(driver, module, kind, *unit, *bits);
                kernels.any[index][wide] = named("any")?;
                kernels.tile[index][wide] = named("tile")?;
            }
        }
        Ok(kernels)
    }

    /// Copies as `plan` says, on a stream of the current context.
    ///
    /// # Safety
    /// The GPU reaches both memories, which are as `copy_elements` demands.
    pub unsafe fn launch(&self, driver: &Driver, plan: &CopyPlan, stream: Stream) -> Result<()> {
        let (plan, unit) = plan.in_units(*UNITS.last().unwrap_or(&1))?;
        // SAFETY: passed on.
        unsafe { self.launch_parts(driver, &plan, unit, stream) }
    }

    /// # Safety
    /// As `launch`.
    unsafe fn launch_parts(
        &self,
        driver: &Driver,
        plan: &CopyPlan,
        unit: usize,
        stream: Stream,
    ) -> Result<()> {
        // SAFETY: passed on.
        unsafe {
            if plan.count() < MOST_UNITS {
                return self.launch_part(driver, plan, unit, stream);
            }
            for half in plan.halves(unit)? {
                self.launch_parts(driver, &half, unit, stream)?;
            }
        }
        Ok(())
    }

    /// # Safety
    /// As `launch`; the plan has fewer than `MOST_UNITS` units.
    unsafe fn launch_part(
        &self,
        driver: &Driver,
        plan: &CopyPlan,
        unit: usize,
        stream: Stream,
    ) -> Result<()> {
        let (unit_index, wide) = (unit.trailing_zeros() as usize, usize::from(plan.is_wide()));
        let (mut source, mut target) = (plan.place.source, plan.place.target);
        let (source, target) = ((&raw mut source).cast(), (&raw mut target).cast());
        let mut others: strided::Axes = memory::collect(plan.axes.iter().copied())?;
        if let Some((x, y)) = plan.crossing() {
            others.retain(|axis| *axis != x && *axis != y);
            let mut tile = Tile::new(x, y, unit);
            let blocks = others.iter().fold(tile.count(), |all, axis| all * axis.extent as u32);
            let mut axes = Axes::new(&others);
            let parameters = [source, target, (&raw mut tile).cast(), (&raw mut axes).cast()];
            // SAFETY: passed on; these are the parameters of this kernel.
            return unsafe {
                launch(driver, self.tile[unit_index][wide], blocks, stream, parameters)
            };
        }
        let mut count = plan.count() as u32;
        let blocks = plan.count().div_ceil(BLOCK_UNITS) as u32;
        let mut axes = Axes::new(&others);
        let parameters = [source, target, (&raw mut count).cast(), (&raw mut axes).cast()];
        // SAFETY: passed on; these are the parameters of this kernel.
        unsafe { launch(driver, self.any[unit_index][wide], blocks, stream, parameters) }
    }
}

/// The kernel of a kind for units of so many bytes, with steps of so many bits.
fn find(
    driver: &Driver,
    module: CUmodule,
    kind: &str,
    unit: usize,
    bits: u32,
) -> Result<CUfunction> {
    let name = Text::<32>::of(format_args!("dlbridge_{kind}_{unit}_{bits}\0"));
    let mut function = null_mut();
    // SAFETY: the module is loaded, and the name ends with a zero byte.
    unsafe {
        let name = name.as_deref().unwrap_or("\0").as_ptr();
        driver.cuModuleGetFunction(&mut function, module, name.cast())
    }?;
    Ok(function)
}

/// # Safety
/// The parameters are those of the function.
unsafe fn launch(
    driver: &Driver,
    function: CUfunction,
    blocks: u32,
    stream: Stream,
    mut parameters: [*mut c_void; 4],
) -> Result<()> {
    // SAFETY: the caller's promise. The driver copies the parameters.
    unsafe {
        driver.cuLaunchKernel(
            function,
            blocks,
            1,
            1,
            THREADS,
            1,
            1,
            0,
            stream.raw(),
            parameters.as_mut_ptr(),
            null_mut(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_divide() {
        let numbers = [0, 1, 2, 3, 9, 255, 256, 65537, 12345678, (1 << 31) - 2, (1_u64 << 31) - 1];
        for value in numbers.into_iter().filter(|value| *value > 0) {
            let Divisor { value: _, factor, shift } = Divisor::new(value);
            for number in numbers.into_iter().flat_map(|near| [near, near / value * value]) {
                let high = (number * u64::from(factor)) >> 32;
                assert_eq!((high + number) >> shift, number / value, "{number} / {value}");
            }
        }
    }

    #[test]
    fn tiles_fit_in_shared_memory() {
        let axis = |extent| Axis { extent, source: 1, target: 1 };
        for unit in UNITS {
            let side = Tile::side(unit) as u32;
            for (x, y) in (1..200).flat_map(|x| [(x, 1), (x, 2), (x, 3), (x, 64), (x, 9999)]) {
                for (x, y) in [(x, y), (y, x)] {
                    let tile = Tile::new(axis(x), axis(y), unit);
                    assert!(tile.width * tile.pitch <= side * (side + 1), "{x} by {y}");
                    assert!(tile.width > 0 && tile.height > 0 && tile.height <= tile.pitch);
                }
            }
        }
    }
}
