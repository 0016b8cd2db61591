//! Tables whose rows the store keeps: `CREATE TABLE` writes them as Parquet files, `INSERT` adds files.

use super::session::Session;
use crate::answer::{Answer, Error, Result, listing, thousands};
use crate::runtime::collected;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::TableReference;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::cast;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{CreateMemoryTable, DmlStatement, Expr, LogicalPlan, LogicalPlanBuilder, WriteOp};
use parquet::arrow::ArrowWriter;
use plusminus_catalog::{CatalogError, FileFormat, TableDefinition};
use plusminus_files::FileTable;
use plusminus_functions::nullable;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Held while kept tables are changed; dropping it lets others.
pub(crate) struct Turn<'a> {
    _own: tokio::sync::MutexGuard<'a, ()>,
    _file: std::fs::File,
}

impl Session {
    /// Runs CREATE TABLE; `None` for a table that only memory can hold: one with defaults, or with types that
    /// Parquet lacks.
    pub(crate) async fn create_table(&self, create: &CreateMemoryTable) -> Result<Option<Answer>> {
        let schema = Arc::clone(create.input.schema().inner());
        let is_plain = create.column_defaults.is_empty() && !create.temporary;
        if !is_plain || !schema.fields().iter().all(|field| is_in_parquet(field.data_type())) {
            return Ok(None);
        }
        let name = self.env.table_key(&create.name);
        let is_own = matches!(&create.name, TableReference::Bare { .. });
        if !is_own || has_duplicates(&schema) {
            return Ok(None);
        }
        // Another process may have made the table until it is this one's turn.
        let _turn = self.take_turn().await?;
        if self.env.is_named_table(&create.name) {
            match (create.if_not_exists, create.or_replace) {
                (true, false) => return Ok(Some(listing::message(&format!("there is a table '{name}' already")))),
                (false, true) => {}
                _ => {
                    return Err(Error::invalid(
                        format!("there is a table '{name}' already"),
                        format!("CREATE OR REPLACE TABLE {name} …, or CREATE TABLE IF NOT EXISTS {name} …"),
                    ));
                }
            }
        }
        let folder = self.env.store.new_rows_folder(&name)?;
        let written = self.write_rows(&with_nullable_columns(&create.input)?, &folder).await;
        let rows = match written {
            Ok(rows) => rows,
            Err(error) => {
                // Nothing names the folder yet.
                let _ = std::fs::remove_dir_all(&folder);
                return Err(error);
            }
        };
        let location = absolute_text(&folder)?;
        let definition =
            TableDefinition { name: name.clone(), location, format: FileFormat::Parquet, options: BTreeMap::new() };
        self.env.register_definition(&definition).await?;
        // At no moment is there no table of this name.
        self.env.store.put_table(&definition)?;
        self.env.store.forget_view(&name)?;
        self.env.store.remove_old_rows()?;
        let columns = schema.fields().len();
        let mut answer = listing::message(&format!(
            "table '{name}' created: {}, {columns} column{}, kept in the store",
            counted(rows),
            if columns == 1 { "" } else { "s" }
        ));
        if !create.constraints.is_empty() {
            answer.report.warnings.push("PRIMARY KEY and UNIQUE are not checked".to_owned());
        }
        Ok(Some(answer))
    }

    /// Runs INSERT into a table that the store keeps; `None` for other tables.
    pub(crate) async fn insert_rows(&self, statement: &DmlStatement) -> Result<Option<Answer>> {
        let name = self.env.table_key(&statement.table_name);
        let kept = || self.kept_definition(&name).filter(|found| self.env.store.keeps_rows_of(found));
        if kept().is_none() {
            return Ok(None);
        }
        let _turn = self.take_turn().await?;
        let Some(definition) = kept() else { return Ok(None) };
        if !matches!(statement.op, WriteOp::Insert(InsertOp::Append)) {
            return Err(Error::unsupported("only INSERT INTO adds rows", format!("INSERT INTO {name} …")));
        }
        let rows = self.write_rows(&statement.input, Path::new(&definition.location)).await?;
        self.env.register_definition(&definition).await?;
        Ok(Some(listing::message(&format!("{} inserted into '{name}'", counted(rows)))))
    }

