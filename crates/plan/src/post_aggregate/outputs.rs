//! The query's columns as functions of the aggregate's.

use super::super::calls::Calls;
use super::super::query::Reason;
use super::roles::{Role, role_of};
use super::smoothness::unrounded;
use super::source_calls::{SourceCalls, source_calls};
use super::{PostAggregate, smoothness};
use crate::{differentiable, error_functions as errors};
use datafusion::logical_expr::{Expr, LogicalPlan};
use plusminus_statistics::expression::DifferentiableExpr;

/// A column of the query's answer.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its role: a key, an estimate, or neither.
    pub role: Role,
    /// The estimate as an expression of variables and numeric keys; `None` for other roles and above a nested aggregate or window.
    pub function: Option<DifferentiableExpr>,
    /// Decimals that the outermost ROUND leaves; `None` without one.
    pub round: Option<i32>,
    /// With a nested aggregate or window, the aggregate calls that the column is computed from; `None` where they were not found.
    pub source_calls: Option<SourceCalls>,
}

impl PostAggregate<'_> {
    /// Classifies the query's columns, in their order; an estimate that is not a differentiable expression of aggregates is a reason.
    pub(crate) fn outputs(&self, keys: usize, calls: &Calls) -> Result<Vec<Output>, Reason> {
        if self.has_upper_aggregate {
            return self.outputs_beyond();
        }
        let schema = &self.aggregate.schema;
        let fields = self.lineage.schema.fields();
        let mut outputs = Vec::with_capacity(fields.len());
        for (expr, field) in self.lineage.exprs.iter().zip(fields.iter()) {
            let (bare, has_errors) = errors::without(expr);
            let mut role = role_of(&bare, |column| schema.index_of_column(column).is_ok_and(|i| i >= keys));
            if has_errors && role != Role::Estimate {
                role = Role::Value;
            }
            if role != Role::Estimate {
                outputs.push(Output { role, function: None, round: None, source_calls: None });
                continue;
            }
            let (round, inner) = differentiable::outermost_round(expr);
            let function = differentiable::translate(inner, schema, keys, calls).ok_or_else(|| {
                Reason::new(format!("column '{}' is not a smooth function of aggregates", field.name()))
            })?;
            differentiable::check_non_linear(&function, calls, field.name())?;
            outputs.push(Output { role, function: Some(function), round, source_calls: None });
        }
        if self.distinct && !self.shows_all_keys(keys) {
            return Err(Reason::new(
                "DISTINCT over estimates is answered exactly unless every GROUP BY column is selected",
            ));
        }
        Ok(outputs)
    }

    /// The arguments of error functions, one per call: over the aggregate's columns, and as a differentiable expression.
    pub(crate) fn error_function_exprs(
        &self,
        keys: usize,
        calls: &Calls,
    ) -> Result<Vec<(Expr, DifferentiableExpr)>, Reason> {
        let function = |call: &errors::ErrorCall| {
            let function = differentiable::translate(&call.of, &self.aggregate.schema, keys, calls);
            let function = function
                .filter(|s| differentiable::check_non_linear(s, calls, "").is_ok() && !self.has_upper_aggregate);
            let function = function.ok_or_else(|| Reason::new(format!("{} has no interval of its own", call.of)))?;
            Ok((call.of.clone(), function))
        };
        self.error_calls.iter().map(function).collect()
    }

    fn shows_all_keys(&self, keys: usize) -> bool {
        let columns = self.aggregate.schema.columns();
        let is = |e: &Expr, key: &datafusion::common::Column| matches!(e, Expr::Column(c) if c == key);
        columns.iter().take(keys).all(|key| self.lineage.exprs.iter().any(|e| is(e, key)))
    }

    /// The plan that is run on replicates, without the outermost ROUND of each column; `None` without a nested aggregate or window.
    pub(crate) fn replicated(&self) -> Result<Option<LogicalPlan>, Reason> {
        if !self.has_upper_aggregate {
            return Ok(None);
        }
        let (bare, _) = unrounded(&self.plan)?;
        smoothness::check(&bare, &self.aggregate.schema)?;
        Ok(Some(bare))
    }

    fn outputs_beyond(&self) -> Result<Vec<Output>, Reason> {
        if self.distinct {
            return Err(Reason::new("DISTINCT over aggregates of estimates is answered exactly"));
        }
        let (_, rounds) = unrounded(&self.plan)?;
        let roles = super::roles::roles(&self.plan);
        let source_calls = source_calls(&self.plan, &self.aggregate.schema);
        let of = |at: usize| source_calls.as_ref().and_then(|source_calls| source_calls.get(at)).cloned();
        let output = |(at, (role, round))| Output { role, function: None, round, source_calls: of(at) };
        Ok(roles.into_iter().zip(rounds).enumerate().map(output).collect())
    }
}
