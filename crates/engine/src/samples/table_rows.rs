//! Rows of the tables that a plan scans, and the cost of reading a row in their format.

use crate::answer::Result;
use crate::environment::Environment;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{MemTable, source_as_provider};
use datafusion::logical_expr::LogicalPlan;
use plusminus_catalog::FileFormat;
use plusminus_files::FileTable;
use std::collections::HashMap;
use std::sync::Arc;

/// Nanoseconds to split a row of text into fields.
const TEXT_ROW_NS: f64 = 120.0;
/// Nanoseconds to read a row of JSON.
const JSON_ROW_NS: f64 = 700.0;
/// Factor between reading a field of text and decoding a value of Parquet.
const TEXT_FACTOR: f64 = 8.0;

/// A table that a plan scans.
#[derive(Debug)]
pub(crate) struct ScannedTable {
    /// The key of the table's samples.
    pub(crate) key: String,
    pub(crate) rows: Option<u64>,
    /// Factor between reading a value and decoding a value of Parquet.
    pub(crate) decode_factor: f64,
    /// Nanoseconds per row besides those of its values.
    pub(crate) row_ns: f64,
}

/// The tables that a plan and its subqueries scan, by their name in the plan.
pub(crate) async fn scanned_tables(env: &Environment, plan: &LogicalPlan) -> Result<HashMap<String, ScannedTable>> {
    let mut scans = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let source = source_as_provider(&scan.source)?;
            scans.insert(scan.table_name.to_string(), (env.table_key(&scan.table_name), source));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let families = env.families()?;
    let mut found = HashMap::with_capacity(scans.len());
    for (name, (key, provider)) in scans {
        let rows = match families.iter().find(|manifest| manifest.design.table == key) {
            Some(manifest) => Some(manifest.base.rows),
            None => rows_about(env, &provider).await,
        };
        let (decode_factor, row_ns) = match FileTable::of(&provider).map(|files| files.definition().format) {
            Some(FileFormat::Csv) => (TEXT_FACTOR, TEXT_ROW_NS),
            Some(FileFormat::Ndjson) => (TEXT_FACTOR, JSON_ROW_NS),
            Some(FileFormat::Parquet) => (1.0, 0.0),
            // Columns in memory need no decoding.
            Some(FileFormat::Arrow) | None => (0.2, 0.0),
        };
        found.insert(name, ScannedTable { key, rows, decode_factor, row_ns });
    }
    Ok(found)
}

/// The rows of a table without a sample, as far as they are known without reading it.
pub(crate) async fn rows_about(env: &Environment, table: &Arc<dyn TableProvider>) -> Option<u64> {
    if let Some(files) = FileTable::of(table) {
        return files.about_rows(&env.context.state()).await;
    }
    if let Some(memory) = (table.as_ref() as &dyn std::any::Any).downcast_ref::<MemTable>() {
        let mut rows = 0;
        for partition in &memory.batches {
            rows += partition.read().await.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        }
        return Some(rows);
    }
    Some(*table.statistics()?.num_rows.get_value()? as u64)
}
