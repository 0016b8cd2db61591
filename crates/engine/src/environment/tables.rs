//! Tables by name or path, and definitions of file tables.

use super::Environment;
use crate::answer::{Error, Result};
use datafusion::catalog::{DynamicFileCatalog, SchemaProvider, TableProvider, TableProviderFactory, UrlTableFactory};
use datafusion::common::TableReference;
use datafusion::config::{ConfigOptions, Dialect};
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::SessionState;
use datafusion::logical_expr::CreateExternalTable;
use datafusion::prelude::SessionContext;
use plusminus_catalog::{FileFormat, TableDefinition};
use plusminus_files::{FileError, FileTable, LayoutCache, Listing, absolute, is_glob, is_path};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

impl Environment {
    /// Registers the files of `definition` under its name, in the place of a table that has that name.
    pub(crate) async fn register_definition(&self, definition: &TableDefinition) -> Result<()> {
        let state = self.context.state();
        let table = FileTable::open(definition, None, &self.layouts, &state).await?;
        let name = TableReference::bare(definition.name.clone());
        self.context.deregister_table(name.clone())?;
        self.context.register_table(name, Arc::new(table))?;
        Ok(())
    }

    /// The table called `name`, or the file at that path; the second value is the key that samples of it carry.
    pub(crate) async fn table(&self, name: &str) -> Result<(Arc<dyn TableProvider>, String)> {
        let known = self.table_names();
        // As in SQL, an unquoted name is in lower case.
        let found = known.iter().find(|t| *t == name).or_else(|| known.iter().find(|t| **t == name.to_lowercase()));
        if let Some(found) = found {
            let provider = self.context.table_provider(TableReference::bare(found.as_str())).await?;
            return Ok((provider, found.clone()));
        }
        if let Some(key) = path_key(name).or_else(|| folder_key(name)) {
            let table = definition("file", name)?;
            let state = self.context.state();
            return Ok((Arc::new(FileTable::open(&table, None, &self.layouts, &state).await?), key));
        }
        let table = TableReference::parse_str(name);
        match self.context.table_provider(table.clone()).await {
            Ok(provider) => Ok((provider, self.table_key(&table))),
            Err(_) => Err(Error::no_table(name, &known)),
        }
    }

    /// The key of a table's samples: its name in the default schema, `catalog.schema.table` elsewhere, and the absolute path for a
    /// file.
    pub(crate) fn table_key(&self, table: &TableReference) -> String {
        let options = self.options();
        let default = &options.catalog;
        let full = table.clone().resolve(&default.default_catalog, &default.default_schema);
        if *full.catalog != *default.default_catalog || *full.schema != *default.default_schema {
            return format!("{}.{}.{}", full.catalog, full.schema, full.table);
        }
        let is_table = self.default_schema(&options).is_some_and(|schema| is_registered(schema.as_ref(), &full.table));
        path_key(&full.table).filter(|_| !is_table).unwrap_or_else(|| full.table.to_string())
    }

    /// Whether a reference names a table or view of the default schema rather than a file.
    pub(crate) fn is_named_table(&self, table: &TableReference) -> bool {
        let options = self.options();
        let default = &options.catalog;
        let full = table.clone().resolve(&default.default_catalog, &default.default_schema);
        let is_default = *full.catalog == *default.default_catalog && *full.schema == *default.default_schema;
        is_default && self.default_schema(&options).is_some_and(|schema| is_registered(schema.as_ref(), &full.table))
    }

    /// Whether a registered table is a view.
    pub(crate) fn is_view(&self, table: &TableReference) -> bool {
        let provider = self.context.table_provider(table.clone());
        let provider = futures::FutureExt::now_or_never(provider);
        provider.and_then(std::result::Result::ok).is_some_and(|table| table.table_type() == TableType::View)
    }

    /// The SQL dialect of queries.
    pub(crate) fn sql_dialect(&self) -> Dialect {
        self.options().sql_parser.dialect
    }

    /// DataFusion's settings, read without copying its whole state, which would copy every table of functions.
    fn options(&self) -> Arc<ConfigOptions> {
        Arc::clone(self.context.state_ref().read().config_options())
    }

    fn default_schema(&self, options: &ConfigOptions) -> Option<Arc<dyn SchemaProvider>> {
        let default = &options.catalog;
        self.context.catalog(&default.default_catalog)?.schema(&default.default_schema)
    }

    /// The names of the tables of the default schema, sorted.
    pub(crate) fn table_names(&self) -> Vec<String> {
        let schema = self.default_schema(&self.options());
        let mut names = schema.map(|s| s.table_names()).unwrap_or_default();
        names.sort();
        names
    }
}

/// Makes tables of the paths in FROM and in CREATE EXTERNAL TABLE.
#[derive(Default)]
pub(crate) struct PathTables {
    /// Returns the session's state; set once the session exists, which is after this factory.
    state: OnceLock<Box<dyn Fn() -> Option<SessionState> + Send + Sync>>,
    layouts: Arc<LayoutCache>,
}

impl std::fmt::Debug for PathTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathTables").finish_non_exhaustive()
    }
}

