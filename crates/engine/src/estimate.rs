//! From totals to the query's numbers: values, intervals and trust.

use crate::kernel::{Linear, Rows, linearised};
use crate::shape::{Call, CallKind, Shape};
use plusminus_statistics::expression::Smooth;
use plusminus_statistics::{
    Doubt, Estimate, Knowledge, Population, Quantiles, StratumSize, Total, count_interval, mean_interval,
    smooth_interval, sum_interval,
};

/// Everything one look at the sample knows.
pub(crate) struct Look<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) levels: &'a [Rows],
    pub(crate) sizes: &'a [StratumSize],
    /// (group, variable), groups outermost.
    pub(crate) totals: &'a [Total],
    /// What could hold rows of each group.
    pub(crate) populations: &'a [Population],
    /// Counts that the catalog knows, by variable and group.
    pub(crate) known: &'a [Option<Vec<f64>>],
    /// What is known of each argument.
    pub(crate) knowledge: &'a [Knowledge],
    /// Whether WHERE and GROUP BY are decided by the stratum.
    pub(crate) whole_strata: bool,
    pub(crate) quantiles: &'a Quantiles,
    /// Numeric GROUP BY values by key and group, where an expression uses them.
    pub(crate) key_values: &'a [Vec<f64>],
}

/// What a column needs of the second walk.
struct Plan<'a> {
    smooth: &'a Smooth,
    /// Number of the linear form, for averages and expressions.
    linear: Option<usize>,
}

