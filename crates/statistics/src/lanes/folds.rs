//! Folds cells side by side into totals, all groups at once.

use super::cells::Cells;
use super::domain_factors::{DomainFactors, FactorLanes};
use super::reals::{Kept, LANES, Reals, load, sum};
use crate::total::Total;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::ops::Range;

impl DomainFactors {
    /// [`Total::fold_rows`] and [`Total::fold_values`] of all cells of each group, into a total per group.
    pub fn fold_values<'t>(&self, cells: &Cells, totals: impl Iterator<Item = &'t mut Total>) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            Sums::of::<true>(simd, &self.lanes()[own.clone()], cells, own).add_to(total, &self.rows[group]);
        });
    }

    /// Like [`fold_values`](Self::fold_values) without the spread: the totals have no [variance](Total::variance).
    pub fn fold_estimates<'t>(&self, cells: &Cells, totals: impl Iterator<Item = &'t mut Total>) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            Sums::of::<false>(simd, &self.lanes()[own.clone()], cells, own).add_to(total, &self.rows[group]);
            total.own_variance = f64::NAN;
        });
    }

    /// The spread of `scale·y + offset`, as [`Total::fold_domain_values`] computes it, over all cells of each group, into a total per
    /// group. `scale` and `offset` have one number per group. The totals get all that the interval of an average needs, besides the rows.
    pub fn fold_spreads<'t>(
        &self,
        cells: &Cells,
        scale: &[f64],
        offset: &[f64],
        totals: impl Iterator<Item = &'t mut Total>,
    ) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            let form = [scale[group], offset[group]];
            Spread::of_form(simd, &self.lanes()[own.clone()], cells, own, form).add_to(total);
            total.domain_rows += self.rows[group].domain_rows;
        });
    }

    /// [`Total::fold_rows`] and [`Total::fold_values`] of a count over all strata of each group, into a total per group.
    pub fn fold_counts<'t>(&self, totals: impl Iterator<Item = &'t mut Total>) {
        self.rows.iter().zip(totals).for_each(|(rows, total)| total.merge(rows));
    }

    /// The number, the blocks and the total of each group that has strata.
    #[inline(always)]
    fn totals<'t>(
        &self,
        totals: impl Iterator<Item = &'t mut Total>,
    ) -> impl Iterator<Item = (usize, Range<usize>, &'t mut Total)> {
        let all = self.starts.windows(2).map(|ends| ends[0]..ends[1]).zip(totals).enumerate();
        all.filter(|(_, (own, _))| !own.is_empty()).map(|(group, (own, total))| (group, own, total))
    }
}

/// Sums over strata, each lane by itself.
pub(super) struct Sums<S: Simd> {
    estimate: Reals<S>,
    seen: Reals<S>,
    exact: Reals<S>,
    inner: Reals<S>,
    least: Reals<S>,
    most: Reals<S>,
    spread: Spread<S>,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        let (zero, infinity) = (Reals::splat(simd, 0.0), Reals::splat(simd, f64::INFINITY));
        Self {
            estimate: zero,
            seen: zero,
            exact: zero,
            inner: zero,
            least: infinity,
            most: -infinity,
            spread: Spread::new(simd),
        }
    }

    /// The sums over the blocks `own` of the cells, whose domain factors are `domain_factors`.
    #[inline(always)]
    fn of<const SPREAD: bool>(simd: S, domain_factors: &[FactorLanes], cells: &Cells, own: Range<usize>) -> Self {
        let mut sums = Self::new(simd);
        for (inside, cell) in domain_factors.iter().zip(cells.lanes(own)) {
            sums.add::<SPREAD>(simd, inside, cell);
        }
        sums
    }

    /// Adds the means, squares, cubes and sums of cells, with or without their spread.
    #[inline(always)]
    pub(super) fn add<const SPREAD: bool>(
        &mut self,
        simd: S,
        inside: &FactorLanes,
        [y, squares, cubes, sum]: [&[f64; LANES]; 4],
    ) {
        let (y, squares, cubes, sum) = (load(simd, y), load(simd, squares), load(simd, cubes), load(simd, sum));
        let (zero, infinity) = (Reals::splat(simd, 0.0), Reals::splat(simd, f64::INFINITY));
        let weight = inside.weight.load(simd);
        // Completely known strata have no spread, and their values no part in that of the others.
        let is_sampled = weight.simd_gt(0.0);
        let own = |numbers| is_sampled.select(numbers, zero);
        let (squares, cubes, seen) = (own(squares), own(cubes), own(sum));
        self.exact += is_sampled.select(zero, sum);
        self.seen += seen;
        self.estimate += weight * seen;
        self.inner += squares;
        self.least = self.least.min(is_sampled.select(y, infinity));
        self.most = self.most.max(is_sampled.select(y, -infinity));
        if SPREAD {
            let (per_square, per_cube) = (inside.per_square.load(simd), inside.per_cube.load(simd));
            self.spread.add(inside, [own(y), squares, cubes], per_square, per_cube);
        }
    }

    /// Adds the sums to the total of a group; `rows` is the total of its COUNT.
    #[inline(always)]
    pub(super) fn add_to(self, total: &mut Total, rows: &Total) {
        total.add_rows(rows);
        total.exact_rows += rows.exact_rows;
        total.exact_sum += sum(self.exact);
        if rows.domain_rows == 0 {
            return;
        }
        let ([a, b, c, d], [e, f, g, h]): ([f64; 4], [f64; 4]) = (self.least.into(), self.most.into());
        let (least, most) = (a.min(b).min(c.min(d)), e.max(f).max(g.max(h)));
        let (seen, inner) = (sum(self.seen), sum(self.inner));
        let varies = inner != 0.0 || least != most || !seen.is_finite();
        total.varies |= varies || (total.domain_rows > 0 && total.value != most);
        total.value = most;
        total.domain_rows += rows.domain_rows;
        total.seen += seen;
        total.inexact_estimate += sum(self.estimate);
        self.spread.add_to(total);
    }
}

