//! Decides which choices of HAVING and LIMIT, and which ranks, the intervals leave open.

use super::level_rows::LevelEstimate;
use plusminus_plan::{AggregateQuery, Comparison, Condition};
use plusminus_statistics::Estimate;

/// Shown rows (counted from 0) whose position or presence another sample might change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RankStability {
    /// Rows that might have another position.
    pub(crate) ranks: Vec<usize>,
    /// Rows that might be absent.
    pub(crate) members: Vec<usize>,
    /// Number of groups that are not shown and might be.
    pub(crate) absent: u64,
}

/// Truth of a condition for all values of an interval.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    Open,
}

/// Finds the open choices from the intervals of all groups; `shown` are the groups of the shown rows, in order.
pub(crate) fn unsettled(query: &AggregateQuery, evaluated: &LevelEstimate, shown: &[u32]) -> RankStability {
    if !query.selects_by_estimate || evaluated.estimates.is_empty() {
        return RankStability::default();
    }
    let hidden = evaluated.hidden(query);
    let groups = evaluated.populations.len();
    let mut is_shown = vec![false; groups];
    shown.iter().for_each(|g| is_shown[*g as usize] = true);
    let having: Vec<Verdict> = (0..groups).map(|g| verdict(query, hidden, g)).collect();
    let mut found = RankStability {
        members: (0..shown.len()).filter(|row| having[shown[*row] as usize] != Verdict::Holds).collect(),
        ..RankStability::default()
    };
    let mut absent: Vec<bool> = (0..groups).map(|g| !is_shown[g] && having[g] == Verdict::Open).collect();
    match query.selection.cut {
        None => {}
        // The cut is by a column without intervals: nothing is settled.
        Some(None) => {
            found.ranks = (0..shown.len()).collect();
            found.members.clone_from(&found.ranks);
        }
        Some(Some((key, ascends))) => {
            let keys: Vec<(f64, f64)> = hidden[key].iter().map(|e| ends_in_order(e, ascends)).collect();
            compare(&keys, shown, &is_shown, &having, &mut found, &mut absent);
        }
    }
    found.absent = absent.iter().filter(|a| **a).count() as u64;
    found
}

/// Finds the choices that a LIMIT by the order of `estimates` leaves open; `shown` are the numbers of the chosen rows, in order.
pub(crate) fn unsettled_by_order(estimates: &[Estimate], ascends: bool, shown: &[u32]) -> RankStability {
    let keys: Vec<(f64, f64)> = estimates.iter().map(|e| ends_in_order(e, ascends)).collect();
    let mut is_shown = vec![false; keys.len()];
    shown.iter().for_each(|row| is_shown[*row as usize] = true);
    let (mut found, mut absent) = (RankStability::default(), vec![false; keys.len()]);
    compare(&keys, shown, &is_shown, &vec![Verdict::Holds; keys.len()], &mut found, &mut absent);
    found.absent = absent.iter().filter(|a| **a).count() as u64;
    found
}

/// Compares the shown rows with each other, and with the groups that were cut off.
fn compare(
    keys: &[(f64, f64)],
    shown: &[u32],
    is_shown: &[bool],
    having: &[Verdict],
    found: &mut RankStability,
    absent: &mut [bool],
) {
    let own = |row: usize| keys[shown[row] as usize];
    let tied = tied(&(0..shown.len()).map(own).collect::<Vec<_>>());
    let rivals: Vec<usize> = (0..keys.len()).filter(|g| !is_shown[*g] && having[*g] != Verdict::Fails).collect();
    // Larger keys come first: a rival matters if it may reach above a row's lower end.
    let best = rivals.iter().map(|g| keys[*g].1).fold(f64::NEG_INFINITY, f64::max);
    let worst = (0..shown.len()).map(|row| own(row).0).fold(f64::INFINITY, f64::min);
    for (row, is_tied) in tied.into_iter().enumerate() {
        let is_threatened = own(row).0 <= best;
        if is_tied || is_threatened {
            found.ranks.push(row);
        }
        if is_threatened {
            found.members.push(row);
        }
    }
    found.members.sort_unstable();
    found.members.dedup();
    for group in rivals {
        absent[group] |= keys[group].1 >= worst;
    }
}

