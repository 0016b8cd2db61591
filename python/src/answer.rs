//! Answers, their levels, and Arrow tables made of them.

use crate::error::raised;
use crate::wait::wait;
use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::StreamExt;
use futures::stream::BoxStream;
use plusminus::{ErrorColumns, Trust};
use plusminus_display::{Errors, Paint, View};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::PyScalar;
use pyo3_arrow::ffi::{ArrayIterator, to_stream_pycapsule};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Estimate, lower end, upper end and trust; None where there is no number.
type CellOfPython = (Option<f64>, Option<f64>, Option<f64>, &'static str);

/// The answer of one statement.
#[pyclass(frozen, module = "plusminus._native")]
pub(crate) struct Answer {
    answer: Arc<plusminus::Answer>,
}

impl Answer {
    pub(crate) fn new(answer: plusminus::Answer) -> Self {
        Self { answer: Arc::new(answer) }
    }
}

#[pymethods]
impl Answer {
    /// Whether the statement was a query.
    #[getter]
    fn is_query(&self) -> bool {
        self.answer.is_query()
    }

    /// Rows.
    fn __len__(&self) -> usize {
        self.answer.batch().num_rows()
    }

    /// Name, SQL type and role of each column.
    fn columns(&self) -> Vec<(String, String, String)> {
        let column = |column: &plusminus::Column| {
            (column.name.clone(), plusminus::sql_type(&column.data_type), column.role.to_string())
        };
        self.answer.columns().iter().map(column).collect()
    }

    /// The report as JSON.
    fn report_json(&self) -> String {
        self.answer.report().to_json()
    }

    /// The largest error of any estimate, as a fraction or in the bound's unit; None where there is none.
    fn error_reached(&self) -> Option<f64> {
        self.answer.error_reached()
    }

    /// Estimate, ends and trust of each row of an estimate's column; None where there is no number.
    fn cells(&self, py: Python<'_>, name: &str) -> PyResult<Vec<CellOfPython>> {
        let number = |number: f64| Some(number).filter(|number| !number.is_nan());
        let cells = self.answer.cells(name).map_err(|e| raised(py, e))?;
        let cell = |cell: plusminus::Cell| {
            let trust = plusminus_display::trust_word(cell.trust);
            (number(cell.estimate), number(cell.lower), number(cell.upper), trust)
        };
        Ok(cells.into_iter().map(cell).collect())
    }

    /// Whether every number is exact.
    fn is_exact(&self) -> bool {
        let mut bounds = self.answer.columns().iter().filter_map(|column| column.bounds.as_ref());
        bounds.all(|bounds| bounds.trust.iter().all(|trust| *trust == Trust::Exact))
    }

    /// The answer as an Arrow table; `errors` is `auto`, `columns` or `none`.
    fn table(&self, py: Python<'_>, errors: &str) -> PyResult<Table> {
        let errors = match errors {
            "auto" => ErrorColumns::WhereEstimated,
            "columns" => ErrorColumns::Always,
            "none" => ErrorColumns::Never,
            other => {
                return Err(PyValueError::new_err(format!("errors={other:?} is none of 'auto', 'columns' and 'none'")));
            }
        };
        let flat = self.answer.flat(errors).map_err(|e| raised(py, e))?;
        Ok(Table { batch: without_views(&flat).map_err(|e| raised(py, e.into()))? })
    }

    /// The answer as text, `width` columns wide, with so many of its rows.
    #[pyo3(signature = (width = None, rows = None))]
    fn text(&self, width: Option<usize>, rows: Option<usize>) -> String {
        let usual = View::default();
        let rows_max = rows.unwrap_or(usual.rows_max);
        let view = View { width, errors: Errors::Inline, paint: Paint::OFF, rows_max, ..usual };
        let mut text = plusminus_display::text(&self.answer, &view);
        for warning in &self.answer.report().warnings {
            text.push_str(&format!("note: {warning}\n"));
        }
        text
    }

    /// The answer as an HTML table.
    fn html(&self) -> String {
        plusminus_display::html(&self.answer)
    }

    /// The answer as a table in Markdown.
    fn markdown(&self) -> String {
        plusminus_display::markdown(&self.answer, &View::default(), true)
    }

    /// The answer's chart as SVG.
    fn svg(&self, py: Python<'_>) -> PyResult<String> {
        plusminus_display::svg(&self.answer).map_err(|e| raised(py, e))
    }

    /// The answer's chart as PNG.
    fn png(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        plusminus_display::png(&self.answer).map_err(|e| raised(py, e))
    }
}

/// A table that Python's Arrow libraries read without copying.
#[pyclass(frozen, module = "plusminus._native")]
pub(crate) struct Table {
    batch: RecordBatch,
}

#[pymethods]
impl Table {
    /// The Arrow PyCapsule interface: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = self.batch.schema();
        let field = Field::new_struct("", schema.fields().clone(), false).with_metadata(schema.metadata().clone());
        let rows: ArrayRef = Arc::new(arrow::array::StructArray::from(self.batch.clone()));
        let reader = ArrayIterator::new([Ok(rows)], Arc::new(field));
        Ok(to_stream_pycapsule(py, Box::new(reader), requested_schema)?)
    }

    /// The rows as tuples of Python values.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let plain = with_texts_of_intervals(&self.batch).map_err(|e| raised(py, e.into()))?;
        let (schema, columns) = (plain.schema(), plain.columns());
        let row = |at: usize| {
            let cell = |(field, column): (&Arc<Field>, &ArrayRef)| match column.is_null(at) {
                true => Ok(py.None().into_bound(py)),
                false => {
                    let scalar = PyScalar::try_new(column.slice(at, 1), Arc::clone(field)).map_err(PyErr::from)?;
                    Bound::new(py, scalar)?.call_method0("as_py")
                }
            };
            let cells: PyResult<Vec<_>> = schema.fields().iter().zip(columns).map(cell).collect();
            PyTuple::new(py, cells?)
        };
        (0..self.batch.num_rows()).map(row).collect()
    }
}

