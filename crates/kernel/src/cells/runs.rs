//! Runs: the rows of each stratum in each group.

use super::super::strata::{CompactSizes, LevelSizes};
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f64x4, mask32x8, u32x8};
use plusminus_statistics::{Counts, LANES, StratumSize};
use std::ops::Range;

/// Rows that are searched for runs at a time.
const STRIP: usize = 8;

/// Runs of rows of one stratum, group after group; those of a group are filled up to whole [`LANES`] by runs without rows.
///
/// The numbers of the runs lie side by side, where the processor's vectors read them. By stratum they lie far apart, so that looking
/// them up one after the other would wait for memory.
pub(super) struct Runs<'a> {
    /// The stratum of each row, and below the size of each stratum.
    of_rows: &'a [u32],
    of_strata: &'a LevelSizes,
    /// The first row of each run, and the end of the last. Elements beyond the runs in use are stale, here and in the fields below.
    begins: Vec<u32>,
    /// For each group how many [`LANES`] of runs lie before it, then how many there are in all.
    starts: Vec<usize>,
    /// For each run its rows, and below the rows of its stratum in the table and in the sample; 0 for a run without rows.
    rows: Vec<f64>,
    all: Vec<f64>,
    sampled: Vec<f64>,
    /// For each run the sizes as they were looked up: rows in the table, rows in the sample.
    looked_up: [Vec<u32>; 2],
}

impl<'a> Runs<'a> {
    /// No runs yet, of rows with these strata; `of_strata` has the sizes of all strata.
    pub(super) fn new(of_rows: &'a [u32], of_strata: &'a LevelSizes) -> Self {
        Self {
            of_rows,
            of_strata,
            begins: Vec::new(),
            starts: Vec::new(),
            rows: Vec::new(),
            all: Vec::new(),
            sampled: Vec::new(),
            looked_up: [const { Vec::new() }; 2],
        }
    }

    /// Finds the runs of consecutive groups, in the place of all before; returns the first row that is left.
    ///
    /// The first group begins at `from`; groups end before each of `ends`. Of each group it takes `runs_max` runs at most.
    pub(super) fn fill(&mut self, from: usize, ends: &[u32], runs_max: usize) -> usize {
        dispatch!(Level::new(), simd => self.find(simd, from, ends, runs_max))
    }

    #[inline(always)]
    fn find<S: Simd>(&mut self, simd: S, from: usize, ends: &[u32], runs_max: usize) -> usize {
        self.starts.clear();
        self.starts.push(0);
        let (mut next, mut found) = (from, 0);
        for end in ends {
            let rows = next..*end as usize;
            let most = runs_max.min(rows.len());
            reach(&mut self.begins, found + most + STRIP + LANES + 1);
            let own = begins_in(simd, self.of_rows, rows, &mut self.begins[found..], most);
            next = own.end;
            let filled = own.count.next_multiple_of(LANES);
            self.begins[found + own.count..=found + filled].fill(number(next));
            found += filled;
            self.starts.push(found / LANES);
        }
        self.look_up(simd, found);
        next
    }

    /// Looks up the sizes of the strata of the first `runs` runs.
    #[inline(always)]
    fn look_up<S: Simd>(&mut self, simd: S, runs: usize) {
        let all = runs.next_multiple_of(STRIP);
        reach(&mut self.begins, all + 1);
        [&mut self.rows, &mut self.all, &mut self.sampled].into_iter().for_each(|own| reach(own, all));
        self.looked_up.iter_mut().for_each(|own| reach(own, all));
        match self.of_strata.compact() {
            CompactSizes::U16(sizes) => self.compact(simd, runs, |stratum| sizes[stratum as usize].map(u32::from)),
            CompactSizes::U32(sizes) => self.compact(simd, runs, |stratum| sizes[stratum as usize]),
            CompactSizes::None => self.wide(runs),
        }
    }

