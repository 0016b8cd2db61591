//! Tables, functions and settings that a plan depends on, and whether they have changed.

use crate::answer::Result;
use crate::environment::Environment;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    AggregateUDF, Expr, LogicalPlan, ScalarUDF, Volatility, WindowFunctionDefinition, WindowUDF,
};
use std::sync::Arc;

/// The session state, tables and functions that a plan was made with.
pub(crate) struct PlanDependencies {
    pub(crate) state: Arc<SessionState>,
    pub(crate) tables: Tables,
    functions: Functions,
    /// For each column of the query, its name as the user wrote it; `None` where it has the plan's name.
    pub(crate) written_names: Vec<Option<String>>,
}

/// The tables and views that a text names, at the time of planning.
pub(crate) struct Tables {
    pub(crate) known: Vec<(TableReference, Arc<dyn TableProvider>)>,
    /// Whether every name was found as a table.
    are_all: bool,
}

/// The functions that a plan calls.
#[derive(Default)]
struct Functions {
    scalar: Vec<Arc<ScalarUDF>>,
    aggregate: Vec<Arc<AggregateUDF>>,
    window: Vec<Arc<WindowUDF>>,
    /// Whether the plan reads a variable, whose value may change.
    has_variable: bool,
}

impl Tables {
    /// Resolves `names` to the tables that they mean at present.
    pub(crate) async fn named(env: &Environment, names: Vec<TableReference>) -> Self {
        let mut found = Self { known: Vec::with_capacity(names.len()), are_all: true };
        for name in names {
            match env.context.table_provider(name.clone()).await {
                Ok(table) => found.known.push((name, table)),
                // The name is a table function, say, or a missing table.
                Err(_) => found.are_all = false,
            }
        }
        found
    }
}

impl PlanDependencies {
    pub(crate) fn new(
        state: Arc<SessionState>,
        tables: Tables,
        plan: &LogicalPlan,
        written_names: Vec<Option<String>>,
    ) -> Result<Self> {
        Ok(Self { state, tables, functions: functions(plan)?, written_names })
    }

    /// Whether planning again gives the same plan as long as tables, functions and settings stay the same; nothing depends on time.
    pub(crate) fn is_repeatable(&self) -> bool {
        let fixed = |volatility: Volatility| volatility == Volatility::Immutable;
        self.tables.are_all
            && !self.functions.has_variable
            && self.functions.scalar.iter().all(|f| fixed(f.signature().volatility))
            && self.functions.aggregate.iter().all(|f| fixed(f.signature().volatility))
            && self.functions.window.iter().all(|f| fixed(f.signature().volatility))
    }

    /// Whether tables, functions and settings are still those that the plan was made with.
    pub(crate) async fn is_current(&self, env: &Environment) -> bool {
        let is_same = {
            let state = env.context.state_ref();
            let state = state.read();
            // A function that took over one of the names or aliases counts as a change.
            let (scalar, aggregate, window) =
                (state.scalar_functions(), state.aggregate_functions(), state.window_functions());
            let same = |f: &Arc<ScalarUDF>| {
                let is_it = |name: &str| scalar.get(name).is_some_and(|g| Arc::ptr_eq(f, g));
                is_it(f.name()) && f.aliases().iter().all(|alias| is_it(alias))
            };
            // In SQL a scalar function takes precedence over an aggregate or window function of the same name.
            let same_aggregate = |f: &Arc<AggregateUDF>| {
                let is_it =
                    |name: &str| aggregate.get(name).is_some_and(|g| Arc::ptr_eq(f, g)) && !scalar.contains_key(name);
                is_it(f.name()) && f.aliases().iter().all(|alias| is_it(alias))
            };
            let same_window = |f: &Arc<WindowUDF>| {
                let is_it =
                    |name: &str| window.get(name).is_some_and(|g| Arc::ptr_eq(f, g)) && !scalar.contains_key(name);
                is_it(f.name()) && f.aliases().iter().all(|alias| is_it(alias))
            };
            Arc::ptr_eq(state.config_options(), self.state.config_options())
                && plans_alike(&state, &self.state)
                && self.functions.scalar.iter().all(same)
                && self.functions.aggregate.iter().all(same_aggregate)
                && self.functions.window.iter().all(same_window)
        };
        if !is_same {
            return false;
        }
        for (reference, table) in &self.tables.known {
            match env.context.table_provider(reference.clone()).await {
                Ok(now) if Arc::ptr_eq(&now, table) => {}
                _ => return false,
            }
        }
        true
    }
}

/// Whether both states have the same planning rules.
fn plans_alike(one: &SessionState, other: &SessionState) -> bool {
    fn same<T: ?Sized>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(a, b)| Arc::ptr_eq(a, b))
    }
    same(&one.analyzer().rules, &other.analyzer().rules)
        && same(one.analyzer().function_rewrites(), other.analyzer().function_rewrites())
        && same(one.expr_planners(), other.expr_planners())
        && same(one.relation_planners(), other.relation_planners())
        && same(one.optimizers(), other.optimizers())
        && same(one.physical_optimizers(), other.physical_optimizers())
}

fn functions(plan: &LogicalPlan) -> Result<Functions> {
    let mut found = Functions::default();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                match expr {
                    Expr::ScalarFunction(call) => found.scalar.push(Arc::clone(&call.func)),
                    Expr::AggregateFunction(call) => found.aggregate.push(Arc::clone(&call.func)),
                    Expr::WindowFunction(call) => match &call.fun {
                        WindowFunctionDefinition::AggregateUDF(f) => found.aggregate.push(Arc::clone(f)),
                        WindowFunctionDefinition::WindowUDF(f) => found.window.push(Arc::clone(f)),
                    },
                    Expr::ScalarVariable(..) => found.has_variable = true,
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
