//! Predicts the error and the time of each level of a sample from the errors of one level.

use crate::answer::{Error, Result};
use crate::execution::in_words;
use crate::refine::{Context, LevelEstimate, ProgressiveScan, Refinement};
use crate::samples::{SampleBinding, TableCost, choose};
use crate::strata::catalog;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::Expr;
use plusminus_plan::{AggregateQuery, Reason, shown_column};
use plusminus_statistics::{Estimate, StratumSize, Target};
use std::sync::Arc;
use std::time::Duration;

/// Average rows per group from which intervals can be extrapolated.
const GROUP_ROWS: u64 = 200;
/// Rows that an explanation reads for that, at most.
const TELLING_ROWS_MAX: u64 = 64_000;

/// Prediction for one level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forecast {
    /// Rows held by levels up to this one that may pass WHERE.
    pub(crate) rows: u64,
    /// The largest error of any estimate, as a fraction or in its unit; `None` when it cannot be predicted.
    pub(crate) error: Option<f64>,
    /// From the text to the answer; `None` before enough was learnt.
    pub(crate) time: Option<Duration>,
}

/// Predictions for the levels of one sample.
#[derive(Debug)]
pub(crate) struct SampleForecast {
    pub(crate) binding: Arc<SampleBinding>,
    /// Predictions by level.
    pub(crate) levels: Vec<Forecast>,
    /// The level that was evaluated.
    pub(crate) pilot_level: usize,
    /// The estimate with the largest error there: the place of its column, and its group in words; `None` where it is none's in particular.
    pub(crate) widest: Option<(usize, String)>,
    /// The lowest level that is predicted to meet the error, or the highest that ends in time.
    level: usize,
    /// Whether that level is predicted to meet the bounds.
    is_enough: bool,
}

/// The candidate that is expected to answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    /// A level of the first sample, and why.
    Level(usize, &'static str),
    /// The table, and why.
    Table(String),
}

/// Predictions for all candidates.
#[derive(Debug)]
pub(crate) struct Forecasts {
    /// Predictions by sample; the preferred sample comes first.
    pub(crate) samples: Vec<SampleForecast>,
    /// The exact answer; `None` where a sample or a level is pinned.
    pub(crate) table: Option<TableCost>,
    /// Whether errors are fractions rather than absolute.
    pub(crate) is_relative: bool,
    pub(crate) expected: Expected,
}

/// The candidates that can answer a query.
pub(crate) enum Candidates {
    /// Levels of samples, and the table.
    Samples(Forecasts),
    /// The catalog; `is_exact` is false where a sketch answers.
    Catalog { is_exact: bool },
    /// The table alone, since no sample can answer.
    Table(Reason),
}

/// Evaluates a level where it is needed, and predicts every candidate.
pub(crate) async fn forecast(
    query: &AggregateQuery,
    context: &Context<'_>,
    candidates: &[Arc<SampleBinding>],
) -> Result<Candidates> {
    let non_linear = match catalog::start(query, context.goal, context.state, candidates)? {
        catalog::CatalogOutcome::Answered(_, known) => return Ok(Candidates::Catalog { is_exact: known.is_exact() }),
        catalog::CatalogOutcome::Refused(reason) => return Ok(Candidates::Table(reason)),
        catalog::CatalogOutcome::NonLinear(non_linear) => non_linear,
    };
    let (mut run, piloted) = crate::refine::begin(query, context, candidates, non_linear.clone()).await?;
    let mut samples = vec![run.forecasts(piloted, candidates).await?];
    let expected = run.expected(&samples[0]).await?;
    let preferred = Arc::clone(&samples[0].binding);
    for other in candidates.iter().filter(|other| !Arc::ptr_eq(other, &preferred)) {
        let mut run = Refinement::new(query, context, other, non_linear.clone())?;
        samples.push(run.forecasts(None, candidates).await?);
    }
    let is_relative = matches!(context.goal.error.unwrap_or(Target::Relative(1.0)), Target::Relative(_));
    Ok(Candidates::Samples(Forecasts { samples, table: context.table.cost().await?, is_relative, expected }))
}

