//! Samples that hold all rows of a key or none: universe samples, joins on the sampled key, whole blocks.
//!
//! Rows of one key are sampled together, so a variance computed from rows is too small. It has to be computed from the totals per key.
//! Every function takes one number per sampled key that has rows in the domain; sampled keys without such rows count as 0. Intervals from
//! row formulas cover 16–77 % here.

use crate::cell::Cell;
use crate::estimate::{Doubt, Estimate};
use crate::interval::{keyed_interval, keyed_sum_interval};
use crate::knowledge::PopulationMoments;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::{Population, StratumSize};
use crate::total::Total;

/// How keys were sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    /// Inclusion probability of each key, between 0 and 1.
    pub rate: f64,
    /// Keys in the sample, with rows in the domain or without, m.
    pub sampled: u64,
    /// Keys in the table, M, where known; the variance of totals is then smaller.
    pub all: Option<u64>,
}

/// The sum and the row count of one sampled key, which is its part in a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyTotal {
    /// Sum of the column over the key's rows in the domain.
    pub sum: f64,
    /// Number of those rows.
    pub rows: f64,
}

impl Keys {
    /// The keys that could hold a row of the domain, as one stratum whose rows are keys.
    #[must_use]
    pub fn population(&self) -> Population {
        let mut population = Population::default();
        match self.all {
            Some(all) => population.add(StratumSize::new(all, self.sampled)),
            None if self.rate < 1.0 => {
                population.add(StratumSize::new(crate::ceil_rows(real(self.sampled) / self.rate), self.sampled));
                population.weight_max = self.rate.recip();
                population.rate_min = self.rate;
            }
            None => {}
        }
        population
    }

    /// The total over all keys of numbers known for the sampled ones, with its variance.
    ///
    /// With M known: a simple random sample of m keys, `M t̄` with `M²(1−m/M)s²/m`. Otherwise each key
    /// was drawn on its own: `Σt/p` with `(1−p)/p²·Σt²` and `κ₃ = (1−p)(1−2p)/p³·Σt³` (Särndal,
    /// Swensson and Wretman, *Model Assisted Survey Sampling*, 1992, p. 85).
    #[must_use]
    pub fn total(&self, totals: impl IntoIterator<Item = f64>) -> Total {
        let mut cell = Cell::default();
        totals.into_iter().for_each(|t| cell.add(t));
        let mut total = Total::default();
        let p = self.rate;
        if let Some(all) = self.all {
            total.fold(StratumSize::new(all, self.sampled), 0.0, &cell);
        } else if p >= 1.0 {
            total.fold(StratumSize::new(cell.count, cell.count), 0.0, &cell);
        } else if !cell.is_empty() {
            let keys = real(cell.count);
            let per_key = (1.0 - p) / (p * p);
            let (squares, cubes) = cell.raw_powers();
            let variance = per_key * squares;
            total = Total {
                inexact_estimate: cell.sum() / p,
                seen: cell.sum(),
                own_variance: variance,
                third: per_key * (1.0 - 2.0 * p) / p * cubes,
                satterthwaite: variance * variance / (keys - 1.0).max(1.0),
                domain_rows: cell.count,
                weighted_rows: keys / p,
                weight_squares: per_key * keys,
                rows_variance: per_key * keys,
                value: cell.origin,
                varies: !cell.is_constant(),
                ..total
            };
        }
        total
    }
}

/// A SUM or COUNT from totals per key.
///
/// `knowledge` holds the moments of the totals per key over the table's keys, as far as they are known (measured at the sample's top level,
/// say). Without them, and where few keys make up much of the total, the answer is not trusted. Trusted ones cover 95.6–98.8 % with 40–500
/// sampled keys whose totals are exponential to Pareto 1.5 (1,600 samples each, seed 1,414), the others 94–98 %.
#[must_use]
pub fn total_interval(totals: &[f64], keys: &Keys, knowledge: &PopulationMoments, quantiles: &Quantiles) -> Estimate {
    let total = keys.total(totals.iter().copied());
    keyed_sum_interval(&total, knowledge, &keys.population(), quantiles)
}

/// An AVG of rows from sums and row counts per key.
///
/// The mean is `R̂ = Σs/Σc`, with the residuals `e = s − R̂c` per key and the variance
/// `(1−p)·m/(m−1)·Σe²/(Σc)²`, m being the keys with rows in the domain. `gamma_star` and `kurtosis` are
/// those of e over the table's keys. No interval is given when the estimated number of rows varies
/// by more than 10 %. Trusted ones cover 96.9–97.1 % (200 and 500 sampled keys).
#[must_use]
pub fn mean_interval(
    keys: &[KeyTotal],
    rate: f64,
    gamma_star: Option<f64>,
    kurtosis: Option<f64>,
    quantiles: &Quantiles,
) -> Estimate {
    let m = real(keys.len() as u64);
    let rows: f64 = keys.iter().map(|key| key.rows).sum();
    let mean = keys.iter().map(|key| key.sum).sum::<f64>() / rows;
    let sampled = Keys { rate, sampled: keys.len() as u64, all: None };
    let population = sampled.population();
    if keys.len() < 2 && rate < 1.0 {
        return Estimate::unbounded(mean, if keys.is_empty() { Doubt::NoRows } else { Doubt::SingleRow });
    }
    let mut z = sampled.total(keys.iter().map(|key| (key.sum - mean * key.rows) * rate / rows));
    z.own_variance *= m / (m - 1.0);
    z.satterthwaite *= (m / (m - 1.0)).powi(2);
    let spread: f64 = keys.iter().map(|key| (key.rows - rows / m).powi(2)).sum();
    let variation = ((1.0 - rate).max(0.0) * m / (m - 1.0) * spread).sqrt() / rows;
    if rate >= 1.0 {
        return if mean.is_nan() { Estimate::exact_null() } else { Estimate::exact(mean) };
    }
    keyed_interval(mean, &z, gamma_star, kurtosis, variation, &population, quantiles)
}

#[cfg(test)]
mod tests;
