//! The needs of a query from each row of a level: expressions that the strata have not decided, and the columns they read.

use super::strata::StrataView;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, Case};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, Operator};
use plusminus_plan::{AggregateQuery, Argument};

/// Prefix of the name of a column whose values are cast to floats once, when the level is decoded.
pub const FLOAT: &str = "__float ";

/// Expressions over the columns of a level.
#[derive(Debug)]
pub struct Needs {
    /// The level columns that are read, in the order of the batches that the expressions run over.
    pub columns: Vec<String>,
    /// The part of WHERE that strata do not decide.
    pub predicates: Vec<Expr>,
    /// GROUP BY expressions; empty when the strata decide the groups.
    pub keys: Vec<Expr>,
    /// For each argument of the query, the expression that is evaluated; `None` for an argument that derives from others.
    pub arguments: Vec<Option<Expr>>,
    /// For each domain of the query, its FILTER; `None` where it has none.
    pub filters: Vec<Option<Expr>>,
    /// Whether rows carry their ranks.
    pub with_ranks: bool,
}

impl Needs {
    /// The needs of `query`, given what the strata in `view` decide.
    pub fn new(query: &AggregateQuery, view: &StrataView) -> Self {
        let with_ranks = query.has_upper_aggregate || view.by_key;
        // Rows that an ordinary plan chooses from are those of the table, and pass WHERE already.
        let predicates = if query.has_subquery { Vec::new() } else { view.undecided.clone() };
        let keys = if view.keys_decided { Vec::new() } else { query.keys.clone() };
        let schema = &query.scan.projected_schema;
        let argument = |(number, argument): (usize, &Argument)| {
            let expr = argument.plain()?;
            let float = query.is_summed(number) && !query.has_subquery;
            let float = if float { float_form(expr, schema) } else { None };
            Some(float.unwrap_or_else(|| expr.clone()))
        };
        let arguments = query.arguments.iter().enumerate().map(argument).collect();
        let filters = query.domains.iter().map(|d| d.filter.clone()).collect();
        let mut needs = Self { columns: Vec::new(), predicates, keys, arguments, filters, with_ranks };
        needs.columns = if query.has_subquery { query.named_columns() } else { needs.named() };
        needs
    }

    /// The needs from rows whose groups are known: all but the GROUP BY expressions.
    pub fn without_keys(&self) -> Self {
        let mut needs = Self {
            columns: Vec::new(),
            predicates: self.predicates.clone(),
            keys: Vec::new(),
            arguments: self.arguments.clone(),
            filters: self.filters.clone(),
            with_ranks: self.with_ranks,
        };
        needs.columns = needs.named();
        needs
    }

    /// The columns that any expression names, each once.
    fn named(&self) -> Vec<String> {
        let optional = self.arguments.iter().chain(&self.filters).flatten();
        names(self.predicates.iter().chain(&self.keys).chain(optional))
    }

    /// The columns that expressions over rows which pass WHERE read, by number; only arguments that are `evaluated` count.
    pub(crate) fn payload(&self, evaluated: impl Fn(usize) -> bool) -> Vec<usize> {
        let arguments = self.arguments.iter().enumerate().filter(|(number, _)| evaluated(*number));
        let arguments = arguments.filter_map(|(_, argument)| argument.as_ref());
        let later = names(self.keys.iter().chain(arguments).chain(self.filters.iter().flatten()));
        (0..self.columns.len()).filter(|at| later.contains(&self.columns[*at])).collect()
    }
}

/// Expressions over columns without a table, so that they do not depend on what a query calls its table.
///
/// # Errors
/// When an expression cannot be rewritten.
pub fn bare(exprs: &[Expr]) -> Result<Vec<Expr>> {
    let bare = |expr: Expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::from_name(column.name)))),
        other => Ok(Transformed::no(other)),
    };
    exprs.iter().map(|expr| Ok(expr.clone().unalias().transform(bare)?.data)).collect()
}

