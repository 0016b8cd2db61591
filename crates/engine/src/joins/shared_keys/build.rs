//! Makes the join of samples and stores it.

use super::SharedKeys;
use super::heavy::{heavy_keys, not_kept, ranks_of};
use super::layout::{Layout, Place, Sizes, lay_out};
use super::rows::{SampleRows, rows_of_keys};
use crate::answer::{Error, Result};
use crate::environment::Environment;
use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableScan;
use plusminus_catalog::{
    BaseTable, Column, Draft, HeavyKey, JOINED_SAMPLES, KeptKeys, LevelEntry, Manifest, RANK, STRATUM, Strata,
    StrataColumns,
};
use plusminus_joins::{Pairs, pairs};
use plusminus_sampling::key_priorities;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes that a value of a pair is taken to need, and the share of the session's memory that pairs may take.
const VALUE_BYTES: u64 = 16;
const SHARE_OF_MEMORY: u64 = 4;
/// The least number of keys that has a variance.
const KEPT_MIN: u64 = 2;
/// Rows of a batch that is written.
const BATCH_ROWS: usize = 32_768;

/// Rows of one side: its columns, the key first.
struct Side {
    columns: Vec<ArrayRef>,
}

/// The join before it is written.
struct Made {
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    /// The place of each row's row of the first side.
    places: Vec<Place>,
    layout: Layout,
    /// Keys that are held whole beside those of the first sample.
    further: Vec<ScalarValue>,
}

