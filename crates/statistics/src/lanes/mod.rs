//! Cells of many strata side by side, folded several at a time.
//!
//! Folding a single cell is a page of arithmetic with a branch here and there. Over strata that lie side by side the same arithmetic
//! has no branch: a processor does it for several strata at once, and the sums stay in registers.

mod cells;
mod folds;
mod forms;
mod insides;
mod reals;

pub use cells::Cells;
pub use forms::Form;
pub use insides::{Counts, Insides};
pub use reals::LANES;

#[cfg(test)]
mod tests;
