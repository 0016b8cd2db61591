//! Percentiles and extremes, which are no functions of sums, from the kept rows themselves.

use super::cells::by_stratum;
use super::rows::Rows;
use plusminus_functions::extremes::{compare, further};
use plusminus_functions::numbers::holds;
use plusminus_statistics::{Cell, StratumSize, Total, WeightedPoint};

/// The rows of one domain with the values of one argument.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    /// Evaluated rows, one entry per level or piece of one.
    pub levels: &'a [Rows],
    /// The domain whose rows count, by number.
    pub domain: usize,
    /// The argument, by number.
    pub argument: usize,
    /// The number of groups.
    pub groups: usize,
}

impl Column<'_> {
    /// Calls `visit(level, row, group, value)` for every row of the domain.
    fn each(&self, mut visit: impl FnMut(usize, usize, usize, f64)) {
        for (number, level) in self.levels.iter().enumerate() {
            let mask = level.domains[self.domain].as_deref();
            for (row, value) in level.arguments[self.argument].iter().enumerate() {
                if mask.is_none_or(|mask| mask[row]) {
                    visit(number, row, level.groups[row] as usize, *value);
                }
            }
        }
    }

    /// The largest or smallest value of each group, `None` without one; NaN is larger than any other, as in DataFusion and DuckDB.
    pub fn extremes(&self, is_max: bool) -> Vec<Option<f64>> {
        let mut found = vec![None; self.groups];
        self.each(|_, _, group, value| {
            let slot: &mut Option<f64> = &mut found[group];
            *slot = Some(match *slot {
                Some(known) => further(known, value, is_max),
                None => value,
            });
        });
        found
    }

    /// Whether floats hold every value of the domain exactly; `steps` is the number of steps per 1 in the argument's type.
    pub fn is_held(&self, steps: Option<f64>) -> bool {
        let mut are_all = true;
        if steps.is_some() {
            self.each(|_, _, _, value| are_all &= holds(value, steps));
        }
        are_all
    }

    /// The rows of each group sorted by value, each weighted by the number of the table's rows it stands for.
    pub fn sorted(&self, sizes: &[StratumSize]) -> Vec<Vec<WeightedPoint>> {
        let mut points: Vec<Vec<WeightedPoint>> = vec![Vec::new(); self.groups];
        self.each(|level, row, group, value| {
            let weight = sizes[self.levels[level].strata[row] as usize].weight();
            points[group].push(WeightedPoint { value, weight });
        });
        for group in &mut points {
            group.sort_unstable_by(|a, b| compare(a.value, b.value));
        }
        points
    }

    /// Totals of the residuals `(1{y ≤ q} − share)/N` of a percentile, one per group; `ends` has q and N of each group.
    pub fn residuals(&self, sizes: &[StratumSize], share: f64, ends: &[(f64, f64)]) -> Vec<Total> {
        let mut totals = vec![Total::default(); self.groups];
        let mut cells: Vec<Cell> = vec![Cell::default(); self.groups];
        let mut touched: Vec<usize> = Vec::new();
        let mut state = (&mut cells, &mut touched);
        by_stratum(
            self.levels,
            &mut state,
            |(cells, touched), level, run| {
                let rows = &self.levels[level];
                let mask = rows.domains[self.domain].as_deref();
                for row in run {
                    let value = rows.arguments[self.argument][row];
                    if mask.is_some_and(|mask| !mask[row]) {
                        continue;
                    }
                    let group = rows.groups[row] as usize;
                    let (quantile, count) = ends[group];
                    if cells[group].is_empty() {
                        touched.push(group);
                    }
                    let below = if value <= quantile { 1.0 } else { 0.0 };
                    cells[group].add((below - share) / count);
                }
            },
            |(cells, touched), stratum| {
                for group in touched.drain(..) {
                    totals[group].fold_domain(sizes[stratum as usize], 0.0, &cells[group]);
                    cells[group].clear();
                }
            },
        );
        totals
    }
}
