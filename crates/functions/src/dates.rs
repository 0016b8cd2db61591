//! Dates plus intervals of less than a day are times, as in DuckDB and PostgreSQL; DataFusion leaves them dates and drops the hours.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

const DAY_NS: i64 = 86_400_000_000_000;

/// Makes times of dates to which hours, minutes or seconds are added. It comes before types are coerced.
#[derive(Debug, Default)]
pub struct DatesWithTimes;

impl AnalyzerRule for DatesWithTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let node = |node: LogicalPlan| {
            let schema = merge_schema(&node.inputs());
            let names = NamePreserver::new(&node);
            let changed = node.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_up(|expr| Ok(with_time(expr, &schema)))?;
                Ok(if changed.transformed { changed.update_data(|expr| name.restore(expr)) } else { changed })
            })?;
            // The type of a column may be another one now.
            if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
        };
        Ok(plan.transform_up_with_subqueries(node)?.data)
    }

    fn name(&self) -> &'static str {
        "dates_with_times"
    }
}

fn with_time(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return Transformed::no(expr) };
    let is_sum = matches!(op, Operator::Plus | Operator::Minus);
    let is_date =
        |expr: &Expr| expr.get_type(schema).is_ok_and(|own| matches!(own, DataType::Date32 | DataType::Date64));
    let time = |expr: Box<Expr>| Box::new(cast(*expr, DataType::Timestamp(TimeUnit::Nanosecond, None)));
    let (left, right, is_changed) = match is_sum {
        true if is_date(&left) && has_time(&right) => (time(left), right, true),
        true if is_date(&right) && has_time(&left) => (left, time(right), true),
        _ => (left, right, false),
    };
    let own = Expr::BinaryExpr(BinaryExpr { left, op, right });
    if is_changed { Transformed::yes(own) } else { Transformed::no(own) }
}

/// Whether an interval is a literal with hours, minutes or seconds.
fn has_time(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(own)), _) => own.nanoseconds % DAY_NS != 0,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(own)), _) => own.milliseconds % 86_400_000 != 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::SessionContext;
    use std::sync::Arc;

    #[tokio::test]
    async fn hours_are_not_dropped() {
        let state = SessionContext::new().state();
        let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(DatesWithTimes)];
        rules.extend(state.analyzer().rules.iter().cloned());
        let context: SessionContext = SessionStateBuilder::from(state).with_analyzer_rules(rules).build().into();
        let sql = "SELECT d + INTERVAL '1 hour' AS a, d - INTERVAL '1 second' < d AS b, d + INTERVAL '1 day' AS c \
                   FROM (VALUES (DATE '2024-01-01')) t(d) WHERE d + INTERVAL '12 hours' > DATE '2024-01-01'";
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        assert!(text.contains("| 2024-01-01T01:00:00 | true | 2024-01-02 |"), "{text}");
    }
}
