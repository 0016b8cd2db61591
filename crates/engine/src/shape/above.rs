//! From the root down to the aggregate, and what each of the query's columns is in terms of it.

use super::Reason;
use super::calls::Calls;
use super::lineage::Lineage;
use super::smooth;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};
use plusminus_statistics::expression::Smooth;

/// What a column of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A GROUP BY column, or computed from such columns alone.
    Key,
    /// Computed from an aggregate.
    Estimate,
    /// Anything else.
    Value,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Estimate => "estimate",
            Self::Value => "value",
        })
    }
}

/// A column of the query.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) role: Role,
    /// For an estimate: how it follows from variables and numeric keys.
    pub(crate) smooth: Option<Smooth>,
    /// Decimals that the outermost ROUND leaves.
    pub(crate) round: Option<i32>,
}

/// The way from the root to the aggregate.
pub(crate) struct Above<'a> {
    pub(crate) aggregate: &'a Aggregate,
    lineage: Lineage,
    /// HAVING conditions and the sort keys that a LIMIT cuts by, over the aggregate's columns.
    selecting: Vec<Expr>,
    /// The order that rows come in so far, over the aggregate's columns; a LIMIT cuts by it.
    order: Vec<Expr>,
    distinct: bool,
    /// Whether a HAVING or LIMIT leaves out rows.
    pub(crate) chooses_rows: bool,
}

/// Follows the plan down to its one aggregate.
pub(crate) fn descend(plan: &LogicalPlan) -> Result<Above<'_>, Reason> {
    let traced = |e: datafusion::error::DataFusionError| Reason::new(format!("a column cannot be traced: {e}"));
    match plan {
        LogicalPlan::Aggregate(aggregate) => Ok(Above {
            aggregate,
            lineage: Lineage::identity(&aggregate.schema),
            selecting: Vec::new(),
            order: Vec::new(),
            distinct: false,
            chooses_rows: false,
        }),
        LogicalPlan::Projection(projection) => {
            let mut above = descend(&projection.input)?;
            above.lineage = above.lineage.project(&projection.expr, &projection.schema).map_err(traced)?;
            Ok(above)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let mut above = descend(&alias.input)?;
            above.lineage = above.lineage.renamed(&alias.schema);
            Ok(above)
        }
        LogicalPlan::Filter(filter) => {
            let mut above = descend(&filter.input)?;
            above.chooses_rows = true;
            above.selecting.push(above.lineage.replace(&filter.predicate).map_err(traced)?);
            Ok(above)
        }
        LogicalPlan::Sort(sort) => {
            let mut above = descend(&sort.input)?;
            let keys = sort.expr.iter().map(|key| above.lineage.replace(&key.expr));
            above.order = keys.collect::<Result<_, _>>().map_err(traced)?;
            if sort.fetch.is_some() {
                above.cut();
            }
            Ok(above)
        }
        LogicalPlan::Limit(limit) => {
            let mut above = descend(&limit.input)?;
            above.cut();
            Ok(above)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut above = descend(input)?;
            above.distinct = true;
            Ok(above)
        }
        other => Err(Reason::new(refusal(other))),
    }
}

fn refusal(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Union(_) => "UNION, INTERSECT and EXCEPT of estimates are answered exactly for now",
        LogicalPlan::Join(_) => "a join above the aggregate is answered exactly for now",
        LogicalPlan::Window(_) => "window functions over estimates are answered exactly for now",
        LogicalPlan::Distinct(_) => "DISTINCT ON needs every row",
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
            "there is no aggregate to estimate"
        }
        _ => "this kind of statement is answered exactly",
    }
}

