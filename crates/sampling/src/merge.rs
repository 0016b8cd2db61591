//! Merges the workers' parts of one family: strata in the order of their values, rows by stratum and rank.

use crate::determined::{self, Determined};
use crate::error::SamplingError;
use crate::interner::{Interner, key_fields};
use crate::part::FamilyPart;
use crate::reservoir::CHUNK;
use crate::stratum_ranges::{StratumRanges, Sums, are_kept};
use crate::tally::{Quota, Tally};
use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take};
use arrow::datatypes::{Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{ColumnMoments, Strata, StrataColumns, StratumRange};
use plusminus_statistics::Moments;

/// A row of the final sample: its stratum and priority, and the place of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    pub(crate) stratum: u32,
    pub(crate) priority: u64,
    /// Orders the rows of a key, so that their order does not depend on the workers; 0 where priorities differ.
    pub(crate) tie: u64,
    /// The chunk's number over all workers; `row` counts within the chunk.
    pub(crate) chunk: u32,
    pub(crate) row: u32,
}

/// A family ready to be laid out.
pub(crate) struct Family {
    pub(crate) strata: StrataColumns,
    /// Sorted by stratum and priority; of each stratum at most its cap.
    pub(crate) rows: Vec<Kept>,
    pub(crate) chunks: Vec<RecordBatch>,
    /// The cap of the strata outside the tail: rows, or keys of a universe sample.
    pub(crate) cap: u64,
    /// The columns that have one value in each stratum.
    pub(crate) determined: Vec<usize>,
}

/// The table's columns by role.
pub(crate) struct Roles<'a> {
    pub(crate) schema: &'a SchemaRef,
    pub(crate) strata: &'a [usize],
    pub(crate) has_tail: bool,
    /// Numbers of the table's keys in a universe sample: those sampled by hash, kept or not, and those kept whole; `None` in other samples.
    pub(crate) keys: Option<(u64, u64)>,
    pub(crate) numeric: &'a [usize],
    pub(crate) nullable: &'a [usize],
}

pub(crate) fn merge(parts: Vec<FamilyPart>, quota: Quota, roles: &Roles<'_>) -> Result<Family, SamplingError> {
    let mut numbering = Numbering::new(roles)?;
    let mut rest = Vec::with_capacity(parts.len());
    for part in parts {
        let count = part.tally.rows.len();
        numbering.add(part.interner, count)?;
        rest.push((part.tally.rows, part.reservoir, part.nulls, part.moments, part.determined));
    }
    let (mut keys, places) = numbering.finish()?;
    let tails = roles.has_tail.then(|| take_tails(&mut keys));
    let strata_count = places.iter().flatten().map(|p| *p as usize + 1).max().unwrap_or(0);
    let mut counts = vec![0_u64; strata_count];
    let mut nulls = vec![vec![0_u64; strata_count]; roles.nullable.len()];
    let mut moments = Vec::new();
    let (mut rows, mut chunks) = (Vec::new(), Vec::new());
    let mut determined: Option<Determined> = None;
    for ((part_counts, reservoir, part_nulls, part_moments, part_determined), places) in rest.into_iter().zip(&places) {
        let all = determined.get_or_insert_with(|| part_determined.without_strata());
        all.merge(&part_determined, places, strata_count);
        scatter_add(&mut counts, &part_counts, places);
        for (sum, part) in nulls.iter_mut().zip(&part_nulls) {
            scatter_add(sum, part, places);
        }
        let first_chunk = chunks.len();
        rows.extend(reservoir.entries.iter().enumerate().map(|(at, entry)| Kept {
            stratum: places[entry.stratum as usize],
            priority: entry.priority,
            tie: reservoir.ties.get(at).copied().unwrap_or(0),
            chunk: as_u32(first_chunk + at / CHUNK),
            row: as_u32(at % CHUNK),
        }));
        chunks.extend(reservoir.chunks);
        moments.push(part_moments);
    }
    rows.sort_unstable();
    let tally = Tally { rows: counts, tails: tails.clone().unwrap_or_default() };
    let (cap, caps) = match roles.keys {
        Some((_, heavy)) => {
            let body = rows.iter().filter(|row| !tally.is_tail(row.stratum as usize));
            let cap = distinct_priorities(body).max(1);
            let caps = (0..tally.rows.len()).map(|stratum| if tally.is_tail(stratum) { heavy } else { cap });
            (cap, caps.collect())
        }
        None => {
            let cap = quota.cap(&tally).min(tally.largest()).max(1);
            let caps = tally.caps(cap);
            keep_lowest(&mut rows, &caps);
            (cap, caps)
        }
    };
    let keys_of = |(others, heavy): (u64, u64)| {
        (0..tally.rows.len()).map(|stratum| if tally.is_tail(stratum) { heavy } else { others }).collect()
    };
    let decided = determined.filter(|_| !rows.is_empty()).map_or_else(Vec::new, |all| all.columns(&tally.rows));
    add_determined(&mut keys, &decided, &rows, &chunks, roles)?;
    let strata = StrataColumns {
        keys,
        tails,
        non_null: non_null(&tally.rows, &nulls, roles),
        ranges: stratum_ranges(&tally.rows, cap, &moments, &places, roles),
        all_keys: roles.keys.map(keys_of),
        rows: tally.rows.clone(),
        caps,
    };
    Ok(Family { strata, rows, chunks, cap, determined: decided })
}

