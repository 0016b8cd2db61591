//! Joined columns of every row of a table, for samples that are stratified by them.
//!
//! The tables that are joined to it directly are held in memory by their keys, each with what is asked of it and of the tables behind it.

use super::scan::scan_of;
use crate::answer::{Error, Result};
use crate::environment::Environment;
use crate::runtime::collected;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use plusminus_joins::{Lookup, fetch};
use plusminus_plan::{JoinedTable, is_joined_column, is_matched_column};
use plusminus_sampling::RowExtension;
use std::collections::HashMap;
use std::sync::Arc;

/// Columns of joined tables, to be found by the keys of any row.
#[derive(Debug)]
pub(crate) struct JoinedColumnLookup {
    near: Vec<NearTable>,
}

/// A table that is joined to the sampled one directly, with the columns of those behind it.
#[derive(Debug)]
struct NearTable {
    /// The columns of the sampled table that are compared.
    keys: Vec<String>,
    /// The name of the column that says whether a row has a partner.
    matched: String,
    lookup: Lookup,
    /// The columns that the lookup gives.
    fields: Vec<FieldRef>,
}

/// The tables that columns named `names` come from and those on the way to them, each with the columns that are needed of it.
pub(super) fn needed_for(joins: &[JoinedTable], names: &[String]) -> Vec<JoinedTable> {
    let mut needed: Vec<String> = names.iter().filter(|name| is_joined_column(name)).cloned().collect();
    let mut found = Vec::new();
    for table in joins.iter().rev() {
        let mut own = table.clone();
        own.columns.retain(|(name, _)| needed.contains(name));
        if !own.columns.is_empty() || needed.contains(&own.matched) {
            needed.extend(own.on.iter().map(|key| key.from.clone()));
            found.push(own);
        }
    }
    found.reverse();
    found
}

impl JoinedColumnLookup {
    /// Reads the tables in `joins`, each of which stands behind those that lead to it.
    pub(super) async fn load(env: &Environment, joins: &[JoinedTable], state: &SessionState) -> Result<Self> {
        let mut near = Vec::new();
        for (at, table) in joins.iter().enumerate() {
            if table.on.iter().all(|key| !is_joined_column(&key.from)) {
                near.push(NearTable::load(env, table, &joins[at + 1..], state).await?);
            }
        }
        let given: usize = near.iter().map(|table| table.fields.len() + 1).sum();
        let wanted: usize = joins.iter().map(|table| table.columns.len() + 1).sum();
        if given < wanted {
            return Err(Error::unsupported(
                "a column behind keys of several joined tables cannot stratify",
                "a column of a table that is joined by columns of one table",
            ));
        }
        Ok(Self { near })
    }
}

impl NearTable {
    async fn load(
        env: &Environment,
        table: &JoinedTable,
        behind: &[JoinedTable],
        state: &SessionState,
    ) -> Result<Self> {
        let read = table.on.iter().map(|key| &key.column).chain(table.columns.iter().map(|(_, own)| own));
        let plan = scan_of(&table.scan, read, state).await?;
        let rows = collected(&plan, state, &env.executor).await?;
        let (keys, own) = rows.columns().split_at(table.on.len());
        let mut names: Vec<String> = table.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut columns: Vec<ArrayRef> = own.to_vec();
        let mut known: HashMap<String, ArrayRef> = names.iter().cloned().zip(columns.iter().cloned()).collect();
        for next in behind {
            let of = |key: &plusminus_plan::JoinKey| known.get(&key.from).cloned();
            let Some(own_keys) = next.on.iter().map(of).collect::<Option<Vec<_>>>() else { continue };
            let read = next.on.iter().map(|key| &key.column).chain(next.columns.iter().map(|(_, own)| own));
            let (plan, task) = (scan_of(&next.scan, read, state).await?, state.task_ctx());
            let compared: Vec<DataType> = next.on.iter().map(|key| key.compared.clone()).collect();
            let fetching = async move { Ok(fetch(&plan, &task, &compared, &own_keys).await?) };
            let partners = env.executor.on_tables(fetching).await?;
            let found = next.columns.iter().map(|(name, _)| name.clone()).zip(partners.columns);
            let matched: ArrayRef = Arc::new(partners.matched);
            for (name, values) in found.chain([(next.matched.clone(), matched)]) {
                known.insert(name.clone(), Arc::clone(&values));
                names.push(name);
                columns.push(values);
            }
        }
        let field = |(name, values): (&String, &ArrayRef)| Arc::new(Field::new(name, values.data_type().clone(), true));
        let fields = names.iter().zip(&columns).map(field).collect();
        let compared: Vec<DataType> = table.on.iter().map(|key| key.compared.clone()).collect();
        Ok(Self {
            keys: table.on.iter().map(|key| key.from.clone()).collect(),
            matched: table.matched.clone(),
            lookup: Lookup::new(&compared, keys, columns)?,
            fields,
        })
    }
}

impl RowExtension for JoinedColumnLookup {
    fn fields(&self) -> Vec<FieldRef> {
        let of = |table: &NearTable| {
            let matched = Arc::new(Field::new(&table.matched, DataType::Boolean, true));
            std::iter::once(matched).chain(table.fields.iter().cloned()).collect::<Vec<_>>()
        };
        self.near.iter().flat_map(of).collect()
    }

    fn reads(&self) -> Vec<String> {
        self.near.iter().flat_map(|table| table.keys.iter().cloned()).collect()
    }

    fn extend(&self, batch: &RecordBatch) -> datafusion::error::Result<Vec<ArrayRef>> {
        let mut all = Vec::new();
        for table in &self.near {
            let key = |name: &String| {
                let column = batch.column_by_name(name).cloned();
                column.ok_or_else(|| DataFusionError::Execution(format!("the table has no column '{name}'")))
            };
            let keys = table.keys.iter().map(key).collect::<datafusion::error::Result<Vec<_>>>()?;
            let (matched, columns) = table.lookup.find(&keys)?;
            all.push(Arc::new(matched) as ArrayRef);
            // Where the near table has no partner, those behind it have none either.
            for (field, column) in table.fields.iter().zip(columns) {
                all.push(match field.data_type() {
                    DataType::Boolean if is_matched_column(field.name()) => arrow::compute::kernels::zip::zip(
                        &arrow::compute::is_null(&column)?,
                        &arrow::array::Scalar::new(arrow::array::BooleanArray::from(vec![false])),
                        &column,
                    )?,
                    _ => column,
                });
            }
        }
        Ok(all)
    }
}