    #[inline(always)]
    fn compact<S: Simd>(&mut self, simd: S, runs: usize, size_of: impl Fn(u32) -> [u32; 2]) {
        let [all, sampled] = &mut self.looked_up;
        for ((begin, all), sampled) in self.begins[..runs].iter().zip(all.iter_mut()).zip(sampled.iter_mut()) {
            // A run that fills up the last group has no row, and takes any size.
            let stratum = self.of_rows.get(*begin as usize).copied().unwrap_or_default();
            [*all, *sampled] = size_of(stratum);
        }
        let zero = u32x8::splat(simd, 0);
        for at in (0..runs).step_by(STRIP) {
            let rows = strip(simd, &self.begins, at + 1) - strip(simd, &self.begins, at);
            let is_empty: mask32x8<S> = rows.simd_eq(zero);
            put(&mut self.rows[at..at + STRIP], rows);
            put(&mut self.all[at..at + STRIP], is_empty.select(zero, strip(simd, all, at)));
            put(&mut self.sampled[at..at + STRIP], is_empty.select(zero, strip(simd, sampled, at)));
        }
    }

    /// Looks up sizes beyond what 32 bits count.
    fn wide(&mut self, runs: usize) {
        for run in 0..runs {
            let [from, to] = [self.begins[run], self.begins[run + 1]];
            let stratum =
                if from < to { self.of_strata[self.of_rows[from as usize] as usize] } else { StratumSize::default() };
            self.rows[run] = f64::from(to - from);
            (self.all[run], self.sampled[run]) = (real(stratum.rows), real(stratum.sampled));
        }
    }

    /// The first row of each run, then the end of the last.
    pub(super) fn begins(&self) -> &[u32] {
        &self.begins[..=self.len()]
    }

    /// For each run the number of its rows and of those of its stratum.
    pub(super) fn counts(&self) -> Counts<'_> {
        let runs = self.len();
        Counts {
            rows: &self.rows[..runs],
            all: &self.all[..runs],
            sampled: &self.sampled[..runs],
            starts: &self.starts,
        }
    }

    fn len(&self) -> usize {
        self.starts.last().map_or(0, |lanes| lanes * LANES)
    }

    /// The rows of each run of a group, given its number, with the size of the stratum.
    pub(super) fn of_group(&self, number: usize) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        let runs = self.starts[number] * LANES..self.starts[number + 1] * LANES;
        let rows = runs.map(|run| self.begins[run] as usize..self.begins[run + 1] as usize);
        rows.filter(|rows| !rows.is_empty()).map(|rows| (self.of_strata[self.of_rows[rows.start] as usize], rows))
    }
}

/// The number of runs that were found, and the first row after them.
struct RunCount {
    count: usize,
    end: usize,
}

/// Notes where the runs of `rows` begin, `most` of them at most; `begins` has room for a strip more.
#[inline(always)]
fn begins_in<S: Simd>(simd: S, of_rows: &[u32], rows: Range<usize>, begins: &mut [u32], most: usize) -> RunCount {
    if rows.is_empty() {
        return RunCount { count: 0, end: rows.end };
    }
    begins[0] = number(rows.start);
    let (mut at, mut count) = (rows.start + 1, 1);
    let places = u32x8::from_slice(simd, &[0, 1, 2, 3, 4, 5, 6, 7]);
    while at + STRIP <= rows.end && count <= most {
        let begin: mask32x8<S> = strip(simd, of_rows, at).simd_ne(strip(simd, of_rows, at - 1));
        // Only those of the eight rows that begin a run are counted; the next strip overwrites what lies after them.
        (places + number(at)).compress(begin).store_slice(&mut begins[count..count + STRIP]);
        count += begin.to_bitmask().count_ones() as usize;
        at += STRIP;
    }
    while at < rows.end && count <= most {
        begins[count] = number(at);
        count += usize::from(of_rows[at] != of_rows[at - 1]);
        at += 1;
    }
    if count > most { RunCount { count: most, end: begins[most] as usize } } else { RunCount { count, end: rows.end } }
}

