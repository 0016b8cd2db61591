//! Cells of many strata side by side, folded several at a time.
//!
//! Folding a single cell is a page of arithmetic with a branch here and there. Over strata that lie side by side the same arithmetic
//! has no branch: a processor does it for two strata at once, and the sums stay in registers.

use std::ops::Range;

use wide::f64x2;

use crate::cell::Cell;
use crate::stratum::StratumSize;
use crate::total::Total;

/// Strata that are folded at a time, as many as the smallest vectors of today's processors hold.
const LANES: usize = 2;

const ZERO: f64x2 = f64x2::ZERO;
const ONE: f64x2 = f64x2::ONE;

/// Row counts of one domain in sampled strata, group after group, from which [`Insides`] are made.
///
/// Strata that are known completely have no place here: nothing of them is multiplied by anything.
#[derive(Clone, Debug)]
pub struct InsideCounts {
    /// `c_h`, `N_h` and `n_h`.
    rows: Vec<f64>,
    all: Vec<f64>,
    sampled: Vec<f64>,
    /// The first lane of each group, and the number of lanes.
    starts: Vec<usize>,
}

impl InsideCounts {
    /// Without groups, with room for so many strata in so many groups.
    #[must_use]
    pub fn with_room(strata: usize, groups: usize) -> Self {
        let mut starts = Vec::with_capacity(groups + 1);
        starts.push(0);
        let room = || Vec::with_capacity(strata + groups);
        Self { rows: room(), all: room(), sampled: room(), starts }
    }

    /// Adds `count` rows of the group under way in a stratum of this size, of whose sampled rows they are.
    #[inline]
    pub fn push(&mut self, size: StratumSize, count: u64) {
        self.rows.push(whole_real(count));
        self.all.push(whole_real(size.rows));
        self.sampled.push(whole_real(size.sampled));
    }

    /// Adds the rows of the group under way in strata of these sizes, each with the first of its rows and the one behind its last.
    pub fn extend(&mut self, sizes: &[StratumSize], spans: &[[u32; 2]]) {
        self.rows.extend(spans.iter().map(|[from, to]| f64::from(to - from)));
        self.all.extend(sizes.iter().map(|size| whole_real(size.rows)));
        self.sampled.extend(sizes.iter().map(|size| whole_real(size.sampled)));
    }

    /// Ends the group under way.
    pub fn end_group(&mut self) {
        let lanes = self.rows.len().div_ceil(LANES);
        for own in [&mut self.rows, &mut self.all, &mut self.sampled] {
            own.resize(lanes * LANES, 0.0);
        }
        self.starts.push(lanes);
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        for own in [&mut self.rows, &mut self.all, &mut self.sampled] {
            own.clear();
        }
        self.starts.truncate(1);
    }

    /// What all variables of the domain are multiplied by, in the place of what `insides` held.
    pub fn fill(&self, insides: &mut Insides) {
        let all = self.rows.as_chunks().0.iter().zip(self.all.as_chunks().0).zip(self.sampled.as_chunks().0);
        debug_assert_eq!(self.starts.last(), Some(&all.len()), "a group was not ended");
        let mut counts = all.map(|((rows, all), sampled)| [*rows, *all, *sampled].map(f64x2::new));
        insides.lanes.clear();
        insides.rows.clear();
        for ends in self.starts.windows(2) {
            let mut sums = RowSums::default();
            let own = counts.by_ref().take(ends[1] - ends[0]);
            insides.lanes.extend(own.map(|counts| InsideLanes::new(counts, &mut sums)));
            insides.rows.push(sums.total());
        }
        insides.starts.clone_from(&self.starts);
    }
}

/// Row counts stay far below 2^53, and a signed number is converted in one step.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "a row count")]
fn whole_real(count: u64) -> f64 {
    count.cast_signed() as f64
}

/// The rows of one domain in sampled strata, [`Inside`](crate::Inside) of each, group after group.
#[derive(Clone, Debug, Default)]
pub struct Insides {
    lanes: Vec<InsideLanes>,
    /// Where each group begins, and the end.
    starts: Vec<usize>,
    /// By group what [`Total::fold_rows`] makes of it.
    rows: Vec<Total>,
}