impl Refinement<'_> {
    async fn evaluate(&mut self, level: usize) -> Result<LevelEstimate> {
        Ok(self.evaluate_level(level, false).await?.ok_or(Error::Interrupted)?.0)
    }

    /// Extrapolates the estimates of one level to every level.
    async fn forecasts(
        &mut self,
        piloted: Option<(usize, LevelEstimate)>,
        candidates: &[Arc<SampleBinding>],
    ) -> Result<SampleForecast> {
        let mut pilot_level = choose::forecast_level(self.costs.cumulative()).min(self.costs.top());
        let mut evaluated = match piloted {
            Some((level, evaluated)) if level >= pilot_level => evaluated,
            _ => self.evaluate(pilot_level).await?,
        };
        // Few rows per group have wide intervals of their own kind, which say little about those of many rows.
        let groups = evaluated.populations.len() as u64;
        let enough = choose::level_with(self.costs.cumulative(), (groups * GROUP_ROWS).min(TELLING_ROWS_MAX));
        let enough = enough.min(self.costs.top());
        if enough > pilot_level {
            pilot_level = enough;
            evaluated = self.evaluate(pilot_level).await?;
        }
        let target = self.levels.context.goal.error.unwrap_or(Target::Relative(1.0));
        let width = self.levels.widest(&evaluated, target).await?;
        let widest = self.levels.widest_name(&evaluated, target)?;
        let spread = self.levels.spread(pilot_level);
        let error = |level: usize| {
            let width = width? * (self.levels.spread(level) / spread.max(f64::MIN_POSITIVE)).sqrt();
            // Relative errors are relative to the nearer end of the interval.
            match target {
                Target::Relative(_) => Some(width / (1.0 - width)).filter(|_| width < 1.0),
                Target::Absolute(_) => Some(width),
            }
        };
        let forecast = |(level, rows): (usize, &u64)| Forecast {
            rows: *rows,
            error: error(level),
            time: self.costs.answer(level),
        };
        let levels: Vec<Forecast> = self.costs.cumulative().iter().enumerate().map(forecast).collect();
        let is_own = |binding: &&Arc<SampleBinding>| std::ptr::eq(binding.as_ref(), self.levels.binding);
        let binding = Arc::clone(candidates.iter().find(is_own).unwrap_or(&candidates[0]));
        let (level, is_enough) = self.best_level(&levels);
        Ok(SampleForecast { binding, levels, pilot_level, widest, level, is_enough })
    }

    /// The first level within the error, or the highest that ends in time; the second result is whether it meets all bounds.
    fn best_level(&self, levels: &[Forecast]) -> (usize, bool) {
        let goal = self.levels.context.goal;
        let (top, first) = (self.costs.last(), self.first());
        let in_time = |level: &usize| match (goal.within, levels[*level].time) {
            (Some(within), Some(time)) => time <= within,
            _ => true,
        };
        let allowed = goal.error.map(|target| match target {
            Target::Relative(allowed) | Target::Absolute(allowed) => allowed,
        });
        let is_enough =
            |level: &usize| allowed.is_none_or(|allowed| levels[*level].error.is_some_and(|error| error <= allowed));
        let wanted = match allowed {
            Some(_) => (first..=top).find(is_enough),
            None => Some(top),
        };
        let level = (0..=wanted.unwrap_or(top)).rev().find(in_time).unwrap_or(0);
        (level, wanted == Some(level))
    }

    /// The candidate that is expected to answer, given the predictions for the preferred sample.
    async fn expected(&mut self, sample: &SampleForecast) -> Result<Expected> {
        let context = self.levels.context;
        let goal = context.goal;
        if goal.error.is_none() {
            return Ok(match self.table_follows().await? {
                Some(time) => Expected::Table(format!(
                    "the exact answer is predicted to end within half the time ({}); a first estimate comes before it",
                    in_words(time)
                )),
                None => Expected::Level(sample.level, "the most rows that fit into the time"),
            });
        }
        if self.is_dearer_than_table().await? {
            return Ok(Expected::Table("it costs less than the first level of the sample".to_owned()));
        }
        if sample.is_enough {
            return Ok(Expected::Level(sample.level, "the fewest rows that are predicted to meet the bound"));
        }
        let cost = context.table.cost().await?;
        Ok(match cost.filter(|cost| goal.reads_table_on_miss() && cost.may_end_in(context.left())) {
            Some(_) => {
                Expected::Table("no level is predicted to meet the error: what misses is computed there".to_owned())
            }
            None => Expected::Level(sample.level, "the best there is; the bound will probably be missed"),
        })
    }
}

