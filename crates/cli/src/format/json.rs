//! One JSON document per statement, on one line.

use super::cells::{NonFinite, json, tokens};
use arrow::array::{Array, ArrayRef};
use plusminus::{Answer, Column, Role};
use plusminus_display::trust_word;
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let document =
        |c: &Column| json(&ColumnDocument { name: &c.name, r#type: c.data_type.to_string(), role: c.role.to_string() });
    let columns: Vec<String> = answer.columns().iter().map(document).collect();
    let rendered: Vec<Vec<String>> =
        answer.columns().iter().zip(answer.batch().columns()).map(|(c, values)| column(c, values)).collect();
    write!(sink, "{{\"columns\":[{}],\"rows\":[", columns.join(","))?;
    for row in 0..answer.batch().num_rows() {
        let cells: Vec<&str> = rendered.iter().map(|c| c[row].as_str()).collect();
        write!(sink, "{}[{}]", if row == 0 { "" } else { "," }, cells.join(","))?;
    }
    let mut report = answer.report().clone();
    report.warnings.extend(non_finite_columns(answer));
    writeln!(sink, "],\"report\":{}}}", report.to_json())
}

/// A warning for each column with estimates that are NaN or infinite.
fn non_finite_columns(answer: &Answer) -> Vec<String> {
    let is_strange = |(column, values): &(&Column, &ArrayRef)| {
        let found = tokens(values, NonFinite::Null);
        column.role == Role::Estimate && found.iter().enumerate().any(|(row, t)| t == "null" && values.is_valid(row))
    };
    let non_finite = answer.columns().iter().zip(answer.batch().columns()).filter(is_strange);
    non_finite.map(|(column, _)| format!("{} is NaN or infinite where it is null and untrusted", column.name)).collect()
}

/// Cells of one column; an estimate is always an object.
fn column(column: &Column, values: &ArrayRef) -> Vec<String> {
    let Some(bounds) = column.bounds.as_ref().filter(|_| column.role == Role::Estimate) else {
        return tokens(values, NonFinite::Named);
    };
    let [estimates, lower, upper] =
        [values, &bounds.lower, &bounds.upper].map(|values| tokens(values, NonFinite::Null));
    let cells = estimates.into_iter().zip(lower).zip(upper).zip(&bounds.trust).enumerate();
    cells
        .map(|(row, (((est, lo), hi), trust))| {
            // A value for which JSON has no number must not look like a NULL that is known exactly.
            if est == "null" && values.is_valid(row) {
                return "{\"est\":null,\"lo\":null,\"hi\":null,\"trust\":\"untrusted\"}".to_owned();
            }
            format!("{{\"est\":{est},\"lo\":{lo},\"hi\":{hi},\"trust\":\"{}\"}}", trust_word(*trust))
        })
        .collect()
}

#[derive(Serialize)]
struct ColumnDocument<'a> {
    name: &'a str,
    r#type: String,
    role: String,
}
