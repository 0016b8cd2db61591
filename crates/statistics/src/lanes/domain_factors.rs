//! The factors that all variables of one domain share, for many strata side by side.

use super::reals::{Kept, Reals, load, sum, whole};
use crate::total::Total;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// Row counts of one domain: groups × strata, groups outermost, each group filled up to a multiple of [`LANES`](crate::LANES).
///
/// A stratum without rows of the domain has 0 in `rows`; an entry that fills up a group has 0 in all arrays.
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a> {
    /// Sampled rows in the domain, `c_h`.
    pub rows: &'a [f64],
    /// Rows of the stratum in the table, `N_h`.
    pub all: &'a [f64],
    /// Rows of the stratum in the sample, `n_h`.
    pub sampled: &'a [f64],
    /// For each group the blocks of [`LANES`](crate::LANES) strata before it, then the number of all blocks: groups + 1 numbers.
    pub starts: &'a [usize],
}

/// The domain factors of all strata of all groups, as [`DomainInStratum`](crate::DomainInStratum) has them for one stratum.
#[derive(Clone, Debug, Default)]
pub struct DomainFactors {
    /// Blocks of `LANES` strata, groups outermost; the array may be longer and hold stale blocks behind the last group.
    lanes: Vec<FactorLanes>,
    /// The first block of each group, then the number of all blocks: groups + 1 numbers.
    pub(super) starts: Vec<usize>,
    /// The total of a COUNT, one per group.
    pub(super) rows: Vec<Total>,
}

impl DomainFactors {
    /// Replaces all factors by those of `counts`.
    pub fn fill(&mut self, counts: &Counts<'_>) {
        self.starts.clear();
        self.starts.extend_from_slice(counts.starts);
        let lanes = counts.starts.last().copied().unwrap_or(0);
        // Stale blocks are written over.
        if self.lanes.len() < lanes {
            self.lanes.resize(lanes, FactorLanes::default());
        }
        self.rows.clear();
        dispatch!(Level::new(), simd => self.fill_groups(simd, counts));
    }

    #[inline(always)]
    fn fill_groups<S: Simd>(&mut self, simd: S, counts: &Counts<'_>) {
        // No SIMD vector passes through a closure of the standard library, here or anywhere: that code would not use the processor's SIMD
        // instructions.
        let (rows, all, sampled) = (counts.rows.as_chunks().0, counts.all.as_chunks().0, counts.sampled.as_chunks().0);
        for ends in counts.starts.windows(2) {
            let own = ends[0]..ends[1];
            let counts = rows[own.clone()].iter().zip(&all[own.clone()]).zip(&sampled[own.clone()]);
            let mut sums = RowSums::new(simd);
            for (lanes, ((rows, all), sampled)) in self.lanes[own].iter_mut().zip(counts) {
                *lanes = FactorLanes::new([load(simd, rows), load(simd, all), load(simd, sampled)], &mut sums);
            }
            self.rows.push(sums.total());
        }
    }

    /// The blocks of all groups.
    #[inline(always)]
    pub(super) fn lanes(&self) -> &[FactorLanes] {
        &self.lanes[..self.starts.last().copied().unwrap_or(0)]
    }
}

/// The domain factors of [`LANES`](crate::LANES) strata, as [`Total`]s need them; all weights of completely known strata are 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FactorLanes {
    pub(super) weight: Kept,
    pub(super) fraction_outside: Kept,
    pub(super) row_squares: Kept,
    pub(super) skew_factor: Kept,
    pub(super) per_square: Kept,
    pub(super) per_cube: Kept,
    pub(super) per_degree: Kept,
    /// `per_square` with the domain's degrees of freedom; `domain_per_cube` is `per_cube` with them.
    pub(super) domain_per_square: Kept,
    pub(super) domain_per_cube: Kept,
}

impl FactorLanes {
    /// The weight of each lane.
    pub(super) fn weights(&self) -> impl Iterator<Item = f64> {
        self.weight.iter()
    }

