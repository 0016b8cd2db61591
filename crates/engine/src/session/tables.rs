//! Names, paths and file formats.

use super::Session;
use crate::error::{Error, Result};
use datafusion::catalog::{DynamicFileCatalog, SchemaProvider, TableProvider, UrlTableFactory};
use datafusion::common::TableReference;
use datafusion::config::{ConfigOptions, Dialect};
use datafusion::datasource::file_format::FileFormat as DataFusionFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use plusminus_catalog::{FileFormat, TableDefinition};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError};

impl Session {
    /// Makes a file, a folder of files or a glob a table of this session; it stays in the store once it is sampled.
    ///
    /// Parquet, CSV (with a header), NDJSON and Arrow files are told by their extension; folders named `key=value`
    /// become columns.
    ///
    /// # Errors
    /// [`Error::Invalid`] when nothing is there or the format cannot be told, [`Error::Data`] when it cannot be read.
    pub async fn register(&self, name: &str, location: &str) -> Result<()> {
        let definition = definition(name, location)?;
        self.register_definition(&definition).await?;
        let mut registered = self.inner.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.retain(|d| d.name != definition.name);
        registered.push(definition);
        Ok(())
    }

    pub(super) async fn restore_tables(&self) -> Result<()> {
        for definition in self.inner.store.tables()? {
            // A context that came with a table of this name keeps its own.
            if self.inner.context.table_exist(TableReference::bare(definition.name.as_str()))? {
                continue;
            }
            // A table whose files are gone must not keep the others from being used; it is told when it is asked for.
            let _ = self.register_definition(&definition).await;
        }
        Ok(())
    }

    async fn register_definition(&self, definition: &TableDefinition) -> Result<()> {
        let table = listing(definition, &self.inner.context.state()).await?;
        let name = TableReference::bare(definition.name.clone());
        self.inner.context.deregister_table(name.clone())?;
        self.inner.context.register_table(name, table)?;
        Ok(())
    }

    /// The table called `name`, or the file at that path; the second value is the key that samples of it carry.
    pub(crate) async fn table(&self, name: &str) -> Result<(Arc<dyn TableProvider>, String)> {
        let known = self.table_names();
        // As SQL has it, an unquoted name is in lower case.
        let found = known.iter().find(|t| *t == name).or_else(|| known.iter().find(|t| **t == name.to_lowercase()));
        if let Some(found) = found {
            let provider = self.inner.context.table_provider(TableReference::bare(found.as_str())).await?;
            return Ok((provider, found.clone()));
        }
        if let Some(key) = path_key(name) {
            let table = definition("file", &key)?;
            return Ok((listing(&table, &self.inner.context.state()).await?, key));
        }
        let table = TableReference::parse_str(name);
        match self.inner.context.table_provider(table.clone()).await {
            Ok(provider) => Ok((provider, self.table_key(&table))),
            Err(_) => Err(Error::no_table(name, &known)),
        }
    }

    /// What samples of a table are known by: its name in the default schema, `catalog.schema.table` elsewhere, and the
    /// absolute path of a file.
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

    /// Whether a reference names a table or view of the default schema, and no file.
    pub(crate) fn is_named_table(&self, table: &TableReference) -> bool {
        let options = self.options();
        let default = &options.catalog;
        let full = table.clone().resolve(&default.default_catalog, &default.default_schema);
        let is_default = *full.catalog == *default.default_catalog && *full.schema == *default.default_schema;
        is_default && self.default_schema(&options).is_some_and(|schema| is_registered(schema.as_ref(), &full.table))
    }

    /// The dialect that queries are written in.
    pub(crate) fn sql_dialect(&self) -> Dialect {
        self.options().sql_parser.dialect
    }

    /// DataFusion's settings; asking for its whole state would copy every table of functions.
    fn options(&self) -> Arc<ConfigOptions> {
        Arc::clone(self.inner.context.state_ref().read().config_options())
    }

    fn default_schema(&self, options: &ConfigOptions) -> Option<Arc<dyn SchemaProvider>> {
        let default = &options.catalog;
        self.inner.context.catalog(&default.default_catalog)?.schema(&default.default_schema)
    }

    /// The names of the tables of the default schema.
    #[must_use]
    pub fn table_names(&self) -> Vec<String> {
        let schema = self.default_schema(&self.options());
        let mut names = schema.map(|s| s.table_names()).unwrap_or_default();
        names.sort();
        names
    }

    /// Puts the definition of a table that was sampled into the store.
    pub(super) fn keep_table(&self, name: &str) -> Result<()> {
        let registered = self.inner.registered.lock().unwrap_or_else(PoisonError::into_inner);
        match registered.iter().find(|d| d.name == name) {
            Some(definition) => Ok(self.inner.store.put_table(definition)?),
            None => Ok(()),
        }
    }
}

