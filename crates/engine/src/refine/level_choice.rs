//! Whether a look meets the error bound, and which level the errors seen call for.

use super::level_rows::{LevelEstimate, ProgressiveScan};
use super::rank_stability::unsettled;
use crate::answer::Result;
use crate::bounds::meets_or_null;
use crate::samples::choose;
use plusminus_statistics::{Estimate, Population, predicted_rows};

impl ProgressiveScan<'_> {
    /// Whether every required cell is trusted and within the error.
    pub(crate) async fn met(&mut self, look: &LevelEstimate) -> Result<bool> {
        let Some(target) = self.context.goal.error else { return Ok(false) };
        // Keys that are known to be missing are rows of the answer that are not there.
        if self.view.absent_keys() > 0 {
            return Ok(false);
        }
        if let Some(nested) = &look.nested {
            return Ok(nested.estimates().all(|e| meets_or_null(e, target)));
        }
        let good = |estimate: &Estimate| meets_or_null(estimate, target);
        let shown = &look.estimates[..self.query.shown_estimates()];
        // Where no group was seen yet there is nothing to be sure of.
        if look.populations.is_empty() {
            return Ok(false);
        }
        let is_chosen = self.query.selects_by_estimate && !look.populations.iter().all(Population::is_exact);
        let is_exact = |group: usize| shown.iter().all(|e| e[group].trust.is_exact());
        let may_be_wrong_rows = is_chosen && (0..look.populations.len()).any(is_exact);
        let are_all = shown.iter().flatten().all(good) && !may_be_wrong_rows;
        // Which groups there are, an estimate may still decide wrongly.
        if are_all && !is_chosen || !self.query.chooses_rows {
            return Ok(are_all);
        }
        // Only the rows that HAVING and LIMIT leave have to be within.
        let columns = self.columns_of(look)?;
        super::finish::fill(self.query, look.hidden(self.query))?;
        let upper = self.upper(columns, look).await?;
        // Exact cells can still be of the wrong rows, when an estimate chose them.
        if is_chosen && upper.groups.iter().all(|g| is_exact(*g as usize)) {
            let is_settled = unsettled(self.query, look, &upper.groups).is_settled();
            return Ok(!upper.groups.is_empty() && is_settled && self.missing(&look.strata) == Some(0));
        }
        if upper.groups.is_empty() {
            let is_settled = unsettled(self.query, look, &upper.groups).is_settled();
            return Ok(is_settled && self.missing(&look.strata) == Some(0));
        }
        Ok(upper.groups.iter().all(|g| shown.iter().all(|e| good(&e[*g as usize]))))
    }

    /// What the errors seen so far call for.
    ///
    /// The level follows from trusted estimates alone: a few rows predict wildly, and reading level after level costs looks but no rows.
    pub(crate) fn wanted(&self, level: usize, look: &LevelEstimate, cumulative: &[u64]) -> Wanted {
        let top = cumulative.len() - 1;
        let Some(target) = self.context.goal.error else {
            return Wanted { level: (level + 1).min(top), rows: None };
        };
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let held = cumulative[level] as f64;
        let shown = look.estimates.iter().take(self.query.shown_estimates()).flatten();
        let nested = look.nested.iter().flat_map(|n| n.estimates());
        let (mut needed, mut is_known) = (held, true);
        for estimate in shown.chain(nested).filter(|estimate| !meets_or_null(estimate, target)) {
            let ends = estimate.lower.zip(estimate.upper).filter(|_| estimate.trust.is_reliable());
            let (Some(value), Some((low, high))) = (estimate.value, ends) else {
                is_known = false;
                continue;
            };
            let error = (high - low) / (2.0 * look.quantiles.normal());
            needed = needed.max(predicted_rows(held, value, error, target, &look.quantiles));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at the top level")]
        let first = needed.min(1e18) as u64;
        let level = choose::level_with(cumulative, first).clamp((level + 1).min(top), top);
        // Half of what is predicted is read first, since a level at least doubles the one before.
        Wanted { level, rows: is_known.then_some(2.0 * needed) }
    }
}

/// What the errors of a look call for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The level to read next.
    pub(crate) level: usize,
    /// Rows of this sample that would do; `None` where an estimate that missed cannot be relied upon.
    pub(crate) rows: Option<f64>,
}
