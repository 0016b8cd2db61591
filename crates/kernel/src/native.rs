//! Groups whose strata are all known whole, computed by DataFusion's own accumulators in its own types.

use super::compiled::qualified;
use super::program::Program;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use datafusion::physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr};
use plusminus_plan::AggregateQuery;
use std::sync::Arc;

struct Accumulated {
    call: Arc<AggregateFunctionExpr>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    accumulator: Box<dyn GroupsAccumulator>,
}

/// Rows of one level in strata that are known whole.
pub struct WholeRows {
    /// The columns that the program evaluates, the stratum last.
    pub needed: RecordBatch,
    /// The table's own columns that the calls read.
    pub own: RecordBatch,
}

/// The results of all aggregate calls: calls × groups, one array per call. Only groups without a sampled stratum are meaningful.
///
/// # Errors
/// When a call cannot be compiled, or fails on a value.
pub fn exact_calls(
    query: &AggregateQuery,
    state: &SessionState,
    program: &mut Program,
    levels: &[WholeRows],
) -> Result<Vec<ArrayRef>> {
    let mut calls = Vec::new();
    let groups = program.group_count();
    for rows in levels {
        if calls.is_empty() {
            calls = accumulators(query, state, &rows.own)?;
            calls.iter_mut().try_for_each(|call| call.tell_groups(&rows.own, groups))?;
        }
        let (passing, ids) = program.groups_of(&rows.needed)?;
        let kept = match &passing {
            Some(selection) => selection.batch(&rows.own)?,
            None => rows.own.clone(),
        };
        calls.iter_mut().try_for_each(|call| call.update(&kept, &ids, groups))?;
    }
    calls.iter_mut().map(|c| c.accumulator.evaluate(EmitTo::All)).collect()
}

fn accumulators(query: &AggregateQuery, state: &SessionState, batch: &RecordBatch) -> Result<Vec<Accumulated>> {
    let schema = qualified(&query.scan.table_name, &batch.schema())?;
    let mut calls = Vec::with_capacity(query.calls.len());
    for call in &query.calls {
        let physical = batch.schema();
        let context = PhysicalPlanningContext::default();
        let builder = LoweredAggregateBuilder::new(&call.expr, &schema, &physical, state.execution_props(), &context);
        let lowered = builder.build()?;
        let aggregate = &lowered.aggregate;
        let accumulator: Box<dyn GroupsAccumulator> = if aggregate.groups_accumulator_supported() {
            aggregate.create_groups_accumulator()?
        } else {
            // A function without an accumulator for many groups gets one accumulator per group, as in DataFusion.
            let one = Arc::clone(aggregate);
            Box::new(GroupsAccumulatorAdapter::new(move || one.create_accumulator()))
        };
        calls.push(Accumulated { call: lowered.aggregate, filter: lowered.filter, accumulator });
    }
    Ok(calls)
}

impl Accumulated {
    /// Makes the accumulator distinguish groups with rows from those without.
    ///
    /// Until it meets a filter it assumes a row in every group, and a group of sampled strata alone has none here. A filter over no rows
    /// is enough.
    fn tell_groups(&mut self, batch: &RecordBatch, groups: usize) -> Result<()> {
        let none = batch.slice(0, 0);
        let arguments = self.call.expressions().into_iter();
        let values = arguments.map(|argument| argument.evaluate(&none)?.into_array(0));
        let values = values.collect::<datafusion::error::Result<Vec<_>>>()?;
        let filter = BooleanArray::from(Vec::<bool>::new());
        self.accumulator.update_batch(&values, &[], Some(&filter), groups)
    }

    fn update(&mut self, kept: &RecordBatch, ids: &[usize], groups: usize) -> Result<()> {
        let count = kept.num_rows();
        let arguments = self.call.expressions();
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(argument.evaluate(kept)?.into_array(count)?);
        }
        let filter = self.filter.as_ref().map(|f| f.evaluate(kept)?.into_array(count)).transpose()?;
        let filter = filter.as_ref().and_then(|f| f.as_boolean_opt());
        self.accumulator.update_batch(&values, ids, filter, groups)
    }
}