#[inline(always)]
fn strip<S: Simd>(simd: S, numbers: &[u32], at: usize) -> u32x8<S> {
    u32x8::from_slice(simd, &numbers[at..at + STRIP])
}

#[inline(always)]
fn put<S: Simd>(place: &mut [f64], numbers: u32x8<S>) {
    let (low, high) = numbers.widen();
    f64x4::float_from(low).store_slice(&mut place[..LANES]);
    f64x4::float_from(high).store_slice(&mut place[LANES..]);
}

/// Lengthens `own` to `length` at least; elements that are there already are overwritten later.
fn reach<T: Copy + Default>(own: &mut Vec<T>, length: usize) {
    if own.len() < length {
        own.resize(length, T::default());
    }
}

/// A row's number.
#[expect(clippy::cast_possible_truncation, reason = "rows in order of groups are fewer than 2^32")]
fn number(row: usize) -> u32 {
    row as u32
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn real(rows: u64) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of any length are found, of strata whose sizes take 16, 32 or 64 bits, however few are taken at a time.
    #[test]
    fn runs_are_found_a_few_at_a_time() {
        let lengths = [1, 2, 1_200, 1, 1, 600, 3, 1, 8, 9];
        let strata: Vec<u32> = (0..).zip(lengths).flat_map(|(h, n)| vec![h; n]).collect();
        let end = number(strata.len());
        for rows in [2_000, 1 << 20, 1 << 40] {
            let sizes: Vec<StratumSize> =
                (0..10).map(|h| StratumSize::new(rows + h, if h % 4 == 3 { rows + h } else { 1_500 })).collect();
            let of_strata = LevelSizes::new(sizes.clone());
            for runs_max in [1, 2, 3, 384] {
                let mut runs = Runs::new(&strata, &of_strata);
                let (mut from, mut found) = (0, Vec::new());
                while from < strata.len() {
                    from = runs.fill(from, &[end], runs_max);
                    let own: Vec<_> = runs.of_group(0).collect();
                    assert!(own.len() <= runs_max);
                    assert_eq!(*runs.begins().last().unwrap() as usize, from);
                    let counts = runs.counts();
                    let counted =
                        counts.rows.iter().zip(counts.all).zip(counts.sampled).filter(|((rows, _), _)| **rows > 0.0);
                    let counted: Vec<_> = counted.map(|((rows, all), sampled)| [*rows, *all, *sampled]).collect();
                    let expected =
                        own.iter().map(|(size, rows)| [rows.len() as u64, size.rows, size.sampled].map(real));
                    assert_eq!(counted, expected.collect::<Vec<_>>());
                    found.extend(own);
                }
                assert_eq!(found.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), lengths);
                assert!(found.iter().all(|(size, rows)| *size == sizes[strata[rows.start] as usize]));
            }
        }
    }

    /// Groups follow each other, each filled up to whole lanes; a stratum in two of them has a run in each.
    #[test]
    fn groups_are_filled_up() {
        let strata = [0, 0, 1, 1, 1, 2, 0, 1, 2, 3, 4, 4, 4];
        let of_strata = LevelSizes::new(vec![StratumSize::new(9, 5); 5]);
        let mut runs = Runs::new(&strata, &of_strata);
        assert_eq!(runs.fill(1, &[3, 6, 6, 13], 9), 13);
        assert_eq!(runs.counts().starts, [0, 1, 2, 2, 4]);
        assert_eq!(runs.begins(), [1, 2, 3, 3, 3, 5, 6, 6, 6, 7, 8, 9, 10, 13, 13, 13, 13]);
        assert_eq!(
            runs.counts().rows,
            [1.0, 1.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 3.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(runs.of_group(1).map(|(_, rows)| rows).collect::<Vec<_>>(), [3..5, 5..6]);
        assert_eq!(runs.of_group(2).count(), 0);
    }
}
