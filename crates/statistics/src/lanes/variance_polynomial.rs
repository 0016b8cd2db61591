//! The spread of averages over groups whose cells are dropped before the average is known.

use super::cells::Cells;
use super::domain_factors::{DomainFactors, FactorLanes};
use super::folds::Sums as TotalSums;
use super::reals::{Kept, LANES, Reals, load, sum};
use crate::real;
use crate::total::Total;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// The largest ratio of a polynomial's terms, without their signs, to its value: beyond it fewer than some 9 of 16 digits are left.
const CANCELLED_MAX: f64 = 1e6;

/// The number of cells whose means give the origin.
const MIDDLE_OF: usize = 64;

/// The spread of `scale·y + offset` over one group, for any `scale` and `offset`: sums over its strata are polynomials in the two, and this
/// holds the coefficients.
///
/// With `b = offset + scale·origin`, `u` the mean of a cell less the origin, `q` its squares, `R` the squares of the domain's indicator and
/// `P` the variance per square ([`Total::fold_domain`]), the variance of a stratum is `P(q·scale² + R(u·scale + b)²)`: of degree two in
/// `scale` and `b`, the third cumulant of degree three, and the square of the variance of degree four.
#[derive(Clone, Copy, Debug, Default)]
pub struct VariancePolynomial {
    origin: f64,
    rows: u64,
    /// Coefficients of the variance by falling power of `scale`; the arrays below have the same order.
    variance: [f64; 3],
    third: [f64; 4],
    satterthwaite: [f64; 5],
    squares: [f64; 3],
}

impl DomainFactors {
    /// Like [`fold_values`](Self::fold_values) for cells of one group; it adds them to the group's variance polynomial `polynomial`, too.
    pub fn fold_values_and_polynomial(&self, cells: &Cells, total: &mut Total, polynomial: &mut VariancePolynomial) {
        self.fold_with_polynomial::<true>(cells, total, polynomial);
    }

    /// Like [`fold_estimates`](Self::fold_estimates) for cells of one group; it adds them to the group's variance polynomial `polynomial`, too.
    pub fn fold_estimates_and_polynomial(&self, cells: &Cells, total: &mut Total, polynomial: &mut VariancePolynomial) {
        self.fold_with_polynomial::<false>(cells, total, polynomial);
        total.own_variance = f64::NAN;
    }

    /// The mean of the first cells' means in sampled strata.
    fn middle(&self, cells: &Cells) -> f64 {
        let lanes = 0..self.lanes().len();
        let all =
            self.lanes().iter().zip(cells.lanes(lanes)).flat_map(|(inside, [mean, ..])| inside.weights().zip(mean));
        let some = all.filter(|(weight, _)| *weight > 0.0).map(|(_, mean)| *mean).take(MIDDLE_OF);
        let (sum, count) = some.fold((0.0, 0_u64), |(sum, count), mean| (sum + mean, count + 1));
        sum / real(count)
    }

    fn fold_with_polynomial<const SPREAD: bool>(
        &self,
        cells: &Cells,
        total: &mut Total,
        polynomial: &mut VariancePolynomial,
    ) {
        debug_assert!(self.rows.len() < 2, "parts of one group");
        for rows in &self.rows {
            if polynomial.rows == 0 && rows.domain_rows > 0 {
                polynomial.origin = self.middle(cells);
            }
            polynomial.rows += rows.domain_rows;
            dispatch!(Level::new(), simd => {
                let (mut sums, mut terms) = (TotalSums::new(simd), Sums::new(simd));
                for (inside, cell) in self.lanes().iter().zip(cells.lanes(0..self.lanes().len())) {
                    sums.add::<SPREAD>(simd, inside, cell);
                    terms.add(simd, inside, cell, polynomial.origin);
                }
                sums.add_to(total, rows);
                terms.add_to(polynomial);
            });
        }
    }
}

impl VariancePolynomial {
    /// The total of `scale·y + offset` with the fields that [`DomainFactors::fold_spreads`] sets; `None` where too many digits would
    /// cancel.
    #[must_use]
    pub fn spread(&self, scale: f64, offset: f64) -> Option<Total> {
        if self.rows == 0 {
            return Some(Total::default());
        }
        let b = offset + scale * self.origin;
        let [variance, satterthwaite] = [value(&self.variance, scale, b), value(&self.satterthwaite, scale, b)];
        let (third, squares) = (value(&self.third, scale, b), value(&self.squares, scale, b));
        // A coefficient may be infinite where the sum itself is not.
        let holds = |[value, terms]: [f64; 2]| terms.is_finite() && value * CANCELLED_MAX >= terms;
        // A third cumulant matters as far as it skews.
        let is_third = third[1].is_finite() && third[1] <= CANCELLED_MAX * variance[0] * variance[0].sqrt();
        let is_told = holds(variance) && holds(satterthwaite) && holds(squares) && is_third;
        is_told.then(|| Total {
            own_variance: variance[0],
            third: third[0],
            satterthwaite: satterthwaite[0],
            pooled_squares: squares[0],
            domain_rows: self.rows,
            ..Total::default()
        })
    }
}

