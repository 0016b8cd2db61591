//! Queries as far as their text, the tables and the samples decide them; nothing is planned twice.

mod cache;
mod fitted;
mod pace;

pub(crate) use cache::PreparedCache;
pub(crate) use fitted::{Fitted, Grouped, Known};
use pace::Pace;

use crate::above::Upward;
use crate::diagnose::with_tables;
use crate::error::{Error, Result};
use crate::kernel::SampleStrata;
use crate::session::Session;
use crate::shape::errors::check as check_error_functions;
use crate::shape::{Reason, Shape, recognise};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, ScalarUDF, Volatility, WindowUDF};
use plusminus_catalog::Manifest;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A planned query.
pub(crate) struct Prepared {
    pub(crate) state: Arc<SessionState>,
    /// The analysed plan.
    pub(crate) plan: LogicalPlan,
    /// What can be estimated of it, or why nothing can.
    pub(crate) shape: Result<Arc<Shape>, Reason>,
    /// What stands above the aggregate, compiled when it is first needed; `None` in it when that cannot be done.
    pub(crate) upward: OnceLock<Option<Upward>>,
    /// How fast it ran before.
    pub(crate) pace: Pace,
    /// The tables (and views) that the text names, as they were.
    tables: Vec<(TableReference, Arc<dyn TableProvider>)>,
    /// Whether every name of a table is one.
    all_known: bool,
    functions: Functions,
    /// How it looks through the samples that were tried last.
    fitted: Mutex<Vec<Arc<Fitted>>>,
}

/// The functions of a plan.
#[derive(Default)]
struct Functions {
    scalar: Vec<Arc<ScalarUDF>>,
    aggregate: Vec<Arc<AggregateUDF>>,
    window: Vec<Arc<WindowUDF>>,
    /// Whether a variable, whose value may change, is named.
    has_variable: bool,
}

/// Where the planner's state comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planner {
    Kept,
    New,
}

/// Samples that a prepared query stays fitted to.
const FITTED_MAX: usize = 4;

impl Prepared {
    /// Parses, plans and analyses `sql`.
    ///
    /// DataFusion's state, whose copy takes as long as planning a simple query, is the one of the query before as long as nothing
    /// that this query means has changed.
    pub(crate) async fn new(session: &Session, sql: &str) -> Result<Self> {
        let before = session.inner.planner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(state) = before
            && let Ok(Some(prepared)) = Self::planned(session, sql, state, Planner::Kept).await
            && prepared.is_repeatable()
            && prepared.is_current(session).await
        {
            return Ok(prepared);
        }
        let state = Arc::new(session.context().state());
        *session.inner.planner.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&state));
        let planned = Self::planned(session, sql, state, Planner::New).await?;
        planned.ok_or_else(|| Error::data("the query could not be planned"))
    }

    /// `None` from a kept planner where the text names more than tables: files are other tables each time.
    async fn planned(session: &Session, sql: &str, state: Arc<SessionState>, planner: Planner) -> Result<Option<Self>> {
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect)?;
        let references = state.resolve_table_references(&statement)?;
        if planner == Planner::Kept && !references.iter().all(|table| session.is_named_table(table)) {
            return Ok(None);
        }
        // Before planning, so that a table which is replaced meanwhile is not taken for the one planned with.
        let mut tables = Vec::with_capacity(references.len());
        let mut all_known = true;
        for reference in references {
            match session.context().table_provider(reference.clone()).await {
                Ok(table) => tables.push((reference, table)),
                // A table function, say, or a table that is missing.
                Err(_) => all_known = false,
            }
        }
        let plan = state.statement_to_plan(statement).await;
        let plan = plan.map_err(|error| with_tables(&error, &session.table_names()))?;
        let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
        check_error_functions(&plan)?;
        let (shape, functions) = (recognise(&plan).map(Arc::new), functions(&plan)?);
        Ok(Some(Self {
            state,
            plan,
            shape,
            upward: OnceLock::new(),
            pace: Pace::default(),
            tables,
            all_known,
            functions,
            fitted: Mutex::default(),
        }))
    }

    /// Whether asking again later means the same, tables, functions and settings being what they are: nothing changes with
    /// the time, and no part is filled in while the query runs.
    pub(crate) fn is_repeatable(&self) -> bool {
        let slotted = self.shape.as_ref().is_ok_and(|shape| !shape.error_calls.is_empty());
        let fixed = |volatility: Volatility| volatility == Volatility::Immutable;
        !slotted
            && self.all_known
            && !self.functions.has_variable
            && self.functions.scalar.iter().all(|f| fixed(f.signature().volatility))
            && self.functions.aggregate.iter().all(|f| fixed(f.signature().volatility))
            && self.functions.window.iter().all(|f| fixed(f.signature().volatility))
    }

    /// Whether tables, functions and settings are still those that it was planned with.
    async fn is_current(&self, session: &Session) -> bool {
        let is_same = {
            let state = session.context().state_ref();
            let state = state.read();
            // A function that took over one of the names counts, too.
            let (scalar, aggregate, window) =
                (state.scalar_functions(), state.aggregate_functions(), state.window_functions());
            let same = |f: &Arc<ScalarUDF>| {
                let is_it = |name: &str| scalar.get(name).is_some_and(|g| Arc::ptr_eq(f, g));
                is_it(f.name()) && f.aliases().iter().all(|alias| is_it(alias))
            };
            // In SQL a scalar function comes before an aggregate or a window function of its name.
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
        for (reference, table) in &self.tables {
            match session.context().table_provider(reference.clone()).await {
                Ok(now) if Arc::ptr_eq(&now, table) => {}
                _ => return false,
            }
        }
        true
    }

    /// Bytes held beside the plan, about.
    fn bytes(&self) -> usize {
        let fitted = self.fitted.lock().unwrap_or_else(PoisonError::into_inner);
        fitted.iter().map(|f| f.view.bytes()).sum()
    }

    /// `shape` seen through a sample, from before if it was seen so.
    pub(crate) fn fitted(
        &self,
        shape: &Shape,
        manifest: &Arc<Manifest>,
        strata: Arc<SampleStrata>,
    ) -> Result<Arc<Fitted>> {
        let lock = || self.fitted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().iter().find(|f| Arc::ptr_eq(&f.manifest, manifest)) {
            return Ok(Arc::clone(known));
        }
        let fitted = Arc::new(Fitted::new(shape, &self.state, manifest, strata)?);
        let mut all = lock();
        // Other generations are of no more use.
        all.retain(|f| f.manifest.name != manifest.name);
        if all.len() >= FITTED_MAX {
            all.remove(0);
        }
        all.push(Arc::clone(&fitted));
        Ok(fitted)
    }
}

/// Whether both have the same rules.
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
                        datafusion::logical_expr::WindowFunctionDefinition::AggregateUDF(f) => {
                            found.aggregate.push(Arc::clone(f));
                        }
                        datafusion::logical_expr::WindowFunctionDefinition::WindowUDF(f) => {
                            found.window.push(Arc::clone(f));
                        }
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
