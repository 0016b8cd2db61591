//! One thread's share of the pass.

use crate::columns;
use crate::error::SamplingError;
use crate::interner::Interner;
use crate::priority::Priorities;
use crate::reservoir::{Quota, Reservoir};
use crate::source::Unit;
use crate::stratum_moments::StratumMoments;
use arrow::array::{Array, Float64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use futures::StreamExt;
use plusminus_statistics::Moments;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a family's pass needs to know.
#[derive(Debug, Clone)]
pub(crate) struct FamilyPlan {
    /// Positions of φ in the table.
    pub(crate) columns: Vec<usize>,
    pub(crate) quota: Quota,
    pub(crate) seed: u64,
}

/// What the workers of a pass share.
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

/// A family as one worker saw it.
pub(crate) struct FamilyPart {
    pub(crate) interner: Interner,
    pub(crate) counts: Vec<u64>,
    pub(crate) reservoir: Reservoir,
    /// NULLs per stratum, for each nullable column of the table.
    pub(crate) nulls: Vec<Vec<u64>>,
    pub(crate) moments: StratumMoments,
}

/// What one worker brings home.
pub(crate) struct Harvest {
    pub(crate) families: Vec<FamilyPart>,
    /// Whole-table moments by unit number, so that they add up in the same order on any number of threads.
    pub(crate) unit_moments: Vec<(usize, Vec<Moments>)>,
}

struct Worker<'a> {
    pass: &'a Pass,
    numeric: Vec<usize>,
    nullable: Vec<usize>,
    harvest: Harvest,
    priorities: Vec<u64>,
    packed: Vec<f64>,
    held: u64,
}

/// Takes units until none is left.
pub(crate) async fn run(pass: Arc<Pass>) -> Result<Harvest, SamplingError> {
    let mut worker = Worker::new(&pass)?;
    loop {
        let number = pass.next_unit.fetch_add(1, Ordering::Relaxed);
        let Some(unit) = pass.units.get(number) else { break };
        let mut stream = unit.plan.execute(unit.partition, Arc::clone(&pass.task))?;
        let mut moments = vec![Moments::default(); worker.numeric.len()];
        let mut row = unit.first_row;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            worker.take(&batch, unit, row, &mut moments)?;
            row += batch.num_rows() as u64;
        }
        worker.harvest.unit_moments.push((number, moments));
    }
    for family in &mut worker.harvest.families {
        family.reservoir.compact(&family.counts)?;
        family.reservoir.finish()?;
    }
    Ok(worker.harvest)
}

impl<'a> Worker<'a> {
    fn new(pass: &'a Pass) -> Result<Self, SamplingError> {
        let numeric = columns::numeric_columns(&pass.schema);
        let fields = pass.schema.fields().iter().enumerate();
        let nullable: Vec<usize> = fields.filter(|(_, f)| f.is_nullable()).map(|(i, _)| i).collect();
        let family = |plan: &FamilyPlan| -> Result<FamilyPart, SamplingError> {
            Ok(FamilyPart {
                interner: Interner::new(&pass.schema, &plan.columns)?,
                counts: Vec::new(),
                reservoir: Reservoir::new(Arc::clone(&pass.schema), plan.quota),
                nulls: vec![Vec::new(); nullable.len()],
                moments: StratumMoments::new(numeric.len()),
            })
        };
        let families = pass.families.iter().map(family).collect::<Result<_, _>>()?;
        let harvest = Harvest { families, unit_moments: Vec::new() };
        Ok(Self { pass, numeric, nullable, harvest, priorities: Vec::new(), packed: Vec::new(), held: 0 })
    }

    fn take(
        &mut self,
        batch: &RecordBatch,
        unit: &Unit,
        first_row: u64,
        moments: &mut [Moments],
    ) -> Result<(), SamplingError> {
        let numbers = self.numbers(batch, moments)?;
        let mut seed = None;
        for (at, plan) in self.pass.families.iter().enumerate() {
            if seed.replace(plan.seed) != Some(plan.seed) {
                let priorities = Priorities::new(plan.seed, unit.identity);
                let rows = first_row..first_row + batch.num_rows() as u64;
                self.priorities.clear();
                self.priorities.extend(rows.map(|row| priorities.of(row)));
            }
            self.harvest.families[at].take(
                batch,
                &self.priorities,
                &self.nullable,
                &numbers,
                !plan.columns.is_empty(),
            )?;
        }
        self.account()?;
        let rows = batch.num_rows() as u64;
        (self.pass.on_rows)(self.pass.rows.fetch_add(rows, Ordering::Relaxed) + rows);
        Ok(())
    }

    /// The numeric columns as `f64`, counted into the table's moments on the way.
    fn numbers(&mut self, batch: &RecordBatch, moments: &mut [Moments]) -> Result<Vec<Float64Array>, SamplingError> {
        let mut numbers = Vec::with_capacity(self.numeric.len());
        for (column, moments) in self.numeric.iter().zip(moments) {
            let Some(values) = columns::as_float64(batch.column(*column))? else { continue };
            columns::pack(&values, &mut self.packed);
            moments.add_slice(&self.packed);
            numbers.push(values);
        }
        Ok(numbers)
    }

    /// Keeps the sum over all workers of what is held, and stops the build when it exceeds the limit.
    fn account(&mut self) -> Result<(), SamplingError> {
        let held: u64 = self.harvest.families.iter().map(|f| f.reservoir.bytes()).sum();
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

impl FamilyPart {
    fn take(
        &mut self,
        batch: &RecordBatch,
        priorities: &[u64],
        nullable: &[usize],
        numbers: &[Float64Array],
        stratified: bool,
    ) -> Result<(), SamplingError> {
        self.interner.intern(batch)?;
        let count = self.interner.len();
        let strata = self.interner.ids();
        self.counts.resize(count, 0);
        if stratified {
            for &stratum in strata {
                self.counts[stratum] += 1;
            }
            for (number, values) in numbers.iter().enumerate() {
                self.moments.add(number, values, strata, count);
            }
        } else if let Some(only) = self.counts.first_mut() {
            *only += batch.num_rows() as u64;
        }
        for (nulls, column) in self.nulls.iter_mut().zip(nullable) {
            nulls.resize(count, 0);
            let column = batch.column(*column);
            if let Some(bitmap) = column.logical_nulls().filter(|n| n.null_count() > 0) {
                for (row, &stratum) in strata.iter().enumerate() {
                    nulls[stratum] += u64::from(bitmap.is_null(row));
                }
            }
        }
        self.reservoir.offer(batch, strata, priorities, &self.counts)
    }
}