/// `Σ c·aᵏ⁻ⁱ·bⁱ` over the coefficients of a polynomial of degree k, and the sum of the absolute values of its terms.
fn value<const TERMS: usize>(coefficients: &[f64; TERMS], a: f64, b: f64) -> [f64; 2] {
    let (mut sum, mut all, mut power) = (0.0, 0.0, 1.0);
    for coefficient in coefficients {
        // Horner's rule with the second variable's powers.
        (sum, all) = (sum * a + coefficient * power, all * a.abs() + (coefficient * power).abs());
        power *= b;
    }
    [sum, all]
}

/// The coefficients, each lane by itself.
struct Sums<S: Simd> {
    variance: [Reals<S>; 3],
    third: [Reals<S>; 4],
    satterthwaite: [Reals<S>; 5],
    squares: [Reals<S>; 3],
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = Reals::splat(simd, 0.0);
        Self { variance: [zero; 3], third: [zero; 4], satterthwaite: [zero; 5], squares: [zero; 3] }
    }

    /// Adds the means, squares and cubes of cells.
    #[inline(always)]
    fn add(&mut self, simd: S, inside: &FactorLanes, [mean, squares, cubes, _]: [&[f64; LANES]; 4], origin: f64) {
        let is_sampled = inside.weight.load(simd).simd_gt(0.0);
        let own = |numbers| is_sampled.select(numbers, Reals::splat(simd, 0.0));
        let u = own(load(simd, mean) - origin);
        self.add_terms(inside, u, own(load(simd, squares)), own(load(simd, cubes)));
    }

    #[inline(always)]
    fn add_terms(&mut self, inside: &FactorLanes, u: Reals<S>, squares: Reals<S>, cubes: Reals<S>) {
        let load = |kept: Kept| kept.load(u.simd);
        let row_squares = load(inside.row_squares);
        // The squares are c0·a² + 2·c1·ab + c2·b².
        let (c1, c2) = (row_squares * u, row_squares);
        let c0 = squares + c1 * u;
        let per_square = load(inside.domain_per_square);
        let (v0, v1, v2) = (per_square * c0, per_square * c1, per_square * c2);
        let per_degree = load(inside.per_degree);
        let (w0, w1, w2) = (per_degree * v0, per_degree * v1, per_degree * v2);
        let per_cube = load(inside.domain_per_cube);
        // 3·fraction_outside·squares is the factor of a·u + b, R·skew_factor that of its cube.
        let (line, cubic) = (
            per_cube * 3.0 * load(inside.fraction_outside) * squares,
            per_cube * row_squares * load(inside.skew_factor),
        );
        let (cubic_u, line_u) = (cubic * u, line * u);
        let cubic_uu = cubic_u * u;
        for (sum, more) in self.squares.iter_mut().zip([c0, c1, c2]) {
            *sum += more;
        }
        for (sum, more) in self.variance.iter_mut().zip([v0, v1, v2]) {
            *sum += more;
        }
        let satterthwaite = [w0 * v0, w0 * v1, w1 * v1 * 2.0 + w0 * v2, w1 * v2, w2 * v2];
        for (sum, more) in self.satterthwaite.iter_mut().zip(satterthwaite) {
            *sum += more;
        }
        let third = [per_cube * cubes + line_u + cubic_uu * u, line + cubic_uu * 3.0, cubic_u, cubic];
        for (sum, more) in self.third.iter_mut().zip(third) {
            *sum += more;
        }
    }

    /// Adds the sums to the polynomial, with the binomial factors that are the same for every stratum.
    #[inline(always)]
    fn add_to(self, polynomial: &mut VariancePolynomial) {
        let add = |own: &mut [f64], sums: &[Reals<S>], factors: &[u64]| {
            for ((own, lanes), factor) in own.iter_mut().zip(sums).zip(factors) {
                *own += sum(*lanes) * real(*factor);
            }
        };
        add(&mut polynomial.squares, &self.squares, &[1, 2, 1]);
        add(&mut polynomial.variance, &self.variance, &[1, 2, 1]);
        add(&mut polynomial.satterthwaite, &self.satterthwaite, &[1, 4, 2, 4, 1]);
        add(&mut polynomial.third, &self.third, &[1, 1, 3, 1]);
    }
}
