use crate::real;

/// How much of a stratum is in the sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StratumSize {
    /// Rows of the stratum in the table, `N_h`.
    pub rows: u64,
    /// Rows of the stratum in the sample, `n_h`.
    pub sampled: u64,
}

impl StratumSize {
    /// A stratum of `rows` rows, of which `sampled` are known.
    #[must_use]
    pub fn new(rows: u64, sampled: u64) -> Self {
        Self { rows, sampled }
    }

    /// Every row is known, so that the stratum adds no error.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.sampled >= self.rows
    }

    /// Table rows that one sampled row stands for, `w_h = N_h/n_h`; infinite for an empty sample
    /// of a non-empty stratum.
    #[must_use]
    pub fn weight(&self) -> f64 {
        if self.is_exact() { 1.0 } else { real(self.rows) / real(self.sampled) }
    }

    /// Sampled share of the stratum, `f_h = n_h/N_h`, at most 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.is_exact() { 1.0 } else { real(self.sampled) / real(self.rows) }
    }
}

/// The expansion factors of a stratum, computed once for all of its cells.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    pub(crate) is_exact: bool,
    /// Rows of the stratum in the sample, `n_h`; the next field is its reciprocal.
    pub(crate) sampled: f64,
    pub(crate) sampled_inverse: f64,
    pub(crate) weight: f64,
    /// `w(w−1)`.
    pub(crate) weight_square: f64,
    /// `N²(1−f)`: the spread of a mean of one row, blown up to the stratum.
    pub(crate) scale: f64,
    /// `N²(1−f) / (n(n−1))`; meaningless where a single row was sampled.
    pub(crate) per_square: f64,
    /// `N³(1−f)(1−2f) / (n(n−1)(n−2))`; 0 with fewer than three rows.
    pub(crate) per_cube: f64,
}

impl From<StratumSize> for Expansion {
    fn from(size: StratumSize) -> Self {
        let (all, sampled) = (real(size.rows), real(size.sampled));
        let (weight, rate) = (size.weight(), size.rate());
        let scale = all * all * (1.0 - rate);
        let per_square = scale / (sampled * (sampled - 1.0));
        let per_cube = if size.sampled > 2 { per_square * all * (1.0 - 2.0 * rate) / (sampled - 2.0) } else { 0.0 };
        Self {
            is_exact: size.is_exact(),
            sampled,
            sampled_inverse: sampled.recip(),
            weight,
            weight_square: weight * (weight - 1.0),
            scale,
            per_square,
            per_cube,
        }
    }
}

impl Expansion {
    /// The domain that `count` of the sampled rows belong to.
    #[inline]
    #[must_use]
    pub fn inside(&self, count: u64) -> DomainInStratum<'_> {
        let (rows, n) = (real(count), self.sampled);
        let c = rows.min(n);
        // n·(1/n) need not be 1, so the fraction outside comes from the difference, which is 0 where no row is outside.
        let (share, fraction_outside) = (c * self.sampled_inverse, (n - c) * self.sampled_inverse);
        let per_degree = if c > 1.0 { (c - 1.0).recip() } else { 1.0 };
        let square_factor = if c > 1.0 { share * (n - 1.0) * per_degree } else { 1.0 };
        let cube_factor = if c > 2.0 { square_factor * share * (n - 2.0) / (c - 2.0) } else { 1.0 };
        DomainInStratum {
            stratum: self,
            count,
            rows,
            fraction_outside,
            row_squares: c * fraction_outside,
            skew_factor: fraction_outside - share,
            per_degree: if c > 2.0 { per_degree } else { 1.0 },
            square_factor,
            cube_factor,
        }
    }
}

/// The domain factors of one stratum, which all variables of the domain share.
#[derive(Clone, Copy, Debug)]
pub struct DomainInStratum<'a> {
    pub(crate) stratum: &'a Expansion,
    /// Sampled rows in the domain, `c_h`.
    pub(crate) count: u64,
    pub(crate) rows: f64,
    /// The fraction outside: the share of the sampled rows that are not in the domain, `1 − c/n`.
    pub(crate) fraction_outside: f64,
    /// `c(1−c/n)`: Σ(x−x̄)² of the indicator x of the domain.
    pub(crate) row_squares: f64,
    /// The skew factor `1 − 2c/n`: Σ(x−x̄)³ of the indicator over its squares.
    pub(crate) skew_factor: f64,
    /// `1/(c−1)`; 1 up to two rows.
    pub(crate) per_degree: f64,
    /// The factor that gives a variance the domain's degrees of freedom instead of the stratum's, `c(n−1)/(n(c−1))`; 1 for one row.
    pub(crate) square_factor: f64,
    /// The factor that gives a third moment the domain's degrees of freedom, `c²(n−1)(n−2)/(n²(c−1)(c−2))`; 1 up to two rows.
    pub(crate) cube_factor: f64,
}

impl DomainInStratum<'_> {
    /// Sampled rows in the domain.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// The strata that could hold a row of a domain, as far as they are not known completely.
///
/// A domain without a sampled row in a stratum may still have rows there: the unsampled rows bound a COUNT from above and decide whether an
/// answer is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Population {
    /// Table rows of those strata, `N_I = Σ N_h`.
    pub rows: u64,
    /// Sampled rows of those strata, `Σ n_h`, in the domain or not.
    pub sampled: u64,
    /// The largest weight among them; 0 when there are none.
    pub weight_max: f64,
    /// The smallest sampled share among them; 0 when there are none.
    pub rate_min: f64,
}

impl Population {
    /// Adds a stratum; completely known strata leave the population unchanged.
    pub fn add(&mut self, size: StratumSize) {
        if size.is_exact() {
            return;
        }
        let (all, sampled) = (real(size.rows), real(size.sampled));
        let (weight, rate) = (all / sampled, sampled / all);
        self.rate_min = if self.is_exact() { rate } else { self.rate_min.min(rate) };
        self.rows += size.rows;
        self.sampled += size.sampled;
        self.weight_max = self.weight_max.max(weight);
    }

    /// Adds the strata of another population.
    pub fn merge(&mut self, other: &Self) {
        if other.is_exact() {
            return;
        }
        self.rate_min = if self.is_exact() { other.rate_min } else { self.rate_min.min(other.rate_min) };
        self.rows += other.rows;
        self.sampled += other.sampled;
        self.weight_max = self.weight_max.max(other.weight_max);
    }

    /// No row of the domain can have been missed.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.rows == 0
    }

    /// Rows that the sample does not hold.
    pub(crate) fn unseen(&self) -> u64 {
        self.rows.saturating_sub(self.sampled)
    }
}

#[cfg(test)]
mod tests;
