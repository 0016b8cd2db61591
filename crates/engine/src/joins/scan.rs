use crate::answer::Result;
use datafusion::common::Column;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableScan};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// A plan that reads some columns of a table in this order, a column that is named twice included.
pub(super) async fn scan_of(
    scan: &TableScan,
    columns: impl Iterator<Item = &String>,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let table = || scan.table_name.clone();
    let named = |(number, name): (usize, &String)| {
        Expr::Column(Column::new(Some(table()), name)).alias(format!("column {number}"))
    };
    let columns: Vec<Expr> = columns.enumerate().map(named).collect();
    let plan = LogicalPlanBuilder::scan(table(), Arc::clone(&scan.source), None)?.project(columns)?.build()?;
    Ok(state.create_physical_plan(&plan).await?)
}
