//! Reuses plans for texts that differ only in the literals that WHERE compares with.
//!
//! Planning takes most of the time of a new text. Repeated analyses, such as one day after another, ask one query with different
//! literals. From the third such text on, the plan of an earlier text is reused with the new literals in place (auto-parameterisation;
//! SQL Server calls it "simple parameterization").

use super::dependencies::PlanDependencies;
use super::literals::{Literals, QueryFingerprint, compared, with_literals, with_placeholders};
use super::planned_query::{PlannedQuery, analysed};
use crate::answer::Result;
use crate::environment::Environment;
use crate::samples::QueryCost;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::{SessionState, SessionStateDefaults};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Forms for which templates are kept, and hashes of forms that were asked once.
const FORMS_MAX: usize = 128;
const SEEN_MAX: usize = 4_096;
/// Templates per form; they differ in literals outside WHERE.
const TEMPLATES_MAX: usize = 4;

/// Cache of plans by the form of their text.
pub(crate) struct Templates {
    forms: Cache<QueryFingerprint, FormTemplates>,
    /// Hashes of forms that were asked once; a collision only makes a template earlier than needed.
    seen: Cache<u64, ()>,
    hasher: RandomState,
}

/// Templates of a form that was asked more than once, or has no literals.
#[derive(Clone, Default)]
struct FormTemplates {
    templates: Vec<Arc<Template>>,
    /// Whether plans of the form depend on more than the literals in their places.
    is_unfit: bool,
}

impl FormTemplates {
    /// Whether a further template may be made.
    fn takes_another(&self) -> bool {
        !self.is_unfit && self.templates.len() < TEMPLATES_MAX
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self { forms: Cache::new(FORMS_MAX), seen: Cache::new(SEEN_MAX), hasher: RandomState::new() }
    }
}

/// A plan whose literals can be replaced.
struct Template {
    dependencies: Arc<PlanDependencies>,
    /// Past costs of queries that use the template.
    query_cost: Arc<QueryCost>,
    plan: LogicalPlan,
    /// Numbers of the literals that are markers in the plan, and the marker of each.
    chosen: Vec<usize>,
    markers: Vec<ScalarValue>,
    /// All literals of the text that the template was made from; those that are not chosen decide the plan.
    literals: Literals,
}

impl Template {
    fn is_for(&self, literals: &Literals) -> bool {
        let (own, other) = (&self.literals.written, &literals.written);
        own.len() == other.len()
            && own.iter().zip(other).enumerate().all(|(at, (own, other))| own == other || self.chosen.contains(&at))
    }

    /// The template's plan with `literals` in place.
    fn plan(&self, literals: &Literals) -> Result<LogicalPlan> {
        let values: Vec<_> = self.chosen.iter().map(|at| &literals.values[*at]).collect();
        Ok(with_literals(self.plan.clone(), &self.markers, &values)?.0)
    }
}

impl Templates {
    /// The query of a form with `literals`, planned from a template that is still current; `None` without one.
    pub(crate) async fn find(
        &self,
        env: &Environment,
        form: &QueryFingerprint,
        literals: &Literals,
    ) -> Result<Option<PlannedQuery>> {
        let Some(template) = self.template(form, literals) else { return Ok(None) };
        if !template.dependencies.is_current(env).await {
            self.forms.remove(form);
            return Ok(None);
        }
        PlannedQuery::of(Arc::clone(&template.dependencies), template.plan(literals)?, Arc::clone(&template.query_cost))
            .map(Some)
    }

    fn template(&self, form: &QueryFingerprint, literals: &Literals) -> Option<Arc<Template>> {
        self.forms.get(form)?.templates.into_iter().find(|template| template.is_for(literals))
    }

    /// Notes the form of a text that was planned, and makes a template if the form was asked before.
    pub(crate) async fn learn(&self, sql: &str, form: QueryFingerprint, literals: Literals, prepared: &PlannedQuery) {
        // Templates do not support views.
        if !prepared.view_queries.is_empty() || !self.is_wanted(&form, &literals) {
            return;
        }
        let template = made(sql, literals, prepared).await;
        let mut known = self.forms.get(&form).unwrap_or_default();
        match template {
            Some(template) if known.takes_another() => known.templates.push(Arc::new(template)),
            Some(_) => {}
            None => known.is_unfit = true,
        }
        self.forms.insert(form, known);
    }

    /// Whether to make a template, which means planning once more: only for a form that was asked before, or has no literals.
    fn is_wanted(&self, form: &QueryFingerprint, literals: &Literals) -> bool {
        if let Some(known) = self.forms.get(form) {
            return known.takes_another();
        }
        // Without literals the plan is a template already.
        if literals.values.is_empty() {
            return true;
        }
        let hash = self.hasher.hash_one(form);
        let is_seen = self.seen.get(&hash).is_some();
        self.seen.insert(hash, ());
        is_seen
    }
}

/// Makes a template from a planned text; `None` when its plan with the text's own literals differs from the text's plan.
async fn made(sql: &str, literals: Literals, prepared: &PlannedQuery) -> Option<Template> {
    let (dependencies, query_cost, state) =
        (Arc::clone(&prepared.dependencies), Arc::clone(&prepared.query_cost), prepared.state());
    let dialect = state.config_options().sql_parser.dialect;
    let chosen = compared(&state.sql_to_statement(sql, &dialect).ok()?, &literals);
    if chosen.is_empty() {
        return Some(Template {
            dependencies,
            query_cost,
            plan: prepared.plan.clone(),
            chosen,
            markers: Vec::new(),
            literals,
        });
    }
    if !plans_by_types(state) {
        return None;
    }
    let (statement, markers) = with_placeholders(sql, dialect, &literals, &chosen)?;
    let plan = analysed(state, state.statement_to_plan(statement).await.ok()?).ok()?;
    let values: Vec<_> = chosen.iter().map(|at| &literals.values[*at]).collect();
    let (again, found) = with_literals(plan.clone(), &markers, &values).ok()?;
    // A literal of the text that equals a marker could not be distinguished from it.
    let (_, written) = with_literals(prepared.plan.clone(), &markers, &values).ok()?;
    let is_same = again == prepared.plan && read_alike(&again, &prepared.plan)?;
    let is_fit = is_same && found.iter().all(|found| *found) && !written.contains(&true);
    is_fit.then_some(Template { dependencies, query_cost, plan, chosen, markers, literals })
}

/// Whether DataFusion alone plans; a user's own rules might depend on the values of literals.
fn plans_by_types(state: &SessionState) -> bool {
    let (usual, own) = (Analyzer::new(), state.analyzer());
    own.rules.len() == usual.rules.len()
        && own.rules.iter().zip(&usual.rules).all(|(own, rule)| own.name() == rule.name())
        && own.function_rewrites().len() == usual.function_rewrites().len()
        && state.expr_planners().len() == SessionStateDefaults::default_expr_planners().len()
}

/// Whether both plans read the same tables, which the equality of plans does not compare.
fn read_alike(one: &LogicalPlan, other: &LogicalPlan) -> Option<bool> {
    let (one, other) = (providers(one).ok()?, providers(other).ok()?);
    Some(one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| Arc::ptr_eq(one, other)))
}

fn providers(plan: &LogicalPlan) -> datafusion::error::Result<Vec<Arc<dyn TableProvider>>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found.push(source_as_provider(&scan.source)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
