//! A table made of files, as DataFusion sees it.

use crate::error::FileError;
use crate::file::{DataFile, base_files, local_path};
use crate::hive::{Partitions, partitions};
use crate::layout::{Kind, Layout, LayoutCache, parquet};
use crate::listing::Listing;
use crate::options::Options;
use crate::scan::Scan;
use crate::widen::union;
use arrow::datatypes::{FieldRef, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat as _;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::{expr_applicable_for_cols, filter_partitioned_file};
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion_datasource::compute_all_files_statistics;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use plusminus_catalog::{BaseFile, TableDefinition};
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The number of footers that are read at the same time.
pub(crate) const FOOTERS_AT_ONCE: usize = 8;
/// Files of a table at most whose statistics are kept.
const STATISTICS_MAX: u64 = 65_536;

/// The size of a row of text in bytes, about.
const TEXT_ROW_BYTES: u64 = 64;

/// A table made of the files that a path means; they are listed anew by every scan.
#[derive(Debug)]
pub struct FileTable {
    definition: TableDefinition,
    options: Options,
    schema: SchemaRef,
    /// The columns without the partition columns.
    columns: SchemaRef,
    partitions: Vec<FieldRef>,
    layouts: Arc<LayoutCache>,
    statistics: Cache<DataFile, Arc<Statistics>>,
}

/// A file of a table, ready to be read.
#[derive(Debug, Clone)]
pub struct FilePart {
    /// The file, with the values of its partition columns.
    pub file: PartitionedFile,
    layout: Arc<Layout>,
}

impl FilePart {
    /// Whether the file is Parquet.
    #[must_use]
    pub fn is_parquet(&self) -> bool {
        self.layout.kind == Kind::Parquet
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.layout.kind
    }

    /// The columns of the file itself.
    pub(crate) fn columns(&self) -> &SchemaRef {
        &self.layout.schema
    }
}

impl FileTable {
    /// The table of `definition`; `declared` are its columns, where the user declared them.
    ///
    /// # Errors
    /// When nothing is there, a file cannot be read, or files do not fit together.
    pub async fn open(
        definition: &TableDefinition,
        declared: Option<SchemaRef>,
        layouts: &Arc<LayoutCache>,
        state: &dyn Session,
    ) -> Result<Self, FileError> {
        let options = Options::parse(&definition.options)?;
        let listing = Listing::new(&definition.location, Some(definition.format))?;
        // With declared columns the files need not be sniffed.
        let found = match declared {
            Some(_) => Vec::new(),
            None => laid_out(&listing, &options, layouts, state).await?,
        };
        let Partitions { fields: partitions, .. } = partitions(&listing.files);
        let is_partition = |name: &str| partitions.iter().any(|field| field.name() == name);
        let own = |layout: &Layout| {
            let fields = layout.schema.fields().iter().filter(|field| !is_partition(field.name()));
            Schema::new(fields.cloned().collect::<Vec<_>>())
        };
        let schemas: Vec<Schema> = found.iter().map(|layout| own(layout)).collect();
        let is_text = matches!(found.first().map(|layout| &layout.kind), Some(Kind::Csv { .. }));
        let columns = match &declared {
            Some(declared) => declared.as_ref().clone(),
            None => union(listing.files.iter().map(|file| file.path.as_path()).zip(&schemas), is_text)?,
        };
        if columns.fields().is_empty() && partitions.is_empty() {
            return Err(FileError::new(
                format!("no columns found in {}", definition.location),
                "check the path and the file",
            ));
        }
        let all: Fields = columns.fields().iter().chain(&partitions).cloned().collect();
        Ok(Self {
            definition: definition.clone(),
            options,
            schema: Arc::new(Schema::new(all)),
            columns: Arc::new(columns),
            partitions,
            layouts: Arc::clone(layouts),
            statistics: Cache::with_weighter(FOOTERS_AT_ONCE, STATISTICS_MAX, UnitWeighter),
        })
    }

    /// The file table behind a provider, if it is one.
    #[must_use]
    pub fn of(table: &Arc<dyn TableProvider>) -> Option<&Self> {
        (table.as_ref() as &dyn std::any::Any).downcast_ref()
    }

    /// Name, place, format and options.
    #[must_use]
    pub fn definition(&self) -> &TableDefinition {
        &self.definition
    }

    /// The files as they are now, sorted.
    ///
    /// # Errors
    /// When none is there any more.
    pub fn base_files(&self) -> Result<Vec<BaseFile>, FileError> {
        base_files(&self.listing()?)
    }

    /// The file, or the folder that all files are below, which has to be watched to see every change.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        let path = crate::absolute(&self.definition.location);
        if path.exists() {
            return path;
        }
        let is_plain = |part: &std::path::Component<'_>| !crate::is_glob(&part.as_os_str().to_string_lossy());
        path.components().take_while(is_plain).collect()
    }

    fn listing(&self) -> Result<Listing, FileError> {
        Listing::new(&self.definition.location, Some(self.definition.format))
    }

    /// How the first file is read, in words; `None` for formats that describe themselves.
    ///
    /// # Errors
    /// When the files cannot be listed or sniffed.
    pub async fn description(&self, state: &dyn Session) -> Result<Option<String>, FileError> {
        let listing = self.listing()?;
        let Some(file) = listing.files.first() else { return Ok(None) };
        let layout = self.layouts.layout(file, listing.format, &self.options, state).await?;
        Ok(described(&layout.kind))
    }

    /// The files as they are now, in the order of their paths.
    ///
    /// # Errors
    /// When a file cannot be read, or no longer fits the table.
    pub async fn parts(&self, state: &dyn Session) -> Result<Vec<FilePart>, FileError> {
        let listing = self.listing()?;
        let layouts = laid_out(&listing, &self.options, &self.layouts, state).await?;
        let Partitions { fields, values } = partitions(&listing.files);
        if fields != self.partitions {
            return Err(FileError::new(
                format!("the folders of {} tell other columns than before", self.definition.location),
                "register the table anew",
            ));
        }
        let part = |((file, layout), values): ((&DataFile, Arc<Layout>), Vec<_>)| {
            let mut partitioned = PartitionedFile::from(file.object()?);
            partitioned.partition_values = values;
            Ok(FilePart { file: partitioned, layout })
        };
        listing.files.iter().zip(layouts).zip(values).map(part).collect()
    }

    /// A plan whose one partition yields the rows of `part` in their order.
    ///
    /// # Errors
    /// When the file cannot be planned.
    pub async fn plan_of(
        &self,
        part: &FilePart,
        file: PartitionedFile,
        projection: Option<&Vec<usize>>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = Scan { keeps_order: true, ..self.scan_of(&part.layout, projection, None) };
        scan.plan(vec![FileGroup::new(vec![file])], None, state).await
    }

    /// The columns that the reader of a file yields.
    pub(crate) fn physical_schema(&self, part: &FilePart) -> SchemaRef {
        self.scan_of(&part.layout, None, None).physical()
    }

    fn scan_of<'a>(&'a self, layout: &'a Layout, projection: Option<&'a Vec<usize>>, limit: Option<usize>) -> Scan<'a> {
        Scan {
            kind: &layout.kind,
            own: &layout.schema,
            options: &self.options,
            columns: &self.columns,
            partitions: &self.partitions,
            projection,
            limit,
            has_quoted_breaks: true,
            keeps_order: false,
            prunes: true,
        }
    }

    /// The number of rows, without reading any: exact for Parquet files, estimated by their size for others.
    pub async fn about_rows(&self, state: &dyn Session) -> Option<u64> {
        let rows = |part: FilePart| async move {
            match part.is_parquet() {
                true => Some(*self.statistics_of(&part, state).await.ok()?.num_rows.get_value()? as u64),
                false => Some(part.file.object_meta.size / TEXT_ROW_BYTES),
            }
        };
        let parts = futures::stream::iter(self.parts(state).await.ok()?);
        let all: Vec<Option<u64>> = parts.map(rows).buffered(FOOTERS_AT_ONCE).collect().await;
        all.into_iter().sum()
    }

    /// The statistics of a Parquet file's columns. They do not count NaN, so the extremes of float columns are dropped.
    async fn statistics_of(&self, part: &FilePart, state: &dyn Session) -> Result<Arc<Statistics>> {
        match DataFile::stat(local_path(&part.file.object_meta.location)) {
            Some(file) => self.statistics.get_or_insert_async(&file, self.statistics_read(part, state)).await,
            None => self.statistics_read(part, state).await,
        }
    }

    async fn statistics_read(&self, part: &FilePart, state: &dyn Session) -> Result<Arc<Statistics>> {
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
        let columns = Arc::clone(&self.columns);
        let mut found = parquet(state, true).infer_stats(state, &store, columns, &part.file.object_meta).await?;
        for (column, field) in found.column_statistics.iter_mut().zip(self.columns.fields()) {
            if field.data_type().is_floating() {
                column.min_value = Precision::Absent;
                column.max_value = Precision::Absent;
            }
        }
        Ok(Arc::new(found))
    }

    /// Whether a condition is about partition columns alone.
    fn is_about_folders(&self, filter: &Expr) -> bool {
        let names: Vec<&str> = self.partitions.iter().map(|field| field.name().as_str()).collect();
        !names.is_empty() && !filter.column_refs().is_empty() && expr_applicable_for_cols(&names, filter)
    }

    fn kept(&self, parts: Vec<FilePart>, filters: &[Expr]) -> Result<Vec<FilePart>> {
        let filters: Vec<Expr> = filters.iter().filter(|filter| self.is_about_folders(filter)).cloned().collect();
        if filters.is_empty() {
            return Ok(parts);
        }
        let schema = DFSchema::from_unqualified_fields(self.partitions.iter().cloned().collect(), HashMap::new())?;
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            if filter_partitioned_file(part.file.clone(), &filters, &schema)?.is_some() {
                kept.push(part);
            }
        }
        Ok(kept)
    }

    /// Whether a filter is about a column of floats, whose NaN the statistics of Parquet files do not count.
    fn names_float(&self, filter: &Expr) -> bool {
        let is_float =
            |name: &str| self.schema.field_with_name(name).is_ok_and(|field| field.data_type().is_floating());
        filter.column_refs().iter().any(|column| is_float(&column.name))
    }

    /// A plan that reads files of one layout, in as many groups as there are threads.
    async fn plan_group(
        &self,
        parts: Vec<FilePart>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
        prunes: bool,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let layout = Arc::clone(&parts[0].layout);
        let mut has_quoted_breaks = false;
        for part in &parts {
            let object = &part.file.object_meta;
            has_quoted_breaks |= part.layout.has_quoted_breaks(&local_path(&object.location), object.size)?;
        }
        let collects = layout.kind == Kind::Parquet && state.config().collect_statistics();
        let unknown = Arc::new(Statistics::new_unknown(&self.columns));
        let with_statistics = |part: FilePart| {
            let unknown = Arc::clone(&unknown);
            async move {
                let found = if collects { self.statistics_of(&part, state).await? } else { unknown };
                Ok::<_, datafusion::error::DataFusionError>(part.file.with_statistics(found))
            }
        };
        let files = futures::stream::iter(parts).map(with_statistics).buffered(FOOTERS_AT_ONCE);
        let files: Vec<PartitionedFile> = files.try_collect().await?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions().max(1));
        let (groups, statistics) = compute_all_files_statistics(groups, Arc::clone(&self.schema), collects, false)?;
        let scan = Scan { has_quoted_breaks, prunes, ..self.scan_of(&layout, projection, limit) };
        scan.plan(groups, Some(statistics), state).await
    }
}

