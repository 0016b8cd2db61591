//! Cells of one variable, side by side.

use super::reals::{LANES, Reals, load, sum, whole_real};
use crate::cell::Cell;
use crate::cell::sums::Powers;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::array::from_fn;
use std::ops::Range;

/// Cells of one variable over the same strata as [`Insides`](crate::Insides), group after group.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    mean: Vec<f64>,
    squares: Vec<f64>,
    cubes: Vec<f64>,
    sum: Vec<f64>,
    /// By group whether values differ within a cell, and the same of the group under way.
    varying: Vec<bool>,
    varies: bool,
}

impl Cells {
    /// Without groups, with room for so many cells in so many groups.
    #[must_use]
    pub fn with_room(cells: usize, groups: usize) -> Self {
        let room = || Vec::with_capacity(cells + groups);
        Self { mean: room(), squares: room(), cubes: room(), sum: room(), ..Self::default() }
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        for own in [&mut self.mean, &mut self.squares, &mut self.cubes, &mut self.sum] {
            own.clear();
        }
        self.varying.clear();
        self.varies = false;
    }

    /// Adds the cells of consecutive rows of the group under way, each from its first row to the one behind its last; `longer` are the
    /// numbers of those with more than two rows, in order.
    pub fn extend(&mut self, values: &[f64], spans: &[[u32; 2]], longer: &[u32]) {
        let first = self.mean.len();
        self.reach(first + spans.len());
        let is_finite = dispatch!(Level::new(), simd => self.set_all(simd, first, values, spans, longer));
        if !is_finite {
            self.truncate(first);
            spans.iter().for_each(|[from, to]| self.push_values(&values[*from as usize..*to as usize]));
        }
    }

    fn reach(&mut self, cells: usize) {
        for own in [&mut self.mean, &mut self.squares, &mut self.cubes, &mut self.sum] {
            own.resize(cells, 0.0);
        }
    }

    fn truncate(&mut self, cells: usize) {
        for own in [&mut self.mean, &mut self.squares, &mut self.cubes, &mut self.sum] {
            own.truncate(cells);
        }
    }

    /// Puts cells in their places from `first` on, unless values differ by more than a number: then false.
    ///
    /// How many rows a cell has is not foreseen by any processor: all are taken as if they had one or two, without a branch, and those
    /// with more are put in their places afterwards.
    #[inline(always)]
    fn set_all<S: Simd>(&mut self, simd: S, first: usize, values: &[f64], spans: &[[u32; 2]], longer: &[u32]) -> bool {
        let (mut spread, mut finite) = (Reals::splat(simd, 0.0), Reals::splat(simd, 0.0));
        let (full, rest) = spans.as_chunks();
        let all = [&mut self.mean, &mut self.squares, &mut self.sum].map(|own| own[first..].as_chunks_mut());
        let [(means, last_mean), (squares, last_squares), (sums, last_sum)] = all;
        for (((mean, squares), sum), spans) in means.iter_mut().zip(squares).zip(sums).zip(full) {
            let few = Few::new(simd, values, spans);
            (*mean, *squares, *sum) = (few.mean.into(), few.squares.into(), few.sum.into());
            finite += few.finite;
            spread += few.squares;
        }
        if let Some(last) = rest.last() {
            let few = Few::new(simd, values, &from_fn(|lane| *rest.get(lane).unwrap_or(last)));
            last_mean.copy_from_slice(&few.mean.as_slice()[..rest.len()]);
            last_squares.copy_from_slice(&few.squares.as_slice()[..rest.len()]);
            last_sum.copy_from_slice(&few.sum.as_slice()[..rest.len()]);
            finite += few.finite;
            spread += few.squares;
        }
        let mut is_finite = <[f64; LANES]>::from(finite) == [0.0; LANES];
        self.varies |= <[f64; LANES]>::from(spread) != [0.0; LANES];
        for at in longer.chunks(LANES) {
            is_finite &= self.set_longer(simd, first, at, values, spans);
        }
        is_finite
    }

    /// Puts cells of several values in their places, as many as lanes, or fewer at the end, unless any differ by more than a number:
    /// then false.
    #[inline(always)]
    fn set_longer<S: Simd>(
        &mut self,
        simd: S,
        first: usize,
        numbers: &[u32],
        values: &[f64],
        spans: &[[u32; 2]],
    ) -> bool {
        let own: [usize; LANES] = from_fn(|lane| numbers[lane.min(numbers.len() - 1)] as usize);
        let spans = own.map(|at| spans[at].map(|end| end as usize));
        let longest = spans.iter().map(|[from, to]| to - from).max().unwrap_or(0);
        let sums = match longest {
            ..LONG => side_by_side(simd, values, &spans, longest),
            LONG..MANY => span_by_span(simd, values, &spans),
            _ => one_by_one(values, &spans),
        };
        let [origin, s1, s2, s3] = sums.map(|kept| load(simd, &kept));
        let rows = load(simd, &spans.map(|[from, to]| whole_real((to - from) as u64)));
        let mean = s1 / rows;
        let squares = s2 - mean * s1;
        // What is not a number stays so.
        let squares = squares.simd_lt(0.0).select(Reals::splat(simd, 0.0), squares);
        let cubes = s3 - mean * (s2 * 3.0 - mean * s1 * 2.0);
        let all = [origin + mean, squares, cubes, s1 + origin * rows].map(<[f64; LANES]>::from);
        for (lane, at) in own.into_iter().enumerate() {
            let at = first + at;
            (self.mean[at], self.squares[at]) = (all[0][lane], all[1][lane]);
            (self.cubes[at], self.sum[at]) = (all[2][lane], all[3][lane]);
        }
        self.varies |= sums[2] != [0.0; LANES];
        sums[1].iter().fold(true, |all, s1| all & s1.is_finite())
    }

