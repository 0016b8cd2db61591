//! The rows of each stratum in each group.

use crate::kernel::strata::{LevelSizes, Narrow};
use plusminus_statistics::StratumSize;
use std::ops::Range;

/// Rows in which runs are looked for at a time.
const STRIP: usize = 512;

/// Runs of rows of one stratum, group after group.
pub(super) struct Runs<'a> {
    /// The stratum of each row, and the size of each stratum.
    of_rows: &'a [u32],
    of_strata: &'a LevelSizes,
    /// Runs of sampled strata: the first row of each and the one behind its last, and the size of its stratum.
    ///
    /// Sizes are held side by side, because in the order of strata they lie far apart, and one after the other would be waited for.
    spans: Vec<[u32; 2]>,
    sizes: Vec<StratumSize>,
    /// Those of them with more than two rows, by their number in the group.
    longer: Vec<u32>,
    /// By group, what there is of both before it, and in the end; what lies behind is left over.
    starts: Vec<[usize; 2]>,
    /// The group and the rows of runs of strata that are known whole.
    whole: Vec<(usize, StratumSize, Range<usize>)>,
    /// Where runs of the group under way begin, and the end.
    begins: Vec<u32>,
    /// The numbers of its runs in strata that are known whole.
    exact: Vec<u32>,
}

/// The runs of a group in sampled strata.
#[derive(Clone, Copy)]
pub(super) struct GroupRuns<'a> {
    pub(super) spans: &'a [[u32; 2]],
    pub(super) sizes: &'a [StratumSize],
    pub(super) longer: &'a [u32],
}

impl<'a> Runs<'a> {
    /// None, of rows with these strata, with room for so many; `of_strata` are the sizes of all strata.
    pub(super) fn with_room(of_rows: &'a [u32], of_strata: &'a LevelSizes, runs: usize) -> Self {
        Self {
            of_rows,
            of_strata,
            spans: Vec::with_capacity(runs),
            sizes: Vec::with_capacity(runs),
            longer: Vec::with_capacity(runs),
            starts: vec![[0; 2]],
            whole: Vec::new(),
            begins: Vec::with_capacity(runs),
            exact: Vec::new(),
        }
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// The runs that a group has in sampled strata, stratum by stratum, given its number.
    pub(super) fn sampled(&self, number: usize) -> GroupRuns<'_> {
        let (from, to) = (self.starts[number], self.starts[number + 1]);
        GroupRuns {
            spans: &self.spans[from[0]..to[0]],
            sizes: &self.sizes[from[0]..to[0]],
            longer: &self.longer[from[1]..to[1]],
        }
    }

    /// Runs of strata that are known whole: the number of the group, the size of the stratum and the rows.
    pub(super) fn whole(&self) -> impl Iterator<Item = (usize, StratumSize, Range<usize>)> {
        self.whole.iter().cloned()
    }

    /// Forgets all groups and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.starts.truncate(1);
        self.whole.clear();
    }

    /// Appends a group with `rows`, at most so many runs of them; returns the first row that was left.
    pub(super) fn append(&mut self, rows: Range<usize>, runs_max: usize) -> usize {
        let end = self.find(rows, runs_max);
        let sizes = self.of_strata;
        match sizes.narrow() {
            None => self.take(|stratum| sizes[stratum as usize]),
            Some(Narrow::Quarter(sizes)) => self.take(|stratum| widened(sizes[stratum as usize])),
            Some(Narrow::Half(sizes)) => self.take(|stratum| widened(sizes[stratum as usize])),
        }
        end
    }

    /// Takes the runs that were found for a group, given the size of any stratum.
    #[inline]
    fn take(&mut self, size_of: impl Fn(u32) -> StratumSize) {
        let found = self.begins.len() - 1;
        let [first, longer] = self.starts[self.groups()];
        reach(&mut self.spans, first + found);
        reach(&mut self.sizes, first + found);
        reach(&mut self.longer, longer + found);
        reach(&mut self.exact, found);
        let mut count = 0;
        for (at, (size, begin)) in self.sizes[first..].iter_mut().zip(&self.begins[..found]).enumerate() {
            *size = size_of(self.of_rows[*begin as usize]);
            // Written over by the next where it does not count: which strata are known whole is not foreseen by any processor.
            self.exact[count] = number(at);
            count += usize::from(size.is_exact());
        }
        for (span, ends) in self.spans[first..].iter_mut().zip(self.begins.windows(2)) {
            *span = [ends[0], ends[1]];
        }
        let taken = self.part_whole(first, found, count);
        let mut more = longer;
        for (at, [from, to]) in self.spans[first..first + taken].iter().enumerate() {
            self.longer[more] = number(at);
            more += usize::from(to - from > 2);
        }
        self.starts.push([first + taken, more]);
    }

    /// Takes the first `count` that are noted as known whole out of the runs found for a group; returns how many are left.
    fn part_whole(&mut self, first: usize, found: usize, count: usize) -> usize {
        let group = self.groups();
        let (spans, sizes) = (&mut self.spans[first..first + found], &mut self.sizes[first..first + found]);
        let (mut taken, mut next) = (0, 0);
        for at in self.exact[..count].iter().map(|at| *at as usize) {
            let [from, to] = spans[at];
            self.whole.push((group, sizes[at], from as usize..to as usize));
            spans.copy_within(next..at, taken);
            sizes.copy_within(next..at, taken);
            (taken, next) = (taken + at - next, at + 1);
        }
        if next > 0 {
            spans.copy_within(next.., taken);
            sizes.copy_within(next.., taken);
        }
        taken + found - next
    }

    /// Notes where runs begin, of which there are so many at most, and where the last one ends; returns that.
    fn find(&mut self, rows: Range<usize>, runs_max: usize) -> usize {
        let (mut from, mut found) = (rows.start, 0);
        let mut last = self.of_rows.get(from).map_or(0, |stratum| !stratum);
        self.begins.clear();
        while from < rows.end && found <= runs_max {
            let strip = &self.of_rows[from..rows.end.min(from + STRIP)];
            self.begins.resize(found + strip.len(), 0);
            for (at, stratum) in (from..).zip(strip) {
                // Written over where no run begins: whether one does is not foreseen by any processor.
                self.begins[found] = number(at);
                found += usize::from(*stratum != last);
                last = *stratum;
            }
            from += strip.len();
        }
        let end = if found > runs_max { self.begins[runs_max] as usize } else { rows.end };
        self.begins.truncate(found.min(runs_max));
        self.begins.push(number(end));
        end
    }
}

