use crate::cell::Cell;
use crate::real;
use crate::stratum::{DomainInStratum, Expansion, StratumSize};

/// The folded strata of one variable and one output group: estimate, variance and skewness.
///
/// Completely known strata only enter [`exact_rows`](Self::exact_rows) and
/// [`exact_sum`](Self::exact_sum); every other field is about sampled strata. Totals of disjoint
/// sets of strata merge by addition, so the order of folding changes nothing but rounding.
///
/// A stratum with one sampled row of many has no variance of its own and borrows the pooled
/// within-stratum variance of the others; without others there is no variance at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    /// Estimate over sampled strata, `Σ w_h Σy`.
    pub inexact_estimate: f64,
    /// The sum of y over the sampled rows, unweighted.
    pub seen: f64,
    /// Variance of the estimate over strata with two sampled rows or more; NaN where it was not asked for.
    pub own_variance: f64,
    /// Third cumulant of the estimate, κ₃.
    pub third: f64,
    /// `Σ V_h² / max(1, min(c_h, n_h) − 1)`: the variance of the variance, up to a factor of two.
    pub satterthwaite: f64,
    /// Sampled rows in the domain, `n_d`.
    pub domain_rows: u64,
    /// Estimated table rows in the domain, `Σ w_h c_h`.
    pub weighted_rows: f64,
    /// `Σ w_h (w_h−1) c_h`: the variance that a mean of unit spread has, times the squared row count.
    pub weight_squares: f64,
    /// Variance of `weighted_rows`.
    pub rows_variance: f64,
    /// One of the sampled y; 0 without rows.
    pub value: f64,
    /// Whether another sampled y differs from it.
    pub varies: bool,
    /// Rows of the domain in completely known strata.
    pub exact_rows: u64,
    /// Their sum of y.
    pub exact_sum: f64,
    /// Within-stratum squares of y (and of the domain's indicator), over strata with two sampled
    /// rows or more, and their degrees of freedom `Σ(n_h − 1)`: the pooled variance.
    pub pooled_squares: f64,
    /// See [`pooled_squares`](Self::pooled_squares).
    pub pooled_row_squares: f64,
    /// See [`pooled_squares`](Self::pooled_squares).
    pub pooled_degrees: f64,
    /// `Σ N_h²(1−f_h)` over strata with one sampled row.
    pub lone_scale: f64,
    /// `Σ (N_h²(1−f_h))²` over strata with one sampled row.
    pub lone_scale_squared: f64,
}

/// The degrees of freedom of a stratum's spread: those of its sampled rows, or of the domain's rows among them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Degrees {
    Stratum,
    Domain,
}

impl Total {
    /// Adds a stratum whose sampled rows outside the domain count as y = 0.
    ///
    /// `shift` is what was subtracted from y before it was added to `cell`, 0 if nothing was. Variance and third
    /// cumulant are those of an expanded total under simple random sampling without replacement
    /// (Cochran, *Sampling Techniques*, 3rd ed. 1977, pp. 26 and 95, and p. 35 for domains):
    ///
    /// `V_h = N²(1−f) / (n(n−1)) · Σ(y−ȳ)²`,
    /// `κ₃_h = N³(1−f)(1−2f) / (n(n−1)(n−2)) · Σ(y−ȳ)³` (0 for n = 2),
    ///
    /// with both sums over all n sampled rows of the stratum. They are split into the part inside
    /// the domain and the part between domain and zeros, neither of which cancels.
    pub fn fold(&mut self, size: StratumSize, shift: f64, cell: &Cell) {
        self.fold_cell(&size.into(), &Cell { origin: cell.origin + shift, ..*cell });
    }

    /// Like [`fold`](Self::fold), with the degrees of freedom of the domain's rows instead of the
    /// stratum's: for residuals of a mean or ratio, which were centred on the domain itself.
    ///
    /// `V_h` grows by `c(n−1)/((c−1)n)` and `κ₃_h` by `c²(n−1)(n−2)/((c−1)(c−2)n²)`; where c is too
    /// small for the factor it is 1.
    pub fn fold_domain(&mut self, size: StratumSize, shift: f64, cell: &Cell) {
        self.fold_domain_cell(&size.into(), &Cell { origin: cell.origin + shift, ..*cell });
    }

