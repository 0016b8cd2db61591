//! Plans of families: sample requests, checked against the table.

use crate::error::SamplingError;
use crate::request::SampleRequest;
use crate::source::Source;
use crate::tail::Edge;
use crate::tally::Quota;
use crate::universe::Universe;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use plusminus_catalog::{LEVEL_COLUMNS, SampleSize};

/// The plan of one family for the pass.
#[derive(Debug, Clone)]
pub(crate) struct FamilyPlan {
    /// Positions of φ in the table.
    pub(crate) columns: Vec<usize>,
    /// Positions of the columns that have a tail.
    pub(crate) tail: Vec<usize>,
    /// The edges beyond which the tails begin; set by the scan of the columns.
    pub(crate) edges: Vec<Edge>,
    /// Whether the tail is one that the build chose: values far from the median, kept whole by the sample and thinned out on lower levels.
    pub(crate) has_classes: bool,
    pub(crate) quota: Quota,
    pub(crate) seed: u64,
    /// The keys that are kept, in a universe sample.
    pub(crate) universe: Option<Universe>,
}

/// Each level holds half of the next; more halvings than this leave nothing of any sample.
const LEVELS_MAX: u32 = 32;

impl FamilyPlan {
    pub(crate) fn new(request: &SampleRequest, schema: &SchemaRef, total: Option<u64>) -> Result<Self, SamplingError> {
        if request.levels.is_some_and(|levels| levels == 0 || levels > LEVELS_MAX) {
            let what = format!("LEVELS must be from 1 to {LEVELS_MAX}");
            return Err(SamplingError::request(what, "leave LEVELS out for as many as make sense"));
        }
        let tail = find_columns(schema, &request.tail)?;
        if let Some(column) = tail.iter().find(|c| !schema.field(**c).data_type().is_numeric()) {
            let field = schema.field(*column);
            let what = format!("TAIL keeps the largest numbers, and '{}' is {}", field.name(), field.data_type());
            return Err(SamplingError::request(what, numeric_names(schema)));
        }
        if let Some(column) = &request.universe {
            return Self::of_keys(request, schema, column, total);
        }
        let quota = match request.size {
            SampleSize::Cap(k) => Quota::Cap(k),
            SampleSize::Rows(n) => Quota::Rows(n),
            SampleSize::Percent(p) => Quota::Rows(percent_of(total.unwrap_or(0), p)),
        };
        let columns = find_columns(schema, &request.stratified_by)?;
        Ok(Self { columns, tail, edges: Vec::new(), has_classes: false, quota, seed: request.seed, universe: None })
    }

    fn of_keys(
        request: &SampleRequest,
        schema: &SchemaRef,
        column: &str,
        total: Option<u64>,
    ) -> Result<Self, SamplingError> {
        if !request.stratified_by.is_empty() || !request.tail.is_empty() {
            let what = "UNIVERSE ON keeps whole keys, which STRATIFIED BY and TAIL would divide";
            return Err(SamplingError::request(what, "two samples, one of each kind"));
        }
        let share = match request.size {
            SampleSize::Percent(p) => p / 100.0,
            SampleSize::Rows(n) => share_of(n, total.unwrap_or(0)),
            SampleSize::Cap(_) => {
                let what = "CAP is of strata, and UNIVERSE ON has none";
                return Err(SamplingError::request(what, "SIZE n ROWS or SIZE p %"));
            }
        };
        let [column] = find_columns(schema, &[column.to_owned()])?[..] else {
            return Err(SamplingError::request("UNIVERSE ON takes one column", "UNIVERSE ON (column)"));
        };
        Ok(Self {
            columns: Vec::new(),
            tail: Vec::new(),
            edges: Vec::new(),
            has_classes: false,
            quota: Quota::Below(threshold(share)),
            seed: request.seed,
            universe: Some(Universe::new(schema, column, request.seed, threshold(share))?),
        })
    }

    /// Whether some rows are kept whole as strata of their own: the largest values, or the keys with the most rows.
    pub(crate) fn has_tail(&self) -> bool {
        !self.tail.is_empty() || self.universe.as_ref().is_some_and(|universe| !universe.heavy.is_empty())
    }

    /// Whether the table may have more than one stratum.
    pub(crate) fn is_divided(&self) -> bool {
        !self.columns.is_empty() || self.has_tail()
    }
}

/// Fails when the table has a column with the name of one that samples add.
pub(crate) fn check_columns(schema: &SchemaRef) -> Result<(), SamplingError> {
    match LEVEL_COLUMNS.iter().find(|name| schema.column_with_name(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(SamplingError::request(
            format!("the table has a column named {name}, which samples use themselves"),
            "rename the column, or sample a view without it",
        )),
    }
}

/// Columns by name, each once.
fn find_columns(schema: &SchemaRef, names: &[String]) -> Result<Vec<usize>, SamplingError> {
    let mut columns = names.iter().map(|name| find_column(schema, name)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = std::collections::HashSet::new();
    columns.retain(|column| seen.insert(*column));
    Ok(columns)
}

/// A column by its name, or by the only one that differs in case alone.
fn find_column(schema: &SchemaRef, name: &str) -> Result<usize, SamplingError> {
    if let Ok(index) = schema.index_of(name) {
        return Ok(index);
    }
    let fields = schema.fields().iter().enumerate();
    let alike: Vec<usize> = fields.filter(|(_, f)| f.name().eq_ignore_ascii_case(name)).map(|(i, _)| i).collect();
    if let [only] = alike.as_slice() {
        return Ok(*only);
    }
    let names: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    Err(SamplingError::request(format!("the table has no column '{name}'"), format!("one of: {}", names.join(", "))))
}

fn numeric_names(schema: &SchemaRef) -> String {
    let numeric: Vec<_> =
        schema.fields().iter().filter(|f| f.data_type().is_numeric()).map(|f| f.name().as_str()).collect();
    match numeric.is_empty() {
        true => "leave TAIL out: the table has no numeric column".to_owned(),
        false => format!("one of: {}", numeric.join(", ")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn share_of(rows: u64, total: u64) -> f64 {
    rows as f64 / total.max(1) as f64
}

/// The priority below which a share of all keys lies.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "saturates")]
fn threshold(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

/// At least 2 rows, and never more than there are.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "0 ≤ p ≤ 100")]
fn percent_of(total: u64, percent: f64) -> u64 {
    ((total as f64 * percent / 100.0).ceil() as u64).clamp(2, total.max(2))
}

/// The table's number of rows, counted by reading where no metadata has it and a SIZE depends on it.
pub(crate) async fn table_rows(
    source: &Source,
    requests: &[SampleRequest],
    state: &dyn Session,
) -> Result<Option<u64>, SamplingError> {
    let is_needed = |r: &SampleRequest| match r.size {
        SampleSize::Percent(_) => r.universe.is_none(),
        SampleSize::Rows(_) => r.universe.is_some(),
        SampleSize::Cap(_) => false,
    };
    let needed = requests.iter().any(is_needed);
    if source.rows.is_some() || !needed {
        return Ok(source.rows);
    }
    let mut rows = 0;
    for unit in &source.units {
        let mut stream = unit.batches(&state.task_ctx())?;
        while let Some(batch) = futures::StreamExt::next(&mut stream).await {
            rows += batch?.num_rows() as u64;
        }
    }
    Ok(Some(rows))
}
