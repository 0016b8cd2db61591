//! Queries made of several query blocks: branches of UNION ALL, and grouping sets.
//!
//! Each block has one aggregate at most, is recognised on its own and answered as a query of its own. What stands above all of them
//! row by row (projections, HAVING) is moved into each; ORDER BY, LIMIT and DISTINCT are applied to the rows of all. Where some aggregates
//! can be estimated and others cannot, two blocks with the same groups stand side by side.

mod beside;
mod descent;
mod grouping_sets;
mod ranks;
mod rows;

pub(crate) use beside::{Beside, Sides};
pub(crate) use ranks::Ranked;
pub(crate) use rows::Combined;

use crate::answer::Answer;
use crate::error::Result;
use crate::prepared::Prepared;
use arrow::compute::SortOptions;
use datafusion::common::{DFSchemaRef, TableReference};
use datafusion::logical_expr::LogicalPlan;
use plusminus_statistics::Target;
use std::sync::Arc;

/// Blocks of one query beyond which it is answered exactly: CUBE of six columns has so many.
const BLOCKS_MAX: usize = 64;

/// A query as several query blocks.
pub(crate) struct Blocks {
    /// The blocks in the order of their rows. Their columns are the query's, and behind them those that rows are sorted by.
    pub(crate) blocks: Vec<Arc<Prepared>>,
    /// Whether the exact answer reads a table once for several of them.
    pub(crate) share_scan: bool,
    /// Steps applied to the rows of all blocks, in this order.
    steps: Vec<Step>,
    /// The query's columns.
    schema: DFSchemaRef,
}

/// A step applied to the rows of all blocks. Columns are numbers from 0.
#[derive(Debug, Clone)]
enum Step {
    Sort {
        keys: Vec<(usize, SortOptions)>,
        fetch: Option<usize>,
    },
    Limit {
        skip: usize,
        fetch: Option<usize>,
    },
    /// Rows that agree in these columns are one.
    Distinct {
        columns: Vec<usize>,
    },
}

impl Blocks {
    /// The blocks of a query that is not one itself; `None` where there is nothing to be gained.
    pub(crate) fn of(prepared: &Prepared, plan: &LogicalPlan) -> Option<Self> {
        let found = descent::blocks_of(plan)?;
        if found.plans.len() < 2 || found.plans.len() > BLOCKS_MAX {
            return None;
        }
        let block = |plan: LogicalPlan| prepared.block(plan).ok().map(Arc::new);
        let blocks = found.plans.into_iter().map(block).collect::<Option<Vec<_>>>()?;
        let is_any = blocks.iter().any(|block| block.shape.is_ok());
        let schema = Arc::clone(plan.schema());
        is_any.then_some(Self { blocks, share_scan: found.share_scan, steps: found.steps, schema })
    }

    /// The rows of the tables that blocks were estimated over, each table once; `None` where one is not known. `answers` are those of the blocks.
    pub(crate) fn rows_total(&self, answers: &[Answer]) -> Option<u64> {
        let mut tables: Vec<(&TableReference, u64)> = Vec::new();
        for (block, answer) in self.blocks.iter().zip(answers) {
            let table = &block.shape.as_ref().ok()?.scan.table_name;
            let rows = answer.report.rows_total?;
            if tables.iter().all(|(known, _)| *known != table) {
                tables.push((table, rows));
            }
        }
        Some(tables.iter().map(|(_, rows)| rows).sum())
    }

    /// Whether LIMIT cuts rows of all blocks, so that intervals of several decide together.
    pub(crate) fn cuts_rows(&self) -> bool {
        cuts_rows(&self.steps)
    }

    /// The query's rows from those of its blocks; `None` where estimates decide which rows are the same.
    pub(crate) fn combined(&self, answers: &[Answer], target: Option<Target>) -> Result<Option<Combined>> {
        rows::combined(answers, &self.steps, &self.schema, target, &[])
    }
}

fn cuts_rows(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Limit { .. } | Step::Sort { fetch: Some(_), .. }))
}
