//! Casts that read what people write, and round as DuckDB and PostgreSQL do.

use crate::intervals::microseconds;
use crate::rounding::nearest_whole;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions::datetime::expr_fn::to_char;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast, lit};
use datafusion::optimizer::AnalyzerRule;

/// Reads times without seconds (`'2026-03-01 10:30'`), and rounds fractions that are cast to whole numbers, where DataFusion cuts them off.
#[derive(Debug, Default)]
pub struct ReadableCasts;

impl AnalyzerRule for ReadableCasts {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let node = |node: LogicalPlan| {
            let schema = merge_schema(&node.inputs());
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_up(|expr| cast(expr, &schema))?;
                Ok(if changed.transformed { changed.update_data(|expr| name.restore(expr)) } else { changed })
            })
        };
        Ok(plan.transform_up_with_subqueries(node)?.data)
    }

    fn name(&self) -> &str {
        "readable_casts"
    }
}

fn cast(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(compared) = compared_intervals(&expr, schema) {
        return Ok(Transformed::yes(compared));
    }
    let (inner, target) = match &expr {
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field.data_type()),
        _ => return Ok(Transformed::no(expr)),
    };
    let changed = match target {
        DataType::Timestamp(..) => with_seconds(inner),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            // Arrow writes a T between day and time.
            let is_time = inner.get_type(schema).is_ok_and(|own| matches!(own, DataType::Timestamp(_, None)));
            is_time.then(|| to_char((**inner).clone(), lit("%Y-%m-%d %H:%M:%S%.f")))
        }
        whole if whole.is_integer() => {
            // Of a literal the digits are a decimal, whose halves are rounded away from zero.
            let is_literal = matches!(inner.as_ref(), Expr::Literal(..) | Expr::Negative(_));
            match inner.get_type(schema) {
                Ok(own) if own.is_floating() && !is_literal => Some(nearest_whole((**inner).clone())),
                Ok(own) if own.is_floating() || is_scaled(&own) => Some(round(vec![(**inner).clone()])),
                _ => None,
            }
        }
        _ => None,
    };
    let Some(changed) = changed else { return Ok(Transformed::no(expr)) };
    Ok(Transformed::yes(match expr {
        Expr::Cast(cast) => Expr::Cast(Cast { expr: Box::new(changed), ..cast }),
        Expr::TryCast(cast) => Expr::TryCast(TryCast { expr: Box::new(changed), ..cast }),
        other => other,
    }))
}

/// A comparison of intervals by how long they are.
fn compared_intervals(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let is_interval = |expr: &Expr| {
        expr.get_type(schema).is_ok_and(|own| matches!(own, DataType::Interval(_) | DataType::Duration(_)))
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_comparison(*op) && is_interval(left) && is_interval(right) =>
        {
            let (left, right) = (microseconds((**left).clone()), microseconds((**right).clone()));
            Some(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op: *op, right: Box::new(right) }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_interval(expr) && is_interval(low) => {
            let own = |expr: &Expr| Box::new(microseconds(expr.clone()));
            Some(Expr::Between(Between { expr: own(expr), negated: *negated, low: own(low), high: own(high) }))
        }
        _ => None,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Whether a type is a decimal with digits behind the point.
fn is_scaled(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)
            if *scale > 0
    )
}

/// The literal with seconds, where it is a time of day without them.
fn with_seconds(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(value, metadata) = expr else { return None };
    let text = match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => text,
        _ => return None,
    };
    /// Digits stand for digits, a space for a space or a `T`.
    const FORM: &[u8] = b"0000-00-00 00:00";
    let (time, zone) = text.split_at_checked(FORM.len())?;
    let fits = |(own, form): (u8, &u8)| match form {
        b'0' => own.is_ascii_digit(),
        b' ' => own == b' ' || own == b'T',
        other => own == *other,
    };
    let is_zone = zone.is_empty() || zone == "Z" || zone.starts_with(['+', '-']);
    let is_time = time.bytes().zip(FORM).all(fits) && is_zone;
    is_time.then(|| Expr::Literal(ScalarValue::Utf8(Some(format!("{time}:00{zone}"))), metadata.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;
    use std::sync::Arc;

    async fn row(sql: &str) -> String {
        let context = SessionContext::new();
        context.add_analyzer_rule(Arc::new(ReadableCasts));
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        text.lines().skip(3).filter(|line| line.starts_with('|')).collect()
    }

    #[tokio::test]
    async fn fractions_are_rounded_and_whole_numbers_are_kept() {
        assert_eq!(
            row("SELECT 2.5::INT AS a, CAST(-2.7 AS BIGINT) AS b, TRY_CAST(3.4 AS INT) AS c").await,
            "| 3 | -3 | 3 |"
        );
        let large =
            "SELECT 9007199254740993::BIGINT AS a, '9007199254740993'::BIGINT AS b, 2.5::DECIMAL(5, 1)::INT AS c";
        assert_eq!(row(large).await, "| 9007199254740993 | 9007199254740993 | 3 |");
        assert_eq!(row("SELECT sum(x::INT) AS s FROM (VALUES (1.6), (2.6)) t(x) GROUP BY (x > 9)::INT").await, "| 5 |");
    }

    #[tokio::test]
    async fn intervals_are_compared_by_their_length() {
        let sql = "SELECT INTERVAL '36 hours' > INTERVAL '1 day' AS a, \
                   TIMESTAMP '2001-07-01 00:00:00' - TIMESTAMP '2001-01-01 00:00:00' > INTERVAL '100 days' AS b, \
                   INTERVAL '1 month' BETWEEN INTERVAL '29 days' AND INTERVAL '31 days' AS c";
        assert_eq!(row(sql).await, "| true | true | true |");
    }

    #[tokio::test]
    async fn times_as_text_have_a_space() {
        let sql =
            "SELECT TIMESTAMP '2001-03-15 10:00:00'::VARCHAR AS a, (TIMESTAMP '2001-03-15 10:00:00.25' || '') AS b";
        assert_eq!(row(sql).await, "| 2001-03-15 10:00:00 | 2001-03-15 10:00:00.250 |");
    }

    #[tokio::test]
    async fn times_need_no_seconds() {
        let sql = "SELECT TIMESTAMP '2026-03-01 10:30' AS a, TIMESTAMP '2026-03-01 10:31' > '2026-03-01T10:30' AS b";
        assert_eq!(row(sql).await, "| 2026-03-01T10:30:00 | true |");
        assert_eq!(row("SELECT TRY_CAST('10:30' AS TIMESTAMP) IS NULL AS a").await, "| true |");
    }
}
