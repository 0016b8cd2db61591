//! Recognises what can be estimated: one aggregate over one sampled table, and what stands above it.

mod above;
mod below;
mod calls;
pub(crate) mod errors;
mod lineage;
mod monotone;
mod simplify;
mod smooth;
mod subqueries;

pub use above::Role;
pub(crate) use above::{Behind, Comparison, Condition, Output, Selection, roles, sketched, unaliased};
pub(crate) use below::holds_aggregate;
pub(crate) use calls::{
    Argument, Call, CallKind, Domain, Estimable, Special, SpecialKind, Spread, Variable, literal_number,
};
pub(crate) use lineage::Lineage;
pub(crate) use monotone::{Monotone, monotone};
pub(crate) use simplify::simplified;
pub(crate) use smooth::used_inputs;
pub(crate) use subqueries::{has_subquery, is_correlated};

use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, TableScan};
use plusminus_statistics::expression::Smooth;
use std::sync::Arc;

/// Why a query is answered exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(pub(crate) String);

impl Reason {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A query that sampling can answer.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The analysed plan of the whole query, with error functions replaced by look-ups.
    pub(crate) plan: LogicalPlan,
    /// The plan whose replicates tell errors, where another aggregate or a window stands above the aggregate.
    pub(crate) replicated: Option<LogicalPlan>,
    /// The aggregate node in it.
    pub(crate) aggregate: Aggregate,
    /// The scan of the sampled table.
    pub(crate) scan: TableScan,
    /// WHERE as conjuncts over the scan's columns.
    pub(crate) predicates: Vec<Expr>,
    /// GROUP BY over the scan's columns.
    pub(crate) keys: Vec<Expr>,
    /// Distinct arguments of the aggregates.
    pub(crate) arguments: Vec<Argument>,
    /// Distinct sets of rows that variables run over, within WHERE.
    pub(crate) domains: Vec<Domain>,
    /// Distinct sums and counts.
    pub(crate) variables: Vec<Variable>,
    /// Distinct percentiles, extremes and counts of distinct values.
    pub(crate) specials: Vec<Special>,
    /// The aggregates in the order of the plan's output.
    pub(crate) calls: Vec<Call>,
    /// The query's columns.
    pub(crate) outputs: Vec<Output>,
    /// Estimates that are not columns: those that error functions speak of, then those that rows are chosen by.
    pub(crate) hidden: Vec<Smooth>,
    /// The same over the aggregate's columns.
    pub(crate) hidden_exprs: Vec<Expr>,
    /// Calls of error functions; the first estimates in `hidden` are theirs.
    pub(crate) error_calls: Vec<errors::ErrorCall>,
    /// Where the look-ups of error functions find their values.
    pub(crate) slot: Arc<errors::Slot>,
    /// How rows are chosen by estimates.
    pub(crate) selection: Selection,
    /// Whether an aggregate or a window stands above the aggregate, so that errors come from replicates.
    pub(crate) is_beyond: bool,
    /// Whether something above the aggregate is not made of totals, so that every group has to be seen.
    pub(crate) needs_all_groups: bool,
    /// Whether HAVING, or LIMIT after ORDER BY, chooses rows by an estimate.
    pub(crate) selects_by_estimate: bool,
    /// Whether HAVING or LIMIT leave out rows for whatever reason.
    pub(crate) chooses_rows: bool,
    /// Whether WHERE, a key or an argument holds a subquery, so that rows must come from an ordinary plan.
    pub(crate) has_subquery: bool,
}

