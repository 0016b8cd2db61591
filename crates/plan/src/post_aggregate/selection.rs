//! How HAVING and LIMIT choose rows, as far as intervals can tell which choices are settled.

use super::super::calls::Calls;
use super::PostAggregate;
use crate::differentiable;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use plusminus_statistics::expression::DifferentiableExpr;

/// Which side of a number an estimate has to be on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Comparison {
    /// The estimate has to be above `limit`.
    Above {
        /// The number, in the estimate's unit.
        limit: f64,
        /// Whether the number itself will do.
        or_equal: bool,
    },
    /// The estimate has to be below `limit`.
    Below {
        /// The number, in the estimate's unit.
        limit: f64,
        /// Whether the number itself will do.
        or_equal: bool,
    },
}

/// One conjunct of HAVING.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A hidden estimate, by number, is compared with a constant.
    Compare {
        /// The number of the estimate among the hidden ones.
        hidden: usize,
        /// The side of the constant that it has to be on.
        with: Comparison,
    },
    /// A condition on an estimate that its interval does not decide.
    Opaque,
}

/// How HAVING and LIMIT choose rows by estimates.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Conjuncts of HAVING on estimates.
    pub conditions: Vec<Condition>,
    /// The hidden estimate that a LIMIT cuts by first, with whether it ascends; `None` without a cut by estimates.
    ///
    /// The inner option is `None` when the first sort key is no differentiable estimate.
    pub cut: Option<Option<(usize, bool)>>,
}

impl PostAggregate<'_> {
    /// The choice of rows by estimates, which are appended to `hidden`.
    pub(crate) fn selection(
        &self,
        keys: usize,
        calls: &Calls,
        hidden: &mut Vec<(Expr, DifferentiableExpr)>,
    ) -> Selection {
        let schema = &self.aggregate.schema;
        let is_estimate = |e: &Expr| e.column_refs().iter().any(|c| schema.index_of_column(c).is_ok_and(|i| i >= keys));
        let mut add = |e: &Expr| {
            let function = differentiable::translate(e, schema, keys, calls)?;
            differentiable::check_non_linear(&function, calls, "").ok()?;
            hidden.push((e.clone(), function));
            Some(hidden.len() - 1)
        };
        let mut selection = Selection::default();
        for condition in self.having.iter().flat_map(|h| split_conjunction(h)).filter(|c| is_estimate(c)) {
            let compared = comparison(condition, schema).and_then(|(of, with)| Some((add(of)?, with)));
            selection.conditions.push(match compared {
                Some((hidden, with)) => Condition::Compare { hidden, with },
                None => Condition::Opaque,
            });
        }
        if let Some((first, ascends)) = self.cut_by.first()
            && self.cut_by.iter().any(|(e, _)| is_estimate(e))
        {
            // A key that is sorted by before any estimate decides part of the cut.
            let function = if is_estimate(first) { add(first) } else { None };
            selection.cut = Some(function.map(|hidden| (hidden, *ascends)));
        }
        selection
    }
}

/// The estimate and its comparison in `estimate > number` and the like.
fn comparison<'e>(expr: &'e Expr, schema: &DFSchemaRef) -> Option<(&'e Expr, Comparison)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return None };
    let number = |e: &Expr| {
        let constant =
            differentiable::translate(e, schema, 0, &Calls::default()).filter(DifferentiableExpr::is_constant)?;
        Some(constant.evaluate(&[])).filter(|c| c.is_finite())
    };
    let (of, constant, flipped) = match (number(left), number(right)) {
        (None, Some(constant)) => (left, constant, false),
        (Some(constant), None) => (right, constant, true),
        _ => return None,
    };
    let above = match op {
        Operator::Gt | Operator::GtEq => !flipped,
        Operator::Lt | Operator::LtEq => flipped,
        _ => return None,
    };
    let (limit, or_equal) = (constant, matches!(op, Operator::GtEq | Operator::LtEq));
    Some((of, if above { Comparison::Above { limit, or_equal } } else { Comparison::Below { limit, or_equal } }))
}
