//! Plans for texts that differ in the literals alone that WHERE compares with.
//!
//! Planning is most of what a new text costs. Who looks at a day after another, or a place after another, asks the same query with other
//! literals: from the third time on its plan is the one of before with these literals in their places (auto-parameterisation, as
//! SQL Server's "simple parameterization" calls it).

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
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Forms that templates are kept of, and forms that were asked once, which are only counted.
const FORMS_MAX: usize = 128;
const SEEN_MAX: usize = 4_096;
/// Templates of one form, which differ in literals that stand elsewhere than in WHERE.
const TEMPLATES_MAX: usize = 4;

/// Plans by the form of their text.
#[derive(Default)]
pub(crate) struct Templates {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    forms: HashMap<QueryFingerprint, FormTemplates>,
    /// Hashes of forms that were asked once: two of one hash get a template early, no more.
    seen: HashSet<u64>,
    hasher: RandomState,
    uses: u64,
}

/// What is known of a form that was asked more than once, or has no literals.
#[derive(Default)]
struct FormTemplates {
    last_use: u64,
    templates: Vec<Arc<Template>>,
    /// Plans of it depend on more than the literals in their places.
    is_unfit: bool,
}

/// A plan whose literals may be others.
struct Template {
    dependencies: Arc<PlanDependencies>,
    /// How fast queries of it ran.
    query_cost: Arc<QueryCost>,
    plan: LogicalPlan,
    /// Which literals are markers in the plan, and these.
    chosen: Vec<usize>,
    markers: Vec<ScalarValue>,
    /// All literals of the text that it was made of; those that are not chosen decide the plan.
    literals: Literals,
}

impl Template {
    fn is_for(&self, literals: &Literals) -> bool {
        let (own, other) = (&self.literals.written, &literals.written);
        own.len() == other.len()
            && own.iter().zip(other).enumerate().all(|(at, (own, other))| own == other || self.chosen.contains(&at))
    }

    /// Its plan with these literals.
    fn plan(&self, literals: &Literals) -> Result<LogicalPlan> {
        let values: Vec<_> = self.chosen.iter().map(|at| &literals.values[*at]).collect();
        Ok(with_literals(self.plan.clone(), &self.markers, &values)?.0)
    }
}

impl Templates {
    /// The query of this form with these literals, if its template still holds.
    pub(crate) async fn find(
        &self,
        env: &Environment,
        form: &QueryFingerprint,
        literals: &Literals,
    ) -> Result<Option<PlannedQuery>> {
        let Some(template) = self.template(form, literals) else { return Ok(None) };
        if !template.dependencies.is_current(env).await {
            self.lock().forms.remove(form);
            return Ok(None);
        }
        PlannedQuery::of(Arc::clone(&template.dependencies), template.plan(literals)?, Arc::clone(&template.query_cost))
            .map(Some)
    }

    fn template(&self, form: &QueryFingerprint, literals: &Literals) -> Option<Arc<Template>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let now = kept.uses;
        let known = kept.forms.get_mut(form)?;
        known.last_use = now;
        known.templates.iter().find(|template| template.is_for(literals)).cloned()
    }

    /// Takes note of a query that was planned from a text, and makes a template when its form was asked before.
    pub(crate) async fn learn(&self, sql: &str, form: QueryFingerprint, literals: Literals, prepared: &PlannedQuery) {
        // A template knows no views.
        if !prepared.view_queries.is_empty() || !self.is_wanted(&form, &literals) {
            return;
        }
        let template = made(sql, literals, prepared).await;
        let mut kept = self.lock();
        let now = kept.uses;
        if kept.forms.len() >= FORMS_MAX && !kept.forms.contains_key(&form) {
            let oldest = kept.forms.iter().min_by_key(|(_, known)| known.last_use).map(|(form, _)| form.clone());
            oldest.and_then(|oldest| kept.forms.remove(&oldest));
        }
        let known = kept.forms.entry(form).or_default();
        known.last_use = now;
        match template {
            Some(template) if known.templates.len() < TEMPLATES_MAX => known.templates.push(Arc::new(template)),
            Some(_) => {}
            None => known.is_unfit = true,
        }
    }

    /// Whether a template is worth it: planning once more for a text that is never asked again is not.
    fn is_wanted(&self, form: &QueryFingerprint, literals: &Literals) -> bool {
        let mut kept = self.lock();
        if let Some(known) = kept.forms.get(form) {
            return !known.is_unfit && known.templates.len() < TEMPLATES_MAX;
        }
        // Without literals the plan is a template already.
        if literals.values.is_empty() {
            return true;
        }
        let hash = kept.hasher.hash_one(form);
        if kept.seen.len() >= SEEN_MAX {
            kept.seen.clear();
        }
        !kept.seen.insert(hash)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A template of a text that was planned; `None` when its plan with these very literals is not the one that was planned.
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
    // Who writes what looks like a marker cannot be told from one.
    let (_, written) = with_literals(prepared.plan.clone(), &markers, &values).ok()?;
    let is_same = again == prepared.plan && read_alike(&again, &prepared.plan)?;
    let is_fit = is_same && found.iter().all(|found| *found) && !written.contains(&true);
    is_fit.then_some(Template { dependencies, query_cost, plan, chosen, markers, literals })
}

/// Whether nothing but DataFusion itself plans: rules of the user's own may look at literals.
fn plans_by_types(state: &SessionState) -> bool {
    let (usual, own) = (Analyzer::new(), state.analyzer());
    own.rules.len() == usual.rules.len()
        && own.rules.iter().zip(&usual.rules).all(|(own, rule)| own.name() == rule.name())
        && own.function_rewrites().len() == usual.function_rewrites().len()
        && state.expr_planners().len() == SessionStateDefaults::default_expr_planners().len()
}

/// Whether both plans read the same tables, which plans are not compared by.
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
