//! Names of a query's columns as the user wrote them: `avg(sessiontime)`, not `avg(sessions.sessiontime)`.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, Statement as Sql, Visit, VisitMut, Visitor,
    VisitorMut,
};
use std::ops::ControlFlow;

/// For each of a query's `columns`, the text of its expression; `None` where the plan's name is the column's: for columns, aliases,
/// subqueries, and all of a statement that is no query.
pub(crate) fn written_names(statement: &Statement, columns: usize) -> Vec<Option<String>> {
    let names = match statement {
        Statement::Statement(statement) => match statement.as_ref() {
            Sql::Query(query) => first_select(query).and_then(|select| names_of(select, columns)),
            _ => None,
        },
        _ => None,
    };
    names.unwrap_or_default()
}

/// The SELECT that names the columns: the first branch of a UNION.
fn first_select(query: &Query) -> Option<&Select> {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => left.as_ref(),
            _ => return None,
        };
    }
}

/// One entry per column; `None` where it is not known how many columns each item has.
fn names_of(select: &Select, columns: usize) -> Option<Vec<Option<String>>> {
    let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let wildcards = select.projection.iter().filter(|item| is_wildcard(item)).count();
    let others = select.projection.len() - wildcards;
    let of_wildcard = match wildcards {
        0 if others == columns => 0,
        1 => columns.checked_sub(others)?,
        _ => return None,
    };
    let mut names = Vec::with_capacity(columns);
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => names.push(name_of(expr)),
            item if is_wildcard(item) => names.extend(std::iter::repeat_n(None, of_wildcard)),
            _ => names.push(None),
        }
    }
    Some(names)
}

fn name_of(expr: &Expr) -> Option<String> {
    let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if is_column || Visit::visit(expr, &mut HasQuery).is_break() {
        return None;
    }
    let mut expr = expr.clone();
    let _ = VisitMut::visit(&mut expr, &mut LowerFunctions);
    Some(expr.to_string())
}

/// Finds subqueries.
struct HasQuery;

impl Visitor for HasQuery {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Writes the names of functions in lower case, as DataFusion does.
struct LowerFunctions;

impl VisitorMut for LowerFunctions {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            lower(&mut function.name);
        }
        ControlFlow::Continue(())
    }
}

fn lower(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(ident) = part
            && ident.quote_style.is_none()
        {
            ident.value = ident.value.to_lowercase();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::parser::DFParser;

    fn names(sql: &str, columns: usize) -> Vec<Option<String>> {
        let mut statements = DFParser::parse_sql(sql).unwrap();
        written_names(&statements.pop_front().unwrap(), columns)
    }

    fn texts(sql: &str, columns: usize) -> Vec<String> {
        names(sql, columns).into_iter().map(|name| name.unwrap_or_else(|| "-".to_owned())).collect()
    }

    #[test]
    fn expressions_have_the_names_that_were_written() {
        assert_eq!(
            texts("SELECT os, COUNT(*), AVG(t.x), SUM(x) / 2 AS half FROM t", 4),
            ["-", "count(*)", "avg(t.x)", "-"]
        );
        assert_eq!(
            texts("SELECT Sum(x) FILTER (WHERE y > 1), x + 1 FROM t", 2),
            ["sum(x) FILTER (WHERE y > 1)", "x + 1"]
        );
        assert_eq!(texts("SELECT *, Upper(g) FROM t", 4), ["-", "-", "-", "upper(g)"]);
        assert_eq!(texts("(SELECT MAX(x) FROM t) UNION ALL SELECT 1", 1), ["max(x)"]);
        assert_eq!(texts("WITH a AS (SELECT 1 AS x) SELECT AVG(x) FROM a ORDER BY 1", 1), ["avg(x)"]);
    }

    #[test]
    fn other_names_are_those_of_the_plan() {
        assert_eq!(texts("SELECT (SELECT MAX(x) FROM t WHERE y > 5), \"X\" FROM t", 2), ["-", "-"]);
        assert_eq!(names("SELECT a.*, b.*, COUNT(*) FROM a, b", 7), Vec::new());
        assert_eq!(names("CREATE TABLE u AS SELECT COUNT(*) FROM t", 0), Vec::new());
        assert_eq!(names("VALUES (1, 2)", 2), Vec::new());
    }
}
