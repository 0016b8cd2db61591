//! From a tree of joins to a graph of table instances.

use super::derived::{
    Decorrelated, Derived, ScalarByKeys, decorrelated, derived, derived_columns, distinct_keys, scalar_by_keys,
};
use super::{INNER, Instance, JoinGraph, Scope, instance_column, instance_of, matched, scope_of};
use crate::lineage::Lineage;
use crate::query::Reason;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, JoinType, NullEquality, Result as PlanResult};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{conjunction, disjunction, split_binary_owned, split_conjunction_owned};
use datafusion::logical_expr::{Case, Expr, FetchType, Join, LogicalPlan, Operator, SkipType, TableScan, lit};
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

struct Collector {
    graph: JoinGraph,
    subqueries: SubqueryJoins,
    /// Whether what is collected is joined to something, so that a subquery may be a table.
    is_joined: bool,
}

/// The columns that a subquery may refer to outside itself.
type Outer<'a> = Option<&'a Lineage>;

fn untraced(error: impl std::fmt::Display) -> Reason {
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
    fn derived(&mut self, plan: &LogicalPlan, scope: usize) -> Result<Lineage, Reason> {
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
    fn side(&mut self, plan: &LogicalPlan, outer: Outer<'_>) -> Result<(usize, Lineage), Reason> {
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

    /// The condition with EXISTS, and IN where its NULL is as good as false, in terms of scopes; other subqueries stay.
    fn without_subqueries(&mut self, condition: Expr, over: &Lineage) -> Result<Expr, Reason> {
        match condition {
            Expr::BinaryExpr(mut both) if matches!(both.op, Operator::And | Operator::Or) => {
                both.left = Box::new(self.without_subqueries(*both.left, over)?);
                both.right = Box::new(self.without_subqueries(*both.right, over)?);
                Ok(Expr::BinaryExpr(both))
            }
            Expr::Not(inner) if matches!(*inner, Expr::Exists(_)) => {
                Ok(match self.without_subqueries(*inner, over)? {
                    Expr::Exists(exists) => !Expr::Exists(exists),
                    found => !found,
                })
            }
            Expr::Exists(exists) if !exists.subquery.outer_ref_columns.is_empty() => {
                let inside = self.existence(&exists.subquery.subquery, None, over)?;
                let found = matched(inside).is_true();
                Ok(if exists.negated { !found } else { found })
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated: false })
                if self.subqueries != SubqueryJoins::NoIn || !subquery.outer_ref_columns.is_empty() =>
            {
                let own = self.replaced(&expr, over, None)?;
                Ok(matched(self.existence(&subquery.subquery, Some(own), over)?).is_true())
            }
            other => Ok(other),
        }
    }

    /// The scope of the rows of a subquery; of those whose only column equals `member`, where one is given.
    fn existence(&mut self, plan: &LogicalPlan, member: Option<Expr>, over: &Lineage) -> Result<usize, Reason> {
        self.is_joined = true;
        let plan = chosen_by_existence(plan);
        if self.subqueries == SubqueryJoins::Tables {
            let (inside, rows) = self.side(plan, Some(over))?;
            if let (Some(member), Some(value)) = (member, rows.exprs.first()) {
                self.graph.scopes[inside].conjuncts.push(member.eq(value.clone()));
            }
            return Ok(inside);
        }
        let (rows, value) = match plan {
            LogicalPlan::Projection(projection) => {
                (projection.input.as_ref(), projection.expr.first().cloned().map(Expr::unalias))
            }
            other => (other, other.schema().columns().first().cloned().map(Expr::Column)),
        };
        let refused = || Reason::new("a correlated subquery is answered exactly");
        let Decorrelated { rows, correlations } = decorrelated(rows).map_err(untraced)?.ok_or_else(refused)?;
        let (mut keys, mut others): (Vec<Expr>, Vec<Expr>) = correlations.into_iter().unzip();
        if let Some(member) = member {
            keys.push(value.ok_or_else(refused)?);
            others.push(member);
        }
        if keys.is_empty() {
            return Err(refused());
        }
        self.by_keys(&distinct_keys(rows, keys).map_err(untraced)?, &others, over).map(|(inside, _)| inside)
    }

    /// A subquery whose first columns are keys as a scope of its own, and its columns; `others` are what the keys equal, some of them over
    /// the outer row.
    fn by_keys(&mut self, plan: &LogicalPlan, others: &[Expr], over: &Lineage) -> Result<(usize, Lineage), Reason> {
        let inside = self.graph.scopes.len();
        self.graph.scopes.push(Scope::default());
        let columns = self.derived(plan, inside)?;
        for (key, other) in columns.exprs.iter().zip(others) {
            let other = self.replaced(other, over, Some(over))?;
            self.graph.scopes[inside].conjuncts.push(key.clone().eq(other));
        }
        Ok((inside, columns))
    }

    /// `expr` over columns of instances: columns of `lineage`, those outside a subquery, and values of correlated subqueries.
    fn replaced(&mut self, expr: &Expr, lineage: &Lineage, outer: Outer<'_>) -> Result<Expr, Reason> {
        let mut refusal = None;
        let is_correlated = |e: &Expr| Ok(matches!(e, Expr::ScalarSubquery(s) if !s.outer_ref_columns.is_empty()));
        let expr = match expr.exists(is_correlated).map_err(untraced)? {
            false => expr.clone(),
            true => {
                let scalar = |e: Expr| match e {
                    Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
                        match self.scalar(&subquery.subquery, lineage) {
                            Ok(value) => Ok(Transformed::new(value, true, TreeNodeRecursion::Jump)),
                            Err(reason) => {
                                refusal.get_or_insert(reason);
                                Ok(Transformed::no(Expr::ScalarSubquery(subquery)))
                            }
                        }
                    }
                    other => Ok(Transformed::no(other)),
                };
                expr.clone().transform_down(scalar).map_err(untraced)?.data
            }
        };
        match refusal {
            Some(reason) => Err(reason),
            None => replaced(&expr, lineage, outer).map_err(untraced),
        }
    }

    /// The value of a correlated scalar subquery over one aggregate.
    fn scalar(&mut self, plan: &LogicalPlan, over: &Lineage) -> Result<Expr, Reason> {
        self.is_joined = true;
        let refused = || Reason::new("a correlated subquery is answered exactly");
        let plan = match plan {
            LogicalPlan::SubqueryAlias(alias) => alias.input.as_ref(),
            other => other,
        };
        let ScalarByKeys { plan, outer, value, calls } = scalar_by_keys(plan).map_err(untraced)?.ok_or_else(refused)?;
        let (inside, columns) = self.by_keys(&plan, &outer, over)?;
        let value = value.transform_up(|e| {
            let Expr::Column(column) = &e else { return Ok(Transformed::no(e)) };
            let Some(place) = calls.iter().position(|(own, _)| own == column) else { return Ok(Transformed::no(e)) };
            let own = guard(columns.exprs[outer.len() + place].clone(), inside);
            Ok(Transformed::yes(match calls[place].1 {
                // Over no rows a count is 0, and everything else NULL.
                true => Expr::Case(Case {
                    expr: None,
                    when_then_expr: vec![(Box::new(own.clone().is_null()), Box::new(lit(0_i64)))],
                    else_expr: Some(Box::new(own)),
                }),
                false => own,
            }))
        });
        Ok(value.map_err(untraced)?.data)
    }
}

