//! The manifests of all samples, read again only when one of them changed.

use super::Environment;
use crate::answer::Result;
use plusminus_catalog::{Manifest, Store};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Environment {
    /// The current generation of every sample; read again only when a sample has a new generation.
    pub(crate) fn families(&self) -> Result<Vec<Arc<Manifest>>> {
        let (store, now_unix_ms) = (&self.store, self.clock.unix_ms());
        let mut known = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.is_untouched(store)) {
            return Ok(known.manifests.clone());
        }
        // Versions are listed before manifests are read, so that a change in between is seen the next time.
        let versions = store.versions()?;
        let touched = store.touched(versions.iter().map(|(name, _)| name.as_str()));
        let touched = touched.filter(|_| store.versions().is_ok_and(|again| again == versions));
        let manifests = match known.take().filter(|known| known.versions == versions) {
            Some(known) => known.manifests,
            None => store.families()?.into_iter().map(Arc::new).collect(),
        };
        *known = Some(Decoded { versions, manifests: manifests.clone(), touched, read_unix_ms: now_unix_ms });
        Ok(manifests)
    }
}

/// Manifests from the last read of the store.
pub(crate) struct Decoded {
    /// Generation by sample name.
    versions: Vec<(String, u64)>,
    manifests: Vec<Arc<Manifest>>,
    /// Modification times of the samples' folders.
    touched: Option<Vec<SystemTime>>,
    read_unix_ms: u64,
}

/// Longest resolution of file system timestamps: within it two changes may have one time.
const TICK_MAX: Duration = Duration::from_secs(2);

impl Decoded {
    fn is_untouched(&self, store: &Store) -> bool {
        let Some(touched) = &self.touched else { return false };
        let read = UNIX_EPOCH + Duration::from_millis(self.read_unix_ms);
        touched.iter().all(|changed| *changed + TICK_MAX < read)
            && store.touched(self.versions.iter().map(|(name, _)| name.as_str())).as_ref() == Some(touched)
    }
}
