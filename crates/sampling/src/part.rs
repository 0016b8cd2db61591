//! The part of a family that one worker builds.

use crate::determined::Determined;
use crate::error::SamplingError;
use crate::interner::Interner;
use crate::plan::FamilyPlan;
use crate::reservoir::Reservoir;
use crate::stratum_ranges::StratumRanges;
use crate::tally::Tally;
use crate::universe::Keys;
use crate::{columns, tail};
use arrow::array::{Array, Float64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use plusminus_statistics::Moments;
use std::sync::Arc;

/// Moments of the numeric columns by unit number (units × columns, units outermost), so that they add up in the same order on any number of
/// threads.
pub(crate) type UnitMoments = Vec<(usize, Vec<Moments>)>;

/// The state of one worker for one family.
pub(crate) struct FamilyPart {
    pub(crate) interner: Interner,
    pub(crate) tally: Tally,
    pub(crate) reservoir: Reservoir,
    /// Numbers of NULLs: nullable columns × strata, columns outermost.
    pub(crate) nulls: Vec<Vec<u64>>,
    pub(crate) moments: StratumRanges,
    pub(crate) determined: Determined,
    /// The priorities of the keys of a batch; used in a universe sample only.
    pub(crate) keys: Keys,
}

/// Adds the columns' values to the moments of the unit begun last.
pub(crate) fn add_moments(units: &mut UnitMoments, numbers: &[Float64Array], packed: &mut Vec<f64>) {
    let Some((_, moments)) = units.last_mut() else { return };
    for (moments, values) in moments.iter_mut().zip(numbers) {
        columns::pack(values, packed);
        moments.add_slice(packed);
    }
}

/// A batch with the values that all families need.
pub(crate) struct Rows<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) priorities: &'a [u64],
    pub(crate) nullable: &'a [usize],
    pub(crate) numbers: &'a [Float64Array],
}

impl FamilyPart {
    /// A part without rows; `numeric` and `nullable` are the numbers of such columns in the table.
    pub(crate) fn new(
        schema: &SchemaRef,
        plan: &FamilyPlan,
        numeric: usize,
        nullable: usize,
    ) -> Result<Self, SamplingError> {
        Ok(Self {
            interner: Interner::new(schema, &plan.columns, plan.has_tail())?,
            tally: Tally::default(),
            reservoir: Reservoir::new(Arc::clone(schema), plan.quota),
            nulls: vec![Vec::new(); nullable],
            moments: StratumRanges::new(numeric),
            determined: Determined::new(schema, &plan.columns, !plan.columns.is_empty()),
            keys: Keys::default(),
        })
    }

    /// Bytes held: rows, and the state of each stratum.
    pub(crate) fn bytes(&self) -> u64 {
        let counts: usize = self.nulls.iter().map(Vec::capacity).sum::<usize>() + self.tally.rows.capacity();
        let strata = counts * size_of::<u64>() + self.tally.tails.capacity() + self.moments.bytes();
        self.reservoir.bytes() + (strata + self.interner.bytes() + self.determined.bytes()) as u64
    }

    pub(crate) fn take(&mut self, plan: &FamilyPlan, rows: &Rows<'_>) -> Result<(), SamplingError> {
        let (priorities, heavy) = match &plan.universe {
            None => (rows.priorities, None),
            Some(universe) => self.keys.priorities(universe, rows.batch, rows.priorities),
        };
        let ties = plan.universe.is_some().then_some(rows.priorities);
        let largest = || tail::marks(&plan.edges, rows.numbers, rows.batch.num_rows());
        let tail = heavy.or_else(|| plan.has_tail().then(largest));
        self.interner.intern(rows.batch, tail.as_ref())?;
        count(&mut self.tally, &mut self.moments, &mut self.nulls, &self.interner, plan, rows, tail.as_ref());
        self.determined.add(rows.batch, self.interner.ids(), self.interner.len())?;
        self.reservoir.offer(rows.batch, self.interner.ids(), priorities, ties, &self.tally)
    }
}

/// Counts rows and NULLs by stratum, and adds the values to the strata's ranges.
fn count(
    tally: &mut Tally,
    moments: &mut StratumRanges,
    nulls: &mut [Vec<u64>],
    interner: &Interner,
    plan: &FamilyPlan,
    rows: &Rows<'_>,
    tail: Option<&BooleanBuffer>,
) {
    let count = interner.len();
    let strata = interner.ids();
    tally.rows.resize(count, 0);
    if plan.is_divided() {
        for &stratum in strata {
            tally.rows[stratum] += 1;
        }
        moments.add(rows.numbers, strata, count);
    } else if let Some(only) = tally.rows.first_mut() {
        *only += strata.len() as u64;
    }
    if let Some(tail) = tail {
        tally.tails.resize(count, false);
        tail.set_indices().for_each(|row| tally.tails[strata[row]] = true);
    }
    for (nulls, column) in nulls.iter_mut().zip(rows.nullable) {
        nulls.resize(count, 0);
        let column = rows.batch.column(*column);
        if let Some(bitmap) = column.logical_nulls().filter(|n| n.null_count() > 0) {
            for (row, &stratum) in strata.iter().enumerate() {
                nulls[stratum] += u64::from(bitmap.is_null(row));
            }
        }
    }
}
