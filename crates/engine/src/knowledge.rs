//! What is known of an aggregate's argument apart from the rows that pass the query's filter.

mod keys;
mod range;

use crate::error::Result;
use crate::estimate::Known;
use crate::image::{Image, ImageCache};
use crate::kernel::{SampleStrata, qualified};
use crate::shape::{Argument, Shape};
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};
use plusminus_catalog::{ColumnMoments, Manifest, Store};
use plusminus_sampling::as_float64;
use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{Knowledge, Moments};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is known of an argument over the whole table, and over the rows outside the tail.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArgumentKnowledge {
    pub(crate) whole: Knowledge,
    body: Option<Knowledge>,
    pub(crate) pair: PairKnowledge,
    /// The values that single rows can have.
    range: ValueRange,
}

/// What is known of the rows that functions of two centred arguments a and b (of variance 1, correlation r) are sums of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PairKnowledge {
    /// Of ab.
    pub(crate) covariance: Knowledge,
    /// Of ab − r(a²+b²)/2.
    pub(crate) correlation: Knowledge,
    /// Of a(b − ra) and b(a − rb): of slopes on the first and on the second.
    pub(crate) slopes: [Knowledge; 2],
}

impl ArgumentKnowledge {
    /// The shape of what is sampled: when the tail is known whole, that of the body.
    pub(crate) fn at(&self, is_tail_whole: bool) -> Known {
        let known = self.body.filter(|_| is_tail_whole).unwrap_or(self.whole);
        Known { known, pair: self.pair, range: self.range }
    }
}

impl ArgumentKnowledge {
    /// With bounds of single rows, where none are known yet.
    fn within(self, range: ValueRange) -> Self {
        let bounded = |known: Knowledge| Knowledge {
            min: known.min.or(Some(range.low).filter(|low| low.is_finite())),
            max: known.max.or(Some(range.high).filter(|high| high.is_finite())),
            ..known
        };
        Self { whole: bounded(self.whole), body: self.body.map(bounded), range, ..self }
    }
}

/// Skewness of expressions, computed once per (family, generation, expression).
#[derive(Debug, Default)]
pub(crate) struct KnowledgeCache {
    known: Mutex<HashMap<(String, u64, String), ArgumentKnowledge>>,
}

/// A family opened for a query.
pub(crate) struct Opened<'a> {
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: &'a SampleStrata,
}

impl KnowledgeCache {
    /// What is known of each argument: a column from the build-time scan, an expression from rows of the family.
    pub(crate) fn of(
        &self,
        shape: &Shape,
        state: &SessionState,
        family: &Opened<'_>,
    ) -> Result<Vec<ArgumentKnowledge>> {
        if family.strata.is_universe() {
            return self.of_keys(shape, state, family);
        }
        let mut known: Vec<ArgumentKnowledge> = Vec::with_capacity(shape.arguments.len());
        for (number, argument) in shape.arguments.iter().enumerate() {
            let own = match argument {
                Argument::Plain(expr) if shape.is_summed(number) => {
                    let own = self.plain(expr, shape.is_added(number), shape, state, family)?;
                    own.within(range::range(expr, &shape.scan.projected_schema, family))
                }
                Argument::Plain(_) => ArgumentKnowledge::default(),
                // Only the centre differs, which no skewness about the mean sees.
                Argument::Centred(of) => known[*of],
                Argument::Product(..) if !shape.needs_moments(number) => ArgumentKnowledge::default(),
                Argument::Product(one, other) => match (shape.arguments[*one].plain(), shape.arguments[*other].plain())
                {
                    (Some(one), Some(other)) => self.measured(&[one, other], shape, state, family)?,
                    _ => ArgumentKnowledge::default(),
                },
            };
            known.push(own);
        }
        Ok(known)
    }

    fn plain(
        &self,
        argument: &Expr,
        measure: bool,
        shape: &Shape,
        state: &SessionState,
        family: &Opened<'_>,
    ) -> Result<ArgumentKnowledge> {
        let argument = uncast(argument, &shape.scan.projected_schema);
        if let Expr::Column(column) = argument
            && let Some(moments) = family.manifest.column_moments(&column.name)
        {
            return Ok(of_column(moments, family));
        }
        if let Expr::Literal(value, _) = argument {
            let whole = constant(value).map_or_else(Knowledge::default, Knowledge::of_constant);
            return Ok(ArgumentKnowledge { whole, ..ArgumentKnowledge::default() });
        }
        // Extremes and percentiles ask for bounds alone, which the sample does not know.
        if !measure {
            return Ok(ArgumentKnowledge::default());
        }
        self.measured(&[argument], shape, state, family)
    }

