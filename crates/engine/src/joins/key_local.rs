//! Subqueries by key over a sample that holds whole keys, in the place of the table, for a sample that holds the same keys.

use super::shared_keys::{SampleRows, heavy_keys, not_kept, partner, rows_of_keys};
use crate::answer::Result;
use crate::environment::Environment;
use arrow::array::{ArrayRef, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{MemTable, ViewTable, provider_as_source, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use plusminus_catalog::Manifest;
use plusminus_plan::{JoinedTable, key_local_scan, with_source};
use std::collections::HashSet;
use std::sync::Arc;

/// Rows of a partition of a sample in memory.
const BATCH_ROWS: usize = 8_192;

/// A subquery that is joined by the keys of a sample, and the sample of its own table that holds these keys.
pub(crate) struct KeyLocal {
    plan: LogicalPlan,
    scan: TableScan,
    /// The key among the columns of the scanned table.
    column: String,
    pub(crate) sample: Arc<Manifest>,
}

impl KeyLocal {
    /// The sample from which a joined subquery can be computed for the rows of `own`; `None` where only the tables can tell.
    pub(crate) async fn of(
        env: &Environment,
        table: &JoinedTable,
        own: &Manifest,
        state: &SessionState,
    ) -> Result<Option<Self>> {
        let Some(plan) = super::subquery_of(&table.scan) else { return Ok(None) };
        for on in &table.on {
            let Some(place) = plan.schema().fields().iter().position(|field| *field.name() == on.column) else {
                continue;
            };
            let Some((scan, column)) = key_local_scan(&plan, place) else { continue };
            let (key, provider) = (env.table_key(&scan.table_name), source_as_provider(&scan.source)?);
            let Ok(samples) = env.usable_samples(&key, &provider, state, None).await? else { continue };
            if let Some(sample) = partner((own, &on.from), (&samples, &column)) {
                return Ok(Some(Self { plan, scan, column, sample }));
            }
        }
        Ok(None)
    }

    /// The subquery over the rows of the sample, and those of the keys that only `own` holds for their number of rows.
    pub(crate) async fn over_sample(
        self,
        env: &Environment,
        table: &JoinedTable,
        own: &Manifest,
        state: &SessionState,
    ) -> Result<TableScan> {
        let schema = self.scan.source.schema();
        let read = self.read_columns()?;
        let rows = SampleRows::read(env, &self.sample, &read)?;
        let own_key = own.design.universe.clone().unwrap_or_default();
        let own_rows = SampleRows::read(env, own, &[own_key])?;
        let heavy = heavy_keys(&own_rows, 0, &env.store.strata(own, None)?)?;
        let lacking = not_kept(&heavy, &rows.columns[0], &self.sample)?;
        let added = rows_of_keys(env, &self.scan, (&read, &rows.columns), (&self.column, &lacking), state).await?;
        let mut partitions = Vec::new();
        for columns in [rows.columns, added] {
            let batch = self.filled(&Arc::clone(&schema), &read, &columns)?;
            let slices = (0..batch.num_rows()).step_by(BATCH_ROWS);
            partitions.push(slices.map(|at| batch.slice(at, BATCH_ROWS.min(batch.num_rows() - at))).collect());
        }
        let source = provider_as_source(Arc::new(MemTable::try_new(schema, partitions)?));
        let plan = with_source(self.plan, &self.scan, &source)?;
        Ok(TableScan { source: provider_as_source(Arc::new(ViewTable::new(plan, None))), ..table.scan.clone() })
    }

    /// The key, then the other columns of the table that the subquery names.
    fn read_columns(&self) -> Result<Vec<String>> {
        let mut named: HashSet<String> = self.plan.schema().fields().iter().map(|field| field.name().clone()).collect();
        datafusion::common::tree_node::TreeNode::apply(&self.plan, |node| {
            node.apply_expressions(|expr| {
                named.extend(expr.column_refs().into_iter().map(|column| column.name.clone()));
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        let schema = self.scan.source.schema();
        let others = schema.fields().iter().map(|field| field.name().clone());
        let others = others.filter(|name| *name != self.column && named.contains(name));
        Ok(std::iter::once(self.column.clone()).chain(others).collect())
    }

    /// A batch with all columns of the table, of which those that the subquery does not name have no values.
    fn filled(&self, schema: &Arc<Schema>, read: &[String], columns: &[ArrayRef]) -> Result<RecordBatch> {
        let rows = columns[0].len();
        let column = |name: &str, data_type: &DataType, is_nullable: bool| match read.iter().position(|own| own == name)
        {
            Some(place) => Ok(cast(&columns[place], data_type)?),
            None => without_values(data_type, rows, is_nullable),
        };
        let fields = schema.fields().iter();
        let all = fields.map(|field| column(field.name(), field.data_type(), field.is_nullable()));
        let all = all.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), all, &options)?)
    }
}

/// NULLs, or zeros where a column takes none.
fn without_values(data_type: &DataType, rows: usize, is_nullable: bool) -> Result<ArrayRef> {
    let nulls = arrow::array::new_null_array(data_type, rows);
    Ok(match is_nullable {
        true => nulls,
        false => make_array(nulls.to_data().into_builder().nulls(None).build()?),
    })
}
