//! Recognises queries that can be estimated: one aggregate over one sampled table, and what stands above it.

use super::calls::{Argument, Call, CallKind, Domain, Estimable, NonLinearAggregate, NonLinearKind, Variable};
use super::differentiable::used_inputs;
use super::joins::{AssumedFacts, JoinFacts, JoinedTable, Refusal};
use super::post_aggregate::{Output, Role, Selection};
use super::subqueries::{has_subquery, is_correlated};
use super::{aggregate_input, calls, error_functions};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, TableScan};
use plusminus_statistics::expression::DifferentiableExpr;
use std::sync::Arc;

/// Why a query is answered exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

impl Reason {
    /// A reason in words that follow "exact because".
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A query that sampling can answer.
#[derive(Debug)]
pub struct AggregateQuery {
    /// The analysed plan of the whole query, with error functions replaced by look-ups.
    pub plan: LogicalPlan,
    /// The plan that is run on replicates of the estimates; present when another aggregate or a window stands above the aggregate.
    pub replicated: Option<LogicalPlan>,
    /// The aggregate node in `plan`.
    pub aggregate: Aggregate,
    /// The scan of the sampled table; its schema has the columns of joined tables behind its own.
    pub scan: TableScan,
    /// The tables that the sampled one is joined to, each behind those that lead to it; empty without a join.
    pub joins: Vec<JoinedTable>,
    /// Whether its tables are joined, even if the columns of one of them alone are read: keys decide how often its rows count.
    pub is_join: bool,
    /// WHERE as conjuncts over the scan's columns.
    pub predicates: Vec<Expr>,
    /// GROUP BY over the scan's columns.
    pub keys: Vec<Expr>,
    /// Distinct arguments of the aggregates, in the order of first use.
    pub arguments: Vec<Argument>,
    /// Distinct sets of rows within WHERE that variables run over, in the order of first use.
    pub domains: Vec<Domain>,
    /// Distinct sums and counts, in the order of first use.
    pub variables: Vec<Variable>,
    /// Distinct percentiles, extremes and counts of distinct values, in the order of first use.
    pub non_linear: Vec<NonLinearAggregate>,
    /// The aggregate calls, in the order of the aggregate's output.
    pub calls: Vec<Call>,
    /// The query's columns, in the order of its output.
    pub outputs: Vec<Output>,
    /// Estimates that are not columns: one per call of an error function, then those that HAVING and LIMIT choose rows by.
    pub hidden: Vec<DifferentiableExpr>,
    /// The expressions of `hidden` over the aggregate's columns, in its order.
    pub hidden_exprs: Vec<Expr>,
    /// Calls of error functions, in the order of their estimates in `hidden`.
    pub error_calls: Vec<error_functions::ErrorCall>,
    /// The values of error functions by group, from which their look-ups read.
    pub slot: Arc<error_functions::Slot>,
    /// How HAVING and LIMIT choose rows by estimates.
    pub selection: Selection,
    /// Whether an aggregate or a window stands above the aggregate, so that errors come from replicates.
    pub has_upper_aggregate: bool,
    /// Whether something above the aggregate needs every group; only sums of totals do not.
    pub needs_all_groups: bool,
    /// Whether HAVING, or LIMIT after ORDER BY, chooses rows by an estimate.
    pub selects_by_estimate: bool,
    /// Whether a HAVING or LIMIT leaves out rows, whatever it chooses by.
    pub chooses_rows: bool,
    /// Whether WHERE holds a subquery, so that rows must come from an ordinary plan.
    pub has_subquery: bool,
}

impl AggregateQuery {
    /// The names of the table's columns that the query reads, each once.
    pub fn columns(&self) -> Vec<String> {
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

    /// [`columns`](Self::columns), and those that the aggregate calls name without their values counting, such as `x` in COUNT(x) where x
    /// is never NULL.
    pub fn named_columns(&self) -> Vec<String> {
        let mut names = self.columns();
        for column in self.calls.iter().flat_map(|call| call.expr.column_refs()) {
            if !names.contains(&column.name) {
                names.push(column.name.clone());
            }
        }
        names
    }

    /// Whether the values of argument `number` are needed, rather than only whether they are NULL.
    pub fn is_summed(&self, number: usize) -> bool {
        let ordered =
            |s: &NonLinearAggregate| s.argument == number && !matches!(s.kind, NonLinearKind::Distinct { .. });
        self.is_added(number) || self.non_linear.iter().any(ordered)
    }

    /// Whether argument `number`, or an argument derived from it, is added up.
    pub fn is_added(&self, number: usize) -> bool {
        self.variables.iter().any(|v| v.argument == Some(number)) || self.is_centred(number)
    }

    /// Whether a centred value or a product is computed from argument `number`.
    pub fn is_centred(&self, number: usize) -> bool {
        self.arguments.iter().any(|argument| match argument {
            Argument::Plain(_) => false,
            Argument::Centred(of) => *of == number,
            Argument::Product(one, other) => *one == number || *other == number,
        })
    }

    /// The number of the first GROUP BY column among the inputs of differentiable expressions.
    pub fn first_key_input(&self) -> usize {
        self.variables.len() + self.non_linear.len()
    }

    /// Whether a numeric GROUP BY column takes part in the arithmetic above the aggregate.
    pub fn uses_key_numbers(&self) -> bool {
        self.functions().flat_map(used_inputs).any(|input| input >= self.first_key_input())
    }

    /// The differentiable expressions to estimate: those of the outputs, then the hidden ones.
    pub fn functions(&self) -> impl Iterator<Item = &DifferentiableExpr> {
        self.outputs.iter().filter_map(|o| o.function.as_ref()).chain(&self.hidden)
    }

    /// Number of [`functions`](Self::functions) are shown, as columns or through error functions.
    pub fn shown_estimates(&self) -> usize {
        self.functions().count() - self.hidden.len() + self.error_calls.len()
    }

    /// The columns of COUNT(DISTINCT …) calls, in the order of the non-linear aggregates.
    pub fn distinct_columns(&self) -> impl Iterator<Item = &str> {
        self.non_linear.iter().filter_map(|s| match &s.kind {
            NonLinearKind::Distinct { column, .. } => Some(column.as_str()),
            _ => None,
        })
    }

    /// Whether whole keys of `column` answer the query: it asks for counts, sums, averages and distinct values of `column` alone.
    pub fn is_answered_by_keys(&self, column: &str) -> bool {
        let is_spread = |call: &Call| matches!(call.kind, CallKind::Moments { .. });
        let distinct = self.distinct_columns();
        let same = distinct.filter(|other| *other == column).count();
        !self.has_upper_aggregate && same == self.non_linear.len() && !self.calls.iter().any(is_spread)
    }

    /// Whether the query is computable from cells: counts and sums by stratum and group suffice, so that rows are read once.
    pub fn is_computable_from_cells(&self) -> bool {
        let is_plain = |argument: &Argument| matches!(argument, Argument::Plain(_));
        !self.has_upper_aggregate
            && self.non_linear.is_empty()
            && self.arguments.iter().all(is_plain)
            && self.functions().all(|function| self.is_linear_in_cells(function))
    }

    /// Whether the variance of `function` is computable from cells.
    ///
    /// That holds for expressions of at most one sum, of counts in one domain (that of the sum), and of counts of all rows.
    fn is_linear_in_cells(&self, function: &DifferentiableExpr) -> bool {
        let used = used_inputs(function);
        let used: Vec<&Variable> = used.iter().filter_map(|input| self.variables.get(*input)).collect();
        let whole = self.whole_domain();
        let sums: Vec<&&Variable> = used.iter().filter(|v| v.argument.is_some()).collect();
        let other = used.iter().find(|v| Some(v.domain) != whole);
        let inner = sums.first().copied().or(other).map(|v| v.domain);
        sums.len() <= 1 && used.iter().all(|v| Some(v.domain) == inner || Some(v.domain) == whole)
    }

    /// The number of the domain that holds every row within WHERE, if a variable runs over it.
    pub fn whole_domain(&self) -> Option<usize> {
        self.domains.iter().position(|domain| domain.filter.is_none() && domain.not_null.is_empty())
    }

    /// The variables (sum, count) of an expression that is the AVG of one argument; `None` for any other.
    pub fn average(&self, function: &DifferentiableExpr) -> Option<(usize, usize)> {
        let DifferentiableExpr::Div(sum, rows) = function else { return None };
        let (DifferentiableExpr::Input(sum), DifferentiableExpr::Input(rows)) = (sum.as_ref(), rows.as_ref()) else {
            return None;
        };
        let (s, r) = (self.variables.get(*sum)?, self.variables.get(*rows)?);
        (s.domain == r.domain && s.argument.is_some() && r.argument.is_none()).then_some((*sum, *rows))
    }

    /// Every expression over the scan's columns: WHERE, GROUP BY, arguments and filters.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let filters = self.domains.iter().filter_map(|d| d.filter.as_ref());
        let plain = self.arguments.iter().filter_map(Argument::plain);
        self.predicates.iter().chain(&self.keys).chain(plain).chain(filters)
    }
}

/// The use of a query's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Rows are shown with their errors.
    Answer,
    /// Rows are members of a list: estimates may choose them and need not be shown.
    Members,
}

