//! Rows of samples and of tables, in memory.

use crate::answer::{Error, Result};
use crate::environment::Environment;
use crate::runtime::collected;
use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{Column, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableScan, lit};
use plusminus_catalog::{Manifest, RANK, STRATUM};

/// Rows of all levels of a sample.
pub(in crate::joins) struct SampleRows {
    /// The columns that were asked for, in that order.
    pub(in crate::joins) columns: Vec<ArrayRef>,
    pub(super) strata: Vec<u32>,
    pub(super) ranks: Vec<u32>,
}

impl SampleRows {
    pub(in crate::joins) fn read(env: &Environment, manifest: &Manifest, names: &[String]) -> Result<Self> {
        let mut read: Vec<String> = names.to_vec();
        read.sort();
        read.dedup();
        read.extend([STRATUM.to_owned(), RANK.to_owned()]);
        let mut batches = Vec::new();
        for level in 0..manifest.levels.len() {
            batches.extend(env.store.level(manifest, level, Some(&read), None, env.threads)?);
        }
        let column = |name: &str| {
            let missing = || Error::data(format!("the sample has no column '{name}'"));
            let found = batches.iter().map(|batch| batch.column_by_name(name).cloned());
            let parts = found.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            match parts.as_slice() {
                [] if name == STRATUM || name == RANK => Ok(new_empty_array(&DataType::UInt32)),
                [] => {
                    Ok(new_empty_array(&manifest.column_type(name).and_then(|t| t.parse().ok()).ok_or_else(missing)?))
                }
                parts => Ok(concat(parts)?),
            }
        };
        let numbers = |name: &str| Ok::<_, Error>(column(name)?.as_primitive::<UInt32Type>().values().to_vec());
        let columns = names.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
        Ok(Self { columns, strata: numbers(STRATUM)?, ranks: numbers(RANK)? })
    }
}

/// The rows of a table whose `key` is one of `values`: columns named `names`, in the types of `like`.
pub(in crate::joins) async fn rows_of_keys(
    env: &Environment,
    scan: &TableScan,
    (names, like): (&[String], &[ArrayRef]),
    (key, values): (&str, &[ScalarValue]),
    state: &SessionState,
) -> Result<Vec<ArrayRef>> {
    if values.is_empty() {
        return Ok(like.iter().map(|column| new_empty_array(column.data_type())).collect());
    }
    let column = |name: &str| Expr::Column(Column::new(Some(scan.table_name.clone()), name));
    let wanted = column(key).in_list(values.iter().map(|value| lit(value.clone())).collect(), false);
    let read: Vec<Expr> =
        names.iter().enumerate().map(|(number, name)| column(name).alias(format!("column {number}"))).collect();
    let plan = LogicalPlanBuilder::scan(scan.table_name.clone(), std::sync::Arc::clone(&scan.source), None)?;
    let plan = plan.filter(wanted)?.project(read)?.build()?;
    let rows = collected(&state.create_physical_plan(&plan).await?, state, &env.executor).await?;
    let as_before = |(column, like): (&ArrayRef, &ArrayRef)| Ok(cast(column, like.data_type())?);
    rows.columns().iter().zip(like).map(as_before).collect()
}
