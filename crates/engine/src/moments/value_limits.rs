//! Ranges of arguments where WHERE, FILTER or GROUP BY fix a column with few values.

use super::range::of_column;
use super::{ArgumentFacts, derived_range, range};
use crate::answer::Result;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::split_conjunction;
use plusminus_catalog::{Manifest, Strata, ValueRanges};
use plusminus_kernel::qualified;
use plusminus_plan::{AggregateQuery, Argument};
use plusminus_statistics::expression::ValueRange;
use std::collections::HashMap;
use std::sync::Arc;

/// Groups up to which limits by group are looked up.
const GROUPS_MAX: usize = 16_384;

/// Ranges by argument; `None` for an argument that has no value.
pub(crate) type Ranges = Vec<Option<ValueRange>>;

/// Ranges of arguments that follow from the values of other columns.
#[derive(Debug, Default)]
pub(crate) struct ValueLimits {
    /// Ranges by column of a measure, in rows that pass WHERE.
    pub(crate) cuts: HashMap<String, ValueRange>,
    /// Ranges by domain, in rows that pass its FILTER; `None` without a limit.
    pub(crate) domains: Vec<Option<Ranges>>,
    /// Ranges by number of a GROUP BY expression and by its value.
    keys: Vec<(usize, HashMap<Option<String>, Ranges>)>,
}

impl ValueLimits {
    pub(crate) fn new(
        query: &AggregateQuery,
        state: &SessionState,
        values: &ValueRanges,
        known: &[ArgumentFacts],
        measures: &[String],
        (manifest, strata): (&Manifest, &Strata),
    ) -> Result<Self> {
        let names = values.columns().into_iter();
        // Strata have narrower ranges for columns that they decide.
        let is_telling = |name: &&str| values.is_telling(name, measures) && !manifest.is_decided(name);
        let names = names.filter(is_telling).collect();
        let columns = Columns { query, state, values, known, measures, manifest, strata, names };
        if columns.names.is_empty() {
            return Ok(Self::default());
        }
        let mut cuts = HashMap::new();
        for condition in &query.predicates {
            let Some(chosen) = columns.chosen(condition)? else { continue };
            for measure in measures {
                let own = columns.hull(&chosen, measure);
                let cut = cuts.entry(measure.clone()).or_insert(ValueRange::ALL);
                *cut = meet(*cut, own.unwrap_or(NO_VALUE));
            }
        }
        let mut domains = Vec::with_capacity(query.domains.len());
        for domain in &query.domains {
            let mut limit: Option<Ranges> = None;
            for condition in domain.filter.iter().flat_map(|filter| split_conjunction(filter)) {
                let Some(chosen) = columns.chosen(condition)? else { continue };
                let own = columns.ranges(&chosen);
                limit = Some(limit.map_or(own.clone(), |limit| meet_all(&limit, &own)));
            }
            domains.push(limit);
        }
        let mut keys = Vec::new();
        for (number, key) in query.keys.iter().enumerate() {
            keys.extend(columns.by_value(key)?.map(|by_value| (number, by_value)));
        }
        Ok(Self { cuts, domains, keys })
    }

    /// Whether limits of `groups` groups are worth looking up.
    pub(crate) fn are_by_group(&self, groups: usize) -> bool {
        !self.keys.is_empty() && groups <= GROUPS_MAX
    }

    /// Limits by group, given the GROUP BY columns; empty where none of them gives any.
    pub(crate) fn of_groups(&self, keys: &[ArrayRef]) -> Vec<Option<Ranges>> {
        let groups = keys.first().map_or(0, |key| key.len());
        if keys.is_empty() || !self.are_by_group(groups) {
            return Vec::new();
        }
        let mut found: Vec<Option<Ranges>> = vec![None; groups];
        for (number, by_value) in &self.keys {
            let Ok(text) = cast(&keys[*number], &DataType::Utf8) else { continue };
            let Some(text) = text.as_string_opt::<i32>() else { continue };
            for (slot, value) in found.iter_mut().zip(text) {
                let Some(own) = by_value.get(&value.map(str::to_owned)) else { continue };
                *slot = Some(slot.as_ref().map_or_else(|| own.clone(), |limit| meet_all(limit, own)));
            }
        }
        found
    }
}

/// The empty range.
pub(crate) const NO_VALUE: ValueRange = ValueRange { low: f64::INFINITY, high: f64::NEG_INFINITY };

/// The intersection of two ranges; its ends cross where it is empty.
pub(crate) fn meet(one: ValueRange, other: ValueRange) -> ValueRange {
    ValueRange { low: one.low.max(other.low), high: one.high.min(other.high) }
}

fn meet_all(one: &Ranges, other: &Ranges) -> Ranges {
    one.iter().zip(other).map(|(one, other)| one.zip(*other).map(|(one, other)| meet(one, other))).collect()
}

