//! Turns the worker outputs into a published generation.

use crate::error::SamplingError;
use crate::merge::{self, Roles};
use crate::part::{FamilyPart, UnitMoments};
use crate::plan::FamilyPlan;
use crate::request::{DrawOptions, Progress, SampleRequest};
use crate::universe::Universe;
use crate::{columns, key_checks, layout, write};
use arrow::datatypes::SchemaRef;
use plusminus_catalog::{
    BaseFile, BaseTable, Column, ColumnMoments, Design, DistinctCount, Draft, FORMAT_VERSION, HeavyKey, KeptKeys,
    Manifest, Strata, ValueRanges,
};
use plusminus_statistics::{Moments, cap};
use std::collections::BTreeMap;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

/// The data that all families of a build share.
pub(crate) struct Build {
    pub(crate) schema: SchemaRef,
    pub(crate) files: Option<Vec<BaseFile>>,
    /// Options that say how the table's files are read, by name.
    pub(crate) options_of_files: BTreeMap<String, String>,
    /// Columns of the table that cannot be stored.
    pub(crate) left_out: Vec<String>,
    /// The table's columns, including those that cannot be stored.
    pub(crate) table_schema: SchemaRef,
    /// Columns of other tables that the levels store behind the table's own.
    pub(crate) joined: Vec<Column>,
    pub(crate) moments: Vec<ColumnMoments>,
    pub(crate) distinct: Vec<DistinctCount>,
    pub(crate) values: Option<ValueRanges>,
    pub(crate) table: String,
    pub(crate) options: DrawOptions,
}

impl Build {
    /// Puts one family together, writes it, and publishes it as long as somebody waits for it.
    pub(crate) fn family(
        &self,
        request: &SampleRequest,
        plan: &FamilyPlan,
        parts: Vec<FamilyPart>,
        draft: Draft,
        is_wanted: &Weak<()>,
    ) -> Result<Manifest, SamplingError> {
        let numeric = columns::numeric_columns(&self.schema);
        let fields = self.schema.fields().iter().enumerate();
        let nullable: Vec<usize> = fields.filter(|(_, f)| f.is_nullable()).map(|(i, _)| i).collect();
        let roles = Roles {
            schema: &self.schema,
            strata: &plan.columns,
            has_tail: plan.has_tail(),
            keys: plan.universe.as_ref().map(|universe| (universe.others, universe.heavy.len() as u64)),
            numeric: &numeric,
            nullable: &nullable,
        };
        let mut family = merge::merge(parts, plan.quota, &roles)?;
        let strata = family.take_strata()?;
        let levels = request.levels.unwrap_or_else(|| cap::level_count(family.cap, cap::FLOOR)).max(1);
        let by_key = roles.keys.is_some();
        let whole = strata.tails().filter(|_| by_key).unwrap_or_default();
        let ranks = layout::Ranks { caps: strata.caps(), levels, by_key, whole };
        let laid = layout::lay_out(&family.rows, &ranks);
        let total = family.rows.len() as u64;
        let written = AtomicU64::new(0);
        let on_rows = |rows: u64| {
            let rows = written.fetch_add(rows, Ordering::Relaxed) + rows;
            (self.options.progress)(Progress::Writing { rows, total });
        };
        let entries = write::write_levels(&draft, &family, strata.rows(), &laid, self.options.threads, &on_rows)?;
        let (generation, parent) = draft.generation();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            name: request.name.clone(),
            generation,
            parent,
            dropped: false,
            created_unix_ms: self.options.now_unix_ms,
            data_folder: draft.data_folder().to_owned(),
            design: self.design(request, plan, family.cap),
            base: BaseTable {
                rows: strata.rows().iter().sum(),
                columns: self.columns(),
                files: self.files.clone(),
                options: self.options_of_files.clone(),
                left_out: self.left_out.clone(),
                joined: self.joined.clone(),
            },
            strata: draft.add_strata(&strata)?,
            strata_count: strata.len() as u64,
            determined: self.names(&family.determined),
            values: self.values.as_ref().map(|values| draft.add_values(values)).transpose()?,
            levels: entries,
            moments: self.moments.clone(),
            distinct: self.distinct.clone(),
            keys: plan.universe.as_ref().map(|u| self.kept_keys(u, &family, &strata, &laid)).transpose()?,
            repeats_rows: false,
            joined: Vec::new(),
        };
        if is_wanted.strong_count() == 0 {
            return Err(SamplingError::request("the build was given up", "run it again"));
        }
        draft.publish(&manifest)?;
        Ok(manifest)
    }

    /// The keys that are kept, and the z-scores of their estimates of known totals.
    fn kept_keys(
        &self,
        universe: &Universe,
        family: &merge::Family,
        strata: &Strata,
        levels: &[layout::Level],
    ) -> Result<KeptKeys, SamplingError> {
        let heavy = universe.heavy.iter().map(|(priority, rows)| HeavyKey { priority: *priority, rows: *rows });
        let checks = key_checks::checks(family, strata, levels, &self.schema, &self.moments)?;
        Ok(KeptKeys { threshold: universe.threshold, others: universe.others, heavy: heavy.collect(), checks })
    }

    fn names(&self, columns: &[usize]) -> Vec<String> {
        columns.iter().map(|column| self.schema.field(*column).name().clone()).collect()
    }

    fn design(&self, request: &SampleRequest, plan: &FamilyPlan, cap: u64) -> Design {
        let names = |columns: &[usize]| self.names(columns);
        Design {
            table: self.table.clone(),
            stratified_by: names(&plan.columns),
            size: request.size,
            cap,
            seed: request.seed,
            tail: if plan.has_classes { Vec::new() } else { names(&plan.tail) },
            classes: if plan.has_classes { names(&plan.tail) } else { Vec::new() },
            universe: plan.universe.as_ref().map(|universe| self.schema.field(universe.column).name().clone()),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let fields = self.table_schema.fields().iter();
        fields.map(|f| Column { name: f.name().clone(), data_type: f.data_type().to_string() }).collect()
    }
}

/// The moments of each numeric column, merged in the order of the units.
pub(crate) fn summed(schema: &SchemaRef, mut units: UnitMoments) -> Vec<ColumnMoments> {
    units.sort_by_key(|(unit, _)| *unit);
    let numeric = columns::numeric_columns(schema);
    let mut sums = vec![Moments::default(); numeric.len()];
    for (_, unit) in &units {
        for (sum, part) in sums.iter_mut().zip(unit) {
            sum.merge(part);
        }
    }
    numeric.iter().zip(&sums).map(|(column, sum)| merge::stored(schema.field(*column).name(), sum)).collect()
}
