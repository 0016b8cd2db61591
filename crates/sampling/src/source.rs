//! Divides a table into units that can be read apart, each with an identity and known row numbers.

use crate::error::SamplingError;
use crate::extension::{Extended, RowExtension};
use crate::priority::file_identity;
use arrow::array::new_null_array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::{ListingTable, ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::{MemTable, source_as_provider};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use plusminus_catalog::{BaseFile, Column};
use plusminus_files::FileTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table ready to be read in parallel, in the same units whatever the number of threads.
#[derive(Debug)]
pub struct Source {
    table: Arc<dyn TableProvider>,
    pub(crate) schema: SchemaRef,
    pub(crate) units: Vec<Unit>,
    pub(crate) rows: Option<u64>,
    pub(crate) files: Option<Vec<BaseFile>>,
    /// Options that say how the table's files are read, by name; for a view its definition under [`VIEW`].
    pub(crate) options: BTreeMap<String, String>,
    /// The table's columns that can be stored, by their place; `None` where all can.
    storable: Option<Vec<usize>>,
    /// Columns behind the table's own.
    extension: Option<Arc<dyn RowExtension>>,
}

/// A part of a table that is read in order by one worker: some row groups of a Parquet file, another file, or a
/// partition of a table that is not made of files.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// A plan whose partition `partition` yields the unit's rows in order.
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) partition: usize,
    /// Identity of the file (or partition) the rows belong to.
    pub(crate) identity: u64,
    /// The number in its file of the unit's first row.
    pub(crate) first_row: u64,
    /// Columns that are added to those of the plan.
    pub(crate) extended: Option<Extended>,
}

impl Unit {
    /// The unit's rows, from the first on however often they were read before: a plan keeps state between readers, so it is reset.
    pub(crate) fn batches(&self, task: &Arc<TaskContext>) -> Result<SendableRecordBatchStream, SamplingError> {
        let plan = reset_plan_states(Arc::clone(&self.plan))?;
        let stream = plan.execute(self.partition, Arc::clone(task))?;
        Ok(match &self.extended {
            Some(extended) => extended.stream(stream),
            None => stream,
        })
    }
}

/// The option name under which the definition of a view is kept.
pub const VIEW: &str = "view";

/// Rows in a unit of a Parquet file, about; large enough to keep the per-unit cost small.
const UNIT_ROWS: u64 = 1_000_000;

impl Source {
    /// Divides `table` into units.
    ///
    /// # Errors
    /// When the table cannot be planned or a file's metadata cannot be read.
    pub async fn open(table: &Arc<dyn TableProvider>, state: &dyn Session) -> Result<Self, SamplingError> {
        let storable = storable_columns(&table.schema());
        let source = Self::take_apart(table, storable.as_ref(), state).await?;
        Ok(Self { storable, ..source })
    }

    /// The table with further columns behind its own, which samples store like these.
    #[must_use]
    pub fn extended(mut self, extension: Arc<dyn RowExtension>) -> Self {
        let own = self.schema.fields().iter().cloned();
        let schema = Schema::new(own.chain(extension.fields()).collect::<Vec<_>>());
        let columns = (0..schema.fields().len()).collect();
        let extended = Extended { extension: Arc::clone(&extension), columns };
        self.units.iter_mut().for_each(|unit| unit.extended = Some(extended.clone()));
        (self.schema, self.extension) = (Arc::new(schema), Some(extension));
        self
    }

    /// The columns behind the table's own.
    pub(crate) fn joined_columns(&self) -> Vec<Column> {
        let fields = self.extension.iter().flat_map(|extension| extension.fields());
        fields.map(|f| Column { name: f.name().clone(), data_type: f.data_type().to_string() }).collect()
    }

