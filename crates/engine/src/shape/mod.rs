//! Recognises what can be estimated: one aggregate over one sampled table, and what stands above it.

mod above;
mod below;
mod calls;
mod lineage;
mod smooth;

pub use above::Role;
pub(crate) use above::{Output, roles};
pub(crate) use calls::{Call, CallKind, Domain, Variable};

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, TableScan};

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
    /// The analysed plan of the whole query.
    pub(crate) plan: LogicalPlan,
    /// The aggregate node in it.
    pub(crate) aggregate: Aggregate,
    /// The scan of the sampled table.
    pub(crate) scan: TableScan,
    /// WHERE as conjuncts over the scan's columns.
    pub(crate) predicates: Vec<Expr>,
    /// GROUP BY over the scan's columns.
    pub(crate) keys: Vec<Expr>,
    /// Distinct arguments of the aggregates, over the scan's columns.
    pub(crate) arguments: Vec<Expr>,
    /// Distinct sets of rows that variables run over, within WHERE.
    pub(crate) domains: Vec<Domain>,
    /// Distinct sums and counts.
    pub(crate) variables: Vec<Variable>,
    /// The aggregates in the order of the plan's output.
    pub(crate) calls: Vec<Call>,
    /// The query's columns.
    pub(crate) outputs: Vec<Output>,
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

    /// Whether any aggregate sums argument `number`.
    pub(crate) fn is_summed(&self, number: usize) -> bool {
        self.variables.iter().any(|v| v.argument == Some(number))
    }

    /// Whether a numeric GROUP BY column takes part in the arithmetic above the aggregate.
    pub(crate) fn uses_key_numbers(&self) -> bool {
        let smooths = self.outputs.iter().filter_map(|o| o.smooth.as_ref());
        smooths.flat_map(crate::estimate::used_inputs).any(|input| input >= self.variables.len())
    }

    /// Every expression over the scan.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let filters = self.domains.iter().filter_map(|d| d.filter.as_ref());
        self.predicates.iter().chain(&self.keys).chain(&self.arguments).chain(filters)
    }
}

/// Takes an analysed plan apart, or says why it has to run exactly.
pub(crate) fn recognise(plan: &LogicalPlan) -> Result<Shape, Reason> {
    let above = above::descend(plan)?;
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
    let mut shape = Shape {
        plan: plan.clone(),
        selects_by_estimate: above.selects_by_estimate(keys.len()),
        chooses_rows: above.chooses_rows,
        aggregate,
        scan: below.scan,
        predicates: below.predicates,
        keys,
        arguments: calls.arguments,
        domains: calls.domains,
        variables: calls.variables,
        calls: calls.calls,
        outputs,
        has_subquery: false,
    };
    refuse_volatile(&shape)?;
    if !shape.outputs.iter().any(|o| o.role == Role::Estimate) {
        return Err(Reason::new("no estimate is selected that could carry the error of choosing rows by one"));
    }
    if shape.expressions().any(is_correlated) || above.is_correlated() {
        return Err(Reason::new("a correlated subquery is answered exactly"));
    }
    shape.has_subquery = shape.predicates.iter().any(has_subquery);
    let filters = shape.domains.iter().filter_map(|d| d.filter.as_ref());
    if shape.keys.iter().chain(&shape.arguments).chain(filters).any(has_subquery) {
        return Err(Reason::new("a subquery inside an aggregate or in GROUP BY is answered exactly"));
    }
    Ok(shape)
}

fn refuse_volatile(shape: &Shape) -> Result<(), Reason> {
    match shape.expressions().find(|e| e.is_volatile()) {
        Some(expr) => Err(Reason::new(format!("{expr} changes from row to row at random"))),
        None => Ok(()),
    }
}

/// Whether a subquery in `expr` refers to columns outside itself.
pub(crate) fn is_correlated(expr: &Expr) -> bool {
    let refers = |e: &Expr| {
        Ok(match e {
            Expr::Exists(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::InSubquery(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::SetComparison(e) => !e.subquery.outer_ref_columns.is_empty(),
            Expr::ScalarSubquery(e) => !e.outer_ref_columns.is_empty(),
            Expr::OuterReferenceColumn(..) => true,
            _ => false,
        })
    };
    expr.exists(refers).unwrap_or(true)
}

/// Whether any part of `expr` is a subquery.
pub(crate) fn has_subquery(expr: &Expr) -> bool {
    let is_subquery = |e: &Expr| {
        let found = matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        );
        Ok(found)
    };
    expr.exists(is_subquery).unwrap_or(true)
}