    /// One expression, or a pair of them, from rows of the family.
    fn measured(
        &self,
        exprs: &[&Expr],
        shape: &Shape,
        state: &SessionState,
        family: &Opened<'_>,
    ) -> Result<ArgumentKnowledge> {
        let text = exprs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" * ");
        self.cached(family, text, || {
            Ok(match (measured_rows(exprs, shape, state, family)?, exprs.len()) {
                (None, _) => ArgumentKnowledge::default(),
                (Some(rows), 1) => ArgumentKnowledge { whole: rows.moments(|v| v[0]), ..ArgumentKnowledge::default() },
                (Some(rows), _) => {
                    let pair = rows.pair();
                    ArgumentKnowledge { whole: pair.covariance, pair, ..ArgumentKnowledge::default() }
                }
            })
        })
    }

    /// What was found of `text` before, or what `find` finds now.
    fn cached(
        &self,
        family: &Opened<'_>,
        text: String,
        find: impl FnOnce() -> Result<ArgumentKnowledge>,
    ) -> Result<ArgumentKnowledge> {
        let key = (family.manifest.name.clone(), family.manifest.generation, text);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let found = find()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(name, generation, _), _| *name != key.0 || *generation == key.1);
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(key, found);
        Ok(found)
    }
}

/// Expressions of which something is kept; texts that differ in their numbers would fill the memory.
const KEPT_MAX: usize = 4_096;

/// What the build-time scan says of a column, unless it met values that are no finite numbers.
fn of_column(moments: &ColumnMoments, family: &Opened<'_>) -> ArgumentKnowledge {
    let column = &moments.column;
    let non_null = family.strata.non_null(column).unwrap_or(family.strata.rows()).iter().sum::<u64>();
    if moments.count != non_null {
        return ArgumentKnowledge::default();
    }
    let whole = Knowledge::from(&restored(moments));
    let body = family.manifest.column_body_moments(column).map(|body| {
        // Bounds hold for all rows, seen or not.
        Knowledge { min: whole.min, max: whole.max, mean: whole.mean, ..Knowledge::from(&restored(body)) }
    });
    ArgumentKnowledge { whole, body, ..ArgumentKnowledge::default() }
}

/// Widening a number changes neither its moments nor its bounds; any other cast may.
fn uncast<'e>(expr: &'e Expr, schema: &DFSchema) -> &'e Expr {
    match expr {
        Expr::Cast(cast) if widens(&cast.expr, cast.field.data_type(), schema) => uncast(&cast.expr, schema),
        Expr::Alias(alias) => uncast(&alias.expr, schema),
        other => other,
    }
}

fn widens(inner: &Expr, target: &DataType, schema: &DFSchema) -> bool {
    let Ok(source) = inner.get_type(schema) else { return false };
    let width = |t: &DataType| t.primitive_width().unwrap_or(usize::MAX);
    match (source.is_integer(), target.is_integer()) {
        (true, true) => width(target) >= width(&source) && target.is_signed_integer(),
        (false, true) => false,
        _ => *target == DataType::Float64 && source.is_numeric(),
    }
}

fn constant(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    }
}

/// Moments as the statistics take them.
fn restored(moments: &ColumnMoments) -> Moments {
    Moments {
        count: moments.count,
        mean: moments.mean,
        m2: moments.m2,
        m3: moments.m3,
        m4: moments.m4,
        min: moments.min.unwrap_or(f64::INFINITY),
        max: moments.max.unwrap_or(f64::NEG_INFINITY),
    }
}

/// Rows of a family with their weights, and for each the values of some expressions.
struct Weighted {
    weights: Vec<f64>,
    values: Vec<Vec<f64>>,
}

/// Rows from which the shape of an expression is known well enough: with 5,000 trusted sums cover as they should, and what
/// is gained beyond these is not worth the reading.
const MEASURED_ROWS: usize = 65_536;
/// What they have to be worth at least, being of unequal weight.
const EFFECTIVE_ROWS: f64 = 20_000.0;