    /// The columns of the table that no sample can store.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let Some(storable) = &self.storable else { return Vec::new() };
        let schema = self.table.schema();
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(at, _)| !storable.contains(at)).map(|(_, field)| field.name().clone()).collect()
    }

    /// The schema of the table, with the columns that cannot be stored.
    pub(crate) fn table_schema(&self) -> SchemaRef {
        self.table.schema()
    }

    /// Whether the table is a view, so that reading it means running a query.
    pub(crate) fn is_view(&self) -> bool {
        self.options.contains_key(VIEW)
    }

    /// The table's units again, reading only some of its columns.
    pub(crate) async fn units_of(&self, state: &dyn Session, columns: &[usize]) -> Result<Vec<Unit>, SamplingError> {
        if let Some(extension) = &self.extension {
            return self.extended_units_of(extension, state, columns).await;
        }
        self.own_units_of(state, columns).await
    }

    /// The units of some columns of an extended table: what the extension reads is read, too, and left out again.
    async fn extended_units_of(
        &self,
        extension: &Arc<dyn RowExtension>,
        state: &dyn Session,
        columns: &[usize],
    ) -> Result<Vec<Unit>, SamplingError> {
        let own = self.schema.fields().len() - extension.fields().len();
        let mut read: Vec<usize> = columns.iter().copied().filter(|column| *column < own).collect();
        for name in extension.reads() {
            let column = self.schema.index_of(&name)?;
            if !read.contains(&column) {
                read.push(column);
            }
        }
        let place = |column: &usize| match column.checked_sub(own) {
            Some(number) => read.len() + number,
            None => read.iter().position(|other| other == column).unwrap_or_default(),
        };
        let extended = Extended { extension: Arc::clone(extension), columns: columns.iter().map(place).collect() };
        let mut units = self.own_units_of(state, &read).await?;
        units.iter_mut().for_each(|unit| unit.extended = Some(extended.clone()));
        Ok(units)
    }

    async fn own_units_of(&self, state: &dyn Session, columns: &[usize]) -> Result<Vec<Unit>, SamplingError> {
        let place = |column: &usize| self.storable.as_ref().map_or(*column, |storable| storable[*column]);
        let columns: Vec<usize> = columns.iter().map(place).collect();
        Ok(Self::take_apart(&self.table, Some(&columns), state).await?.units)
    }

    async fn take_apart(
        table: &Arc<dyn TableProvider>,
        columns: Option<&Vec<usize>>,
        state: &dyn Session,
    ) -> Result<Self, SamplingError> {
        if let Some(files) = FileTable::of(table) {
            return Self::of_files(table, files, columns, state).await;
        }
        if table.get_logical_plan().is_some() {
            let plan = in_order(table, columns, state).await?;
            let definition = table.get_table_definition().unwrap_or_default().to_owned();
            let (rows, units) = (exact_rows(&plan), partition_units(&plan));
            let (files, schema) = (base_files(table, state).await?, plan.schema());
            let options = BTreeMap::from([(VIEW.to_owned(), definition)]);
            return Ok(Self {
                table: Arc::clone(table),
                rows,
                units,
                schema,
                files,
                options,
                storable: None,
                extension: None,
            });
        }
        let plan = table.scan(state, columns, &[], None).await?;
        let options = BTreeMap::new();
        let (table, schema) = (Arc::clone(table), plan.schema());
        let Some((config, is_parquet)) = file_scan(&plan) else {
            let (rows, units) = (exact_rows(&plan), partition_units(&plan));
            return Ok(Self { table, rows, units, schema, files: None, options, storable: None, extension: None });
        };
        let store = state.runtime_env().object_store(&config.object_store_url)?;
        let files: Vec<_> = config.file_groups.iter().flat_map(|g| g.files().iter().cloned()).collect();
        let root = common_folder(files.iter().map(|f| f.object_meta.location.as_ref()));
        let mut units = Vec::new();
        let mut rows = Some(0);
        for file in &files {
            let path = file.object_meta.location.as_ref();
            let identity = file_identity(path.strip_prefix(&root).unwrap_or(path));
            if is_parquet {
                let (file_units, file_rows) = parquet_units(config, file, identity, &store).await?;
                units.extend(file_units);
                rows = rows.map(|r| r + file_rows);
            } else {
                let plan = single_file_plan(config, file.clone());
                units.push(Unit { plan, partition: 0, identity, first_row: 0, extended: None });
                rows = None;
            }
        }
        Ok(Self { table, schema, units, rows, files: Some(listing(&files)), options, storable: None, extension: None })
    }

    /// The units of a table of files: row groups of Parquet files, other files whole.
    async fn of_files(
        table: &Arc<dyn TableProvider>,
        files: &FileTable,
        columns: Option<&Vec<usize>>,
        state: &dyn Session,
    ) -> Result<Self, SamplingError> {
        let parts = files.parts(state).await?;
        let root = common_folder(parts.iter().map(|part| part.file.object_meta.location.as_ref()));
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
        let (mut units, mut rows) = (Vec::new(), Some(0));
        for part in &parts {
            let path = part.file.object_meta.location.as_ref();
            let identity = file_identity(path.strip_prefix(&root).unwrap_or(path));
            if part.is_parquet() {
                let groups = row_group_rows(&store, &part.file.object_meta).await?;
                rows = rows.map(|rows| rows + groups.iter().sum::<u64>());
                for (file, first_row) in row_group_parts(&part.file, &groups) {
                    let plan = files.plan_of(part, file, columns, state).await?;
                    units.push(Unit { plan, partition: 0, identity, first_row, extended: None });
                }
            } else {
                let plan = files.plan_of(part, part.file.clone(), columns, state).await?;
                units.push(Unit { plan, partition: 0, identity, first_row: 0, extended: None });
                rows = None;
            }
        }
        let schema = match columns {
            Some(columns) => Arc::new(table.schema().project(columns)?),
            None => table.schema(),
        };
        let listed = files.base_files()?;
        let options = files.definition().options.clone();
        let table = Arc::clone(table);
        Ok(Self { table, schema, units, rows, files: Some(listed), options, storable: None, extension: None })
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of rows, where it is known without reading them.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }
}

