//! The second walk: the linearised values of averages and other expressions.

use super::super::rows::Rows;
use super::Walk;
use super::halves::CellFold;
use super::scratch::Scratch;
use super::totals::merge_totals;
use datafusion::error::Result;
use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, StratumSize, Total};
use std::ops::Range;

/// A linearised value z = Σ coefficient · y, with its own coefficients for each group.
#[derive(Debug, Clone)]
pub struct LinearisedVariable {
    /// Variables by number, each with its coefficient in each group.
    pub terms: Vec<(usize, Vec<f64>)>,
    /// Whether all variables share one domain; only its rows count then, as for an average.
    pub one_domain: bool,
}

impl LinearisedVariable {
    /// Adds the cell of one stratum to the total of a group.
    pub fn fold(&self, total: &mut Total, stratum: &Expansion, cell: &Cell) {
        if self.one_domain { total.fold_domain_cell(stratum, cell) } else { total.fold_cell(stratum, cell) }
    }

    /// The form as computed from the cells of the variables; `whole` is the domain that holds every row.
    fn linearization(&self, variables: &[Variable], whole: Option<usize>) -> CellLinearization<'_> {
        let mut linearization = CellLinearization { sum: None, inner: Vec::new(), outer: None };
        let is_sum = |(variable, _): &&(usize, Vec<f64>)| variables[*variable].argument.is_some();
        let sum = self.terms.iter().find(is_sum);
        linearization.sum = sum.map(term_of);
        for count in self.terms.iter().filter(|term| !is_sum(term)) {
            let domain = variables[count.0].domain;
            let is_inner = sum.is_some_and(|sum| variables[sum.0].domain == domain) || Some(domain) != whole;
            if is_inner { linearization.inner.push(term_of(count)) } else { linearization.outer = Some(term_of(count)) }
        }
        linearization
    }
}

/// A variable by number, and its coefficient in each group.
type TermOf<'a> = (usize, &'a [f64]);

fn term_of((variable, coefficients): &(usize, Vec<f64>)) -> TermOf<'_> {
    (*variable, coefficients)
}

/// A linear form that is computable from cells: z = scale·y + inner + outer in the rows of one domain, and z = outer in all others.
struct CellLinearization<'a> {
    sum: Option<TermOf<'a>>,
    inner: Vec<TermOf<'a>>,
    outer: Option<TermOf<'a>>,
}

impl CellLinearization<'_> {
    /// The cell of z in one group, from the cells of the variables.
    fn of(&self, group: usize, cells: &[Cell]) -> Cell {
        let outer = self.outer.map(|(variable, coefficients)| (cells[variable].count, coefficients[group]));
        let offset: f64 = self.inner.iter().map(|(_, coefficients)| coefficients[group]).sum();
        let offset = offset + outer.map_or(0.0, |(_, value)| value);
        let mut z = match (self.sum, self.inner.first()) {
            (Some((variable, scales)), _) => cells[variable].affine(scales[group], offset),
            (None, Some((variable, _))) => Cell { count: cells[*variable].count, origin: offset, ..Cell::default() },
            (None, None) => Cell::default(),
        };
        if let Some((rows, value)) = outer {
            z.merge(&Cell { count: rows - z.count.min(rows), origin: value, ..Cell::default() });
        }
        z
    }
}

/// Folds the cells of linear forms over rows of one group in one stratum.
///
/// For a form over one domain it folds the part that depends on values; the rest is [shared](share_rows).
#[inline]
pub(crate) fn fold_forms(
    linears: &[LinearisedVariable],
    own: &mut [Total],
    stratum: &Expansion,
    cell: impl Fn(usize) -> Cell,
) {
    let mut inside = stratum.inside(0);
    for (form, (linear, z)) in linears.iter().zip(own).enumerate() {
        let cell = cell(form);
        if !linear.one_domain {
            z.fold_cell(stratum, &cell);
        } else if !cell.is_empty() {
            if inside.count() != cell.count {
                inside = stratum.inside(cell.count);
            }
            z.fold_domain_values(&inside, &cell);
        }
    }
}

/// Gives forms over one domain what depends on its rows alone, from the totals of their variables.
pub(crate) fn share_rows(linears: &[LinearisedVariable], own: &mut [Total], totals: &[Total]) {
    for (linear, z) in linears.iter().zip(own).filter(|(linear, _)| linear.one_domain) {
        z.share_rows(&totals[linear.terms[0].0]);
    }
}

/// A total per (group, linear form), groups outermost, given the totals of the variables; `whole` is the domain that holds every row.
///
/// # Errors
/// When no threads can be started.
pub fn linearised(
    walk: &Walk<'_>,
    variables: &[Variable],
    linears: &[LinearisedVariable],
    totals: &[Total],
    whole: Option<usize>,
) -> Result<Vec<Total>> {
    let mut found = walk.run(&Linearised::new(walk, variables, linears, whole))?;
    for (own, totals) in found.chunks_exact_mut(linears.len()).zip(totals.chunks_exact(variables.len())) {
        share_rows(linears, own, totals);
    }
    Ok(found)
}

