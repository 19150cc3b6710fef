//! Compares copies with a walk over all indices. The whole memory around the
//! target is compared, so that a byte written beside an element shows.

use super::copy_elements;

/// The least bytes around the target.
const MARGIN: usize = 64;

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 32
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    fn pick(&mut self, choices: &[i64]) -> i64 {
        choices[self.below(choices.len())]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        bytes.chunks_mut(4).for_each(|chunk| {
            let word = (self.next() as u32).to_ne_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        });
        bytes
    }

    /// Up to five axes, with `limit` elements at most.
    fn shape(&mut self, limit: i64) -> Vec<i64> {
        let mut count = 1;
        let extents = (0..self.below(6)).map(|_| {
            let extent = self.pick(&[0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 23, 31, 64, 65]);
            // Few shapes without elements.
            let extent = if extent == 0 && !self.one_in(8) { 3 } else { extent };
            let extent = if count * extent > limit { 2 } else { extent };
            count *= extent.max(1);
            extent
        });
        extents.collect()
    }

    /// Strides in random order of the axes, some negative, some with gaps,
    /// and, if `repeats`, some zero.
    fn strides(&mut self, shape: &[i64], repeats: bool) -> Vec<i64> {
        let mut axes: Vec<usize> = (0..shape.len()).rev().collect();
        if !self.one_in(3) {
            (1..axes.len()).for_each(|index| axes.swap(index, self.below(index + 1)));
        }
        let mut strides = vec![0; shape.len()];
        let mut next = if self.one_in(4) { 2 } else { 1 };
        for axis in axes {
            if shape[axis] < 2 {
                strides[axis] = self.pick(&[0, 1, -5, i64::MAX, i64::MIN]);
            } else if !(repeats && self.one_in(6)) {
                strides[axis] = if self.one_in(4) { -next } else { next };
                next = next * shape[axis] + if self.one_in(4) { self.below(3) as i64 } else { 0 };
            }
        }
        strides
    }
}

/// The offsets in elements of all indices, in C order.
fn offsets(shape: &[i64], strides: &[i64]) -> Vec<i64> {
    shape.iter().zip(strides).fold(vec![0], |offsets, (&extent, stride)| {
        let along =
            |offset: i64| (0..extent).map(move |index| offset + index.wrapping_mul(*stride));
        offsets.into_iter().flat_map(along).collect()
    })
}

/// Memory for the offsets, with `margin` bytes around it, and the position of
/// offset 0.
fn memory(random: &mut Random, offsets: &[i64], item: usize, margin: usize) -> (Vec<u8>, usize) {
    let low = offsets.iter().min().copied().unwrap_or(0);
    let high = offsets.iter().max().copied().unwrap_or(0);
    let bytes = random.bytes((high - low + 1) as usize * item + 2 * margin);
    (bytes, margin + low.unsigned_abs() as usize * item)
}

fn check(random: &mut Random, shape: &[i64], source: &[i64], target: &[i64], item: usize) {
    let from = offsets(shape, source);
    let to = offsets(shape, target);
    // The source has no margin beyond its alignment: tools like valgrind see
    // reads outside of it.
    let misaligned = random.below(16);
    let (source_bytes, source_start) = memory(random, &from, item, misaligned);
    let margin = MARGIN + random.below(MARGIN);
    let (mut target_bytes, target_start) = memory(random, &to, item, margin);
    let mut expected = target_bytes.clone();
    let place = |start: usize, offset: i64| (start as i64 + offset * item as i64) as usize;
    for (&from, &to) in from.iter().zip(&to) {
        let from = place(source_start, from);
        let to = place(target_start, to);
        expected[to..to + item].copy_from_slice(&source_bytes[from..from + item]);
    }
    // SAFETY: `memory` makes room for all offsets.
    unsafe {
        let from = source_bytes.as_ptr().add(source_start);
        let to = target_bytes.as_mut_ptr().add(target_start);
        copy_elements(shape, from, source, to, target, item).unwrap();
    }
    let wrong = target_bytes.iter().zip(&expected).position(|(is, should)| is != should);
    assert_eq!(wrong, None, "{item} bytes, {shape:?}, from {source:?} to {target:?}");
}

#[test]
fn layouts_of_all_kinds() {
    let mut random = Random(1);
    for item in (1..=17).chain([24, 63, 64, 65]) {
        for _ in 0..120 {
            let shape = random.shape(if item < 20 { 2000 } else { 200 });
            let source = random.strides(&shape, true);
            let target = random.strides(&shape, false);
            check(&mut random, &shape, &source, &target, item);
        }
    }
}

#[test]
fn transposes_around_the_sizes_of_tiles() {
    let mut random = Random(2);
    let extents = [2, 3, 4, 5, 8, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 143, 144, 145, 200];
    for item in 1..=17 {
        for _ in 0..12 {
            let (rows, columns) = (random.pick(&extents), random.pick(&extents));
            let (source_gap, target_gap) =
                (random.pick(&[0, 0, 1, 64]), random.pick(&[0, 0, 1, 64]));
            let source = [columns + source_gap, random.pick(&[1, 1, 1, -1])];
            let target = [random.pick(&[1, 1, 1, -1]), rows + target_gap];
            check(&mut random, &[rows, columns], &source, &target, item);
        }
    }
}

#[test]
fn pixels_and_planes() {
    let mut random = Random(3);
    for item in [1, 2, 3, 4, 8, 16] {
        for colours in [1, 3, 4, 9] {
            for (height, width) in [(1, 1), (3, 7), (37, 41), (1, 2900 / item as i64)] {
                let shape = [2, colours, height, width];
                let planes = [colours * height * width, height * width, width, 1];
                let pixels = [colours * height * width, 1, colours * width, colours];
                check(&mut random, &shape, &planes, &pixels, item);
                check(&mut random, &shape, &pixels, &planes, item);
                // Mirrored, and the colours the other way round.
                let mirrored = [pixels[0], -1, pixels[2], -colours];
                check(&mut random, &shape, &mirrored, &pixels, item);
                check(&mut random, &shape, &mirrored, &planes, item);
                // Height and width exchanged: no two axes are close in both.
                let turned = [colours * height * width, height * width, 1, height];
                check(&mut random, &shape, &pixels, &turned, item);
                check(&mut random, &shape, &turned, &pixels, item);
            }
        }
    }
}

#[test]
fn rows_repeated_backward_or_with_gaps() {
    let mut random = Random(4);
    for item in 1..=17 {
        for step in [0, -1, 1, 2, -2, 3] {
            for length in [2, 5, 33, 600, 9000 / item as i64] {
                let target = [length + random.pick(&[0, 0, 1]), 1];
                check(&mut random, &[3, length], &[3 * length, step], &target, item);
            }
        }
    }
}

#[test]
fn as_many_axes_as_there_can_be() {
    let mut shape = [1; 64];
    let mut source = [i64::MAX; 64];
    let mut target = [i64::MIN; 64];
    for (bit, axis) in [0, 5, 9, 20, 31, 40, 50, 62, 63].into_iter().enumerate() {
        (shape[axis], source[axis], target[axis]) = (2, 1 << bit, 256 >> bit);
    }
    check(&mut Random(5), &shape, &source, &target, 2);
}

#[test]
fn nothing_is_touched_without_elements() {
    let nowhere = std::ptr::null_mut();
    let strides = [i64::MAX, 1, i64::MIN];
    // SAFETY: no elements are reached.
    unsafe { copy_elements(&[5, 0, 7], nowhere, &strides, nowhere, &strides, 4).unwrap() };
}
