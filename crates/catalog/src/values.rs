use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

const COLUMN: &str = "column";
const VALUE: &str = "value";
/// A value narrows a measure if the width of its range is less than this share of that of all values.
const NARROW: f64 = 0.4;

/// A value as text, `None` for NULL, and the smallest and largest number of a measure in its rows, if there is any.
pub type ValueRange<'a> = (Option<&'a str>, Option<(f64, f64)>);

/// The extremes of each numeric column by value of the columns that have few values.
///
/// On disk there is one row per value: `column`, `value` (as text, NULL for NULL), and `min_<measure>` and `max_<measure>` for each
/// measure, NULL where its rows have no number.
#[derive(Debug, Clone)]
pub struct ValueRanges {
    batch: RecordBatch,
    /// Columns, each with the measures that at least one of its values narrows.
    telling: Vec<(String, Vec<String>)>,
}

impl ValueRanges {
    /// The fields of a table of ranges of these measures.
    #[must_use]
    pub fn fields(measures: &[String]) -> Arc<Schema> {
        let mut fields = vec![Field::new(COLUMN, DataType::Utf8, false), Field::new(VALUE, DataType::Utf8, true)];
        for measure in measures {
            let end = |end: &str| Field::new(format!("{end}_{measure}"), DataType::Float64, true);
            fields.extend([end("min"), end("max")]);
        }
        Arc::new(Schema::new(fields))
    }

    /// Ranges with such fields.
    #[must_use]
    pub fn new(batch: RecordBatch) -> Self {
        let mut ranges = Self { batch, telling: Vec::new() };
        let columns: Vec<String> = ranges.columns().into_iter().map(str::to_owned).collect();
        let schema = ranges.batch.schema();
        let measures = schema.fields().iter().filter_map(|field| field.name().strip_prefix("min_"));
        let measures: Vec<&str> = measures.collect();
        for column in columns {
            let narrowed = measures.iter().filter(|measure| ranges.narrows(&column, measure));
            let narrowed = narrowed.map(|measure| (*measure).to_owned()).collect();
            ranges.telling.push((column, narrowed));
        }
        ranges
    }

    fn narrows(&self, column: &str, measure: &str) -> bool {
        let Some(ranges) = self.of(column, measure) else { return false };
        let known = || ranges.iter().filter_map(|(_, range)| *range);
        let width = |(low, high): (f64, f64)| high - low;
        let all = known().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        all.is_some_and(|all| known().any(|range| width(range) < NARROW * width(all)))
    }

    /// Whether a value of `column` may narrow one of `measures`.
    #[must_use]
    pub fn is_telling(&self, column: &str, measures: &[String]) -> bool {
        let narrowed = self.telling.iter().find(|(known, _)| known == column).map(|(_, narrowed)| narrowed);
        narrowed.is_some_and(|narrowed| narrowed.iter().any(|measure| measures.contains(measure)))
    }

    pub(crate) fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The columns that have ranges, in the order of their names.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let names = self.batch.column_by_name(COLUMN).and_then(|column| column.as_string_opt::<i32>());
        let mut names: Vec<&str> = names.into_iter().flatten().flatten().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The range of `measure` for each value of `column`; `None` when the column or the measure has no ranges.
    #[must_use]
    pub fn of(&self, column: &str, measure: &str) -> Option<Vec<ValueRange<'_>>> {
        let text = |name: &str| self.batch.column_by_name(name)?.as_string_opt::<i32>();
        let end = |end: &str| self.batch.column_by_name(&format!("{end}_{measure}"))?.as_primitive_opt::<Float64Type>();
        let (names, values, min, max) = (text(COLUMN)?, text(VALUE)?, end("min")?, end("max")?);
        let rows = (0..names.len()).filter(|row| names.value(*row) == column);
        let of_row = |row: usize| {
            let value = values.is_valid(row).then(|| values.value(row));
            (value, (min.is_valid(row) && max.is_valid(row)).then(|| (min.value(row), max.value(row))))
        };
        let found: Vec<ValueRange<'_>> = rows.map(of_row).collect();
        (!found.is_empty()).then_some(found)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.batch.get_array_memory_size()
    }
}
