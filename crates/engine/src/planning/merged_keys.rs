//! The key columns of RIGHT and FULL joins with USING.
//!
//! SQL merges them: the column is that of the side that has a row. DataFusion takes the left side's, which is NULL where only the right side
//! has a row. Here a merged column is written as COALESCE of both sides before it is planned.

use datafusion::error::{DataFusionError, Result};
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
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

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Failure> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = table
            && keys_of(table_with_joins).is_ok_and(|keys| keys.iter().any(|key| key.is_merged))
        {
            return ControlFlow::Break(refused("a RIGHT or FULL join with USING in parentheses"));
        }
        ControlFlow::Continue(())
    }

    /// ORDER BY may name a key that is no column of the answer.
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Failure> {
        let SetExpr::Select(select) = query.body.as_ref() else { return ControlFlow::Continue(()) };
        let keys: Vec<Key> = select.from.iter().filter_map(|table| keys_of(table).ok()).flatten().collect();
        let is_column = |key: &Key| {
            select
                .projection
                .iter()
                .any(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if plain(alias) == key.column))
        };
        let keys: Vec<Key> = keys.into_iter().filter(|key| key.is_merged && !is_column(key)).collect();
        if let Some(order) = query.order_by.as_mut().filter(|_| !keys.is_empty()) {
            let _ = order.visit(&mut Columns { keys: &keys, depth: 0 });
        }
        ControlFlow::Continue(())
    }

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
            let has_options = |item: &SelectItem| {
                matches!(item, SelectItem::Wildcard(options)
                    if options.opt_exclude.is_some() || options.opt_except.is_some() || options.opt_replace.is_some() || options.opt_rename.is_some())
            };
            if select.projection.iter().any(has_options) {
                return ControlFlow::Break(refused("* with EXCLUDE or REPLACE above a RIGHT or FULL join with USING"));
            }
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
                return Err(refused("a NATURAL RIGHT or FULL join"));
            }
            JoinConstraint::Using(names) => {
                let Some(own) = name_of(&join.relation) else { continue };
                for name in names {
                    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { continue };
                    let column = plain(ident);
                    match keys.iter_mut().find(|key| key.column == column) {
                        // The key of the joins before is that of both their sides, which USING cannot name.
                        Some(key) if key.is_merged => {
                            return Err(refused("another join by the key of a RIGHT or FULL join with USING"));
                        }
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

fn refused(what: &str) -> Failure {
    Failure {
        what: format!("{what} is not supported"),
        next: "ON a.key = b.key, and coalesce(a.key, b.key) for the key of both sides".to_owned(),
        is_in_statement: true,
    }
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
    let mut columns = Columns { keys, depth: 0 };
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
    /// How many subqueries an expression is in; their names are their own.
    depth: usize,
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

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expr
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
            (
                "SELECT a FROM x FULL JOIN y USING (id) WHERE EXISTS (SELECT 1 FROM z WHERE id = 2) ORDER BY id",
                "SELECT a FROM x FULL JOIN y USING(id) WHERE EXISTS (SELECT 1 FROM z WHERE id = 2) \
                 ORDER BY coalesce(\"x\".\"id\", \"y\".\"id\")",
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

    #[test]
    fn joins_whose_keys_cannot_be_merged_are_refused() {
        for sql in [
            "SELECT * FROM a FULL JOIN b USING (k) JOIN c USING (k)",
            "SELECT k FROM a RIGHT JOIN b USING (k) LEFT JOIN c USING (k)",
            "SELECT z.k FROM (a FULL JOIN b USING (k)) AS z",
            "SELECT * EXCLUDE (k) FROM a FULL JOIN b USING (k)",
            "SELECT k FROM a NATURAL FULL JOIN b",
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
            let refusal = merge(&mut statements).unwrap_err().to_string();
            assert!(refusal.contains("is not supported"), "{sql}: {refusal}");
        }
    }
}
