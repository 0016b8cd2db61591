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
        Self {
            width,
            cells: vec![Cell::default(); groups * width],
            touched: Vec::new(),
            stamp: vec![0; groups],
            now: 1,
        }
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

/// Calls `visit(level, rows)` for the runs of each stratum in turn, then `end(stratum)`.
pub(super) fn by_stratum<S>(
    levels: &[Rows],
    state: &mut S,
    mut visit: impl FnMut(&mut S, usize, std::ops::Range<usize>),
    mut end: impl FnMut(&mut S, u32),
) {
    let mut heads = vec![0; levels.len()];
    loop {
        let next = levels.iter().zip(&heads).filter(|(l, h)| **h < l.len()).map(|(l, h)| l.strata[*h]).min();
        let Some(stratum) = next else { return };
        for (number, (level, head)) in levels.iter().zip(&mut heads).enumerate() {
            if *head < level.len() && level.strata[*head] == stratum {
                let to = level.run_end(*head);
                visit(state, number, *head..to);
                *head = to;
            }
        }
        end(state, stratum);
    }
}

/// Sums within one unit (a key and all its rows), which count as one value in the cell of its stratum.
struct Units<'a> {
    by_stratum: Scratch,
    unit: Scratch,
    /// What a place counts: its rows, or the sum of its values.
    is_count: &'a [bool],
}

impl<'a> Units<'a> {
    fn new(groups: usize, is_count: &'a [bool]) -> Self {
        let width = is_count.len();
        Self { by_stratum: Scratch::new(groups, width), unit: Scratch::new(groups, width), is_count }
    }

    /// Visits `run` unit by unit: rows of one rank are one unit, and lie side by side.
    fn visit(
        &mut self,
        rows: &Rows,
        run: std::ops::Range<usize>,
        mut add: impl FnMut(&mut Scratch, std::ops::Range<usize>),
    ) {
        let mut from = run.start;
        while from < run.end {
            let rank = rows.ranks[from];
            let to = from + rows.ranks[from..run.end].iter().take_while(|r| **r == rank).count();
            for group in &rows.groups[from..to] {
                self.unit.touch(*group);
                self.by_stratum.touch(*group);
            }
            add(&mut self.unit, from..to);
            let (cells, is_count) = (&mut self.by_stratum.cells, self.is_count);
            self.unit.flush(|place, cell| {
                #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
                let value = if is_count[place % is_count.len()] { cell.count as f64 } else { cell.s1 };
                cells[place].add(value);
            });
            from = to;
        }
    }
}

/// Walks unit by unit: `add` fills the cells of a unit from rows of one level, `fold` takes the cell of a stratum's units.
fn by_key(
    levels: &[Rows],
    sizes: &[StratumSize],
    groups: usize,
    is_count: &[bool],
    add: impl Fn(&mut Scratch, usize, std::ops::Range<usize>),
    fold: impl Fn(&mut Total, usize, StratumSize, &Cell),
) -> Vec<Total> {
    let mut totals = vec![Total::default(); groups * is_count.len()];
    by_stratum(
        levels,
        &mut Units::new(groups, is_count),
        |units, level, run| units.visit(&levels[level], run, |unit, run| add(unit, level, run)),
        |units, stratum| {
            let size = sizes[stratum as usize];
            units.by_stratum.flush(|place, cell| fold(&mut totals[place], place % is_count.len(), size, cell));
        },
    );
    totals
}

/// The first walk over a sample of keys: every key's count or sum is one value. Groups outermost.
pub(crate) fn key_totals(levels: &[Rows], sizes: &[StratumSize], variables: &[Variable], groups: usize) -> Vec<Total> {
    let is_count: Vec<bool> = variables.iter().map(|v| v.argument.is_none()).collect();
    let add = |unit: &mut Scratch, level: usize, run: std::ops::Range<usize>| {
        for (at, variable) in variables.iter().enumerate() {
            add_run(unit, &levels[level], run.clone(), at, variable, 0.0);
        }
    };
    by_key(levels, sizes, groups, &is_count, add, |total, _, size, cell| total.fold(size, 0.0, cell))
}

