//! From a tree of joins to a graph of table instances.

use super::derived::{Derived, derived, derived_columns};
use super::{INNER, Instance, JoinGraph, Scope, instance_column, matched};
use crate::lineage::Lineage;
use crate::query::Reason;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::utils::{conjunction, disjunction, split_binary_owned, split_conjunction_owned};
use datafusion::logical_expr::{Case, Expr, Join, LogicalPlan, Operator, TableScan};
use std::sync::Arc;

/// How conditions with subqueries become joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubqueryJoins {
    /// The tables of IN and EXISTS are joined as they are, each by a unique key.
    Tables,
    /// The distinct keys of IN and EXISTS are joined, whatever the number of rows that have them.
    Keys,
    /// IN stays a subquery.
    NoIn,
}

/// The graph below an aggregate, and the columns of its input over columns of instances.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) graph: JoinGraph,
    pub(crate) lineage: Lineage,
}

/// Collects the tables and conditions of an aggregate's input, or says which node in it cannot be answered from a sample.
pub(crate) fn collect(plan: &LogicalPlan, subqueries: SubqueryJoins) -> Result<Collected, Reason> {
    let mut collector = Collector { graph: JoinGraph::default(), subqueries, is_joined: false };
    let lineage = collector.plan(plan, INNER, None)?;
    Ok(Collected { graph: collector.graph, lineage })
}

pub(super) struct Collector {
    pub(super) graph: JoinGraph,
    pub(super) subqueries: SubqueryJoins,
    /// Whether what is collected is joined to something, so that a subquery may be a table.
    pub(super) is_joined: bool,
}

/// The columns that a subquery may refer to outside itself.
pub(super) type Outer<'a> = Option<&'a Lineage>;

pub(super) fn untraced(error: impl std::fmt::Display) -> Reason {
    Reason::new(format!("a column cannot be traced: {error}"))
}

impl Collector {
    /// The columns of a plan whose tables take part in `scope`.
    fn plan(&mut self, plan: &LogicalPlan, scope: usize, outer: Outer<'_>) -> Result<Lineage, Reason> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan, scope),
            LogicalPlan::Filter(filter) => {
                let lineage = self.plan(&filter.input, scope, outer)?;
                self.condition(&filter.predicate, &lineage, scope, outer)?;
                Ok(lineage)
            }
            LogicalPlan::Projection(projection) => {
                let below = self.plan(&projection.input, scope, outer)?;
                let exprs = projection.expr.iter().map(|e| self.replaced(e, &below, outer));
                let exprs = exprs.collect::<Result<Vec<_>, Reason>>()?;
                Ok(Lineage { schema: Arc::clone(&projection.schema), exprs })
            }
            LogicalPlan::SubqueryAlias(alias) => Ok(self.plan(&alias.input, scope, outer)?.renamed(&alias.schema)),
            // Without a LIMIT an order below an aggregate changes nothing.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.plan(&sort.input, scope, outer),
            LogicalPlan::Join(join) => self.join(join, scope, outer),
            other if self.is_joined => self.derived(other, scope),
            other => Err(Reason::new(refusal(other))),
        }
    }

    /// A plan that is no table as a table of its own.
    pub(super) fn derived(&mut self, plan: &LogicalPlan, scope: usize) -> Result<Lineage, Reason> {
        let Derived { scan, key } = derived(plan)?;
        let number = self.graph.instances.len();
        let exprs = derived_columns(plan).into_iter().map(|name| instance_column(number, &name));
        let lineage = Lineage { schema: Arc::clone(plan.schema()), exprs: exprs.collect() };
        self.graph.instances.push(Instance { scan, scope, key });
        Ok(lineage)
    }

    fn scan(&mut self, scan: &TableScan, scope: usize) -> Result<Lineage, Reason> {
        if scan.fetch.is_some() {
            return Err(Reason::new("LIMIT below an aggregate picks rows, which a sample cannot stand for"));
        }
        let number = self.graph.instances.len();
        let schema = &scan.projected_schema;
        let exprs = schema.fields().iter().map(|field| instance_column(number, field.name())).collect();
        let lineage = Lineage { schema: Arc::clone(schema), exprs };
        self.graph.instances.push(Instance { scan: scan.clone(), scope, key: None });
        for filter in &scan.filters {
            self.condition(filter, &lineage, scope, None)?;
        }
        Ok(lineage)
    }

    fn join(&mut self, join: &Join, scope: usize, outer: Outer<'_>) -> Result<Lineage, Reason> {
        self.is_joined = true;
        if join.null_equality == NullEquality::NullEqualsNull && !join.on.is_empty() {
            return Err(Reason::new("a join by keys where NULL equals NULL is answered exactly"));
        }
        let kept = |side: &LogicalPlan| {
            format!("its {} join keeps rows of {}", join.join_type.to_string().to_uppercase(), named(side))
        };
        match join.join_type {
            JoinType::Inner => {
                let (left, right) = (self.plan(&join.left, scope, outer)?, self.plan(&join.right, scope, outer)?);
                let both = joined(join, left.exprs, right.exprs);
                self.join_conditions(join, &both, scope, outer)?;
                Ok(both)
            }
            JoinType::Left => {
                let left = self.plan(&join.left, scope, outer)?;
                let (inside, right) = self.side(&join.right, outer)?;
                self.graph.scopes[inside].repeats_rows = true;
                let both = joined(join, left.exprs, right.exprs);
                self.join_conditions(join, &both, inside, outer)?;
                let first = join.left.schema().fields().len();
                Ok(guarded(both, first.., inside))
            }
            JoinType::Right => {
                let (inside, left) = self.side(&join.left, outer)?;
                self.graph.scopes[inside].repeats_rows = true;
                let right = self.plan(&join.right, scope, outer)?;
                let both = joined(join, left.exprs, right.exprs);
                self.join_conditions(join, &both, inside, outer)?;
                let end = join.left.schema().fields().len();
                Ok(guarded(both, ..end, inside))
            }
            JoinType::LeftSemi | JoinType::LeftAnti if !join.null_aware => {
                let left = self.plan(&join.left, scope, outer)?;
                let (inside, right) = self.side(&join.right, outer)?;
                let both = Lineage { schema: both_schema(join)?, exprs: [left.exprs.clone(), right.exprs].concat() };
                self.join_conditions(join, &both, inside, outer)?;
                let found = matched(inside).is_true();
                let is_anti = join.join_type == JoinType::LeftAnti;
                self.graph.scopes[scope].conjuncts.push(if is_anti { !found } else { found });
                Ok(left.renamed(&join.schema))
            }
            JoinType::Full => {
                Err(Reason::new(format!("{} without partners, which is answered exactly", kept(&join.left))))
            }
            _ => Err(Reason::new(format!("a {} join is answered exactly", join.join_type))),
        }
    }

    /// A side of a join in a scope of its own.
    pub(super) fn side(&mut self, plan: &LogicalPlan, outer: Outer<'_>) -> Result<(usize, Lineage), Reason> {
        let inside = self.graph.scopes.len();
        self.graph.scopes.push(Scope::default());
        Ok((inside, self.plan(plan, inside, outer)?))
    }

    fn join_conditions(&mut self, join: &Join, both: &Lineage, scope: usize, outer: Outer<'_>) -> Result<(), Reason> {
        for (left, right) in &join.on {
            self.condition(&left.clone().eq(right.clone()), both, scope, outer)?;
        }
        match &join.filter {
            Some(filter) => self.condition(filter, both, scope, outer),
            None => Ok(()),
        }
    }

    /// Adds the conjuncts of a condition to those of a scope.
    fn condition(&mut self, condition: &Expr, over: &Lineage, scope: usize, outer: Outer<'_>) -> Result<(), Reason> {
        for conjunct in split_conjunction_owned(condition.clone()) {
            let conjunct = self.without_subqueries(conjunct, over)?;
            let conjunct = self.replaced(&conjunct, over, outer)?;
            self.graph.scopes[scope].conjuncts.extend(factored(conjunct));
        }
        Ok(())
    }
}

