//! What is known of an aggregate's argument apart from the rows that pass the query's filter.

use crate::error::Result;
use crate::image::ImageCache;
use crate::kernel::qualified;
use crate::shape::{Argument, Shape};
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};
use plusminus_catalog::{ColumnMoments, Manifest, Store, Strata};
use plusminus_sampling::as_float64;
use plusminus_statistics::{Knowledge, Moments};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is known of an argument over the whole table, and over the rows outside the tail.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArgumentKnowledge {
    pub(crate) whole: Knowledge,
    body: Option<Knowledge>,
}

impl ArgumentKnowledge {
    /// The shape of what is sampled: when the tail is known whole, that of the body.
    pub(crate) fn at(&self, is_tail_whole: bool) -> Knowledge {
        self.body.filter(|_| is_tail_whole).unwrap_or(self.whole)
    }
}

/// Skewness of expressions, computed once per (family, generation, expression).
#[derive(Debug, Default)]
pub(crate) struct KnowledgeCache {
    known: Mutex<HashMap<(String, u64, String), Knowledge>>,
}

/// A family opened for a query.
pub(crate) struct Opened<'a> {
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: &'a Strata,
}

impl KnowledgeCache {
    /// What is known of each argument: a column from the build-time scan, an expression from the family's top level.
    pub(crate) fn of(
        &self,
        shape: &Shape,
        state: &SessionState,
        family: &Opened<'_>,
    ) -> Result<Vec<ArgumentKnowledge>> {
        let mut known: Vec<ArgumentKnowledge> = Vec::with_capacity(shape.arguments.len());
        for (number, argument) in shape.arguments.iter().enumerate() {
            let own = match argument {
                Argument::Plain(expr) if shape.is_summed(number) => self.plain(expr, shape, state, family)?,
                Argument::Plain(_) => ArgumentKnowledge::default(),
                // Only the centre differs, which no skewness about the mean sees.
                Argument::Centred(of) => known[*of],
                Argument::Product(..) if !shape.needs_moments(number) => ArgumentKnowledge::default(),
                Argument::Product(one, other) => {
                    let factor = |of: usize| Some((shape.arguments[of].plain()?, known[of].whole.mean?));
                    match factor(*one).zip(factor(*other)) {
                        Some((one, other)) => self.expression(&[one, other], shape, state, family)?,
                        None => ArgumentKnowledge::default(),
                    }
                }
            };
            known.push(own);
        }
        Ok(known)
    }

    fn plain(
        &self,
        argument: &Expr,
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
            return Ok(ArgumentKnowledge { whole, body: None });
        }
        self.expression(&[(argument, 0.0)], shape, state, family)
    }

    /// A product of expressions, from each of which a centre is subtracted.
    fn expression(
        &self,
        factors: &[(&Expr, f64)],
        shape: &Shape,
        state: &SessionState,
        family: &Opened<'_>,
    ) -> Result<ArgumentKnowledge> {
        let text = factors.iter().map(|(e, centre)| format!("({e} - {centre})")).collect::<Vec<_>>().join(" * ");
        let key = (family.manifest.name.clone(), family.manifest.generation, text);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let whole = match known {
            Some(known) => known,
            None => {
                let known = from_top_level(factors, shape, state, family)?;
                self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, known);
                known
            }
        };
        Ok(ArgumentKnowledge { whole, body: None })
    }
}

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
    ArgumentKnowledge { whole, body }
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

/// Weighted moments of a product over all rows the family holds; no bounds, since unseen rows may exceed them.
fn from_top_level(
    factors: &[(&Expr, f64)],
    shape: &Shape,
    state: &SessionState,
    family: &Opened<'_>,
) -> Result<Knowledge> {
    let mut columns: Vec<String> = Vec::new();
    for column in factors.iter().flat_map(|(e, _)| e.column_refs()) {
        if !columns.contains(&column.name) {
            columns.push(column.name.clone());
        }
    }
    let mut values: Vec<(f64, f64)> = Vec::new();
    for level in 0..family.manifest.levels.len() {
        let image = family.images.level(family.store, family.manifest, level, &columns)?;
        let batch = image.batch(&columns)?;
        let schema = qualified(&shape.scan.table_name, &batch.schema())?;
        let mut product = vec![1.0; batch.num_rows()];
        for (expr, centre) in factors {
            // Without WHERE an argument may fail on rows that the query never sees, such as a division by zero.
            let Ok(evaluated) = state.create_physical_expr((*expr).clone(), &schema)?.evaluate(&batch) else {
                return Ok(Knowledge::default());
            };
            let Some(numbers) = as_float64(&evaluated.into_array(batch.num_rows())?)? else {
                return Ok(Knowledge::default());
            };
            let own = numbers.iter().map(|v| v.unwrap_or(f64::NAN));
            product.iter_mut().zip(own).for_each(|(p, v)| *p *= v - centre);
        }
        for (value, stratum) in product.iter().zip(image.strata.values()) {
            let (rows, kept) = (family.strata.rows()[*stratum as usize], family.strata.caps()[*stratum as usize]);
            if value.is_finite() {
                #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
                values.push((rows as f64 / rows.min(kept).max(1) as f64, *value));
            }
        }
    }
    Ok(weighted(&values))
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
