//! Simplification that cannot wrap: arithmetic on whole numbers is hidden in functions while DataFusion folds constants.
//!
//! DataFusion's simplifier computes sums, differences and products of literals by arithmetic that wraps. Literals also
//! appear on the way (`k * 0` becomes 0, a derived table's constant takes the place of its column), so a check before
//! simplification does not find them all.

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr_common::datum::apply;
use std::sync::{Arc, LazyLock};

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| arithmetic(Operator::Plus));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| arithmetic(Operator::Minus));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| arithmetic(Operator::Multiply));

fn arithmetic(op: Operator) -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Arithmetic { op, signature }))
}

/// One operator on whole numbers, with an error where the result leaves their type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Arithmetic {
    op: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("{} {} {}", left.schema_name(), self.op, right.schema_name())),
            _ => plan_err!("{} has two operands", self.op),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let is_nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else { return plan_err!("{} has two operands", self.op) };
        match self.op {
            Operator::Plus => apply(left, right, add),
            Operator::Minus => apply(left, right, sub),
            _ => apply(left, right, mul),
        }
    }
}

/// The expression with sums, differences and products of whole numbers as functions.
pub fn hidden(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|part| {
        let Expr::BinaryExpr(binary) = &part else { return Ok(Transformed::no(part)) };
        let function = match binary.op {
            Operator::Plus => &ADD,
            Operator::Minus => &SUBTRACT,
            Operator::Multiply => &MULTIPLY,
            _ => return Ok(Transformed::no(part)),
        };
        let is_whole = |side: &Expr| side.get_type(schema).is_ok_and(|data_type| data_type.is_integer());
        if !is_whole(&binary.left) || !is_whole(&binary.right) {
            return Ok(Transformed::no(part));
        }
        let args = vec![binary.left.as_ref().clone(), binary.right.as_ref().clone()];
        Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), args))))
    })
}

/// The expression with operators in the place of [`hidden`] functions.
pub fn shown(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|part| {
        let Expr::ScalarFunction(call) = &part else { return Ok(Transformed::no(part)) };
        let own: Option<&Arithmetic> = call.func.inner().downcast_ref();
        let (Some(own), [left, right]) = (own, call.args.as_slice()) else { return Ok(Transformed::no(part)) };
        let binary = BinaryExpr::new(Box::new(left.clone()), own.op, Box::new(right.clone()));
        Ok(Transformed::yes(Expr::BinaryExpr(binary)))
    })
}

/// DataFusion's rule that folds constants, without wrapping.
#[derive(Debug)]
pub struct CheckedFolding(Arc<dyn OptimizerRule + Send + Sync>);

impl CheckedFolding {
    /// `rules` with the folding one checked.
    pub fn among(rules: &[Arc<dyn OptimizerRule + Send + Sync>]) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
        let checked = |rule: &Arc<dyn OptimizerRule + Send + Sync>| match rule.name() {
            "simplify_expressions" => Arc::new(Self(Arc::clone(rule))),
            _ => Arc::clone(rule),
        };
        rules.iter().map(checked).collect()
    }
}

impl OptimizerRule for CheckedFolding {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !has_arithmetic(&plan)? {
            return self.0.rewrite(plan, config);
        }
        let schema = schema_below(&plan)?;
        let hidden = mapped(plan, |expr| hidden(expr, &schema))?;
        let folded = self.0.rewrite(hidden.data, config)?;
        let is_new = folded.transformed;
        let shown = mapped(folded.data, shown)?;
        Ok(Transformed::new_transformed(shown.data, is_new))
    }
}

fn has_arithmetic(plan: &LogicalPlan) -> Result<bool> {
    let is_arithmetic = |expr: &Expr| {
        let Expr::BinaryExpr(binary) = expr else { return Ok(false) };
        Ok(matches!(binary.op, Operator::Plus | Operator::Minus | Operator::Multiply))
    };
    let mut found = false;
    plan.apply_expressions(|expr| {
        found |= expr.exists(is_arithmetic)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The plan with its expressions changed and their names kept.
fn mapped(
    plan: LogicalPlan,
    mut change: impl FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(change(expr)?.update_data(|expr| name.restore(expr)))
    })
}

/// The columns that the expressions of `plan` refer to.
fn schema_below(plan: &LogicalPlan) -> Result<DFSchema> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())
        }
        other => Ok(merge_schema(&other.inputs())),
    }
}
