//! Walks over kept rows, stratum by stratum: cells are filled by the run of one stratum and folded when it ends.

use super::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{Cell, StratumSize, Total};

/// Cells of the stratum under way, one row of `width` cells per group, and the groups touched in it.
struct Scratch {
    width: usize,
    cells: Vec<Cell>,
    touched: Vec<u32>,
    stamp: Vec<u32>,
    now: u32,
}

impl Scratch {
    fn new(groups: usize, width: usize) -> Self {
        Self { width, cells: vec![Cell::default(); groups * width], touched: Vec::new(), stamp: vec![0; groups], now: 1 }
    }

    #[inline]
    fn touch(&mut self, group: u32) {
        let stamp = &mut self.stamp[group as usize];
        if *stamp != self.now {
            *stamp = self.now;
            self.touched.push(group);
        }
    }

    /// Hands every filled cell to `fold(place, cell)`, empties it, and begins the next stratum.
    fn flush(&mut self, mut fold: impl FnMut(usize, &Cell)) {
        for group in self.touched.drain(..) {
            let start = group as usize * self.width;
            for place in start..start + self.width {
                if !self.cells[place].is_empty() {
                    fold(place, &self.cells[place]);
                    self.cells[place].clear();
                }
            }
        }
        self.now += 1;
    }
}

/// Calls `visit(level, from, to)` for the runs of each stratum in turn, then `end(stratum)`.
fn by_stratum<S>(
    levels: &[Rows],
    state: &mut S,
    mut visit: impl FnMut(&mut S, &Rows, usize, usize),
    mut end: impl FnMut(&mut S, u32),
) {
    let mut heads = vec![0; levels.len()];
    loop {
        let next = levels.iter().zip(&heads).filter(|(l, h)| **h < l.len()).map(|(l, h)| l.strata[*h]).min();
        let Some(stratum) = next else { return };
        for (level, head) in levels.iter().zip(&mut heads) {
            if *head < level.len() && level.strata[*head] == stratum {
                let to = level.run_end(*head);
                visit(state, level, *head, to);
                *head = to;
            }
        }
        end(state, stratum);
    }
}

/// The first walk: a total per (group, variable), groups outermost. `shifts` has one value per argument, near its mean.
pub(crate) fn totals(
    levels: &[Rows],
    sizes: &[StratumSize],
    variables: &[Variable],
    shifts: &[f64],
    groups: usize,
) -> Vec<Total> {
    let width = variables.len();
    let mut totals = vec![Total::default(); groups * width];
    let mut scratch = Scratch::new(groups, width);
    let shift_of: Vec<f64> = variables.iter().map(|v| v.argument.map_or(0.0, |a| shifts[a])).collect();
    by_stratum(
        levels,
        &mut scratch,
        |scratch, rows, from, to| {
            for group in &rows.groups[from..to] {
                scratch.touch(*group);
            }
            for (at, variable) in variables.iter().enumerate() {
                add_run(scratch, rows, from..to, at, variable, shift_of[at]);
            }
        },
        |scratch, stratum| {
            let size = sizes[stratum as usize];
            scratch.flush(|place, cell| {
                let at = place % width;
                match variables[at].argument {
                    Some(_) => totals[place].fold(size, shift_of[at], cell),
                    None => totals[place].fold(size, 0.0, &Cell::of_count(cell.count)),
                }
            });
        },
    );
    totals
}


#[inline]
fn add_run(scratch: &mut Scratch, rows: &Rows, run: std::ops::Range<usize>, at: usize, variable: &Variable, shift: f64) {
    let width = scratch.width;
    let mask = rows.domains[variable.domain].as_deref();
    let values = variable.argument.map(|a| rows.arguments[a].as_slice());
    for row in run {
        if mask.is_some_and(|m| !m[row]) {
            continue;
        }
        let cell = &mut scratch.cells[rows.groups[row] as usize * width + at];
        match values {
            Some(values) => cell.add(values[row] - shift),
            None => cell.count += 1,
        }
    }
}

/// A linearised value z = Σ coefficient · y, with its own coefficients for each group.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// (variable, coefficient by group)
    pub(crate) terms: Vec<(usize, Vec<f64>)>,
    /// Whether all variables share one domain, whose rows alone then count (as for an average).
    pub(crate) one_domain: bool,
}

/// The second walk: a total per (group, linear form), groups outermost.
pub(crate) fn linearised(
    levels: &[Rows],
    sizes: &[StratumSize],
    variables: &[Variable],
    linears: &[Linear],
    groups: usize,
) -> Vec<Total> {
    let width = linears.len();
    let mut totals = vec![Total::default(); groups * width];
    let mut scratch = Scratch::new(groups, width);
    by_stratum(
        levels,
        &mut scratch,
        |scratch, rows, from, to| {
            // A stratum that is known whole adds nothing to any variance.
            if sizes[rows.strata[from] as usize].is_exact() {
                return;
            }
            for row in from..to {
                scratch.touch(rows.groups[row]);
            }
            for (at, linear) in linears.iter().enumerate() {
                for row in from..to {
                    add_linear(scratch, rows, row, at, linear, variables);
                }
            }
        },
        |scratch, stratum| {
            let size = sizes[stratum as usize];
            scratch.flush(|place, cell| {
                if linears[place % width].one_domain {
                    totals[place].fold_domain(size, 0.0, cell);
                } else {
                    totals[place].fold(size, 0.0, cell);
                }
            });
        },
    );
    totals
}

#[inline]
fn add_linear(scratch: &mut Scratch, rows: &Rows, row: usize, at: usize, linear: &Linear, variables: &[Variable]) {
    let group = rows.groups[row] as usize;
    let mut z = None;
    for (variable, coefficients) in &linear.terms {
        let variable = &variables[*variable];
        if rows.contains(variable.domain, row) {
            let y = variable.argument.map_or(1.0, |a| rows.arguments[a][row]);
            z = Some(z.unwrap_or(0.0) + coefficients[group] * y);
        }
    }
    if let Some(z) = z {
        scratch.cells[group * scratch.width + at].add(z);
    }
}
