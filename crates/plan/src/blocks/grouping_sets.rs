//! ROLLUP, CUBE and GROUPING SETS as several aggregates.

use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Projection, lit};
use std::sync::Arc;

/// One plan per grouping set, each with the columns of `aggregate`; `None` where it has no grouping sets, or too many.
pub(crate) fn expanded(aggregate: &Aggregate) -> Option<Vec<LogicalPlan>> {
    let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else { return None };
    let keys = sets.distinct_expr();
    let sets = sets_of(sets)?;
    // Without an aggregate there is nothing to estimate.
    if aggregate.aggr_expr.is_empty() || sets.len() > super::BLOCKS_MAX || keys.len() >= 32 {
        return None;
    }
    sets.iter().map(|set| block(aggregate, &keys, set).ok()).collect()
}

/// The sets in the order of SQL's definition; `None` for a CUBE of more than six keys.
fn sets_of(sets: &GroupingSet) -> Option<Vec<Vec<Expr>>> {
    Some(match sets {
        GroupingSet::GroupingSets(sets) => sets.clone(),
        GroupingSet::Rollup(keys) => (0..=keys.len()).rev().map(|count| keys[..count].to_vec()).collect(),
        GroupingSet::Cube(keys) if keys.len() <= 6 => {
            let set = |bits: usize| {
                let own = keys.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
                own.map(|(_, key)| key.clone()).collect()
            };
            (0..1 << keys.len()).rev().map(set).collect()
        }
        GroupingSet::Cube(_) => return None,
    })
}

/// The plan of one set: the aggregate by its keys, NULL in the place of the others, and the set's number as GROUPING reads it.
///
/// The number has a bit per key, the last key's the lowest; a bit is set where the key is left out.
fn block(aggregate: &Aggregate, keys: &[&Expr], set: &[Expr]) -> Result<LogicalPlan> {
    let own = Aggregate::try_new(Arc::clone(&aggregate.input), set.to_vec(), aggregate.aggr_expr.clone())?;
    let own_columns = own.schema.columns();
    let kept: Vec<&Expr> = own.group_expr.iter().collect();
    let mut exprs = Vec::with_capacity(aggregate.schema.fields().len());
    let mut number = 0_u64;
    let mut columns = aggregate.schema.iter();
    for (key, (qualifier, field)) in keys.iter().zip(columns.by_ref()) {
        number = number << 1 | u64::from(!set.contains(key));
        let value = match kept.iter().position(|kept| kept == key) {
            Some(at) => Expr::Column(own_columns[at].clone()),
            None => lit(ScalarValue::try_from(field.data_type())?),
        };
        exprs.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    if let Some((qualifier, field)) = columns.next() {
        let number = ScalarValue::UInt64(Some(number)).cast_to(field.data_type())?;
        exprs.push(lit(number).alias_qualified(qualifier.cloned(), field.name()));
    }
    let results: Vec<Column> =
        own_columns.into_iter().skip(own.schema.fields().len() - aggregate.aggr_expr.len()).collect();
    for (column, (qualifier, field)) in results.into_iter().zip(columns) {
        exprs.push(Expr::Column(column).alias_qualified(qualifier.cloned(), field.name()));
    }
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(LogicalPlan::Aggregate(own)))?))
}