    /// Waits until no other session of this or another process changes kept tables, and knows what they changed.
    pub(crate) async fn take_turn(&self) -> Result<Turn<'_>> {
        // One change after another: two at once would each lose the other's.
        let own = self.env.changes.lock().await;
        let store = self.env.store.clone();
        let file = tokio::task::spawn_blocking(move || store.lock_rows()).await;
        let file = file.map_err(|error| Error::data(format!("the store cannot be locked: {error}")))??;
        self.refresh_tables().await?;
        Ok(Turn { _own: own, _file: file })
    }

    /// Puts rows in the place of those of a kept table.
    pub(crate) async fn replace_rows(&self, definition: &TableDefinition, rows: RecordBatch) -> Result<()> {
        let table = provider_as_source(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?));
        let plan = LogicalPlanBuilder::scan("rows", table, None)?.build()?;
        let folder = self.env.store.new_rows_folder(&definition.name)?;
        self.write_rows(&Arc::new(plan), &folder).await?;
        let changed = TableDefinition { location: absolute_text(&folder)?, ..definition.clone() };
        self.env.register_definition(&changed).await?;
        self.env.store.put_table(&changed)?;
        Ok(self.env.store.remove_old_rows()?)
    }

    /// The definition of a table in the store.
    pub(crate) fn kept_definition(&self, name: &str) -> Option<TableDefinition> {
        self.env.store.tables().ok()?.into_iter().find(|definition| definition.name == name)
    }

    /// Writes the rows of a plan into a new file of a folder.
    async fn write_rows(&self, input: &Arc<LogicalPlan>, folder: &Path) -> Result<u64> {
        // Parts are read in the order of their names; only who has the turn writes one.
        let part = std::fs::read_dir(folder).map_or(0, Iterator::count);
        let file = folder.join(format!("part-{part:06}.parquet"));
        // Elsewhere until it is whole: rows of a statement that fails are no rows of the table.
        let unfinished = folder.with_file_name(format!(".unfinished-{}.parquet", self.env.next_query()));
        let (format, target) =
            (format_as_file_type(Arc::new(ParquetFormatFactory::new())), absolute_text(&unfinished)?);
        let plan =
            LogicalPlanBuilder::copy_to(input.as_ref().clone(), target, format, HashMap::new(), vec![])?.build()?;
        let state = self.env.context.state();
        let physical = state.create_physical_plan(&plan).await?;
        let counts = match collected(&physical, &state, &self.env.executor).await {
            Ok(counts) => counts,
            Err(error) => {
                let _ = std::fs::remove_file(&unfinished);
                return Err(error);
            }
        };
        // No rows make no file, but the table has columns.
        match unfinished.exists() {
            true => std::fs::rename(&unfinished, &file).map_err(|e| CatalogError::io(&file, e))?,
            false => write_empty(&file, Arc::clone(input.schema().inner()))?,
        }
        Ok(count_of(&counts))
    }
}

/// The rows of a query in columns that may hold NULL; columns that were declared stay as they are.
fn with_nullable_columns(input: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    let mut declared = input.as_ref();
    // Declared columns are casts of no rows.
    while let LogicalPlan::Projection(projection) = declared {
        declared = projection.input.as_ref();
    }
    if matches!(declared, LogicalPlan::EmptyRelation(empty) if !empty.produce_one_row) {
        return Ok(Arc::clone(input));
    }
    let schema = input.schema();
    let columns = schema.columns().into_iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match field.is_nullable() {
        // A column of nothing but NULL is one of integers, as in DuckDB.
        _ if field.data_type().is_null() => cast(Expr::Column(column), DataType::Int32).alias(field.name()),
        true => Expr::Column(column),
        false => nullable(Expr::Column(column)).alias(field.name()),
    });
    let columns: Vec<Expr> = columns.collect();
    Ok(Arc::new(LogicalPlanBuilder::from(Arc::clone(input)).project(columns)?.build()?))
}

/// Whether a table's rows are kept by the store.
pub(crate) fn is_kept(session: &Session, file: &FileTable) -> bool {
    session.env.store.keeps_rows_of(file.definition())
}

/// The sum of a batch of counts of rows.
pub(crate) fn count_of(batch: &RecordBatch) -> u64 {
    let counts = batch.columns().first().and_then(|counts| counts.as_primitive_opt::<UInt64Type>());
    counts.map_or(0, |counts| counts.values().iter().sum())
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(rows: u64) -> String {
    format!("{} row{}", thousands(rows), if rows == 1 { "" } else { "s" })
}

fn write_empty(file: &Path, schema: SchemaRef) -> Result<()> {
    let created = std::fs::File::create(file).map_err(|e| CatalogError::io(file, e))?;
    let failed = |error: parquet::errors::ParquetError| Error::data(error);
    ArrowWriter::try_new(created, schema, None).and_then(ArrowWriter::close).map_err(failed)?;
    Ok(())
}

fn absolute_text(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|e| CatalogError::io(path, e))?;
    Ok(path.to_string_lossy().into_owned())
}

fn is_in_parquet(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) | DataType::Union(..) | DataType::Map(..) => false,
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => is_in_parquet(of.data_type()),
        DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| is_in_parquet(field.data_type())),
        _ => true,
    }
}

fn has_duplicates(schema: &SchemaRef) -> bool {
    let names: std::collections::HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.len() < schema.fields().len() || names.is_empty()
}
