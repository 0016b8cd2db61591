//! Whole numbers that leave their type are an error, in exact answers and in estimates.
//!
//! DataFusion's sums, and its arithmetic on whole numbers, wrap around silently. Here sums accumulate in 128 bits (decimals of
//! more than 28 digits in 256) and are checked once they are done, and arithmetic in SELECT, WHERE and aggregates is checked
//! row by row.

mod arithmetic;
mod constants;
mod folding;
mod sum;
mod wide;

pub use arithmetic::{CheckedArithmetic, physical_expr};
pub use constants::CheckedConstants;
pub use folding::{CheckedFolding, hidden, shown};

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::AggregateUDF;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Makes the checked SUM the one of `context`.
pub fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    let usual = state.udaf("sum")?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(sum::CheckedSum::new(usual))))?;
    Ok(())
}

#[cfg(test)]
mod tests;