impl ProgressiveScan<'_> {
    /// Factor of a total's variance, if values spread alike in all strata: Σ N²(1−f)/n over the strata that may match WHERE.
    fn spread(&self, level: usize) -> f64 {
        let sizes = self.view.sizes(level);
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let of = |size: &StratumSize| {
            let (all, sampled) = (size.rows as f64, size.sampled as f64);
            if size.is_exact() { 0.0 } else { all * (all - sampled) / sampled.max(1.0) }
        };
        let matching_rows = (0..).zip(&sizes).filter(|(stratum, _)| self.view.is_matching(*stratum));
        matching_rows.map(|(_, size)| of(size)).sum()
    }

    /// The column of the widest interval that is shown, and its group: ` of origin = ACY`.
    fn widest_name(&mut self, evaluated: &LevelEstimate, target: Target) -> Result<Option<(usize, String)>> {
        if evaluated.nested.is_some() || self.query.chooses_rows {
            return Ok(None);
        }
        let columns = self.query.outputs.iter().enumerate().filter(|(_, output)| output.function.is_some());
        let cells = columns.zip(&evaluated.estimates).flat_map(|((column, _), estimates)| {
            let width = move |estimate| width(estimate, target).unwrap_or(f64::INFINITY);
            estimates.iter().enumerate().map(move |(group, estimate)| (width(estimate), column, group))
        });
        let Some((width, column, group)) = cells.reduce(|widest, next| if next.0 > widest.0 { next } else { widest })
        else {
            return Ok(None);
        };
        if width <= 0.0 {
            return Ok(None);
        }
        let keys = self.keys_of(evaluated)?;
        let options = FormatOptions::default().with_null("NULL");
        let mut names = Vec::with_capacity(keys.len());
        for (expr, values) in self.query.keys.iter().zip(&keys) {
            let value = ArrayFormatter::try_new(values, &options)?.value(group).to_string();
            let name = match expr {
                Expr::Column(column) => shown_column(&column.name).to_owned(),
                other => other.to_string(),
            };
            names.push(format!("{name} = {value}"));
        }
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        Ok(Some((column, of)))
    }

    /// Half the width of the widest interval that is shown, as a fraction of its estimate or in its unit; `None` when one is not known.
    async fn widest(&mut self, evaluated: &LevelEstimate, target: Target) -> Result<Option<f64>> {
        let of = |estimate: &Estimate| width(estimate, target);
        if let Some(nested) = &evaluated.nested {
            return Ok(worst(nested.estimates().map(of)));
        }
        let shown = &evaluated.estimates[..self.query.shown_estimates()];
        if !self.query.chooses_rows {
            return Ok(worst(shown.iter().flatten().map(of)));
        }
        let columns = self.columns_of(evaluated)?;
        crate::refine::fill(self.query, evaluated.hidden(self.query))?;
        let upper = self.upper(columns, evaluated).await?;
        Ok(worst(upper.groups.iter().flat_map(|g| shown.iter().map(|e| of(&e[*g as usize])))))
    }
}

/// Half the width of an interval, as a fraction of its estimate or in its unit; `None` when it is not known.
fn width(estimate: &Estimate, target: Target) -> Option<f64> {
    // A NULL for lack of rows is no miss.
    let (Some(value), false) = (estimate.value, estimate.trust.is_exact()) else { return Some(0.0) };
    let half = (estimate.upper? - estimate.lower?) / 2.0;
    let width = if matches!(target, Target::Relative(_)) { half / value.abs() } else { half };
    width.is_finite().then_some(width)
}

/// The largest error; `None` when one is not known.
fn worst(mut errors: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    errors.try_fold(0.0_f64, |worst, error| Some(worst.max(error?)))
}