/// Whether each interval overlaps another one, so that their order is open. Two exactly known numbers are in order, or certainly equal.
///
/// The intervals are sorted by lower end. An interval overlaps an earlier one if the highest upper end so far reaches it, and a later
/// one if its own upper end reaches the next lower end.
fn tied(intervals: &[(f64, f64)]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (intervals[*a], intervals[*b]);
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let is_point = |(low, high): (f64, f64)| low >= high;
    let mut tied = vec![false; intervals.len()];
    // The highest upper ends: of all earlier intervals, and of those that are not points.
    let (mut highest, mut widest): (Option<f64>, Option<f64>) = (None, None);
    let further = |known: Option<f64>, end: f64| known.map_or(end, |known| known.max(end));
    for row in &order {
        let own = intervals[*row];
        let reached = if is_point(own) { widest } else { highest };
        tied[*row] = reached.is_some_and(|end| own.0 <= end);
        highest = Some(further(highest, own.1));
        widest = if is_point(own) { widest } else { Some(further(widest, own.1)) };
    }
    // The next lower ends: of all later intervals, and of those that are not points.
    let (mut lowest, mut narrowest) = (None, None);
    for row in order.iter().rev() {
        let own = intervals[*row];
        let next = if is_point(own) { narrowest } else { lowest };
        tied[*row] |= next.is_some_and(|end: f64| own.1 >= end);
        lowest = Some(own.0);
        narrowest = if is_point(own) { narrowest } else { Some(own.0) };
    }
    tied
}

/// The interval of a sort key, negated for ascending order so that larger keys come first; unbounded where it has no ends.
pub(crate) fn ends_in_order(estimate: &Estimate, ascends: bool) -> (f64, f64) {
    let (low, high) = match estimate.value {
        None => (f64::NEG_INFINITY, f64::INFINITY),
        Some(_) => (estimate.lower.unwrap_or(f64::NEG_INFINITY), estimate.upper.unwrap_or(f64::INFINITY)),
    };
    if ascends { (-high, -low) } else { (low, high) }
}

fn verdict(query: &AggregateQuery, hidden: &[Vec<Estimate>], group: usize) -> Verdict {
    let mut all = Verdict::Holds;
    for condition in &query.selection.conditions {
        match judge(condition, hidden, group) {
            Verdict::Fails => return Verdict::Fails,
            Verdict::Open => all = Verdict::Open,
            Verdict::Holds => {}
        }
    }
    all
}

fn judge(condition: &Condition, hidden: &[Vec<Estimate>], group: usize) -> Verdict {
    let Condition::Compare { hidden: number, with } = condition else { return Verdict::Open };
    let estimate = &hidden[*number][group];
    // Negated where smaller values pass, so that larger values pass.
    let (limit, or_equal, (low, high)) = match with {
        Comparison::Above { limit, or_equal } => (*limit, *or_equal, ends_in_order(estimate, false)),
        Comparison::Below { limit, or_equal } => (-limit, *or_equal, ends_in_order(estimate, true)),
    };
    if low > limit || or_equal && low >= limit {
        Verdict::Holds
    } else if high < limit || !or_equal && high <= limit {
        Verdict::Fails
    } else {
        Verdict::Open
    }
}

impl RankStability {
    /// Whether every other sample would choose the same rows, as far as the intervals tell.
    pub(crate) fn is_settled(&self) -> bool {
        self.members.is_empty() && self.absent == 0
    }

    /// Sentences for the report; rows are counted from 1.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.ranks.is_empty() {
            found.push(format!("the order is not settled for {}", rows(&self.ranks)));
        }
        if !self.members.is_empty() {
            found.push(format!("whether they belong is not settled for {}", rows(&self.members)));
        }
        match self.absent {
            0 => {}
            1 => found.push("1 group that is not shown may belong".to_owned()),
            n => found.push(format!("{n} groups that are not shown may belong")),
        }
        found
    }
}

/// Row numbers as text: "row 2", "rows 1-3, 5".
fn rows(numbers: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let part = |(first, last): &(usize, usize)| match first == last {
        true => (first + 1).to_string(),
        false => format!("{}-{}", first + 1, last + 1),
    };
    let word = if numbers.len() == 1 { "row" } else { "rows" };
    format!("{word} {}", parts.iter().map(part).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with a check of every pair, on random intervals with few distinct ends, among them points, equal and unbounded ones.
    #[test]
    fn overlaps_are_those_of_pairs() {
        let mut state = 5_u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..2_000 {
            let count = below(9);
            let mut interval = |_| {
                let low = f64::from(u32::try_from(below(12)).unwrap());
                match below(6) {
                    0 => (f64::NEG_INFINITY, f64::INFINITY),
                    1 => (f64::NEG_INFINITY, low),
                    wide => (low, low + f64::from(u32::try_from(wide / 3 * below(3)).unwrap())),
                }
            };
            let intervals: Vec<(f64, f64)> = (0..count).map(&mut interval).collect();
            let overlap = |a: (f64, f64), b: (f64, f64)| a.0 <= b.1 && b.0 <= a.1 && (a.0 < a.1 || b.0 < b.1);
            let of = |row: usize| (0..intervals.len()).any(|o| o != row && overlap(intervals[row], intervals[o]));
            assert_eq!(tied(&intervals), (0..intervals.len()).map(of).collect::<Vec<_>>(), "{intervals:?}");
        }
    }
}
