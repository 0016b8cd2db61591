//! Rows whose groups are known beforehand, in the order of these groups: only WHERE and the arguments are left to evaluate.

use super::cells::GroupRows;
use super::compiled::Compiled;
use super::groups::Groups;
use super::program::{BATCH_ROWS, KeepGoing, extend, numbers_from_end};
use super::rows::Rows;
use super::workers::Workers;
use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use std::ops::Range;
use std::sync::Arc;

/// The groups of rows, numbered in the order of appearance.
pub struct NumberedGroups {
    /// The group of every row, by number.
    pub groups: Vec<u32>,
    /// The groups' keys: keys × groups, one array per key.
    pub keys: Vec<ArrayRef>,
}

/// Numbers the groups of the rows of `batches`, one after the other, as they appear; `None` when `keep_going` said no.
///
/// `keys` name columns without a table. The batches share a schema.
///
/// # Errors
/// When a key fails on a value, or cannot be grouped by.
pub fn numbered(
    keys: &[Expr],
    state: &SessionState,
    batches: &[RecordBatch],
    keep_going: KeepGoing<'_>,
) -> Result<Option<NumberedGroups>> {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let names = DFSchema::try_from(Arc::clone(&schema))?;
    let (mut physical, mut fields) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    for (number, key) in keys.iter().enumerate() {
        let key = plusminus_functions::overflow::physical_expr(state, key.clone(), &names)?;
        fields.push(Field::new(format!("k{number}"), key.data_type(&schema)?, true));
        physical.push(key);
    }
    let mut groups = Groups::by_keys(&Arc::new(Schema::new(fields)))?;
    let mut found = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        for from in (0..batch.num_rows()).step_by(BATCH_ROWS) {
            if !keep_going() {
                return Ok(None);
            }
            let rows = batch.slice(from, BATCH_ROWS.min(batch.num_rows() - from));
            let mut values = Vec::with_capacity(physical.len());
            for key in &physical {
                values.push(key.evaluate(&rows)?.into_array(rows.num_rows())?);
            }
            groups.intern(&[], &values, &mut found)?;
        }
    }
    Ok(Some(NumberedGroups { groups: found, keys: groups.keys()? }))
}

/// Rows in group order that pass WHERE, and the groups that have such a row.
pub(crate) struct Passing {
    /// Rows of the first groups.
    pub groups: GroupRows,
    /// Rows of the groups after them.
    pub later: GroupRows,
    /// The numbers of all these groups among those given, in ascending order.
    pub seen: Vec<u32>,
}

/// Rows of a range of groups that pass WHERE; `before` counts those before each group, then all of them.
struct Evaluated {
    rows: Rows,
    before: Vec<u32>,
    groups: Range<usize>,
}

/// Evaluates the rows of `batch`, whose groups begin at `starts`; `None` when `keep_going` said no. The last column is the stratum.
pub(crate) fn passing(
    compiled: &Compiled,
    batch: &RecordBatch,
    starts: &[u32],
    workers: &Workers,
    keep_going: KeepGoing<'_>,
) -> Result<Option<Passing>> {
    let groups = starts.len() - 1;
    let half = starts[groups].div_ceil(2);
    let middle = starts.partition_point(|start| *start < half).min(groups);
    let of = |groups| evaluated(compiled, batch, starts, groups, workers, keep_going);
    let (first, second) = workers.join(|| of(0..middle), || of(middle..groups))?;
    let (Some(first), Some(second)) = (first?, second?) else { return Ok(None) };
    let mut seen = Vec::with_capacity(groups);
    let groups = first.seen(&mut seen);
    let later = second.seen(&mut seen);
    Ok(Some(Passing { groups, later, seen }))
}

impl Evaluated {
    /// The groups with a row; their numbers are appended to `seen`.
    fn seen(self, seen: &mut Vec<u32>) -> GroupRows {
        let first = seen.len();
        let mut starts = Vec::with_capacity(self.before.len());
        for (group, ends) in (0..).skip(self.groups.start).zip(self.before.windows(2)) {
            if ends[0] < ends[1] {
                starts.push(ends[0]);
                seen.push(group);
            }
        }
        starts.extend(self.before.last());
        GroupRows { rows: self.rows, first, starts }
    }
}

fn evaluated(
    compiled: &Compiled,
    batch: &RecordBatch,
    starts: &[u32],
    groups: Range<usize>,
    workers: &Workers,
    keep_going: KeepGoing<'_>,
) -> Result<Option<Evaluated>> {
    let (mut from, end) = (starts[groups.start] as usize, starts[groups.end] as usize);
    let mut ends = starts[groups.start..=groups.end].iter().map(|start| *start as usize).peekable();
    let mut rows = compiled.no_rows();
    let mut before = Vec::with_capacity(groups.len() + 1);
    if let Some(buffers) = workers.buffers() {
        compiled.borrow_values(&mut rows, end - from, buffers);
    }
    compiled.reserve_values(&mut rows, end - from);
    while from < end {
        if !keep_going() {
            return Ok(None);
        }
        let length = BATCH_ROWS.min(end - from);
        let slice = batch.slice(from, length);
        let passing = compiled.passing(&slice)?;
        let ranks = passing.as_ref().map(super::selection::Selection::ranks);
        while let Some(place) = ends.next_if(|place| *place < from + length) {
            let passed = ranks.as_ref().map_or(place - from, |ranks| ranks.before(place - from));
            before.push(number(rows.len() + passed));
        }
        let kept = compiled.kept(&slice, passing.as_ref())?;
        if kept.num_rows() > 0 {
            extend(&mut rows.strata, numbers_from_end(&slice, 0), passing.as_ref());
            compiled.values(&slice, passing.as_ref(), &kept, &mut rows)?;
        }
        from += length;
    }
    before.resize(groups.len() + 1, number(rows.len()));
    rows.shrink_excess();
    Ok(Some(Evaluated { rows, before, groups }))
}

/// A number of rows of a projection, which has fewer than 2^32.
#[expect(clippy::cast_possible_truncation, reason = "rows are counted with 32 bits from the start")]
fn number(rows: usize) -> u32 {
    rows as u32
}
