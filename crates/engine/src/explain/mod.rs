//! EXPLAIN with bounds: predicts how a query will be answered, and with ANALYZE also answers it.

mod forecast;

pub(crate) use forecast::forecast;

use crate::answer::{Answer, Result, listing, thousands};
use crate::bounds::Goal;
use crate::execution::{ExecutionMode, QueryExecution, fallback, in_words, ms};
use crate::planning::Blocks;
use crate::runtime::caught;
use crate::samples::{SampleBinding, TableCost};
use arrow::array::{ArrayRef, StringArray};
use forecast::{Candidates, Expected, Forecast, Forecasts, SampleForecast};
use plusminus_dialect::Explain;
use plusminus_plan::{AggregateQuery, is_matched_column, shown_column};
use plusminus_statistics::Target;
use std::sync::Arc;

type Lines = Vec<(&'static str, String)>;

/// Explains a query with one row per fact, in columns `step` and `detail`.
pub(crate) async fn run(execution: &Arc<QueryExecution>, explain: Explain) -> Result<Answer> {
    let mut lines = Lines::new();
    let forecasts = match caught(estimated(&mut lines, execution)).await {
        Ok(forecasts) => forecasts,
        Err(error) => {
            let reason = fallback(error)?;
            lines.clear();
            exactly(&mut lines, execution, reason.0).await?;
            None
        }
    };
    if explain.analyze {
        analyze(&mut lines, execution, forecasts.as_ref()).await?;
    }
    let column = |pick: &dyn Fn(&(&str, String)) -> String| -> ArrayRef {
        Arc::new(lines.iter().map(|line| Some(pick(line))).collect::<StringArray>())
    };
    listing::values(vec![("step", column(&|l| l.0.to_owned())), ("detail", column(&|l| l.1.clone()))], "explained")
}

async fn estimated(lines: &mut Lines, execution: &Arc<QueryExecution>) -> Result<Option<Forecasts>> {
    if let Some((filled, sentences)) = execution.explained_with_subqueries().await? {
        lines.extend(sentences.into_iter().map(|sentence| ("subquery", sentence)));
        return with_values(lines, &filled).await;
    }
    with_values(lines, execution).await
}

/// Explains the candidates of a query whose subqueries have been replaced by values.
async fn with_values(lines: &mut Lines, execution: &Arc<QueryExecution>) -> Result<Option<Forecasts>> {
    // Asked first, since choosing fetches what it chooses.
    lines.extend(execution.joined_candidates().await?.into_iter().map(|sentence| ("join", sentence)));
    match execution.execution_mode().await? {
        ExecutionMode::Exact(reason) => {
            if !in_parts(lines, execution).await? {
                exactly(lines, execution, reason.0).await?;
            }
            Ok(None)
        }
        ExecutionMode::Sample(query, candidates) => samples(lines, execution, &query, &candidates).await,
    }
}

/// Explains a query that is answered part by part; false where it is not.
async fn in_parts(lines: &mut Lines, execution: &Arc<QueryExecution>) -> Result<bool> {
    if !execution.goal.is_bounded() {
        return Ok(false);
    }
    if let Some(blocks) = execution.prepared.blocks() {
        each_block(lines, execution, blocks).await?;
        return Ok(true);
    }
    if execution.prepared.query.is_ok() {
        return Ok(false);
    }
    if let Some(ranked) = execution.prepared.ranked() {
        lines.push(("ranks", "of estimates that hold for all groups at once".to_owned()));
        let goal = Goal { all_groups: true, ..execution.goal };
        part(lines, &execution.part(Arc::clone(&ranked.block), goal)).await?;
        return Ok(true);
    }
    if let Some(partly_exact) = execution.prepared.partly_exact(execution.exact_aggregates()) {
        lines.push(("estimated", "some aggregates, where computing the others alone is less work than all".to_owned()));
        part(lines, &execution.part(Arc::clone(&partly_exact.estimated), execution.goal)).await?;
        lines.push(("computed", "the other aggregates".to_owned()));
        let exact = execution.part(Arc::clone(&partly_exact.exact), execution.goal);
        exactly(lines, &exact, "no sample tells them".to_owned()).await?;
        return Ok(true);
    }
    Ok(false)
}

/// Explains the candidates of one part.
async fn part(lines: &mut Lines, execution: &Arc<QueryExecution>) -> Result<()> {
    match execution.execution_mode().await? {
        ExecutionMode::Exact(reason) => exactly(lines, execution, reason.0).await,
        ExecutionMode::Sample(query, candidates) => samples(lines, execution, &query, &candidates).await.map(drop),
    }
}

/// Explains the candidates of every block, and the exact answer of all blocks.
async fn each_block(lines: &mut Lines, execution: &Arc<QueryExecution>, blocks: &Arc<Blocks>) -> Result<()> {
    let count = blocks.blocks.len();
    lines.push(("mode", format!("{count} query blocks, each answered on its own")));
    for number in 0..count {
        let block = execution.explained_block(blocks, number);
        lines.push(("block", format!("{} of {count}", number + 1)));
        part(lines, &block).await?;
    }
    if let Some(cost) = execution.table().cost().await? {
        lines.push(("candidate", format!("for all blocks, {}", table_text(&cost))));
    }
    Ok(())
}

async fn exactly(lines: &mut Lines, execution: &QueryExecution, reason: String) -> Result<()> {
    lines.push(("mode", "exact".to_owned()));
    lines.push(("reason", reason));
    if let Some(cost) = execution.table().cost().await? {
        lines.push(("candidate", table_text(&cost)));
    }
    lines.push(("plan", execution.prepared.plan.display_indent().to_string()));
    Ok(())
}

fn table_text(cost: &TableCost) -> String {
    let learnt = if cost.is_learnt { "" } else { " (no scan of it was timed yet)" };
    format!("the table: {} rows, exact, about {}{learnt}", thousands(cost.work.rows), in_words(cost.time))
}

async fn samples(
    lines: &mut Lines,
    execution: &Arc<QueryExecution>,
    query: &Arc<AggregateQuery>,
    candidates: &[Arc<SampleBinding>],
) -> Result<Option<Forecasts>> {
    let elapsed = || execution.env.clock.elapsed().saturating_sub(execution.start);
    let table = execution.table();
    let forecasts = match forecast(query, &execution.context(&elapsed, &table), candidates).await? {
        Candidates::Samples(forecasts) => forecasts,
        Candidates::Table(reason) => {
            exactly(lines, execution, reason.0).await?;
            return Ok(None);
        }
        Candidates::Catalog { is_exact } => {
            lines.push(("mode", if is_exact { "exact" } else { "approximate" }.to_owned()));
            lines.push(("reason", "the catalog knows the answer: no row is read".to_owned()));
            lines.push(("bounds", goal_text(execution)));
            return Ok(None);
        }
    };
    let is_table = matches!(forecasts.expected, Expected::Table(_));
    lines.push(("mode", if is_table { "exact" } else { "approximate" }.to_owned()));
    let read: Vec<String> =
        query.columns().iter().filter(|name| !is_matched_column(name)).map(|n| shown_column(n).to_owned()).collect();
    lines.push(("columns read", read.join(", ")));
    lines.extend(query.joins.iter().map(|table| ("joined", table.to_string())));
    lines.extend(execution.fetching.sentence().map(|sentence| ("fetched", sentence)));
    lines.push(("bounds", goal_text(execution)));
    for sample in &forecasts.samples {
        let manifest = &sample.binding.manifest;
        let (name, levels) = (manifest.shown_name(), sample.levels.len());
        let described =
            format!("{name}: {}, predicted from level {}", listing::shown_design(manifest), sample.pilot_level);
        lines.push(("sample", described));
        if let Some((column, group)) = &sample.widest {
            let written = execution.prepared.written_names().get(*column).cloned().flatten();
            let name = written.unwrap_or_else(|| query.plan.schema().field(*column).name().clone());
            lines.push(("widest", format!("{name}{group}: its error is what is predicted")));
        }
        for (level, forecast) in sample.levels.iter().enumerate() {
            let text = predicted(forecast, forecasts.is_relative);
            lines.push(("candidate", format!("{name}, level {level} of {levels}: {text}")));
        }
    }
    if let Some(cost) = &forecasts.table {
        lines.push(("candidate", table_text(cost)));
    }
    let name = forecasts.samples[0].binding.manifest.shown_name();
    lines.push((
        "expected",
        match &forecasts.expected {
            Expected::Level(level, why) => format!("{name}, level {level}: {why}"),
            Expected::Table(why) => format!("the table: {why}"),
        },
    ));
    Ok(Some(forecasts))
}

fn predicted(forecast: &Forecast, is_relative: bool) -> String {
    let error = forecast.error.map_or_else(|| "error not known".to_owned(), |e| error_text(e, is_relative));
    let time = forecast.time.map_or_else(|| "time not learnt yet".to_owned(), |t| format!("{:.2} ms", ms(t)));
    format!("{} rows, {error}, {time}", thousands(forecast.rows))
}

fn error_text(error: f64, is_relative: bool) -> String {
    if is_relative { format!("error {:.2} %", 100.0 * error) } else { format!("error {error:.4}") }
}

async fn analyze(lines: &mut Lines, execution: &Arc<QueryExecution>, forecasts: Option<&Forecasts>) -> Result<()> {
    let answer = execution.again().answer().await?;
    let report = answer.report();
    lines.push(("answered", format!("{}; {}", report.mode, report.reason)));
    lines.push(("rows read", thousands(report.rows_read)));
    let sample = forecasts.and_then(|forecasts| own_sample(forecasts, report.sample.as_deref()));
    let forecast = report.level.and_then(|level| sample?.levels.get(level));
    if let (Some(forecast), Some(forecasts)) = (forecast, forecasts) {
        let found = answer.worst_error(forecasts.is_relative)?;
        let text = |error: Option<f64>| error.map_or("not known".to_owned(), |e| error_text(e, forecasts.is_relative));
        lines.push(("error", format!("{}, predicted {}", text(found), text(forecast.error))));
        let time = forecast.time.map_or("not learnt yet".to_owned(), |t| format!("{:.2} ms", ms(t)));
        lines.push(("time", format!("{:.2} ms, predicted {time}", report.elapsed_ms)));
    } else {
        let table = forecasts.and_then(|forecasts| forecasts.table.as_ref()).filter(|_| report.sample.is_none());
        let table = table.map_or_else(String::new, |cost| format!(", the table predicted {}", in_words(cost.time)));
        lines.push(("time", format!("{:.2} ms{table}", report.elapsed_ms)));
    }
    for warning in &report.warnings {
        lines.push(("note", warning.clone()));
    }
    for (part, time) in &report.parts {
        lines.push(("spent on", format!("{part}: {:.3} ms", ms(*time))));
    }
    lines.push(("met", report.met.map_or("no bound".to_owned(), |m| m.to_string())));
    Ok(())
}

/// The predictions for the sample that answered.
fn own_sample<'a>(forecasts: &'a Forecasts, name: Option<&str>) -> Option<&'a SampleForecast> {
    forecasts.samples.iter().find(|sample| name == Some(sample.binding.manifest.shown_name().as_str()))
}

fn goal_text(execution: &QueryExecution) -> String {
    let goal = &execution.goal;
    let error = goal.error.map(|e| match e {
        Target::Relative(e) => format!("error within {} %", short(e * 100.0)),
        Target::Absolute(e) => format!("error within {e}"),
    });
    let within = goal.within.map(|w| format!("within {} ms", w.as_millis()));
    let bounds: Vec<String> = [error, within].into_iter().flatten().collect();
    format!("{} at confidence {} %", bounds.join(", "), short(goal.confidence.level() * 100.0))
}

/// Rounds away digits that arise when confidence is shared among parts.
fn short(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
