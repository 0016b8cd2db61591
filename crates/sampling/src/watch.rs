//! Watches the files of tables: while the operating system reports no change, they need not be checked one by one.

use crate::local::are_unchanged;
use datafusion::catalog::TableProvider;
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

/// After so long files are checked one by one again, whatever the operating system reports: it does not report writing through memory that
/// is mapped to a file, nor through another name that a file was given meanwhile, nor a file system mounted over a folder.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Tables watched at a time.
const TABLES_MAX: usize = 16;

/// The tables whose files are watched.
#[derive(Debug, Default)]
pub struct Watches {
    watched: Mutex<Vec<Watched>>,
}

impl Watches {
    /// Whether a table on the local disk still is made of the files listed in `then`, which is sorted; false, too, where that cannot be
    /// found. `now` is the time on a monotonic clock.
    ///
    /// Queries within a second of the last check need one check for the whole table. The first query, and every one after a change, needs
    /// one for every file.
    #[must_use]
    pub fn are_unchanged(&self, then: &[BaseFile], table: &Arc<dyn TableProvider>, now: Duration) -> bool {
        let mut known = match self.find(then, table, now) {
            WatchState::Quiet => return true,
            WatchState::Disturbed(known) => Some(known),
            WatchState::Unwatched => None,
        };
        // Watching starts before the files are checked, so that no change falls between.
        let is_watched = match &mut known {
            Some(known) => known.go_on(now),
            None => false,
        };
        let watched = known.filter(|_| is_watched).or_else(|| Watched::begin(then, table, now));
        if !are_unchanged(then, table) {
            return false;
        }
        let Some(watched) = watched else { return true };
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (all.len() >= TABLES_MAX).then(|| all.remove(0));
        all.push(watched);
        // To stop watching may take the operating system a while.
        drop(all);
        drop(oldest);
        true
    }

    fn find(&self, then: &[BaseFile], table: &Arc<dyn TableProvider>, now: Duration) -> WatchState {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = all.iter().position(|watched| watched.is_of(then, table)) else { return WatchState::Unwatched };
        match now.saturating_sub(all[at].since()) < TRUSTED_FOR && all[at].is_quiet() {
            true => WatchState::Quiet,
            false => WatchState::Disturbed(all.remove(at)),
        }
    }
}

/// The state of a table's watch.
enum WatchState {
    /// It is watched, and nothing happened.
    Quiet,
    /// Something happened, or the last check was too long ago.
    Disturbed(Watched),
    Unwatched,
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