/// The files of a definition as a table.
async fn listing(definition: &TableDefinition, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let url = ListingTableUrl::parse(&definition.location)?;
    let format: Arc<dyn DataFusionFormat> = match definition.format {
        FileFormat::Parquet => Arc::new(ParquetFormat::default().with_options(state.default_table_options().parquet)),
        FileFormat::Csv => Arc::new(CsvFormat::default().with_has_header(true)),
        FileFormat::Ndjson => Arc::new(JsonFormat::default()),
        FileFormat::Arrow => Arc::new(ArrowFormat),
    };
    let options = ListingOptions::new(format).with_file_extension(extension_of(&definition.location));
    let config = ListingTableConfig::new(url).with_listing_options(options);
    let config = config.infer_partitions_from_path(state).await?.infer_schema(state).await?;
    let config = match &config.file_schema {
        Some(schema) if schema.fields().is_empty() => {
            return Err(Error::invalid(
                format!("no columns found in {}", definition.location),
                "check the path and the file",
            ));
        }
        _ => config,
    };
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// Files named by their path in FROM.
#[derive(Default)]
pub(super) struct PathTables {
    /// The state of the session that the factory belongs to, which only exists once the factory does.
    state: OnceLock<Box<dyn Fn() -> Option<SessionState> + Send + Sync>>,
}

impl std::fmt::Debug for PathTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathTables").finish_non_exhaustive()
    }
}

impl PathTables {
    /// A context with `context`'s tables in which paths are tables too.
    pub(super) fn enable(context: SessionContext) -> SessionContext {
        let factory = Arc::new(Self::default());
        let inner = Arc::clone(context.state().catalog_list());
        let catalogs = Arc::new(DynamicFileCatalog::new(inner, Arc::clone(&factory) as Arc<dyn UrlTableFactory>));
        let context: SessionContext = context.into_state_builder().with_catalog_list(catalogs).build().into();
        let state = context.state_weak_ref();
        // Set here and nowhere else, so it cannot have been set before.
        let _ = factory.state.set(Box::new(move || state.upgrade().map(|s| s.read().clone())));
        context
    }
}

#[async_trait::async_trait]
impl UrlTableFactory for PathTables {
    async fn try_new(&self, url: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        let Some(definition) = path_key(url).and_then(|key| definition("file", &key).ok()) else { return Ok(None) };
        let Some(state) = self.state.get().and_then(|state| state()) else { return Ok(None) };
        let table = listing(&definition, &state).await;
        table.map(Some).map_err(|e| DataFusionError::Plan(e.to_string()))
    }
}

/// Whether a schema knows a table, or would look for a file of that name.
fn is_registered(schema: &dyn SchemaProvider, name: &str) -> bool {
    match path_key(name) {
        None => schema.table_exist(name),
        Some(_) => schema.table_names().iter().any(|known| known == name),
    }
}

/// The key of samples on a file: its absolute path. `None` when `name` does not look like a path.
fn path_key(name: &str) -> Option<String> {
    if FileFormat::from_path(name).is_none() && !name.contains('/') {
        return None;
    }
    absolute(name).to_str().map(str::to_owned)
}

fn definition(name: &str, location: &str) -> Result<TableDefinition> {
    let next = "name a .parquet, .csv, .ndjson or .arrow file, a folder of such files, or a glob in quotes";
    let path = absolute(location);
    let is_glob = location.contains(['*', '?', '[']);
    if !is_glob && !path.exists() {
        return Err(Error::invalid(format!("there is no file or folder {}", path.display()), next));
    }
    let format = FileFormat::from_path(location).or_else(|| format_within(&path));
    let format = format
        .ok_or_else(|| Error::invalid(format!("the format of '{location}' cannot be told from its name"), next))?;
    let mut location = path.to_string_lossy().into_owned();
    if path.is_dir() && !location.ends_with('/') {
        location.push('/');
    }
    Ok(TableDefinition { name: name.to_lowercase(), location, format })
}

/// What the files of a folder end with; a file or a glob names its files itself.
fn extension_of(location: &str) -> String {
    let first = location.ends_with('/').then(|| first_file(Path::new(location))).flatten();
    first.and_then(|f| f.extension().map(|e| format!(".{}", e.to_string_lossy()))).unwrap_or_default()
}

fn format_within(folder: &Path) -> Option<FileFormat> {
    FileFormat::from_path(&first_file(folder)?.to_string_lossy())
}

/// The first file, by name, that has a known format.
fn first_file(folder: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    let known = |p: &&PathBuf| p.is_file() && FileFormat::from_path(&p.to_string_lossy()).is_some();
    let here = entries.iter().find(known).cloned();
    here.or_else(|| entries.iter().filter(|p| p.is_dir()).find_map(|p| first_file(p)))
}

fn absolute(location: &str) -> PathBuf {
    let path = Path::new(location);
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}