impl PathTables {
    /// Returns a context with `context`'s tables in which paths are tables too.
    pub(crate) fn enable(context: SessionContext, layouts: Arc<LayoutCache>) -> SessionContext {
        let factory = Arc::new(Self { state: OnceLock::new(), layouts });
        let inner = Arc::clone(context.state().catalog_list());
        let catalogs = Arc::new(DynamicFileCatalog::new(inner, Arc::clone(&factory) as Arc<dyn UrlTableFactory>));
        let mut builder = context.into_state_builder().with_catalog_list(catalogs);
        for format in ["PARQUET", "CSV", "JSON", "NDJSON", "ARROW"] {
            builder = builder.with_table_factory(format.to_owned(), Arc::clone(&factory) as _);
        }
        let context: SessionContext = builder.build().into();
        let state = context.state_weak_ref();
        // Set only here, so that it was not set before.
        let _ = factory.state.set(Box::new(move || state.upgrade().map(|s| s.read().clone())));
        context
    }
}

#[async_trait::async_trait]
impl UrlTableFactory for PathTables {
    async fn try_new(&self, url: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        // A path that does not exist is a missing table.
        let is_there = is_glob(url) || absolute(url).exists();
        let Some(definition) = path_key(url).filter(|_| is_there).map(|_| found("file", url)) else { return Ok(None) };
        let Some(state) = self.state.get().and_then(|state| state()) else { return Ok(None) };
        let table = FileTable::open(&definition?, None, &self.layouts, &state).await?;
        Ok(Some(Arc::new(table)))
    }
}

#[async_trait::async_trait]
impl TableProviderFactory for PathTables {
    async fn create(
        &self,
        state: &dyn datafusion::catalog::Session,
        statement: &CreateExternalTable,
    ) -> datafusion::error::Result<Arc<dyn TableProvider>> {
        let format = match statement.file_type.to_ascii_uppercase().as_str() {
            "PARQUET" => FileFormat::Parquet,
            "CSV" => FileFormat::Csv,
            "ARROW" => FileFormat::Arrow,
            _ => FileFormat::Ndjson,
        };
        let [location] = statement.locations.as_slice() else {
            return Err(external(
                "a table is made of the files of one path",
                "a folder, or a glob that matches all files",
            ));
        };
        let declared = statement.schema.as_arrow();
        let declared = (!declared.fields().is_empty()).then(|| Arc::new(declared.clone()));
        let mut options: BTreeMap<String, String> =
            statement.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let (Some(columns), FileFormat::Csv) = (&declared, format) {
            // Declared columns are the file's columns in order.
            let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
            options.entry("names".to_owned()).or_insert_with(|| names.join(","));
        }
        let location = absolute(location).to_string_lossy().into_owned();
        let definition = TableDefinition { name: statement.name.table().to_owned(), location, format, options };
        Ok(Arc::new(FileTable::open(&definition, declared, &self.layouts, state).await?))
    }
}

fn external(what: &str, next: &str) -> datafusion::error::DataFusionError {
    FileError { what: what.to_owned(), next: next.to_owned(), is_absence: false }.into()
}

/// Whether a schema has a table of this name; for names that look like paths, without opening a file.
fn is_registered(schema: &dyn SchemaProvider, name: &str) -> bool {
    match path_key(name) {
        None => schema.table_exist(name),
        Some(_) => schema.table_names().iter().any(|known| known == name),
    }
}

/// The key of samples on files, which is their absolute path; `None` when `name` does not look like a path.
///
/// A plain name is that of a table, also where a folder of the name is at hand.
fn path_key(name: &str) -> Option<String> {
    let is_plain = !name.contains(['/', '.', '\\']) && !is_glob(name);
    if is_plain || !is_path(name) { None } else { absolute_key(name) }
}

/// The key of samples on the files of a folder with a plain name.
fn folder_key(name: &str) -> Option<String> {
    if std::path::Path::new(name).is_dir() { absolute_key(name) } else { None }
}

fn absolute_key(name: &str) -> Option<String> {
    let path = absolute(name);
    let path = path.to_str()?;
    Some(if path.len() > 1 { path.trim_end_matches('/') } else { path }.to_owned())
}

pub(crate) fn definition(name: &str, location: &str) -> Result<TableDefinition> {
    Ok(found(name, location)?)
}

/// The definition of the files at a path; their names determine the format.
fn found(name: &str, location: &str) -> std::result::Result<TableDefinition, FileError> {
    let format = Listing::new(location, None)?.format;
    let location = absolute(location).to_string_lossy().into_owned();
    Ok(TableDefinition { name: name.to_lowercase(), location, format, options: BTreeMap::new() })
}

/// Hash of an in-memory table's batch sizes and buffer addresses; `None` for other tables, and while the table is written.
pub(crate) fn memory_content(table: &Arc<dyn TableProvider>) -> Option<u64> {
    let memory = (table.as_ref() as &dyn std::any::Any).downcast_ref::<MemTable>()?;
    let mut hasher = DefaultHasher::new();
    for partition in &memory.batches {
        for batch in partition.try_read().ok()?.iter() {
            batch.num_rows().hash(&mut hasher);
            for column in batch.columns() {
                column.to_data().buffers().iter().for_each(|buffer| (buffer.as_ptr() as usize).hash(&mut hasher));
            }
        }
    }
    Some(hasher.finish())
}

/// Quotes a table's or column's name for a statement where needed: paths in single quotes, unusual names in double quotes.
pub(crate) fn sql_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name {
        path if path.contains('/') => format!("'{}'", path.replace('\'', "''")),
        plain if plain.chars().all(is_plain) && !plain.starts_with(|c: char| c.is_ascii_digit()) => plain.to_owned(),
        other => format!("\"{}\"", other.replace('"', "\"\"")),
    }
}
