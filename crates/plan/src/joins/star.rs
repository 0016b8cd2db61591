use super::{JoinFacts, JoinedTable, Refusal, SubqueryJoins, collect, orient, widened};
use crate::query::Reason;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

/// A join of which every row belongs to one row of a single table.
#[derive(Debug)]
pub struct Star {
    /// The scan of that table; its schema has the columns of the other tables behind its own.
    pub scan: TableScan,
    /// The other tables, each behind those that lead to it.
    pub joins: Vec<JoinedTable>,
    /// The join's columns: qualifier, name, and the name among those of `scan` where it is one of them.
    columns: Vec<(Option<String>, String, Option<String>)>,
}

/// Takes a plan of joins without an aggregate apart.
///
/// # Errors
/// When it is no join of this kind, for a reason, or when a key has to be proven first.
pub fn star(plan: &LogicalPlan, facts: &dyn JoinFacts) -> Result<Star, Refusal> {
    let collected = collect(plan, SubqueryJoins::Tables)?;
    let orientation = orient(&collected.graph, facts)?;
    let found = widened(collected, &orientation)?;
    if found.predicates.iter().any(|predicate| !matches!(predicate, Expr::Column(_))) {
        return Err(Reason::new("a join with conditions besides its keys has no sample of its own").into());
    }
    let named = found.lineage.schema.iter().zip(&found.lineage.exprs).map(|((qualifier, field), expr)| {
        let own = expr.try_as_col().map(|column| column.name.clone());
        (qualifier.map(|qualifier| qualifier.table().to_owned()), field.name().clone(), own)
    });
    Ok(Star { columns: named.collect(), scan: found.scan, joins: found.joins })
}

impl Star {
    /// The names of the join's columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, name, _)| name.as_str())
    }

    /// The name among the columns of `scan` of a column that is written `name` or `table.name`.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn column(&self, written: &str) -> Result<&str, Reason> {
        let (table, name) = match written.rsplit_once('.') {
            Some((table, name)) => (Some(table), name),
            None => (None, written),
        };
        let is_it = |exactly: bool| {
            move |(qualifier, own, _): &&(Option<String>, String, Option<String>)| {
                let same =
                    |one: &str, other: &str| if exactly { one == other } else { one.eq_ignore_ascii_case(other) };
                same(own, name) && table.is_none_or(|table| qualifier.as_deref().is_some_and(|own| same(own, table)))
            }
        };
        let mut found: Vec<&str> = Vec::new();
        for exactly in [true, false] {
            if found.is_empty() {
                found = self.columns.iter().filter(is_it(exactly)).filter_map(|(.., own)| own.as_deref()).collect();
            }
        }
        found.dedup();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Reason::new(format!("the join has no column '{written}'"))),
            _ => Err(Reason::new(format!("several tables of the join have a column '{written}': write table.{name}"))),
        }
    }
}
