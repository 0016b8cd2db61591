//! Queries made of several query blocks: branches of UNION ALL, and grouping sets.
//!
//! Each block has at most one aggregate, is recognised on its own and answered as a query of its own. Operators above all blocks that
//! work row by row (projections, HAVING) are moved into each block; rows of blocks over the branches of a union below sums add up; ORDER BY, LIMIT and DISTINCT are applied to the rows of all blocks.
//! If only some aggregates can be estimated, two blocks with the same groups stand side by side.

mod partly_exact;
mod ranks;

pub(crate) use partly_exact::{ExactAggregates, PartlyExact, Side};
pub(crate) use ranks::{Rank, RankKind, Ranked, Source};

use super::planned_query::PlannedQuery;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::LogicalPlan;
use plusminus_plan::{BLOCKS_MAX, Step, blocks_of, cuts_rows, sums_of};
use std::sync::Arc;

/// A query as several query blocks.
pub(crate) struct Blocks {
    /// The blocks in the order of their rows. Their columns are the query's, followed by those that rows are sorted by.
    pub(crate) blocks: Vec<Arc<PlannedQuery>>,
    /// Whether the exact answer scans a table once for several blocks.
    pub(crate) share_scan: bool,
    /// Steps applied to the rows of all blocks, in this order.
    pub(crate) steps: Vec<Step>,
    /// The query's columns.
    pub(crate) schema: DFSchemaRef,
    /// Whether each of the blocks' columns is a key, where rows of different blocks with the same keys add up; `None` where they stand
    /// below each other.
    pub(crate) sums: Option<Vec<bool>>,
}

impl Blocks {
    /// Splits a query into blocks; `None` where there are fewer than two, too many, or none that can be estimated.
    pub(crate) fn of(prepared: &PlannedQuery, plan: &LogicalPlan) -> Option<Self> {
        let Some(found) = blocks_of(plan) else { return Self::of_sums(prepared, plan) };
        if found.plans.len() < 2 || found.plans.len() > BLOCKS_MAX {
            return None;
        }
        let block = |plan: LogicalPlan| prepared.block(plan).ok().map(Arc::new);
        let blocks = found.plans.into_iter().map(block).collect::<Option<Vec<_>>>()?;
        let is_any = blocks.iter().any(|block| block.query.is_ok());
        let schema = Arc::clone(plan.schema());
        is_any.then_some(Self { blocks, share_scan: found.share_scan, steps: found.steps, schema, sums: None })
    }

    /// Splits sums over a union into those over its branches; `None` where it has none, or some that cannot be estimated.
    fn of_sums(prepared: &PlannedQuery, plan: &LogicalPlan) -> Option<Self> {
        let found = sums_of(plan)?;
        let block = |plan: LogicalPlan| prepared.block(plan).ok().map(Arc::new);
        let blocks = found.plans.into_iter().map(block).collect::<Option<Vec<_>>>()?;
        let is_any = blocks.iter().any(|block| block.query.is_ok());
        let schema = Arc::clone(plan.schema());
        is_any.then_some(Self { blocks, share_scan: false, steps: found.steps, schema, sums: Some(found.keys) })
    }

    /// Whether LIMIT cuts the rows of all blocks, so that intervals of several blocks decide together.
    pub(crate) fn cuts_rows(&self) -> bool {
        cuts_rows(&self.steps)
    }
}
