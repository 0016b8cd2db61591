//! Names of samples in reports, and the reason why none of them can answer.

use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason, is_joined_column, shown_column};

/// `sample 'x'`, or `samples 'x' and 'y'` of a join of them.
pub(super) fn in_quotes(manifest: &Manifest) -> String {
    let names = manifest.shown_name();
    match names.contains(", ") {
        true => format!("samples '{}'", names.replace(", ", "' and '")),
        false => format!("sample '{names}'"),
    }
}

/// The reason why none of the existing samples can answer.
pub(super) fn no_sample_can_tell(query: &AggregateQuery) -> Reason {
    Reason::new(match query.distinct_columns().next() {
        Some(column) if is_joined_column(column) => {
            format!("no sample can count distinct values of {} here: its table is joined", shown_column(column))
        }
        Some(column) => format!(
            "no sample can count distinct values of {column} here: one stratified by {column}, or drawn UNIVERSE ON ({column}), can"
        ),
        None => {
            "samples of whole keys tell counts, sums and averages alone: a sample of rows tells the others".to_owned()
        }
    })
}
