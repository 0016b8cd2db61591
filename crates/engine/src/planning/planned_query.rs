//! Everything about a query that depends on its text, tables and samples alone, computed once.

use super::blocks::{Blocks, ExactAggregates, PartlyExact, Ranked};
use super::case;
use super::dependencies::{PlanDependencies, Tables};
use super::joined_query::JoinedQuery;
use super::subqueries::{PreparedSubquery, SubqueryValues};
use super::written_names::written_names;
use crate::answer::{Error, Result, with_tables};
use crate::environment::{Environment, views_by_depth, with_views_as_tables};
use crate::post::CompiledPostAggregate;
use crate::samples::{QueryCost, SampleBinding, TableWork, table_work};
use datafusion::common::tree_node::Transformed;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use plusminus_catalog::Manifest;
use plusminus_kernel::SampleStrata;
use plusminus_plan::{
    AggregateQuery, Purpose, Reason, check as check_error_functions, occur_in as calls_error_functions, recognise,
    simplified, with_guarded_null_equality, with_scalars,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// A planned query.
pub(crate) struct PlannedQuery {
    pub(crate) dependencies: Arc<PlanDependencies>,
    /// The analysed plan.
    pub(crate) plan: LogicalPlan,
    /// The aggregate query to estimate, or the reason why nothing can be estimated.
    pub(crate) query: Result<Arc<AggregateQuery>, Reason>,
    /// The query with views as tables, for samples of views: views that the text names first, then the views below them.
    pub(crate) view_queries: Vec<Arc<AggregateQuery>>,
    /// The query as several blocks, computed on demand; `None` inside when it has no blocks.
    blocks: OnceLock<Option<Arc<Blocks>>>,
    /// The compiled plan above the aggregate, computed on demand; `None` inside when it cannot be compiled.
    pub(crate) compiled_post_aggregate: OnceLock<Option<CompiledPostAggregate>>,
    /// The query as an estimated and an exact block, computed on demand, one entry per value of [`ExactAggregates`].
    partly_exact: [OnceLock<Option<Arc<PartlyExact>>>; 2],
    /// The query as ranks over one block, computed on demand; `None` inside when it has none.
    ranked: OnceLock<Option<Arc<Ranked>>>,
    /// Subqueries that may be replaced by values, computed on demand.
    pub(crate) subqueries: OnceLock<Vec<PreparedSubquery>>,
    /// Cached queries with values in the place of their subqueries.
    pub(crate) filled: Mutex<Vec<(SubqueryValues, Arc<PlannedQuery>)>>,
    /// Costs of its past runs.
    pub(crate) query_cost: Arc<QueryCost>,
    /// The work of the exact answer, computed on demand.
    table_work: OnceCell<TableWork>,
    /// Rows that an exact answer reads: as the last one did, or as the keys of joined tables tell. Queries of one template differ in it, since
    /// their literals spare other files.
    pub(super) rows_read: Mutex<Option<u64>>,
    /// Sample bindings for the samples that were tried last, each with the query that was bound.
    bindings: Mutex<Vec<(Arc<AggregateQuery>, Arc<SampleBinding>)>>,
    purpose: Purpose,
    /// The query of a join with its keys proven, as of the last execution.
    pub(super) joined: Mutex<Option<Arc<JoinedQuery>>>,
}

/// Source of the session state that plans a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planner {
    Kept,
    New,
}

/// Sample bindings that a planned query keeps.
const BINDINGS_MAX: usize = 4;