/// Sums over strata for variance, third cumulant and degrees of freedom, each lane by itself.
pub(super) struct Spread<S: Simd> {
    variance: Reals<S>,
    third: Reals<S>,
    satterthwaite: Reals<S>,
    squares: Reals<S>,
}

impl<S: Simd> Spread<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = Reals::splat(simd, 0.0);
        Self { variance: zero, third: zero, satterthwaite: zero, squares: zero }
    }

    /// The spread of `scale·y + offset`, with the domain's degrees of freedom.
    #[inline(always)]
    fn of_form(
        simd: S,
        domain_factors: &[FactorLanes],
        cells: &Cells,
        own: Range<usize>,
        [scale, offset]: [f64; 2],
    ) -> Self {
        let (square_scale, cube_scale) = (scale * scale, scale * scale * scale);
        let zero = Reals::splat(simd, 0.0);
        let mut sums = Self::new(simd);
        for (inside, [mean, squares, cubes, _]) in domain_factors.iter().zip(cells.lanes(own)) {
            let is_sampled = inside.weight.load(simd).simd_gt(0.0);
            let own = |numbers| is_sampled.select(numbers, zero);
            let y = own(load(simd, mean) * scale + offset);
            let (squares, cubes) = (own(load(simd, squares) * square_scale), own(load(simd, cubes) * cube_scale));
            let (per_square, per_cube) = (inside.domain_per_square.load(simd), inside.domain_per_cube.load(simd));
            sums.add(inside, [y, squares, cubes], per_square, per_cube);
        }
        sums
    }

    /// Adds cells with these means, squares and cubes.
    #[inline(always)]
    fn add(
        &mut self,
        inside: &FactorLanes,
        [y, squares, cubes]: [Reals<S>; 3],
        per_square: Reals<S>,
        per_cube: Reals<S>,
    ) {
        let load = |kept: Kept| kept.load(y.simd);
        let between = load(inside.row_squares) * y * y;
        let all_squares = squares + between;
        let all_cubes =
            cubes + y * 3.0 * load(inside.fraction_outside) * squares + between * load(inside.skew_factor) * y;
        let variance = per_square * all_squares;
        self.variance += variance;
        self.third += per_cube * all_cubes;
        self.satterthwaite += variance * variance * load(inside.per_degree);
        self.squares += all_squares;
    }

    #[inline(always)]
    fn add_to(self, total: &mut Total) {
        total.own_variance += sum(self.variance);
        total.third += sum(self.third);
        total.satterthwaite += sum(self.satterthwaite);
        total.pooled_squares += sum(self.squares);
    }
}