/// The batch with texts in the place of intervals, for which Python has no type of its own.
fn with_texts_of_intervals(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    if !batch.columns().iter().any(|column| matches!(column.data_type(), DataType::Interval(_))) {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| match column.data_type() {
        DataType::Interval(_) => {
            let texts = plusminus_display::interval_texts(column).unwrap_or_default();
            let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(texts));
            (Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)), texts)
        }
        _ => (Arc::clone(field), Arc::clone(column)),
    });
    let (fields, columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = columns.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The batch with plain texts and binaries in the place of views, which older readers do not know.
fn without_views(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema();
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let plain = match column.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            other => other.clone(),
        };
        columns.push(cast(column, &plain)?);
        fields.push(field.as_ref().clone().with_data_type(plain));
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The answers of a query, one per level, ever more precise; the last one is the answer.
#[pyclass(frozen, module = "plusminus._native")]
pub(crate) struct Levels {
    /// `None` once it has ended or was closed.
    stream: Arc<Mutex<Option<BoxStream<'static, plusminus::Result<plusminus::Answer>>>>>,
}

impl Levels {
    pub(crate) fn new(stream: BoxStream<'static, plusminus::Result<plusminus::Answer>>) -> Self {
        Self { stream: Arc::new(Mutex::new(Some(stream))) }
    }
}

#[pymethods]
impl Levels {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Answer>> {
        let stream = Arc::clone(&self.stream);
        let next = wait(py, async move {
            let mut stream = stream.lock().await;
            let next = match stream.as_mut() {
                Some(levels) => levels.next().await,
                None => None,
            };
            if next.as_ref().is_none_or(Result::is_err) {
                *stream = None;
            }
            next
        })?;
        match next {
            None => Ok(None),
            Some(Ok(answer)) => Ok(Some(Answer::new(answer))),
            Some(Err(error)) => Err(raised(py, error)),
        }
    }

    /// Stops the query.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let stream = Arc::clone(&self.stream);
        wait(py, async move { drop(stream.lock().await.take()) })
    }
}
