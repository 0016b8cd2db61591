//! Queries made of several query blocks: branches of UNION ALL, and grouping sets.
//!
//! Each block has at most one aggregate, is recognised on its own and answered as a query of its own. Operators above all blocks that
//! work row by row (projections, HAVING) are moved into each block; rows of blocks over the branches of a union below sums add up, those of
//! each grouping set on their own; ORDER BY, LIMIT and DISTINCT are applied to the rows of all blocks.
//! If only some aggregates can be estimated, two blocks with the same groups stand side by side.

mod partly_exact;
mod ranks;

pub(crate) use partly_exact::{ExactAggregates, PartlyExact, Side};
pub(crate) use ranks::{Rank, RankKind, Ranked, Source};

use super::planned_query::PlannedQuery;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::LogicalPlan;
use plusminus_plan::{BLOCKS_MAX, Step, SumPlans, blocks_of, cuts_rows, sums_of};
use std::ops::Range;
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
    /// Runs of blocks whose rows add up, in the order of the blocks; the rows of all other blocks stand below each other.
    pub(crate) sums: Vec<Sum>,
}

/// Consecutive blocks whose rows add up, group by group.
pub(crate) struct Sum {
    pub(crate) blocks: Range<usize>,
    /// Whether each of the blocks' columns is a key; the others add up.
    pub(crate) keys: Vec<bool>,
}

impl Blocks {
    /// Splits a query into blocks; `None` where there are fewer than two, too many, or none that can be estimated.
    pub(crate) fn of(prepared: &PlannedQuery, plan: &LogicalPlan) -> Option<Self> {
        let (plans, share_scan, steps) = match blocks_of(plan) {
            Some(found) => (found.plans, found.share_scan, found.steps),
            None => (vec![plan.clone()], false, Vec::new()),
        };
        let is_alone = plans.len() == 1;
        let mut found =
            Self { blocks: Vec::new(), share_scan, steps, schema: Arc::clone(plan.schema()), sums: Vec::new() };
        for plan in plans {
            match sums_of(&plan).filter(|sums| is_alone || sums.steps.is_empty()) {
                Some(sums) => found.push_sums(prepared, sums)?,
                None if is_alone => return None,
                None => found.push(prepared, plan)?,
            }
        }
        let is_any = found.blocks.iter().any(|block| block.query.is_ok());
        (is_any && (2..=BLOCKS_MAX).contains(&found.blocks.len())).then_some(found)
    }

    fn push(&mut self, prepared: &PlannedQuery, plan: LogicalPlan) -> Option<()> {
        self.blocks.push(Arc::new(prepared.block(plan).ok()?));
        Some(())
    }

    /// Adds the blocks of sums over the branches of a union.
    fn push_sums(&mut self, prepared: &PlannedQuery, sums: SumPlans) -> Option<()> {
        let first = self.blocks.len();
        for plan in sums.plans {
            self.push(prepared, plan)?;
        }
        self.sums.push(Sum { blocks: first..self.blocks.len(), keys: sums.keys });
        self.steps.extend(sums.steps);
        Some(())
    }

    /// The sum that a block belongs to.
    pub(crate) fn sum_of(&self, block: usize) -> Option<&Sum> {
        self.sums.iter().find(|sum| sum.blocks.contains(&block))
    }

    /// Runs of blocks whose rows stand below each other: sums, and blocks that belong to none.
    pub(crate) fn stacked(&self) -> impl Iterator<Item = (Range<usize>, Option<&Sum>)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let first = (next < self.blocks.len()).then_some(next)?;
            let sum = self.sum_of(first);
            let own = sum.map_or(first..first + 1, |sum| sum.blocks.clone());
            next = own.end;
            Some((own, sum))
        })
    }

    /// Whether LIMIT cuts the rows of all blocks, so that intervals of several blocks decide together.
    pub(crate) fn cuts_rows(&self) -> bool {
        cuts_rows(&self.steps)
    }
}
