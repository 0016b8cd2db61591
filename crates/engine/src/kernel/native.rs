//! Groups whose strata are all known whole, computed by DataFusion's own accumulators in its own types.

use super::program::{Program, qualified};
use crate::error::Result;
use crate::shape::Shape;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use datafusion::physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr};
use plusminus_statistics::StratumSize;
use std::sync::Arc;

struct Accumulated {
    call: Arc<AggregateFunctionExpr>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    accumulator: Box<dyn GroupsAccumulator>,
}

/// One array per call with a row for every group; only groups without a sampled stratum are meaningful.
pub(crate) fn exact_calls(
    shape: &Shape,
    state: &SessionState,
    program: &mut Program,
    batches: &[RecordBatch],
    sizes: &[StratumSize],
) -> Result<Vec<ArrayRef>> {
    let mut calls = Vec::new();
    let groups = program.group_count();
    for batch in batches {
        let batch = whole_strata(batch, sizes)?;
        if calls.is_empty() {
            calls = accumulators(shape, state, &batch)?;
        }
        let (kept, ids) = program.groups_of(&batch)?;
        for call in &mut calls {
            call.update(&kept, &ids, groups)?;
        }
    }
    calls.iter_mut().map(|c| Ok(c.accumulator.evaluate(EmitTo::All)?)).collect()
}

/// The rows of strata that are known whole.
fn whole_strata(batch: &RecordBatch, sizes: &[StratumSize]) -> Result<RecordBatch> {
    let strata = batch.column(batch.num_columns() - 1).as_primitive::<UInt32Type>();
    let mask: BooleanArray = strata.values().iter().map(|s| Some(sizes[*s as usize].is_exact())).collect();
    Ok(arrow::compute::filter_record_batch(batch, &mask)?)
}

fn accumulators(shape: &Shape, state: &SessionState, batch: &RecordBatch) -> Result<Vec<Accumulated>> {
    let schema = qualified(&shape.scan.table_name, &batch.schema())?;
    let mut calls = Vec::with_capacity(shape.calls.len());
    for call in &shape.calls {
        let physical = batch.schema();
        let context = PhysicalPlanningContext::default();
        let builder = LoweredAggregateBuilder::new(&call.expr, &schema, &physical, state.execution_props(), &context);
        let lowered = builder.build()?;
        let aggregate = &lowered.aggregate;
        let accumulator: Box<dyn GroupsAccumulator> = if aggregate.groups_accumulator_supported() {
            aggregate.create_groups_accumulator()?
        } else {
            // As DataFusion does where a function has no accumulator for many groups at once.
            let one = Arc::clone(aggregate);
            Box::new(GroupsAccumulatorAdapter::new(move || one.create_accumulator()))
        };
        calls.push(Accumulated { call: lowered.aggregate, filter: lowered.filter, accumulator });
    }
    Ok(calls)
}

impl Accumulated {
    fn update(&mut self, kept: &RecordBatch, ids: &[usize], groups: usize) -> Result<()> {
        let count = kept.num_rows();
        let arguments = self.call.expressions();
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(argument.evaluate(kept)?.into_array(count)?);
        }
        let filter = self.filter.as_ref().map(|f| f.evaluate(kept)?.into_array(count)).transpose()?;
        let filter = filter.as_ref().and_then(|f| f.as_boolean_opt());
        Ok(self.accumulator.update_batch(&values, ids, filter, groups)?)
    }
}