struct Linearised<'a> {
    levels: &'a [Rows],
    /// The terms of each form: levels × forms; none for a level of entries.
    terms: Vec<Vec<Vec<Term<'a>>>>,
    /// The forms as computed from cells, for levels of entries.
    linearization: Vec<CellLinearization<'a>>,
    variables: usize,
    linears: &'a [LinearisedVariable],
    groups: usize,
}

impl CellFold for Linearised<'_> {
    type Folded = Vec<Total>;

    fn width(&self) -> usize {
        self.linears.len()
    }

    /// A stratum that is known whole adds nothing to any variance.
    fn skips(&self, size: StratumSize) -> bool {
        size.is_exact()
    }

    fn add(&self, scratch: &mut Scratch, level: usize, run: Range<usize>) {
        let rows = &self.levels[level];
        if let Some(cells) = &rows.cells {
            self.add_entries(scratch, rows, run, cells);
            return;
        }
        let touched = if rows.one_group_per_run { run.start..run.start + 1 } else { run.clone() };
        for group in &rows.groups[touched] {
            scratch.touch(*group);
        }
        for (at, terms) in self.terms[level].iter().enumerate() {
            add_linear(scratch, &rows.groups, run.clone(), at, terms);
        }
    }

    fn empty(&self) -> Self::Folded {
        vec![Total::default(); self.groups * self.linears.len()]
    }

    fn fold(&self, totals: &mut Self::Folded, _: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        let start = group as usize * self.linears.len();
        fold_forms(self.linears, &mut totals[start..start + cells.len()], expansion, |form| cells[form]);
    }

    fn fold_entry(&self, totals: &mut Self::Folded, _: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        let (group, width) = (group as usize, self.linears.len());
        let own = &mut totals[group * width..(group + 1) * width];
        fold_forms(self.linears, own, expansion, |form| self.linearization[form].of(group, cells));
    }

    fn merge(&self, totals: &mut Self::Folded, later: Self::Folded) {
        merge_totals(totals, &later);
    }
}

impl<'a> Linearised<'a> {
    fn new(walk: &Walk<'a>, variables: &[Variable], linears: &'a [LinearisedVariable], whole: Option<usize>) -> Self {
        let terms = |rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect();
        let terms =
            walk.levels.iter().map(|rows| if rows.cells.is_some() { Vec::new() } else { terms(rows) }).collect();
        let linearization = linears.iter().map(|linear| linear.linearization(variables, whole)).collect();
        Self { levels: walk.levels, terms, linearization, variables: variables.len(), linears, groups: walk.groups }
    }

    fn add_entries(&self, scratch: &mut Scratch, rows: &Rows, run: Range<usize>, cells: &[Cell]) {
        for entry in run {
            let group = rows.groups[entry];
            scratch.touch(group);
            let added = &cells[entry * self.variables..(entry + 1) * self.variables];
            for (own, linearization) in scratch.of(group).iter_mut().zip(&self.linearization) {
                own.merge(&linearization.of(group as usize, added));
            }
        }
    }
}

/// One variable of a linear form over the rows of one level.
pub(super) struct Term<'a> {
    /// For each row, whether it is in the domain; `None` when all are.
    pub mask: Option<&'a [bool]>,
    /// The value of each row; `None` counts rows.
    pub values: Option<&'a [f64]>,
    /// The coefficient of each group.
    pub coefficients: &'a [f64],
}

pub(crate) fn terms_of<'a>(linear: &'a LinearisedVariable, rows: &'a Rows, variables: &[Variable]) -> Vec<Term<'a>> {
    let term = |(variable, coefficients): &'a (usize, Vec<f64>)| Term {
        mask: rows.domains[variables[*variable].domain].as_deref(),
        values: variables[*variable].argument.map(|a| rows.arguments[a].as_slice()),
        coefficients,
    };
    linear.terms.iter().map(term).collect()
}

/// z of a row in `group`; `None` outside the domain of every term.
#[inline(always)]
pub(crate) fn z_of(terms: &[Term<'_>], row: usize, group: usize) -> Option<f64> {
    let (mut z, mut inside) = (0.0, false);
    for term in terms {
        if term.mask.is_none_or(|mask| mask[row]) {
            inside = true;
            z += term.coefficients[group] * term.values.map_or(1.0, |values| values[row]);
        }
    }
    inside.then_some(z)
}

/// The cell of a form over rows of one group in one stratum.
pub(crate) fn linear_cell(terms: &[Term<'_>], group: usize, run: Range<usize>) -> Cell {
    let mut cell = Cell::default();
    run.filter_map(|row| z_of(terms, row, group)).for_each(|z| cell.add(z));
    cell
}

/// Adds z of every row that is in the domain of any term to the cell of its group, which was touched.
pub(crate) fn add_linear(scratch: &mut Scratch, groups: &[u32], run: Range<usize>, at: usize, terms: &[Term<'_>]) {
    let width = scratch.width;
    for row in run {
        let group = groups[row] as usize;
        if let Some(z) = z_of(terms, row, group) {
            scratch.cells[group * width + at].add(z);
        }
    }
}
