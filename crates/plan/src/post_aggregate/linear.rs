//! Whether what stands above an aggregate is made of totals alone.
//!
//! Sums over groups of counts and sums are estimated without bias whichever groups a sample showed. Anything else above an aggregate, such as
//! the number of groups or their average, needs every group.

use super::nested_aggregate::unaliased;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, WindowFunctionDefinition};

/// Whether each column of `plan` is a linear function of counts and sums over rows; `base` is the schema of the aggregate over rows.
///
/// Such a total is estimated without bias whichever groups were seen.
fn linear(plan: &LogicalPlan, base: &DFSchemaRef) -> Vec<bool> {
    let none = || vec![false; plan.schema().fields().len()];
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let is_base = aggregate.schema == *base;
            let below = if is_base { Vec::new() } else { linear(&aggregate.input, base) };
            let call = |expr: &Expr| is_total(expr) && (is_base || is_linear_sum(expr, &aggregate.input, &below));
            let keys = plan.schema().fields().len() - aggregate.aggr_expr.len();
            std::iter::repeat_n(false, keys).chain(aggregate.aggr_expr.iter().map(call)).collect()
        }
        LogicalPlan::Window(window) => {
            let below = linear(&window.input, base);
            let own: Vec<bool> =
                window.window_expr.iter().map(|expr| is_linear_sum(expr, &window.input, &below)).collect();
            below.into_iter().chain(own).collect()
        }
        LogicalPlan::Projection(projection) => {
            let below = linear(&projection.input, base);
            projection.expr.iter().map(|expr| is_linear(expr, &projection.input, &below)).collect()
        }
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => match plan.inputs().first() {
            Some(input) => linear(input, base),
            None => none(),
        },
        _ => none(),
    }
}

/// Whether a call is COUNT or SUM without DISTINCT.
fn is_total(expr: &Expr) -> bool {
    match unaliased(expr) {
        Expr::AggregateFunction(call) => matches!(call.func.name(), "count" | "sum") && !call.params.distinct,
        _ => false,
    }
}

/// Whether `expr` is a SUM of a linear expression, as an aggregate or over a window; `below` marks the linear columns of `input`.
fn is_linear_sum(expr: &Expr, input: &LogicalPlan, below: &[bool]) -> bool {
    let (name, args) = match unaliased(expr) {
        Expr::AggregateFunction(call) if !call.params.distinct => (call.func.name(), &call.params.args),
        Expr::WindowFunction(call) if !call.params.distinct => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => (function.name(), &call.params.args),
            WindowFunctionDefinition::WindowUDF(_) => return false,
        },
        _ => return false,
    };
    name == "sum" && args.iter().all(|arg| is_linear(arg, input, below))
}

fn is_linear(expr: &Expr, input: &LogicalPlan, below: &[bool]) -> bool {
    match unaliased(expr) {
        Expr::Column(column) => input.schema().index_of_column(column).is_ok_and(|at| below[at]),
        Expr::Cast(cast) => is_linear(&cast.expr, input, below),
        Expr::Negative(inner) => is_linear(inner, input, below),
        Expr::BinaryExpr(binary) => {
            let (left, right) = (is_linear(&binary.left, input, below), is_linear(&binary.right, input, below));
            let is_number = |expr: &Expr| matches!(expr, Expr::Literal(..));
            match binary.op {
                Operator::Plus | Operator::Minus => left && right,
                Operator::Multiply => left && is_number(&binary.right) || right && is_number(&binary.left),
                Operator::Divide => left && is_number(&binary.right),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether an aggregate or window above the aggregate over rows is anything but a sum of totals, and so needs every group.
pub(crate) fn needs_all_groups(plan: &LogicalPlan, base: &DFSchemaRef) -> bool {
    let needs = match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.schema == *base => return false,
        LogicalPlan::Aggregate(aggregate) => {
            let below = linear(&aggregate.input, base);
            !aggregate.aggr_expr.iter().all(|expr| is_linear_sum(expr, &aggregate.input, &below))
        }
        LogicalPlan::Window(window) => {
            let below = linear(&window.input, base);
            !window.window_expr.iter().all(|expr| is_linear_sum(expr, &window.input, &below))
        }
        _ => false,
    };
    needs || plan.inputs().into_iter().any(|input| needs_all_groups(input, base))
}
