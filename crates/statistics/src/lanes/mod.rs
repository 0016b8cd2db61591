//! Cells of many strata side by side, folded several at a time.
//!
//! Folding a single cell is a page of arithmetic with a branch here and there. Over strata that lie side by side the same arithmetic
//! has no branch: a processor does it for several strata at once, and the sums stay in registers.

mod cells;
mod domain_factors;
mod folds;
mod reals;
mod variance_polynomial;

pub use cells::Cells;
pub use domain_factors::{Counts, DomainFactors};
pub use reals::LANES;
pub use variance_polynomial::VariancePolynomial;

#[cfg(test)]
mod tests;
