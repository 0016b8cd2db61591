//! Totals of cells side by side, each of all groups at once.

use super::cells::Cells;
use super::insides::{InsideLanes, Insides};
use super::reals::{Kept, Reals, load, sum};
use crate::total::Total;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::ops::Range;

impl Insides {
    /// [`Total::fold_rows`] and [`Total::fold_values`] of all cells of each group, into a total per group.
    pub fn fold_values<'t>(&self, cells: &Cells, totals: impl Iterator<Item = &'t mut Total>) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            total.add_rows(&self.rows[group]);
            Sums::of_values(simd, &self.lanes()[own.clone()], cells, own).add_to(total, cells.vary(group));
        });
    }

    /// [`Total::fold_domain_values`] of `scale·y + offset`, both told by group, over all cells of each group, into a total per group.
    pub fn fold_domain_values<'t>(
        &self,
        cells: &Cells,
        scale: &[f64],
        offset: &[f64],
        totals: impl Iterator<Item = &'t mut Total>,
    ) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            let form = [scale[group], offset[group]];
            Sums::of_form(simd, &self.lanes()[own.clone()], cells, own, form).add_to(total, cells.vary(group));
        });
    }

    /// [`Total::fold_rows`] and [`Total::fold_values`] of a count over all strata of each group, into a total per group.
    pub fn fold_counts<'t>(&self, totals: impl Iterator<Item = &'t mut Total>) {
        dispatch!(Level::new(), simd => for (group, own, total) in self.totals(totals) {
            total.add_rows(&self.rows[group]);
            add_count(simd, total, &self.lanes()[own], &self.rows[group]);
        });
    }

    /// The number, the lanes and the total of each group with rows.
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
struct Sums<S: Simd> {
    estimate: Reals<S>,
    seen: Reals<S>,
    variance: Reals<S>,
    third: Reals<S>,
    satterthwaite: Reals<S>,
    squares: Reals<S>,
    rows: Reals<S>,
    least: Reals<S>,
    most: Reals<S>,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let of = |number| Reals::splat(simd, number);
        let zero = of(0.0);
        Self {
            estimate: zero,
            seen: zero,
            variance: zero,
            third: zero,
            satterthwaite: zero,
            squares: zero,
            rows: zero,
            least: of(f64::INFINITY),
            most: of(f64::NEG_INFINITY),
        }
    }

    /// Those of `own` of the cells, of which `insides` tell the rows.
    #[inline(always)]
    fn of_values(simd: S, insides: &[InsideLanes], cells: &Cells, own: Range<usize>) -> Self {
        let mut sums = Self::new(simd);
        for (inside, [mean, squares, cubes, sum]) in insides.iter().zip(cells.lanes(own)) {
            let [y, squares, cubes, sum] = [mean, squares, cubes, sum].map(|kept| load(simd, kept));
            let [variance, third] = sums.add(inside, y, squares, cubes, sum);
            sums.add_spread(inside, variance, third);
        }
        sums
    }

    /// The same of `scale·y + offset`, with the domain's own degrees of freedom.
    #[inline(always)]
    fn of_form(simd: S, insides: &[InsideLanes], cells: &Cells, own: Range<usize>, [scale, offset]: [f64; 2]) -> Self {
        let (square_scale, cube_scale) = (scale * scale, scale * scale * scale);
        let mut sums = Self::new(simd);
        for (inside, [mean, squares, cubes, sum]) in insides.iter().zip(cells.lanes(own)) {
            let [mean, squares, cubes, sum] = [mean, squares, cubes, sum].map(|kept| load(simd, kept));
            let (y, sum) = (mean * scale + offset, sum * scale + inside.rows.load(simd) * offset);
            let [variance, third] = sums.add(inside, y, squares * square_scale, cubes * cube_scale, sum);
            let factors = [inside.square_factor, inside.cube_factor].map(|kept| kept.load(simd));
            sums.add_spread(inside, variance * factors[0], third * factors[1]);
        }
        sums
    }

    /// Adds everything but the spread, which is returned: the variance and the third moment.
    #[inline(always)]
    fn add(
        &mut self,
        inside: &InsideLanes,
        y: Reals<S>,
        squares: Reals<S>,
        cubes: Reals<S>,
        sum: Reals<S>,
    ) -> [Reals<S>; 2] {
        let load = |kept: Kept| kept.load(y.simd);
        let between = load(inside.row_squares) * y * y;
        let all_squares = squares + between;
        let all_cubes = cubes + y * 3.0 * load(inside.rest) * squares + between * load(inside.lean) * y;
        self.rows += load(inside.rows);
        self.seen += sum;
        self.estimate += load(inside.weight) * sum;
        self.squares += all_squares;
        self.least = self.least.min(y);
        self.most = self.most.max(y);
        [load(inside.per_square) * all_squares, load(inside.per_cube) * all_cubes]
    }

    #[inline(always)]
    fn add_spread(&mut self, inside: &InsideLanes, variance: Reals<S>, third: Reals<S>) {
        self.variance += variance;
        self.third += third;
        self.satterthwaite += variance * variance * inside.per_degree.load(variance.simd);
    }

    #[inline(always)]
    fn add_to(self, total: &mut Total, is_varying: bool) {
        let ([a, b, c, d], [e, f, g, h]): ([f64; 4], [f64; 4]) = (self.least.into(), self.most.into());
        let (least, most) = (a.min(b).min(c.min(d)), e.max(f).max(g.max(h)));
        let seen = sum(self.seen);
        let varies = is_varying || least != most || !seen.is_finite();
        total.varies |= varies || (total.domain_rows > 0 && total.value != most);
        total.value = most;
        total.domain_rows += whole(sum(self.rows));
        total.seen += seen;
        total.inexact_estimate += sum(self.estimate);
        total.own_variance += sum(self.variance);
        total.third += sum(self.third);
        total.satterthwaite += sum(self.satterthwaite);
        total.pooled_squares += sum(self.squares);
    }
}

/// Adds a count over these strata; `rows` is what [`Total::fold_rows`] makes of them.
#[inline(always)]
fn add_count<S: Simd>(simd: S, total: &mut Total, insides: &[InsideLanes], rows: &Total) {
    let zero = Reals::splat(simd, 0.0);
    let (mut third, mut satterthwaite, mut count) = (zero, zero, zero);
    for inside in insides {
        let row_squares = inside.row_squares.load(simd);
        let variance = inside.per_square.load(simd) * row_squares;
        third += inside.per_cube.load(simd) * row_squares * inside.lean.load(simd);
        satterthwaite += variance * variance * inside.per_degree.load(simd);
        count += inside.rows.load(simd);
    }
    let count = sum(count);
    total.varies |= total.domain_rows > 0 && total.value != 1.0;
    total.value = 1.0;
    total.domain_rows += whole(count);
    total.seen += count;
    total.inexact_estimate += rows.weighted_rows;
    total.own_variance += rows.rows_variance;
    total.pooled_squares += rows.pooled_row_squares;
    total.third += sum(third);
    total.satterthwaite += sum(satterthwaite);
}

/// A number of rows, which stays far below 2^53.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of row counts")]
fn whole(rows: f64) -> u64 {
    rows as u64
}
