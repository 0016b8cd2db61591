//! Computes values, intervals and trust of the query's estimates from totals.

mod interval_method;
pub(crate) mod non_linear;
mod unsampled;

pub(crate) use interval_method::{IntervalMethod, methods};

use crate::answer::Result;
use crate::moments::{ArgumentFacts, Ranges, UnsampledRows, ValueLimits};
use interval_method::ColumnEstimation;
use plusminus_kernel::{Block, LinearisedVariable, Walk, Workers, key_linearised, linearised};
use plusminus_plan::{AggregateQuery, Call, CallKind, SecondMoment, used_inputs};
use plusminus_statistics::expression::{DifferentiableExpr, ValueRange};
use plusminus_statistics::{
    Doubt, Estimate, Population, PopulationMoments, Quantiles, Total, Trust, Unsampled, correlation_interval,
    count_interval, keyed_interval, keyed_sum_interval, mean_interval, smooth_interval, sum_interval,
    variance_interval,
};

use std::ops::Range;

/// Half widths that the argument of ABS must be away from zero in a trusted answer; its own interval is not symmetric.
const KINK_MARGIN: f64 = 1.25;

/// Groups from which intervals are computed by two threads.
const HALVED_GROUPS: usize = 2_048;

/// Inputs for the estimates of one level.
pub(crate) struct Estimator<'a> {
    pub(crate) query: &'a AggregateQuery,
    /// Interval method of each of the query's functions, in the order of [`AggregateQuery::functions`].
    pub(crate) methods: &'a [IntervalMethod],
    /// The rows for the second pass.
    pub(crate) rows: Source<'a>,
    /// Totals, groups × variables, groups outermost.
    pub(crate) totals: &'a [Total],
    /// Row counts of the strata that could hold rows of each group, one entry per group.
    pub(crate) populations: &'a [Population],
    /// Counts that the catalog knows, variables × groups.
    pub(crate) known: Vec<Option<&'a [f64]>>,
    /// Estimates of special calls, calls × groups.
    pub(crate) non_linear: Vec<Vec<Estimate>>,
    /// Range, mean and key moments of each argument, one entry per argument.
    pub(crate) facts: &'a [ArgumentFacts],
    /// Bounds on the effect of rows outside the sample.
    pub(crate) unsampled: &'a UnsampledRows,
    /// Ranges of arguments in the rows of a FILTER, where they are known.
    pub(crate) limits: Option<&'a ValueLimits>,
    /// Ranges of arguments in each group, one entry per group; empty where GROUP BY limits none.
    pub(crate) group_limits: &'a [Option<Ranges>],
    /// The part of the strata that could hold rows of each group, one entry per group.
    pub(crate) parts: &'a [usize],
    /// Whether WHERE and GROUP BY are decided by the stratum.
    pub(crate) whole_strata: bool,
    /// Moments of the number of rows per key, for a sample of keys; every value is then a key's total.
    pub(crate) rows_of_keys: Option<PopulationMoments>,
    pub(crate) quantiles: &'a Quantiles,
    /// Quantiles that hold in all groups at once, for counts of keys in groups with few keys each.
    pub(crate) of_few_keys: Option<&'a Quantiles>,
    /// Whether a sample of keys misstates known facts that each function depends on; empty where it does not.
    pub(crate) doubted: &'a [bool],
    /// Numeric GROUP BY values, keys × groups, where an expression uses them.
    pub(crate) key_values: Vec<&'a [f64]>,
}