/// The columns whose type Parquet can store, by their place; `None` when all can be.
fn storable_columns(schema: &Schema) -> Option<Vec<usize>> {
    let mut known: Vec<(&DataType, bool)> = Vec::new();
    let mut storable = Vec::with_capacity(schema.fields().len());
    for (at, field) in schema.fields().iter().enumerate() {
        let data_type = field.data_type();
        let is_storable = match known.iter().find(|(other, _)| *other == data_type) {
            Some((_, known)) => *known,
            None => {
                let found = can_be_stored(data_type);
                known.push((data_type, found));
                found
            }
        };
        if is_storable {
            storable.push(at);
        }
    }
    (storable.len() < schema.fields().len()).then_some(storable)
}

/// Whether a NULL of this type can be written and read again as what it was.
fn can_be_stored(data_type: &DataType) -> bool {
    let schema = Arc::new(Schema::new(vec![Field::new("x", data_type.clone(), true)]));
    let stored = || -> Result<bool, ParquetError> {
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![new_null_array(data_type, 1)])?;
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), None)?;
        writer.write(&batch)?;
        writer.close()?;
        let read = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))?;
        Ok(read.schema().field(0).data_type() == data_type)
    };
    // A writer that does not know a type may say so by a panic.
    std::panic::catch_unwind(stored).is_ok_and(|stored| stored.unwrap_or(false))
}

/// The exact number of rows that a table has now; `None` where only reading would give it.
///
/// # Errors
/// When the table cannot be planned or a file's metadata cannot be read.
pub async fn rows_of(table: &Arc<dyn TableProvider>, state: &dyn Session) -> Result<Option<u64>, SamplingError> {
    let Some(memory) = (table.as_ref() as &dyn std::any::Any).downcast_ref::<MemTable>() else {
        return Ok(Source::open(table, state).await?.rows());
    };
    let mut rows = 0;
    for partition in &memory.batches {
        rows += partition.read().await.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
    }
    Ok(Some(rows))
}

