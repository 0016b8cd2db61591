//! What variables of one domain share, side by side.

use super::reals::{Kept, LANES, Reals, load, sum, whole_real};
use crate::stratum::StratumSize;
use crate::total::Total;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// Row counts of one domain in sampled strata, group after group, from which [`Insides`] are made.
///
/// Strata that are known completely have no place here: nothing of them is multiplied by anything.
#[derive(Clone, Debug)]
pub struct InsideCounts {
    /// `c_h`, `N_h` and `n_h`.
    rows: Vec<f64>,
    all: Vec<f64>,
    sampled: Vec<f64>,
    /// The first lanes of each group, and the number of lanes.
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
        let lanes = self.rows.len() / LANES;
        debug_assert_eq!(self.starts.last(), Some(&lanes), "a group was not ended");
        insides.starts.clone_from(&self.starts);
        // What is there already is written over.
        if insides.lanes.len() < lanes {
            insides.lanes.resize(lanes, InsideLanes::default());
        }
        insides.rows.clear();
        insides.rows.resize(self.starts.len() - 1, Total::default());
        let (lanes, rows) = (&mut insides.lanes, &mut insides.rows);
        dispatch!(Level::new(), simd => self.fill_groups(simd, lanes, rows));
    }

    #[inline(always)]
    fn fill_groups<S: Simd>(&self, simd: S, lanes: &mut [InsideLanes], totals: &mut [Total]) {
        let (rows, all, sampled) = (self.rows.as_chunks().0, self.all.as_chunks().0, self.sampled.as_chunks().0);
        for (ends, total) in self.starts.windows(2).zip(totals) {
            let own = ends[0]..ends[1];
            let counts = rows[own.clone()].iter().zip(&all[own.clone()]).zip(&sampled[own.clone()]);
            let mut sums = RowSums::new(simd);
            for (lanes, ((rows, all), sampled)) in lanes[own].iter_mut().zip(counts) {
                *lanes = InsideLanes::new([rows, all, sampled].map(|own| load(simd, own)), &mut sums);
            }
            *total = sums.total();
        }
    }
}

/// The rows of one domain in sampled strata, [`Inside`](crate::Inside) of each, group after group.
#[derive(Clone, Debug, Default)]
pub struct Insides {
    /// Of all groups; what lies behind is left over.
    lanes: Vec<InsideLanes>,
    /// The first lanes of each group, and the number of lanes.
    pub(super) starts: Vec<usize>,
    /// By group what [`Total::fold_rows`] makes of it.
    pub(super) rows: Vec<Total>,
}

impl Insides {
    /// The lanes of all groups.
    #[inline(always)]
    pub(super) fn lanes(&self) -> &[InsideLanes] {
        &self.lanes[..self.starts.last().copied().unwrap_or(0)]
    }
}

/// What [`Total`]s need of [`Inside`](crate::Inside).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InsideLanes {
    pub(super) rows: Kept,
    pub(super) weight: Kept,
    pub(super) rest: Kept,
    pub(super) row_squares: Kept,
    pub(super) lean: Kept,
    pub(super) per_square: Kept,
    pub(super) per_cube: Kept,
    pub(super) per_degree: Kept,
    pub(super) square_factor: Kept,
    pub(super) cube_factor: Kept,
}

impl InsideLanes {
    /// What [`Expansion`](crate::Expansion) and its `inside` compute, with three divisions for all of it.
    #[inline(always)]
    fn new<S: Simd>([rows, all, n]: [Reals<S>; 3], sums: &mut RowSums<S>) -> Self {
        let (zero, one) = (Reals::splat(n.simd, 0.0), Reals::splat(n.simd, 1.0));
        // Factors that are not divided by are 1; all counts are whole.
        let (n0, n1, n2) = (n.max(one), (n - 1.0).max(one), (n - 2.0).max(one));
        // Whole weights stay whole, and so do the counts and sums that they are multiplied with.
        let weight = all / n0;
        let per_n = one / (n0 * n1 * n2);
        let inverse = per_n * (n1 * n2);
        let c = rows.min(n);
        let (share, rest) = (c * inverse, (n - c) * inverse);
        let (c1, c2) = ((c - 1.0).max(one), (c - 2.0).max(one));
        let per_c = one / (c1 * c2);
        let (are_two, are_three) = (c.simd_gt(1.0), c.simd_gt(2.0));
        let square_factor = are_two.select(share * (n - 1.0) * (per_c * c2), one);
        let cube_factor = are_three.select(square_factor * share * (n - 2.0) * (per_c * c1), one);
        let scale = all * (all - n);
        let (has_spread, has_third) = (n.simd_gt(1.0), n.simd_gt(2.0));
        let per_square = has_spread.select(scale * (per_n * n2), zero);
        let per_cube = has_third.select(per_square * (all - n - n) * (per_n * (n0 * n1)), zero);
        let (row_squares, lean) = (c * rest, rest - share);
        let lone = has_spread.select(zero, scale);
        sums.weighted += weight * rows;
        sums.weights += weight * (weight - 1.0) * rows;
        sums.variance += per_square * row_squares;
        sums.squares += row_squares;
        sums.degrees += has_spread.select(n - 1.0, zero);
        sums.lone += lone;
        sums.lone_squared += lone * lone;
        Self {
            rows: rows.into(),
            weight: weight.into(),
            rest: rest.into(),
            row_squares: row_squares.into(),
            lean: lean.into(),
            per_square: per_square.into(),
            per_cube: per_cube.into(),
            per_degree: are_three.select(per_c * c2, one).into(),
            square_factor: square_factor.into(),
            cube_factor: cube_factor.into(),
        }
    }
}

/// What all variables of a domain share, each lane by itself.
struct RowSums<S: Simd> {
    weighted: Reals<S>,
    weights: Reals<S>,
    variance: Reals<S>,
    squares: Reals<S>,
    degrees: Reals<S>,
    lone: Reals<S>,
    lone_squared: Reals<S>,
}

impl<S: Simd> RowSums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = Reals::splat(simd, 0.0);
        Self {
            weighted: zero,
            weights: zero,
            variance: zero,
            squares: zero,
            degrees: zero,
            lone: zero,
            lone_squared: zero,
        }
    }

    #[inline(always)]
    fn total(&self) -> Total {
        Total {
            weighted_rows: sum(self.weighted),
            weight_squares: sum(self.weights),
            rows_variance: sum(self.variance),
            pooled_row_squares: sum(self.squares),
            pooled_degrees: sum(self.degrees),
            lone_scale: sum(self.lone),
            lone_scale_squared: sum(self.lone_squared),
            ..Total::default()
        }
    }
}
