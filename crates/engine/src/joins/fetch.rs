//! Fetches columns of other tables for all rows of a sample, once, and stores them beside it.

use super::key_local::KeyLocal;
use super::scan::scan_of;
use crate::answer::{Error, Result};
use crate::environment::Environment;
use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use plusminus_catalog::{JoinedColumn, JoinedColumns, LevelEntry, Manifest};
use plusminus_joins::{Extremes, Partners, fetch};
use plusminus_plan::{JoinedTable, is_joined_column};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Nanoseconds to read a value of another table, to look up a sampled row in it, and to take a value of its partner and store it beside the
/// sample, on the reference machine.
const VALUE_NS: f64 = 6.0;
const ROW_NS: f64 = 100.0;
const STORED_VALUE_NS: f64 = 60.0;

/// Subqueries whose columns stay beside a sample; texts of subqueries may differ without end.
const SUBQUERIES_MAX: usize = 64;

/// Whether a sample lacks some of the columns of other tables at its first `levels` levels.
pub(crate) fn lacks_columns(joins: &[JoinedTable], manifest: &Manifest, levels: usize) -> bool {
    lacking_tables(joins, manifest, levels).next().is_some()
}

/// The tables of which a sample lacks columns at its first `levels` levels.
pub(crate) fn lacking_tables<'j>(
    joins: &'j [JoinedTable],
    manifest: &Manifest,
    levels: usize,
) -> impl Iterator<Item = &'j JoinedTable> {
    joins.iter().filter(move |table| !lacking(table, manifest, levels).is_empty())
}

/// The work of fetching the columns that a sample lacks at its first `levels` levels, in nanoseconds of the reference machine; `rows` gives
/// those of a table.
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
pub(crate) fn predicted_fetch(
    joins: &[JoinedTable],
    manifest: &Manifest,
    levels: usize,
    rows: impl Fn(&JoinedTable) -> u64,
) -> f64 {
    let of = |table: &JoinedTable| -> f64 {
        let of_set = |set: &ColumnSet| {
            let values = rows(table) as f64 * (table.on.len() + set.columns.len()) as f64;
            let sampled = manifest.levels[set.levels.clone()].iter().map(|level| level.rows).sum::<u64>() as f64;
            values * VALUE_NS + sampled * (ROW_NS + set.columns.len() as f64 * STORED_VALUE_NS)
        };
        column_sets(table, manifest, levels).iter().map(of_set).sum()
    };
    joins.iter().map(of).sum()
}

/// The columns that a table is asked for and that are not stored beside the first `levels` levels of a sample, by their names there.
fn lacking<'t>(table: &'t JoinedTable, manifest: &Manifest, levels: usize) -> Vec<&'t String> {
    let all = std::iter::once(&table.matched).chain(table.columns.iter().map(|(name, _)| name));
    all.filter(|name| manifest.levels_with(name) < levels.min(manifest.levels.len())).collect()
}

/// Columns of a table that are fetched at once.
struct ColumnSet {
    /// Their names beside the sample.
    columns: Vec<String>,
    /// The levels that they are fetched for.
    levels: Range<usize>,
    /// Columns of these names at lower levels, which they follow.
    before: Option<Arc<JoinedColumns>>,
}

/// The columns that a sample lacks at its first `levels` levels: those of sets that are all asked for follow what is stored of them; others
/// are fetched for all these levels.
fn column_sets(table: &JoinedTable, manifest: &Manifest, levels: usize) -> Vec<ColumnSet> {
    let levels = levels.min(manifest.levels.len());
    let mut left: Vec<String> = lacking(table, manifest, levels).into_iter().cloned().collect();
    let mut found = Vec::new();
    while let Some(before) = left.iter().find_map(|name| {
        let (set, _) = manifest.joined_column(name)?;
        set.columns.iter().all(|own| left.contains(&own.name)).then(|| Arc::clone(set))
    }) {
        let columns: Vec<String> = before.columns.iter().map(|own| own.name.clone()).collect();
        left.retain(|name| !columns.contains(name));
        found.push(ColumnSet { columns, levels: before.levels.len()..levels, before: Some(before) });
    }
    if !left.is_empty() {
        found.push(ColumnSet { columns: left, levels: 0..levels, before: None });
    }
    found
}

