//! Bounds on the effect that a single row outside the sample could have on the aggregates of a group.

use super::Estimator;
use crate::moments::{Extent, NO_VALUE, Ranges, RowEffectForm, Term, meet};
use plusminus_kernel::LinearisedVariable;
use plusminus_plan::Argument;
use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{Total, Unsampled};

impl Estimator<'_> {
    /// Effect of one unsampled row on a linear function of the variables; `z` is the total of the function's linearised values.
    pub(crate) fn unsampled(&self, linear: &LinearisedVariable, group: usize, z: &Total) -> Unsampled {
        let part = self.parts[group];
        let is_whole = linear.terms.iter().all(|(variable, _)| self.is_whole(*variable));
        let extent = match (linear.one_domain, is_whole) {
            (true, true) => Extent::Whole(self.unsampled.is_single(part).then(|| z.inexact_mean())),
            (true, false) => Extent::OneDomain,
            (false, _) => Extent::Domains,
        };
        let is_product = |(variable, _): &(usize, Vec<f64>)| {
            let argument = self.query.variables[*variable].argument;
            argument.is_some_and(|argument| matches!(self.query.arguments[argument], Argument::Product(..)))
        };
        let form = match linear.one_domain && linear.terms.iter().any(is_product) {
            true => self.about_means(linear, group),
            false => Some(self.form(linear, group)),
        };
        form.map_or(Unsampled::UNKNOWN, |form| self.unsampled.linear(part, &form, extent))
    }

    /// The form with each term as it stands.
    fn form(&self, linear: &LinearisedVariable, group: usize) -> RowEffectForm {
        let mut form = RowEffectForm::default();
        for (variable, slopes) in &linear.terms {
            let slope = slopes[group];
            match self.query.variables[*variable].argument {
                None => form.counts.push(slope),
                Some(argument) => {
                    let limit = self.limit(group, *variable, argument);
                    form.sums.push(Term { argument, slope, mean: 0.0, limit });
                }
            }
        }
        form
    }

    /// The form with arguments and their products taken about the group's means, where the terms of second moments largely cancel;
    /// `None` where a mean or a centre is not known.
    fn about_means(&self, linear: &LinearisedVariable, group: usize) -> Option<RowEffectForm> {
        let mut form = RowEffectForm::default();
        let domain = self.query.variables[linear.terms.first()?.0].domain;
        let mut constant = 0.0;
        // The mean of an argument in the group, and its distance from the centre of products.
        let means = |argument: usize| {
            let mut variables = self.query.variables.iter();
            let own = variables.position(|v| v.argument == Some(argument) && v.domain == domain)?;
            let total = self.total(group, own);
            let mean = total.estimate() / total.count_estimate();
            Some((mean, mean - self.facts[argument].mean?))
        };
        for (variable, slopes) in &linear.terms {
            let slope = slopes[group];
            let Some(argument) = self.query.variables[*variable].argument else {
                constant += slope;
                continue;
            };
            let mut add = |argument: usize, slope: f64, mean: f64| {
                let limit = self.limit(group, *variable, argument);
                form.sums.push(Term { argument, slope, mean, limit });
            };
            match self.query.arguments[argument] {
                Argument::Plain(_) => {
                    let (mean, _) = means(argument)?;
                    constant += slope * mean;
                    add(argument, slope, mean);
                }
                Argument::Centred(of) => {
                    let (mean, apart) = means(of)?;
                    constant += slope * apart;
                    add(of, slope, mean);
                }
                Argument::Product(one, other) => {
                    let ((mean, apart), (other_mean, other_apart)) = (means(one)?, means(other)?);
                    constant += slope * apart * other_apart;
                    add(one, slope * other_apart, mean);
                    add(other, slope * apart, other_mean);
                    form.products.push((one, other, slope));
                }
            }
        }
        form.counts.push(constant);
        form.gather();
        Some(form)
    }

    /// Whether the variable's domain holds every row of its strata.
    pub(crate) fn is_whole(&self, variable: usize) -> bool {
        let domain = &self.query.domains[self.query.variables[variable].domain];
        self.whole_strata && domain.filter.is_none() && domain.not_null.is_empty()
    }

    /// Effect of one unsampled row on the sum of an argument's values less `centre`.
    pub(crate) fn unsampled_of_sum(&self, group: usize, variable: usize, argument: usize, centre: f64) -> Unsampled {
        let part = self.parts[group];
        if self.is_whole(variable) {
            let mean = self.unsampled.is_single(part).then(|| self.total(group, variable).inexact_mean());
            return self.unsampled.whole(part, argument, mean.filter(|mean| mean.is_finite()));
        }
        self.unsampled.partial(part, argument, centre, self.limit(group, variable, argument))
    }

    /// Range of an argument's values in the rows of a group and of the variable's FILTER; `None` where neither fixes a column.
    fn limit(&self, group: usize, variable: usize, argument: usize) -> Option<ValueRange> {
        let domain = self.query.variables[variable].domain;
        let of_domain = self.limits.and_then(|limits| limits.domains.get(domain)?.as_ref());
        let of_group = self.group_limits.get(group).and_then(Option::as_ref);
        let own = |ranges: &Ranges| ranges[argument].unwrap_or(NO_VALUE);
        match (of_domain.map(own), of_group.map(own)) {
            (Some(one), Some(other)) => Some(meet(one, other)),
            (one, other) => one.or(other),
        }
    }
}