    /// Computes the factors of [`Expansion`](crate::Expansion) and its `inside`, with three divisions in all.
    #[inline(always)]
    fn new<S: Simd>([rows, all, n]: [Reals<S>; 3], sums: &mut RowSums<S>) -> Self {
        let (zero, one) = (Reals::splat(n.simd, 0.0), Reals::splat(n.simd, 1.0));
        let is_sampled = all.simd_gt(n);
        sums.exact += is_sampled.select(zero, rows);
        let (rows, all) = (is_sampled.select(rows, zero), is_sampled.select(all, zero));
        // Divisors below 1 are replaced by 1; all counts are whole.
        let (n0, n1, n2) = (n.max(one), (n - 1.0).max(one), (n - 2.0).max(one));
        // Whole weights stay whole, and so do the counts and sums that they are multiplied with.
        let weight = all / n0;
        let per_n = one / (n0 * n1 * n2);
        let inverse = per_n * (n1 * n2);
        let c = rows.min(n);
        let (share, fraction_outside) = (c * inverse, (n - c) * inverse);
        let (c1, c2) = ((c - 1.0).max(one), (c - 2.0).max(one));
        let per_c = one / (c1 * c2);
        let (are_two, are_three) = (c.simd_gt(1.0), c.simd_gt(2.0));
        let square_factor = are_two.select(share * (n - 1.0) * (per_c * c2), one);
        let cube_factor = are_three.select(square_factor * share * (n - 2.0) * (per_c * c1), one);
        let per_degree = are_three.select(per_c * c2, one);
        let scale = all * (all - n);
        let (has_spread, has_third) = (n.simd_gt(1.0), n.simd_gt(2.0));
        let per_square = has_spread.select(scale * (per_n * n2), zero);
        let per_cube = has_third.select(per_square * (all - n - n) * (per_n * (n0 * n1)), zero);
        let (row_squares, skew_factor) = (c * fraction_outside, fraction_outside - share);
        let lone = has_spread.select(zero, scale);
        let variance = per_square * row_squares;
        sums.rows += rows;
        sums.weighted += weight * rows;
        sums.weights += weight * (weight - 1.0) * rows;
        sums.variance += variance;
        sums.third += per_cube * row_squares * skew_factor;
        sums.satterthwaite += variance * variance * per_degree;
        sums.squares += row_squares;
        sums.degrees += is_sampled.select((n - 1.0).max(zero), zero);
        sums.lone += lone;
        sums.lone_squared += lone * lone;
        Self {
            weight: weight.into(),
            fraction_outside: fraction_outside.into(),
            row_squares: row_squares.into(),
            skew_factor: skew_factor.into(),
            per_square: per_square.into(),
            per_cube: per_cube.into(),
            per_degree: per_degree.into(),
            domain_per_square: (per_square * square_factor).into(),
            domain_per_cube: (per_cube * cube_factor).into(),
        }
    }
}

/// Sums over the strata of a group: the fields of a COUNT's [`Total`], each lane by itself.
struct RowSums<S: Simd> {
    rows: Reals<S>,
    exact: Reals<S>,
    weighted: Reals<S>,
    weights: Reals<S>,
    variance: Reals<S>,
    third: Reals<S>,
    satterthwaite: Reals<S>,
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
            rows: zero,
            exact: zero,
            weighted: zero,
            weights: zero,
            variance: zero,
            third: zero,
            satterthwaite: zero,
            squares: zero,
            degrees: zero,
            lone: zero,
            lone_squared: zero,
        }
    }

    /// The total of a COUNT.
    #[inline(always)]
    fn total(&self) -> Total {
        let (rows, exact, weighted) = (sum(self.rows), sum(self.exact), sum(self.weighted));
        let (variance, squares) = (sum(self.variance), sum(self.squares));
        Total {
            inexact_estimate: weighted,
            seen: rows,
            own_variance: variance,
            third: sum(self.third),
            satterthwaite: sum(self.satterthwaite),
            domain_rows: whole(rows),
            weighted_rows: weighted,
            weight_squares: sum(self.weights),
            rows_variance: variance,
            value: if rows > 0.0 { 1.0 } else { 0.0 },
            varies: false,
            exact_rows: whole(exact),
            exact_sum: exact,
            pooled_squares: squares,
            pooled_row_squares: squares,
            pooled_degrees: sum(self.degrees),
            lone_scale: sum(self.lone),
            lone_scale_squared: sum(self.lone_squared),
        }
    }
}
