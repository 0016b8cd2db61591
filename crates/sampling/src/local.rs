//! Compares the files of a table on the local disk with those that were sampled.

use datafusion::catalog::TableProvider;
use plusminus_catalog::BaseFile;
use plusminus_files::FileTable;
use std::sync::Arc;

/// Whether the files of a table on the local disk are for certain those listed in `then`, which is sorted: none changed, gone or new. The
/// answer is false, too, where it cannot be found here; [`base_files`](crate::base_files) is the authority then.
#[must_use]
pub fn are_unchanged(then: &[BaseFile], table: &Arc<dyn TableProvider>) -> bool {
    let now = FileTable::of(table).and_then(|table| table.base_files().ok());
    now.is_some_and(|now| are_same(then, &now))
}

/// Whether two sorted listings name the same files in the same state.
#[must_use]
pub fn are_same(then: &[BaseFile], now: &[BaseFile]) -> bool {
    then.len() == now.len() && then.iter().zip(now).all(|(then, now)| then.is_same(now))
}

#[cfg(test)]
pub(crate) mod tests;
