//! Aggregate calls as sums and counts over domains, and the non-linear aggregates beside them.

mod kinds;
mod moments;

pub use kinds::{Argument, Call, CallKind, Domain, NonLinearAggregate, NonLinearKind, SecondMoment, Variable};

use super::lineage::Lineage;
use super::query::Reason;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable};
use plusminus_functions::numbers::{is_ordered, steps};

/// The calls of one aggregate node and the parts they are made of; each part occurs once and is numbered in the order of first use.
#[derive(Default)]
pub(crate) struct Calls {
    /// Distinct arguments.
    pub arguments: Vec<Argument>,
    /// Distinct sets of rows.
    pub domains: Vec<Domain>,
    /// Distinct counts and sums.
    pub variables: Vec<Variable>,
    /// Distinct non-linear aggregates.
    pub non_linear: Vec<NonLinearAggregate>,
    /// The aggregate calls in the order of the node's output.
    pub calls: Vec<Call>,
}

/// The calls of `aggregate`, or the reason why no sample estimates one of them.
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

/// How far samples can estimate an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimable {
    /// Every sample of the table can.
    Always,
    /// Some samples can: extremes and counts of distinct values.
    BySomeSamples,
    /// No sample can.
    Never,
}

/// How far samples can estimate each of the aggregates, in the order of the node's output.
pub(crate) fn estimable(aggregate: &Aggregate, below: &Lineage, scan: &DFSchemaRef) -> Vec<Estimable> {
    let first = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
    let own = |(number, expr): (usize, &Expr)| {
        let mut calls = Calls::default();
        let data_type = aggregate.schema.field(first + number).data_type().clone();
        let added = below.replace(expr).map(|expr| calls.add(expr, data_type, scan));
        let is_some = |non_linear: &NonLinearAggregate| !matches!(non_linear.kind, NonLinearKind::Quantile { .. });
        match added {
            Ok(Ok(())) if calls.non_linear.iter().any(is_some) => Estimable::BySomeSamples,
            Ok(Ok(())) => Estimable::Always,
            _ => Estimable::Never,
        }
    };
    aggregate.aggr_expr.iter().enumerate().map(own).collect()
}

impl Calls {
    fn add(&mut self, expr: Expr, data_type: DataType, scan: &DFSchemaRef) -> Result<(), Reason> {
        let Expr::AggregateFunction(call) = &expr else {
            return Err(Reason::new(format!("{expr} is not an aggregate call")));
        };
        let kind = match (call.func.name(), call.params.distinct) {
            ("min" | "max" | "bool_and" | "bool_or", _) => self.extreme(call, scan)?,
            ("count", true) | ("approx_distinct", _) => self.distinct(call, scan)?,
            (name, true) => {
                return Err(Reason::new(format!("{}(DISTINCT …) is answered exactly", name.to_uppercase())));
            }
            ("count", _) => self.count(call, scan)?,
            ("sum" | "avg", _) => self.sum_or_avg(call, scan)?,
            ("median" | "approx_median" | "percentile_cont" | "approx_percentile_cont", _) => {
                self.quantile(call, scan)?
            }
            (name, _) => match self.moments(call, scan)? {
                Some(kind) => kind,
                None => return Err(Reason::new(format!("{} is answered exactly", name.to_uppercase()))),
            },
        };
        self.calls.push(Call { kind, expr, data_type });
        Ok(())
    }

