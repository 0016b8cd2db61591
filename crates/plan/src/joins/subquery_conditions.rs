//! Conditions and values with subqueries in them, as scopes of a join graph.

use super::collect::{Collector, Outer, SubqueryJoins, guard, untraced};
use super::derived::{Decorrelated, ScalarByKeys, decorrelated, distinct_keys, scalar_by_keys};
use super::{Scope, instance_of, matched, scope_of};
use crate::lineage::Lineage;
use crate::query::Reason;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, Result as PlanResult};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{Case, Distinct, Expr, FetchType, LogicalPlan, Operator, SkipType, lit};

impl Collector {
    /// The condition with EXISTS, and IN where its NULL is as good as false, in terms of scopes; other subqueries stay.
    pub(super) fn without_subqueries(&mut self, condition: Expr, over: &Lineage) -> Result<Expr, Reason> {
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
    pub(super) fn replaced(&mut self, expr: &Expr, lineage: &Lineage, outer: Outer<'_>) -> Result<Expr, Reason> {
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
        LogicalPlan::Distinct(Distinct::All(input)) => chosen_by_existence(input),
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