impl Look<'_> {
    pub(crate) fn groups(&self) -> usize {
        self.populations.len()
    }

    fn width(&self) -> usize {
        self.shape.variables.len()
    }

    fn total(&self, group: usize, variable: usize) -> &Total {
        &self.totals[group * self.width() + variable]
    }

    /// The value of every aggregate call in one group, for DataFusion to compute with.
    pub(crate) fn call_value(&self, call: &Call, group: usize) -> Option<f64> {
        let sum = |variable: usize| {
            let total = self.total(group, variable);
            (total.domain_rows + total.exact_rows > 0).then(|| total.estimate())
        };
        match call.kind {
            CallKind::Count { rows } => Some(self.count(group, rows).round()),
            CallKind::Sum { sum: variable } => sum(variable),
            CallKind::Avg { sum: variable, rows } => sum(variable).map(|s| s / self.total(group, rows).estimate()),
        }
    }

    fn count(&self, group: usize, variable: usize) -> f64 {
        self.known[variable].as_ref().map_or_else(|| self.total(group, variable).estimate(), |k| k[group])
    }

    fn inputs(&self, group: usize) -> Vec<f64> {
        let variables = (0..self.width()).map(|v| self.total(group, v).estimate());
        variables.chain(self.key_values.iter().map(|k| k.get(group).copied().unwrap_or(f64::NAN))).collect()
    }

    /// The interval of each of `smooths` in every group: columns outermost.
    pub(crate) fn estimates(&self, smooths: &[&Smooth]) -> Vec<Vec<Estimate>> {
        let mut linears = Vec::new();
        let plans: Vec<Plan<'_>> = smooths.iter().map(|smooth| self.plan(smooth, &mut linears)).collect();
        let walked = if linears.is_empty() {
            Vec::new()
        } else {
            linearised(self.levels, self.sizes, &self.shape.variables, &linears, self.groups())
        };
        let z = |plan: &Plan<'_>, group: usize| {
            plan.linear.map_or_else(Total::default, |at| walked[group * linears.len() + at])
        };
        plans.iter().map(|plan| (0..self.groups()).map(|g| self.estimate(plan, g, &z(plan, g))).collect()).collect()
    }

    fn plan<'s>(&self, smooth: &'s Smooth, linears: &mut Vec<Linear>) -> Plan<'s> {
        let univariate = smooth.is_linear_in_one().is_some_and(|l| l.input < self.width());
        let constant = used_inputs(smooth).iter().all(|i| *i >= self.width());
        if univariate || constant {
            return Plan { smooth, linear: None };
        }
        let used: Vec<usize> = used_inputs(smooth).into_iter().filter(|i| *i < self.width()).collect();
        let mut terms: Vec<(usize, Vec<f64>)> = used.iter().map(|v| (*v, Vec::with_capacity(self.groups()))).collect();
        let mut gradient = vec![0.0; self.width() + self.key_values.len()];
        for group in 0..self.groups() {
            smooth.gradient(&self.inputs(group), &mut gradient);
            for (variable, coefficients) in &mut terms {
                coefficients.push(gradient[*variable]);
            }
        }
        let domain = self.shape.variables[used[0]].domain;
        let one_domain = used.iter().all(|v| self.shape.variables[*v].domain == domain);
        linears.push(Linear { terms, one_domain });
        Plan { smooth, linear: Some(linears.len() - 1) }
    }

    fn estimate(&self, plan: &Plan<'_>, group: usize, z: &Total) -> Estimate {
        let population = &self.populations[group];
        if let Some(linear) = plan.smooth.is_linear_in_one().filter(|l| l.input < self.width()) {
            return self.variable(group, linear.input).map_linear(linear.scale, linear.offset);
        }
        if let Some((sum, rows)) = self.average(plan.smooth) {
            return self.mean(group, sum, rows, z, population);
        }
        let value = plan.smooth.evaluate(&self.inputs(group));
        if plan.linear.is_none() {
            return if value.is_finite() { Estimate::exact(value) } else { Estimate::exact_null() };
        }
        let gamma = self.gamma(plan.smooth);
        let doubted = gamma.is_none();
        let estimate =
            smooth_interval(value, z, gamma, self.instability(plan.smooth, group), population, self.quantiles);
        if doubted && !estimate.trust.is_exact() { estimate.untrusted(Doubt::NoMoments) } else { estimate }
    }

    /// A single count or sum.
    fn variable(&self, group: usize, variable: usize) -> Estimate {
        let population = &self.populations[group];
        let total = self.total(group, variable);
        let argument = self.shape.variables[variable].argument;
        match (argument, &self.known[variable]) {
            (None, Some(known)) => Estimate::exact(known[group]),
            (None, None) => count_interval(total, population, self.quantiles),
            (Some(argument), _) => {
                let domain = &self.shape.domains[self.shape.variables[variable].domain];
                let whole = self.whole_strata && domain.filter.is_none() && domain.not_null.is_none();
                sum_interval(total, whole, &self.knowledge[argument], population, self.quantiles)
            }
        }
    }

    fn mean(&self, group: usize, sum: usize, rows: usize, z: &Total, population: &Population) -> Estimate {
        let (total, count) = (self.total(group, sum), self.total(group, rows));
        let mean = total.estimate() / count.estimate();
        let argument = self.shape.variables[sum].argument;
        let knowledge = argument.map(|a| self.knowledge[a]).unwrap_or_default();
        mean_interval(mean, z, total, variation(count), &knowledge, population, self.quantiles)
    }

    /// Whether `smooth` is the AVG of one argument: its sum and its count.
    fn average(&self, smooth: &Smooth) -> Option<(usize, usize)> {
        let Smooth::Div(sum, rows) = smooth else { return None };
        let (Smooth::Input(sum), Smooth::Input(rows)) = (sum.as_ref(), rows.as_ref()) else { return None };
        let variables = &self.shape.variables;
        let (s, r) = (variables.get(*sum)?, variables.get(*rows)?);
        (s.domain == r.domain && s.argument.is_some() && r.argument.is_none()).then_some((*sum, *rows))
    }

    /// The largest skewness among the arguments involved; `None` when one is unknown.
    fn gamma(&self, smooth: &Smooth) -> Option<f64> {
        let mut gamma: f64 = 1.0;
        for input in used_inputs(smooth).into_iter().filter(|i| *i < self.width()) {
            if let Some(argument) = self.shape.variables[input].argument {
                let skewness = self.knowledge[argument].skewness?;
                if skewness.abs() > gamma.abs() {
                    gamma = skewness;
                }
            }
        }
        Some(gamma)
    }

    /// An upper bound of the coefficient of variation of what must stay away from zero.
    fn instability(&self, smooth: &Smooth, group: usize) -> f64 {
        let inputs = self.inputs(group);
        let mut gradient = vec![0.0; inputs.len()];
        let mut worst: f64 = 0.0;
        for denominator in smooth.denominators() {
            let value = denominator.gradient(&inputs, &mut gradient);
            let error: f64 = (0..self.width())
                .map(|v| (gradient[v] * self.total(group, v).standard_error().unwrap_or(f64::INFINITY)).abs())
                .filter(|e| !e.is_nan())
                .sum();
            worst = worst.max((error / value).abs());
        }
        if worst.is_nan() { f64::INFINITY } else { worst }
    }
}

fn variation(total: &Total) -> f64 {
    match total.standard_error() {
        Some(error) if total.estimate() > 0.0 => error / total.estimate(),
        Some(_) => 0.0,
        None => f64::INFINITY,
    }
}

/// The inputs that occur in `smooth`, each once.
pub(crate) fn used_inputs(smooth: &Smooth) -> Vec<usize> {
    let mut found = Vec::new();
    collect_inputs(smooth, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect_inputs(smooth: &Smooth, found: &mut Vec<usize>) {
    match smooth {
        Smooth::Constant(_) => {}
        Smooth::Input(input) => found.push(*input),
        Smooth::Add(a, b) | Smooth::Sub(a, b) | Smooth::Mul(a, b) | Smooth::Div(a, b) | Smooth::Pow(a, b) => {
            collect_inputs(a, found);
            collect_inputs(b, found);
        }
        Smooth::Neg(a) | Smooth::Abs(a) | Smooth::Sqrt(a) | Smooth::Ln(a) | Smooth::Log10(a) | Smooth::Exp(a) => {
            collect_inputs(a, found);
        }
        Smooth::Round(a, _) => collect_inputs(a, found),
    }
}
