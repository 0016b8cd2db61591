use crate::confidence::Confidence;
use crate::estimate::{Doubt, Estimate, Trust};
use crate::missing::named_group_below;
use crate::stratum::Population;

/// The smallest or largest value of a column over a domain, MIN or MAX (`is_max`).
///
/// `seen` is the extreme of the domain's known rows, `bound` that of the whole column from its scan. Unsampled rows can only lie beyond
/// `seen`, up to `bound`: the interval is certain, at any confidence, and one-sided. Without `bound` it is open on that side.
/// [`rows_beyond`] says how many rows can exceed the value.
#[must_use]
pub fn extreme_interval(seen: Option<f64>, bound: Option<f64>, is_max: bool, population: &Population) -> Estimate {
    let Some(seen) = seen else {
        let trust = if population.is_exact() { Trust::Exact } else { Trust::Untrusted(Doubt::NoRows) };
        return Estimate { trust, ..Estimate::exact_null() };
    };
    let reached = bound.is_some_and(|bound| if is_max { seen >= bound } else { seen <= bound });
    if population.is_exact() || reached {
        return Estimate::exact(seen);
    }
    let trust = if bound.is_some() { Trust::Trusted } else { Trust::Untrusted(Doubt::OneSided) };
    let bound = bound.unwrap_or(f64::NAN);
    if is_max { Estimate::within(seen, seen, bound, trust) } else { Estimate::within(seen, bound, seen, trust) }
}

/// "At most so many rows lie beyond the sample's extreme": `ln(alpha)/ln(1−f)` with f the smallest
/// rate among the strata that could hold one, and never more than were left out of the sample.
///
/// The k rows nearest the true extreme are all missed with probability `(1−f)^k` at most.
#[must_use]
pub fn rows_beyond(population: &Population, confidence: Confidence) -> u64 {
    if population.is_exact() {
        return 0;
    }
    named_group_below(population.rate_min, confidence).min(population.unseen())
}

#[cfg(test)]
mod tests;
