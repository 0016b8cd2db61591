//! Tables whose rows the store keeps: `CREATE TABLE` writes them as Parquet files, `INSERT` adds files.

use super::session::Session;
use crate::answer::{Answer, Error, Result, listing, thousands};
use crate::runtime::collected;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use datafusion::common::TableReference;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{CreateMemoryTable, DmlStatement, LogicalPlan, LogicalPlanBuilder, WriteOp};
use parquet::arrow::ArrowWriter;
use plusminus_catalog::{FileFormat, TableDefinition};
use plusminus_files::FileTable;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

impl Session {
    /// Runs CREATE TABLE; `None` for a table that only memory can hold: one with constraints, defaults, or types that Parquet lacks.
    pub(crate) async fn create_table(&self, create: &CreateMemoryTable) -> Result<Option<Answer>> {
        let schema = Arc::clone(create.input.schema().inner());
        let is_plain = create.constraints.is_empty() && create.column_defaults.is_empty() && !create.temporary;
        if !is_plain || !schema.fields().iter().all(|field| is_in_parquet(field.data_type())) {
            return Ok(None);
        }
        let name = self.env.table_key(&create.name);
        let is_own = matches!(&create.name, TableReference::Bare { .. });
        if !is_own || has_duplicates(&schema) {
            return Ok(None);
        }
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
        let written = self.write_rows(&create.input, &folder, 0).await;
        let rows = match written {
            Ok(rows) => rows,
            Err(error) => {
                // Nothing names the folder yet.
                let _ = std::fs::remove_dir_all(&folder);
                return Err(error);
            }
        };
        let before = self.kept_definition(&name);
        let location = absolute_text(&folder)?;
        let definition =
            TableDefinition { name: name.clone(), location, format: FileFormat::Parquet, options: BTreeMap::new() };
        self.env.register_definition(&definition).await?;
        self.env.store.forget(&name)?;
        self.env.store.put_table(&definition)?;
        if let Some(before) = before {
            self.env.store.remove_rows_of(&before)?;
        }
        let columns = schema.fields().len();
        Ok(Some(listing::message(&format!(
            "table '{name}' created: {}, {columns} column{}, kept in the store",
            counted(rows),
            if columns == 1 { "" } else { "s" }
        ))))
    }

    /// Runs INSERT into a table that the store keeps; `None` for other tables and statements.
    pub(crate) async fn insert_rows(&self, statement: &DmlStatement) -> Result<Option<Answer>> {
        let name = self.env.table_key(&statement.table_name);
        let Some(definition) = self.kept_definition(&name).filter(|found| self.env.store.keeps_rows_of(found)) else {
            return Ok(None);
        };
        if !matches!(statement.op, WriteOp::Insert(InsertOp::Append)) {
            return Err(Error::unsupported(
                "rows of a table cannot be changed in place",
                format!("CREATE OR REPLACE TABLE {name} AS SELECT … FROM {name}"),
            ));
        }
        let folder = Path::new(&definition.location);
        let part = std::fs::read_dir(folder).map_or(0, Iterator::count);
        let rows = self.write_rows(&statement.input, folder, part).await?;
        self.env.register_definition(&definition).await?;
        Ok(Some(listing::message(&format!("{} inserted into '{name}'", counted(rows)))))
    }

    /// The definition of a table in the store.
    pub(crate) fn kept_definition(&self, name: &str) -> Option<TableDefinition> {
        self.env.store.tables().ok()?.into_iter().find(|definition| definition.name == name)
    }

    /// Writes the rows of a plan into a new file of a folder.
    async fn write_rows(&self, input: &Arc<LogicalPlan>, folder: &Path, part: usize) -> Result<u64> {
        let file = folder.join(format!("part-{part:06}.parquet"));
        let (format, target) = (format_as_file_type(Arc::new(ParquetFormatFactory::new())), absolute_text(&file)?);
        let plan =
            LogicalPlanBuilder::copy_to(input.as_ref().clone(), target, format, HashMap::new(), vec![])?.build()?;
        let state = self.env.context.state();
        let physical = state.create_physical_plan(&plan).await?;
        let counts = collected(&physical, &state, &self.env.executor).await?;
        // No rows make no file, but the table has columns.
        if !file.exists() {
            write_empty(&file, Arc::clone(input.schema().inner()))?;
        }
        Ok(counts
            .columns()
            .first()
            .and_then(|count| count.as_primitive_opt::<UInt64Type>())
            .map_or(0, |c| c.values().iter().sum()))
    }
}

/// Whether a table's rows are kept by the store.
pub(crate) fn is_kept(session: &Session, file: &FileTable) -> bool {
    session.env.store.keeps_rows_of(file.definition())
}

fn counted(rows: u64) -> String {
    format!("{} row{}", thousands(rows), if rows == 1 { "" } else { "s" })
}

fn write_empty(file: &Path, schema: SchemaRef) -> Result<()> {
    let created = std::fs::File::create(file).map_err(|e| plusminus_catalog::CatalogError::io(file, e))?;
    let failed = |error: parquet::errors::ParquetError| Error::data(error);
    ArrowWriter::try_new(created, schema, None).and_then(ArrowWriter::close).map_err(failed)?;
    Ok(())
}

fn absolute_text(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|e| plusminus_catalog::CatalogError::io(path, e))?;
    Ok(path.to_string_lossy().into_owned())
}

fn is_in_parquet(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) | DataType::Union(..) | DataType::Map(..) | DataType::Null => {
            false
        }
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => is_in_parquet(of.data_type()),
        DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| is_in_parquet(field.data_type())),
        _ => true,
    }
}

fn has_duplicates(schema: &SchemaRef) -> bool {
    let names: std::collections::HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.len() < schema.fields().len() || names.is_empty()
}
