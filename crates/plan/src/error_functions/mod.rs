//! `lower_bound(x)`, `upper_bound(x)`, `relative_error(x)`, `absolute_error(x)`: numbers taken from the interval of an estimate.
//!
//! For DataFusion they are functions of a number known exactly. Above an estimate each call is replaced by a look-up. A hidden
//! column has the group of every row, and the slot has the call's value for every group.

mod functions;

pub use functions::{ErrorFunction, check, register};

use super::lineage::Lineage;
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

/// The name of the hidden column that has the group of every row, by number.
pub const ESTIMATE: &str = "__estimate";

/// A call of an error function above the aggregate.
#[derive(Debug, Clone)]
pub struct ErrorCall {
    /// The function that is called.
    pub function: ErrorFunction,
    /// The argument, over the aggregate's columns.
    pub of: Expr,
    /// The type of its value.
    pub data_type: DataType,
}

/// The values of all calls of error functions, filled in before the plan above the aggregate runs.
#[derive(Debug, Default)]
pub struct Slot(RwLock<Vec<ArrayRef>>);

impl Slot {
    /// Sets the values: calls × groups, one array per call.
    pub fn fill(&self, values: Vec<ArrayRef>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = values;
    }

    fn get(&self, number: usize) -> Option<ArrayRef> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }
}

/// The error function that `expr` calls, and its argument; `None` for any other expression.
fn of_call(expr: &Expr) -> Option<(ErrorFunction, &Expr)> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let function = ErrorFunction::named(func.name())?;
    args.first().map(|argument| (function, argument))
}

/// Whether `expr` calls an error function anywhere.
pub(crate) fn occurs_in(expr: &Expr) -> bool {
    expr.exists(|e| Ok(of_call(e).is_some())).unwrap_or(false)
}

/// Whether any expression of `plan`, or of a subquery in it, calls an error function.
pub fn occur_in(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let looked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= occurs_in(expr);
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    found || looked.is_err()
}

/// `expr` with 0 in the place of every call of an error function, and whether there was one.
pub(crate) fn without(expr: &Expr) -> (Expr, bool) {
    if !occurs_in(expr) {
        return (expr.clone(), false);
    }
    let zero = |e: Expr| {
        Ok(match of_call(&e) {
            Some(_) => Transformed::new(lit(0.0), true, TreeNodeRecursion::Jump),
            None => Transformed::no(e),
        })
    };
    (expr.clone().transform_down(zero).map_or_else(|_| expr.clone(), |t| t.data), true)
}

/// Replaces calls in `expr` by look-ups and appends them to `calls`; `lineage` traces the columns of `expr` to the aggregate.
pub(crate) fn replace(
    expr: &Expr,
    lineage: &Lineage,
    schema: &DFSchema,
    calls: &mut Vec<ErrorCall>,
    slot: &Arc<Slot>,
) -> Result<Transformed<Expr>> {
    if !occurs_in(expr) {
        return Ok(Transformed::no(expr.clone()));
    }
    expr.clone().transform_down(|e| {
        let Some((function, argument)) = of_call(&e) else { return Ok(Transformed::no(e)) };
        let data_type = e.get_type(schema)?;
        calls.push(ErrorCall { function, of: lineage.replace(argument)?, data_type: data_type.clone() });
        let look_up = LookUp { number: calls.len() - 1, data_type, slot: Arc::clone(slot), signature: signature() };
        let hidden = Expr::Column(Column::new_unqualified(ESTIMATE));
        let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(look_up)), vec![hidden]);
        Ok(Transformed::new(Expr::ScalarFunction(call), true, TreeNodeRecursion::Jump))
    })
}

fn signature() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

/// The function that returns the value of one call for the group of each row.
#[derive(Debug)]
struct LookUp {
    number: usize,
    data_type: DataType,
    slot: Arc<Slot>,
    signature: Signature,
}

impl PartialEq for LookUp {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && Arc::ptr_eq(&self.slot, &other.slot)
    }
}

impl Eq for LookUp {}

impl Hash for LookUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl ScalarUDFImpl for LookUp {
    fn name(&self) -> &str {
        "__error"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let groups = args.args[0].to_array(args.number_rows)?;
        let (Some(groups), Some(values)) = (groups.as_primitive_opt::<UInt32Type>(), self.slot.get(self.number)) else {
            return exec_err!("an error function was evaluated without its estimates");
        };
        Ok(ColumnarValue::Array(take(values.as_ref(), groups, None)?))
    }
}
