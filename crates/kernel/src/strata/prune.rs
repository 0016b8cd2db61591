//! Strata that hold no row which passes WHERE, found by the smallest and largest values that the build-time scan recorded in them.

use super::super::compiled::qualified;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;
use plusminus_catalog::{Manifest, Strata};
use plusminus_functions::numbers::{holds, steps, typed};
use plusminus_plan::{AggregateQuery, has_subquery};
use std::collections::HashSet;
use std::sync::Arc;

/// Clears `may_match` of strata in which no row can pass `predicates`.
pub(crate) fn prune(
    may_match: &mut [bool],
    predicates: &[Expr],
    query: &AggregateQuery,
    state: &SessionState,
    manifest: &Manifest,
    strata: &Strata,
) -> Result<()> {
    // The columns of joined tables are among those of the scan.
    let table = Arc::clone(query.scan.projected_schema.inner());
    let known = |e: &&Expr| {
        !has_subquery(e) && !casts_to_truth(e) && e.column_refs().iter().any(|c| is_known(&c.name, manifest, strata))
    };
    let Some(predicate) = conjunction(predicates.iter().filter(known).cloned()) else { return Ok(()) };
    let names = qualified(&query.scan.table_name, &table)?;
    let predicate = plusminus_functions::overflow::physical_expr(state, predicate, &names)?;
    // A predicate that cannot be pruned by is no reason to fail.
    let built = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&table)).try_build(predicate);
    let Ok(pruning) = built else { return Ok(()) };
    if pruning.always_true() {
        return Ok(());
    }
    let Ok(may_pass) = pruning.prune(&Extremes { table: &table, manifest, strata }) else { return Ok(()) };
    may_match.iter_mut().zip(may_pass).for_each(|(may_match, may)| *may_match &= may);
    Ok(())
}

/// Whether `expr` casts a number to a condition: true then lies on both sides of false, which pruning does not know.
fn casts_to_truth(expr: &Expr) -> bool {
    let is_cast = |e: &Expr| match e {
        Expr::Cast(cast) => *cast.field.data_type() == DataType::Boolean,
        Expr::TryCast(cast) => *cast.field.data_type() == DataType::Boolean,
        _ => false,
    };
    expr.exists(|e| Ok(is_cast(e))).unwrap_or(true)
}

/// Whether strata record extremes of a column, and these cover all its values (none of them NaN or infinite).
fn is_known(column: &str, manifest: &Manifest, strata: &Strata) -> bool {
    let Some(moments) = manifest.column_moments(column) else { return false };
    let values: u64 = strata.non_null(column).unwrap_or(strata.rows()).iter().sum();
    moments.count == values && strata.extremes(column, false).is_some()
}

/// The extremes of columns by stratum, NULL where a stratum has none recorded.
struct Extremes<'a> {
    table: &'a Schema,
    manifest: &'a Manifest,
    strata: &'a Strata,
}

impl Extremes<'_> {
    fn field(&self, column: &Column) -> Option<&Field> {
        let field = self.table.field_with_name(&column.name).ok()?;
        is_known(&column.name, self.manifest, self.strata).then_some(field)
    }

    fn ends(&self, column: &Column, is_max: bool) -> Option<ArrayRef> {
        let field = self.field(column)?;
        let known = self.strata.extremes(&column.name, is_max)?;
        let steps = steps(field.data_type());
        let ends = known.iter().map(|end| end.filter(|end| end.is_finite() && holds(*end, steps)));
        typed(Arc::new(ends.collect::<Float64Array>()), field.data_type()).ok()
    }
}

impl PruningStatistics for Extremes<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.ends(column, false)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.ends(column, true)
    }

    fn num_containers(&self) -> usize {
        self.strata.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.field(column)?;
        let rows = self.strata.rows();
        let nulls = match self.strata.non_null(&column.name) {
            Some(values) => rows.iter().zip(values).map(|(rows, values)| rows - values).collect(),
            None => vec![0; rows.len()],
        };
        Some(Arc::new(UInt64Array::from(nulls)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from(self.strata.rows().to_vec())))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