/// The columns of a join, those of its left side first.
fn joined(join: &Join, left: Vec<Expr>, right: Vec<Expr>) -> Lineage {
    Lineage { schema: Arc::clone(&join.schema), exprs: [left, right].concat() }
}

fn both_schema(join: &Join) -> Result<datafusion::common::DFSchemaRef, Reason> {
    join.left.schema().join(join.right.schema()).map(Arc::new).map_err(untraced)
}

/// The columns in `range` are NULL unless the row has partners in `scope`.
fn guarded(mut both: Lineage, range: impl std::slice::SliceIndex<[Expr], Output = [Expr]>, scope: usize) -> Lineage {
    for expr in &mut both.exprs[range] {
        *expr = guard(expr.clone(), scope);
    }
    both
}

/// `expr`, or NULL unless the row has partners in `scope`.
pub(super) fn guard(expr: Expr, scope: usize) -> Expr {
    let branch = (Box::new(matched(scope)), Box::new(expr));
    Expr::Case(Case { expr: None, when_then_expr: vec![branch], else_expr: None })
}

/// A condition as conjuncts, with what all branches of an OR have in common taken out of it.
fn factored(condition: Expr) -> Vec<Expr> {
    let branches = split_binary_owned(condition, Operator::Or);
    if branches.len() < 2 {
        return branches;
    }
    let branches: Vec<Vec<Expr>> = branches.into_iter().map(split_conjunction_owned).collect();
    let (first, others) = (&branches[0], &branches[1..]);
    let is_common = |e: &&Expr| others.iter().all(|branch| branch.contains(e));
    let common: Vec<Expr> = first.iter().filter(is_common).cloned().collect();
    let mut rest = Vec::with_capacity(branches.len());
    for branch in &branches {
        let own = branch.iter().filter(|e| !common.contains(e)).cloned();
        match conjunction(own) {
            Some(own) => rest.push(own),
            // This branch asks for nothing else.
            None => return common,
        }
    }
    common.into_iter().chain(disjunction(rest)).collect()
}

/// A table's name in a reason.
fn named(plan: &LogicalPlan) -> String {
    let mut found = None;
    let looked = plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found.get_or_insert_with(|| scan.table_name.table().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(looked.is_ok(), "looking at nodes brings no error");
    found.unwrap_or_else(|| "a subquery".to_owned())
}

/// The reason why an aggregate over the rows of a plan, which is no table and no join, is answered exactly.
pub fn refusal(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => {
            "an aggregate of an aggregate or of DISTINCT rows is answered exactly for now"
        }
        LogicalPlan::Union(_) => "an aggregate over a UNION is answered exactly for now",
        LogicalPlan::Window(_) => "window functions below an aggregate need every row",
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => {
            "LIMIT below an aggregate picks rows, which a sample cannot stand for"
        }
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => "there is no table to sample",
        LogicalPlan::Unnest(_) => "UNNEST is answered exactly for now",
        _ => "this kind of input is answered exactly",
    }
}
