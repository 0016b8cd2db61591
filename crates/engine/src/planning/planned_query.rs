//! Queries as far as their text, the tables and the samples decide them; nothing is planned twice.

use super::blocks::{Blocks, PartlyExact, Ranked, Sides};
use super::case;
use super::dependencies::{PlanDependencies, Tables};
use super::subqueries::{PreparedSubquery, SubqueryValues};
use crate::answer::{Error, Result, with_tables};
use crate::environment::{Environment, views_by_depth, with_views_as_tables};
use crate::post::CompiledPostAggregate;
use crate::samples::{QueryCost, SampleBinding, TableWork, table_work};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use plusminus_catalog::Manifest;
use plusminus_kernel::SampleStrata;
use plusminus_plan::{
    AggregateQuery, Purpose, Reason, check as check_error_functions, occur_in as calls_error_functions, recognise,
    simplified,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// A planned query.
pub(crate) struct PlannedQuery {
    pub(crate) dependencies: Arc<PlanDependencies>,
    /// The analysed plan.
    pub(crate) plan: LogicalPlan,
    /// What can be estimated of it, or why nothing can.
    pub(crate) query: Result<Arc<AggregateQuery>, Reason>,
    /// The query over views as tables, for samples of views: those it names first, then those that they stand on.
    pub(crate) view_queries: Vec<Arc<AggregateQuery>>,
    /// The query as several blocks, once somebody asked for it; `None` in it when it is none.
    blocks: OnceLock<Option<Arc<Blocks>>>,
    /// What stands above the aggregate, compiled when it is first needed; `None` in it when that cannot be done.
    pub(crate) upward: OnceLock<Option<CompiledPostAggregate>>,
    /// The query as two blocks side by side, by what is left to the table.
    beside: [OnceLock<Option<Arc<PartlyExact>>>; 2],
    /// The query as ranks over one block, once somebody asked for it; `None` in it when it has none.
    ranked: OnceLock<Option<Arc<Ranked>>>,
    /// Subqueries that may be replaced by values, once somebody asked.
    pub(crate) subqueries: OnceLock<Vec<PreparedSubquery>>,
    /// The query with values in the place of these.
    pub(crate) filled: Mutex<Vec<(SubqueryValues, Arc<PlannedQuery>)>>,
    /// How fast it ran before.
    pub(crate) query_cost: Arc<QueryCost>,
    /// The work of the exact answer, once somebody asked for it.
    table_work: OnceCell<TableWork>,
    /// How it looks through the samples that were tried last.
    binding: Mutex<Vec<Arc<SampleBinding>>>,
}

/// Where the planner's state comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planner {
    Kept,
    New,
}

/// Samples that a prepared query stays fitted to.
const FITTED_MAX: usize = 4;

impl PlannedQuery {
    /// Parses, plans and analyses `sql`; also whether the same text will mean the same again as long as nothing changes.
    ///
    /// DataFusion's state, whose copy takes as long as planning a simple query, is the one of the query before as long as nothing
    /// that this query means has changed.
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

    /// `None` from a kept planner where the text names more than tables: files are other tables each time.
    async fn planned(env: &Environment, sql: &str, state: Arc<SessionState>, planner: Planner) -> Result<Option<Self>> {
        let statement = case::parsed(&state, sql)?;
        let references = state.resolve_table_references(&statement)?;
        if planner == Planner::Kept && !references.iter().all(|table| env.is_named_table(table)) {
            return Ok(None);
        }
        // Before planning, so that a table which is replaced meanwhile is not taken for the one planned with.
        let mut tables = Tables::named(env, references).await;
        let misnamed = |error: DataFusionError| with_tables(&error, &env.table_names());
        let raw = case::plan(&state, sql, statement).await.map_err(misnamed)?;
        let mut view_plans = Vec::new();
        for (depth, views) in views_by_depth(env, &tables.known).await?.into_iter().enumerate() {
            view_plans.extend(with_views_as_tables(&raw, &views)?);
            if depth > 0 {
                tables.known.extend(views);
            }
        }
        let plan = analysed(&state, raw).map_err(misnamed)?;
        let dependencies = Arc::new(PlanDependencies::new(Arc::clone(&state), tables, &plan)?);
        let mut prepared = Self::of(dependencies, plan, Arc::default())?;
        for plan in view_plans {
            prepared
                .view_queries
                .extend(recognised(&analysed(&state, plan)?, Purpose::Answer, &state).ok().map(Arc::new));
        }
        Ok(Some(prepared))
    }

