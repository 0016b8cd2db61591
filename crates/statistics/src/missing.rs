//! Missing groups: how large a group can be without a single sampled row.
//!
//! Rates are the smallest sampled share among the strata that could hold the group's rows
//! ([`Population::rate_min`](crate::Population::rate_min)); completely known strata hide nothing.

use crate::confidence::Confidence;
use crate::{ceil_rows, real};

/// "No missing group has this many rows or more", for all groups of a table of `rows` rows at once.
///
/// At most `rows/X` groups can have X rows, and one of them is missed with probability `(1−rate)^X`,
/// so X solves `X = ln((rows/X)/alpha)/(−ln(1−rate))`. 0 when every row is sampled (or there is none),
/// `rows` when nothing smaller can be said.
#[must_use]
pub fn any_group_below(rows: u64, rate: f64, confidence: Confidence) -> u64 {
    let all = real(rows);
    let per_row = -(-rate).ln_1p();
    if rows == 0 || rate >= 1.0 {
        return 0;
    }
    if rate.is_nan() || rate <= 0.0 {
        return rows;
    }
    let mut size = single(per_row, confidence);
    for _ in 0..50 {
        let next = ((all / size).max(1.0) / confidence.alpha()).ln() / per_row;
        let settled = (next - size).abs() < 1e-6 * next;
        size = next;
        if settled {
            break;
        }
    }
    ceil_rows(size).min(rows)
}

/// "If this group exists, it has at most this many rows", for one group named in advance:
/// `ln(alpha)/ln(1−rate)`.
///
/// 0 when every row is sampled, `u64::MAX` when none is.
#[must_use]
pub fn named_group_below(rate: f64, confidence: Confidence) -> u64 {
    let per_row = -(-rate).ln_1p();
    if rate.is_nan() || rate <= 0.0 {
        u64::MAX
    } else if rate >= 1.0 {
        0
    } else {
        ceil_rows(single(per_row, confidence))
    }
}

fn single(per_row: f64, confidence: Confidence) -> f64 {
    -confidence.alpha().ln() / per_row
}

#[cfg(test)]
mod tests;
