//! The truth of every group from the whole table, and how well a sample of a known size could know it.

use crate::campaign::Failure;
use crate::dataset::{Dataset, Design};
use crate::ideal::{self, Part};
use crate::world::{World, filtered};
use arrow::array::AsArray;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::collections::HashMap;

/// A true value, the standard error of its best estimate, and the sampled rows of its domain, as if all weighed the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) rows: f64,
}

/// Facts by group: COUNT, then SUM and AVG of each measure, then the ratio.
pub(crate) type Facts = HashMap<String, Vec<Fact>>;

/// Moments of the rows of one group in one stratum.
struct Piece {
    group: String,
    stratum_rows: f64,
    rows: f64,
    /// Count, sum and squares of each measure.
    measures: Vec<[f64; 3]>,
    /// Rows where both are known, and the moments of numerator and denominator there.
    ratio: Part,
}

/// The table's moments for one design and filter.
pub(crate) struct Truth {
    pieces: Vec<Piece>,
}

impl Truth {
    pub(crate) async fn new(
        world: &World,
        dataset: &Dataset,
        design: &Design,
        predicate: &str,
    ) -> Result<Self, Failure> {
        let stratum = design.sample.by.unwrap_or("'all'");
        let sizes = rows_of(world, &format!("SELECT {stratum} AS s, COUNT(*) AS n FROM t GROUP BY 1")).await?;
        let stratum_rows: HashMap<String, f64> = texts(&sizes, 0)?.into_iter().zip(numbers(&sizes, 1)?).collect();
        let found = rows_of(world, &moments_sql(dataset, design, stratum, predicate)).await?;
        let (groups, strata) = (texts(&found, 0)?, texts(&found, 1)?);
        let columns = (2..found.num_columns()).map(|c| numbers(&found, c)).collect::<Result<Vec<_>, _>>()?;
        let piece = |row: usize| {
            let at = |column: usize| columns[column][row];
            let measures = (0..dataset.measures.len()).map(|m| [at(1 + 3 * m), at(2 + 3 * m), at(3 + 3 * m)]).collect();
            let r = 1 + 3 * dataset.measures.len();
            let ratio = Part {
                inside: at(0),
                x: at(r),
                xx: at(r + 1),
                y: at(r + 2),
                yy: at(r + 3),
                xy: at(r + 4),
                ..Part::default()
            };
            let stratum_rows = stratum_rows.get(&strata[row]).copied().unwrap_or(f64::NAN);
            Piece { group: groups[row].clone(), stratum_rows, rows: at(0), measures, ratio }
        };
        Ok(Self { pieces: (0..found.num_rows()).map(piece).collect() })
    }

    /// Facts for samples that keep `sampled(N)` of the N rows of a stratum.
    pub(crate) fn facts(&self, sampled: impl Fn(f64) -> f64) -> Facts {
        let mut by_group: HashMap<&str, Vec<&Piece>> = HashMap::new();
        for piece in &self.pieces {
            by_group.entry(&piece.group).or_default().push(piece);
        }
        by_group.into_iter().map(|(group, pieces)| (group.to_owned(), facts_of(&pieces, &sampled))).collect()
    }
}

fn facts_of(pieces: &[&Piece], sampled: &impl Fn(f64) -> f64) -> Vec<Fact> {
    let sized = |piece: &Piece, part: Part| Part {
        rows: piece.stratum_rows,
        sampled: sampled(piece.stratum_rows).min(piece.stratum_rows),
        ..part
    };
    let total = |parts: &[Part], of: fn(&Part) -> f64| parts.iter().map(of).sum::<f64>();
    let all: Vec<Part> = pieces.iter().map(|p| sized(p, Part { inside: p.rows, ..Part::default() })).collect();
    let rows = ideal::effective_rows(&all);
    let mut facts = vec![Fact { value: total(&all, |p| p.inside), error: ideal::count_error(&all), rows }];
    for measure in 0..pieces.first().map_or(0, |p| p.measures.len()) {
        let part = |p: &Piece| {
            let [inside, x, xx] = p.measures[measure];
            sized(p, Part { inside, x, xx, ..Part::default() })
        };
        let parts: Vec<Part> = pieces.iter().map(|p| part(p)).collect();
        let (sum, count, rows) = (total(&parts, |p| p.x), total(&parts, |p| p.inside), ideal::effective_rows(&parts));
        let value = if count > 0.0 { sum } else { f64::NAN };
        facts.push(Fact { value, error: ideal::sum_error(&parts), rows });
        facts.push(Fact { value: sum / count, error: ideal::mean_error(&parts), rows });
    }
    let parts: Vec<Part> = pieces.iter().map(|p| sized(p, p.ratio)).collect();
    let value = total(&parts, |p| p.x) / total(&parts, |p| p.y);
    facts.push(Fact { value, error: ideal::ratio_error(&parts), rows });
    facts
}

fn moments_sql(dataset: &Dataset, design: &Design, stratum: &str, predicate: &str) -> String {
    let mut moments = vec!["COUNT(*)".to_owned()];
    for measure in &dataset.measures {
        let m = format!("CAST({} AS DOUBLE)", measure.column);
        moments.extend([format!("COUNT({m})"), format!("SUM({m})"), format!("SUM({m} * {m})")]);
    }
    let part = |number: usize| format!("COALESCE(CAST({} AS DOUBLE), 0)", dataset.measures[number].column);
    let (x, y) = (part(dataset.ratio.0), part(dataset.ratio.1));
    moments.extend([(&x, ""), (&x, &x), (&y, ""), (&y, &y), (&x, &y)].map(|(a, b): (&String, &str)| match b {
        "" => format!("SUM({a})"),
        b => format!("SUM({a} * {b})"),
    }));
    let named: Vec<String> = moments.iter().enumerate().map(|(i, m)| format!("{m} AS c{i}")).collect();
    let (key, outputs) = (design.key, named.join(", "));
    format!("SELECT {key} AS g1, {stratum} AS s1, {outputs} FROM t{} GROUP BY 1, 2", filtered(predicate))
}

async fn rows_of(world: &World, sql: &str) -> Result<RecordBatch, Failure> {
    let found = world.session.context().sql(sql).await?;
    let schema = std::sync::Arc::new(found.schema().as_arrow().clone());
    Ok(concat_batches(&schema, &found.collect().await?)?)
}

fn texts(batch: &RecordBatch, column: usize) -> Result<Vec<String>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let texts = ArrayFormatter::try_new(batch.column(column).as_ref(), &options)?;
    Ok((0..batch.num_rows()).map(|row| texts.value(row).to_string()).collect())
}

/// A column as numbers, 0 for the NULL of a sum over nothing.
fn numbers(batch: &RecordBatch, column: usize) -> Result<Vec<f64>, Failure> {
    let column = cast(batch.column(column), &DataType::Float64)?;
    Ok(column.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(0.0)).collect())
}