impl PlannedQuery {
    /// Parses, plans and analyses `sql`; the second result is whether the plan may be reused for the same text.
    ///
    /// Copying DataFusion's session state takes as long as planning a simple query. The state of the previous query is therefore reused as
    /// long as nothing that this query depends on has changed.
    pub(crate) async fn new(env: &Environment, sql: &str) -> Result<(Self, bool)> {
        let before = env.planner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(state) = before
            && let Ok(Some(prepared)) = Self::planned(env, sql, state, Planner::Kept).await
            && prepared.holds(env).await
        {
            return Ok((prepared, true));
        }
        let state = Arc::new(env.context.state());
        *env.planner.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&state));
        let planned = Self::planned(env, sql, state, Planner::New).await?;
        let prepared = planned.ok_or_else(|| Error::data("the query could not be planned"))?;
        let holds = prepared.holds(env).await;
        Ok((prepared, holds))
    }

    /// Plans with `state`; `None` from a kept planner where the text names anything but tables, since files are new tables at each query.
    async fn planned(env: &Environment, sql: &str, state: Arc<SessionState>, planner: Planner) -> Result<Option<Self>> {
        let statement = case::parsed(&state, sql)?;
        let references = state.resolve_table_references(&statement)?;
        if planner == Planner::Kept && !references.iter().all(|table| env.is_named_table(table)) {
            return Ok(None);
        }
        // Looked up before planning, so that a table replaced meanwhile is not taken for the one that was planned with.
        let mut tables = Tables::named(env, references).await;
        let misnamed = |error: DataFusionError| with_tables(&error, &env.table_names());
        let written = statement.clone();
        let raw = case::plan(&state, sql, statement).await.map_err(misnamed)?;
        let mut view_plans = Vec::new();
        for (depth, views) in views_by_depth(env, &tables.known).await?.into_iter().enumerate() {
            view_plans.extend(with_views_as_tables(&raw, &views)?);
            if depth > 0 {
                tables.known.extend(views);
            }
        }
        let plan = analysed(&state, raw).map_err(misnamed)?;
        let planned: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
        let dependencies =
            Arc::new(PlanDependencies::new(Arc::clone(&state), tables, &plan, written_names(&written, &planned))?);
        let mut prepared = Self::of(dependencies, plan, Arc::default())?;
        for plan in view_plans {
            let query = recognised(&analysed(&state, plan)?, Purpose::Answer, &state).ok();
            // Samples of a view hold none of what it is joined to.
            prepared.view_queries.extend(query.filter(|query| !query.is_join).map(Arc::new));
        }
        Ok(Some(prepared))
    }

    /// Recognises the query of an analysed plan; `query_cost` has the costs of its past runs.
    pub(crate) fn of(
        dependencies: Arc<PlanDependencies>,
        plan: LogicalPlan,
        query_cost: Arc<QueryCost>,
    ) -> Result<Self> {
        Self::read_for(Purpose::Answer, dependencies, plan, query_cost)
    }

    fn read_for(
        purpose: Purpose,
        dependencies: Arc<PlanDependencies>,
        plan: LogicalPlan,
        query_cost: Arc<QueryCost>,
    ) -> Result<Self> {
        check_error_functions(&plan)?;
        let query = recognised(&plan, purpose, &dependencies.state).map(Arc::new);
        Ok(Self {
            dependencies,
            plan,
            query,
            view_queries: Vec::new(),
            blocks: OnceLock::new(),
            partly_exact: Default::default(),
            ranked: OnceLock::new(),
            subqueries: OnceLock::new(),
            filled: Mutex::default(),
            compiled_post_aggregate: OnceLock::new(),
            query_cost,
            table_work: OnceCell::new(),
            rows_read: Mutex::default(),
            bindings: Mutex::default(),
            purpose,
            joined: Mutex::default(),
        })
    }

    /// The query as several blocks, where it cannot be estimated as a whole.
    pub(crate) fn blocks(&self) -> Option<&Arc<Blocks>> {
        // Of a join it is known only with samples and keys whether it can be estimated as a whole.
        let found = || match &self.query {
            Ok(query) if !query.is_join => None,
            _ => Blocks::of(self, &self.plan).map(Arc::new),
        };
        self.blocks.get_or_init(found).as_ref()
    }

    /// The query as an estimated and an exact block, where it has aggregates of both kinds.
    pub(crate) fn partly_exact(&self, exact_aggregates: ExactAggregates) -> Option<&Arc<PartlyExact>> {
        let found = || PartlyExact::of(self, &self.plan, exact_aggregates).map(Arc::new);
        self.partly_exact[usize::from(exact_aggregates == ExactAggregates::NonLinear)].get_or_init(found).as_ref()
    }

    /// The query as ranks over one block, where it ranks groups by an estimate.
    pub(crate) fn ranked(&self) -> Option<&Arc<Ranked>> {
        let found = || match self.query {
            Ok(_) => None,
            Err(_) => Ranked::of(self, &self.plan).map(Arc::new),
        };
        self.ranked.get_or_init(found).as_ref()
    }

    /// Plans a block of this query.
    pub(crate) fn block(&self, plan: LogicalPlan) -> Result<Self> {
        Self::of(Arc::clone(&self.dependencies), plan, Arc::default())
    }

    /// Plans a subquery whose rows are the members of an IN list.
    pub(crate) fn members(&self, plan: LogicalPlan) -> Result<Self> {
        Self::read_for(Purpose::Members, Arc::clone(&self.dependencies), plan, Arc::default())
    }

    /// The session state that the query was planned with.
    pub(crate) fn state(&self) -> &SessionState {
        &self.dependencies.state
    }

    /// For each column, its name as the user wrote it; `None` where it has the plan's name.
    pub(crate) fn written_names(&self) -> &[Option<String>] {
        &self.dependencies.written_names
    }

    /// Whether the plan may be reused as long as tables, functions and settings stay the same: nothing depends on time, and no part is
    /// filled in while the query runs.
    pub(crate) fn is_repeatable(&self) -> bool {
        let slotted = self.query.iter().chain(&self.view_queries).any(|query| !query.error_calls.is_empty());
        // Blocks have slots of their own.
        let slotted = slotted || self.query.is_err() && calls_error_functions(&self.plan);
        !slotted && self.dependencies.is_repeatable()
    }

    /// Whether the plan may be reused and is still current.
    async fn holds(&self, env: &Environment) -> bool {
        self.is_repeatable() && self.is_current(env).await
    }

    /// Whether tables, functions and settings are still those that the query was planned with.
    pub(crate) async fn is_current(&self, env: &Environment) -> bool {
        self.dependencies.is_current(env).await
    }

    /// The work of the exact answer.
    pub(crate) async fn table_work(&self, env: &Environment) -> Result<&TableWork> {
        self.table_work.get_or_try_init(|| table_work(env, &self.plan, self.state())).await
    }

    /// The work of the exact answer, where it was computed before.
    pub(crate) fn known_table_work(&self) -> Option<&TableWork> {
        self.table_work.get()
    }

    /// Whether rows are shown, or members of a list.
    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Bytes that sample bindings hold beside the plan, approximately.
    pub(crate) fn bytes(&self) -> usize {
        let bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        bindings.iter().map(|(_, binding)| binding.bytes()).sum()
    }

    /// Binds `query` to a sample, or returns the cached binding.
    pub(crate) fn binding(
        &self,
        query: &Arc<AggregateQuery>,
        manifest: &Arc<Manifest>,
        strata: Arc<SampleStrata>,
    ) -> Result<Arc<SampleBinding>> {
        let lock = || self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(bound, binding): &&(Arc<AggregateQuery>, Arc<SampleBinding>)| {
            Arc::ptr_eq(&binding.manifest, manifest) && Arc::ptr_eq(bound, query)
        };
        if let Some((_, known)) = lock().iter().find(is_it) {
            return Ok(Arc::clone(known));
        }
        let binding = Arc::new(SampleBinding::new(query, &self.dependencies.state, manifest, strata)?);
        let mut all = lock();
        // Bindings to other generations of the sample are useless.
        all.retain(|(_, known)| known.manifest.name != manifest.name);
        if all.len() >= BINDINGS_MAX {
            all.remove(0);
        }
        all.push((Arc::clone(query), Arc::clone(&binding)));
        Ok(binding)
    }
}

