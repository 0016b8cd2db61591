//! One JSON object per row, intervals as fields of their own.

use super::cells::{NonFinite, json, tokens};
use arrow::record_batch::RecordBatch;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, batch: &RecordBatch) -> io::Result<()> {
    let schema = batch.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| json(field.name())).collect();
    let is_number =
        |role: Option<&String>| role.is_some_and(|role| ["estimate", "lower", "upper"].contains(&role.as_str()));
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, values)| {
        let is_estimate = is_number(field.metadata().get("plusminus.role"));
        tokens(values, if is_estimate { NonFinite::Null } else { NonFinite::Named })
    });
    let columns: Vec<Vec<String>> = columns.collect();
    for row in 0..batch.num_rows() {
        let fields: Vec<String> =
            names.iter().zip(&columns).map(|(name, column)| format!("{name}:{}", column[row])).collect();
        writeln!(sink, "{{{}}}", fields.join(","))?;
    }
    Ok(())
}
