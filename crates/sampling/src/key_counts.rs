//! The scan before the pass of a universe sample: how many rows each key has.

use crate::error::SamplingError;
use crate::plan::FamilyPlan;
use crate::source::{Source, Unit};
use crate::threads::on_threads;
use crate::universe::{KeyCounts, Universe};
use datafusion::catalog::Session;
use datafusion::execution::TaskContext;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The state that the workers of the scan share.
struct Scan {
    universe: Universe,
    units: Vec<Unit>,
    next_unit: AtomicUsize,
    task: Arc<TaskContext>,
    held_bytes: AtomicU64,
    memory_bytes: u64,
}

/// Counts the keys of every universe family, and decides which of them are kept whole.
pub(crate) async fn count_keys(
    source: &Source,
    families: &mut [FamilyPlan],
    state: &dyn Session,
    threads: usize,
    memory_bytes: u64,
) -> Result<(), SamplingError> {
    for universe in families.iter_mut().filter_map(|family| family.universe.as_mut()) {
        let scan = Arc::new(Scan {
            universe: universe.clone(),
            units: source.units_of(state, &[universe.column]).await?,
            next_unit: AtomicUsize::new(0),
            task: state.task_ctx(),
            held_bytes: AtomicU64::new(0),
            memory_bytes,
        });
        let mut all = KeyCounts::default();
        for counts in on_threads(threads, || run(Arc::clone(&scan))).await? {
            all.merge(counts);
        }
        let name = source.schema.field(universe.column).name();
        all.settle(universe, name)?;
    }
    Ok(())
}

async fn run(scan: Arc<Scan>) -> Result<KeyCounts, SamplingError> {
    let mut counts = KeyCounts::default();
    let mut held = 0;
    loop {
        let number = scan.next_unit.fetch_add(1, Ordering::Relaxed);
        let Some(unit) = scan.units.get(number) else { return Ok(counts) };
        let mut stream = unit.batches(&scan.task)?;
        while let Some(batch) = stream.next().await {
            counts.add(&scan.universe, batch?.column(0));
            let own = counts.bytes();
            let all = scan.held_bytes.fetch_add(own - held, Ordering::Relaxed) + (own - held);
            held = own;
            if all > scan.memory_bytes {
                return Err(SamplingError::Memory { limit_mib: scan.memory_bytes >> 20 });
            }
        }
    }
}
