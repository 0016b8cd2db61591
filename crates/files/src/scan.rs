//! Plans that read files of one layout as columns of their table.

use crate::layout::{Kind, compression_type, json, parquet};
use crate::options::Options;
use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A scan of some of a table's columns, in files of one layout.
pub(crate) struct Scan<'a> {
    pub(crate) kind: &'a Kind,
    /// The files' own columns.
    pub(crate) own: &'a SchemaRef,
    pub(crate) options: &'a Options,
    /// The table's columns without the partition columns.
    pub(crate) columns: &'a SchemaRef,
    pub(crate) partitions: &'a [FieldRef],
    /// Places of the table's columns that are wanted; `None` for all.
    pub(crate) projection: Option<&'a Vec<usize>>,
    pub(crate) limit: Option<usize>,
    /// Whether a line break may stand within quotes.
    pub(crate) has_quoted_breaks: bool,
    /// Whether rows come in the order of the file.
    pub(crate) keeps_order: bool,
    /// Whether rows may be skipped by the file's statistics.
    pub(crate) prunes: bool,
}

impl Scan<'_> {
    /// A plan that reads `groups`, each by one thread at a time.
    pub(crate) async fn plan(
        &self,
        groups: Vec<FileGroup>,
        statistics: Option<Statistics>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let physical = self.physical();
        let reader = self.reader(state);
        let schema =
            TableSchema::builder(Arc::clone(&physical)).with_table_partition_cols(self.partitions.to_vec()).build();
        let all: Vec<usize> = (0..self.columns.fields().len() + self.partitions.len()).collect();
        let wanted = self.projection.unwrap_or(&all);
        let is_same = physical.fields() == self.columns.fields();
        let (places, needed) = self.places(&physical, wanted);
        let projection = if is_same { wanted.clone() } else { needed.clone() };
        let mut config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), reader.file_source(schema))
            .with_file_groups(groups)
            .with_projection_indices(Some(projection))?
            .with_limit(self.limit)
            .with_preserve_order(self.keeps_order);
        if let Some(statistics) = statistics.filter(|_| is_same) {
            config = config.with_statistics(statistics);
        }
        let plan = reader.create_physical_plan(state, config.build()).await?;
        if is_same || wanted.is_empty() {
            return Ok(plan);
        }
        let exprs = wanted.iter().zip(places).map(|(column, place)| self.expr(*column, place, &needed, &plan));
        Ok(Arc::new(ProjectionExec::try_new(exprs.collect::<Result<Vec<_>>>()?, plan)?))
    }

    /// The columns that the reader yields, in the order of the file.
    pub(crate) fn physical(&self) -> SchemaRef {
        match self.kind {
            // These readers find columns by name, and cast them.
            Kind::Parquet | Kind::Json { .. } => Arc::clone(self.columns),
            Kind::Arrow => Arc::clone(self.own),
            Kind::Csv { .. } => {
                let field = |own: &FieldRef| match self.columns.field_with_name(own.name()) {
                    Ok(field) if !self.is_parsed_here(own.name(), field.data_type()) => Arc::new(field.clone()),
                    _ => Arc::new(Field::new(own.name(), DataType::Utf8, true)),
                };
                Arc::new(Schema::new(self.own.fields().iter().map(field).collect::<Vec<_>>()))
            }
        }
    }

    /// Whether a column is read as text and parsed afterwards.
    fn is_parsed_here(&self, name: &str, data_type: &DataType) -> bool {
        let Kind::Csv { decimal_commas, .. } = self.kind else { return false };
        let has_commas = decimal_commas.iter().any(|column| column == name) && *data_type != DataType::Utf8;
        has_commas || self.options.null.is_some()
    }

    /// The place of each wanted column among those of the files (`None` where it is missing), and the places that are needed, sorted.
    fn places(&self, physical: &Schema, wanted: &[usize]) -> (Vec<Option<usize>>, Vec<usize>) {
        let own = physical.fields().len();
        let place = |column: &usize| match column.checked_sub(self.columns.fields().len()) {
            Some(partition) => Some(own + partition),
            None => physical.index_of(self.columns.field(*column).name()).ok(),
        };
        let places: Vec<Option<usize>> = wanted.iter().map(place).collect();
        let mut needed: Vec<usize> = places.iter().flatten().copied().collect();
        needed.sort_unstable();
        needed.dedup();
        (places, needed)
    }

    /// A column of the table over the columns that were read.
    fn expr(
        &self,
        column: usize,
        place: Option<usize>,
        needed: &[usize],
        plan: &Arc<dyn ExecutionPlan>,
    ) -> Result<(Arc<dyn PhysicalExpr>, String)> {
        let own = self.columns.fields().len();
        let field = match column.checked_sub(own) {
            Some(partition) => &self.partitions[partition],
            None => &self.columns.fields()[column],
        };
        let (name, data_type) = (field.name().clone(), field.data_type());
        let Some(place) = place else {
            return Ok((Arc::new(Literal::new(ScalarValue::try_from(data_type)?)), name));
        };
        let at = needed.binary_search(&place).unwrap_or_default();
        let schema = plan.schema();
        let found: Arc<dyn PhysicalExpr> = Arc::new(Column::new(schema.field(at).name(), at));
        let expr: Arc<dyn PhysicalExpr> = if column < own && self.is_parsed_here(&name, data_type) {
            let Kind::Csv { decimal_commas, .. } = self.kind else { return Ok((found, name)) };
            let has_commas = decimal_commas.contains(&name) && *data_type != DataType::Utf8;
            let (null, data_type) = (self.options.null.clone(), data_type.clone());
            Arc::new(ParseText { text: found, null, has_commas, data_type })
        } else if schema.field(at).data_type() == data_type {
            found
        } else {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Arc::new(CastExpr::new(found, data_type.clone(), Some(options)))
        };
        Ok((expr, name))
    }

    fn reader(&self, state: &dyn Session) -> Arc<dyn FileFormat> {
        match self.kind {
            Kind::Parquet => Arc::new(parquet(state, self.prunes)),
            Kind::Arrow => Arc::new(ArrowFormat),
            Kind::Json { compression, is_array } => Arc::new(json(*compression, *is_array)),
            Kind::Csv { compression, dialect, .. } => Arc::new(
                CsvFormat::default()
                    .with_has_header(dialect.has_header)
                    .with_delimiter(dialect.delimiter)
                    .with_quote(dialect.quote)
                    .with_escape(dialect.escape)
                    .with_comment(dialect.comment)
                    .with_newlines_in_values(self.has_quoted_breaks)
                    .with_file_compression_type(compression_type(*compression)),
            ),
        }
    }
}