/// The files of a table as they are now, sorted, or `None` when it is not made of files.
///
/// # Errors
/// When the table cannot be planned.
pub async fn base_files(
    table: &Arc<dyn TableProvider>,
    state: &dyn Session,
) -> Result<Option<Vec<BaseFile>>, SamplingError> {
    if let Some(files) = FileTable::of(table) {
        // A table whose files are all gone has an empty list, which no sample matches.
        return Ok(Some(files.base_files().unwrap_or_default()));
    }
    if let Some(view) = table.get_logical_plan() {
        return Box::pin(files_of_view(&view, state)).await;
    }
    let Some(listing_table) = listing_table(table) else { return Ok(None) };
    let mut files = Vec::new();
    for url in listing_table.table_paths() {
        let store = state.runtime_env().object_store(url)?;
        if !url.is_collection() && url.get_glob().is_none() {
            files.extend(store.head(url.prefix()).await.ok().as_ref().map(base_file));
            continue;
        }
        // The store itself is asked: a cached listing would hide changes.
        let mut found = store.list(Some(url.prefix()));
        while let Some(meta) = futures::StreamExt::next(&mut found).await {
            let meta = meta?;
            if accepts(listing_table, url, &meta.location, meta.size, state) {
                files.push(base_file(&meta));
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(Some(files))
}

/// The files of all tables that a view reads; `None` where one of them is not made of files.
async fn files_of_view(view: &LogicalPlan, state: &dyn Session) -> Result<Option<Vec<BaseFile>>, SamplingError> {
    let mut tables = Vec::new();
    view.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.push(source_as_provider(&scan.source)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut files = Vec::new();
    for table in tables {
        match base_files(&table, state).await? {
            Some(own) => files.extend(own),
            None => return Ok(None),
        }
    }
    files.sort();
    files.dedup();
    Ok(Some(files))
}

fn listing_table(table: &Arc<dyn TableProvider>) -> Option<&ListingTable> {
    (table.as_ref() as &dyn std::any::Any).downcast_ref::<ListingTable>()
}

/// Whether a file at `location` below `url` is one of the table's.
fn accepts(table: &ListingTable, url: &ListingTableUrl, location: &Path, bytes: u64, state: &dyn Session) -> bool {
    let ignores_subfolders = state.config_options().execution.listing_table_ignore_subdirectory;
    location.as_ref().ends_with(table.options().file_extension.as_str())
        && url.contains(location, ignores_subfolders)
        && bytes > 0
}

fn listing(files: &[PartitionedFile]) -> Vec<BaseFile> {
    let mut listed: Vec<_> = files.iter().map(|f| base_file(&f.object_meta)).collect();
    listed.sort();
    listed.dedup();
    listed
}

fn base_file(meta: &ObjectMeta) -> BaseFile {
    BaseFile {
        path: meta.location.to_string(),
        bytes: meta.size,
        modified_unix_us: meta.last_modified.timestamp_micros(),
        changed_unix_us: None,
        inode: None,
        target: None,
    }
}

fn file_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<(&FileScanConfig, bool)> {
    let source = plan.downcast_ref::<DataSourceExec>()?;
    let config = source.data_source().downcast_ref::<FileScanConfig>()?;
    Some((config, source.downcast_to_file_source::<ParquetSource>().is_some()))
}

fn exact_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    match StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?.num_rows {
        Precision::Exact(rows) => Some(rows as u64),
        _ => None,
    }
}

/// The plan of a view for one thread: partitions that exchange rows cannot be read one after the other, nor always alike.
async fn in_order(
    table: &Arc<dyn TableProvider>,
    columns: Option<&Vec<usize>>,
    state: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>, SamplingError> {
    let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
        return Ok(table.scan(state, columns, &[], None).await?);
    };
    let mut state = state.clone();
    state.config_mut().options_mut().execution.target_partitions = 1;
    Ok(table.scan(&state, columns, &[], None).await?)
}

/// One unit per partition; a table without files has no better row identity than (partition, row).
fn partition_units(plan: &Arc<dyn ExecutionPlan>) -> Vec<Unit> {
    let partitions = plan.output_partitioning().partition_count();
    let unit = |partition: usize| Unit {
        plan: Arc::clone(plan),
        partition,
        identity: file_identity(&format!("partition {partition}")),
        first_row: 0,
        extended: None,
    };
    (0..partitions).map(unit).collect()
}

/// A scan of one file alone, so that no other partition can take its work over and the order of rows is the file's.
fn single_file_plan(config: &FileScanConfig, file: PartitionedFile) -> Arc<dyn ExecutionPlan> {
    let config = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(vec![FileGroup::new(vec![file])])
        .with_preserve_order(true)
        .build();
    DataSourceExec::from_data_source(config)
}

/// Units of consecutive row groups, and the file's row count.
async fn parquet_units(
    config: &FileScanConfig,
    file: &PartitionedFile,
    identity: u64,
    store: &Arc<dyn ObjectStore>,
) -> Result<(Vec<Unit>, u64), SamplingError> {
    let row_groups = row_group_rows(store, &file.object_meta).await?;
    let unit = |(part, first_row)| Unit {
        plan: single_file_plan(config, part),
        partition: 0,
        identity,
        first_row,
        extended: None,
    };
    Ok((row_group_parts(file, &row_groups).into_iter().map(unit).collect(), row_groups.iter().sum()))
}

/// Consecutive row groups of a file that are read together, and the number of each part's first row.
fn row_group_parts(file: &PartitionedFile, row_groups: &[u64]) -> Vec<(PartitionedFile, u64)> {
    let mut parts = Vec::new();
    let (mut from, mut first_row, mut rows) = (0, 0, 0);
    for (at, group_rows) in row_groups.iter().enumerate() {
        rows += group_rows;
        if rows >= UNIT_ROWS || at + 1 == row_groups.len() {
            let access = (0..row_groups.len())
                .map(|g| if (from..=at).contains(&g) { RowGroupAccess::Scan } else { RowGroupAccess::Skip });
            parts.push((file.clone().with_extension(ParquetAccessPlan::new(access.collect())), first_row));
            (from, first_row, rows) = (at + 1, first_row + rows, 0);
        }
    }
    parts
}

async fn row_group_rows(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Vec<u64>, SamplingError> {
    let metadata = DFParquetMetadata::new(store.as_ref(), file).fetch_metadata().await?;
    Ok(metadata.row_groups().iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0)).collect())
}

/// The longest folder prefix that all paths share, with its slash.
pub(crate) fn common_folder<'a>(mut paths: impl Iterator<Item = &'a str>) -> String {
    let Some(first) = paths.next() else { return String::new() };
    let mut common = first.rsplit_once('/').map_or("", |(folder, _)| folder);
    for path in paths {
        while !common.is_empty() && !path.strip_prefix(common).is_some_and(|rest| rest.starts_with('/')) {
            common = common.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    if common.is_empty() { String::new() } else { format!("{common}/") }
}
