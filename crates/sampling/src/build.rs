//! From requests to published generations.

use crate::columns;
use crate::error::SamplingError;
use crate::layout;
use crate::merge::{self, Roles};
use crate::request::{DrawOptions, Progress, SampleRequest};
use crate::reservoir::Quota;
use crate::source::Source;
use crate::worker::{self, FamilyPart, FamilyPlan, Harvest, Pass};
use crate::write;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use futures::future::try_join_all;
use plusminus_catalog::{
    BaseTable, Column, ColumnMoments, Design, Draft, FORMAT_VERSION, LEVEL_COLUMNS, Manifest, SampleSize, Store,
};
use plusminus_statistics::{Moments, cap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Draws all `requests` in one pass over `source` and publishes each as a new generation in `store`.
///
/// The same table, seed and request give the same rows, ranks and counts on any number of threads. Dropping the future
/// leaves the store as it was. Must be called within a multi-threaded tokio runtime.
///
/// # Errors
/// [`SamplingError::Request`] for columns that do not exist or sizes that keep nothing, [`SamplingError::Memory`] when
/// the sample does not fit in `options.memory_bytes`, and what reading and writing may bring.
pub async fn draw(
    source: Source,
    table: &str,
    requests: &[SampleRequest],
    store: &Store,
    state: &dyn Session,
    options: &DrawOptions,
) -> Result<Vec<Manifest>, SamplingError> {
    check_columns(&source.schema)?;
    let total = match source.rows {
        Some(rows) => Some(rows),
        None if requests.iter().any(|r| matches!(r.size, SampleSize::Percent(_))) => {
            Some(count_rows(&source, state).await?)
        }
        None => None,
    };
    let mut families = Vec::new();
    for request in requests {
        families.push(plan_family(request, &source.schema, total)?);
    }
    // Locks come before the pass: a name that is taken or busy is told at once, not after an hour.
    let drafts = requests.iter().map(|r| store.begin(&r.name, r.replace)).collect::<Result<Vec<_>, _>>()?;
    let (source, harvests) = pass(source, families.clone(), total, state, options).await?;
    let (tables, parts) = transpose(harvests, families.len());
    let moments = table_moments(&source.schema, tables);
    let build = Build {
        schema: source.schema,
        files: source.files,
        moments,
        table: table.to_owned(),
        options: options.clone(),
    };
    let requests = requests.to_vec();
    let finish = move || {
        let jobs = requests.iter().zip(families).zip(parts).zip(drafts);
        jobs.map(|(((request, plan), parts), draft)| build.family(request, &plan, parts, draft)).collect()
    };
    tokio::task::spawn_blocking(finish)
        .await
        .map_err(|e| SamplingError::request(e.to_string(), "run the build again"))?
}

/// Each level holds half of the next; more halvings than this leave nothing of any sample.
const LEVELS_MAX: u32 = 32;

fn check_columns(schema: &SchemaRef) -> Result<(), SamplingError> {
    match LEVEL_COLUMNS.iter().find(|name| schema.column_with_name(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(SamplingError::request(
            format!("the table has a column named {name}, which samples use themselves"),
            "rename the column, or sample a view without it",
        )),
    }
}

fn plan_family(request: &SampleRequest, schema: &SchemaRef, total: Option<u64>) -> Result<FamilyPlan, SamplingError> {
    let mut columns =
        request.stratified_by.iter().map(|name| find_column(schema, name)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = std::collections::HashSet::new();
    columns.retain(|column| seen.insert(*column));
    if request.levels.is_some_and(|levels| levels == 0 || levels > LEVELS_MAX) {
        let what = format!("LEVELS must be from 1 to {LEVELS_MAX}");
        return Err(SamplingError::request(what, "leave LEVELS out for as many as make sense"));
    }
    let quota = match request.size {
        SampleSize::Cap(k) => Quota::Cap(k),
        SampleSize::Rows(n) => Quota::Rows(n),
        SampleSize::Percent(p) => Quota::Rows(percent_of(total.unwrap_or(0), p)),
    };
    Ok(FamilyPlan { columns, quota, seed: request.seed })
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

/// At least 2 rows, and never more than there are.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "0 ≤ p ≤ 100")]
fn percent_of(total: u64, percent: f64) -> u64 {
    ((total as f64 * percent / 100.0).ceil() as u64).clamp(2, total.max(2))
}

/// Row numbers per unit do not matter here; only how many rows there are.
async fn count_rows(source: &Source, state: &dyn Session) -> Result<u64, SamplingError> {
    let mut rows = 0;
    for unit in &source.units {
        let mut stream = unit.plan.execute(unit.partition, state.task_ctx())?;
        while let Some(batch) = futures::StreamExt::next(&mut stream).await {
            rows += batch?.num_rows() as u64;
        }
    }
    Ok(rows)
}

struct Table {
    schema: SchemaRef,
    files: Option<Vec<plusminus_catalog::BaseFile>>,
}

async fn pass(
    source: Source,
    families: Vec<FamilyPlan>,
    total: Option<u64>,
    state: &dyn Session,
    options: &DrawOptions,
) -> Result<(Table, Vec<Harvest>), SamplingError> {
    let progress = Arc::clone(&options.progress);
    let pass = Arc::new(Pass {
        schema: Arc::clone(&source.schema),
        units: source.units,
        families,
        next_unit: AtomicUsize::new(0),
        rows: AtomicU64::new(0),
        task: state.task_ctx(),
        memory_bytes: options.memory_bytes,
        held_bytes: AtomicU64::new(0),
        on_rows: Box::new(move |rows| progress(Progress::Reading { rows, total })),
    });
    let tasks = (0..options.threads.max(1)).map(|_| {
        // Aborted when dropped, so that a cancelled build stops reading.
        let task = datafusion::common::runtime::SpawnedTask::spawn(worker::run(Arc::clone(&pass)));
        async { task.join().await.map_err(|e| SamplingError::request(e.to_string(), "run the build again"))? }
    });
    let harvests = try_join_all(tasks).await?;
    Ok((Table { schema: source.schema, files: source.files }, harvests))
}

/// From one harvest per worker to the parts of each family.
#[expect(clippy::type_complexity, reason = "two plain lists, used once")]
fn transpose(harvests: Vec<Harvest>, families: usize) -> (Vec<(usize, Vec<Moments>)>, Vec<Vec<FamilyPart>>) {
    let mut parts: Vec<Vec<FamilyPart>> = (0..families).map(|_| Vec::new()).collect();
    let mut moments = Vec::new();
    for harvest in harvests {
        moments.extend(harvest.unit_moments);
        for (list, part) in parts.iter_mut().zip(harvest.families) {
            list.push(part);
        }
    }
    (moments, parts)
}

fn table_moments(schema: &SchemaRef, mut units: Vec<(usize, Vec<Moments>)>) -> Vec<ColumnMoments> {
    units.sort_by_key(|(unit, _)| *unit);
    let numeric = columns::numeric_columns(schema);
    let mut sums = vec![Moments::default(); numeric.len()];
    for (_, unit) in &units {
        for (sum, part) in sums.iter_mut().zip(unit) {
            sum.merge(part);
        }
    }
    numeric.iter().zip(&sums).map(|(column, sum)| merge::stored(schema.field(*column).name(), sum)).collect()
}

struct Build {
    schema: SchemaRef,
    files: Option<Vec<plusminus_catalog::BaseFile>>,
    moments: Vec<ColumnMoments>,
    table: String,
    options: DrawOptions,
}

impl Build {
    fn family(
        &self,
        request: &SampleRequest,
        plan: &FamilyPlan,
        parts: Vec<FamilyPart>,
        draft: Draft,
    ) -> Result<Manifest, SamplingError> {
        let numeric = columns::numeric_columns(&self.schema);
        let fields = self.schema.fields().iter().enumerate();
        let nullable: Vec<usize> = fields.filter(|(_, f)| f.is_nullable()).map(|(i, _)| i).collect();
        let roles = Roles { schema: &self.schema, strata: &plan.columns, numeric: &numeric, nullable: &nullable };
        let mut family = merge::merge(parts, plan.quota, &roles)?;
        let strata = family.take_strata()?;
        let levels = request.levels.unwrap_or_else(|| cap::level_count(family.cap, cap::FLOOR)).max(1);
        let laid = layout::lay_out(&family.rows, family.cap, levels, request.seed);
        let total = family.rows.len() as u64;
        let written = AtomicU64::new(0);
        let on_rows = |rows: u64| {
            let rows = written.fetch_add(rows, Ordering::Relaxed) + rows;
            (self.options.progress)(Progress::Writing { rows, total });
        };
        let entries = write::write_levels(&draft, &family, strata.rows(), &laid, self.options.threads, &on_rows)?;
        let (generation, parent) = draft.generation();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            name: request.name.clone(),
            generation,
            parent,
            dropped: false,
            created_unix_ms: self.options.now_unix_ms,
            data_folder: draft.data_folder().to_owned(),
            design: Design {
                table: self.table.clone(),
                stratified_by: plan.columns.iter().map(|c| self.schema.field(*c).name().clone()).collect(),
                size: request.size,
                cap: family.cap,
                seed: request.seed,
            },
            base: BaseTable { rows: strata.rows().iter().sum(), columns: self.columns(), files: self.files.clone() },
            strata: draft.add_strata(&strata)?,
            strata_count: strata.len() as u64,
            levels: entries,
            moments: self.moments.clone(),
        };
        draft.publish(&manifest)?;
        Ok(manifest)
    }

    fn columns(&self) -> Vec<Column> {
        let fields = self.schema.fields().iter();
        fields.map(|f| Column { name: f.name().clone(), data_type: f.data_type().to_string() }).collect()
    }
}
