//! Resolves unquoted column names regardless of case, where only one column can be meant.

use super::written_names::with_written_names;
use super::{merged_keys, spellings};
use datafusion::common::{Column, SchemaError};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Select, SelectFlavor,
    SelectItem, TableFactor, Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use plusminus_dialect::with_powers_as_calls;
use plusminus_files::absolute;
use std::ops::ControlFlow;

/// Names per statement that may be written in another case than the table has them.
const RENAMED_MAX: usize = 64;

/// Plans a text. A column name that does not exist as written means the only column that differs from it in case alone.
pub(crate) async fn plan_of(state: &SessionState, sql: &str) -> Result<LogicalPlan> {
    plan(state, sql, parsed(state, sql)?).await
}

/// The text of a statement with the paths of its files from the root on, so that it means the same in any folder.
pub(crate) fn with_absolute_paths(state: &SessionState, sql: &str) -> Result<String> {
    let dialect = state.config_options().sql_parser.dialect;
    let sql = &*with_powers_as_calls(sql);
    let Statement::Statement(mut statement) = state.sql_to_statement(sql, &dialect)? else { return Ok(sql.to_owned()) };
    let mut paths = AbsolutePaths { is_changed: false };
    let _ = statement.visit(&mut paths);
    Ok(if paths.is_changed { statement.to_string() } else { sql.to_owned() })
}

/// Writes paths in single quotes from the root on.
struct AbsolutePaths {
    is_changed: bool,
}

impl VisitorMut for AbsolutePaths {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(Ident { value, quote_style: Some('\''), .. })] = relation.0.as_mut_slice()
            && !std::path::Path::new(value.as_str()).is_absolute()
            && !value.contains("://")
        {
            let ends_in_folder = value.ends_with('/');
            *value = absolute(value).to_string_lossy().into_owned();
            if ends_in_folder {
                value.push('/');
            }
            self.is_changed = true;
        }
        ControlFlow::Continue(())
    }
}

/// Plans a statement that keeps or writes rows; its columns have the names that the statement writes.
pub(crate) async fn named_plan_of(state: &SessionState, sql: &str) -> Result<LogicalPlan> {
    let statement = parsed(state, sql)?;
    let written = statement.clone();
    with_written_names(plan(state, sql, statement).await?, &written)
}

/// Writes calls and operators in DataFusion's terms.
fn with_spellings_replaced(statement: &mut Statement, state: &SessionState) -> Result<()> {
    match statement {
        Statement::Statement(inner) => {
            spellings::replace(inner.as_mut(), state);
            merged_keys::merge(inner.as_mut())
        }
        Statement::Explain(explain) => with_spellings_replaced(&mut explain.statement, state),
        Statement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) => {
            spellings::replace(query.as_mut(), state);
            merged_keys::merge(query.as_mut())
        }
        _ => Ok(()),
    }
}

/// Plans a parsed text; it is parsed again only where a name has to be replaced.
pub(crate) async fn plan(state: &SessionState, sql: &str, mut statement: Statement) -> Result<LogicalPlan> {
    with_spellings_replaced(&mut statement, state)?;
    let mut renames: Vec<Rename> = Vec::new();
    let mut has_own_names = false;
    loop {
        let error = match state.statement_to_plan(statement).await {
            Ok(plan) => return Ok(plan),
            Err(error) => error,
        };
        let is_clash = !has_own_names && error.to_string().contains("require unique expression names");
        has_own_names |= is_clash;
        if !is_clash {
            let Some((written, meant)) = meant(&error).filter(|_| renames.len() < RENAMED_MAX) else {
                return Err(error);
            };
            renames.push(Rename { written, meant, is_found: false });
        }
        statement = parsed(state, sql)?;
        with_spellings_replaced(&mut statement, state)?;
        if has_own_names {
            super::written_names::make_unique(&mut statement);
        }
        if let Statement::Statement(statement) = &mut statement {
            for rename in &mut renames {
                let _ = statement.visit(rename);
            }
        }
        if is_clash {
            continue;
        }
        if renames.last().is_none_or(|rename| !rename.is_found) {
            return Err(error);
        }
    }
}

