//! Collects rows into Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, DictionaryArray, Float64Builder, Int64Builder,
    RecordBatch, StringArray, UInt16Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt16Type};
use arrow::error::ArrowError;

use super::labels::{BROWSERS, GENRES, SYSTEMS};
use super::model::site_names;
use super::places;
use super::row::Row;

/// Decimal digits of the revenue, and how many of them are cents.
const REVENUE: (u8, i8) = (12, 2);

/// The columns as a reader of the files sees them.
pub(super) fn schema() -> SchemaRef {
    let column = |name: &str, kind, nullable| Field::new(name, kind, nullable);
    let revenue = DataType::Decimal128(REVENUE.0, REVENUE.1);
    Arc::new(Schema::new(vec![
        column("date", DataType::Date32, false),
        column("userid", DataType::Int64, true),
        column("site", DataType::Utf8, false),
        column("genre", DataType::Utf8, true),
        column("os", DataType::Utf8, false),
        column("browser", DataType::Utf8, true),
        column("country", DataType::Utf8, false),
        column("city", DataType::Utf8, true),
        column("isp", DataType::Utf8, true),
        column("failed", DataType::Boolean, false),
        column("sessiontime", DataType::Float64, true),
        column("bitrate", DataType::Int64, true),
        column("bytes", DataType::Int64, false),
        column("bufferingratio", DataType::Float64, true),
        column("jointimems", DataType::Int64, true),
        column("adrevenue", revenue, true),
    ]))
}

/// The columns as they are handed to the Parquet writer: text as keys of a dictionary, which costs no copying.
pub(super) fn keyed_schema() -> SchemaRef {
    let keyed = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => {
            let key = Box::new(DataType::UInt16);
            let text = Box::new(DataType::Utf8);
            Field::clone(field).with_data_type(DataType::Dictionary(key, text))
        }
        _ => Field::clone(field),
    };
    let fields: Vec<Field> = schema().fields().iter().map(keyed).collect();
    Arc::new(Schema::new(fields))
}

/// A text column: the keys of the rows and the names they stand for.
struct Text {
    keys: UInt16Builder,
    names: ArrayRef,
}

impl Text {
    fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { keys: UInt16Builder::new(), names: Arc::new(names.into_iter().map(Some).collect::<StringArray>()) }
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let names = Arc::clone(&self.names);
        let array = DictionaryArray::<UInt16Type>::try_new(self.keys.finish(), names)?;
        Ok(Arc::new(array))
    }
}

/// Columns under construction.
pub(super) struct Columns {
    schema: SchemaRef,
    date: Date32Builder,
    user: Int64Builder,
    site: Text,
    genre: Text,
    os: Text,
    browser: Text,
    country: Text,
    city: Text,
    isp: Text,
    failed: BooleanBuilder,
    seconds: Float64Builder,
    bitrate: Int64Builder,
    bytes: Int64Builder,
    buffering: Float64Builder,
    join: Int64Builder,
    revenue: Decimal128Builder,
}

impl Columns {
    /// Empty columns.
    pub(super) fn new() -> Self {
        let ranks = 0..places::countries().len();
        let revenue = DataType::Decimal128(REVENUE.0, REVENUE.1);
        Self {
            schema: keyed_schema(),
            date: Date32Builder::new(),
            user: Int64Builder::new(),
            site: Text::new(site_names()),
            genre: Text::new(GENRES.iter().map(|genre| genre.name)),
            os: Text::new(SYSTEMS.iter().map(|os| os.name)),
            browser: Text::new(BROWSERS),
            country: Text::new(places::countries()),
            city: Text::new(ranks.clone().flat_map(places::cities)),
            isp: Text::new(ranks.flat_map(places::providers)),
            failed: BooleanBuilder::new(),
            seconds: Float64Builder::new(),
            bitrate: Int64Builder::new(),
            bytes: Int64Builder::new(),
            buffering: Float64Builder::new(),
            join: Int64Builder::new(),
            revenue: Decimal128Builder::new().with_data_type(revenue),
        }
    }

    /// Appends a session of a day.
    pub(super) fn push(&mut self, date: i32, row: &Row) {
        let view = row.view.as_ref();
        self.date.append_value(date);
        self.user.append_option(row.user);
        self.site.keys.append_value(row.site);
        self.genre.keys.append_option(row.genre);
        self.os.keys.append_value(row.os);
        self.browser.keys.append_option(row.browser);
        self.country.keys.append_value(row.country);
        self.city.keys.append_option(row.city);
        self.isp.keys.append_option(row.isp);
        self.failed.append_value(view.is_none());
        self.seconds.append_option(view.map(|view| view.seconds));
        self.bitrate.append_option(view.map(|view| view.bitrate_kbit));
        self.bytes.append_value(view.map_or(0, |view| view.bytes));
        self.buffering.append_option(view.map(|view| view.buffering));
        self.join.append_option(view.map(|view| view.join_ms));
        self.revenue.append_option(row.revenue_cents.map(i128::from));
    }

    /// Hands out the rows appended so far and starts again.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.date.finish()),
            Arc::new(self.user.finish()),
            self.site.finish()?,
            self.genre.finish()?,
            self.os.finish()?,
            self.browser.finish()?,
            self.country.finish()?,
            self.city.finish()?,
            self.isp.finish()?,
            Arc::new(self.failed.finish()),
            Arc::new(self.seconds.finish()),
            Arc::new(self.bitrate.finish()),
            Arc::new(self.bytes.finish()),
            Arc::new(self.buffering.finish()),
            Arc::new(self.join.finish()),
            Arc::new(self.revenue.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}
