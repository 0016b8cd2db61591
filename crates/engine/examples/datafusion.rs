//! An existing DataFusion context: its tables and functions are those of the session.
//!
//! `cargo run -p plusminus --example datafusion`

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use arrow::array::{Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use plusminus::Session;
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Samples a table of the context, and hands an answer back to DataFusion.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("sensor", DataType::Utf8, false),
        Field::new("value", DataType::Float64, false),
    ]));
    let sensors = StringArray::from_iter_values((0..40_000).map(|row| ["a", "b"][row % 2]));
    let values = Float64Array::from_iter_values((0..40_000).map(|row| f64::from(row % 97)));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(sensors), Arc::new(values)])?;
    let context = SessionContext::new();
    context.register_table("readings", Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;

    let folder = tempfile::tempdir()?;
    let db = Session::from_context(folder.path().join("store"), context).await?;
    db.sample("readings").stratified_by(["sensor"]).cap(500).build().await?;
    let answer =
        db.query("SELECT sensor, avg(value) AS v FROM readings GROUP BY sensor").error_percent(10.0).run().await?;

    // The answer is a table like any other, with its intervals as columns.
    let flat = answer.batches().remove(0);
    db.context().register_table("means", Arc::new(MemTable::try_new(flat.schema(), vec![vec![flat]])?))?;
    let wide = db.context().sql("SELECT count(*) AS n FROM means WHERE v_hi - v_lo < 10").await?.collect().await?;
    println!("{}", arrow::util::pretty::pretty_format_batches(&wide)?);
    assert_eq!(wide[0].num_rows(), 1);
    Ok(())
}
