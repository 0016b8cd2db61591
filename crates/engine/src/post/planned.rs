//! Runs the plan above the aggregate through DataFusion's optimiser and planner.

use crate::answer::{Error, Result};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SubqueryAlias, Window,
    col,
};
use datafusion::physical_plan::collect;
use plusminus_plan::{AggregateQuery, ESTIMATE};
use std::sync::Arc;

/// Whether HAVING, ORDER BY and LIMIT above the aggregate choose and order rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowSelection {
    Applied,
    /// All rows stay, in any order, and the outermost rounding is left out.
    Skipped,
}

/// Runs the plan on the aggregate's numbered rows; the output has the hidden column among the others.
pub(crate) async fn run(
    query: &AggregateQuery,
    state: &SessionState,
    batch: RecordBatch,
    choice: RowSelection,
) -> Result<RecordBatch> {
    let plan = match (choice, &query.replicated) {
        (RowSelection::Skipped, Some(replicated)) => replicated,
        _ => &query.plan,
    };
    let table = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?);
    let plan = Rebuild { query, table, choice }.node(plan)?;
    let physical = state.create_physical_plan(&plan).await?;
    let schema = physical.schema();
    let batches = collect(physical, state.task_ctx()).await?;
    Ok(concat_batches(&schema, &batches)?)
}

struct Rebuild<'a> {
    query: &'a AggregateQuery,
    table: Arc<MemTable>,
    choice: RowSelection,
}

impl Rebuild<'_> {
    fn node(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let input = |plan: &LogicalPlan| self.node(plan).map(Arc::new);
        Ok(match plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.schema != self.query.aggregate.schema => {
                let below = input(&aggregate.input)?;
                let mut keys = aggregate.group_expr.clone();
                keys.push(Expr::Column(hidden(below.schema())?));
                LogicalPlan::Aggregate(Aggregate::try_new(below, keys, aggregate.aggr_expr.clone())?)
            }
            LogicalPlan::Aggregate(_) => leaf(&self.query.aggregate.schema, &self.table)?,
            LogicalPlan::Window(window) => self.window(window)?,
            LogicalPlan::Projection(projection) => {
                let below = input(&projection.input)?;
                let mut exprs = projection.expr.clone();
                exprs.push(Expr::Column(hidden(below.schema())?));
                LogicalPlan::Projection(Projection::try_new(exprs, below)?)
            }
            LogicalPlan::Filter(Filter { input: below, .. })
            | LogicalPlan::Sort(Sort { input: below, .. })
            | LogicalPlan::Limit(Limit { input: below, .. })
                if self.choice == RowSelection::Skipped =>
            {
                self.node(below)?
            }
            LogicalPlan::Filter(filter) => {
                LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), input(&filter.input)?)?)
            }
            LogicalPlan::Sort(sort) => {
                LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input: input(&sort.input)?, fetch: sort.fetch })
            }
            LogicalPlan::Limit(limit) => LogicalPlan::Limit(Limit {
                skip: limit.skip.clone(),
                fetch: limit.fetch.clone(),
                input: input(&limit.input)?,
            }),
            LogicalPlan::SubqueryAlias(alias) => {
                LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input(&alias.input)?, alias.alias.clone())?)
            }
            // Only queries that select every GROUP BY column are recognised, so that all rows differ already.
            LogicalPlan::Distinct(Distinct::All(below)) => self.node(below)?,
            other => return Err(Error::data(format!("unexpected plan node {}", other.display()))),
        })
    }

    /// Adds the hidden column to every PARTITION BY; the columns keep their names.
    fn window(&self, window: &Window) -> Result<LogicalPlan> {
        let below = Arc::new(self.node(&window.input)?);
        let own = Expr::Column(hidden(below.schema())?);
        let mut exprs = Vec::with_capacity(window.window_expr.len());
        for expr in &window.window_expr {
            let name = expr.schema_name().to_string();
            let parted = expr.clone().transform_down(|e| {
                Ok(match e {
                    Expr::WindowFunction(mut call) => {
                        call.params.partition_by.push(own.clone());
                        Transformed::yes(Expr::WindowFunction(call))
                    }
                    other => Transformed::no(other),
                })
            })?;
            exprs.push(parted.data.unalias().alias(name));
        }
        Ok(LogicalPlan::Window(Window::try_new(exprs, below)?))
    }
}

/// The aggregate's columns under their own names, and the hidden column.
fn leaf(schema: &DFSchemaRef, table: &Arc<MemTable>) -> Result<LogicalPlan> {
    let scan = LogicalPlanBuilder::scan("__plusminus", provider_as_source(Arc::clone(table) as _), None)?;
    let mut exprs: Vec<Expr> = Vec::with_capacity(schema.fields().len() + 1);
    for (number, (qualifier, field)) in schema.iter().enumerate() {
        exprs.push(col(format!("__plusminus.c{number}")).alias_qualified(qualifier.cloned(), field.name()));
    }
    exprs.push(col(format!("__plusminus.{ESTIMATE}")));
    Ok(scan.project(exprs)?.build()?)
}

fn hidden(schema: &DFSchemaRef) -> Result<Column> {
    let found = schema.columns().into_iter().find(|c| c.name == ESTIMATE);
    found.ok_or_else(|| Error::data("the estimate's number was lost on the way up"))
}