impl Shape {
    /// The columns of the table that the query reads.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for expr in self.expressions() {
            for column in expr.column_refs() {
                if !names.contains(&column.name) {
                    names.push(column.name.clone());
                }
            }
        }
        names
    }

    /// Whether the numbers of argument `number` are needed, and not only where it is NULL.
    pub(crate) fn is_summed(&self, number: usize) -> bool {
        let ordered = |s: &Special| s.argument == number && !matches!(s.kind, SpecialKind::Distinct { .. });
        self.is_added(number) || self.specials.iter().any(ordered)
    }

    /// Whether argument `number`, or what derives from it, is added up.
    pub(crate) fn is_added(&self, number: usize) -> bool {
        self.variables.iter().any(|v| v.argument == Some(number)) || self.is_centred(number)
    }

    /// Whether products of argument `number` are computed about a centre.
    pub(crate) fn is_centred(&self, number: usize) -> bool {
        self.arguments.iter().any(|argument| match argument {
            Argument::Plain(_) => false,
            Argument::Centred(of) => *of == number,
            Argument::Product(one, other) => *one == number || *other == number,
        })
    }

    /// The number of the first GROUP BY column among the inputs of smooth expressions.
    pub(crate) fn first_key_input(&self) -> usize {
        self.variables.len() + self.specials.len()
    }

    /// Whether a numeric GROUP BY column takes part in the arithmetic above the aggregate.
    pub(crate) fn uses_key_numbers(&self) -> bool {
        self.smooths().flat_map(used_inputs).any(|input| input >= self.first_key_input())
    }

    /// The functions to estimate: those of the outputs, then the hidden ones.
    pub(crate) fn smooths(&self) -> impl Iterator<Item = &Smooth> {
        self.outputs.iter().filter_map(|o| o.smooth.as_ref()).chain(&self.hidden)
    }

    /// How many of [`smooths`](Self::smooths) are shown, as columns or through error functions.
    pub(crate) fn shown_estimates(&self) -> usize {
        self.smooths().count() - self.hidden.len() + self.error_calls.len()
    }

    /// Whether a special call counts distinct values, of which column.
    pub(crate) fn distinct_columns(&self) -> impl Iterator<Item = &str> {
        self.specials.iter().filter_map(|s| match &s.kind {
            SpecialKind::Distinct { column, .. } => Some(column.as_str()),
            _ => None,
        })
    }

    /// Whether all is made of counts, sums and distinct values of `column`, which whole keys of that column can tell.
    pub(crate) fn is_answered_by_keys(&self, column: &str) -> bool {
        let is_spread = |call: &Call| matches!(call.kind, CallKind::Spread { .. });
        let distinct = self.distinct_columns();
        let same = distinct.filter(|other| *other == column).count();
        !self.is_beyond && same == self.specials.len() && !self.calls.iter().any(is_spread)
    }

    /// Whether counts and sums by stratum and group tell all that is asked, so that no row has to be looked at twice.
    pub(crate) fn is_told_by_cells(&self) -> bool {
        let is_plain = |argument: &Argument| matches!(argument, Argument::Plain(_));
        !self.is_beyond
            && self.specials.is_empty()
            && self.arguments.iter().all(is_plain)
            && self.smooths().all(|smooth| self.is_told(smooth))
    }

    /// Whether counts and sums tell how the linearised values of `smooth` spread: one sum at most, and counts of its rows, or of
    /// all rows.
    fn is_told(&self, smooth: &Smooth) -> bool {
        let used = used_inputs(smooth);
        let used: Vec<&Variable> = used.iter().filter_map(|input| self.variables.get(*input)).collect();
        let whole = self.whole_domain();
        let sums: Vec<&&Variable> = used.iter().filter(|v| v.argument.is_some()).collect();
        let other = used.iter().find(|v| Some(v.domain) != whole);
        let inner = sums.first().copied().or(other).map(|v| v.domain);
        sums.len() <= 1 && used.iter().all(|v| Some(v.domain) == inner || Some(v.domain) == whole)
    }

    /// The domain that holds every row within WHERE, if a variable runs over it.
    pub(crate) fn whole_domain(&self) -> Option<usize> {
        self.domains.iter().position(|domain| domain.filter.is_none() && domain.not_null.is_empty())
    }

    /// Whether `smooth` is the AVG of one argument: its sum and its count.
    pub(crate) fn average(&self, smooth: &Smooth) -> Option<(usize, usize)> {
        let Smooth::Div(sum, rows) = smooth else { return None };
        let (Smooth::Input(sum), Smooth::Input(rows)) = (sum.as_ref(), rows.as_ref()) else { return None };
        let (s, r) = (self.variables.get(*sum)?, self.variables.get(*rows)?);
        (s.domain == r.domain && s.argument.is_some() && r.argument.is_none()).then_some((*sum, *rows))
    }

    /// Every expression over the scan.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let filters = self.domains.iter().filter_map(|d| d.filter.as_ref());
        let plain = self.arguments.iter().filter_map(Argument::plain);
        self.predicates.iter().chain(&self.keys).chain(plain).chain(filters)
    }
}

