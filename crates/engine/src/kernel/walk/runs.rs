//! The rows of each stratum in each group.

use crate::kernel::strata::LevelSizes;
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
    /// Those of them with two rows, and those with more, by their number in the group.
    pairs: Vec<u32>,
    longer: Vec<u32>,
    /// By group, what there is of all three before it, and in the end; what lies behind is left over.
    starts: Vec<[usize; 3]>,
    /// The group and the rows of runs of strata that are known whole.
    whole: Vec<(usize, StratumSize, Range<usize>)>,
    /// Where runs of the group under way begin, and the end.
    begins: Vec<u32>,
}

/// The runs of a group in sampled strata.
#[derive(Clone, Copy)]
pub(super) struct GroupRuns<'a> {
    pub(super) spans: &'a [[u32; 2]],
    pub(super) sizes: &'a [StratumSize],
    pub(super) pairs: &'a [u32],
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
            pairs: Vec::with_capacity(runs),
            longer: Vec::with_capacity(runs),
            starts: vec![[0; 3]],
            whole: Vec::new(),
            begins: Vec::with_capacity(runs),
        }
    }

    /// Whether any of the strata is known whole.
    pub(super) fn have_whole(&self) -> bool {
        !self.whole.is_empty()
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
            pairs: &self.pairs[from[1]..to[1]],
            longer: &self.longer[from[2]..to[2]],
        }
    }

    /// The rows that a group has in strata that are known whole.
    pub(super) fn whole(&self, number: usize) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        let own = self.whole.iter().filter(move |(group, ..)| *group == number);
        own.map(|(_, size, rows)| (*size, rows.clone()))
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
            Some(narrow) => self.take(|stratum| {
                let [rows, sampled] = narrow[stratum as usize].map(u64::from);
                StratumSize { rows, sampled }
            }),
        }
        end
    }

    /// Takes the runs that were found for a group, given the size of any stratum.
    #[inline]
    fn take(&mut self, size_of: impl Fn(u32) -> StratumSize) {
        let (group, room) = (self.groups(), self.begins.len() - 1);
        let before = self.starts[group];
        reach(&mut self.spans, before[0] + room);
        reach(&mut self.sizes, before[0] + room);
        reach(&mut self.pairs, before[1] + room);
        reach(&mut self.longer, before[2] + room);
        let (spans, sizes) = (&mut self.spans[before[0]..], &mut self.sizes[before[0]..]);
        let (pairs, longer) = (&mut self.pairs[before[1]..], &mut self.longer[before[2]..]);
        let (mut taken, mut two, mut more) = (0, 0, 0);
        for ends in self.begins.windows(2) {
            let [from, to] = [ends[0], ends[1]];
            let size = size_of(self.of_rows[from as usize]);
            // Written over by the next where they do not count: which runs are long is not foreseen by any processor.
            spans[taken] = [from, to];
            sizes[taken] = size;
            pairs[two] = number(taken);
            longer[more] = number(taken);
            let is_sampled = !size.is_exact();
            taken += usize::from(is_sampled);
            two += usize::from(is_sampled & (to - from == 2));
            more += usize::from(is_sampled & (to - from > 2));
            if !is_sampled {
                self.whole.push((group, size, from as usize..to as usize));
            }
        }
        self.starts.push([before[0] + taken, before[1] + two, before[2] + more]);
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
                let of = |is: fn(usize) -> bool| -> Vec<u32> {
                    (0..).zip(sampled.iter()).filter(|(_, (_, rows))| is(rows.len())).map(|(at, _)| at).collect()
                };
                assert_eq!((sampled.pairs, sampled.longer), (&of(|rows| rows == 2)[..], &of(|rows| rows > 2)[..]));
                let mut own: Vec<_> =
                    sampled.iter().chain(runs.whole(group)).map(|(size, rows)| (rows.start, rows, size)).collect();
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