/// The names of the columns in `exprs`, each once.
pub fn names<'e>(exprs: impl Iterator<Item = &'e Expr>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in exprs.flat_map(Expr::column_refs) {
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// `expr` over columns cast to floats beforehand; `None` where it has to be computed as it stands.
///
/// Sums, differences and products of floats are as good as those of the type itself, except for whole numbers, whose arithmetic
/// wraps, and decimals that are rounded on the way. Groups that are known whole are computed in the type itself anyway.
fn float_form(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let is_whole = |e: &Expr| e.get_type(schema).is_ok_and(|t| t.is_integer());
    match expr {
        Expr::Column(column) => match expr.get_type(schema).ok()? {
            DataType::Float64 => Some(expr.clone()),
            data_type if data_type.is_numeric() => {
                Some(Expr::Column(Column::new(column.relation.clone(), format!("{FLOAT}{}", column.name))))
            }
            _ => None,
        },
        Expr::Literal(value, metadata) => match value.cast_to(&DataType::Float64).ok()? {
            float @ ScalarValue::Float64(_) if value.data_type().is_numeric() => {
                Some(Expr::Literal(float, metadata.clone()))
            }
            _ => None,
        },
        Expr::Alias(alias) => float_form(&alias.expr, schema),
        Expr::Negative(inner) if !is_whole(inner) => Some(Expr::Negative(Box::new(float_form(inner, schema)?))),
        Expr::Cast(cast) if keeps_value(cast, schema) => float_form(&cast.expr, schema),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::Plus | Operator::Minus | Operator::Multiply),
            right,
        }) if !is_whole(expr) => {
            let (left, right) = (float_form(left, schema)?, float_form(right, schema)?);
            Some(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op: *op, right: Box::new(right) }))
        }
        Expr::Case(case) => {
            let form = |e: &Expr| float_form(e, schema).map(Box::new);
            let branches = case.when_then_expr.iter().map(|(when, then)| Some((when.clone(), form(then)?)));
            let otherwise = match &case.else_expr {
                Some(other) => Some(form(other)?),
                None => None,
            };
            Some(Expr::Case(Case {
                expr: case.expr.clone(),
                when_then_expr: branches.collect::<Option<_>>()?,
                else_expr: otherwise,
            }))
        }
        _ => None,
    }
}

/// Whether a cast changes no number by more than a cast to a float does.
fn keeps_value(cast: &Cast, schema: &DFSchema) -> bool {
    let Ok(from) = cast.expr.get_type(schema) else { return false };
    let scale = |t: &DataType| match t {
        DataType::Decimal32(_, s)
        | DataType::Decimal64(_, s)
        | DataType::Decimal128(_, s)
        | DataType::Decimal256(_, s) => Some(*s),
        t if t.is_integer() => Some(0),
        _ => None,
    };
    match (cast.field.data_type(), scale(&from)) {
        (DataType::Float64, _) => from.is_numeric(),
        (to, Some(from_scale)) if !to.is_integer() => scale(to).is_some_and(|to_scale| to_scale >= from_scale),
        (to, _) => {
            to.is_integer()
                && from.is_integer()
                && to.primitive_width() >= from.primitive_width()
                && to.is_signed_integer()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{case, cast, col, lit};

    fn schema() -> DFSchema {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let schema = Schema::new(vec![
            field("price", DataType::Decimal128(15, 2)),
            field("tax", DataType::Decimal128(15, 2)),
            field("x", DataType::Float64),
            field("n", DataType::Int64),
            field("text", DataType::Utf8),
        ]);
        DFSchema::try_from(schema).unwrap()
    }

    fn check(expr: Expr, expected: Option<&str>) {
        let found = float_form(&expr, &schema()).map(|form| form.to_string());
        assert_eq!(found.as_deref(), expected, "{expr}");
    }

    fn decimal(value: i128) -> Expr {
        lit(ScalarValue::Decimal128(Some(value), 15, 2))
    }

    #[test]
    fn decimals_become_floats_where_nothing_is_lost() {
        check(col("x"), Some("x"));
        check(col("price"), Some("__float price"));
        check(col("price") * (decimal(100) - col("tax")), Some("__float price * (Float64(1) - __float tax)"));
        check(cast(col("n"), DataType::Decimal128(20, 2)) + col("tax"), Some("__float n + __float tax"));
        check(cast(col("price"), DataType::Float64), Some("__float price"));
        let share = case(col("text")).when(lit("R"), col("price")).otherwise(decimal(0)).unwrap();
        check(share, Some("CASE text WHEN Utf8(\"R\") THEN __float price ELSE Float64(0) END"));
    }

    #[test]
    fn what_rounds_or_wraps_stays_as_it_is() {
        check(col("price") / col("tax"), None);
        check(col("n") * col("n"), None);
        check(cast(col("price"), DataType::Decimal128(10, 0)), None);
        check(cast(col("price"), DataType::Int64), None);
        check(col("text"), None);
        check(col("x") / col("x"), None);
    }
}