    /// Adds the cell of a few values, at least one.
    #[inline]
    pub fn push_values(&mut self, values: &[f64]) {
        match *values {
            [y] if y.is_finite() => self.put(y, 0.0, 0.0, y),
            _ => self.push(&Cell::of_all(values)),
        }
    }

    /// Adds a cell, which has rows.
    #[inline]
    pub fn push(&mut self, cell: &Cell) {
        let (mean, squares, cubes) = cell.central();
        self.put(mean, squares, cubes, cell.sum());
        self.varies |= !cell.is_constant();
    }

    #[inline]
    fn put(&mut self, mean: f64, squares: f64, cubes: f64, sum: f64) {
        self.mean.push(mean);
        self.squares.push(squares);
        self.cubes.push(cubes);
        self.sum.push(sum);
    }

    /// Ends the group under way.
    pub fn end_group(&mut self) {
        while !self.mean.len().is_multiple_of(LANES) {
            // What no stratum takes may not look like another value.
            self.put(self.mean.last().copied().unwrap_or(0.0), 0.0, 0.0, 0.0);
        }
        self.varying.push(std::mem::take(&mut self.varies));
    }

    /// The mean, squares, cubes and sum of the cells of some lanes.
    #[inline(always)]
    pub(super) fn lanes(&self, own: Range<usize>) -> impl Iterator<Item = [&[f64; LANES]; 4]> {
        let range = own.start * LANES..own.end * LANES;
        let all = [&self.mean, &self.squares, &self.cubes, &self.sum];
        let [mean, squares, cubes, sum] = all.map(|kept| kept[range.clone()].as_chunks().0);
        let all = mean.iter().zip(squares).zip(cubes.iter().zip(sum));
        all.map(|((mean, squares), (cubes, sum))| [mean, squares, cubes, sum])
    }

    /// Whether values of a group differ within a cell.
    #[inline(always)]
    pub(super) fn vary(&self, group: usize) -> bool {
        self.varying[group]
    }
}

/// Cells of one or two values.
struct Few<S: Simd> {
    mean: Reals<S>,
    squares: Reals<S>,
    sum: Reals<S>,
    /// Zero if all values, and what they differ by, are numbers.
    finite: Reals<S>,
}

impl<S: Simd> Few<S> {
    /// Those of the first and the last of these rows.
    #[inline(always)]
    fn new(simd: S, values: &[f64], spans: &[[u32; 2]; LANES]) -> Self {
        let a = load(simd, &spans.map(|[from, _]| values[from as usize]));
        let u = load(simd, &spans.map(|[_, to]| values[to as usize - 1])) - a;
        let rows = load(simd, &spans.map(|[from, to]| f64::from(to - from)));
        // Values on both sides of their mean have no third moment, and need no sums about any origin.
        Self { mean: a + u * 0.5, squares: u * u * 0.5, sum: u + a * rows, finite: (a + u) * 0.0 }
    }
}

/// Values from which a cell's own are added several at a time, and from which it adds many at a time by itself.
const LONG: usize = 8;
const MANY: usize = 32;

/// By numbers of values, which of the last four were not added yet.
const LAST: [[f64; LANES]; LANES] =
    [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]];

/// The first value, `s1`, `s2` and `s3` of [`Cell`]s with these rows, of which none has more than `longest`.
#[inline(always)]
fn side_by_side<S: Simd>(simd: S, values: &[f64], spans: &[[usize; 2]; LANES], longest: usize) -> [[f64; LANES]; 4] {
    let origin = spans.map(|[from, _]| values[from]);
    let own = load(simd, &origin);
    let mut sums = Powers::new(Reals::splat(simd, 0.0));
    for row in 1..longest {
        // Where there are no more the first comes again, which adds nothing.
        let next = spans.map(|[from, to]| values[if from + row < to { from + row } else { from }]);
        sums.add(load(simd, &next) - own);
    }
    let [s1, s2, s3] = sums.0.map(Into::into);
    [origin, s1, s2, s3]
}

/// The same, one cell after the other, each several rows at a time.
#[inline(always)]
fn span_by_span<S: Simd>(simd: S, values: &[f64], spans: &[[usize; 2]; LANES]) -> [[f64; LANES]; 4] {
    let mut found = [[0.0; LANES]; 4];
    for (lane, [from, to]) in spans.iter().enumerate() {
        let own = &values[*from..*to];
        let sums = match own.split_last_chunk() {
            Some((_, last)) => sums_of(simd, own, last),
            None => {
                let cell = Cell::of_all(own);
                [cell.origin, cell.s1, cell.s2, cell.s3]
            }
        };
        for (found, sum) in found.iter_mut().zip(sums) {
            found[lane] = sum;
        }
    }
    found
}

/// Those of values, which end with `last`.
#[inline(always)]
fn sums_of<S: Simd>(simd: S, values: &[f64], last: &[f64; LANES]) -> [f64; 4] {
    let origin = values[0];
    let mut sums = Powers::new(Reals::splat(simd, 0.0));
    let (chunks, rest) = values.as_chunks();
    for chunk in chunks {
        sums.add(load(simd, chunk) - origin);
    }
    sums.add((load(simd, last) - origin) * load(simd, &LAST[rest.len()]));
    let [s1, s2, s3] = sums.0.map(sum);
    [origin, s1, s2, s3]
}

fn one_by_one(values: &[f64], spans: &[[usize; 2]; LANES]) -> [[f64; LANES]; 4] {
    let cells = spans.map(|[from, to]| Cell::of_all(&values[from..to]));
    [cells.map(|cell| cell.origin), cells.map(|cell| cell.s1), cells.map(|cell| cell.s2), cells.map(|cell| cell.s3)]
}
