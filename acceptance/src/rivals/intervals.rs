//! Other people's intervals, from the sums of a group's sampled rows.

use super::rows::{Sampled, Sums};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Count,
    Sum,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Clt,
    ByHand,
    Variational,
}

pub(crate) const METHODS: [Method; 3] = [Method::Clt, Method::ByHand, Method::Variational];

impl Aggregate {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Sum => "SUM",
            Self::Mean => "AVG",
        }
    }
}

impl Method {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Clt => "CLT",
            Self::ByHand => "by hand",
            Self::Variational => "variational",
        }
    }

    /// Value, lower and upper end; none where the method has no answer.
    pub(crate) fn interval(
        self,
        aggregate: Aggregate,
        sums: &Sums,
        measure: usize,
        sampled: &Sampled,
        z: f64,
    ) -> Option<(f64, f64, f64)> {
        let around = |(value, error): (f64, f64)| (value, value - z * error, value + z * error);
        match self {
            Self::Clt => Some(around(clt(aggregate, sums, measure))),
            Self::ByHand => sampled.is_uniform.then(|| around(by_hand(aggregate, sums, measure))),
            Self::Variational => variational(aggregate, sums, measure, sampled),
        }
    }
}

/// Sum and squares of what is averaged, over the rows that pass.
fn moments(aggregate: Aggregate, sums: &Sums, measure: usize) -> [f64; 2] {
    if aggregate == Aggregate::Count { [sums.rows; 2] } else { sums.measures[measure] }
}

/// Mean and s/√n of `n` values with these sums.
fn mean(n: f64, [sum, squares]: [f64; 2]) -> (f64, f64) {
    let variance = ((squares - sum * sum / n) / (n - 1.0)).max(0.0);
    (sum / n, (variance / n).sqrt())
}

/// The mean of all sampled rows of the stratum, zero where the filter fails, expanded; AVG over the rows that pass.
fn clt(aggregate: Aggregate, sums: &Sums, measure: usize) -> (f64, f64) {
    let moments = moments(aggregate, sums, measure);
    if aggregate == Aggregate::Mean {
        return mean(sums.rows, moments);
    }
    let (mean, error) = mean(sums.sampled, moments);
    (sums.table * mean, sums.table * error)
}

/// COUNT/p and SUM/p, as for rows that were each kept with probability p.
fn by_hand(aggregate: Aggregate, sums: &Sums, measure: usize) -> (f64, f64) {
    let [sum, squares] = moments(aggregate, sums, measure);
    if aggregate == Aggregate::Mean {
        return mean(sums.rows, [sum, squares]);
    }
    let p = sums.sampled / sums.table;
    (sum / p, ((1.0 - p) * squares).sqrt() / p)
}

/// Park et al., *VerdictDB* (SIGMOD 2018), section 4: every row is in one of √n subsamples; the quantiles of
/// `√n_i (g_i − g)` over the subsamples, divided by √n, are those of the error.
///
/// Totals of a subsample are expanded by its share of all rows, and empty subsamples count for them as zero.
fn variational(aggregate: Aggregate, sums: &Sums, measure: usize, sampled: &Sampled) -> Option<(f64, f64, f64)> {
    let part = if aggregate == Aggregate::Count { 0 } else { measure + 1 };
    let weight = sums.table / sums.sampled;
    let total = moments(aggregate, sums, measure)[0];
    let is_mean = aggregate == Aggregate::Mean;
    let value = if is_mean { total / sums.rows } else { weight * total };
    let all = if is_mean { sums.rows } else { sampled.rows() };
    let mut errors = Vec::new();
    for (subsample, sum) in sums.parts[part].iter().enumerate() {
        let rows = if is_mean { sums.parts[0][subsample] } else { sampled.subsample_rows[subsample] };
        if rows > 0.0 {
            let own = if is_mean { sum / rows } else { weight * sum * f64::from(sampled.subsample_count) };
            errors.push((rows / all).sqrt() * (own - value));
        }
    }
    errors.sort_by(f64::total_cmp);
    let (lower, upper) = (quantile(&errors, 0.025)?, quantile(&errors, 0.975)?);
    Some((value, value - upper, value - lower))
}

/// Linear interpolation between order statistics; none without two of them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    if sorted.len() < 2 {
        return None;
    }
    let place = p * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let next = sorted.get(below + 1).unwrap_or(&sorted[below]);
    Some(sorted[below] + (place - below as f64) * (next - sorted[below]))
}
