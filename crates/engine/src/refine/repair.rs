//! ON MISS REPAIR: computes the groups that missed the bound on the table, and replaces their estimates.

use super::advice::SampleAdvice;
use super::level_rows::{LevelEstimate, ProgressiveScan};
use crate::answer::{Result, thousands};
use crate::bounds::meets_or_null;
use crate::runtime::exact;
use arrow::array::{Array, ArrayRef, Float64Array, UInt32Array};
use arrow::compute::{cast, interleave};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, Filter, LogicalPlan, Operator, lit};
use plusminus_dialect::OnMiss;
use plusminus_functions::numbers::floats;
use plusminus_statistics::{Estimate, Population};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Groups with one key of whole numbers or times that are looked up by an IN list, by which row groups of files are pruned. Comparing
/// every row with a longer list takes longer than aggregating it.
const LISTED_GROUPS_MAX: usize = 16;
/// Groups with text, fractional or several keys that are looked up.
const NAMED_GROUPS_MAX: usize = 4;

/// Report on groups that were computed on the table.
#[derive(Debug, Clone)]
pub(crate) struct Repair {
    pub(crate) groups: usize,
    /// Rows of the table that were read for them.
    pub(crate) rows: u64,
    pub(crate) took: Duration,
    /// The sample that would have answered.
    pub(crate) advice: Option<SampleAdvice>,
}

impl Repair {
    pub(crate) fn sentence(&self) -> String {
        let groups = match self.groups {
            1 => "1 group missed the bound and was".to_owned(),
            n => format!("{n} groups missed the bound and were"),
        };
        let (rows, ms) = (thousands(self.rows), self.took.as_secs_f64() * 1e3);
        let cost = format!("{groups} computed on the table ({rows} rows read, {ms:.0} ms)");
        match &self.advice {
            Some(SampleAdvice(statement)) => format!("{cost}; a sample would answer after: {statement}"),
            None => cost,
        }
    }
}