/// Parses a text; `FROM t` without a SELECT selects every column, and a folder in single quotes is its files.
pub(crate) fn parsed(state: &SessionState, sql: &str) -> Result<Statement> {
    let dialect = state.config_options().sql_parser.dialect;
    let text = with_powers_as_calls(sql);
    let mut statement = match state.sql_to_statement(&text, &dialect) {
        Ok(statement) => statement,
        // The parser reads clauses behind a leading FROM only where a SELECT stands before them.
        Err(error) => {
            match begins_with_from(&text).then(|| state.sql_to_statement(&format!("SELECT * {text}"), &dialect)) {
                Some(Ok(statement)) => statement,
                _ => return Err(error),
            }
        }
    };
    let _ = match &mut statement {
        Statement::Statement(inner) => inner.visit(&mut Shorthand),
        Statement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) => query.visit(&mut Shorthand),
        _ => ControlFlow::Continue(()),
    };
    Ok(statement)
}

fn begins_with_from(text: &str) -> bool {
    text.trim_start().get(..4).is_some_and(|word| word.eq_ignore_ascii_case("from"))
}

/// DuckDB's functions that read files.
const READERS: [&str; 9] = [
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "parquet_scan",
    "read_json",
    "read_json_auto",
    "read_ndjson",
    "read_ndjson_auto",
    "arrow_scan",
];

/// Adds `*` to a query that begins with FROM and selects nothing, and the slash to a folder in single quotes.
struct Shorthand;

impl VisitorMut for Shorthand {
    type Break = ();

    /// `read_csv('file')` is the file, where no option follows.
    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args, .. } = table
            && let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && READERS.contains(&ident.value.to_lowercase().as_str())
            && let Some([FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))]) =
                args.as_ref().map(|own| own.args.as_slice())
            && let Value::SingleQuotedString(file) = &value.value
        {
            *name = ObjectName::from(vec![Ident::with_quote('\'', file)]);
            *args = None;
        }
        ControlFlow::Continue(())
    }

    /// The parser takes all that follows `IS DISTINCT FROM` for its right side; AND and OR bind less.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (left, right, is_not) = match expr {
            Expr::IsDistinctFrom(left, right) => (left, right, false),
            Expr::IsNotDistinctFrom(left, right) => (left, right, true),
            _ => return ControlFlow::Continue(()),
        };
        if matches!(right.as_ref(), Expr::BinaryOp { op, .. } if is_connective(op)) {
            let nothing = || Expr::value(Value::Null);
            let (left, right) =
                (std::mem::replace(left.as_mut(), nothing()), std::mem::replace(right.as_mut(), nothing()));
            *expr = compared_first(left, right, is_not);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(Ident { value, quote_style: Some('\''), .. })] = relation.0.as_mut_slice()
            && !value.contains('/')
            && std::path::Path::new(value.as_str()).is_dir()
        {
            value.push('/');
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect && select.projection.is_empty() {
            select.projection.push(SelectItem::Wildcard(WildcardAdditionalOptions::default()));
            select.flavor = SelectFlavor::FromFirst;
        }
        ControlFlow::Continue(())
    }
}

fn is_connective(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

/// `left IS [NOT] DISTINCT FROM` the first part of `right`, the connectives of `right` outside.
fn compared_first(left: Expr, right: Expr, is_not: bool) -> Expr {
    match right {
        Expr::BinaryOp { left: first, op, right: rest } if is_connective(&op) => {
            Expr::BinaryOp { left: Box::new(compared_first(left, *first, is_not)), op, right: rest }
        }
        other if is_not => Expr::IsNotDistinctFrom(Box::new(left), Box::new(other)),
        other => Expr::IsDistinctFrom(Box::new(left), Box::new(other)),
    }
}

/// The missing column that an error names, and the only column that differs from it in case alone.
fn meant(error: &DataFusionError) -> Option<(String, String)> {
    let DataFusionError::SchemaError(inner, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = inner.as_ref() else { return None };
    let is_it = |column: &&Column| column.name.eq_ignore_ascii_case(&field.name) && column.name != field.name;
    let mut names: Vec<&String> = valid_fields.iter().filter(is_it).map(|column| &column.name).collect();
    names.dedup();
    match names.as_slice() {
        [one] => Some((field.name.clone(), (*one).clone())),
        _ => None,
    }
}

/// Replaces a column's name by the table's spelling.
struct Rename {
    written: String,
    meant: String,
    is_found: bool,
}

impl Rename {
    fn rename(&mut self, name: &mut Ident) {
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case(&self.written) {
            name.value.clone_from(&self.meant);
            name.quote_style = Some('"');
            self.is_found = true;
        }
    }
}

impl VisitorMut for Rename {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.rename(name),
            Expr::CompoundIdentifier(parts) => {
                if let Some(name) = parts.last_mut() {
                    self.rename(name);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
