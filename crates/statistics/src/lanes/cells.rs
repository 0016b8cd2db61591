//! The cells of one variable in many strata, stored side by side for SIMD.

use super::reals::{LANES, Reals, load, sum};
use crate::cell::Cell;
use crate::cell::sums::Powers;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::ops::Range;

/// Cells of one variable over the strata of [`DomainFactors`](crate::DomainFactors): groups × strata, groups outermost.
///
/// Mean, squares, cubes and sum are those of [`Cell`], one number per cell in each array.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// The number of cells; the arrays may be longer and hold stale numbers behind it.
    count: usize,
    mean: Vec<f64>,
    squares: Vec<f64>,
    cubes: Vec<f64>,
    sum: Vec<f64>,
}

impl Cells {
    /// Removes all cells and keeps the memory.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Replaces all cells by those of consecutive rows. Cell i has the rows from `begins[i]` to `begins[i + 1]`, or none. The number of
    /// cells is rounded down to a multiple of [`LANES`].
    pub fn fill(&mut self, values: &[f64], begins: &[u32]) {
        self.count = begins.len().saturating_sub(1) / LANES * LANES;
        self.reach(self.count);
        let begins = &begins[..begins.len().min(self.count + 1)];
        // Without values all cells are empty.
        if values.is_empty() || !dispatch!(Level::new(), simd => self.set_all(simd, values, begins)) {
            self.clear();
            begins.windows(2).for_each(|ends| self.push(&Cell::of_all(&values[ends[0] as usize..ends[1] as usize])));
        }
    }

    /// Adds a cell, which may be empty.
    #[inline]
    pub fn push(&mut self, cell: &Cell) {
        let (mean, squares, cubes) = cell.central();
        self.reach(self.count + 1);
        let at = self.count;
        (self.mean[at], self.squares[at], self.cubes[at], self.sum[at]) = (mean, squares, cubes, cell.sum());
        self.count += 1;
    }

    /// Makes room for so many cells; stale numbers are written over.
    fn reach(&mut self, cells: usize) {
        if self.mean.len() < cells {
            for own in [&mut self.mean, &mut self.squares, &mut self.cubes, &mut self.sum] {
                own.resize(cells, 0.0);
            }
        }
    }

    /// Computes all cells; false, with the cells unusable, where a value or a difference of two is not finite.
    #[inline(always)]
    fn set_all<S: Simd>(&mut self, simd: S, values: &[f64], begins: &[u32]) -> bool {
        let mut finite = Reals::splat(simd, 0.0);
        let count = self.count;
        let (means, squares) = (self.mean[..count].as_chunks_mut().0, self.squares[..count].as_chunks_mut().0);
        let (cubes, sums) = (self.cubes[..count].as_chunks_mut().0, self.sum[..count].as_chunks_mut().0);
        let own = means.iter_mut().zip(squares).zip(cubes.iter_mut().zip(sums));
        let begins = begins.windows(LANES + 1).step_by(LANES).filter_map(<[u32]>::as_array);
        for (((mean, squares), (cubes, sum)), begins) in own.zip(begins) {
            let cells = Four::new(simd, values, begins);
            (*mean, *squares, *cubes, *sum) =
                (cells.mean.into(), cells.squares.into(), cells.cubes.into(), cells.sum.into());
            finite += cells.finite;
        }
        <[f64; LANES]>::from(finite) == [0.0; LANES]
    }

    /// The mean, squares, cubes and sum of the cells of some lanes.
    #[inline(always)]
    pub(super) fn lanes(&self, own: Range<usize>) -> impl Iterator<Item = [&[f64; LANES]; 4]> {
        let range = own.start * LANES..own.end * LANES;
        let (mean, squares) = (self.mean[range.clone()].as_chunks().0, self.squares[range.clone()].as_chunks().0);
        let (cubes, sum) = (self.cubes[range.clone()].as_chunks().0, self.sum[range].as_chunks().0);
        let all = mean.iter().zip(squares).zip(cubes.iter().zip(sum));
        all.map(|((mean, squares), (cubes, sum))| [mean, squares, cubes, sum])
    }
}

/// The cells of [`LANES`] strata side by side.
struct Four<S: Simd> {
    mean: Reals<S>,
    squares: Reals<S>,
    cubes: Reals<S>,
    sum: Reals<S>,
    /// Zero if all values and their differences are finite, otherwise NaN.
    finite: Reals<S>,
}

impl<S: Simd> Four<S> {
    #[inline(always)]
    fn new(simd: S, values: &[f64], begins: &[u32; LANES + 1]) -> Self {
        let [a, b, c, d, end] = *begins;
        let begins = [a as usize, b as usize, c as usize, d as usize, end as usize];
        let rows = [b - a, c - b, d - c, end - d];
        let longest = rows[0].max(rows[1]).max(rows[2].max(rows[3])) as usize;
        if longest <= 1
            && let Some(values) = values.get(begins[0]..begins[LANES]).and_then(<[f64]>::as_array)
        {
            return Self::of_single(load(simd, values));
        }
        match longest {
            0..=2 => Self::of_few(simd, values, &begins, reals(simd, rows)),
            3..LONG => Self::about(side_by_side(simd, values, &begins, longest), reals(simd, rows)),
            LONG..MANY => Self::about(span_by_span(simd, values, &begins), reals(simd, rows)),
            _ => Self::about(one_by_one(simd, values, &begins), reals(simd, rows)),
        }
    }

    /// Cells of one value each.
    #[inline(always)]
    fn of_single(values: Reals<S>) -> Self {
        let zero = Reals::splat(values.simd, 0.0);
        Self { mean: values, squares: zero, cubes: zero, sum: values, finite: values * 0.0 }
    }

