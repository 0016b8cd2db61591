//! The four error functions as DataFusion sees them: for a number known exactly, the ends are the number and the errors 0.

use super::signature;
use crate::post_aggregate::{Role, combine, roles};
use datafusion::arrow::array::{Array, ArrayRef, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{ColumnarValue, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use datafusion::prelude::SessionContext;
use plusminus_functions::Failure;
use plusminus_statistics::{Estimate, absolute_error, relative_error};
use std::sync::Arc;

/// One of the error functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorFunction {
    /// `lower_bound(x)`: the lower end of the interval, in units of `x`.
    Lower,
    /// `upper_bound(x)`: the upper end of the interval, in units of `x`.
    Upper,
    /// `relative_error(x)`: half the width of the interval over the value, as a share.
    Relative,
    /// `absolute_error(x)`: half the width of the interval, in units of `x`.
    Absolute,
}

const ALL: [ErrorFunction; 4] =
    [ErrorFunction::Lower, ErrorFunction::Upper, ErrorFunction::Relative, ErrorFunction::Absolute];

impl ErrorFunction {
    /// The function with this name, which is in lower case.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|f| f.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower_bound",
            Self::Upper => "upper_bound",
            Self::Relative => "relative_error",
            Self::Absolute => "absolute_error",
        }
    }

    /// The function's value for an estimate; `None` without an estimate or when its interval says nothing.
    pub fn of(self, estimate: &Estimate) -> Option<f64> {
        estimate.value?;
        match self {
            Self::Lower => estimate.lower,
            Self::Upper => estimate.upper,
            Self::Relative => relative_error(estimate),
            Self::Absolute => absolute_error(estimate),
        }
    }

    /// The rounding of ends into the type of the argument, which is outward; `None` for errors.
    pub fn rounding(self) -> Option<fn(f64) -> f64> {
        match self {
            Self::Lower => Some(f64::floor),
            Self::Upper => Some(f64::ceil),
            Self::Relative | Self::Absolute => None,
        }
    }
}

/// Makes the functions known to `context`.
///
/// # Errors
/// When the context's registry refuses a function.
pub fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    for function in ALL {
        let known = KnownExactly { function, signature: signature() };
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(known)))?;
    }
    Ok(())
}

/// Refuses error functions whose argument has no aggregate in it.
///
/// # Errors
/// When a call stands where there is no estimate.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    let mut misplaced = None;
    plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let roles: Vec<Vec<Role>> = inputs.iter().map(|i| roles(i)).collect();
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Some((function, argument)) = super::of_call(e) {
                    let over =
                        |(input, below): (&&LogicalPlan, &Vec<Role>)| combine(argument, input, below) == Role::Estimate;
                    // A call within an aggregate's own arguments stands below that aggregate.
                    if !inputs.iter().zip(&roles).any(over) {
                        misplaced = Some(function);
                        return Ok(TreeNodeRecursion::Stop);
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    match misplaced {
        None => Ok(()),
        Some(function) => {
            let name = function.name();
            Err(Failure::of_statement(
                format!("{name}(…) speaks of an estimate, and there is no aggregate in it"),
                format!("put it around an aggregate, such as {name}(avg(x)), in SELECT, HAVING or ORDER BY"),
            ))
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct KnownExactly {
    function: ErrorFunction,
    signature: Signature,
}

impl ScalarUDFImpl for KnownExactly {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [number] if number.is_numeric() || *number == DataType::Null => Ok(match self.function.rounding() {
                Some(_) => number.clone(),
                None => DataType::Float64,
            }),
            _ => plan_err!("{} takes one number: an aggregate, or arithmetic on aggregates", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.function.rounding().is_some() {
            return Ok(args.args[0].clone());
        }
        let numbers = args.args[0].to_array(args.number_rows)?;
        let nulls = numbers.logical_nulls();
        let zeros: ArrayRef = Arc::new(Float64Array::new(vec![0.0; numbers.len()].into(), nulls));
        Ok(ColumnarValue::Array(zeros))
    }
}