/// Rows for the second pass.
pub(crate) enum Source<'a> {
    /// All rows, ordered by stratum.
    Strata(Walk<'a>),
    /// The rows of some groups, ordered by group.
    Block(Block<'a>),
    /// The rows of one group in up to two parts, each with its own totals by variable.
    Halves(Vec<(Block<'a>, Vec<Total>)>, &'a Workers),
}

impl Estimator<'_> {
    pub(crate) fn groups(&self) -> usize {
        self.populations.len()
    }

    fn width(&self) -> usize {
        self.query.variables.len()
    }

    pub(crate) fn total(&self, group: usize, variable: usize) -> &Total {
        &self.totals[group * self.width() + variable]
    }

    /// The value of an aggregate call in one group, for DataFusion to compute with.
    pub(crate) fn call_value(&self, call: &Call, group: usize) -> Option<f64> {
        let is_seen = |variable: usize| {
            let total = self.total(group, variable);
            total.domain_rows + total.exact_rows > 0
        };
        let input = |variable: usize| match self.known[variable].as_ref() {
            Some(known) if self.query.variables[variable].argument.is_none() => known[group],
            _ => self.total(group, variable).estimate(),
        };
        match &call.kind {
            CallKind::NonLinear(special) => self.non_linear[*special][group].value,
            CallKind::Avg { sum, rows } => {
                is_seen(*sum).then(|| self.total(group, *sum).estimate() / self.total(group, *rows).estimate())
            }
            kind => kind.value(input, is_seen),
        }
    }

    fn inputs(&self, group: usize) -> Vec<f64> {
        let variables = (0..self.width()).map(|v| self.total(group, v).estimate());
        let non_linear = self.non_linear.iter().map(|s| s.get(group).and_then(|e| e.value).unwrap_or(f64::NAN));
        let keys = self.key_values.iter().map(|k| k.get(group).copied().unwrap_or(f64::NAN));
        variables.chain(non_linear).chain(keys).collect()
    }

    /// The estimates, functions × groups, functions outermost; estimates of rounded columns are rounded.
    pub(crate) fn all_estimates(&self) -> Result<Vec<Vec<Estimate>>> {
        let mut estimates = self.estimates()?;
        let rounds = self.query.outputs.iter().filter(|o| o.function.is_some()).map(|o| o.round);
        for (column, digits) in estimates.iter_mut().zip(rounds) {
            if let Some(digits) = digits {
                column.iter_mut().for_each(|e| *e = rounded(*e, digits));
            }
        }
        Ok(estimates)
    }

    fn estimates(&self) -> Result<Vec<Vec<Estimate>>> {
        let mut linears = Vec::new();
        let methods = self.query.functions().zip(self.methods);
        let mut plans: Vec<ColumnEstimation<'_>> =
            methods.map(|(function, method)| self.plan(function, method, &mut linears)).collect();
        plans.iter_mut().zip(self.doubted).for_each(|(plan, doubted)| plan.is_doubted = *doubted);
        let walked = if linears.is_empty() { Vec::new() } else { self.linearised(&linears)? };
        let none = Total::default();
        let z = |plan: &ColumnEstimation<'_>, group: usize| {
            plan.linear.map_or(&none, |at| &walked[group * linears.len() + at])
        };
        let of = |plan: &ColumnEstimation<'_>, groups: Range<usize>| -> Vec<Estimate> {
            let mut estimates = Vec::with_capacity(self.groups());
            let linear = plan.linear.map(|at| &linears[at]);
            estimates.extend(groups.map(|group| self.estimate(plan, group, linear, z(plan, group))));
            estimates
        };
        let mut all = Vec::with_capacity(plans.len());
        for plan in &plans {
            let walk = match &self.rows {
                Source::Strata(walk) if self.groups() >= HALVED_GROUPS => walk,
                _ => {
                    all.push(of(plan, 0..self.groups()));
                    continue;
                }
            };
            let middle = self.groups() / 2;
            let halves = walk.workers.join(|| of(plan, 0..middle), || of(plan, middle..self.groups()))?;
            let mut estimates = halves.0;
            estimates.extend(halves.1);
            all.push(estimates);
        }
        Ok(all)
    }

    /// Totals of linearised values, groups × linear forms, groups outermost.
    fn linearised(&self, linears: &[LinearisedVariable]) -> Result<Vec<Total>> {
        let variables = &self.query.variables;
        match &self.rows {
            Source::Block(block) => Ok(block.linearised(variables, linears, self.totals)),
            Source::Halves(parts, workers) => {
                let of = |at: usize| {
                    let part = parts.get(at);
                    part.map(|(block, totals)| block.linearised(variables, linears, totals))
                };
                let (first, second) = workers.join(|| of(0), || of(1))?;
                let mut found = first.unwrap_or_else(|| vec![Total::default(); linears.len()]);
                found.iter_mut().zip(second.iter().flatten()).for_each(|(total, part)| total.merge(part));
                Ok(found)
            }
            Source::Strata(walk) if self.rows_of_keys.is_some() => Ok(key_linearised(walk, variables, linears)?),
            Source::Strata(walk) => Ok(linearised(walk, variables, linears, self.totals, self.query.whole_domain())?),
        }
    }

    fn estimate(
        &self,
        plan: &ColumnEstimation<'_>,
        group: usize,
        linear: Option<&LinearisedVariable>,
        z: &Total,
    ) -> Estimate {
        let estimate = self.free_estimate(plan, group, linear, z);
        let estimate = match plan.is_doubted && estimate.trust.is_reliable() && !estimate.trust.is_exact() {
            true => estimate.untrusted(Doubt::StrangeKeys),
            false => estimate,
        };
        if estimate.trust.is_exact() || plan.range == ValueRange::ALL {
            return estimate;
        }
        within_range(estimate, plan.range, self.error(plan, group, z))
    }

    /// The standard error of a sum or mean, which must be worth some rows; `None` for counts, which have a rule of their own.
    fn error(&self, plan: &ColumnEstimation<'_>, group: usize, z: &Total) -> Option<f64> {
        match plan.method {
            IntervalMethod::Variable(linear) if self.query.variables[linear.input].argument.is_some() => {
                Some(linear.scale.abs() * self.total(group, linear.input).standard_error()?)
            }
            IntervalMethod::Mean { .. } | IntervalMethod::Linearised => z.standard_error(),
            _ => None,
        }
    }

    /// The estimate before the function's range is applied.
    fn free_estimate(
        &self,
        plan: &ColumnEstimation<'_>,
        group: usize,
        linear: Option<&LinearisedVariable>,
        z: &Total,
    ) -> Estimate {
        // In a sample of keys there are no ranges for linear forms.
        let linear = linear.filter(|_| self.rows_of_keys.is_none());
        let unsampled = || linear.map_or(Unsampled::UNKNOWN, |linear| self.unsampled(linear, group, z));
        let population = &self.populations[group];
        let value = || plan.function.evaluate(&self.inputs(group));
        match plan.method {
            IntervalMethod::Constant => exact_or_null(value()),
            IntervalMethod::Variable(linear) => {
                self.variable(group, linear.input).map_linear(linear.scale, linear.offset)
            }
            IntervalMethod::NonLinearAggregate(linear) => {
                self.non_linear[linear.input - self.width()][group].map_linear(linear.scale, linear.offset)
            }
            IntervalMethod::Mean { sum, rows } => self.mean(group, *sum, *rows, z, population),
            IntervalMethod::SecondMoment(spread) => self.spread(*spread, value(), plan.function, group, z, unsampled()),
            IntervalMethod::Linearised => self.function(value(), plan.function, group, z, unsampled()),
        }
    }

    fn function(
        &self,
        value: f64,
        function: &DifferentiableExpr,
        group: usize,
        z: &Total,
        unsampled: Unsampled,
    ) -> Estimate {
        let population = &self.populations[group];
        if self.is_unseen(function, group) {
            return null(population);
        }
        let denominator_cv = self.instability(function, group);
        let estimate = match self.kurtosis_of_keys(function) {
            Some(kurtosis) => keyed_interval(
                value,
                z,
                self.gamma_of_keys(function),
                kurtosis,
                denominator_cv,
                population,
                self.quantiles,
            ),
            None => smooth_interval(value, z, unsampled, denominator_cv, population, self.quantiles),
        };
        let bends = !estimate.trust.is_exact() && self.may_bend(function, group);
        if bends { estimate.untrusted(Doubt::Kink) } else { estimate }
    }

    fn spread(
        &self,
        spread: SecondMoment,
        value: f64,
        function: &DifferentiableExpr,
        group: usize,
        z: &Total,
        unsampled: Unsampled,
    ) -> Estimate {
        let population = &self.populations[group];
        if self.is_unseen(function, group) || !value.is_finite() {
            return null(population);
        }
        match spread {
            SecondMoment::Variance { sum } => self.variance(value, sum, group, z, unsampled),
            // The root of the variance's interval; z is that of the variance.
            SecondMoment::Deviation { sum } => {
                self.variance(value * value, sum, group, z, unsampled).map_monotone(f64::sqrt)
            }
            SecondMoment::Correlation => correlation_interval(value, z, unsampled, population, self.quantiles),
            SecondMoment::Other => self.function(value, function, group, z, unsampled),
        }
    }

    fn variance(&self, value: f64, sum: usize, group: usize, z: &Total, unsampled: Unsampled) -> Estimate {
        let bounds = self.query.variables[sum].argument.map(|a| self.facts[a].range).unwrap_or_default();
        variance_interval(value, z, self.total(group, sum), unsampled, bounds, &self.populations[group], self.quantiles)
    }

    /// Whether `function` uses a sum of which no row was seen.
    fn is_unseen(&self, function: &DifferentiableExpr, group: usize) -> bool {
        let inputs = used_inputs(function);
        let empty = |v: &usize| {
            let total = self.total(group, *v);
            total.domain_rows + total.exact_rows == 0
        };
        let sums = |v: &&usize| **v < self.width() && self.query.variables[**v].argument.is_some();
        inputs.iter().filter(sums).any(empty)
    }

    /// Estimates a single count or sum.
    fn variable(&self, group: usize, variable: usize) -> Estimate {
        let population = &self.populations[group];
        let total = self.total(group, variable);
        let argument = self.query.variables[variable].argument;
        match (argument, &self.known[variable]) {
            (None, Some(known)) => Estimate::exact(known[group]),
            (None, None) => match &self.rows_of_keys {
                None => count_interval(total, population, self.quantiles),
                Some(_) if total.is_empty() => no_key(population),
                Some(known) => keyed_sum_interval(total, known, population, self.quantiles),
            },
            (Some(argument), _) if self.rows_of_keys.is_some() => {
                keyed_sum_interval(total, &self.facts[argument].keys, population, self.quantiles)
            }
            (Some(argument), _) => {
                let unsampled = self.unsampled_of_sum(group, variable, argument, 0.0);
                let bounds = self.facts[argument].range;
                sum_interval(total, self.is_whole(variable), unsampled, bounds, population, self.quantiles)
            }
        }
    }

    fn mean(&self, group: usize, sum: usize, rows: usize, z: &Total, population: &Population) -> Estimate {
        let (total, count) = (self.total(group, sum), self.total(group, rows));
        let mean = total.estimate() / count.estimate();
        let argument = self.query.variables[sum].argument;
        let unsampled =
            argument.map_or(Unsampled::UNKNOWN, |argument| self.unsampled_of_sum(group, sum, argument, mean));
        let unsampled = unsampled.scaled(count.estimate().recip());
        let bounds = argument.map(|a| self.facts[a].range).unwrap_or_default();
        mean_interval(mean, z, total, unsampled, bounds, population, self.quantiles)
    }

    /// For a sample of keys, the largest skewness of the keys' totals, by absolute value and at least 1; `None` when one is unknown.
    fn gamma_of_keys(&self, function: &DifferentiableExpr) -> Option<f64> {
        let mut gamma: f64 = 1.0;
        for variable in used_inputs(function).into_iter().filter_map(|i| self.query.variables.get(i)) {
            let skewness = match variable.argument {
                Some(argument) => self.facts[argument].keys.skewness?,
                None => self.rows_of_keys.and_then(|rows| rows.skewness)?,
            };
            if skewness.abs() > gamma.abs() {
                gamma = skewness;
            }
        }
        Some(gamma)
    }

    /// For a sample of keys, the largest kurtosis of the keys' totals; `Some(None)` when one is unknown.
    fn kurtosis_of_keys(&self, function: &DifferentiableExpr) -> Option<Option<f64>> {
        let rows = self.rows_of_keys.as_ref()?;
        let variables = used_inputs(function).into_iter().filter_map(|i| self.query.variables.get(i));
        let known = variables.map(|v| v.argument.map_or(rows.kurtosis, |a| self.facts[a].keys.kurtosis));
        known.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)))
    }

    /// An upper bound on the coefficient of variation of the function's denominators.
    fn instability(&self, function: &DifferentiableExpr, group: usize) -> f64 {
        self.variation_of(&function.denominators(), group)
    }

    /// Whether the argument of an ABS may have the other sign.
    fn may_bend(&self, function: &DifferentiableExpr, group: usize) -> bool {
        let kinks = function.kinks();
        !kinks.is_empty() && self.variation_of(&kinks, group) * self.quantiles.normal() * KINK_MARGIN > 1.0
    }

    /// An upper bound on the largest coefficient of variation among functions of the totals; 0 without any.
    fn variation_of(&self, parts: &[&DifferentiableExpr], group: usize) -> f64 {
        let inputs = self.inputs(group);
        let mut gradient = vec![0.0; inputs.len()];
        let mut worst: f64 = 0.0;
        for part in parts {
            let value = part.gradient(&inputs, &mut gradient);
            let error: f64 = (0..self.width())
                .filter(|v| gradient[*v] != 0.0)
                .map(|v| (gradient[v] * self.total(group, v).standard_error().unwrap_or(f64::INFINITY)).abs())
                .filter(|e| !e.is_nan())
                .sum();
            let variation = (error / value).abs();
            worst = if variation.is_nan() { f64::INFINITY } else { worst.max(variation) };
        }
        worst
    }
}