    /// The query of an analysed plan, which ran at this pace.
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
            beside: Default::default(),
            ranked: OnceLock::new(),
            subqueries: OnceLock::new(),
            filled: Mutex::default(),
            upward: OnceLock::new(),
            query_cost,
            table_work: OnceCell::new(),
            binding: Mutex::default(),
        })
    }

    /// The query as several blocks, where it is not one that can be estimated itself.
    pub(crate) fn blocks(&self) -> Option<&Arc<Blocks>> {
        let found = || match self.query {
            Ok(_) => None,
            Err(_) => Blocks::of(self, &self.plan).map(Arc::new),
        };
        self.blocks.get_or_init(found).as_ref()
    }

    /// The query as estimates beside exact aggregates, where it has both.
    pub(crate) fn beside(&self, sides: Sides) -> Option<&Arc<PartlyExact>> {
        let found = || PartlyExact::of(self, &self.plan, sides).map(Arc::new);
        self.beside[usize::from(sides == Sides::NonLinear)].get_or_init(found).as_ref()
    }

    /// The query as ranks over one block, where it has ranks by an estimate.
    pub(crate) fn ranked(&self) -> Option<&Arc<Ranked>> {
        let found = || match self.query {
            Ok(_) => None,
            Err(_) => Ranked::of(self, &self.plan).map(Arc::new),
        };
        self.ranked.get_or_init(found).as_ref()
    }

    /// A block of this query.
    pub(crate) fn block(&self, plan: LogicalPlan) -> Result<Self> {
        Self::of(Arc::clone(&self.dependencies), plan, Arc::default())
    }

    /// A list of members that this query asks for.
    pub(crate) fn members(&self, plan: LogicalPlan) -> Result<Self> {
        Self::read_for(Purpose::Members, Arc::clone(&self.dependencies), plan, Arc::default())
    }

    /// The state that it was planned with.
    pub(crate) fn state(&self) -> &SessionState {
        &self.dependencies.state
    }

    /// Whether asking again later means the same, tables, functions and settings being what they are: nothing changes with
    /// the time, and no part is filled in while the query runs.
    pub(crate) fn is_repeatable(&self) -> bool {
        let slotted = self.query.iter().chain(&self.view_queries).any(|query| !query.error_calls.is_empty());
        // Blocks have slots of their own.
        let slotted = slotted || self.query.is_err() && calls_error_functions(&self.plan);
        !slotted && self.dependencies.is_repeatable()
    }

    /// Whether asking again now means the same.
    async fn holds(&self, env: &Environment) -> bool {
        self.is_repeatable() && self.is_current(env).await
    }

    /// Whether tables, functions and settings are still those that it was planned with.
    pub(crate) async fn is_current(&self, env: &Environment) -> bool {
        self.dependencies.is_current(env).await
    }

    /// The work of the exact answer.
    pub(crate) async fn table_work(&self, env: &Environment) -> Result<&TableWork> {
        self.table_work.get_or_try_init(|| table_work(env, &self.plan)).await
    }

    /// The work of the exact answer, where somebody asked for it.
    pub(crate) fn known_table_work(&self) -> Option<&TableWork> {
        self.table_work.get()
    }

    /// Bytes held beside the plan, about.
    pub(crate) fn bytes(&self) -> usize {
        let binding = self.binding.lock().unwrap_or_else(PoisonError::into_inner);
        binding.iter().map(|f| f.bytes()).sum()
    }

    /// `query` seen through a sample, from before if it was seen so.
    pub(crate) fn binding(
        &self,
        query: &AggregateQuery,
        manifest: &Arc<Manifest>,
        strata: Arc<SampleStrata>,
    ) -> Result<Arc<SampleBinding>> {
        let lock = || self.binding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().iter().find(|f| Arc::ptr_eq(&f.manifest, manifest)) {
            return Ok(Arc::clone(known));
        }
        let binding = Arc::new(SampleBinding::new(query, &self.dependencies.state, manifest, strata)?);
        let mut all = lock();
        // Other generations are of no more use.
        all.retain(|f| f.manifest.name != manifest.name);
        if all.len() >= FITTED_MAX {
            all.remove(0);
        }
        all.push(Arc::clone(&binding));
        Ok(binding)
    }
}

/// Recognises what an analysed plan estimates, or says why nothing.
fn recognised(plan: &LogicalPlan, purpose: Purpose, state: &SessionState) -> Result<AggregateQuery, Reason> {
    // What cannot be simplified is left to DataFusion, and fails there or not.
    match simplified(plan, state) {
        Ok(simplified) => recognise(&simplified, purpose),
        Err(error) => Err(Reason::new(format!("an expression cannot be simplified: {error}"))),
    }
}

/// The analysed plan of a planned statement.
pub(crate) fn analysed(state: &SessionState, plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})
}