/// The manifest of a sample with all columns of other tables at its first `levels` levels; those that it lacks are fetched and stored beside
/// it.
///
/// # Errors
/// When a table cannot be read, a key turns out to be none, or the store cannot be written.
pub(crate) async fn fetch_columns(
    env: &Environment,
    joins: &[JoinedTable],
    manifest: &Arc<Manifest>,
    levels: usize,
    state: &SessionState,
) -> Result<Arc<Manifest>> {
    let mut found = env.with_joined(manifest)?;
    if !lacks_columns(joins, &found, levels) {
        return Ok(found);
    }
    // One query fetches at a time: the next one finds what this one fetched.
    let _fetching = env.joins.fetching.lock().await;
    found = env.with_joined(manifest)?;
    for table in joins {
        for set in column_sets(table, &found, levels) {
            found = fetched(env, &found, table, &set, state).await?;
        }
    }
    remove_old(env, joins, &found);
    Ok(found)
}

async fn fetched(
    env: &Environment,
    manifest: &Arc<Manifest>,
    table: &JoinedTable,
    set: &ColumnSet,
    state: &SessionState,
) -> Result<Arc<Manifest>> {
    let columns: Vec<(&String, &String)> =
        table.columns.iter().filter(|(name, _)| set.columns.contains(name)).map(|(name, own)| (name, own)).collect();
    let mut keys = Vec::with_capacity(table.on.len());
    for key in &table.on {
        keys.push(column_of_levels(env, manifest, set.levels.clone(), &key.from)?);
    }
    let read = table.on.iter().map(|key| &key.column).chain(columns.iter().map(|(_, own)| *own));
    let key_local = KeyLocal::of(env, table, manifest, state).await?;
    let is_of_sample = key_local.is_some();
    let scan = match key_local {
        Some(subquery) => subquery.over_sample(env, table, manifest, state).await?,
        None => table.scan.clone(),
    };
    let plan = scan_of(&scan, read, state).await?;
    let levels = &manifest.levels[set.levels.clone()];
    let span = tracing::info_span!(
        "fetch",
        sample = manifest.name,
        table = %table.scan.table_name,
        columns = columns.len(),
        rows = levels.iter().map(|level| level.rows).sum::<u64>()
    );
    let (task, compared) = (state.task_ctx(), table.on.iter().map(|key| key.compared.clone()).collect::<Vec<_>>());
    let fetching = env.executor.on_tables(async move { Ok(fetch(&plan, &task, &compared, &keys).await?) });
    let mut partners = tracing::Instrument::instrument(fetching, span).await?;
    if is_of_sample {
        // Rows of the table that the sample lacks may exceed those that it has.
        partners.extremes.iter_mut().for_each(|extremes| extremes.are_known = false);
    }
    let names: Vec<&String> = columns.iter().map(|(name, _)| *name).collect();
    let matched = set.columns.contains(&table.matched).then_some(&table.matched);
    let (described, batches) = by_level(levels, &partners, matched, &names)?;
    // Columns that follow others are described as these are, in their order.
    let (described, batches) = match &set.before {
        Some(before) => (before.columns.clone(), in_order_of(&before.columns, &batches)?),
        None => (described, batches),
    };
    let stored = env.store.keep_joined(manifest, described, &batches, set.before.as_deref());
    let stored = stored.inspect_err(|_| env.joins.cannot_store.store(true, Ordering::Relaxed))?;
    Ok(env.add_joined(manifest, stored))
}