/// Adds the value that columns have in each stratum to those of φ; every stratum has a row.
fn add_determined(
    keys: &mut Vec<(Field, ArrayRef)>,
    columns: &[usize],
    rows: &[Kept],
    chunks: &[RecordBatch],
    roles: &Roles<'_>,
) -> Result<(), SamplingError> {
    let first = rows.chunk_by(|a, b| a.stratum == b.stratum).map(|run| (run[0].chunk as usize, run[0].row as usize));
    let first: Vec<(usize, usize)> = first.collect();
    for column in columns {
        keys.push((roles.schema.field(*column).clone(), determined::values(*column, &first, chunks)?));
    }
    Ok(())
}

/// The number of keys among rows sorted by their keys' priorities.
fn distinct_priorities<'k>(rows: impl Iterator<Item = &'k Kept>) -> u64 {
    let mut last = None;
    rows.filter(|row| last.replace(row.priority) != Some(row.priority)).count() as u64
}

/// Takes the last key off: whether a stratum is of the tail.
fn take_tails(keys: &mut Vec<(Field, ArrayRef)>) -> Vec<bool> {
    let flags = keys.pop().and_then(|(_, flags)| flags.as_boolean_opt().cloned());
    flags.map_or_else(Vec::new, |flags| flags.values().iter().collect())
}

/// Maps the stratum numbers of each worker to common ones.
struct Numbering {
    all: Interner,
    parts: Vec<Vec<usize>>,
    fields: Vec<Field>,
}

impl Numbering {
    fn new(roles: &Roles<'_>) -> Result<Self, SamplingError> {
        let fields = key_fields(roles.schema, roles.strata, roles.has_tail);
        let all = Interner::new(roles.schema, roles.strata, roles.has_tail)?;
        Ok(Self { all, parts: Vec::new(), fields })
    }

    fn add(&mut self, part: Interner, count: usize) -> Result<(), SamplingError> {
        let keys = part.into_keys()?;
        if count > 0 {
            self.all.intern_keys(&keys, count)?;
            self.parts.push(self.all.ids().to_vec());
        } else {
            self.parts.push(Vec::new());
        }
        Ok(())
    }

    /// The keys sorted by value (NULL first), and for each part (parts × strata, parts outermost) the place of each stratum in that order.
    #[expect(clippy::type_complexity, reason = "a pair of plain columns, used once")]
    fn finish(self) -> Result<(Vec<(Field, ArrayRef)>, Vec<Vec<u32>>), SamplingError> {
        let count = self.all.len();
        let keys = self.all.into_keys()?;
        if keys.is_empty() {
            let empty = self.fields.into_iter().map(|f| {
                let none = arrow::array::new_empty_array(f.data_type());
                (f, none)
            });
            return Ok((empty.collect(), self.parts.iter().map(|p| vec![0; p.len().min(1)]).collect()));
        }
        let options = Some(SortOptions { descending: false, nulls_first: true });
        let columns: Vec<_> = keys.iter().map(|k| SortColumn { values: k.clone(), options }).collect();
        let order: UInt32Array = lexsort_to_indices(&columns, None)?;
        let mut place_of = vec![0_u32; count];
        for (place, id) in order.values().iter().enumerate() {
            place_of[*id as usize] = as_u32(place);
        }
        let mut sorted = Vec::with_capacity(keys.len());
        for (field, key) in self.fields.into_iter().zip(&keys) {
            sorted.push((field, take(key.as_ref(), &order, None)?));
        }
        let places = self.parts.iter().map(|p| p.iter().map(|id| place_of[*id]).collect()).collect();
        Ok((sorted, places))
    }
}