/// Applies a range of values, such as that of a share or of a sum of prices, to an estimate.
///
/// For a quantity of one sign, a standard error above 1/√10 of the estimate means that it rests on fewer than ten sampled rows, however
/// many were read: k rows that count among zeros have a relative error of 1/√k. The interval itself is no criterion, since unsampled rows
/// may have widened it; trusting narrow intervals alone would favour samples whose estimate is too large.
fn within_range(estimate: Estimate, range: ValueRange, error: Option<f64>) -> Estimate {
    /// Rows that a trusted estimate is worth at least.
    const WORTH_MIN: f64 = 10.0;
    let most = estimate.value.map(|value| value.abs() / WORTH_MIN.sqrt());
    let is_thin = range.has_one_sign() && error.zip(most).is_some_and(|(error, most)| error > most);
    let clamp = |end: Option<f64>| end.map(|end| end.clamp(range.low, range.high));
    let (value, lower, upper) = (clamp(estimate.value), clamp(estimate.lower), clamp(estimate.upper));
    let estimate = Estimate { value, lower, upper, trust: estimate.trust };
    if is_thin && estimate.trust.is_reliable() { estimate.untrusted(Doubt::FewRows) } else { estimate }
}

fn exact_or_null(value: f64) -> Estimate {
    if value.is_finite() { Estimate::exact(value) } else { Estimate::exact_null() }
}

/// NULL, either for certain or as far as the sample shows.
fn null(population: &Population) -> Estimate {
    let null = Estimate::exact_null();
    if population.is_exact() { null } else { null.untrusted(Doubt::NoRows) }
}

/// A count without any sampled key: unseen keys may have any number of rows.
fn no_key(population: &Population) -> Estimate {
    if population.is_exact() {
        return Estimate::exact(0.0);
    }
    let (value, lower) = (Some(0.0), Some(0.0));
    Estimate { value, lower, upper: None, trust: Trust::Untrusted(Doubt::NoRows) }
}

/// Rounds an estimate and its ends; ROUND never changes the order of numbers.
pub(crate) fn rounded(estimate: Estimate, digits: i32) -> Estimate {
    let unit = 10_f64.powi(digits);
    let round = |x: Option<f64>| x.map(|x| (x * unit).round() / unit);
    Estimate {
        value: round(estimate.value),
        lower: round(estimate.lower),
        upper: round(estimate.upper),
        trust: estimate.trust,
    }
}