/// The columns with few values that a query can use.
struct Columns<'a> {
    query: &'a AggregateQuery,
    state: &'a SessionState,
    values: &'a ValueRanges,
    known: &'a [ArgumentFacts],
    measures: &'a [String],
    manifest: &'a Manifest,
    strata: &'a Strata,
    names: Vec<&'a str>,
}

/// Some of a column's values, by their number.
struct Chosen<'a> {
    column: &'a str,
    places: Vec<usize>,
}

impl<'a> Columns<'a> {
    fn is_finite(&self, measure: &str) -> bool {
        of_column(measure, self.manifest, self.strata) != ValueRange::ALL
    }

    /// The column with few values that `expr` reads, if it reads no other column.
    fn only_column(&self, expr: &Expr) -> Option<&'a str> {
        let columns = expr.column_refs();
        let mut names = columns.iter().map(|column| column.name.as_str());
        let first = names.next().filter(|first| names.all(|name| name == *first))?;
        self.names.iter().copied().find(|name| *name == first)
    }

    /// The values of `expr` for each value of the only column that it reads.
    fn evaluated(&self, expr: &Expr) -> Result<Option<(&'a str, ArrayRef)>> {
        let Some(column) = self.only_column(expr) else { return Ok(None) };
        let Some(measure) = self.measures.first() else { return Ok(None) };
        let Some(ranges) = self.values.of(column, measure) else { return Ok(None) };
        let schema = self.query.scan.projected_schema.as_arrow();
        let Ok(field) = schema.field_with_name(column) else { return Ok(None) };
        let text: ArrayRef = Arc::new(ranges.iter().map(|(value, _)| *value).collect::<StringArray>());
        let values = cast(&text, field.data_type())?;
        let field = Field::new(column, field.data_type().clone(), true);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![values])?;
        let schema = qualified(&self.query.scan.table_name, &batch.schema())?;
        // An expression that cannot be evaluated alone limits nothing.
        let Ok(compiled) = plusminus_functions::overflow::physical_expr(self.state, expr.clone(), &schema) else {
            return Ok(None);
        };
        let Ok(found) = compiled.evaluate(&batch).and_then(|found| found.into_array(batch.num_rows())) else {
            return Ok(None);
        };
        Ok(Some((column, found)))
    }

    /// The values that pass a condition on one column.
    fn chosen(&self, condition: &Expr) -> Result<Option<Chosen<'a>>> {
        let Some((column, passes)) = self.evaluated(condition)? else { return Ok(None) };
        let Some(passes) = passes.as_boolean_opt() else { return Ok(None) };
        let places = (0..passes.len()).filter(|at| passes.is_valid(*at) && passes.value(*at)).collect();
        Ok(Some(Chosen { column, places }))
    }

    /// Ranges of the arguments by value of a GROUP BY expression over one column.
    fn by_value(&self, key: &Expr) -> Result<Option<HashMap<Option<String>, Ranges>>> {
        let Some((column, values)) = self.evaluated(key)? else { return Ok(None) };
        let Ok(text) = cast(&values, &DataType::Utf8) else { return Ok(None) };
        let Some(text) = text.as_string_opt::<i32>() else { return Ok(None) };
        let mut places: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        for (place, value) in text.iter().enumerate() {
            places.entry(value.map(str::to_owned)).or_default().push(place);
        }
        let ranges = places.into_iter().map(|(value, places)| (value, self.ranges(&Chosen { column, places })));
        Ok(Some(ranges.collect()))
    }

    /// The range of a measure in rows with one of the chosen values; `None` where there is none.
    fn hull(&self, chosen: &Chosen<'_>, measure: &str) -> Option<ValueRange> {
        let Some(ranges) = self.values.of(chosen.column, measure) else { return Some(ValueRange::ALL) };
        // Values that are not finite are in no range.
        if !self.is_finite(measure) {
            return Some(ValueRange::ALL);
        }
        let of = |place: &usize| ranges.get(*place)?.1.map(|(low, high)| ValueRange::new(low, high));
        chosen.places.iter().filter_map(of).reduce(ValueRange::hull)
    }

    /// The range of every argument in rows with one of the chosen values.
    fn ranges(&self, chosen: &Chosen<'_>) -> Ranges {
        let hulls: Vec<Option<ValueRange>> = self.measures.iter().map(|m| self.hull(chosen, m)).collect();
        let mut found: Ranges = Vec::with_capacity(self.query.arguments.len());
        for argument in &self.query.arguments {
            let own = match argument {
                Argument::Plain(expr) => {
                    let at = |name: &str| self.measures.iter().position(|measure| measure == name);
                    let of = |name: &str| at(name).map_or(Some(ValueRange::ALL), |at| hulls[at]);
                    range(expr, &self.query.scan.projected_schema, &of)
                }
                derived => {
                    Some(derived_range(derived, |of| (found[of].unwrap_or(ValueRange::of(0.0)), self.known[of].mean)))
                }
            };
            found.push(own);
        }
        found
    }
}