impl GroupRuns<'_> {
    /// The size of the stratum and the rows of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        self.sizes.iter().copied().zip(self.spans.iter().map(|[from, to]| *from as usize..*to as usize))
    }
}

/// Makes room for so many; what is there already is written over.
fn reach<T: Copy + Default>(own: &mut Vec<T>, length: usize) {
    if own.len() < length {
        own.resize(length, T::default());
    }
}

fn widened<T: Into<u64>>([rows, sampled]: [T; 2]) -> StratumSize {
    StratumSize { rows: rows.into(), sampled: sampled.into() }
}

/// A row's place, or a number of rows.
#[expect(clippy::cast_possible_truncation, reason = "rows in order of groups are fewer than 2^32")]
fn number(rows: usize) -> u32 {
    rows as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of any length are found, in sampled strata and in those known whole, however few are taken at a time.
    #[test]
    fn runs_are_found_a_few_at_a_time() {
        let sizes: Vec<StratumSize> =
            (0..9).map(|h| StratumSize::new(2_000, if h % 4 == 3 { 2_000 } else { 1_500 })).collect();
        let lengths = [1, 2, 1_200, 1, 1, 600, 3, 1];
        let strata: Vec<u32> = (0..).zip(lengths).flat_map(|(h, n)| vec![h; n]).collect();
        // So many strata that their sizes are narrow, too.
        let many = [&sizes[..], &vec![sizes[0]; 5_000]].concat();
        let both = [LevelSizes::new(sizes.clone()), LevelSizes::new(many)];
        for (runs_max, of_strata) in [1, 2, 3, 384].into_iter().flat_map(|max| both.iter().map(move |of| (max, of))) {
            let mut runs = Runs::with_room(&strata, of_strata, 4);
            let (mut from, mut taken) = (0, Vec::new());
            while from < strata.len() {
                let group = runs.groups();
                from = runs.append(from..strata.len(), runs_max);
                let sampled = runs.sampled(group);
                let longer = (0..).zip(sampled.iter()).filter(|(_, (_, rows))| rows.len() > 2);
                assert_eq!(sampled.longer, longer.map(|(at, _)| at).collect::<Vec<u32>>());
                let mut own: Vec<_> = {
                    let whole = runs.whole().filter(|(of, ..)| *of == group).map(|(_, size, rows)| (size, rows));
                    sampled.iter().chain(whole).map(|(size, rows)| (rows.start, rows, size)).collect()
                };
                own.sort_by_key(|(start, ..)| *start);
                assert!(own.len() <= runs_max);
                taken.extend(own);
            }
            assert_eq!(taken.iter().map(|(_, rows, _)| rows.len()).collect::<Vec<_>>(), lengths);
            assert!(taken.iter().all(|(start, _, size)| *size == sizes[strata[*start] as usize]));
            assert_eq!(runs.append(0..0, 3), 0);
        }
    }
}
