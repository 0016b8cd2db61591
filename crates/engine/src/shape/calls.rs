//! Aggregate calls as sums and counts over domains.

use super::Reason;
use super::lineage::Lineage;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable};

/// A set of rows within WHERE: those that pass a FILTER and where an argument is not NULL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Domain {
    pub(crate) filter: Option<Expr>,
    /// The argument that must not be NULL.
    pub(crate) not_null: Option<usize>,
}

/// A count of a domain's rows, or the sum of an argument over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) domain: usize,
    pub(crate) argument: Option<usize>,
}

/// How a call follows from variables (by number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Count { rows: usize },
    Sum { sum: usize },
    Avg { sum: usize, rows: usize },
}

/// One aggregate of the plan.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) kind: CallKind,
    /// The aggregate over the scan's columns, without an alias.
    pub(crate) expr: Expr,
    pub(crate) data_type: DataType,
}

#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) arguments: Vec<Expr>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) calls: Vec<Call>,
}

pub(crate) fn collect(aggregate: &Aggregate, below: &Lineage, scan: &DFSchemaRef) -> Result<Calls, Reason> {
    if aggregate.aggr_expr.is_empty() {
        return Err(Reason::new("a list of distinct values needs every row"));
    }
    let mut calls = Calls::default();
    let first = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
    for (number, expr) in aggregate.aggr_expr.iter().enumerate() {
        let expr = below.replace(expr).map_err(|e| Reason::new(format!("a column cannot be traced: {e}")))?;
        let data_type = aggregate.schema.field(first + number).data_type().clone();
        calls.add(expr, data_type, scan)?;
    }
    Ok(calls)
}

impl Calls {
    fn add(&mut self, expr: Expr, data_type: DataType, scan: &DFSchemaRef) -> Result<(), Reason> {
        let Expr::AggregateFunction(call) = &expr else {
            return Err(Reason::new(format!("{expr} is not an aggregate call")));
        };
        let name = call.func.name();
        let argument = check_call(call)?;
        let argument = match argument {
            Expr::Literal(value, _) if name == "count" && !value.is_null() => None,
            other => Some(other),
        };
        if name != "count" && !argument.is_some_and(|a| a.get_type(scan).is_ok_and(|t| t.is_numeric())) {
            return Err(Reason::new(format!("{name} of values that are not numbers is answered exactly")));
        }
        let nullable = argument.is_some_and(|a| a.nullable(scan).unwrap_or(true));
        let argument = argument.cloned().map(|a| position(&mut self.arguments, a));
        let filter = call.params.filter.as_deref().cloned();
        let domain = position(&mut self.domains, Domain { filter, not_null: argument.filter(|_| nullable) });
        let kind = match name {
            "count" => CallKind::Count { rows: position(&mut self.variables, Variable { domain, argument: None }) },
            "sum" => CallKind::Sum { sum: position(&mut self.variables, Variable { domain, argument }) },
            _ => CallKind::Avg {
                sum: position(&mut self.variables, Variable { domain, argument }),
                rows: position(&mut self.variables, Variable { domain, argument: None }),
            },
        };
        self.calls.push(Call { kind, expr, data_type });
        Ok(())
    }
}

/// The single argument of a call that can be estimated.
fn check_call(call: &AggregateFunction) -> Result<&Expr, Reason> {
    let name = call.func.name();
    if !matches!(name, "count" | "sum" | "avg") {
        return Err(Reason::new(format!("{} is answered exactly for now", name.to_uppercase())));
    }
    if call.params.distinct {
        return Err(Reason::new(format!("{}(DISTINCT …) is answered exactly for now", name.to_uppercase())));
    }
    match call.params.args.as_slice() {
        [argument] => Ok(argument),
        [] => Err(Reason::new(format!("{name} without an argument is answered exactly"))),
        _ => Err(Reason::new(format!("{name} of several arguments is answered exactly"))),
    }
}

fn position<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|i| *i == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

/// Whether a literal is a number, and which.
pub(crate) fn literal_number(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) if value.data_type().is_numeric() => number,
        _ => None,
    }
}