impl Insides {
    /// How many groups there are.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.rows.len()
    }

    /// A total of a group that has only what [`Total::fold_rows`] makes of it, given its number; `None` without rows.
    #[must_use]
    pub fn rows(&self, group: usize) -> Option<&Total> {
        (!self.lanes_of(group).is_empty()).then(|| &self.rows[group])
    }

    fn lanes_of(&self, group: usize) -> Range<usize> {
        self.starts[group]..self.starts[group + 1]
    }
}

/// What [`Total`]s need of [`Inside`](crate::Inside).
#[derive(Clone, Copy, Debug)]
struct InsideLanes {
    rows: f64x2,
    weight: f64x2,
    rest: f64x2,
    row_squares: f64x2,
    lean: f64x2,
    per_square: f64x2,
    per_cube: f64x2,
    per_degree: f64x2,
    square_factor: f64x2,
    cube_factor: f64x2,
}

impl InsideLanes {
    /// What [`Expansion`](crate::Expansion) and its `inside` compute, with three divisions for all of it.
    #[inline]
    fn new([rows, all, n]: [f64x2; 3], sums: &mut RowSums) -> Self {
        let two = f64x2::splat(2.0);
        // Factors that are not divided by are 1; all counts are whole.
        let (n0, n1, n2) = (n.fast_max(ONE), (n - ONE).fast_max(ONE), (n - two).fast_max(ONE));
        // Whole weights stay whole, and so do the counts and sums that they are multiplied with.
        let weight = all / n0;
        let per_n = ONE / (n0 * n1 * n2);
        let inverse = per_n * (n1 * n2);
        let c = rows.fast_min(n);
        let (share, rest) = (c * inverse, (n - c) * inverse);
        let (c1, c2) = ((c - ONE).fast_max(ONE), (c - two).fast_max(ONE));
        let per_c = ONE / (c1 * c2);
        let (are_two, are_three) = (c.simd_gt(ONE), c.simd_gt(two));
        let square_factor = are_two.select(share * (n - ONE) * (per_c * c2), ONE);
        let cube_factor = are_three.select(square_factor * share * (n - two) * (per_c * c1), ONE);
        let scale = all * (all - n);
        let (has_spread, has_third) = (n.simd_gt(ONE), n.simd_gt(two));
        let per_square = has_spread.select(scale * (per_n * n2), ZERO);
        let per_cube = has_third.select(per_square * (all - n - n) * (per_n * (n0 * n1)), ZERO);
        let (row_squares, lean) = (c * rest, rest - share);
        let lone = has_spread.select(ZERO, scale);
        sums.weighted += weight * rows;
        sums.weights += weight * (weight - ONE) * rows;
        sums.variance += per_square * row_squares;
        sums.squares += row_squares;
        sums.degrees += has_spread.select(n - ONE, ZERO);
        sums.lone += lone;
        sums.lone_squared += lone * lone;
        let per_degree = are_three.select(per_c * c2, ONE);
        Self { rows, weight, rest, row_squares, lean, per_square, per_cube, per_degree, square_factor, cube_factor }
    }
}

/// What all variables of a domain share, each lane by itself.
#[derive(Clone, Copy, Default)]
struct RowSums {
    weighted: f64x2,
    weights: f64x2,
    variance: f64x2,
    squares: f64x2,
    degrees: f64x2,
    lone: f64x2,
    lone_squared: f64x2,
}

impl RowSums {
    fn total(&self) -> Total {
        Total {
            weighted_rows: self.weighted.reduce_add(),
            weight_squares: self.weights.reduce_add(),
            rows_variance: self.variance.reduce_add(),
            pooled_row_squares: self.squares.reduce_add(),
            pooled_degrees: self.degrees.reduce_add(),
            lone_scale: self.lone.reduce_add(),
            lone_scale_squared: self.lone_squared.reduce_add(),
            ..Total::default()
        }
    }
}

