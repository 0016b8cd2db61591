//! Variables by domain: what depends on the rows alone is folded once for all variables of a domain.

use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, Total};

/// The variables of one domain.
pub struct Domain {
    /// The number of the domain.
    pub number: usize,
    /// The variable whose total takes what all variables share, and whose cells have the number of rows.
    first: usize,
    /// The variables that add an argument up, by number.
    pub sums: Vec<usize>,
    /// The variables that count rows, by number.
    pub counts: Vec<usize>,
}

impl Domain {
    /// The domains that have variables, in the order of first use.
    pub fn all(variables: &[Variable]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for (at, variable) in variables.iter().enumerate() {
            let number = variable.domain;
            let known = found.iter().position(|domain| domain.number == number);
            let known = known.unwrap_or_else(|| {
                found.push(Self { number, first: at, sums: Vec::new(), counts: Vec::new() });
                found.len() - 1
            });
            let own = if variable.argument.is_some() { &mut found[known].sums } else { &mut found[known].counts };
            own.push(at);
        }
        // A sum comes first, since its cells are at hand in every walk.
        for domain in &mut found {
            domain.first = domain.sums.first().copied().unwrap_or(domain.first);
        }
        found
    }

    /// The number of sampled rows in the domain, given a cell per variable.
    pub fn count(&self, cells: &[Cell]) -> u64 {
        cells[self.first].count
    }

    /// Folds `count` rows of a group in a stratum into its totals; `cell` has the cell of a sum.
    #[inline]
    pub fn fold(&self, own: &mut [Total], stratum: &Expansion, count: u64, cell: impl Fn(usize) -> Cell) {
        if count == 0 {
            return;
        }
        let inside = stratum.inside(count);
        own[self.first].fold_rows(&inside);
        for sum in &self.sums {
            own[*sum].fold_values(&inside, &cell(*sum));
        }
        for variable in &self.counts {
            own[*variable].fold_values(&inside, &Cell::of_count(count));
        }
    }

    /// Gives the other variables what the first one's total has of the rows.
    pub fn share(&self, own: &mut [Total]) {
        let first = own[self.first];
        let others = self.sums.iter().chain(&self.counts).filter(|variable| **variable != self.first);
        others.for_each(|variable| own[*variable].share_rows(&first));
    }

    /// Places of counts, each with the place of a sum over the same rows, whose cells have the count.
    pub fn counts_beside_sums(&self) -> impl Iterator<Item = (usize, usize)> {
        let sum = self.sums.first().copied();
        self.counts.iter().filter_map(move |count| Some((*count, sum?)))
    }
}
