//! The bounds that a statement sets for its answer.

use crate::answer::{Error, Result};
use plusminus_dialect::{Bounds, ErrorBound, OnMiss, TimeBound};
use plusminus_statistics::{Confidence, Estimate, Target, Trust, meets};
use std::time::Duration;

/// Bounds with the session's defaults filled in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) error: Option<Target>,
    pub(crate) within: Option<Duration>,
    /// WITHIN as the query states it; a part of the query has only a share of it in `within`.
    pub(crate) stated_within: Option<Duration>,
    pub(crate) confidence: Confidence,
    pub(crate) all_groups: bool,
    pub(crate) on_miss: OnMiss,
}

/// Session defaults from `SET plusminus.…`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub(crate) error: Option<ErrorBound>,
    pub(crate) within: Option<TimeBound>,
    pub(crate) confidence_percent: Option<f64>,
    pub(crate) on_miss: Option<OnMiss>,
    pub(crate) sample: Option<String>,
    pub(crate) level: Option<u32>,
}

impl Goal {
    /// Fills in defaults: a stated ERROR or WITHIN replaces both defaults, every other default only fills a gap.
    pub(crate) fn new(bounds: &Bounds, defaults: &Defaults) -> Result<Self> {
        let stated = bounds.error.is_some() || bounds.within.is_some();
        let (error, within) = if stated {
            (bounds.error.clone(), bounds.within.clone())
        } else {
            (defaults.error.clone(), defaults.within.clone())
        };
        if error.is_none() && within.is_none() && bounds.needs_target() {
            return Err(Error::invalid(
                format!("{bounds} says how to meet a bound, and there is no ERROR or WITHIN"),
                "add ERROR WITHIN 5% or WITHIN 2 SECONDS, or set a default with SET plusminus.error = '5%'",
            ));
        }
        let percent = defaults.confidence_percent.map(|p| p / 100.0);
        let level = bounds.confidence_level().or(percent);
        let confidence = level.map_or(Ok(Confidence::default()), Confidence::new);
        let within = within.map(|w| w.duration().ok_or_else(unbound)).transpose()?;
        Ok(Self {
            error: error.map(|e| target(&e)).transpose()?,
            within,
            stated_within: within,
            confidence: confidence.map_err(|e| Error::invalid(e.to_string(), "a confidence from 50 % to 99.9 %"))?,
            all_groups: bounds.all_groups,
            on_miss: bounds.on_miss.or(defaults.on_miss).unwrap_or(OnMiss::Repair),
        })
    }

    /// The goal of one of `count` blocks of the query, with `within` as its share of the time.
    ///
    /// Intervals that have to hold at once share the error probability (Bonferroni). Misses are handled when all blocks are known: a block
    /// with a time bound alone stays on samples, and blocks that share one scan of a table are not repaired one by one.
    pub(crate) fn of_block(&self, count: usize, at_once: bool, share_scan: bool, within: Option<Duration>) -> Self {
        let all_groups = self.all_groups || at_once;
        let on_miss = match self.on_miss {
            // Errors of rows that LIMIT leaves out do not matter, and with little time an answer of all blocks comes first.
            _ if self.error.is_none() || at_once || within.is_some() => OnMiss::Report,
            OnMiss::Fail | OnMiss::Omit => OnMiss::Report,
            OnMiss::Repair if share_scan => OnMiss::Exact,
            other => other,
        };
        let confidence = if all_groups { self.confidence.for_each_of(count) } else { self.confidence };
        Self { within, confidence, all_groups, on_miss, ..*self }
    }

    /// The goal of one of `count` blocks whose numbers add up: all of their intervals must hold at once, and whether the sums meet the
    /// error is seen from the sums.
    pub(crate) fn of_summand(&self, count: usize) -> Self {
        Self { confidence: self.confidence.for_each_of(count), on_miss: OnMiss::Report, ..*self }
    }

    /// Whether the table answers when no sample answers within the error.
    pub(crate) fn reads_table_on_miss(&self) -> bool {
        self.error.is_some() && matches!(self.on_miss, OnMiss::Repair | OnMiss::Exact)
    }

    /// Whether an exact answer that ends within the time is preferred to an estimate; ON MISS REPORT prefers estimates.
    pub(crate) fn prefers_exact(&self) -> bool {
        self.error.is_none() && self.on_miss != OnMiss::Report
    }

    /// Whether there is any bound; without one nothing is approximated.
    pub(crate) fn is_bounded(&self) -> bool {
        self.error.is_some() || self.within.is_some()
    }
}

fn target(bound: &ErrorBound) -> Result<Target> {
    match (bound.relative_fraction(), bound.absolute()) {
        (Some(fraction), _) => Ok(Target::Relative(fraction)),
        (None, Some(absolute)) => Ok(Target::Absolute(absolute)),
        (None, None) => Err(unbound()),
    }
}

fn unbound() -> Error {
    Error::invalid("a parameter of the bounds has no value", "pass one number for each $1, $2, …")
}

/// Whether an estimate meets the target, or is exact. An exact NULL (no row in the domain) is no miss.
pub(crate) fn meets_or_null(estimate: &Estimate, target: Target) -> bool {
    match (estimate.trust, estimate.value) {
        (Trust::Exact, _) => true,
        _ => meets(estimate, target),
    }
}
