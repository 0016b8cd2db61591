//! Queries that name the keys of a universe sample: what they ask of a kept key is known exactly.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};
use plusminus_catalog::{Manifest, Strata};
use plusminus_plan::AggregateQuery;
use plusminus_sampling::are_kept;

/// How a query names keys of a universe sample, so that of each key the sample holds all rows the query asks for, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// WHERE names keys that are all in the sample.
    Named,
    /// WHERE names a key that is not in the sample.
    Absent,
    /// GROUP BY names the key.
    Grouped {
        /// Keys of the table that are not in the sample.
        absent: u64,
        /// Keys of the table.
        all: u64,
    },
}

/// How `query` names keys; `None` where it treats them like any other column, or the sample does not record which keys it keeps.
pub(super) fn keyed(query: &AggregateQuery, manifest: &Manifest, strata: &Strata) -> Option<Keyed> {
    let (column, kept) = (manifest.design.universe.as_ref()?, manifest.keys.as_ref()?);
    let schema = query.scan.source.schema();
    let data_type = schema.field_with_name(column).ok()?.data_type();
    if let Some(named) = query.predicates.iter().find_map(|predicate| named(predicate, column, data_type)) {
        let values = ScalarValue::iter_to_array(named).ok()?;
        let are_all = are_kept(&values, manifest.design.seed, kept).into_iter().all(|kept| kept);
        return Some(if are_all { Keyed::Named } else { Keyed::Absent });
    }
    let is_key = |expr: &Expr| matches!(expr, Expr::Column(own) if own.name == *column);
    if !query.keys.iter().any(is_key) {
        return None;
    }
    let rows: u64 = strata.rows().iter().sum();
    let keys: u64 = strata.non_null(column).map_or(rows, |non_null| non_null.iter().sum());
    // Rows without a key are one group, of which only some rows are kept.
    if rows != keys {
        return None;
    }
    let held: u64 = strata.units().iter().zip(strata.caps()).map(|(keys, cap)| (*keys).min(*cap)).sum();
    let all: u64 = strata.units().iter().sum();
    Some(Keyed::Grouped { absent: all - held, all })
}

/// The key values that `column = …` and `column IN (…)` name, in the column's type; `None` for any other predicate.
fn named(predicate: &Expr, column: &str, data_type: &DataType) -> Option<Vec<ScalarValue>> {
    let is_key = |expr: &Expr| matches!(expr, Expr::Column(own) if own.name == column);
    let value = |expr: &Expr| match expr {
        Expr::Literal(value, _) if !value.is_null() && value.data_type() == *data_type => Some(value.clone()),
        _ => None,
    };
    match predicate {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let other = match (is_key(&binary.left), is_key(&binary.right)) {
                (true, false) => &binary.right,
                (false, true) => &binary.left,
                _ => return None,
            };
            Some(vec![value(other)?])
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let mut both = named(&binary.left, column, data_type)?;
            both.extend(named(&binary.right, column, data_type)?);
            Some(both)
        }
        Expr::InList(list) if !list.negated && is_key(&list.expr) && !list.list.is_empty() => {
            list.list.iter().map(value).collect()
        }
        _ => None,
    }
}