/// Batches with their columns in the order of a description.
fn in_order_of(described: &[JoinedColumn], batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let in_order = |batch: &RecordBatch| {
        let places = described.iter().map(|column| batch.schema().index_of(&column.name));
        Ok(batch.project(&places.collect::<std::result::Result<Vec<_>, _>>()?)?)
    };
    batches.iter().map(in_order).collect()
}

/// The fetched columns, the one that says which rows have a partner first where it is asked for, and a batch of them for each level.
fn by_level(
    levels: &[LevelEntry],
    partners: &Partners,
    matched: Option<&String>,
    names: &[&String],
) -> Result<(Vec<JoinedColumn>, Vec<RecordBatch>)> {
    let found: ArrayRef = Arc::new(partners.matched.clone());
    let matched = matched.map(|name| (name, &found, Extremes { are_known: false, ..Extremes::default() }));
    let fetched = names.iter().zip(&partners.columns).zip(&partners.extremes);
    let fetched = fetched.map(|((name, values), extremes)| (*name, values, *extremes));
    let all: Vec<(&String, &ArrayRef, Extremes)> = matched.into_iter().chain(fetched).collect();
    let described = all.iter().map(|(name, values, extremes)| JoinedColumn {
        name: (*name).clone(),
        data_type: values.data_type().to_string(),
        range: (extremes.are_known && extremes.min <= extremes.max).then_some((extremes.min, extremes.max)),
    });
    let fields = all.iter().map(|(name, values, _)| Field::new(*name, values.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut start = 0;
    let mut batches = Vec::with_capacity(levels.len());
    for level in levels {
        let rows = usize::try_from(level.rows).unwrap_or(usize::MAX);
        let columns = all.iter().map(|(_, values, _)| values.slice(start, rows)).collect();
        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        start += rows;
    }
    Ok((described.collect(), batches))
}

/// A column of some levels, one level after the other, each in the order of its blocks.
fn column_of_levels(env: &Environment, manifest: &Manifest, levels: Range<usize>, name: &String) -> Result<ArrayRef> {
    let names = std::slice::from_ref(name);
    let mut arrays = Vec::new();
    for level in levels {
        let batches = match manifest.joined_column(name) {
            Some((joined, _)) => env.store.joined_level(manifest, joined, level, names, None)?,
            None => env.store.level(manifest, level, Some(names), None, env.threads)?,
        };
        let of = |batch: &RecordBatch| {
            let column = batch.column_by_name(name);
            column.cloned().ok_or_else(|| Error::data(format!("the sample has no column '{name}'")))
        };
        arrays.extend(batches.iter().map(of).collect::<Result<Vec<_>>>()?);
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    match arrays.as_slice() {
        // A sample of an empty table.
        [] => Ok(new_empty_array(&DataType::Null)),
        arrays => Ok(concat(arrays)?),
    }
}

/// Removes columns that were fetched from tables whose data has changed since.
fn remove_old(env: &Environment, joins: &[JoinedTable], manifest: &Manifest) {
    let path = |name: &str| name.rsplit_once('@').map(|(path, version)| (path.to_owned(), version.to_owned()));
    let current: Vec<(String, String)> = joins.iter().filter_map(|table| path(&table.matched)).collect();
    // A path followed by a column's name, or by nothing, with another version.
    let is_old = |name: &str| {
        is_joined_column(name)
            && path(name).is_some_and(|(own, version)| {
                current.iter().any(|(known, now)| {
                    let is_of = own.strip_prefix(known.as_str()).is_some_and(|rest| !rest.contains('['));
                    is_of && version != *now
                })
            })
    };
    let removed = env.store.remove_joined(manifest, |joined| joined.columns.iter().any(|column| is_old(&column.name)));
    let of_subqueries = |joined: &JoinedColumns| joined.columns.iter().any(|column| column.name.contains("subquery "));
    let removed = removed.and_then(|()| env.store.limit_joined(manifest, SUBQUERIES_MAX, of_subqueries));
    if let Err(error) = removed {
        tracing::info!(%error, "old columns of joined tables are left");
    }
}
