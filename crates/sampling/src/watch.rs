//! Files of which the operating system says that nobody touched them since they were last looked at one by one.

use crate::local::are_unchanged;
use datafusion::catalog::{Session, TableProvider};
use plusminus_catalog::BaseFile;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(target_os = "linux")]
#[path = "watch/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "watch/none.rs"]
mod system;

use system::Watched;

/// After so long files are looked at one by one again, whatever the operating system says: writing through memory that is mapped to
/// a file, for one, is not reported.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Tables watched at a time.
const TABLES_MAX: usize = 16;

/// The tables whose files are watched.
#[derive(Debug, Default)]
pub struct Watches {
    watched: Mutex<Vec<Watched>>,
}

impl Watches {
    /// Whether a table on the local disk still is made of the files listed in `then`, which is sorted; false too where that cannot
    /// be told. `now` is the time on any clock that never goes back.
    ///
    /// Queries that follow one another within a second cost a question for the whole table; the first, and every one after a
    /// change, two microseconds per file.
    #[must_use]
    pub fn are_unchanged(
        &self,
        then: &[BaseFile],
        table: &Arc<dyn TableProvider>,
        state: &dyn Session,
        now: Duration,
    ) -> bool {
        if self.are_quiet(then, table, state, now) {
            return true;
        }
        // Watched before they are looked at, so that no change falls between.
        let watched = Watched::begin(then, table, state, now);
        if !are_unchanged(then, table, state) {
            return false;
        }
        if let Some(watched) = watched {
            let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= TABLES_MAX {
                all.remove(0);
            }
            all.push(watched);
        }
        true
    }

    /// Whether they are watched, and nothing happened.
    fn are_quiet(&self, then: &[BaseFile], table: &Arc<dyn TableProvider>, state: &dyn Session, now: Duration) -> bool {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = all.iter().position(|watched| watched.is_of(then, table, state)) else { return false };
        let is_quiet = now.saturating_sub(all[at].since()) < TRUSTED_FOR && all[at].is_quiet();
        if !is_quiet {
            all.remove(at);
        }
        is_quiet
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
