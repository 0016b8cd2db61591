//! The cells of one domain in a block of groups, side by side.

use super::super::rows::Rows;
use super::block::SumUses;
use super::domains::Domain;
use super::linear::LinearisedVariable;
use super::runs::Runs;
use super::totals::cell_of;
use plusminus_plan::Variable;
use plusminus_statistics::{Cells, Counts, DomainFactors, Total, VariancePolynomial};
use std::ops::Range;

/// The cells of one domain: all that totals and averages of its variables need of its rows.
pub(crate) struct DomainCells<'a> {
    domain: &'a Domain,
    /// Rows in the domain by run, where not every row is in it.
    masked: Masked,
    domain_factors: DomainFactors,
    /// The cells of each of the domain's sums.
    cells: Vec<Cells>,
    /// For each sum, the variance polynomial of a group that takes several cell blocks; `None` where no average is asked.
    forms: Vec<Option<VariancePolynomial>>,
}

/// For each run its rows in the domain, and the rows of its stratum in the table and in the sample; 0 without a row in the domain.
#[derive(Default)]
struct Masked {
    rows: Vec<f64>,
    all: Vec<f64>,
    sampled: Vec<f64>,
}

impl<'a> DomainCells<'a> {
    /// Domain cells without groups.
    pub(super) fn new(domain: &'a Domain) -> Self {
        let cells = domain.sums.iter().map(|_| Cells::default()).collect();
        let forms = domain.sums.iter().map(|_| None).collect();
        Self { domain, masked: Masked::default(), domain_factors: DomainFactors::default(), cells, forms }
    }

    /// Makes the cells of these runs, in the place of all before.
    pub(super) fn fill(&mut self, variables: &[Variable], rows: &Rows, runs: &Runs<'_>) {
        let mask = rows.domains[self.domain.number].as_deref();
        match mask {
            None => self.domain_factors.fill(&runs.counts()),
            Some(mask) => {
                self.masked.count(mask, runs);
                let Masked { rows, all, sampled } = &self.masked;
                self.domain_factors.fill(&Counts { rows, all, sampled, ..runs.counts() });
            }
        }
        for (sum, cells) in self.domain.sums.iter().zip(&mut self.cells) {
            let variable = &variables[*sum];
            match (mask, variable.argument) {
                (None, Some(argument)) => cells.fill(&rows.arguments[argument], runs.begins()),
                _ => {
                    cells.clear();
                    spans(runs).for_each(|run| cells.push(&cell_of(rows, run, variable)));
                }
            }
        }
    }

    /// Folds all cells into the totals of the variables: groups × variables, groups outermost, `width` per group.
    pub(super) fn fold(&self, totals: &mut [Total], width: usize, asked: &SumUses) {
        for (sum, cells) in self.domain.sums.iter().zip(&self.cells) {
            let own = totals[*sum..].iter_mut().step_by(width);
            match asked.own_interval(*sum) {
                true => self.domain_factors.fold_values(cells, own),
                false => self.domain_factors.fold_estimates(cells, own),
            }
        }
        for count in &self.domain.counts {
            self.domain_factors.fold_counts(totals[*count..].iter_mut().step_by(width));
        }
    }

    /// Folds all cells into the totals of one group, as its first part or a later one.
    ///
    /// Sums of which an average is asked are folded into their variance polynomials, too.
    pub(crate) fn fold_part(&mut self, totals: &mut [Total], asked: &SumUses, is_first: bool) {
        for ((sum, cells), form) in self.domain.sums.iter().zip(&self.cells).zip(&mut self.forms) {
            let total = &mut totals[*sum];
            if asked.averages.contains(sum) {
                let form =
                    if is_first { form.insert(VariancePolynomial::default()) } else { form.get_or_insert_default() };
                match asked.own_interval(*sum) {
                    true => self.domain_factors.fold_values_and_polynomial(cells, total, form),
                    false => self.domain_factors.fold_estimates_and_polynomial(cells, total, form),
                }
            } else {
                self.domain_factors.fold_values(cells, std::iter::once(total));
            }
        }
        for count in &self.domain.counts {
            self.domain_factors.fold_counts(std::iter::once(&mut totals[*count]));
        }
    }

    /// The average over the domain that a linear form is; `None` for any other form.
    pub(super) fn average<'s>(&'s self, linear: &'s LinearisedVariable, variables: &[Variable]) -> Option<Average<'s>> {
        let [(sum, scale), (count, offset)] = linear.terms.as_slice() else { return None };
        if !linear.one_domain || variables[*count].argument.is_some() {
            return None;
        }
        let at = self.domain.sums.iter().position(|own| own == sum)?;
        Some(Average {
            domain_factors: &self.domain_factors,
            cells: &self.cells[at],
            form: self.forms[at].as_ref(),
            scale,
            offset,
        })
    }
}

impl Masked {
    fn count(&mut self, mask: &[bool], runs: &Runs<'_>) {
        let Counts { all, sampled, .. } = runs.counts();
        self.rows.clear();
        self.rows.extend(spans(runs).map(|run| count_of(mask, run)));
        let inside = |sizes: &[f64], own: &mut Vec<f64>| {
            own.clear();
            own.extend(self.rows.iter().zip(sizes).map(|(rows, size)| if *rows > 0.0 { *size } else { 0.0 }));
        };
        inside(all, &mut self.all);
        inside(sampled, &mut self.sampled);
    }
}

/// A linear form `scale·y + offset`, with both numbers by group, whose cells follow from those of a sum.
pub(crate) struct Average<'a> {
    domain_factors: &'a DomainFactors,
    cells: &'a Cells,
    form: Option<&'a VariancePolynomial>,
    scale: &'a [f64],
    offset: &'a [f64],
}

impl Average<'_> {
    /// Folds the variance of the average into one total per group.
    pub(super) fn fold<'t>(&self, own: impl Iterator<Item = &'t mut Total>) {
        self.domain_factors.fold_spreads(self.cells, self.scale, self.offset, own);
    }

    /// The total over the one group that took several cell blocks; `None` where its rows have to be folded again.
    pub(crate) fn of_form(&self) -> Option<Total> {
        self.form?.spread(self.scale[0], self.offset[0])
    }
}

fn spans(runs: &Runs<'_>) -> impl Iterator<Item = Range<usize>> {
    runs.begins().windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
}

/// The number of rows of a run within a domain.
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn count_of(mask: &[bool], run: Range<usize>) -> f64 {
    mask[run].iter().filter(|inside| **inside).count() as f64
}