impl Above<'_> {
    /// Rows are cut off in the order they come in.
    fn cut(&mut self) {
        self.chooses_rows = true;
        self.selecting.extend(self.order.iter().cloned());
    }

    /// Whether any expression on the way refers to rows from within a subquery.
    pub(crate) fn is_correlated(&self) -> bool {
        self.lineage.exprs.iter().chain(&self.selecting).chain(&self.order).any(super::is_correlated)
    }

    /// Classifies the query's columns; an estimate that is not a smooth function of aggregates is a reason.
    pub(crate) fn outputs(&self, keys: usize, calls: &Calls) -> Result<Vec<Output>, Reason> {
        let schema = &self.aggregate.schema;
        let fields = self.lineage.schema.fields();
        let mut outputs = Vec::with_capacity(fields.len());
        for (expr, field) in self.lineage.exprs.iter().zip(fields.iter()) {
            let role = role_of(expr, |column| schema.index_of_column(column).is_ok_and(|i| i >= keys));
            if role != Role::Estimate {
                outputs.push(Output { role, smooth: None, round: None });
                continue;
            }
            let (round, inner) = smooth::outermost_round(expr);
            let smooth = smooth::translate(inner, schema, keys, calls).ok_or_else(|| {
                Reason::new(format!("column '{}' is not a smooth function of aggregates", field.name()))
            })?;
            outputs.push(Output { role, smooth: Some(smooth), round });
        }
        if self.distinct && !self.shows_all_keys(keys) {
            return Err(Reason::new(
                "DISTINCT over estimates is answered exactly unless every GROUP BY column is selected",
            ));
        }
        Ok(outputs)
    }

    fn shows_all_keys(&self, keys: usize) -> bool {
        let columns = self.aggregate.schema.columns();
        columns.iter().take(keys).all(|key| self.lineage.exprs.iter().any(|e| matches!(e, Expr::Column(c) if c == key)))
    }

    /// Whether rows are chosen by an estimate.
    pub(crate) fn selects_by_estimate(&self, keys: usize) -> bool {
        let schema = &self.aggregate.schema;
        let is_estimate = |c: &datafusion::common::Column| schema.index_of_column(c).is_ok_and(|i| i >= keys);
        self.selecting.iter().any(|e| role_of(e, is_estimate) == Role::Estimate)
    }
}

fn role_of(expr: &Expr, is_estimate: impl Fn(&datafusion::common::Column) -> bool) -> Role {
    let columns = expr.column_refs();
    if columns.iter().any(|c| is_estimate(c)) {
        Role::Estimate
    } else if columns.is_empty() {
        Role::Value
    } else {
        Role::Key
    }
}

/// The roles of any plan's columns, for answers that are computed exactly.
pub(crate) fn roles(plan: &LogicalPlan) -> Vec<Role> {
    let inputs = plan.inputs();
    let count = plan.schema().fields().len();
    let through = |exprs: &[Expr], input: &LogicalPlan| {
        let below = roles(input);
        exprs.iter().map(|e| combine(e, input, &below)).collect::<Vec<_>>()
    };
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let keys = count - aggregate.aggr_expr.len();
            (0..count).map(|i| if i < keys { Role::Key } else { Role::Estimate }).collect()
        }
        LogicalPlan::Projection(projection) => through(&projection.expr, &projection.input),
        LogicalPlan::Window(window) => {
            let mut all = roles(&window.input);
            all.extend(through(&window.window_expr, &window.input));
            all
        }
        LogicalPlan::Join(join) => {
            let mut all = roles(&join.left);
            all.extend(roles(&join.right));
            if all.len() == count { all } else { vec![Role::Value; count] }
        }
        _ => match inputs.first() {
            Some(input) if input.schema().fields().len() == count => roles(input),
            _ => vec![Role::Value; count],
        },
    }
}

fn combine(expr: &Expr, input: &LogicalPlan, below: &[Role]) -> Role {
    let columns = expr.column_refs();
    let roles = columns.iter().map(|c| input.schema().index_of_column(c).map_or(Role::Value, |i| below[i]));
    let mut found = None;
    for role in roles {
        match (found, role) {
            (_, Role::Estimate) => return Role::Estimate,
            (Some(Role::Value), _) => {}
            (_, other) => found = Some(other),
        }
    }
    found.unwrap_or(Role::Value)
}