fn scatter_add(sum: &mut [u64], part: &[u64], places: &[u32]) {
    for (value, place) in part.iter().zip(places) {
        sum[*place as usize] += value;
    }
}

/// Cuts every stratum's rows to as many of the lowest priorities as its cap says.
fn keep_lowest(rows: &mut Vec<Kept>, caps: &[u64]) {
    let (mut stratum, mut rank) = (None, 0);
    rows.retain(|row| {
        rank = if stratum == Some(row.stratum) { rank + 1 } else { 0 };
        stratum = Some(row.stratum);
        rank < caps[row.stratum as usize]
    });
}

fn non_null(counts: &[u64], nulls: &[Vec<u64>], roles: &Roles<'_>) -> Vec<(String, Vec<u64>)> {
    let with_nulls = roles.nullable.iter().zip(nulls).filter(|(_, nulls)| nulls.iter().any(|n| *n > 0));
    with_nulls
        .map(|(column, nulls)| {
            let non_null = counts.iter().zip(nulls).map(|(rows, nulls)| rows - nulls).collect();
            (roles.schema.field(*column).name().clone(), non_null)
        })
        .collect()
}

/// Rows kept of a stratum from which its range is stored, and rows of the table from which it is stored anyway.
const RANGED_KEPT: u64 = 16;
const RANGED_ROWS: u64 = 1_000;

/// Means and extremes of the strata; none where the table is the only stratum, or of small strata of which few rows are kept.
fn stratum_ranges(
    counts: &[u64],
    cap: u64,
    parts: &[StratumRanges],
    places: &[Vec<u32>],
    roles: &Roles<'_>,
) -> Vec<(String, Vec<Option<StratumRange>>)> {
    let is_table = roles.strata.is_empty() && !roles.has_tail;
    // One worker may have seen few strata of many: what is stored does not depend on the number of workers.
    if is_table || !are_kept(counts.len(), roles.numeric.len()) {
        return Vec::new();
    }
    let mut columns = Vec::new();
    for (number, column) in roles.numeric.iter().enumerate() {
        let own_shift = parts.first().map_or(0.0, |part| part.shift(number));
        let mut sums = vec![Sums::default(); counts.len()];
        let mut whole = true;
        for (part, places) in parts.iter().zip(places) {
            for (local, place) in places.iter().enumerate() {
                match part.get(local, number) {
                    Some(found) => sums[*place as usize].merge(found, part.shift(number), own_shift),
                    None => whole = false,
                }
            }
        }
        if whole {
            let name = roles.schema.field(*column).name();
            let is_worth_it = |rows: &u64| cap >= RANGED_KEPT || *rows >= RANGED_ROWS;
            let range = |(sums, rows): (&Sums, &u64)| sums.range(own_shift).filter(|_| is_worth_it(rows));
            columns.push((name.clone(), sums.iter().zip(counts).map(range).collect()));
        }
    }
    columns
}

/// Moments as the catalog stores them.
pub(crate) fn stored(column: &str, moments: &Moments) -> ColumnMoments {
    ColumnMoments {
        column: column.to_owned(),
        count: moments.count,
        mean: moments.mean,
        m2: moments.m2,
        m3: moments.m3,
        m4: moments.m4,
        min: moments.minimum(),
        max: moments.maximum(),
    }
}

/// Strata, chunks and rows of a chunk are far below 2³².
fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Family {
    /// The strata as the catalog stores them.
    pub(crate) fn take_strata(&mut self) -> Result<Strata, SamplingError> {
        Ok(std::mem::take(&mut self.strata).build()?)
    }
}