/// Recognises the aggregate query of an analysed plan, or says why there is none.
fn recognised(plan: &LogicalPlan, purpose: Purpose, state: &SessionState) -> Result<AggregateQuery, Reason> {
    // A plan that cannot be simplified is left to DataFusion, which may run it or fail.
    match simplified(plan, state) {
        Ok(simplified) => recognise(&simplified, purpose),
        Err(error) => Err(Reason::new(format!("an expression cannot be simplified: {error}"))),
    }
}

/// Runs DataFusion's analyser on a planned statement.
pub(crate) fn analysed(state: &SessionState, plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let analysed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    with_scalars(with_guarded_null_equality(analysed.transform_down_with_subqueries(with_distinct_keys)?.data)?)
}

/// An aggregate names each key once: one that is repeated has one column only, so that others would be taken for their neighbours.
fn with_distinct_keys(node: LogicalPlan) -> datafusion::error::Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
    let mut keys: Vec<Expr> = Vec::with_capacity(aggregate.group_expr.len());
    for key in &aggregate.group_expr {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.len() == aggregate.group_expr.len() {
        return Ok(Transformed::no(node));
    }
    let (input, calls) = (Arc::clone(&aggregate.input), aggregate.aggr_expr.clone());
    let aggregate = Aggregate::try_new_with_schema(input, keys, calls, Arc::clone(&aggregate.schema))?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
}