/// Takes an analysed plan apart into an aggregate query; of a join every key is taken to be unique, and any table to be sampled.
///
/// # Errors
/// When the plan has to run exactly; the reason says why.
pub fn recognise(plan: &LogicalPlan, purpose: Purpose) -> Result<AggregateQuery, Reason> {
    recognise_with(plan, purpose, &AssumedFacts).map_err(Refusal::into_reason)
}

/// Takes an analysed plan apart into an aggregate query, given what is known of the tables of its joins.
///
/// # Errors
/// When the plan has to run exactly, for a reason, or when a key has to be proven first.
pub fn recognise_with(plan: &LogicalPlan, purpose: Purpose, facts: &dyn JoinFacts) -> Result<AggregateQuery, Refusal> {
    let slot = Arc::default();
    let above = super::post_aggregate::descend(plan, &slot)?;
    let aggregate = above.aggregate.clone();
    let below = aggregate_input::flatten(&aggregate.input, facts)?;
    let lower =
        |expr: &Expr| below.lineage.replace(expr).map_err(|e| Reason::new(format!("a column cannot be traced: {e}")));
    let keys = aggregate.group_expr.iter().map(lower).collect::<Result<Vec<_>, _>>()?;
    if keys.iter().any(|k| matches!(k, Expr::GroupingSet(_))) {
        return Err(Reason::new("ROLLUP, CUBE and GROUPING SETS are answered exactly").into());
    }
    let schema = &below.scan.projected_schema;
    let calls = calls::collect(&aggregate, &below.lineage, schema)?;
    let outputs = above.outputs(keys.len(), &calls)?;
    let mut hidden = above.error_function_exprs(keys.len(), &calls)?;
    let selection = above.selection(keys.len(), &calls, &mut hidden);
    let (hidden_exprs, hidden) = hidden.into_iter().unzip();
    let is_correlated_above = above.is_correlated();
    let replicated = above.replicated()?;
    let mut query = AggregateQuery {
        selects_by_estimate: above.selects_by_estimate(keys.len()),
        chooses_rows: above.chooses_rows,
        has_upper_aggregate: above.has_upper_aggregate,
        needs_all_groups: super::post_aggregate::needs_all_groups(&above.plan, &aggregate.schema),
        plan: above.plan,
        replicated,
        aggregate,
        scan: below.scan,
        is_join: !below.joins.is_empty(),
        joins: below.joins,
        predicates: below.predicates,
        keys,
        arguments: calls.arguments,
        domains: calls.domains,
        variables: calls.variables,
        non_linear: calls.non_linear,
        calls: calls.calls,
        outputs,
        hidden,
        hidden_exprs,
        error_calls: above.error_calls,
        slot,
        selection,
        has_subquery: false,
    };
    query.refuse(is_correlated_above, purpose)?;
    query.has_subquery = query.predicates.iter().any(has_subquery);
    query.leave_out_needless_joins();
    Ok(query)
}

/// How far samples can estimate each aggregate of a node, in its order; `None` unless one table is scanned below it.
pub fn estimable_calls(aggregate: &Aggregate) -> Option<Vec<Estimable>> {
    let below = aggregate_input::flatten(&aggregate.input, &AssumedFacts).ok()?;
    Some(calls::estimable(aggregate, &below.lineage, &below.scan.projected_schema))
}

impl AggregateQuery {
    /// Leaves out joined columns that nothing reads, and tables of which nothing is read.
    fn leave_out_needless_joins(&mut self) {
        let mut needed = self.named_columns();
        let mut kept = Vec::with_capacity(self.joins.len());
        // Tables further away are found by columns of those before them.
        while let Some(mut table) = self.joins.pop() {
            if table.restrict(&needed) {
                needed.extend(table.on.iter().map(|key| key.from.clone()));
                kept.push(table);
            }
        }
        kept.reverse();
        self.joins = kept;
    }

    /// Refuses queries that no sample can answer although they were recognised.
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
        if self.has_upper_aggregate && !self.non_linear.is_empty() {
            return Err(Reason::new("aggregates of percentiles, MIN, MAX and COUNT(DISTINCT …) are answered exactly"));
        }
        Ok(())
    }
}