impl ProgressiveScan<'_> {
    /// The shown groups that miss the bound; `None` where the whole query has to be computed, since repair would be as much work or would
    /// not bring the whole answer within the bound.
    pub(crate) async fn repairable(&mut self, evaluated: &LevelEstimate) -> Result<Option<Vec<u32>>> {
        let query = self.query;
        let is_by_group = self.context.goal.on_miss == OnMiss::Repair && !query.keys.is_empty();
        // An exact value may change rows chosen by an estimate, and a plan above the aggregate needs all groups.
        if !is_by_group || query.has_upper_aggregate || query.selects_by_estimate || self.view.absent_keys() > 0 {
            return Ok(None);
        }
        // Where groups may be missing, only the whole query finds all of them.
        if self.missing(&evaluated.strata) != Some(0) {
            return Ok(None);
        }
        let displayed: Vec<u32> = match query.chooses_rows {
            true => {
                let columns = self.columns_of(evaluated)?;
                super::finish::fill(query, evaluated.hidden(query))?;
                self.upper(columns, evaluated).await?.groups
            }
            false => (0..).take(evaluated.populations.len()).collect(),
        };
        let failing = self.failing(evaluated, &displayed);
        let keys = self.keys_of(evaluated)?;
        let named_max = match keys.as_slice() {
            [key] if key.data_type().is_integer() || key.data_type().is_temporal() => LISTED_GROUPS_MAX,
            _ => NAMED_GROUPS_MAX,
        };
        let is_part = 3 * failing.len() <= evaluated.populations.len();
        Ok(Some(failing).filter(|failing| !failing.is_empty() && failing.len() <= named_max && is_part))
    }

    /// Shown groups with an estimate that misses the bound, in ascending order.
    fn failing(&self, evaluated: &LevelEstimate, displayed: &[u32]) -> Vec<u32> {
        let Some(target) = self.context.goal.error else { return Vec::new() };
        let shown = &evaluated.estimates[..self.query.shown_estimates()];
        let misses = |group: &u32| shown.iter().any(|e| !meets_or_null(&e[*group as usize], target));
        let mut failing: Vec<u32> = displayed.iter().copied().filter(misses).collect();
        failing.sort_unstable();
        failing.dedup();
        failing
    }

    /// Replaces the columns and estimates of `groups`; false when a group was not found on the table.
    pub(crate) async fn repair(
        &mut self,
        groups: &[u32],
        evaluated: &mut LevelEstimate,
        columns: &mut [ArrayRef],
    ) -> Result<bool> {
        let keys = self.keys_of(evaluated)?;
        let plan = self.plan_for(groups, &keys)?;
        let (state, executor, watch) = (self.context.state, self.context.executor, self.context.watch);
        let rows = self.binding.manifest.base.rows;
        let plan = self.context.subqueries.applied(&plan)?;
        let _scan = watch.scan_guard();
        let found = exact::run(&plan, state, executor, |scan| watch.scans(scan, rows)).await?;
        self.rows_read += found.rows_read;
        let places = places(&keys, groups, &found.batch)?;
        for (number, column) in columns.iter_mut().enumerate().skip(keys.len()) {
            let own = cast(found.batch.column(number), column.data_type())?;
            let rows = (0..column.len()).map(|g| places.get(&g).map_or((0, g), |row| (1, *row))).collect::<Vec<_>>();
            *column = interleave(&[column.as_ref(), own.as_ref()], &rows)?;
        }
        self.settle(&places, &found.batch, evaluated)?;
        // A group that was not found would be computed again and again.
        Ok(places.len() == groups.len())
    }

    /// The aggregate over the table's rows of some groups.
    fn plan_for(&self, groups: &[u32], keys: &[ArrayRef]) -> Result<LogicalPlan> {
        let aggregate = &self.query.aggregate;
        let named = match aggregate.group_expr.as_slice() {
            [key] => is_listed(key, &keys[0], groups)?,
            several => {
                any_of(groups.iter().map(|group| is_group(several, keys, *group as usize)).collect::<Result<Vec<_>>>()?)
            }
        };
        let input = Arc::new(LogicalPlan::Filter(Filter::try_new(named, Arc::clone(&aggregate.input))?));
        let (group_expr, aggr_expr) = (aggregate.group_expr.clone(), aggregate.aggr_expr.clone());
        let schema = Arc::clone(&aggregate.schema);
        Ok(LogicalPlan::Aggregate(Aggregate::try_new_with_schema(input, group_expr, aggr_expr, schema)?))
    }

    /// Makes the estimates of the computed groups exact; `places` has the row of `found` by group.
    fn settle(&self, places: &HashMap<usize, usize>, found: &RecordBatch, evaluated: &mut LevelEstimate) -> Result<()> {
        let hidden = self.hidden_values(found.columns())?;
        let visible = evaluated.estimates.len() - self.query.hidden.len();
        for (group, row) in places {
            for (number, estimates) in evaluated.estimates.iter_mut().enumerate() {
                estimates[*group] = match number.checked_sub(visible) {
                    Some(h) => hidden[h]
                        .is_valid(*row)
                        .then(|| hidden[h].value(*row))
                        .map_or_else(Estimate::exact_null, Estimate::exact),
                    // The shown value of an exact estimate is the column's own.
                    None => Estimate::exact(0.0),
                };
            }
            evaluated.populations[*group] = Population::default();
        }
        Ok(())
    }

    /// Hidden estimates computed from the aggregate's own columns.
    fn hidden_values(&self, columns: &[ArrayRef]) -> Result<Vec<Float64Array>> {
        let schema = &self.query.aggregate.schema;
        let fields = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
        let typed = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns.to_vec())?;
        let mut hidden = Vec::with_capacity(self.query.hidden_exprs.len());
        for expr in &self.query.hidden_exprs {
            let physical = plusminus_functions::overflow::physical_expr(self.context.state, expr.clone(), schema)?;
            hidden.push(floats(&physical.evaluate(&typed)?.into_array(typed.num_rows())?)?);
        }
        Ok(hidden)
    }

    /// Sets hidden estimates of fully known groups to the values that DataFusion's accumulators give, to the last digit.
    pub(crate) fn settle_known(&self, columns: &[ArrayRef], evaluated: &mut LevelEstimate) -> Result<()> {
        if self.query.error_calls.is_empty() || !evaluated.populations.iter().any(Population::is_exact) {
            return Ok(());
        }
        let visible = evaluated.estimates.len() - self.query.hidden.len();
        for (own, values) in evaluated.estimates[visible..].iter_mut().zip(self.hidden_values(columns)?) {
            for (group, estimate) in own.iter_mut().enumerate() {
                if evaluated.populations[group].is_exact() && estimate.trust.is_exact() && values.is_valid(group) {
                    *estimate = Estimate::exact(values.value(group));
                }
            }
        }
        Ok(())
    }
}

