//! Sizes of strata, and the number of rows kept of each.

use plusminus_statistics::cap;
use std::borrow::Cow;

/// The sizes of the strata found so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) rows: Vec<u64>,
    /// Which strata are of the tail; empty when none is.
    pub(crate) tails: Vec<bool>,
}

impl Tally {
    pub(crate) fn is_tail(&self, stratum: usize) -> bool {
        self.tails.get(stratum).is_some_and(|tail| *tail)
    }

    /// The sizes of the strata outside the tail.
    fn body(&self) -> Cow<'_, [u64]> {
        if self.tails.is_empty() {
            return Cow::Borrowed(&self.rows);
        }
        let body = self.rows.iter().enumerate().filter(|(stratum, _)| !self.is_tail(*stratum));
        Cow::Owned(body.map(|(_, rows)| *rows).collect())
    }

    /// The size of the largest stratum outside the tail, or of any where all is tail.
    pub(crate) fn largest(&self) -> u64 {
        let body = self.body().iter().copied().max();
        body.or_else(|| self.rows.iter().copied().max()).unwrap_or(0)
    }

    /// The most rows kept of each stratum: `cap`, or all rows of a tail stratum.
    pub(crate) fn caps(&self, cap: u64) -> Vec<u64> {
        let strata = self.rows.iter().enumerate();
        strata.map(|(stratum, rows)| if self.is_tail(stratum) { *rows } else { cap }).collect()
    }
}

/// The limit on the rows that a family keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    /// Rows per stratum.
    Cap(u64),
    /// Rows in all.
    Rows(u64),
    /// Every row up to this priority, in a universe sample, whose priorities are those of keys.
    Below(u64),
}

impl Quota {
    /// The cap of every stratum outside the tail, given the strata's sizes; never below 2, the least that has a variance.
    ///
    /// The cap never grows while strata grow: a tail is kept whole, so its rows are subtracted from the SIZE that the other strata share.
    pub(crate) fn cap(self, tally: &Tally) -> u64 {
        match self {
            Self::Cap(k) => k.max(2),
            Self::Below(_) => u64::MAX,
            Self::Rows(n) => {
                let body = tally.body();
                let tail = tally.rows.iter().sum::<u64>() - body.iter().sum::<u64>();
                cap::for_size(&body, n.saturating_sub(tail)).max(2)
            }
        }
    }

    /// How many rows a family without a tail keeps of strata of these sizes.
    pub(crate) fn kept(self, counts: &[u64]) -> u64 {
        match self {
            Self::Cap(k) => counts.iter().map(|rows| (*rows).min(k)).sum(),
            Self::Rows(n) => counts.iter().sum::<u64>().min(n),
            Self::Below(_) => counts.iter().sum(),
        }
    }

    /// The highest priority that can be kept before any row is seen.
    pub(crate) fn threshold(self) -> u64 {
        match self {
            Self::Below(priority) => priority,
            Self::Cap(_) | Self::Rows(_) => u64::MAX,
        }
    }
}