/// The second walk over a sample of keys.
pub(crate) fn key_linearised(
    levels: &[Rows],
    sizes: &[StratumSize],
    variables: &[Variable],
    linears: &[Linear],
    groups: usize,
) -> Vec<Total> {
    let terms = all_terms(levels, variables, linears);
    let add = |unit: &mut Scratch, level: usize, run: std::ops::Range<usize>| {
        for (at, terms) in terms[level].iter().enumerate() {
            add_linear(unit, &levels[level].groups, run.clone(), at, terms);
        }
    };
    let fold = |total: &mut Total, at: usize, size, cell: &Cell| linears[at].fold(total, size, cell);
    by_key(levels, sizes, groups, &vec![false; linears.len()], add, fold)
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
        |scratch, level, run| {
            let rows = &levels[level];
            for group in &rows.groups[run.clone()] {
                scratch.touch(*group);
            }
            for (at, variable) in variables.iter().enumerate() {
                add_run(scratch, rows, run.clone(), at, variable, shift_of[at]);
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
fn add_run(
    scratch: &mut Scratch,
    rows: &Rows,
    run: std::ops::Range<usize>,
    at: usize,
    variable: &Variable,
    shift: f64,
) {
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

impl Linear {
    fn fold(&self, total: &mut Total, size: StratumSize, cell: &Cell) {
        if self.one_domain { total.fold_domain(size, 0.0, cell) } else { total.fold(size, 0.0, cell) }
    }
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
    let terms = all_terms(levels, variables, linears);
    by_stratum(
        levels,
        &mut scratch,
        |scratch, level, run| {
            let rows = &levels[level];
            // A stratum that is known whole adds nothing to any variance.
            if sizes[rows.strata[run.start] as usize].is_exact() {
                return;
            }
            for group in &rows.groups[run.clone()] {
                scratch.touch(*group);
            }
            for (at, terms) in terms[level].iter().enumerate() {
                add_linear(scratch, &rows.groups, run.clone(), at, terms);
            }
        },
        |scratch, stratum| {
            let size = sizes[stratum as usize];
            scratch.flush(|place, cell| {
                linears[place % width].fold(&mut totals[place], size, cell);
            });
        },
    );
    totals
}

/// One variable of a linear form over the rows of one level.
struct Term<'a> {
    mask: Option<&'a [bool]>,
    values: Option<&'a [f64]>,
    coefficients: &'a [f64],
}

/// Terms by level and linear form.
fn all_terms<'a>(levels: &'a [Rows], variables: &[Variable], linears: &'a [Linear]) -> Vec<Vec<Vec<Term<'a>>>> {
    levels.iter().map(|rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect()).collect()
}

fn terms_of<'a>(linear: &'a Linear, rows: &'a Rows, variables: &[Variable]) -> Vec<Term<'a>> {
    let term = |(variable, coefficients): &'a (usize, Vec<f64>)| Term {
        mask: rows.domains[variables[*variable].domain].as_deref(),
        values: variables[*variable].argument.map(|a| rows.arguments[a].as_slice()),
        coefficients,
    };
    linear.terms.iter().map(term).collect()
}

/// Adds z of every row that is in the domain of any term.
#[inline]
fn add_linear(scratch: &mut Scratch, groups: &[u32], run: std::ops::Range<usize>, at: usize, terms: &[Term<'_>]) {
    let width = scratch.width;
    for row in run {
        let group = groups[row] as usize;
        let (mut z, mut inside) = (0.0, false);
        for term in terms {
            if term.mask.is_none_or(|mask| mask[row]) {
                inside = true;
                z += term.coefficients[group] * term.values.map_or(1.0, |values| values[row]);
            }
        }
        if inside {
            scratch.cells[group * width + at].add(z);
        }
    }
}