/// The condition that a GROUP BY expression has the value of one of the groups, as an IN list by which row groups are pruned.
fn is_listed(expr: &Expr, values: &ArrayRef, groups: &[u32]) -> Result<Expr> {
    let (mut listed, mut has_null) = (Vec::with_capacity(groups.len()), false);
    for group in groups {
        let value = ScalarValue::try_from_array(values, *group as usize)?;
        match value.is_null() {
            true => has_null = true,
            false => listed.push(Expr::Literal(value, None)),
        }
    }
    // NaN equals nothing in a list.
    if values.data_type().is_floating() {
        let one = |group: &u32| is_group(std::slice::from_ref(expr), std::slice::from_ref(values), *group as usize);
        return Ok(any_of(groups.iter().map(one).collect::<Result<Vec<_>>>()?));
    }
    let is_null = expr.clone().is_null();
    Ok(match (listed.is_empty(), has_null) {
        (true, _) => is_null,
        (false, true) => expr.clone().in_list(listed, false).or(is_null),
        (false, false) => expr.clone().in_list(listed, false),
    })
}

fn is_group(exprs: &[Expr], keys: &[ArrayRef], group: usize) -> Result<Expr> {
    let mut all = lit(true);
    for (expr, values) in exprs.iter().zip(keys) {
        let value = Expr::Literal(ScalarValue::try_from_array(values, group)?, None);
        let same = BinaryExpr::new(Box::new(expr.clone()), Operator::IsNotDistinctFrom, Box::new(value));
        all = if all == lit(true) { Expr::BinaryExpr(same) } else { all.and(Expr::BinaryExpr(same)) };
    }
    Ok(all)
}

/// Joins conditions by OR as a balanced tree; a chain of hundreds would nest too deeply.
fn any_of(mut exprs: Vec<Expr>) -> Expr {
    while exprs.len() > 1 {
        let mut halves = Vec::with_capacity(exprs.len().div_ceil(2));
        let mut rest = exprs.into_iter();
        while let Some(one) = rest.next() {
            halves.push(match rest.next() {
                Some(other) => one.or(other),
                None => one,
            });
        }
        exprs = halves;
    }
    exprs.pop().unwrap_or_else(|| lit(false))
}

/// The row of `found` that holds each of `groups`, by group number.
fn places(keys: &[ArrayRef], groups: &[u32], found: &RecordBatch) -> Result<HashMap<usize, usize>> {
    if keys.is_empty() {
        return Ok(if found.num_rows() == 0 { HashMap::new() } else { HashMap::from([(0, 0)]) });
    }
    let fields = keys.iter().map(|k| SortField::new(k.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let wanted = UInt32Array::from(groups.to_vec());
    let own = keys.iter().map(|k| arrow::compute::take(k, &wanted, None)).collect::<Result<Vec<_>, _>>()?;
    let theirs = keys.iter().enumerate().map(|(i, k)| cast(found.column(i), k.data_type()));
    let theirs = theirs.collect::<Result<Vec<_>, _>>()?;
    let (own, theirs) = (converter.convert_columns(&own)?, converter.convert_columns(&theirs)?);
    let rows: HashMap<_, usize> = theirs.iter().enumerate().map(|(row, key)| (key.owned(), row)).collect();
    let placed = groups.iter().enumerate().filter_map(|(at, g)| Some((*g as usize, *rows.get(&own.row(at).owned())?)));
    Ok(placed.collect())
}
