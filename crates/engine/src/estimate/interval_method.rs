//! Which interval a column gets, and what it needs of the second walk.

use super::Estimator;
use plusminus_kernel::Linear;
use plusminus_plan::{CallKind, Shape, Spread, used_inputs};
use plusminus_statistics::expression::{Linear as LinearForm, Smooth, ValueRange};

/// How the interval of a function is found.
pub(crate) enum Way {
    /// No aggregate takes part.
    Constant,
    /// One count or sum, up to factor and summand.
    Variable(LinearForm),
    /// One special call, up to factor and summand.
    Special(LinearForm),
    Mean {
        sum: usize,
        rows: usize,
    },
    Spread(Spread),
    Smooth,
}

pub(crate) struct Plan<'a> {
    pub(crate) smooth: &'a Smooth,
    pub(crate) way: &'a Way,
    /// Number of the linear form in the second walk.
    pub(crate) linear: Option<usize>,
    /// The values that it can have.
    pub(crate) range: ValueRange,
    /// Whether the sample misstates what is known of the table.
    pub(crate) is_doubted: bool,
}

/// How the interval of each of the shape's functions is found; `of_keys` in a sample of keys.
pub(crate) fn ways(shape: &Shape, of_keys: bool) -> Vec<Way> {
    shape.smooths().map(|smooth| way(shape, of_keys, smooth)).collect()
}

fn way(shape: &Shape, of_keys: bool, smooth: &Smooth) -> Way {
    let (specials, keys) = (shape.variables.len(), shape.first_key_input());
    if used_inputs(smooth).iter().all(|input| *input >= keys) {
        return Way::Constant;
    }
    match smooth.is_linear_in_one() {
        Some(linear) if linear.input < specials => return Way::Variable(linear),
        Some(linear) if linear.input < keys => return Way::Special(linear),
        _ => {}
    }
    // Of keys, a mean is a ratio like any other.
    if of_keys {
        return Way::Smooth;
    }
    if let Some((sum, rows)) = shape.average(smooth) {
        return Way::Mean { sum, rows };
    }
    let own = shape.calls.iter().find_map(|call| match &call.kind {
        CallKind::Spread { of, spread } if of == smooth => Some(*spread),
        _ => None,
    });
    own.filter(|spread| *spread != Spread::Other).map_or(Way::Smooth, Way::Spread)
}

impl Estimator<'_> {
    pub(crate) fn plan<'s>(&self, smooth: &'s Smooth, way: &'s Way, linears: &mut Vec<Linear>) -> Plan<'s> {
        let linear = match *way {
            Way::Constant | Way::Variable(_) | Way::Special(_) => None,
            Way::Mean { sum, rows } => {
                linears.push(self.linear_mean(sum, rows));
                Some(linears.len() - 1)
            }
            Way::Spread(_) | Way::Smooth => {
                linears.push(self.linear_form(match (way, smooth) {
                    (Way::Spread(Spread::Deviation { .. }), Smooth::Sqrt(variance)) => variance,
                    _ => smooth,
                }));
                Some(linears.len() - 1)
            }
        };
        Plan { smooth, way, linear, range: self.range(smooth), is_doubted: false }
    }

    /// The values that a function of the aggregates can have.
    fn range(&self, smooth: &Smooth) -> ValueRange {
        smooth.range(&|part| match part {
            Smooth::Input(input) => self.shape.variables.get(*input).map(|variable| match variable.argument {
                None => ValueRange::NOT_NEGATIVE,
                Some(argument) => self.knowledge[argument].range.of_sums(),
            }),
            Smooth::Div(sum, rows) => self.share(sum, rows),
            _ => None,
        })
    }

    /// The values of a sum, or a count, over a count of rows among which its own are.
    fn share(&self, sum: &Smooth, rows: &Smooth) -> Option<ValueRange> {
        let (Smooth::Input(sum), Smooth::Input(rows)) = (sum, rows) else { return None };
        let (sum, rows) = (self.shape.variables.get(*sum)?, self.shape.variables.get(*rows)?);
        let holds = rows.domain == sum.domain || Some(rows.domain) == self.shape.whole_domain();
        if rows.argument.is_some() || !holds {
            return None;
        }
        let own = sum.argument.map_or(ValueRange::of(1.0), |argument| self.knowledge[argument].range);
        Some(if rows.domain == sum.domain { own } else { own.hull(ValueRange::of(0.0)) })
    }

    /// The slopes of an average: 1/N for the sum, −S/N² for the count.
    fn linear_mean(&self, sum: usize, rows: usize) -> Linear {
        let slopes = |group: usize| {
            let (total, count) = (self.total(group, sum).estimate(), self.total(group, rows).estimate());
            (1.0 / count, -total / (count * count))
        };
        let (of_sum, of_rows) = (0..self.groups()).map(slopes).unzip();
        Linear { terms: vec![(sum, of_sum), (rows, of_rows)], one_domain: true }
    }

    /// The function's slopes by variable and group.
    fn linear_form(&self, smooth: &Smooth) -> Linear {
        let used: Vec<usize> = used_inputs(smooth).into_iter().filter(|i| *i < self.width()).collect();
        let mut terms: Vec<(usize, Vec<f64>)> = used.iter().map(|v| (*v, Vec::with_capacity(self.groups()))).collect();
        let mut gradient = vec![0.0; self.shape.first_key_input() + self.key_values.len()];
        for group in 0..self.groups() {
            smooth.gradient(&self.inputs(group), &mut gradient);
            for (variable, coefficients) in &mut terms {
                coefficients.push(gradient[*variable]);
            }
        }
        let domain = self.shape.variables[used[0]].domain;
        let one_domain = used.iter().all(|v| self.shape.variables[*v].domain == domain);
        Linear { terms, one_domain }
    }
}
