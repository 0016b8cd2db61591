//! One thread's share of the pass.

use crate::columns;
use crate::distinct::Sketches;
use crate::error::SamplingError;
use crate::part::{FamilyPart, Rows, UnitMoments, add_moments};
use crate::plan::FamilyPlan;
use crate::priority::Priorities;
use crate::source::Unit;
use crate::value_ranges::{ValueTally, common_key};
use arrow::array::Float64Array;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use futures::StreamExt;
use plusminus_statistics::Moments;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The state that the workers of a pass share.
pub(crate) struct Pass {
    pub(crate) schema: SchemaRef,
    pub(crate) units: Vec<Unit>,
    pub(crate) families: Vec<FamilyPlan>,
    pub(crate) next_unit: AtomicUsize,
    pub(crate) rows: AtomicU64,
    pub(crate) task: Arc<TaskContext>,
    pub(crate) memory_bytes: u64,
    pub(crate) held_bytes: AtomicU64,
    pub(crate) on_rows: Box<dyn Fn(u64) + Send + Sync>,
}

/// The output of one worker.
pub(crate) struct WorkerOutput {
    /// Rows that were read.
    pub(crate) rows: u64,
    pub(crate) families: Vec<FamilyPart>,
    /// Moments over all rows that were read, by unit, whatever their stratum.
    pub(crate) unit_moments: UnitMoments,
    pub(crate) sketches: Sketches,
    /// The extremes of measures by value of the columns of few values.
    pub(crate) values: ValueTally,
}

struct Worker<'a> {
    pass: &'a Pass,
    numeric: Vec<usize>,
    nullable: Vec<usize>,
    harvest: WorkerOutput,
    priorities: Vec<u64>,
    packed: Vec<f64>,
    held: u64,
}

/// Takes units until none is left.
pub(crate) async fn run(pass: Arc<Pass>) -> Result<WorkerOutput, SamplingError> {
    let mut worker = Worker::new(&pass)?;
    loop {
        let number = pass.next_unit.fetch_add(1, Ordering::Relaxed);
        let Some(unit) = pass.units.get(number) else { break };
        let mut stream = unit.batches(&pass.task)?;
        worker.begin_unit(number);
        let mut row = unit.first_row;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            worker.take(&batch, unit, row)?;
            row += batch.num_rows() as u64;
            worker.harvest.rows += batch.num_rows() as u64;
        }
    }
    for family in &mut worker.harvest.families {
        family.reservoir.compact(&family.tally)?;
        family.reservoir.finish()?;
    }
    Ok(worker.harvest)
}

impl<'a> Worker<'a> {
    fn new(pass: &'a Pass) -> Result<Self, SamplingError> {
        let numeric = columns::numeric_columns(&pass.schema);
        let fields = pass.schema.fields().iter().enumerate();
        let nullable: Vec<usize> = fields.filter(|(_, f)| f.is_nullable()).map(|(i, _)| i).collect();
        let family = |plan| FamilyPart::new(&pass.schema, plan, numeric.len(), nullable.len());
        let families = pass.families.iter().map(family).collect::<Result<_, _>>()?;
        let key = common_key(pass.families.iter().map(|family| family.columns.as_slice()));
        let values = ValueTally::new(&pass.schema, &numeric, key)?;
        let sketches = Sketches::new(&pass.schema);
        let harvest = WorkerOutput { rows: 0, families, unit_moments: Vec::new(), sketches, values };
        Ok(Self { pass, numeric, nullable, harvest, priorities: Vec::new(), packed: Vec::new(), held: 0 })
    }

    fn begin_unit(&mut self, number: usize) {
        self.harvest.unit_moments.push((number, vec![Moments::default(); self.numeric.len()]));
    }

    fn take(&mut self, batch: &RecordBatch, unit: &Unit, first_row: u64) -> Result<(), SamplingError> {
        let numbers = self.numbers(batch)?;
        self.harvest.sketches.add(batch);
        self.harvest.values.add(batch, &numbers)?;
        let mut seed = None;
        for (at, plan) in self.pass.families.iter().enumerate() {
            if seed.replace(plan.seed) != Some(plan.seed) {
                let priorities = Priorities::new(plan.seed, unit.identity);
                let rows = first_row..first_row + batch.num_rows() as u64;
                self.priorities.clear();
                self.priorities.extend(rows.map(|row| priorities.of(row)));
            }
            let rows = Rows { batch, priorities: &self.priorities, nullable: &self.nullable, numbers: &numbers };
            self.harvest.families[at].take(plan, &rows)?;
        }
        self.account()?;
        let rows = batch.num_rows() as u64;
        (self.pass.on_rows)(self.pass.rows.fetch_add(rows, Ordering::Relaxed) + rows);
        Ok(())
    }

    /// The numeric columns as `f64`, counted into the table's moments on the way.
    fn numbers(&mut self, batch: &RecordBatch) -> Result<Vec<Float64Array>, SamplingError> {
        let mut numbers = Vec::with_capacity(self.numeric.len());
        for column in &self.numeric {
            numbers.extend(plusminus_functions::numbers::as_float64(batch.column(*column))?);
        }
        add_moments(&mut self.harvest.unit_moments, &numbers, &mut self.packed);
        Ok(numbers)
    }

    /// Updates the bytes held by all workers, and stops the build when they exceed the limit.
    fn account(&mut self) -> Result<(), SamplingError> {
        let held: u64 = self.harvest.families.iter().map(FamilyPart::bytes).sum();
        let total = if held >= self.held {
            self.pass.held_bytes.fetch_add(held - self.held, Ordering::Relaxed) + (held - self.held)
        } else {
            self.pass.held_bytes.fetch_sub(self.held - held, Ordering::Relaxed) - (self.held - held)
        };
        self.held = held;
        if total > self.pass.memory_bytes {
            return Err(SamplingError::Memory { limit_mib: self.pass.memory_bytes >> 20 });
        }
        Ok(())
    }
}
