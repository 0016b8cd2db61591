//! The scan before the pass: only the columns of tails, to find where the tails begin.
//!
//! A tail takes a tenth of the rows that the family keeps, shared evenly by its columns. What a family with a CAP keeps
//! depends on the strata, so these are counted on the way. The edges are order statistics of whole columns: they do not
//! depend on the number of threads.

use crate::error::SamplingError;
use crate::plan::FamilyPlan;
use crate::source::{Source, Unit};
use crate::strata_counts::StrataCounts;
use crate::tail::{CAPPED_ROWS_MAX, Edge, Largest, SHARE};
use crate::tally::Quota;
use crate::threads::on_threads;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::execution::TaskContext;
use futures::StreamExt;
use plusminus_functions::numbers::as_float64;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The state that the workers of the scan share.
struct Scan {
    schema: SchemaRef,
    units: Vec<Unit>,
    next_unit: AtomicUsize,
    task: Arc<TaskContext>,
    /// Columns of the scan that have a tail, each with the number of its largest values to hold.
    measures: Vec<(usize, usize)>,
    /// For every family with a tail, the columns of the scan that make its strata.
    strata: Vec<Vec<usize>>,
}

/// The largest values and the strata counts of one worker.
struct Seen {
    largest: Vec<Largest>,
    strata: StrataCounts,
}

/// Sets the edges of every family with a tail.
pub(crate) async fn find_edges(
    source: &Source,
    families: &mut [FamilyPlan],
    numeric: &[usize],
    state: &dyn Session,
    threads: usize,
) -> Result<(), SamplingError> {
    let mut tailed: Vec<&mut FamilyPlan> = families.iter_mut().filter(|f| !f.tail.is_empty()).collect();
    if tailed.is_empty() {
        return Ok(());
    }
    let mut keep = BTreeMap::new();
    for (family, column) in tailed.iter().flat_map(|f| f.tail.iter().map(move |column| (f, column))) {
        let rows = keep.entry(*column).or_insert(0);
        *rows = largest_tail(family).saturating_add(1).max(*rows);
    }
    let strata = tailed.iter().flat_map(|f| counted_columns(f));
    let mut projection: Vec<usize> = strata.chain(keep.keys()).copied().collect();
    projection.sort_unstable();
    projection.dedup();
    let place = |column: &usize| projection.binary_search(column).unwrap_or_default();
    let scan = Arc::new(Scan {
        schema: Arc::new(Schema::project(&source.schema, &projection)?),
        units: source.units_of(state, &projection).await?,
        next_unit: AtomicUsize::new(0),
        task: state.task_ctx(),
        measures: keep.iter().map(|(column, rows)| (place(column), *rows)).collect(),
        strata: tailed.iter().map(|f| counted_columns(f).iter().map(place).collect()).collect(),
    });
    let seen = on_threads(threads, || run(Arc::clone(&scan))).await?;
    let (mut largest, counts) = merge(&scan, seen)?;
    for (family, counts) in tailed.iter_mut().zip(counts) {
        let rows = tail_rows(family, &counts);
        let edges = family.tail.iter().filter_map(|column| {
            let measure = keep.keys().position(|c| c == column)?;
            let number = numeric.iter().position(|c| c == column)?;
            Some(Edge::from_zero(number, largest[measure].edge(rows)))
        });
        family.edges = edges.collect();
    }
    Ok(())
}

/// The columns by which rows are counted: φ where a CAP makes the number of rows depend on it.
fn counted_columns(family: &FamilyPlan) -> &[usize] {
    match family.quota {
        Quota::Cap(_) => &family.columns,
        Quota::Rows(_) | Quota::Below(_) => &[],
    }
}

/// Rows of one column's tail, at most.
fn largest_tail(family: &FamilyPlan) -> usize {
    let rows = match family.quota {
        Quota::Cap(_) => CAPPED_ROWS_MAX,
        Quota::Rows(n) => n / SHARE,
        // Whole keys have no tail.
        Quota::Below(_) => 0,
    };
    shared(rows, family)
}

fn tail_rows(family: &FamilyPlan, counts: &[u64]) -> usize {
    shared(family.quota.kept(counts) / SHARE, family).min(largest_tail(family))
}

fn shared(rows: u64, family: &FamilyPlan) -> usize {
    let columns = family.tail.len().max(1) as u64;
    usize::try_from((rows / columns).max(1)).unwrap_or(usize::MAX)
}

async fn run(scan: Arc<Scan>) -> Result<Seen, SamplingError> {
    let mut seen = Seen::new(&scan)?;
    loop {
        let number = scan.next_unit.fetch_add(1, Ordering::Relaxed);
        let Some(unit) = scan.units.get(number) else { return Ok(seen) };
        let mut stream = unit.batches(&scan.task)?;
        while let Some(batch) = stream.next().await {
            seen.take(&scan, &batch?)?;
        }
    }
}

impl Seen {
    fn new(scan: &Scan) -> Result<Self, SamplingError> {
        let strata = StrataCounts::new(&scan.schema, &scan.strata)?;
        let largest = scan.measures.iter().map(|(_, keep)| Largest::of_sizes(*keep));
        Ok(Self { largest: largest.collect(), strata })
    }

    fn take(&mut self, scan: &Scan, batch: &RecordBatch) -> Result<(), SamplingError> {
        for (largest, (column, _)) in self.largest.iter_mut().zip(&scan.measures) {
            if let Some(values) = as_float64(batch.column(*column))? {
                largest.add(&values);
            }
        }
        self.strata.add(batch)
    }
}

/// The largest values over all workers, and the sizes of strata (families × strata, families outermost).
fn merge(scan: &Scan, seen: Vec<Seen>) -> Result<(Vec<Largest>, Vec<Vec<u64>>), SamplingError> {
    let mut all = Seen::new(scan)?;
    for part in seen {
        all.largest.iter_mut().zip(part.largest).for_each(|(sum, part)| sum.merge(part));
        all.strata.merge(part.strata)?;
    }
    Ok((all.largest, all.strata.into_counts()))
}
