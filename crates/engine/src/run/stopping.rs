//! Whether a look meets the error bound, and which level the errors seen call for.

use super::levels::{Levels, Look};
use super::settled::unsettled;
use crate::choose;
use crate::error::Result;
use plusminus_statistics::{Estimate, Population, Target, Trust, meets, predicted_rows};

impl Levels<'_> {
    /// Whether every required cell is trusted and within the error.
    pub(super) async fn met(&mut self, look: &Look) -> Result<bool> {
        let Some(target) = self.context.goal.error else { return Ok(false) };
        if let Some(nested) = &look.nested {
            return Ok(nested.estimates().all(|e| meets_or_null(e, target)));
        }
        let good = |estimate: &Estimate| meets_or_null(estimate, target);
        let shown = &look.estimates[..self.shape.shown_estimates()];
        // Where no group was seen yet there is nothing to be sure of.
        if look.populations.is_empty() {
            return Ok(false);
        }
        let is_chosen = self.shape.selects_by_estimate && !look.populations.iter().all(Population::is_exact);
        let is_exact = |group: usize| shown.iter().all(|e| e[group].trust.is_exact());
        let may_be_wrong_rows = is_chosen && (0..look.populations.len()).any(is_exact);
        if shown.iter().flatten().all(good) && !may_be_wrong_rows {
            return Ok(true);
        }
        if !self.shape.chooses_rows {
            return Ok(false);
        }
        // Only the rows that HAVING and LIMIT leave have to be within.
        let columns = self.columns_of(look)?;
        super::finish::fill(self.shape, look.hidden(self.shape))?;
        let upper = self.upper(columns, look).await?;
        // Exact cells can still be of the wrong rows, when an estimate chose them.
        if is_chosen && upper.groups.iter().all(|g| is_exact(*g as usize)) {
            let is_settled = unsettled(self.shape, look, &upper.groups).is_settled();
            return Ok(!upper.groups.is_empty() && is_settled && self.missing(&look.strata) == Some(0));
        }
        if upper.groups.is_empty() && self.missing(&look.strata) != Some(0) {
            return Ok(false);
        }
        Ok(upper.groups.iter().all(|g| shown.iter().all(|e| good(&e[*g as usize]))))
    }

    /// The level that the errors seen so far call for.
    ///
    /// Only trusted ones: a few rows predict wildly, and reading level after level costs looks but no rows.
    pub(super) fn next_level(&self, level: usize, look: &Look, cumulative: &[u64]) -> usize {
        let top = cumulative.len() - 1;
        let Some(target) = self.context.goal.error else { return (level + 1).min(top) };
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let held = cumulative[level] as f64;
        let shown = look.estimates.iter().take(self.shape.shown_estimates()).flatten();
        let nested = look.nested.iter().flat_map(|n| n.estimates());
        let mut needed = held;
        let is_telling = |e: &&Estimate| e.trust.is_reliable() && !meets_or_null(e, target);
        for estimate in shown.chain(nested).filter(is_telling) {
            let (Some(value), Some(low), Some(high)) = (estimate.value, estimate.lower, estimate.upper) else {
                continue;
            };
            let error = (high - low) / (2.0 * look.quantiles.normal());
            needed = needed.max(predicted_rows(held, value, error, target, &look.quantiles));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at the top level")]
        let needed = needed.min(1e18) as u64;
        choose::level_with(cumulative, needed).clamp((level + 1).min(top), top)
    }
}

/// NULL (no row in the domain) is not a miss: there is nothing to be wrong about by a fraction.
pub(crate) fn meets_or_null(estimate: &Estimate, target: Target) -> bool {
    match (estimate.trust, estimate.value) {
        (Trust::Exact, _) => true,
        _ => meets(estimate, target),
    }
}
