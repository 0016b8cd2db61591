//! Queries made of several query blocks: branches of UNION ALL, and grouping sets.
//!
//! Each block has one aggregate at most, is recognised on its own and answered as a query of its own. What stands above all of them
//! row by row (projections, HAVING) is moved into each; ORDER BY, LIMIT and DISTINCT are applied to the rows of all. Where some aggregates
//! can be estimated and others cannot, two blocks with the same groups stand side by side.

mod partly_exact;
mod ranks;

pub(crate) use partly_exact::{PartlyExact, Side, Sides};
pub(crate) use ranks::{Rank, RankKind, Ranked, Source};

use super::planned_query::PlannedQuery;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::LogicalPlan;
use plusminus_plan::{BLOCKS_MAX, Step, blocks_of, cuts_rows};
use std::sync::Arc;

/// A query as several query blocks.
pub(crate) struct Blocks {
    /// The blocks in the order of their rows. Their columns are the query's, and behind them those that rows are sorted by.
    pub(crate) blocks: Vec<Arc<PlannedQuery>>,
    /// Whether the exact answer reads a table once for several of them.
    pub(crate) share_scan: bool,
    /// Steps applied to the rows of all blocks, in this order.
    pub(crate) steps: Vec<Step>,
    /// The query's columns.
    pub(crate) schema: DFSchemaRef,
}

impl Blocks {
    /// The blocks of a query that is not one itself; `None` where there is nothing to be gained.
    pub(crate) fn of(prepared: &PlannedQuery, plan: &LogicalPlan) -> Option<Self> {
        let found = blocks_of(plan)?;
        if found.plans.len() < 2 || found.plans.len() > BLOCKS_MAX {
            return None;
        }
        let block = |plan: LogicalPlan| prepared.block(plan).ok().map(Arc::new);
        let blocks = found.plans.into_iter().map(block).collect::<Option<Vec<_>>>()?;
        let is_any = blocks.iter().any(|block| block.query.is_ok());
        let schema = Arc::clone(plan.schema());
        is_any.then_some(Self { blocks, share_scan: found.share_scan, steps: found.steps, schema })
    }

    /// Whether LIMIT cuts rows of all blocks, so that intervals of several decide together.
    pub(crate) fn cuts_rows(&self) -> bool {
        cuts_rows(&self.steps)
    }
}