impl SharedKeys<'_> {
    pub(super) async fn build(&self, env: &Environment, state: &SessionState) -> Result<Manifest> {
        let (mut own_names, mut of_others) = self.needed();
        if let Some(known) = self.known(env)? {
            self.add_known(&known, &mut own_names, &mut of_others);
        }
        let made = self.made(env, own_names, &of_others, state).await?;
        let written =
            env.store.begin_join(&self.name()?).map_err(Error::from).and_then(|draft| self.write(env, draft, made));
        written.inspect_err(|_| env.joins.cannot_store.store(true, Ordering::Relaxed))
    }

    /// Adds the columns of the join that is stored, which queries before needed.
    fn add_known(&self, known: &Manifest, own_names: &mut Vec<String>, of_others: &mut [Vec<(String, String)>]) {
        for column in &known.base.columns {
            let has = |manifest: &Manifest| {
                manifest.base.columns.iter().chain(&manifest.base.joined).any(|own| own.name == column.name)
            };
            if has(&self.own) && !own_names.contains(&column.name) {
                own_names.push(column.name.clone());
            }
            for ((table, other), names) in self.others.iter().zip(&mut *of_others) {
                let path = table.matched.rsplit_once('@').map(|(path, _)| format!("{path}."));
                let own = path.and_then(|path| column.name.strip_prefix(&path)?.rsplit_once('@').map(|(own, _)| own));
                let own = own.filter(|own| other.base.columns.iter().any(|column| column.name == *own));
                if let Some(own) = own.filter(|_| names.iter().all(|(name, _)| *name != column.name)) {
                    names.push((column.name.clone(), own.to_owned()));
                }
            }
        }
    }

    /// Reads both sides, adds what lacks of keys with very many rows, and pairs the rows.
    async fn made(
        &self,
        env: &Environment,
        own_names: Vec<String>,
        of_others: &[Vec<(String, String)>],
        state: &SessionState,
    ) -> Result<Made> {
        let key = self.own.design.universe.clone().unwrap_or_default();
        let own_strata = env.store.strata(&self.own, None)?;
        let read: Vec<String> = std::iter::once(key.clone()).chain(own_names.iter().cloned()).collect();
        let own = SampleRows::read(env, &self.own, &read)?;
        let own_heavy = heavy_keys(&own, 0, &own_strata)?;
        let mut others = Vec::with_capacity(self.others.len());
        // Keys that other tables have very many rows of, and that the sampled one has not.
        let mut further: Vec<ScalarValue> = Vec::new();
        for ((table, other), names) in self.others.iter().zip(of_others) {
            let read: Vec<String> =
                std::iter::once(table.on[0].column.clone()).chain(names.iter().map(|(_, own)| own.clone())).collect();
            let rows = SampleRows::read(env, other, &read)?;
            let heavy = heavy_keys(&rows, 0, &env.store.strata(other, None)?)?;
            // Texts of two tables may have different types, and are compared in one.
            let data_type = own.columns[0].data_type();
            let heavy = heavy.iter().map(|key| Ok(key.cast_to(data_type)?)).collect::<Result<Vec<_>>>()?;
            further.extend(heavy.into_iter().filter(|key| !own_heavy.contains(key)));
            others.push((rows, read));
        }
        let mut seen: HashSet<ScalarValue> = HashSet::new();
        further.retain(|key| seen.insert(key.clone()));
        // A sample that stores columns of other tables cannot be completed from its table alone.
        if read.iter().any(|name| plusminus_plan::is_joined_column(name)) {
            further.clear();
        }
        let named: HashSet<ScalarValue> = further.iter().cloned().collect();
        let moved = ranks_of(&named, &own, 0, &own_strata)?;
        let lacking = not_kept(&further, &own.columns[0], &self.own)?;
        let scan = &self.query.scan;
        let added = rows_of_keys(env, scan, (&read, &own.columns), (&key, &lacking), state).await?;
        let numbers = numbered(&added[0])?;
        let layout = lay_out(&own, &own_strata, self.own.levels.len(), &moved, &numbers);
        if layout.body.held < KEPT_MIN.min(layout.body.keys) {
            return Err(Error::data(format!(
                "sample '{}' holds too few keys beside those with very many rows",
                self.own.name
            )));
        }
        let own = both(&own.columns, &added)?;
        let whole: Vec<ScalarValue> = own_heavy.iter().chain(&further).cloned().collect();
        let mut sides = Vec::with_capacity(others.len());
        for ((table, other), (rows, read)) in self.others.iter().zip(others) {
            let lacking = not_kept(&whole, &rows.columns[0], other)?;
            let key = &table.on[0].column;
            let scan: &TableScan = &table.scan;
            let added = rows_of_keys(env, scan, (&read, &rows.columns), (key, &lacking), state).await?;
            sides.push(Side { columns: both(&rows.columns, &added)? });
        }
        self.paired(env, own_names, of_others, (own, layout, further), &sides)
    }

    fn paired(
        &self,
        env: &Environment,
        own_names: Vec<String>,
        of_others: &[Vec<(String, String)>],
        (own, layout, further): (Vec<ArrayRef>, Layout, Vec<ScalarValue>),
        sides: &[Side],
    ) -> Result<Made> {
        let width = 2 + own_names.len() + of_others.iter().map(|names| names.len() + 1).sum::<usize>();
        let most = env.memory_bytes / SHARE_OF_MEMORY / (VALUE_BYTES * width as u64);
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(u32::MAX as usize - 1);
        let mut rows: UInt32Array = layout.places.iter().map(|place| place.row).collect::<Vec<_>>().into();
        let mut places: UInt32Array = (0..rows.len() as u64).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
        let mut partners: Vec<ArrayRef> = Vec::with_capacity(sides.len());
        for ((table, other), side) in self.others.iter().zip(sides) {
            let keys = [take(&own[0], &rows, None)?];
            let compared = [table.on[0].compared.clone()];
            let Some(Pairs { first, second }) = pairs(&compared, &keys, &side.columns[..1], most)? else {
                return Err(Error::data(format!(
                    "samples '{}' and '{}' have more pairs of rows with a key in common than fit into memory",
                    self.own.name, other.name
                )));
            };
            let again = |values: &dyn Array| take(values, &first, None);
            rows = arrow::array::AsArray::as_primitive(&again(&rows)?).clone();
            places = arrow::array::AsArray::as_primitive(&again(&places)?).clone();
            partners = partners.iter().map(|own| Ok(again(own)?)).collect::<Result<_>>()?;
            partners.push(Arc::new(second));
        }
        let (mut names, mut columns) = (Vec::with_capacity(width), Vec::with_capacity(width));
        for (name, values) in own_names.into_iter().zip(&own[1..]) {
            names.push(name);
            columns.push(take(values, &rows, None)?);
        }
        for (((table, _), own_names), (side, partner)) in
            self.others.iter().zip(of_others).zip(sides.iter().zip(&partners))
        {
            names.push(table.matched.clone());
            columns.push(Arc::new((0..partner.len()).map(|row| Some(partner.is_valid(row))).collect::<BooleanArray>()));
            for ((name, _), values) in own_names.iter().zip(&side.columns[1..]) {
                names.push(name.clone());
                columns.push(take(values, partner, None)?);
            }
        }
        let places = places.values().iter().map(|at| layout.places[*at as usize]).collect();
        Ok(Made { names, columns, places, layout, further })
    }

    fn write(&self, env: &Environment, draft: Draft, made: Made) -> Result<Manifest> {
        let Made { names, columns, places, layout, further } = made;
        let fields =
            names.iter().zip(&columns).map(|(name, values)| Field::new(name, values.data_type().clone(), true));
        let own = [STRATUM, RANK].map(|name| Field::new(name, DataType::UInt32, false));
        let schema = Arc::new(Schema::new(fields.chain(own).collect::<Vec<_>>()));
        let strata = UInt32Array::from_iter_values(places.iter().map(|place| place.stratum));
        let ranks = UInt32Array::from_iter_values(places.iter().map(|place| place.rank));
        let base: Vec<Column> = names
            .iter()
            .zip(&columns)
            .map(|(name, values)| Column { name: name.clone(), data_type: values.data_type().to_string() })
            .collect();
        let all: Vec<ArrayRef> =
            columns.into_iter().chain([Arc::new(strata) as ArrayRef, Arc::new(ranks) as ArrayRef]).collect();
        let all = RecordBatch::try_new(Arc::clone(&schema), all)?;
        let mut levels = Vec::with_capacity(self.own.levels.len());
        for level in 0..self.own.levels.len() {
            let start = places.partition_point(|place| place.level < level);
            let rows = places.partition_point(|place| place.level <= level) - start;
            let batches = (0..rows).step_by(BATCH_ROWS).map(|at| Ok(all.slice(start + at, BATCH_ROWS.min(rows - at))));
            let file = format!("level-{level}.parquet");
            let blocks = if rows == 0 { Vec::new() } else { vec![draft.write(&file, &schema, batches)?] };
            levels.push(LevelEntry { rows: rows as u64, blocks });
        }
        let strata = self.strata(env, &layout)?;
        let (generation, parent) = draft.generation();
        let options = [(JOINED_SAMPLES.to_owned(), self.samples())];
        let base = BaseTable {
            columns: base,
            options: options.into_iter().collect(),
            joined: Vec::new(),
            left_out: Vec::new(),
            ..self.own.base.clone()
        };
        let manifest = Manifest {
            name: self.name()?,
            generation,
            parent,
            created_unix_ms: env.clock.unix_ms(),
            data_folder: draft.data_folder().to_owned(),
            base,
            strata: draft.add_strata(&strata)?,
            strata_count: strata.len() as u64,
            values: None,
            levels,
            moments: Vec::new(),
            distinct: Vec::new(),
            keys: self.kept(&layout, &further)?,
            repeats_rows: true,
            joined: Vec::new(),
            ..self.own.as_ref().clone()
        };
        draft.publish(&manifest)?;
        Ok(manifest)
    }

    /// The strata of the join, in keys of the sampled table.
    fn strata(&self, env: &Environment, layout: &Layout) -> Result<Strata> {
        let Layout { body, whole, .. } = layout;
        let key = self.own.design.universe.clone().unwrap_or_default();
        let own = env.store.strata(&self.own, None)?;
        let rows: u64 = own.rows().iter().sum();
        let nulls = own.non_null(&key).map_or(0, |non_null| rows - non_null.iter().sum::<u64>());
        let of = |count: fn(&Sizes) -> u64| vec![count(body), count(whole)];
        let columns = StrataColumns {
            rows: of(|sizes| sizes.rows),
            caps: of(|sizes| sizes.held),
            tails: Some(vec![false, true]),
            all_keys: Some(of(|sizes| sizes.keys)),
            non_null: vec![(key, vec![body.rows - nulls, whole.rows])],
            ..StrataColumns::default()
        };
        Ok(columns.build()?)
    }

    /// The keys that the join holds.
    fn kept(&self, layout: &Layout, further: &[ScalarValue]) -> Result<Option<KeptKeys>> {
        let Some(own) = &self.own.keys else { return Ok(None) };
        let mut kept = KeptKeys { others: layout.body.keys, ..own.clone() };
        if !further.is_empty() {
            // Compared with totals of the table while these keys were drawn like others.
            kept.checks.clear();
            let key = self.own.column_type(self.own.design.universe.as_deref().unwrap_or_default());
            let values = ScalarValue::iter_to_array(further.iter().cloned())?;
            let values = match key.and_then(|t| t.parse().ok()) {
                Some(data_type) => arrow::compute::cast(&values, &data_type)?,
                None => values,
            };
            let priorities = key_priorities(&values, self.own.design.seed).into_iter().flatten();
            kept.heavy.extend(priorities.map(|priority| HeavyKey { priority, rows: 0 }));
        }
        Ok(Some(kept))
    }
}

/// For each value the number of its key, in the order in which keys appear first.
fn numbered(keys: &ArrayRef) -> Result<Vec<u32>> {
    let mut known: HashMap<ScalarValue, u32> = HashMap::new();
    let number = |row: usize| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        Ok(*known.entry(ScalarValue::try_from_array(keys, row)?).or_insert(next))
    };
    (0..keys.len()).map(number).collect()
}

fn both(sampled: &[ArrayRef], added: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let both = |(one, other): (&ArrayRef, &ArrayRef)| Ok(concat(&[one.as_ref(), other.as_ref()])?);
    sampled.iter().zip(added).map(both).collect()
}
