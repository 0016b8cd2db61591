//! From requests to published generations.

use crate::columns::numeric_columns;
use crate::distinct::Sketches;
use crate::error::SamplingError;
use crate::finish::{Build, summed};
use crate::key_counts::count_keys;
use crate::part::{FamilyPart, UnitMoments};
use crate::plan::{FamilyPlan, check_columns, table_rows};
use crate::request::{DrawOptions, Progress, SampleRequest};
use crate::source::Source;
use crate::threads::on_threads;
use crate::value_ranges::ValueTally;
use crate::worker::{self, Pass, WorkerOutput};
use crate::{classes, prescan};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use plusminus_catalog::{Manifest, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Draws all `requests` in one pass over `source` and publishes each as a new generation in `store`.
///
/// Rows, ranks and counts depend on the table, the seed and the request alone, not on the number of threads. The numeric columns are
/// scanned once before the pass, for the values that are kept whole. Dropping the future leaves the store as it was. Must be called within
/// a multi-threaded tokio runtime.
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
    let total = table_rows(&source, requests, state).await?;
    let plans = requests.iter().map(|request| FamilyPlan::new(request, &source.schema, total));
    let mut families = plans.collect::<Result<Vec<_>, _>>()?;
    // Locks come before the pass: a name that is taken or busy is reported at once, not after an hour.
    let drafts = requests.iter().map(|r| store.begin(&r.name, r.replace)).collect::<Result<Vec<_>, _>>()?;
    prescan::find_edges(&source, &mut families, &numeric_columns(&source.schema), state, options.threads).await?;
    classes::find_classes(&source, &mut families, &numeric_columns(&source.schema), state, options.threads).await?;
    count_keys(&source, &mut families, state, options.threads, options.memory_bytes).await?;
    let (schema, files) = (Arc::clone(&source.schema), source.files.clone());
    let (options_of_files, left_out, table_schema) = (source.options.clone(), source.left_out(), source.table_schema());
    let joined = source.joined_columns();
    let outputs = pass(source, families.clone(), total, state, options).await?;
    check_rows(total, outputs.iter().map(|output| output.rows).sum())?;
    let (units, parts, sketches, values) = transpose(outputs, families.len(), &schema)?;
    let build = Build {
        files,
        options_of_files,
        left_out,
        table_schema,
        joined,
        moments: summed(&schema, units),
        distinct: sketches.counts(&schema),
        values: values.map_or(Ok(None), ValueTally::finish)?,
        schema,
        table: table.to_owned(),
        options: options.clone(),
    };
    let requests = requests.to_vec();
    // Nothing is published once nobody waits for it.
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    let finish = move || {
        let jobs = requests.iter().zip(families).zip(parts).zip(drafts);
        jobs.map(|(((request, plan), parts), draft)| build.family(request, &plan, parts, draft, &is_wanted)).collect()
    };
    let done = tokio::task::spawn_blocking(finish).await;
    drop(wanted);
    done.map_err(|e| SamplingError::request(e.to_string(), "run the build again"))?
}

async fn pass(
    source: Source,
    families: Vec<FamilyPlan>,
    total: Option<u64>,
    state: &dyn Session,
    options: &DrawOptions,
) -> Result<Vec<WorkerOutput>, SamplingError> {
    let progress = Arc::clone(&options.progress);
    let pass = Arc::new(Pass {
        schema: source.schema,
        units: source.units,
        families,
        next_unit: AtomicUsize::new(0),
        rows: AtomicU64::new(0),
        task: state.task_ctx(),
        memory_bytes: options.memory_bytes,
        held_bytes: AtomicU64::new(0),
        on_rows: Box::new(move |rows| progress(Progress::Reading { rows, total })),
    });
    on_threads(options.threads, || worker::run(Arc::clone(&pass))).await
}

/// Fails when the number of rows read differs from the number counted: the sample would stand for rows that nobody has read.
fn check_rows(counted: Option<u64>, read: u64) -> Result<(), SamplingError> {
    match counted.filter(|counted| *counted != read) {
        None => Ok(()),
        Some(counted) => Err(SamplingError::request(
            format!("{counted} rows of the table were counted, and {read} read"),
            "build the sample again once nothing writes to the table",
        )),
    }
}

/// Moments by unit, parts (families × workers, families outermost), counts of distinct values, and ranges by value.
type MergedOutputs = (UnitMoments, Vec<Vec<FamilyPart>>, Sketches, Option<ValueTally>);

/// Regroups the outputs, one per worker, into the parts of each family.
fn transpose(outputs: Vec<WorkerOutput>, families: usize, schema: &SchemaRef) -> Result<MergedOutputs, SamplingError> {
    let mut parts: Vec<Vec<FamilyPart>> = (0..families).map(|_| Vec::new()).collect();
    let mut moments = Vec::new();
    let mut sketches = Sketches::new(schema);
    let mut values: Option<ValueTally> = None;
    for output in outputs {
        moments.extend(output.unit_moments);
        sketches.merge(&output.sketches);
        match &mut values {
            Some(values) => values.merge(output.values)?,
            none => *none = Some(output.values),
        }
        for (list, part) in parts.iter_mut().zip(output.families) {
            list.push(part);
        }
    }
    Ok((moments, parts, sketches, values))
}

#[cfg(test)]
mod tests;
