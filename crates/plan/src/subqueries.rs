//! Whether expressions hold subqueries.

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;

/// Whether a subquery in `expr` refers to columns outside itself.
pub(crate) fn is_correlated(expr: &Expr) -> bool {
    let refers = |e: &Expr| {
        Ok(match e {
            Expr::Exists(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::InSubquery(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::SetComparison(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::ScalarSubquery(e) => !e.outer_ref_columns.is_empty(),
            Expr::OuterReferenceColumn(..) => true,
            _ => false,
        })
    };
    expr.exists(refers).unwrap_or(true)
}

/// Whether any part of `expr` is a subquery.
pub fn has_subquery(expr: &Expr) -> bool {
    let is_subquery = |e: &Expr| {
        let found = matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        );
        Ok(found)
    };
    expr.exists(is_subquery).unwrap_or(true)
}
