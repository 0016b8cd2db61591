use crate::stratum::Population;
use crate::total::Total;
use crate::{down_rows, real};

mod constant;
mod correlation;
mod count;
mod distinct;
mod extreme;
mod hall;
mod keyed;
mod mean;
mod quantile;
mod smooth;
mod sum;
mod variance;

pub use correlation::correlation_interval;
pub use count::count_interval;
pub use distinct::{distinct_interval, sketch_interval};
pub use extreme::{extreme_interval, rows_beyond};
pub use hall::{hall_g, hall_union_t};
pub use keyed::{keyed_interval, keyed_sum_interval};
pub use mean::mean_interval;
pub use quantile::{Interpolation, WeightedPoint, quantile_interval, weighted_quantile};
pub use smooth::smooth_interval;
pub use sum::sum_interval;
pub use variance::variance_interval;

/// Sampled rows from which an interval can be trusted.
const TRUSTED_ROWS: u64 = 30;
/// The size of a simple random sample that is as precise as the domain's rows: smaller than the number of sampled rows where strata of few
/// rows and large weights dominate.
fn equivalent_rows(domain: &Total) -> f64 {
    real(domain.domain_rows).min(domain.effective_rows())
}

/// The number of rows that decides whether an interval can be trusted, and how skewed it is made: the sampled rows, at most the effective
/// rows that are left if one unsampled row has the largest weight, `(N̂_d + w)² / (Σ w(w−1) + w(w−1))`.
///
/// In a group that cuts across strata, 60 rows of weight 1 say nothing of the stratum of weight 1,000 that may hold most of it: SUMs of
/// 90 % zeros over 10 % of such rows covered 51–71 % (100 samples of 1.5 million rows) when only their sampled rows were counted. In one
/// stratum this is never fewer than were sampled.
fn trusted_rows(domain: &Total, population: &Population) -> u64 {
    let weight = population.weight_max;
    let worth = (domain.weighted_rows + weight).powi(2) / (domain.weight_squares + weight * (weight - 1.0));
    if worth.is_nan() { domain.domain_rows } else { domain.domain_rows.min(down_rows(worth)) }
}

#[cfg(test)]
mod tests;
