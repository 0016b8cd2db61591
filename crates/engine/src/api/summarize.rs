//! SUMMARIZE: every column of a table or query with its type, extremes, distinct values, mean, spread, quartiles and NULLs.

use super::query;
use super::session::Session;
use crate::answer::{Answer, Bounds, Column, Error, Mode, Report, Result, plain_report, sql_type};
use crate::bounds::Listeners;
use crate::environment::sql_name;
use crate::execution::ms;
use arrow::array::{Array, ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use plusminus_dialect::{BoundedSql, Bounds as StatedBounds, OnMiss, StatementKind, parse_statement};
use plusminus_functions::numbers::floats;
use plusminus_plan::Role;
use plusminus_statistics::Trust;
use std::sync::Arc;

/// Columns that are summarised by one query; a query with more aggregates takes longer to plan than to run.
const COLUMNS_AT_ONCE: usize = 32;

/// Statistics of numeric columns, each with its aggregate; `{}` stands for the column.
const OF_NUMBERS: [(&str, &str); 5] = [
    ("avg", "avg({})"),
    ("std", "stddev({})"),
    ("q25", "percentile_cont(0.25) WITHIN GROUP (ORDER BY {})"),
    ("q50", "percentile_cont(0.5) WITHIN GROUP (ORDER BY {})"),
    ("q75", "percentile_cont(0.75) WITHIN GROUP (ORDER BY {})"),
];

/// A number that is known of every column, with its interval.
#[derive(Clone, Copy)]
struct Number {
    value: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    trust: Trust,
}

const ABSENT: Number = Number { value: None, lower: None, upper: None, trust: Trust::Exact };

/// The statistics of one column.
struct Summary {
    name: String,
    data_type: String,
    least: Option<String>,
    greatest: Option<String>,
    distinct: Option<u64>,
    /// One entry per statistic of [`OF_NUMBERS`].
    numbers: Vec<Number>,
    /// Values that are not NULL.
    count: Number,
    null_percent: Number,
}

impl Session {
    /// Summarises a table or query; under a bound from a sample, with intervals, or from the table where no sample meets it.
    pub(crate) async fn summarize(&self, source: &str, bounds: &StatedBounds) -> Result<Answer> {
        if bounds.is_empty() || bounds.on_miss.is_some() {
            return self.summarized(source, bounds).await;
        }
        let estimated = StatedBounds { on_miss: Some(OnMiss::Report), ..bounds.clone() };
        let answer = self.summarized(source, &estimated).await?;
        let is_answered = answer.report.mode == Mode::Approximate && answer.report.met == Some(true);
        // A time alone does not suffice for the table where a sample was needed.
        if is_answered || bounds.within.is_some() {
            return Ok(answer);
        }
        let exact = self.summarized(source, &StatedBounds::default()).await?;
        let stated = answer.report;
        let report = Report {
            error_bound: stated.error_bound,
            error_is_relative: stated.error_is_relative,
            confidence: stated.confidence,
            met: Some(true),
            rows_read: stated.rows_read + exact.report.rows_read,
            reason: "no sample is within the error, so the table answered".to_owned(),
            ..exact.report
        };
        Ok(Answer { report, ..exact })
    }

    async fn summarized(&self, source: &str, bounds: &StatedBounds) -> Result<Answer> {
        let start = self.env.clock.elapsed();
        let schema = self.schema_of(source).await?;
        let mut summaries = Vec::with_capacity(schema.fields().len());
        let mut report: Option<Report> = None;
        // A stated time is that of all columns together.
        let at_once = if bounds.within.is_some() { schema.fields().len().max(1) } else { COLUMNS_AT_ONCE };
        for fields in schema.fields().chunks(at_once) {
            let (sql, places) = statistics(source, fields, !bounds.is_empty());
            let answer = self.bounded(&sql, bounds).await?;
            summaries.extend(fields.iter().zip(&places).map(|(field, places)| summary(field, places, &answer)));
            report = Some(match report {
                None => answer.report,
                Some(before) => merged(before, &answer.report),
            });
        }
        let mut report = report.unwrap_or_else(|| plain_report("there is no column"));
        let is_unknown =
            |summary: &Summary| summary.least.is_none() && summary.numbers.iter().all(|n| n.value.is_none());
        if !bounds.is_empty() && summaries.iter().any(is_unknown) {
            let what = "under a bound the extremes of texts and times and the distinct values are left out";
            report.warnings.push(format!("{what}: SUMMARIZE without a bound reads them from the table"));
        }
        report.elapsed_ms = ms(self.env.clock.elapsed().saturating_sub(start));
        answer_of(&summaries, report)
    }

    async fn schema_of(&self, source: &str) -> Result<SchemaRef> {
        let plan =
            crate::planning::case::plan_of(&self.env.context.state(), &format!("SELECT * FROM {source}")).await?;
        Ok(Arc::clone(plan.schema().inner()))
    }

    async fn bounded(&self, sql: &str, bounds: &StatedBounds) -> Result<Answer> {
        match parse_statement(sql)?.kind {
            StatementKind::Sql(sql) => {
                query::run(self, &BoundedSql { bounds: bounds.clone(), ..sql }, Listeners::default()).await
            }
            _ => Err(Error::data("this cannot be summarised")),
        }
    }
}

/// Where the statistics of a column stand among the columns of the query's answer.
#[derive(Default)]
struct Places {
    extremes: Option<[usize; 2]>,
    distinct: Option<usize>,
    count: usize,
    numbers: Option<usize>,
}

/// The query of all statistics of some columns; its first column is the number of rows.
fn statistics(source: &str, fields: &[Arc<Field>], is_bounded: bool) -> (String, Vec<Places>) {
    let mut calls = vec!["count(*) AS n".to_owned()];
    let mut push = |call: String| {
        calls.push(format!("{call} AS c{}", calls.len()));
        calls.len() - 1
    };
    let mut all = Vec::with_capacity(fields.len());
    for field in fields {
        let name = sql_name(field.name());
        let is_number = field.data_type().is_numeric();
        let mut places = Places { count: push(format!("count({name})")), ..Places::default() };
        // A sample says nothing of the extremes of texts, which would have to be read from the table.
        if is_number || !is_bounded && is_ordered(field.data_type()) {
            places.extremes = Some([push(format!("min({name})")), push(format!("max({name})"))]);
        }
        if !is_bounded && is_ordered(field.data_type()) {
            places.distinct = Some(push(format!("count(DISTINCT {name})")));
        }
        if is_number {
            let first = OF_NUMBERS.map(|(_, call)| push(call.replace("{}", &format!("CAST({name} AS DOUBLE)"))))[0];
            places.numbers = Some(first);
        }
        all.push(places);
    }
    (format!("SELECT {} FROM {source}", calls.join(", ")), all)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether values of a type have a least and a greatest.
fn is_ordered(data_type: &DataType) -> bool {
    let data_type = if let DataType::Dictionary(_, values) = data_type { values } else { data_type };
    data_type.is_numeric() || data_type.is_temporal() || is_text(data_type) || *data_type == DataType::Boolean
}

fn summary(field: &Field, places: &Places, answer: &Answer) -> Summary {
    let text = |at: usize| {
        let values = answer.batch.column(at);
        let texts = cast(values, &DataType::Utf8).ok()?;
        let texts = texts.as_any().downcast_ref::<StringArray>()?;
        let text = (!texts.is_empty() && texts.is_valid(0)).then(|| texts.value(0).to_owned())?;
        // Times are written with a space between day and time.
        Some(if matches!(values.data_type(), DataType::Timestamp(..)) { text.replacen('T', " ", 1) } else { text })
    };
    let (all, count) = (number(answer, 0), number(answer, places.count));
    Summary {
        name: field.name().clone(),
        data_type: sql_type(field.data_type()),
        least: places.extremes.and_then(|[least, _]| text(least)),
        greatest: places.extremes.and_then(|[_, greatest]| text(greatest)),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of values")]
        distinct: places.distinct.and_then(|at| number(answer, at).value).map(|count| count as u64),
        numbers: match places.numbers {
            Some(first) => (0..OF_NUMBERS.len()).map(|at| number(answer, first + at)).collect(),
            None => vec![ABSENT; OF_NUMBERS.len()],
        },
        null_percent: null_percent(all, count),
        count,
    }
}

/// The number in a column of an answer with one row.
fn number(answer: &Answer, at: usize) -> Number {
    let value = |values: &ArrayRef| floats(values).ok().filter(|v| !v.is_empty() && v.is_valid(0)).map(|v| v.value(0));
    let estimate = value(answer.batch.column(at));
    match &answer.columns[at].bounds {
        Some(bounds) if !bounds.trust.is_empty() => {
            Number { value: estimate, lower: value(&bounds.lower), upper: value(&bounds.upper), trust: bounds.trust[0] }
        }
        _ => Number { value: estimate, lower: estimate, upper: estimate, trust: Trust::Exact },
    }
}

/// The share of NULL among all rows, whose number is exact without a filter.
fn null_percent(all: Number, count: Number) -> Number {
    let Some(all) = all.value.filter(|all| *all > 0.0) else { return ABSENT };
    let share = |count: Option<f64>| count.map(|count| (100.0 * (1.0 - count / all)).clamp(0.0, 100.0));
    Number { value: share(count.value), lower: share(count.upper), upper: share(count.lower), trust: count.trust }
}

/// The report of two queries that make one answer.
fn merged(before: Report, other: &Report) -> Report {
    Report {
        mode: if before.mode == Mode::Approximate { before.mode } else { other.mode },
        met: before.met.zip(other.met).map(|(one, other)| one && other),
        rows_read: before.rows_read + other.rows_read,
        warnings: {
            let mut all = before.warnings.clone();
            all.extend(other.warnings.iter().filter(|warning| !before.warnings.contains(warning)).cloned());
            all
        },
        ..before
    }
}

fn answer_of(summaries: &[Summary], report: Report) -> Result<Answer> {
    let text = |of: &dyn Fn(&Summary) -> Option<String>| -> ArrayRef {
        Arc::new(summaries.iter().map(of).collect::<StringArray>())
    };
    let mut columns: Vec<(Column, ArrayRef)> = Vec::new();
    let mut push = |name: &str, values: ArrayRef, bounds: Option<Bounds>| {
        let role = if bounds.is_some() { Role::Estimate } else { Role::Value };
        columns.push((Column { name: name.to_owned(), data_type: values.data_type().clone(), role, bounds }, values));
    };
    push("column_name", text(&|summary| Some(summary.name.clone())), None);
    push("column_type", text(&|summary| Some(summary.data_type.clone())), None);
    push("min", text(&|summary| summary.least.clone()), None);
    push("max", text(&|summary| summary.greatest.clone()), None);
    // Only the table knows them, and then exactly.
    if summaries.iter().any(|summary| summary.distinct.is_some()) {
        let distinct: ArrayRef = Arc::new(summaries.iter().map(|summary| summary.distinct).collect::<UInt64Array>());
        let exact = Bounds {
            lower: Arc::clone(&distinct),
            upper: Arc::clone(&distinct),
            trust: vec![Trust::Exact; distinct.len()],
        };
        push("distinct", distinct, Some(exact));
    }
    for (at, (name, _)) in OF_NUMBERS.iter().enumerate() {
        let (values, bounds) = numbers(summaries, |summary| summary.numbers[at]);
        push(name, values, Some(bounds));
    }
    let (values, bounds) = numbers(summaries, |summary| summary.count);
    let whole = |values: ArrayRef| cast(&values, &DataType::Int64);
    push(
        "count",
        whole(values)?,
        Some(Bounds { lower: whole(bounds.lower)?, upper: whole(bounds.upper)?, trust: bounds.trust }),
    );
    let (values, bounds) = numbers(summaries, |summary| summary.null_percent);
    push("null_percentage", values, Some(bounds));
    let fields: Vec<Field> =
        columns.iter().map(|(column, _)| Field::new(&column.name, column.data_type.clone(), true)).collect();
    let (columns, arrays): (Vec<Column>, Vec<ArrayRef>) = columns.into_iter().unzip();
    Ok(Answer { is_query: true, batch: RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?, columns, report })
}

fn numbers(summaries: &[Summary], of: impl Fn(&Summary) -> Number) -> (ArrayRef, Bounds) {
    let array = |part: &dyn Fn(Number) -> Option<f64>| -> ArrayRef {
        Arc::new(summaries.iter().map(|summary| part(of(summary))).collect::<Float64Array>())
    };
    let bounds = Bounds {
        lower: array(&|number| number.lower),
        upper: array(&|number| number.upper),
        trust: summaries.iter().map(|summary| of(summary).trust).collect(),
    };
    (array(&|number| number.value), bounds)
}
