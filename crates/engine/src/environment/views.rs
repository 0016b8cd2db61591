//! Views kept as tables in a plan, so that a sample of a view can answer for it.

use super::Environment;
use crate::answer::Result;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session as CatalogSession, TableProvider};
use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// A view that stays a table in a plan, so that a sample of it can answer for it.
#[derive(Debug)]
pub(crate) struct SampledView {
    view: Arc<dyn TableProvider>,
}

#[async_trait]
impl TableProvider for SampledView {
    fn schema(&self) -> SchemaRef {
        self.view.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn CatalogSession,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.view.scan(state, projection, filters, limit).await
    }
}

impl SampledView {
    /// The view behind a provider, or the provider itself.
    pub(crate) fn uncovered(table: &Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        let covered = (table.as_ref() as &dyn std::any::Any).downcast_ref::<Self>();
        Arc::clone(covered.map_or(table, |covered| &covered.view))
    }
}

/// The name and current provider of a table or view.
pub(crate) type Named = (TableReference, Arc<dyn TableProvider>);

/// The plan with `views` as tables, in the place of their expanded queries; `None` where the plan has none of them.
pub(crate) fn with_views_as_tables(plan: &LogicalPlan, views: &[Named]) -> Result<Option<LogicalPlan>> {
    let replaced = plan.clone().transform_down(|node| {
        let LogicalPlan::SubqueryAlias(alias) = &node else { return Ok(Transformed::no(node)) };
        let is_own = |(name, view): &&Named| {
            alias.alias.table() == name.table() && view.get_logical_plan().is_some_and(|own| *own == *alias.input)
        };
        let Some((_, view)) = views.iter().find(is_own) else { return Ok(Transformed::no(node)) };
        let source = provider_as_source(Arc::new(SampledView { view: Arc::clone(view) }));
        let scan = LogicalPlanBuilder::scan(alias.alias.clone(), source, None)?.build()?;
        Ok(Transformed::new(scan, true, TreeNodeRecursion::Jump))
    })?;
    Ok(replaced.transformed.then_some(replaced.data))
}

/// The views among `tables`, then the views that they are defined on, and so on; empty without a view.
pub(crate) async fn views_by_depth(env: &Environment, tables: &[Named]) -> Result<Vec<Vec<Named>>> {
    let is_view = |(_, table): &&Named| table.get_logical_plan().is_some();
    let mut layers = Vec::new();
    let mut layer: Vec<Named> = tables.iter().filter(is_view).cloned().collect();
    // A view may have replaced one that it is defined on.
    let mut seen: Vec<TableReference> = layer.iter().map(|(name, _)| name.clone()).collect();
    while !layer.is_empty() {
        let mut below: Vec<Named> = Vec::new();
        for name in layer.iter().filter_map(|(_, view)| view.get_logical_plan()).flat_map(|plan| aliases(&plan)) {
            if !seen.contains(&name)
                && let Ok(table) = env.context.table_provider(name.clone()).await
                && table.get_logical_plan().is_some()
            {
                seen.push(name.clone());
                below.push((name, table));
            }
        }
        layers.push(std::mem::replace(&mut layer, below));
    }
    Ok(layers)
}

/// The aliases in `plan` of subqueries, and with them of views.
fn aliases(plan: &LogicalPlan) -> Vec<TableReference> {
    let mut found = Vec::new();
    let visited = plan.apply(|node| {
        if let LogicalPlan::SubqueryAlias(alias) = node {
            found.push(alias.alias.clone());
            // Views below this one are found at the next depth.
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(visited.is_ok(), "looking at nodes brings no error");
    found
}