/// What rows are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be shown with their errors.
    Answer,
    /// To be the members of a list, which estimates may choose and need not be in.
    Members,
}

/// Takes an analysed plan apart, or says why it has to run exactly.
pub(crate) fn recognise(plan: &LogicalPlan, purpose: Purpose) -> Result<Shape, Reason> {
    let slot = Arc::default();
    let above = above::descend(plan, &slot)?;
    let aggregate = above.aggregate.clone();
    let below = below::flatten(&aggregate.input)?;
    let lower =
        |expr: &Expr| below.lineage.replace(expr).map_err(|e| Reason::new(format!("a column cannot be traced: {e}")));
    let keys = aggregate.group_expr.iter().map(lower).collect::<Result<Vec<_>, _>>()?;
    if keys.iter().any(|k| matches!(k, Expr::GroupingSet(_))) {
        return Err(Reason::new("ROLLUP, CUBE and GROUPING SETS are answered exactly"));
    }
    let schema = &below.scan.projected_schema;
    let calls = calls::collect(&aggregate, &below.lineage, schema)?;
    let outputs = above.outputs(keys.len(), &calls)?;
    let mut hidden = above.error_smooths(keys.len(), &calls)?;
    let selection = above.selection(keys.len(), &calls, &mut hidden);
    let (hidden_exprs, hidden) = hidden.into_iter().unzip();
    let is_correlated_above = above.is_correlated();
    let replicated = above.replicated()?;
    let mut shape = Shape {
        selects_by_estimate: above.selects_by_estimate(keys.len()),
        chooses_rows: above.chooses_rows,
        is_beyond: above.is_beyond,
        needs_all_groups: above::needs_all_groups(&above.plan, &aggregate.schema),
        plan: above.plan,
        replicated,
        aggregate,
        scan: below.scan,
        predicates: below.predicates,
        keys,
        arguments: calls.arguments,
        domains: calls.domains,
        variables: calls.variables,
        specials: calls.specials,
        calls: calls.calls,
        outputs,
        hidden,
        hidden_exprs,
        error_calls: above.error_calls,
        slot,
        selection,
        has_subquery: false,
    };
    shape.refuse(is_correlated_above, purpose)?;
    shape.has_subquery = shape.predicates.iter().any(has_subquery);
    Ok(shape)
}

/// How far samples can tell each of the aggregates of a node over one table; `None` where there is more below it.
pub(crate) fn estimable_calls(aggregate: &Aggregate) -> Option<Vec<Estimable>> {
    let below = below::flatten(&aggregate.input).ok()?;
    Some(calls::estimable(aggregate, &below.lineage, &below.scan.projected_schema))
}

impl Shape {
    /// What no sample can answer although its form is known.
    fn refuse(&self, is_correlated_above: bool, purpose: Purpose) -> Result<(), Reason> {
        if let Some(expr) = self.expressions().find(|e| e.is_volatile()) {
            return Err(Reason::new(format!("{expr} changes from row to row at random")));
        }
        let is_shown = self.outputs.iter().any(|o| o.role == Role::Estimate) || !self.error_calls.is_empty();
        if !is_shown && purpose == Purpose::Answer {
            return Err(Reason::new("no estimate is selected that could carry the error of choosing rows by one"));
        }
        if self.expressions().any(is_correlated) || is_correlated_above {
            return Err(Reason::new("a correlated subquery is answered exactly"));
        }
        let filters = self.domains.iter().filter_map(|d| d.filter.as_ref());
        let arguments = self.arguments.iter().filter_map(Argument::plain);
        if self.keys.iter().chain(arguments).chain(filters).any(has_subquery) {
            return Err(Reason::new("a subquery inside an aggregate or in GROUP BY is answered exactly"));
        }
        if self.is_beyond && !self.specials.is_empty() {
            return Err(Reason::new("aggregates of percentiles, MIN, MAX and COUNT(DISTINCT …) are answered exactly"));
        }
        Ok(())
    }
}