/// Cells of one variable over the same strata as [`Insides`], group after group.
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

    /// Adds the cells of consecutive rows of the group under way, each from its first row to the one behind its last; `pairs` are the
    /// numbers of those with two rows, `longer` of those with more, in order.
    pub fn extend(&mut self, values: &[f64], spans: &[[u32; 2]], pairs: &[u32], longer: &[u32]) {
        let first = self.mean.len();
        // Most cells have one row; what has more is put in its place afterwards. How many rows a cell has is not foreseen by any
        // processor: each kind is taken by itself, without a branch.
        self.mean.extend(spans.iter().map(|[from, _]| values[*from as usize]));
        self.sum.extend_from_slice(&self.mean[first..]);
        self.squares.resize(self.mean.len(), 0.0);
        self.cubes.resize(self.mean.len(), 0.0);
        let mut is_finite = self.mean[first..].iter().fold(true, |all, y| all & y.is_finite());
        for at in pairs {
            let from = spans[*at as usize][0] as usize;
            is_finite &= self.set_pair(first + *at as usize, values[from], values[from + 1]);
        }
        for at in longer {
            let [from, to] = spans[*at as usize];
            self.set(first + *at as usize, &cell_of(&values[from as usize..to as usize]));
        }
        if !is_finite {
            for own in [&mut self.mean, &mut self.squares, &mut self.cubes, &mut self.sum] {
                own.truncate(first);
            }
            spans.iter().for_each(|[from, to]| self.push_values(&values[*from as usize..*to as usize]));
        }
    }

    /// Puts the cell of two values in its place, unless they differ by more than a number: then false.
    ///
    /// Values on both sides of their mean have no third moment, and need no sums about any origin.
    #[inline]
    fn set_pair(&mut self, at: usize, a: f64, b: f64) -> bool {
        let u = b - a;
        let square = u * u;
        self.mean[at] = if square == 0.0 { a } else { a + u / 2.0 };
        self.squares[at] = square / 2.0;
        self.sum[at] = u + a * 2.0;
        self.varies |= square != 0.0;
        u.is_finite()
    }

    #[inline]
    fn set(&mut self, at: usize, cell: &Cell) {
        (self.mean[at], self.squares[at], self.cubes[at]) = cell.central();
        self.sum[at] = cell.sum();
        self.varies |= !cell.is_constant();
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
    fn lanes(&self, lanes: &Range<usize>) -> impl Iterator<Item = [f64x2; 4]> {
        let range = lanes.start * LANES..lanes.end * LANES;
        let (mean, squares) = (self.mean[range.clone()].as_chunks().0, self.squares[range.clone()].as_chunks().0);
        let (cubes, sum) = (self.cubes[range.clone()].as_chunks().0, self.sum[range].as_chunks().0);
        mean.iter()
            .zip(squares)
            .zip(cubes.iter().zip(sum))
            .map(|((mean, squares), (cubes, sum))| [*mean, *squares, *cubes, *sum].map(f64x2::new))
    }
}

/// Values from which a cell adds many at a time by itself.
const MANY: usize = 32;

/// The cell of values, at least one; of a few two are added at a time.
#[inline]
fn cell_of(values: &[f64]) -> Cell {
    let [first, others @ ..] = values else { return Cell::default() };
    if values.len() >= MANY {
        return Cell::of_all(values);
    }
    let origin = f64x2::splat(*first);
    let (pairs, rest) = others.as_chunks();
    let (mut s1, mut s2, mut s3) = (ZERO, ZERO, ZERO);
    for pair in pairs {
        let u = f64x2::new(*pair) - origin;
        let square = u * u;
        s1 += u;
        s2 += square;
        s3 += square * u;
    }
    let (s1, s2, s3) = (s1.reduce_add(), s2.reduce_add(), s3.reduce_add());
    let last = rest.first().map_or(0.0, |last| last - first);
    let square = last * last;
    // The first value adds nothing to sums about itself, unless it is no number.
    let none = if first.is_finite() { 0.0 } else { f64::NAN };
    Cell {
        count: values.len() as u64,
        origin: *first,
        s1: s1 + last + none,
        s2: s2 + square + none,
        s3: s3 + square * last + none,
    }
}

/// Sums over strata, each lane by itself.
#[derive(Clone, Copy)]
struct Sums {
    estimate: f64x2,
    seen: f64x2,
    variance: f64x2,
    third: f64x2,
    satterthwaite: f64x2,
    squares: f64x2,
    rows: f64x2,
    least: f64x2,
    most: f64x2,
}

impl Total {
    /// [`fold_values`](Self::fold_values) of all cells of a group, of which there is one at least.
    pub fn fold_values_of(&mut self, insides: &Insides, cells: &Cells, group: usize) {
        self.fold_lanes::<false>(insides, cells, group, 1.0, 0.0);
    }

