//! The estimates of an answer as numbers, for comparison with a bound.

use super::error::Result;
use super::{Answer, Bounds};
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use plusminus_functions::numbers::floats;
use plusminus_statistics::{Estimate, Trust, absolute_error, relative_error};

impl Bounds {
    /// Intervals of exactly known values, which are the values themselves.
    pub(crate) fn exact(values: &ArrayRef) -> Self {
        Self { lower: values.clone(), upper: values.clone(), trust: vec![Trust::Exact; values.len()] }
    }

    /// The intervals of some rows, in the order of `rows`.
    pub(crate) fn taken(&self, rows: &UInt32Array) -> Result<Self> {
        Ok(Self {
            lower: take(&self.lower, rows, None)?,
            upper: take(&self.upper, rows, None)?,
            trust: rows.values().iter().map(|row| self.trust[*row as usize]).collect(),
        })
    }

    /// The estimates of a column, one per row of `values`. Values that are not numbers become NaN and have no ends.
    pub(crate) fn estimates(&self, values: &ArrayRef) -> Result<Vec<Estimate>> {
        let data_type = values.data_type();
        if !(data_type.is_numeric() || data_type.is_temporal()) {
            let estimate = |(row, trust): (usize, &_)| {
                let value = values.is_valid(row).then_some(f64::NAN);
                Estimate { value, lower: None, upper: None, trust: *trust }
            };
            return Ok(self.trust.iter().enumerate().map(estimate).collect());
        }
        let (values, lower, upper) = (floats(values)?, floats(&self.lower)?, floats(&self.upper)?);
        let rows = values.iter().zip(&lower).zip(&upper).zip(&self.trust);
        Ok(rows.map(|(((value, lower), upper), trust)| Estimate { value, lower, upper, trust: *trust }).collect())
    }
}

impl Answer {
    /// All estimates, column by column.
    pub(crate) fn all_estimates(&self) -> Result<Vec<Estimate>> {
        let mut all = Vec::new();
        for (column, values) in self.columns.iter().zip(self.batch.columns()) {
            if let Some(bounds) = &column.bounds {
                all.extend(bounds.estimates(values)?);
            }
        }
        Ok(all)
    }

    /// The largest error of any number, relative or in its own unit; `None` when one has no such error.
    pub(crate) fn worst_error(&self, is_relative: bool) -> Result<Option<f64>> {
        let mut worst: f64 = 0.0;
        for (column, values) in self.columns.iter().zip(self.batch.columns()).filter(|(c, _)| c.data_type.is_numeric())
        {
            let Some(bounds) = &column.bounds else { continue };
            for estimate in bounds.estimates(values)?.iter().filter(|e| e.value.is_some_and(|value| !value.is_nan())) {
                match if is_relative { relative_error(estimate) } else { absolute_error(estimate) } {
                    Some(error) => worst = worst.max(error),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(worst))
    }
}
