//! The method by which the interval of each column is computed, and the linearised values that it needs.

use super::Estimator;
use plusminus_kernel::LinearisedVariable;
use plusminus_plan::{AggregateQuery, CallKind, SecondMoment, used_inputs};
use plusminus_statistics::expression::{AffineInput, DifferentiableExpr, ValueRange};

/// Method by which the interval of a function is computed.
pub(crate) enum IntervalMethod {
    /// The function uses no aggregate.
    Constant,
    /// The function is a linear function of one count or sum.
    Variable(AffineInput),
    /// The function is a linear function of one special call.
    NonLinearAggregate(AffineInput),
    Mean {
        sum: usize,
        rows: usize,
    },
    SecondMoment(SecondMoment),
    Linearised,
}

pub(crate) struct ColumnEstimation<'a> {
    pub(crate) function: &'a DifferentiableExpr,
    pub(crate) method: &'a IntervalMethod,
    /// Number of its linear form in the second pass over the rows.
    pub(crate) linear: Option<usize>,
    /// The values that the function can have.
    pub(crate) range: ValueRange,
    /// Whether a sample of keys misstates known facts about the table that the function depends on.
    pub(crate) is_doubted: bool,
}

/// The method for each of the query's functions, in the order of [`AggregateQuery::functions`]; `of_keys` for a sample of keys.
pub(crate) fn methods(query: &AggregateQuery, of_keys: bool) -> Vec<IntervalMethod> {
    query.functions().map(|function| method(query, of_keys, function)).collect()
}

fn method(query: &AggregateQuery, of_keys: bool, function: &DifferentiableExpr) -> IntervalMethod {
    let (non_linear, keys) = (query.variables.len(), query.first_key_input());
    if used_inputs(function).iter().all(|input| *input >= keys) {
        return IntervalMethod::Constant;
    }
    match function.is_linear_in_one() {
        Some(linear) if linear.input < non_linear => return IntervalMethod::Variable(linear),
        Some(linear) if linear.input < keys => return IntervalMethod::NonLinearAggregate(linear),
        _ => {}
    }
    // In a sample of keys a mean is a ratio like any other.
    if of_keys {
        return IntervalMethod::Linearised;
    }
    if let Some((sum, rows)) = query.average(function) {
        return IntervalMethod::Mean { sum, rows };
    }
    let own = query.calls.iter().find_map(|call| match &call.kind {
        CallKind::Moments { of, spread } if of == function => Some(*spread),
        _ => None,
    });
    own.filter(|spread| *spread != SecondMoment::Other).map_or(IntervalMethod::Linearised, IntervalMethod::SecondMoment)
}

impl Estimator<'_> {
    pub(crate) fn plan<'s>(
        &self,
        function: &'s DifferentiableExpr,
        method: &'s IntervalMethod,
        linears: &mut Vec<LinearisedVariable>,
    ) -> ColumnEstimation<'s> {
        let linear = match *method {
            IntervalMethod::Constant | IntervalMethod::Variable(_) | IntervalMethod::NonLinearAggregate(_) => None,
            IntervalMethod::Mean { sum, rows } => {
                linears.push(self.linear_mean(sum, rows));
                Some(linears.len() - 1)
            }
            IntervalMethod::SecondMoment(_) | IntervalMethod::Linearised => {
                linears.push(self.linear_form(match (method, function) {
                    (
                        IntervalMethod::SecondMoment(SecondMoment::Deviation { .. }),
                        DifferentiableExpr::Sqrt(variance),
                    ) => variance,
                    _ => function,
                }));
                Some(linears.len() - 1)
            }
        };
        ColumnEstimation { function, method, linear, range: self.range(function), is_doubted: false }
    }

    /// The values that a function of the aggregates can have.
    fn range(&self, function: &DifferentiableExpr) -> ValueRange {
        function.range(&|part| match part {
            DifferentiableExpr::Input(input) => {
                self.query.variables.get(*input).map(|variable| match variable.argument {
                    None => ValueRange::NOT_NEGATIVE,
                    Some(argument) => self.facts[argument].range.of_sums(),
                })
            }
            DifferentiableExpr::Div(sum, rows) => self.share(sum, rows),
            _ => None,
        })
    }

    /// The values of a sum or count divided by a count of rows that include those of the sum.
    fn share(&self, sum: &DifferentiableExpr, rows: &DifferentiableExpr) -> Option<ValueRange> {
        let (DifferentiableExpr::Input(sum), DifferentiableExpr::Input(rows)) = (sum, rows) else { return None };
        let (sum, rows) = (self.query.variables.get(*sum)?, self.query.variables.get(*rows)?);
        let holds = rows.domain == sum.domain || Some(rows.domain) == self.query.whole_domain();
        if rows.argument.is_some() || !holds {
            return None;
        }
        let own = sum.argument.map_or(ValueRange::of(1.0), |argument| self.facts[argument].range);
        Some(if rows.domain == sum.domain { own } else { own.hull(ValueRange::of(0.0)) })
    }

    /// The linear form of an average: its slopes are 1/N for the sum and −S/N² for the count.
    fn linear_mean(&self, sum: usize, rows: usize) -> LinearisedVariable {
        let slopes = |group: usize| {
            let (total, count) = (self.total(group, sum).estimate(), self.total(group, rows).estimate());
            (1.0 / count, -total / (count * count))
        };
        let (of_sum, of_rows) = (0..self.groups()).map(slopes).unzip();
        LinearisedVariable { terms: vec![(sum, of_sum), (rows, of_rows)], one_domain: true }
    }

    /// The linear form of a function: its slopes by variable and group.
    fn linear_form(&self, function: &DifferentiableExpr) -> LinearisedVariable {
        let used: Vec<usize> = used_inputs(function).into_iter().filter(|i| *i < self.width()).collect();
        let mut terms: Vec<(usize, Vec<f64>)> = used.iter().map(|v| (*v, Vec::with_capacity(self.groups()))).collect();
        let mut gradient = vec![0.0; self.query.first_key_input() + self.key_values.len()];
        for group in 0..self.groups() {
            function.gradient(&self.inputs(group), &mut gradient);
            for (variable, coefficients) in &mut terms {
                coefficients.push(gradient[*variable]);
            }
        }
        let domain = self.query.variables[used[0]].domain;
        let one_domain = used.iter().all(|v| self.query.variables[*v].domain == domain);
        LinearisedVariable { terms, one_domain }
    }
}