/// Text parsed as another type: a text that stands for NULL, and numbers with a comma before the decimals.
#[derive(Debug, Eq)]
struct ParseText {
    text: Arc<dyn PhysicalExpr>,
    null: Option<String>,
    has_commas: bool,
    data_type: DataType,
}

impl PartialEq for ParseText {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq(&other.text)
            && (&self.null, self.has_commas, &self.data_type) == (&other.null, other.has_commas, &other.data_type)
    }
}

impl Hash for ParseText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        (&self.null, self.has_commas, &self.data_type).hash(state);
    }
}

impl std::fmt::Display for ParseText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parse({} AS {})", self.text, self.data_type)
    }
}

impl PhysicalExpr for ParseText {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.text.evaluate(batch)?.into_array(batch.num_rows())?;
        let texts = arrow::compute::cast(&array, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let is_null = |text: &str| self.null.as_deref() == Some(text);
        let parsed: StringArray = if self.has_commas {
            let number = |text: &str| text.trim().replace('.', "").replace(',', ".");
            texts.iter().map(|text| text.filter(|text| !is_null(text)).map(number)).collect()
        } else {
            texts.iter().map(|text| text.filter(|text| !is_null(text))).collect()
        };
        let parsed: ArrayRef = Arc::new(parsed);
        let options = CastOptions { safe: false, ..CastOptions::default() };
        Ok(ColumnarValue::Array(cast_with_options(&parsed, &self.data_type, &options)?))
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.to_string(), self.data_type(schema)?, true)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.text]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self {
            text: Arc::clone(&children[0]),
            null: self.null.clone(),
            has_commas: self.has_commas,
            data_type: self.data_type.clone(),
        }))
    }

    fn fmt_sql(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
