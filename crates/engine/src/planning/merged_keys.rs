//! The key columns of RIGHT and FULL joins with USING.
//!
//! SQL merges them: the column is that of the side that has a row. DataFusion takes the left side's, which is NULL where only the right side
//! has a row. Here a merged column is written as COALESCE of both sides before it is planned.

use datafusion::error::{DataFusionError, Result};
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Select, SelectItem, SelectItemQualifiedWildcardKind,
    TableFactor, TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use plusminus_functions::Failure;
use std::ops::ControlFlow;

/// Writes merged columns of a statement as COALESCE.
pub(crate) fn merge(statement: &mut impl VisitMut) -> Result<()> {
    match statement.visit(&mut Merge) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(failure) => Err(DataFusionError::External(Box::new(failure))),
    }
}

struct Merge;

impl VisitorMut for Merge {
    type Break = Failure;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Failure> {
        let mut keys = Vec::new();
        for table in &select.from {
            match keys_of(table) {
                Ok(own) => keys.extend(own),
                Err(failure) => return ControlFlow::Break(failure),
            }
        }
        if keys.iter().any(|key| key.is_merged) {
            let names = |from: &TableWithJoins| {
                let joined = from.joins.iter().map(|join| name_of(&join.relation));
                std::iter::once(name_of(&from.relation)).chain(joined).collect::<Vec<_>>()
            };
            let tables: Option<Vec<String>> = select.from.iter().flat_map(names).collect();
            rewrite(select, &keys, tables.as_deref().unwrap_or_default());
        }
        ControlFlow::Continue(())
    }
}

/// A column of USING.
struct Key {
    column: String,
    /// The tables that have it, from left to right.
    tables: Vec<String>,
    /// Whether one of its joins is a RIGHT or FULL join.
    is_merged: bool,
}

/// The columns of USING in a chain of joins.
fn keys_of(table: &TableWithJoins) -> std::result::Result<Vec<Key>, Failure> {
    let mut keys: Vec<Key> = Vec::new();
    let Some(first) = name_of(&table.relation) else { return Ok(Vec::new()) };
    for join in &table.joins {
        let (constraint, is_outer) = match &join.join_operator {
            JoinOperator::Right(own) | JoinOperator::RightOuter(own) | JoinOperator::FullOuter(own) => (own, true),
            JoinOperator::Join(own)
            | JoinOperator::Inner(own)
            | JoinOperator::Left(own)
            | JoinOperator::LeftOuter(own) => (own, false),
            _ => continue,
        };
        match constraint {
            JoinConstraint::Natural if is_outer => {
                return Err(Failure {
                    what: "a NATURAL RIGHT or FULL join is not supported".to_owned(),
                    next: "FULL JOIN … USING (columns)".to_owned(),
                    is_in_statement: true,
                });
            }
            JoinConstraint::Using(names) => {
                let Some(own) = name_of(&join.relation) else { continue };
                for name in names {
                    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { continue };
                    let column = plain(ident);
                    match keys.iter_mut().find(|key| key.column == column) {
                        Some(key) => {
                            key.tables.push(own.clone());
                            key.is_merged |= is_outer;
                        }
                        None => {
                            let tables = vec![first.clone(), own.clone()];
                            keys.push(Key { column, tables, is_merged: is_outer });
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(keys)
}

/// The name by which a query refers to a table.
fn name_of(table: &TableFactor) -> Option<String> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(plain(&alias.name))
        }
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).map(plain),
        _ => None,
    }
}

fn plain(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn rewrite(select: &mut Select, keys: &[Key], tables: &[String]) {
    let mut columns = Columns { keys };
    let mut projection = Vec::with_capacity(select.projection.len());
    for mut item in std::mem::take(&mut select.projection) {
        match &mut item {
            SelectItem::Wildcard(options)
                if !tables.is_empty() && options.opt_exclude.is_none() && options.opt_except.is_none() =>
            {
                projection.extend(every_column(keys, tables));
                continue;
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) if columns.of(ident).is_some() => {
                let alias = ident.clone();
                if let Some(expr) = columns.of(&alias) {
                    item = SelectItem::ExprWithAlias { expr, alias };
                }
            }
            _ => {
                let _ = item.visit(&mut columns);
            }
        }
        projection.push(item);
    }
    select.projection = projection;
    let _ = select.selection.visit(&mut columns);
    let _ = select.group_by.visit(&mut columns);
    let _ = select.having.visit(&mut columns);
    let _ = select.qualify.visit(&mut columns);
}

/// The items of `*`: merged keys first, and then the other columns of each table.
fn every_column(keys: &[Key], tables: &[String]) -> Vec<SelectItem> {
    let quoted = |name: &str| ObjectName::from(vec![Ident::with_quote('"', name)]);
    let merged = keys.iter().filter(|key| key.is_merged).map(|key| SelectItem::ExprWithAlias {
        expr: coalesced(&key.column, &key.tables),
        alias: Ident::with_quote('"', &key.column),
    });
    let others = tables.iter().map(|table| {
        // A key that is not merged is the first table's.
        let is_left_out = |key: &&Key| key.tables.iter().skip(usize::from(!key.is_merged)).any(|own| own == table);
        let left_out: Vec<ObjectName> = keys.iter().filter(is_left_out).map(|key| quoted(&key.column)).collect();
        let options = WildcardAdditionalOptions {
            opt_exclude: (!left_out.is_empty()).then_some(ExcludeSelectItem::Multiple(left_out)),
            ..WildcardAdditionalOptions::default()
        };
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(quoted(table)), options)
    });
    merged.chain(others).collect()
}

struct Columns<'a> {
    keys: &'a [Key],
}

impl Columns<'_> {
    fn of(&self, ident: &Ident) -> Option<Expr> {
        let name = plain(ident);
        let key = self.keys.iter().find(|key| key.is_merged && key.column == name);
        key.map(|key| coalesced(&key.column, &key.tables))
    }
}