/// The rows of as many levels as it takes; `None` when an expression cannot be evaluated on all of them.
fn measured_rows(
    exprs: &[&Expr],
    shape: &Shape,
    state: &SessionState,
    family: &Opened<'_>,
) -> Result<Option<Weighted>> {
    let mut columns: Vec<String> = Vec::new();
    for column in exprs.iter().flat_map(|e| e.column_refs()) {
        if !columns.contains(&column.name) {
            columns.push(column.name.clone());
        }
    }
    let mut values = vec![Vec::new(); exprs.len()];
    let (mut strata, mut weights) = (Vec::new(), Vec::new());
    let levels = family.manifest.levels.len();
    for level in 0..levels {
        let image = family.images.level(family.store, family.manifest, level, &columns)?;
        let Some(found) = evaluated(exprs, &image, &columns, shape, state)? else { return Ok(None) };
        values.iter_mut().zip(found).for_each(|(values, found)| values.extend(found));
        strata.extend_from_slice(image.strata.values());
        if strata.len() >= MEASURED_ROWS || level + 1 == levels {
            let sizes = family.strata.at(level, levels);
            weights = strata.iter().map(|stratum| sizes[*stratum as usize].weight()).collect();
            if effective_rows(&weights) >= EFFECTIVE_ROWS {
                break;
            }
        }
    }
    Ok(Some(Weighted { weights, values }))
}

/// Rows of equal weight that are worth as much (Kish, *Survey Sampling*, 1965, § 11.7).
fn effective_rows(weights: &[f64]) -> f64 {
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    sum * sum / squares
}

/// Expressions over the rows of one level, NaN for NULL; `None` when one cannot be evaluated on all of them.
fn evaluated(
    exprs: &[&Expr],
    image: &Image,
    columns: &[String],
    shape: &Shape,
    state: &SessionState,
) -> Result<Option<Vec<Vec<f64>>>> {
    let batch = image.batch(columns, false, None)?;
    let schema = qualified(&shape.scan.table_name, &batch.schema())?;
    let mut all = Vec::with_capacity(exprs.len());
    for expr in exprs {
        // Without WHERE an argument may fail on rows that the query never sees, such as a division by zero.
        let Ok(evaluated) = crate::overflow::physical_expr(state, (*expr).clone(), &schema)?.evaluate(&batch) else {
            return Ok(None);
        };
        let Some(numbers) = as_float64(&evaluated.into_array(batch.num_rows())?)? else { return Ok(None) };
        all.push(numbers.iter().map(|v| v.unwrap_or(f64::NAN)).collect());
    }
    Ok(Some(all))
}

impl Weighted {
    /// Weighted moments of a function of the row; no bounds, since unseen rows may exceed them.
    fn moments(&self, of: impl Fn(&[f64]) -> f64) -> Knowledge {
        let mut row = vec![0.0; self.values.len()];
        let mut found: Vec<(f64, f64)> = Vec::with_capacity(self.weights.len());
        for (at, weight) in self.weights.iter().enumerate() {
            row.iter_mut().zip(&self.values).for_each(|(slot, values)| *slot = values[at]);
            let value = of(&row);
            if value.is_finite() {
                found.push((*weight, value));
            }
        }
        weighted(&found)
    }

    fn pair(&self) -> PairKnowledge {
        let spread = |column: usize| {
            let mean = self.moments(|v| v[column]).mean.unwrap_or(f64::NAN);
            (mean, self.moments(|v| (v[column] - mean).powi(2)).mean.unwrap_or(f64::NAN).sqrt())
        };
        let (one, other) = (spread(0), spread(1));
        let standard = |v: &[f64]| ((v[0] - one.0) / one.1, (v[1] - other.0) / other.1);
        let product = |v: &[f64]| standard(v).0 * standard(v).1;
        let r = self.moments(product).mean.unwrap_or(f64::NAN);
        let of = |f: &dyn Fn(f64, f64) -> f64| {
            self.moments(|v| {
                let (a, b) = standard(v);
                f(a, b)
            })
        };
        PairKnowledge {
            covariance: of(&|a, b| a * b),
            correlation: of(&|a, b| a * b - r * (a * a + b * b) / 2.0),
            slopes: [of(&|a, b| a * (b - r * a)), of(&|a, b| b * (a - r * b))],
        }
    }
}

fn weighted(values: &[(f64, f64)]) -> Knowledge {
    let mass: f64 = values.iter().map(|(w, _)| w).sum();
    let moment = |power: i32, centre: f64| values.iter().map(|(w, y)| w * (y - centre).powi(power)).sum::<f64>() / mass;
    if values.is_empty() {
        return Knowledge::default();
    }
    let mean = moment(1, 0.0);
    let (m2, m3, m4) = (moment(2, mean), moment(3, mean), moment(4, mean));
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    Knowledge {
        min: None,
        max: None,
        mean: finite(mean),
        skewness: finite(m3 / m2.powf(1.5)),
        raw_skewness: finite(moment(3, 0.0) / moment(2, 0.0).powf(1.5)),
        kurtosis: finite(m4 / (m2 * m2)),
    }
}
