//! The rows of a level that a query reads.

use plusminus_catalog::Manifest;
use plusminus_kernel::StrataView;
use std::ops::Range;
use std::sync::Arc;

/// The share of a level's rows from which all of them are read, since other queries will find them then.
const WHOLE_SHARE: f64 = 0.5;

/// A level, or some of its row groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) struct LevelPart {
    pub(crate) level: usize,
    /// The ascending numbers of the row groups; all when `None`.
    pub(crate) row_groups: Option<Arc<[u32]>>,
}

impl LevelPart {
    /// All rows of a level.
    pub(crate) fn whole(level: usize) -> Self {
        Self { level, row_groups: None }
    }

    /// The row groups with rows of strata that may match, for each level; whole levels where that is most of them.
    pub(crate) fn matching(view: &StrataView, manifest: &Manifest) -> Vec<Self> {
        if view.all_may_match() {
            return (0..manifest.levels.len()).map(Self::whole).collect();
        }
        // The number of strata that may match among those before each.
        let mut matching = Vec::with_capacity(view.strata.len() + 1);
        matching.push(0_u32);
        for stratum in (0..).take(view.strata.len()) {
            matching.push(matching[stratum as usize] + u32::from(view.is_matching(stratum)));
        }
        let number = |end: usize| matching.get(end).or(matching.last()).copied().unwrap_or(0);
        let may_hold = |first: u32, last: u32| number(last as usize + 1) > number(first as usize);
        let of_level = |level: usize| {
            let part = Self { level, row_groups: Some(manifest.levels[level].row_groups_with(may_hold).into()) };
            #[expect(clippy::cast_precision_loss, reason = "a share of rows")]
            let is_most = part.rows(manifest) as f64 > WHOLE_SHARE * manifest.levels[level].rows as f64;
            if is_most { Self::whole(level) } else { part }
        };
        (0..manifest.levels.len()).map(of_level).collect()
    }

    /// The number of its rows.
    pub(crate) fn rows(&self, manifest: &Manifest) -> u64 {
        match self.row_ranges(manifest) {
            Some(ranges) => ranges.iter().map(|range| range.end - range.start).sum(),
            None => manifest.levels.get(self.level).map_or(0, |level| level.rows),
        }
    }

    /// The ranges of its rows in the level; `None` where it is the whole level.
    pub(crate) fn row_ranges(&self, manifest: &Manifest) -> Option<Vec<Range<u64>>> {
        let groups = self.row_groups.as_ref()?;
        Some(manifest.levels.get(self.level).map_or_else(Vec::new, |level| level.row_ranges(groups)))
    }

    /// Whether it holds all rows of `other`.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let has = |groups: &[u32], number: &u32| groups.binary_search(number).is_ok();
        self.level == other.level
            && match (&self.row_groups, &other.row_groups) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(others)) => others.iter().all(|number| has(own, number)),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_includes_those_with_fewer_row_groups_of_its_level() {
        let part = |groups: &[u32]| LevelPart { level: 3, row_groups: Some(groups.into()) };
        let whole = LevelPart::whole(3);
        for (one, other, includes) in [
            (&whole, &part(&[1, 7]), true),
            (&part(&[1, 7]), &whole, false),
            (&part(&[1, 5, 7]), &part(&[1, 7]), true),
            (&part(&[1, 7]), &part(&[1, 5, 7]), false),
            (&part(&[1]), &part(&[]), true),
            (&LevelPart::whole(2), &part(&[1]), false),
        ] {
            assert_eq!(one.includes(other), includes, "{one:?} {other:?}");
        }
    }
}