    /// Like [`fold`](Self::fold), for many cells of one stratum.
    #[inline]
    pub fn fold_cell(&mut self, stratum: &Expansion, cell: &Cell) {
        if !cell.is_empty() {
            let inside = stratum.inside(cell.count);
            self.fold_rows(&inside);
            self.fold_values(&inside, cell);
        }
    }

    /// Like [`fold_domain`](Self::fold_domain), for many cells of one stratum.
    #[inline]
    pub fn fold_domain_cell(&mut self, stratum: &Expansion, cell: &Cell) {
        if !cell.is_empty() {
            let inside = stratum.inside(cell.count);
            self.fold_rows(&inside);
            self.fold_domain_values(&inside, cell);
        }
    }

    /// The part of [`fold`](Self::fold) that differs between variables of one domain; `cell` has the rows of `inside`, at least one.
    ///
    /// The other part is [`fold_rows`](Self::fold_rows) here or [`share_rows`](Self::share_rows) with another total of the domain.
    #[inline]
    pub fn fold_values(&mut self, inside: &DomainInStratum<'_>, cell: &Cell) {
        self.fold_with(inside, cell, Degrees::Stratum);
    }

    /// The part of [`fold_domain`](Self::fold_domain) that differs between variables of one domain; `cell` has the rows of `inside`, at
    /// least one.
    #[inline]
    pub fn fold_domain_values(&mut self, inside: &DomainInStratum<'_>, cell: &Cell) {
        self.fold_with(inside, cell, Degrees::Domain);
    }

    /// The part of [`fold`](Self::fold) that is the same for all variables of one domain.
    #[inline]
    pub fn fold_rows(&mut self, inside: &DomainInStratum<'_>) {
        let stratum = inside.stratum;
        if stratum.is_exact {
            return;
        }
        self.weighted_rows += stratum.weight * inside.rows;
        self.weight_squares += stratum.weight_square * inside.rows;
        if stratum.sampled < 2.0 {
            self.lone_scale += stratum.scale;
            self.lone_scale_squared += stratum.scale * stratum.scale;
        } else {
            self.rows_variance += stratum.per_square * inside.row_squares;
            self.pooled_row_squares += inside.row_squares;
            self.pooled_degrees += stratum.sampled - 1.0;
        }
    }

    /// Takes over what [`fold_rows`](Self::fold_rows) made of `other`, a total of the same rows.
    #[inline]
    pub fn share_rows(&mut self, other: &Self) {
        self.weighted_rows = other.weighted_rows;
        self.weight_squares = other.weight_squares;
        self.rows_variance = other.rows_variance;
        self.pooled_row_squares = other.pooled_row_squares;
        self.pooled_degrees = other.pooled_degrees;
        self.lone_scale = other.lone_scale;
        self.lone_scale_squared = other.lone_scale_squared;
    }

    /// Adds what [`fold_rows`](Self::fold_rows) made of `other`, a total of other rows of the domain.
    #[inline]
    pub fn add_rows(&mut self, other: &Self) {
        self.weighted_rows += other.weighted_rows;
        self.weight_squares += other.weight_squares;
        self.rows_variance += other.rows_variance;
        self.pooled_row_squares += other.pooled_row_squares;
        self.pooled_degrees += other.pooled_degrees;
        self.lone_scale += other.lone_scale;
        self.lone_scale_squared += other.lone_scale_squared;
    }

    #[inline]
    fn fold_with(&mut self, inside: &DomainInStratum<'_>, cell: &Cell, degrees: Degrees) {
        let (stratum, sum) = (inside.stratum, cell.sum());
        if stratum.is_exact {
            self.exact_rows += inside.count;
            self.exact_sum += sum;
            return;
        }
        self.varies |= !cell.is_constant() || (self.domain_rows > 0 && self.value != cell.origin);
        self.value = cell.origin;
        self.inexact_estimate += stratum.weight * sum;
        self.seen += sum;
        self.domain_rows += inside.count;
        if stratum.sampled >= 2.0 {
            self.fold_spread(inside, cell, degrees);
        }
    }

