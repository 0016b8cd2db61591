//! Columns of joined tables that a query has fetched beside samples, or will have.

use super::fetch_costs::shown;
use super::table_answer::in_words;
use crate::joins::KeyLimits;
use crate::refine::ColumnsWanted;
use plusminus_catalog::Manifest;
use plusminus_plan::AggregateQuery;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Columns that a query has fetched, asks for, or leaves for later.
#[derive(Default)]
pub(crate) struct Fetching {
    done: Mutex<Option<Done>>,
    /// Levels whose columns a pilot asked for.
    asked_for: Mutex<Option<ColumnsWanted>>,
    later: OnceLock<FetchLater>,
    /// Limits of the work on keys that have to be proven first.
    keys_later: OnceLock<KeyLimits>,
}

/// Columns that were fetched.
struct Done {
    tables: String,
    sample: String,
    /// Whether the rows of samples were joined rather than looked up.
    joins_samples: bool,
    took: Duration,
}

/// Columns that a sample lacks at its first levels, to be fetched once the table has answered.
pub(crate) struct FetchLater {
    pub(super) query: Arc<AggregateQuery>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) levels: usize,
}

impl Fetching {
    /// Asks for the columns of some levels; of all when others were asked for before.
    pub(crate) fn ask_for(&self, wanted: ColumnsWanted) {
        let mut asked = self.asked_for.lock().unwrap_or_else(PoisonError::into_inner);
        let levels = if asked.is_some() { usize::MAX } else { wanted.levels };
        *asked = Some(ColumnsWanted { levels, ..wanted });
    }

    /// Levels whose columns a pilot asked for.
    pub(super) fn asked_for(&self) -> Option<ColumnsWanted> {
        *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that columns of tables, with commas between them, were fetched, or samples of them joined; times of several fetches add up.
    pub(super) fn note(&self, tables: &str, sample: &str, joins_samples: bool, took: Duration) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let before = done.take();
        let tables = before.as_ref().map_or(tables, |done| &done.tables).to_owned();
        let took = took + before.map_or(Duration::ZERO, |done| done.took);
        *done = Some(Done { tables, sample: sample.to_owned(), joins_samples, took });
    }

    /// Notes columns to be fetched behind the answer of the table.
    pub(super) fn leave_for_later(&self, later: FetchLater) {
        let _ = self.later.set(later);
    }

    /// Notes that keys are to be proven behind the answer of the table, each within `limits`.
    pub(super) fn leave_keys_for_later(&self, limits: KeyLimits) {
        let _ = self.keys_later.set(limits);
    }

    pub(super) fn keys_later(&self) -> Option<&KeyLimits> {
        self.keys_later.get()
    }

    pub(super) fn later(&self) -> Option<&FetchLater> {
        self.later.get()
    }

    /// A sentence on what was fetched.
    pub(crate) fn sentence(&self) -> Option<String> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.as_ref().map(|done| {
            let (tables, took) = (shown(&done.tables), in_words(done.took));
            match done.joins_samples {
                true => format!("samples of {tables} were joined first ({took}); their join is stored"),
                false => format!(
                    "columns of {tables} were fetched first ({took}); they are stored beside sample '{}'",
                    done.sample
                ),
            }
        })
    }
}
