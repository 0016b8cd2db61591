//! Whether a level estimate meets the error bound, and which level its errors call for.

use super::level_rows::{LevelEstimate, ProgressiveScan};
use super::rank_stability::unsettled;
use crate::answer::Result;
use crate::bounds::meets_or_null;
use crate::samples::choose;
use plusminus_statistics::{Estimate, Population, predicted_rows};

/// Share of the predicted rows from which a level is worth it: stopping one level early saves more than one estimate in vain costs.
const EARLY: f64 = 0.5;

impl ProgressiveScan<'_> {
    /// Whether every required estimate is trusted and within the error.
    pub(crate) async fn met(&mut self, evaluated: &LevelEstimate) -> Result<bool> {
        let Some(target) = self.context.goal.error else { return Ok(false) };
        // Keys that are known to be missing are missing rows of the answer.
        if self.view.absent_keys() > 0 {
            return Ok(false);
        }
        if let Some(nested) = &evaluated.nested {
            return Ok(nested.estimates().all(|e| meets_or_null(e, target)));
        }
        let good = |estimate: &Estimate| meets_or_null(estimate, target);
        let shown = &evaluated.estimates[..self.query.shown_estimates()];
        // Before any group was seen nothing is certain.
        if evaluated.populations.is_empty() {
            return Ok(false);
        }
        let is_chosen = self.query.selects_by_estimate && !evaluated.populations.iter().all(Population::is_exact);
        let is_exact = |group: usize| shown.iter().all(|e| e[group].trust.is_exact());
        let may_be_wrong_rows = is_chosen && (0..evaluated.populations.len()).any(is_exact);
        let are_all = shown.iter().flatten().all(good) && !may_be_wrong_rows;
        // The estimate that chooses groups may still be wrong, even if all numbers are within the error.
        if are_all && !is_chosen || !self.query.chooses_rows {
            return Ok(are_all);
        }
        // Only rows that HAVING and LIMIT keep have to be within the error.
        let columns = self.columns_of(evaluated)?;
        super::finish::fill(self.query, evaluated.hidden(self.query))?;
        let upper = self.upper(columns, evaluated).await?;
        // Exact values may still belong to the wrong rows, when an estimate chose them.
        if is_chosen && upper.groups.iter().all(|g| is_exact(*g as usize)) {
            let is_settled = unsettled(self.query, evaluated, &upper.groups).is_settled();
            return Ok(!upper.groups.is_empty() && is_settled && self.missing(&evaluated.strata) == Some(0));
        }
        if upper.groups.is_empty() {
            let is_settled = unsettled(self.query, evaluated, &upper.groups).is_settled();
            return Ok(is_settled && self.missing(&evaluated.strata) == Some(0));
        }
        Ok(upper.groups.iter().all(|g| shown.iter().all(|e| good(&e[*g as usize]))))
    }

    /// The next level that the errors so far call for.
    ///
    /// Only trusted estimates count: a few rows give wild predictions, while one more level in between costs an evaluation but no rows.
    pub(crate) fn wanted(&self, level: usize, evaluated: &LevelEstimate, cumulative: &[u64]) -> Wanted {
        let top = cumulative.len() - 1;
        let Some(target) = self.context.goal.error else {
            return Wanted { level: (level + 1).min(top), rows: None };
        };
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let held = cumulative[level] as f64;
        let shown = evaluated.estimates.iter().take(self.query.shown_estimates()).flatten();
        let nested = evaluated.nested.iter().flat_map(|n| n.estimates());
        let (mut needed, mut is_known) = (held, true);
        for estimate in shown.chain(nested).filter(|estimate| !meets_or_null(estimate, target)) {
            let ends = estimate.lower.zip(estimate.upper).filter(|_| estimate.trust.is_reliable());
            let (Some(value), Some((low, high))) = (estimate.value, ends) else {
                is_known = false;
                continue;
            };
            let error = (high - low) / (2.0 * evaluated.quantiles.normal());
            needed = needed.max(predicted_rows(held, value, error, target, &evaluated.quantiles));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at the top level")]
        let first = (needed * EARLY).max(held).min(1e18) as u64;
        let level = choose::level_with(cumulative, first).clamp((level + 1).min(top), top);
        Wanted { level, rows: is_known.then_some(needed) }
    }
}

/// Rows that the errors of a level estimate call for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The level to read next.
    pub(crate) level: usize,
    /// Rows of this sample that would meet the error; `None` where an estimate that missed is not trusted.
    pub(crate) rows: Option<f64>,
}