    /// [`fold_domain_values`](Self::fold_domain_values) of `scale·y + offset` over all cells of a group, of which there is one at least.
    pub fn fold_domain_values_of(&mut self, insides: &Insides, cells: &Cells, group: usize, scale: f64, offset: f64) {
        self.fold_lanes::<true>(insides, cells, group, scale, offset);
    }

    /// [`fold_values`](Self::fold_values) of a count over all strata of a group, of which there is one at least.
    pub fn fold_count_of(&mut self, insides: &Insides, group: usize) {
        let (mut third, mut satterthwaite, mut count) = (ZERO, ZERO, ZERO);
        for inside in &insides.lanes[insides.lanes_of(group)] {
            let variance = inside.per_square * inside.row_squares;
            third += inside.per_cube * inside.row_squares * inside.lean;
            satterthwaite += variance * variance * inside.per_degree;
            count += inside.rows;
        }
        let rows = &insides.rows[group];
        self.varies |= self.domain_rows > 0 && self.value != 1.0;
        self.value = 1.0;
        self.domain_rows += whole(count);
        self.seen += count.reduce_add();
        self.inexact_estimate += rows.weighted_rows;
        self.own_variance += rows.rows_variance;
        self.pooled_squares += rows.pooled_row_squares;
        self.third += third.reduce_add();
        self.satterthwaite += satterthwaite.reduce_add();
    }

    #[inline]
    fn fold_lanes<const DOMAIN: bool>(
        &mut self,
        insides: &Insides,
        cells: &Cells,
        group: usize,
        scale: f64,
        offset: f64,
    ) {
        let lanes = insides.lanes_of(group);
        debug_assert!(!lanes.is_empty() && insides.lanes.len() * LANES == cells.mean.len(), "other cells than insides");
        let (square_scale, cube_scale) = (f64x2::splat(scale * scale), f64x2::splat(scale * scale * scale));
        let (scale, offset, three) = (f64x2::splat(scale), f64x2::splat(offset), f64x2::splat(3.0));
        let mut sums = Sums::new();
        for (inside, [mean, squares, cubes, sum]) in insides.lanes[lanes.clone()].iter().zip(cells.lanes(&lanes)) {
            let y = scale * mean + offset;
            let sum = scale * sum + offset * inside.rows;
            let squares = square_scale * squares;
            let between = inside.row_squares * y * y;
            let all_squares = squares + between;
            let all_cubes = cube_scale * cubes + three * y * inside.rest * squares + between * inside.lean * y;
            let (mut variance, mut third) = (inside.per_square * all_squares, inside.per_cube * all_cubes);
            if DOMAIN {
                variance *= inside.square_factor;
                third *= inside.cube_factor;
            }
            sums.rows += inside.rows;
            sums.seen += sum;
            sums.estimate += inside.weight * sum;
            sums.variance += variance;
            sums.third += third;
            sums.satterthwaite += variance * variance * inside.per_degree;
            sums.squares += all_squares;
            sums.least = sums.least.fast_min(y);
            sums.most = sums.most.fast_max(y);
        }
        self.add_sums(&sums, cells.varying[group]);
    }

    fn add_sums(&mut self, sums: &Sums, is_varying: bool) {
        let ([a, b], [c, d]) = (sums.least.to_array(), sums.most.to_array());
        let (least, most, seen) = (a.min(b), c.max(d), sums.seen.reduce_add());
        let varies = is_varying || least != most || !seen.is_finite();
        self.varies |= varies || (self.domain_rows > 0 && self.value != most);
        self.value = most;
        self.domain_rows += whole(sums.rows);
        self.seen += seen;
        self.inexact_estimate += sums.estimate.reduce_add();
        self.own_variance += sums.variance.reduce_add();
        self.third += sums.third.reduce_add();
        self.satterthwaite += sums.satterthwaite.reduce_add();
        self.pooled_squares += sums.squares.reduce_add();
    }
}

impl Sums {
    fn new() -> Self {
        Self {
            estimate: ZERO,
            seen: ZERO,
            variance: ZERO,
            third: ZERO,
            satterthwaite: ZERO,
            squares: ZERO,
            rows: ZERO,
            least: f64x2::splat(f64::INFINITY),
            most: f64x2::splat(f64::NEG_INFINITY),
        }
    }
}

/// A number of rows, which stays far below 2^53.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of row counts")]
fn whole(rows: f64x2) -> u64 {
    rows.reduce_add() as u64
}

#[cfg(test)]
mod tests;
