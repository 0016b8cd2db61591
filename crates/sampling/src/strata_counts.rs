//! How many rows each stratum of some families has, counted in a scan before the pass.

use crate::error::SamplingError;
use crate::interner::Interner;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

/// Rows by stratum, for each of some column sets.
pub(crate) struct StrataCounts {
    families: Vec<(Interner, Vec<u64>)>,
}

impl StrataCounts {
    /// Counts without rows; `families` has for each family the places of φ in batches of `schema`.
    pub(crate) fn new(schema: &SchemaRef, families: &[Vec<usize>]) -> Result<Self, SamplingError> {
        let families = families.iter().map(|columns| Ok((Interner::new(schema, columns, false)?, Vec::new())));
        Ok(Self { families: families.collect::<Result<_, SamplingError>>()? })
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), SamplingError> {
        for (interner, counts) in &mut self.families {
            interner.intern(batch, None)?;
            counts.resize(interner.len(), 0);
            interner.ids().iter().for_each(|stratum| counts[*stratum] += 1);
        }
        Ok(())
    }

    pub(crate) fn merge(&mut self, other: Self) -> Result<(), SamplingError> {
        for ((interner, sums), (part, counts)) in self.families.iter_mut().zip(other.families) {
            if counts.is_empty() {
                continue;
            }
            interner.intern_keys(&part.into_keys()?, counts.len())?;
            sums.resize(interner.len(), 0);
            interner.ids().iter().zip(&counts).for_each(|(stratum, rows)| sums[*stratum] += rows);
        }
        Ok(())
    }

    /// The sizes of strata in rows: families × strata, families outermost.
    pub(crate) fn into_counts(self) -> Vec<Vec<u64>> {
        self.families.into_iter().map(|(_, counts)| counts).collect()
    }
}