async fn laid_out(
    listing: &Listing,
    options: &Options,
    layouts: &LayoutCache,
    state: &dyn Session,
) -> Result<Vec<Arc<Layout>>, FileError> {
    let layout = |file: DataFile| async move { layouts.layout(&file, listing.format, options, state).await };
    futures::stream::iter(listing.files.clone()).map(layout).buffered(FOOTERS_AT_ONCE).try_collect().await
}

fn described(kind: &Kind) -> Option<String> {
    let Kind::Csv { compression, dialect, has_mark, decimal_commas } = kind else { return None };
    let character = |byte: u8| match byte {
        b'\t' => "tab".to_owned(),
        byte => format!("'{}'", char::from(byte)),
    };
    let mut text = format!(
        "read as CSV: delimiter {}, quote {}, {}",
        character(dialect.delimiter),
        character(dialect.quote),
        if dialect.has_header { "with a header" } else { "without a header" }
    );
    if let Some(escape) = dialect.escape {
        text.push_str(&format!(", escape {}", character(escape)));
    }
    if *has_mark {
        text.push_str(", with a byte-order mark");
    }
    if !decimal_commas.is_empty() {
        text.push_str(&format!(", decimal commas in {}", decimal_commas.join(", ")));
    }
    if *compression != plusminus_catalog::Compression::None {
        text.push_str(&format!(", compressed ({compression:?})").to_lowercase());
    }
    text.push_str(" (CREATE EXTERNAL TABLE … OPTIONS says otherwise)");
    Some(text)
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let parts = self.kept(self.parts(state).await?, filters)?;
        let mut groups: Vec<Vec<FilePart>> = Vec::new();
        for part in parts {
            let is_alike = |group: &&mut Vec<FilePart>| {
                let (one, other) = (&group[0].layout, &part.layout);
                one.kind == other.kind
                    && (matches!(one.kind, Kind::Parquet | Kind::Json { .. }) || one.schema == other.schema)
            };
            match groups.iter_mut().find(is_alike) {
                Some(group) => group.push(part),
                None => groups.push(vec![part]),
            }
        }
        let prunes = !filters.iter().any(|filter| self.names_float(filter));
        let mut plans = Vec::with_capacity(groups.len());
        for group in groups {
            plans.push(self.plan_group(group, projection, limit, prunes, state).await?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(datafusion::common::project_schema(&self.schema, projection)?))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.is_about_folders(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }
}

#[cfg(test)]
mod tests;