/// The part of a subquery that decides whether it has rows, or which values they have.
fn chosen_by_existence(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Distinct(datafusion::logical_expr::Distinct::All(input)) => chosen_by_existence(input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => chosen_by_existence(&sort.input),
        LogicalPlan::Limit(limit)
            if matches!(limit.get_skip_type(), Ok(SkipType::Literal(0)))
                && matches!(limit.get_fetch_type(), Ok(FetchType::Literal(None))) =>
        {
            chosen_by_existence(&limit.input)
        }
        other => other,
    }
}

/// `expr` over columns of instances: columns of `lineage`, and those outside a subquery.
fn replaced(expr: &Expr, lineage: &Lineage, outer: Outer<'_>) -> PlanResult<Expr> {
    let replaced = expr.clone().transform_up(|e| match e {
        Expr::Column(column) if instance_of(&column).is_some() || scope_of(&column).is_some() => {
            Ok(Transformed::no(Expr::Column(column)))
        }
        Expr::Column(column) => Ok(Transformed::yes(of_column(lineage, &column)?)),
        Expr::OuterReferenceColumn(field, column) => match outer.map(|outer| of_column(outer, &column)) {
            Some(found) => Ok(Transformed::yes(found?)),
            None => Ok(Transformed::no(Expr::OuterReferenceColumn(field, column))),
        },
        Expr::Alias(alias) => Ok(Transformed::yes(*alias.expr)),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

fn of_column(lineage: &Lineage, column: &Column) -> Result<Expr, DataFusionError> {
    Ok(lineage.exprs[lineage.schema.index_of_column(column)?].clone())
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

fn refusal(plan: &LogicalPlan) -> &'static str {
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