    #[inline]
    fn fold_spread(&mut self, inside: &DomainInStratum<'_>, cell: &Cell, degrees: Degrees) {
        let (y, squares, cubes) = cell.central();
        let between = inside.row_squares * y * y;
        let all_squares = squares + between;
        let all_cubes = cubes + 3.0 * y * inside.fraction_outside * squares + between * inside.skew_factor * y;
        let mut variance = inside.stratum.per_square * all_squares;
        let mut third = inside.stratum.per_cube * all_cubes;
        if degrees == Degrees::Domain {
            variance *= inside.square_factor;
            third *= inside.cube_factor;
        }
        self.own_variance += variance;
        self.third += third;
        self.satterthwaite += variance * variance * inside.per_degree;
        self.pooled_squares += all_squares;
    }

    /// Adds the total of other strata.
    pub fn merge(&mut self, other: &Self) {
        let is_other = self.domain_rows > 0 && other.domain_rows > 0 && self.value != other.value;
        self.varies |= other.varies || is_other;
        self.value = if other.domain_rows > 0 { other.value } else { self.value };
        self.add_rows(other);
        self.inexact_estimate += other.inexact_estimate;
        self.seen += other.seen;
        self.own_variance += other.own_variance;
        self.third += other.third;
        self.satterthwaite += other.satterthwaite;
        self.domain_rows += other.domain_rows;
        self.exact_rows += other.exact_rows;
        self.exact_sum += other.exact_sum;
        self.pooled_squares += other.pooled_squares;
    }

    /// No row of the domain was seen, in sampled or in completely known strata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domain_rows == 0 && self.exact_rows == 0
    }

    /// A stratum with one sampled row of many takes part.
    #[must_use]
    pub fn has_lone_rows(&self) -> bool {
        self.lone_scale > 0.0
    }

    /// The estimated total of y over all strata.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        self.inexact_estimate + self.exact_sum
    }

    /// The mean of y over the rows of the domain in strata that are not known completely; NaN without any.
    #[must_use]
    pub fn inexact_mean(&self) -> f64 {
        self.inexact_estimate / self.weighted_rows
    }

    /// The estimated number of table rows in the domain, over all strata.
    #[must_use]
    pub fn count_estimate(&self) -> f64 {
        self.weighted_rows + real(self.exact_rows)
    }

    /// The size of a simple random sample from an infinite table that gives a mean as precise as these rows do, `N̂_d² / Σ w(w−1)` (Kish,
    /// *Survey Sampling*, 1965, § 11.7, with each row's own inclusion probability); infinite when nothing is sampled.
    pub(crate) fn effective_rows(&self) -> f64 {
        self.count_estimate().powi(2) / self.weight_squares
    }

    /// Variance of the estimate; `None` when it cannot be had (strata of one sampled row and no other to borrow a variance from), is not
    /// finite, or was not asked for ([`fold_estimates`](crate::DomainFactors::fold_estimates)).
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.with_lone_rows(self.own_variance, self.pooled_squares)
    }

    /// Variance of the estimated number of rows, with the same exceptions.
    pub(crate) fn row_count_variance(&self) -> Option<f64> {
        self.with_lone_rows(self.rows_variance, self.pooled_row_squares)
    }

    fn with_lone_rows(&self, own: f64, squares: f64) -> Option<f64> {
        let variance = if !self.has_lone_rows() {
            own
        } else if self.pooled_degrees > 0.0 {
            own + self.lone_scale * squares / self.pooled_degrees
        } else {
            return None;
        };
        variance.is_finite().then_some(variance)
    }

    /// Square root of the variance.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// Degrees of freedom of the variance, at least 1 (Satterthwaite, *Biometrics Bulletin* 2, 1946,
    /// p. 111), counted on the domain's rows: zeros outside the domain carry no information on
    /// its spread. 1 when there is no variance.
    #[must_use]
    pub fn degrees(&self) -> f64 {
        let Some(variance) = self.variance() else {
            return 1.0;
        };
        let mut spread = self.satterthwaite;
        if self.has_lone_rows() {
            let pooled = self.pooled_squares / self.pooled_degrees;
            spread += self.lone_scale_squared * pooled * pooled;
        }
        let degrees = variance * variance / spread;
        if degrees.is_finite() { degrees.max(1.0) } else { 1.0 }
    }

    /// Skewness of the estimate, `λ̂ = κ₃/V^1.5`; 0 when it is not defined.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        let lambda = self.variance().map_or(0.0, |v| self.third / (v * v.sqrt()));
        if lambda.is_finite() { lambda } else { 0.0 }
    }
}

#[cfg(test)]
mod tests;