impl VisitorMut for Columns<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(ident) = expr
            && let Some(own) = self.of(ident)
        {
            *expr = own;
        }
        ControlFlow::Continue(())
    }
}

/// `coalesce(a.key, b.key)`.
fn coalesced(column: &str, tables: &[String]) -> Expr {
    let own = |table: &String| {
        let name = vec![Ident::with_quote('"', table), Ident::with_quote('"', column)];
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(name)))
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("coalesce")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: tables.iter().map(own).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn merged(sql: &str) -> String {
        let mut statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        merge(&mut statements).unwrap();
        statements[0].to_string()
    }

    #[test]
    fn keys_of_outer_joins_are_those_of_both_sides() {
        for (sql, expected) in [
            (
                "SELECT id, a FROM x FULL JOIN y USING (id) WHERE id > 1 GROUP BY id ORDER BY id",
                "SELECT coalesce(\"x\".\"id\", \"y\".\"id\") AS id, a FROM x FULL JOIN y USING(id) \
                 WHERE coalesce(\"x\".\"id\", \"y\".\"id\") > 1 GROUP BY coalesce(\"x\".\"id\", \"y\".\"id\") ORDER BY id",
            ),
            (
                "SELECT * FROM x AS l RIGHT JOIN y USING (id)",
                "SELECT coalesce(\"l\".\"id\", \"y\".\"id\") AS \"id\", \"l\".* EXCLUDE (\"id\"), \"y\".* EXCLUDE (\"id\") FROM x AS l \
                 RIGHT JOIN y USING(id)",
            ),
            ("SELECT id, x.id FROM x JOIN y USING (id)", "SELECT id, x.id FROM x JOIN y USING(id)"),
            (
                "SELECT count(id) FROM x LEFT JOIN y ON x.id = y.id",
                "SELECT count(id) FROM x LEFT JOIN y ON x.id = y.id",
            ),
        ] {
            assert_eq!(merged(sql), expected);
        }
    }
}
