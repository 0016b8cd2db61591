use arrow::array::UInt32Array;
use plusminus_statistics::Cell;

/// Rows of reserved memory that are not worth giving back.
const SHRINK_SLACK_ROWS: usize = 16_384;

/// A run of rows of one stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The stratum, by number.
    pub stratum: u32,
    /// The first row.
    pub from: u32,
    /// The row after the last.
    pub to: u32,
}

impl Run {
    /// The rows as a range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// Evaluated rows of a level, or of a part of one: those that pass WHERE, sorted by stratum.
///
/// With `cells` the rows are added up already, and each entry stands for all rows of a group in a stratum.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub struct Rows {
    /// The stratum of each row, in ascending order.
    pub strata: Vec<u32>,
    /// The runs of rows of one stratum, in order.
    pub runs: Vec<Run>,
    /// The group of each row, by number.
    pub groups: Vec<u32>,
    /// Whether all rows of a stratum are of one group.
    pub(crate) one_group_per_run: bool,
    /// The rank of each row within its stratum, where replicates or whole keys need it.
    pub ranks: Vec<u32>,
    /// For each domain and row, whether the row is in the domain: domains × rows; `None` for a domain that holds all rows.
    pub domains: Vec<Option<Vec<bool>>>,
    /// The values of each argument: arguments × rows; anything where it is NULL, and empty where its values are not needed.
    pub arguments: Vec<Vec<f64>>,
    /// The cells of entries: entries × variables, entries outermost. Rows with cells have neither domains nor arguments.
    pub cells: Option<Vec<Cell>>,
}

impl Rows {
    /// The number of rows, or of entries where rows are added up.
    pub fn len(&self) -> usize {
        self.strata.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.strata.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let masks: usize = self.domains.iter().flatten().map(Vec::capacity).sum();
        let values: usize = self.arguments.iter().map(Vec::capacity).sum();
        let cells = self.cells.as_ref().map_or(0, |cells| cells.capacity() * size_of::<Cell>());
        masks + cells + 8 * values + 4 * (self.strata.capacity() + self.groups.capacity() + self.ranks.capacity())
    }

    /// Adds an entry: the cells of one group in one stratum.
    pub(crate) fn push_entry(&mut self, stratum: u32, group: u32, cells: &[Cell]) {
        self.strata.push(stratum);
        self.groups.push(group);
        self.cells.get_or_insert_default().extend_from_slice(cells);
    }

    /// Removes the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.strata.clear();
        self.runs.clear();
        self.groups.clear();
        self.ranks.clear();
        self.domains.iter_mut().flatten().for_each(Vec::clear);
        self.arguments.iter_mut().for_each(Vec::clear);
    }

    /// Gives memory back where far more is reserved than used.
    pub(crate) fn shrink_excess(&mut self) {
        if self.strata.capacity() > 2 * self.strata.len() + SHRINK_SLACK_ROWS {
            [&mut self.strata, &mut self.groups, &mut self.ranks].into_iter().for_each(Vec::shrink_to_fit);
            self.domains.iter_mut().flatten().for_each(Vec::shrink_to_fit);
            self.arguments.iter_mut().for_each(Vec::shrink_to_fit);
        }
    }

    /// Finds the runs, once all rows are there.
    pub(crate) fn index_runs(&mut self) {
        self.runs = runs(&self.strata);
    }
}

/// The runs of equal strata.
pub(crate) fn runs(strata: &[u32]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < strata.len() {
        let stratum = strata[from];
        // Long runs are found in growing steps, short ones row by row.
        let mut step = 1;
        let mut low = from;
        while low + step < strata.len() && strata[low + step] == stratum {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(strata.len());
        let to = low + strata[low..high].partition_point(|s| *s == stratum);
        #[expect(clippy::cast_possible_truncation, reason = "a level has fewer than 2^32 rows")]
        found.push(Run { stratum, from: from as u32, to: to as u32 });
        from = to;
    }
    found
}

/// The runs of a column of strata.
pub fn runs_of(strata: &UInt32Array) -> Vec<Run> {
    runs(strata.values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_whatever_their_lengths() {
        for lengths in [vec![], vec![1], vec![1, 1, 1], vec![7, 1, 30, 2], vec![1000, 1, 64, 65, 3]] {
            let strata: Vec<u32> = (0..).zip(&lengths).flat_map(|(h, n)| vec![3 * h; *n]).collect();
            let found = runs(&strata);
            assert_eq!(found.iter().map(|r| r.range().len()).collect::<Vec<_>>(), lengths);
            assert!(found.iter().all(|r| strata[r.range()].iter().all(|s| *s == r.stratum)));
        }
    }
}
