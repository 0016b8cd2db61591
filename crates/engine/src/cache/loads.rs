//! One loader per key: whoever asks for what is being loaded waits for it, or goes on without.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Keys whose values are being loaded.
#[derive(Debug)]
pub(super) struct Loads<K: Clone + Eq + Hash> {
    under_way: Mutex<HashSet<K>>,
    ended: Condvar,
}

/// The right to load the value of a key, until it is dropped.
#[derive(Debug)]
pub(crate) struct Load<'a, K: Clone + Eq + Hash> {
    loads: &'a Loads<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Default for Loads<K> {
    fn default() -> Self {
        Self { under_way: Mutex::default(), ended: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash> Loads<K> {
    /// Waits until no one else loads the value of `key`.
    pub(super) fn begin(&self, key: &K) -> Load<'_, K> {
        let wait = self.ended.wait_while(self.lock(), |under_way| under_way.contains(key));
        wait.unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Load { loads: self, key: key.clone() }
    }

    /// The right to load the value of `key`; `None` where someone else loads it.
    pub(super) fn try_begin(&self, key: &K) -> Option<Load<'_, K>> {
        self.lock().insert(key.clone()).then(|| Load { loads: self, key: key.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<K>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Drop for Load<'_, K> {
    fn drop(&mut self) {
        self.loads.lock().remove(&self.key);
        self.loads.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_at_a_time_loads_the_value_of_a_key() {
        let loads: Loads<u32> = Loads::default();
        let (now, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _load = loads.begin(&7);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), done.into_inner()), (1, 1_600));
        let load = loads.try_begin(&7);
        assert!(load.is_some() && loads.try_begin(&7).is_none() && loads.try_begin(&8).is_some());
        drop(load);
        assert!(loads.try_begin(&7).is_some());
    }
}
