//! Replicates of every total: the sample with one of b random parts left out (delete-a-group jackknife).

use super::cells::by_stratum;
use super::rows::Rows;
use plusminus_plan::Variable;
use plusminus_statistics::StratumSize;
use plusminus_statistics::jackknife::{replicate_of, replicate_weights};

/// Totals by (replicate, group, variable), replicates outermost; the variables' arguments are not shifted.
pub struct Replicates {
    /// The number of replicates, b.
    pub count: u32,
    width: usize,
    groups: usize,
    totals: Vec<f64>,
    /// Whether every replicate left rows out of every stratum that is not known whole.
    pub varies: bool,
}

impl Replicates {
    /// The total of a variable of a group without the rows of one replicate, in units of the variable.
    pub fn total(&self, replicate: usize, group: usize, variable: usize) -> f64 {
        self.totals[(replicate * self.groups + group) * self.width + variable]
    }
}

/// Sums of one stratum: groups × variables × replicates, groups outermost; each is over the rows that a replicate leaves out.
struct Scratch {
    sums: Vec<f64>,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
}

/// Computes replicates of every total in one walk over the kept rows.
pub fn replicates(
    levels: &[Rows],
    sizes: &[StratumSize],
    variables: &[Variable],
    groups: usize,
    count: u32,
) -> Replicates {
    let (width, parts) = (variables.len(), count as usize);
    let place = |group: usize, variable: usize| (group * width + variable) * parts;
    let mut found = Replicates { count, width, groups, totals: vec![0.0; parts * groups * width], varies: true };
    let mut scratch =
        Scratch { sums: vec![0.0; groups * width * parts], touched: Vec::new(), is_touched: vec![false; groups] };
    by_stratum(
        levels,
        &mut scratch,
        |scratch, level, run| {
            let rows = &levels[level];
            let offset = offset_of(rows.strata[run.start]);
            for row in run {
                let group = rows.groups[row] as usize;
                if !std::mem::replace(&mut scratch.is_touched[group], true) {
                    scratch.touched.push(group);
                }
                let part = replicate_of(u64::from(rows.ranks[row]), offset, count) as usize;
                for (at, variable) in variables.iter().enumerate() {
                    if rows.domains[variable.domain].as_deref().is_none_or(|mask| mask[row]) {
                        let value = variable.argument.map_or(1.0, |a| rows.arguments[a][row]);
                        scratch.sums[place(group, at) + part] += value;
                    }
                }
            }
        },
        |scratch, stratum| {
            let size = sizes[stratum as usize];
            let deleted = part_sizes(size.sampled, offset_of(stratum), count);
            let weights: Vec<_> = deleted.iter().map(|d| replicate_weights(size, *d, count)).collect();
            found.varies &= weights.iter().all(|w| w.varies);
            for group in scratch.touched.drain(..) {
                scratch.is_touched[group] = false;
                for at in 0..width {
                    let own = &mut scratch.sums[place(group, at)..place(group, at) + parts];
                    let all: f64 = own.iter().sum();
                    for (replicate, (part, weight)) in own.iter_mut().zip(&weights).enumerate() {
                        let total = &mut found.totals[(replicate * groups + group) * width + at];
                        *total += weight.kept * (all - *part) + weight.deleted * *part;
                        *part = 0.0;
                    }
                }
            }
        },
    );
    found
}

/// For each replicate, how many of the first `sampled` ranks it leaves out.
fn part_sizes(sampled: u64, offset: u64, count: u32) -> Vec<u64> {
    let parts = u64::from(count);
    let mut sizes = vec![sampled / parts; count as usize];
    for rank in 0..sampled % parts {
        sizes[replicate_of(rank, offset, count) as usize] += 1;
    }
    sizes
}

/// A number that looks random and is always the same for a stratum (the finaliser of `SplitMix64`).
fn offset_of(stratum: u32) -> u64 {
    let mut bits = u64::from(stratum).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) >> 32
}
