//! Names of a query's columns as the user wrote them: `avg(sessiontime)`, not `avg(sessions.sessiontime)`.

use datafusion::error::Result;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{
    CreateMemoryTable, CreateView, DdlStatement, Expr as LogicalExpr, LogicalPlan, LogicalPlanBuilder,
};
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, Statement as Sql, Visit, VisitMut,
    Visitor, VisitorMut,
};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Begins names that only tell columns apart.
const UNIQUE: &str = "__column_";

/// For each of a query's columns, whose names in the plan are `planned`, the text of its expression; `None` where the plan's name is the
/// column's: for columns, aliases, subqueries, and all of a statement that is no query.
pub(crate) fn written_names(statement: &Statement, planned: &[String]) -> Vec<Option<String>> {
    let names = match statement {
        Statement::Statement(statement) => match statement.as_ref() {
            Sql::Query(query) => first_select(query).and_then(|select| names_of(select, planned)),
            _ => None,
        },
        _ => None,
    };
    names.unwrap_or_default()
}

/// A plan that writes the rows of a query, with the written names as those of its columns: COPY, CREATE TABLE AS, CREATE VIEW. Other plans are
/// returned as they are.
pub(crate) fn with_written_names(plan: LogicalPlan, statement: &Statement) -> Result<LogicalPlan> {
    let query = match statement {
        Statement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) => Some(query.as_ref()),
        Statement::Statement(statement) => match statement.as_ref() {
            Sql::CreateTable(table) => table.query.as_deref(),
            Sql::CreateView(view) if view.columns.is_empty() => Some(view.query.as_ref()),
            _ => None,
        },
        _ => None,
    };
    let Some(select) = query.and_then(first_select) else { return Ok(plan) };
    let named = |input: Arc<LogicalPlan>| renamed(input, select);
    Ok(match plan {
        LogicalPlan::Copy(copy) => LogicalPlan::Copy(CopyTo { input: named(copy.input)?, ..copy }),
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) => {
            LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(CreateMemoryTable { input: named(table.input)?, ..table }))
        }
        LogicalPlan::Ddl(DdlStatement::CreateView(view)) => {
            LogicalPlan::Ddl(DdlStatement::CreateView(CreateView { input: named(view.input)?, ..view }))
        }
        other => other,
    })
}

/// A plan with the written names, where they differ from its own and from each other.
fn renamed(input: Arc<LogicalPlan>, select: &Select) -> Result<Arc<LogicalPlan>> {
    let planned: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
    let written = names_of(select, &planned).unwrap_or_default();
    if written.len() != planned.len() || written.iter().all(Option::is_none) {
        return Ok(input);
    }
    let names: Vec<&String> = planned.iter().zip(&written).map(|(own, name)| name.as_ref().unwrap_or(own)).collect();
    if names.iter().collect::<HashSet<_>>().len() < names.len() {
        return Ok(input);
    }
    let columns = input.schema().columns().into_iter().zip(names);
    let columns: Vec<_> = columns.map(|(column, name)| LogicalExpr::Column(column).alias(name)).collect();
    Ok(Arc::new(LogicalPlanBuilder::from(input).project(columns)?.build()?))
}

/// Gives every column of a query a name that no other has, as `__column_3`, since DataFusion plans no two columns of one name;
/// [`written_names`] has the names that the answer shows.
pub(crate) fn make_unique(statement: &mut Statement) {
    let Statement::Statement(statement) = statement else { return };
    let Sql::Query(query) = statement.as_mut() else { return };
    let mut body = query.body.as_mut();
    loop {
        body = match body {
            SetExpr::Select(select) => {
                let mut seen = HashSet::new();
                for (at, item) in select.projection.iter_mut().enumerate() {
                    let alias = Ident::new(format!("{UNIQUE}{at}"));
                    match item {
                        // The first column or alias of a name keeps it, for ORDER BY.
                        SelectItem::UnnamedExpr(expr @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_)))
                            if seen.insert(text_of(expr).to_lowercase()) => {}
                        SelectItem::UnnamedExpr(expr) => {
                            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias }
                        }
                        SelectItem::ExprWithAlias { alias: own, .. } if seen.insert(own.value.to_lowercase()) => {}
                        SelectItem::ExprWithAlias { alias: own, .. } => *own = alias,
                        _ => {}
                    }
                }
                return;
            }
            SetExpr::Query(query) => query.body.as_mut(),
            SetExpr::SetOperation { left, .. } => left.as_mut(),
            _ => return,
        };
    }
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
fn names_of(select: &Select, planned: &[String]) -> Option<Vec<Option<String>>> {
    let columns = planned.len();
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
            SelectItem::UnnamedExpr(expr) => {
                let is_unique = planned.get(names.len()).is_some_and(|name| name.starts_with(UNIQUE));
                names.push(if is_unique { Some(text_of(expr)) } else { name_of(expr) });
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let is_unique = planned.get(names.len()).is_some_and(|name| name.starts_with(UNIQUE));
                names.push(is_unique.then(|| alias.value.clone()));
            }
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
    Some(text_of(expr))
}

/// The text of an expression; of a column its own name.
fn text_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => return name.value.clone(),
        Expr::CompoundIdentifier(names) => return names.last().map_or_else(String::new, |name| name.value.clone()),
        _ => {}
    }
    let mut expr = expr.clone();
    let _ = VisitMut::visit(&mut expr, &mut LowerFunctions);
    expr.to_string()
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
        written_names(&statements.pop_front().unwrap(), &vec!["planned".to_owned(); columns])
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
    fn columns_of_one_name_are_planned_apart_and_shown_alike() {
        let sql = "SELECT d::DATE, d, d, AVG(x), 1 AS a, 2 AS a FROM t ORDER BY a";
        let written = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        let mut unique = written.clone();
        make_unique(&mut unique);
        let planned = "SELECT d::DATE AS __column_0, d, d AS __column_2, AVG(x) AS __column_3, 1 AS a, 2 AS __column_5 FROM t ORDER BY a";
        assert_eq!(unique.to_string(), planned);
        let names = ["__column_0", "d", "__column_2", "__column_3", "a", "__column_5"].map(str::to_owned);
        let shown: Vec<String> =
            written_names(&written, &names).into_iter().map(|name| name.unwrap_or("-".to_owned())).collect();
        assert_eq!(shown, ["d::DATE", "-", "d", "avg(x)", "-", "a"]);
    }

    #[test]
    fn other_names_are_those_of_the_plan() {
        assert_eq!(texts("SELECT (SELECT MAX(x) FROM t WHERE y > 5), \"X\" FROM t", 2), ["-", "-"]);
        assert_eq!(names("SELECT a.*, b.*, COUNT(*) FROM a, b", 7), Vec::new());
        assert_eq!(names("CREATE TABLE u AS SELECT COUNT(*) FROM t", 0), Vec::new());
        assert_eq!(names("VALUES (1, 2)", 2), Vec::new());
    }
}