    fn count(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<CallKind, Reason> {
        let arguments = match one_argument(call)? {
            Expr::Literal(value, _) if !value.is_null() => Vec::new(),
            other => vec![other],
        };
        let domain = self.domain(call, &arguments, scan);
        Ok(CallKind::Count { rows: self.variable(domain, None) })
    }

    fn sum_or_avg(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<CallKind, Reason> {
        let argument = numeric(call, one_argument(call)?, scan)?;
        let domain = self.domain(call, &[argument], scan);
        let place = self.argument(argument);
        let sum = self.variable(domain, Some(place));
        Ok(match call.func.name() {
            "sum" => CallKind::Sum { sum },
            _ => CallKind::Avg { sum, rows: self.variable(domain, None) },
        })
    }

    fn quantile(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<CallKind, Reason> {
        let share = match call.params.args.as_slice() {
            [_] => 0.5,
            [_, Expr::Literal(share, _), ..] => literal_number(share).unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        if !(0.0..=1.0).contains(&share) {
            return Err(Reason::new("a percentile must be a number from 0 to 1"));
        }
        let descending = call.params.order_by.first().is_some_and(|key| !key.asc);
        let argument = numeric(call, &call.params.args[0], scan)?;
        let steps = argument.get_type(scan).ok().as_ref().and_then(steps);
        let domain = self.domain(call, &[argument], scan);
        let argument = self.argument(argument);
        let share = if descending { 1.0 - share } else { share };
        // A percentile is a share of this count.
        let rows = self.variable(domain, None);
        Ok(self.non_linear(NonLinearAggregate {
            domain,
            argument,
            steps,
            kind: NonLinearKind::Quantile { share, rows },
        }))
    }

    fn extreme(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<CallKind, Reason> {
        let argument = one_argument(call)?;
        let name = call.func.name();
        let data_type = argument.get_type(scan).map_err(|e| Reason::new(e.to_string()))?;
        let truth = data_type == DataType::Boolean;
        if !is_ordered(&data_type) {
            return Err(Reason::new(format!("{} of {data_type} is answered exactly", name.to_uppercase())));
        }
        let domain = self.domain(call, &[argument], scan);
        let argument = self.argument(argument);
        let is_max = matches!(name, "max" | "bool_or");
        Ok(self.non_linear(NonLinearAggregate {
            domain,
            argument,
            steps: steps(&data_type),
            kind: NonLinearKind::Extreme { is_max, truth },
        }))
    }

    /// COUNT(DISTINCT column), which some catalogs know and universe samples of the column estimate.
    fn distinct(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<CallKind, Reason> {
        let Expr::Column(column) = one_argument(call)? else {
            return Err(Reason::new("COUNT(DISTINCT …) of an expression is answered exactly"));
        };
        let argument = Expr::Column(column.clone());
        let domain = self.domain(call, &[&argument], scan);
        let rows = self.variable(domain, None);
        let kind = NonLinearKind::Distinct { column: column.name.clone(), rows };
        let argument = self.argument(&argument);
        Ok(self.non_linear(NonLinearAggregate { domain, argument, steps: None, kind }))
    }

    fn non_linear(&mut self, non_linear: NonLinearAggregate) -> CallKind {
        CallKind::NonLinear(position(&mut self.non_linear, non_linear))
    }

    /// The number of a call's domain: the rows that pass its FILTER and where none of its arguments is NULL.
    fn domain(&mut self, call: &AggregateFunction, arguments: &[&Expr], scan: &DFSchemaRef) -> usize {
        let nullable = arguments.iter().filter(|a| a.nullable(scan).unwrap_or(true));
        let mut not_null: Vec<usize> = nullable.map(|a| self.argument(a)).collect();
        not_null.sort_unstable();
        not_null.dedup();
        position(&mut self.domains, Domain { filter: call.params.filter.as_deref().cloned(), not_null })
    }

    fn argument(&mut self, expr: &Expr) -> usize {
        position(&mut self.arguments, Argument::Plain(expr.clone()))
    }

    fn variable(&mut self, domain: usize, argument: Option<usize>) -> usize {
        position(&mut self.variables, Variable { domain, argument })
    }
}

/// The single argument of a call.
fn one_argument(call: &AggregateFunction) -> Result<&Expr, Reason> {
    let name = call.func.name();
    match call.params.args.as_slice() {
        [argument] => Ok(argument),
        [] => Err(Reason::new(format!("{name} without an argument is answered exactly"))),
        _ => Err(Reason::new(format!("{name} of several arguments is answered exactly"))),
    }
}

/// `argument` if its type is numeric.
fn numeric<'e>(call: &AggregateFunction, argument: &'e Expr, scan: &DFSchemaRef) -> Result<&'e Expr, Reason> {
    if argument.get_type(scan).is_ok_and(|t| t.is_numeric()) {
        return Ok(argument);
    }
    Err(Reason::new(format!("{} of values that are not numbers is answered exactly", call.func.name())))
}

fn position<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|i| *i == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

/// The number that a literal stands for; `None` for any other literal.
pub fn literal_number(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) if value.data_type().is_numeric() => number,
        _ => None,
    }
}