    /// Cells of two values at most.
    #[inline(always)]
    fn of_few(simd: S, values: &[f64], begins: &[usize; LANES + 1], rows: Reals<S>) -> Self {
        // A cell without rows may begin past the end; it takes the last value, with 0 rows.
        let end = values.len() - 1;
        let [a, b, c, d, e] = *begins;
        let first = [values[a.min(end)], values[b.min(end)], values[c.min(end)], values[d.min(end)]];
        let last = |from: usize, to: usize| values[from.max(to.max(1) - 1).min(end)];
        let last = [last(a, b), last(b, c), last(c, d), last(d, e)];
        let (a, zero) = (load(simd, &first), Reals::splat(simd, 0.0));
        let u = load(simd, &last) - a;
        // Two values lie symmetrically about their mean: they have no third moment and need no sums about an origin.
        Self { mean: a + u * 0.5, squares: u * u * 0.5, cubes: zero, sum: u + a * rows, finite: (a + u) * 0.0 }
    }

    /// Cells from their first values and the sums of powers about them.
    #[inline(always)]
    fn about([origin, s1, s2, s3]: [Reals<S>; 4], rows: Reals<S>) -> Self {
        let zero = Reals::splat(rows.simd, 0.0);
        let mean = s1 / rows.max(1.0);
        let squares = s2 - mean * s1;
        // NaN stays NaN.
        let squares = squares.simd_lt(0.0).select(zero, squares);
        let cubes = s3 - mean * (s2 * 3.0 - mean * s1 * 2.0);
        Self { mean: origin + mean, squares, cubes, sum: s1 + origin * rows, finite: s1 * 0.0 }
    }
}

#[inline(always)]
fn reals<S: Simd>(simd: S, [a, b, c, d]: [u32; LANES]) -> Reals<S> {
    load(simd, &[f64::from(a), f64::from(b), f64::from(c), f64::from(d)])
}

/// Values in the longest cell from which each cell is summed by itself, several values at a time; from `MANY` on by [`Cell`].
const LONG: usize = 8;
const MANY: usize = 32;

/// A 1 for each of the last four values that is not in a whole chunk, by the number of values left over (0 to 3).
const LAST: [[f64; LANES]; LANES] =
    [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]];

/// The first values, `s1`, `s2` and `s3` of the [`Cell`]s of these rows, all summed side by side; none has more than `longest` values.
#[inline(always)]
fn side_by_side<S: Simd>(simd: S, values: &[f64], begins: &[usize; LANES + 1], longest: usize) -> [Reals<S>; 4] {
    let end = values.len() - 1;
    let [a, b, c, d, e] = *begins;
    let origin = load(simd, &[values[a.min(end)], values[b.min(end)], values[c.min(end)], values[d.min(end)]]);
    // A cell without further values repeats its first, which adds nothing.
    let next = |row: usize, from: usize, to: usize| values[if from + row < to { from + row } else { from.min(end) }];
    let mut sums = Powers::new(Reals::splat(simd, 0.0));
    for row in 1..longest {
        sums.add(load(simd, &[next(row, a, b), next(row, b, c), next(row, c, d), next(row, d, e)]) - origin);
    }
    let [s1, s2, s3] = sums.0;
    [origin, s1, s2, s3]
}

/// The first values, `s1`, `s2` and `s3` of the [`Cell`]s of these rows, summed one cell after the other, several values at a time.
#[inline(always)]
fn span_by_span<S: Simd>(simd: S, values: &[f64], begins: &[usize; LANES + 1]) -> [Reals<S>; 4] {
    let mut found = [[0.0; LANES]; 4];
    for lane in 0..LANES {
        let own = &values[begins[lane]..begins[lane + 1]];
        let [origin, s1, s2, s3] = match own.split_last_chunk() {
            Some((_, last)) => sums_of(simd, own, last),
            None => {
                let cell = Cell::of_all(own);
                [cell.origin, cell.s1, cell.s2, cell.s3]
            }
        };
        (found[0][lane], found[1][lane], found[2][lane], found[3][lane]) = (origin, s1, s2, s3);
    }
    let [origin, s1, s2, s3] = &found;
    [load(simd, origin), load(simd, s1), load(simd, s2), load(simd, s3)]
}

/// The first value, `s1`, `s2` and `s3` of the cell of `values`, which end with `last`.
#[inline(always)]
fn sums_of<S: Simd>(simd: S, values: &[f64], last: &[f64; LANES]) -> [f64; 4] {
    let origin = values[0];
    let mut sums = Powers::new(Reals::splat(simd, 0.0));
    let (chunks, rest) = values.as_chunks();
    for chunk in chunks {
        sums.add(load(simd, chunk) - origin);
    }
    sums.add((load(simd, last) - origin) * load(simd, &LAST[rest.len()]));
    let [s1, s2, s3] = sums.0;
    [origin, sum(s1), sum(s2), sum(s3)]
}

#[inline(always)]
fn one_by_one<S: Simd>(simd: S, values: &[f64], begins: &[usize; LANES + 1]) -> [Reals<S>; 4] {
    let cells: [Cell; LANES] = std::array::from_fn(|lane| Cell::of_all(&values[begins[lane]..begins[lane + 1]]));
    let [a, b, c, d] = &cells;
    [
        load(simd, &[a.origin, b.origin, c.origin, d.origin]),
        load(simd, &[a.s1, b.s1, c.s1, d.s1]),
        load(simd, &[a.s2, b.s2, c.s2, d.s2]),
        load(simd, &[a.s3, b.s3, c.s3, d.s3]),
    ]
}
