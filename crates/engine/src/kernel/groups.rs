//! Numbers for groups, in the order in which they appear.

use super::strata::StrataView;
use crate::error::{Error, Result};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

/// The groups found so far.
pub(crate) enum Groups {
    /// No GROUP BY: all rows are one group.
    One,
    /// Strata decide the group: no row is looked at.
    Decided(Decided),
    /// Any keys, hashed.
    Hashed(Hashed),
}

/// Groups that are parts of the strata.
pub(crate) struct Decided {
    view: Arc<StrataView>,
    /// By part its group, `u32::MAX` while none of its rows was seen.
    group_of: Vec<u32>,
    /// By group its part.
    parts: Vec<u32>,
}

/// Groups by the values of their keys.
pub(crate) struct Hashed {
    schema: SchemaRef,
    values: Box<dyn GroupValues>,
    ids: Vec<usize>,
}

impl Groups {
    pub(crate) fn decided(view: &Arc<StrataView>) -> Self {
        Self::Decided(Decided { view: Arc::clone(view), group_of: vec![u32::MAX; view.parts], parts: Vec::new() })
    }

    pub(crate) fn hashed(schema: SchemaRef) -> Result<Self> {
        let values = new_group_values(Arc::clone(&schema), &GroupOrdering::None)?;
        Ok(Self::Hashed(Hashed { schema, values, ids: Vec::new() }))
    }

    /// Groups of the same kind, none found yet.
    pub(crate) fn anew(&self) -> Result<Self> {
        match self {
            Self::One => Ok(Self::One),
            Self::Decided(decided) => Ok(Self::decided(&decided.view)),
            Self::Hashed(hashed) => Self::hashed(Arc::clone(&hashed.schema)),
        }
    }

    /// The number of groups found; one when there is no GROUP BY.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Decided(decided) => decided.parts.len(),
            Self::Hashed(hashed) => hashed.values.len(),
        }
    }

    /// Appends the group of every row to `found`; `keys` are those of hashed groups.
    pub(crate) fn intern(&mut self, strata: &[u32], keys: &[ArrayRef], found: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::One => found.resize(found.len() + strata.len(), 0),
            Self::Decided(decided) => decided.intern(strata, found),
            Self::Hashed(hashed) => {
                hashed.values.intern(keys, &mut hashed.ids)?;
                #[expect(clippy::cast_possible_truncation, reason = "groups are counted in memory, far below 2^32")]
                found.extend(hashed.ids.iter().map(|id| *id as u32));
            }
        }
        Ok(())
    }

    /// Takes the groups of rows that come after all rows so far; by their number there, their number here.
    pub(crate) fn adopt(&mut self, mut other: Self) -> Result<Vec<u32>> {
        match (self, &mut other) {
            (Self::Decided(own), Self::Decided(other)) => Ok(other.parts.iter().map(|p| own.group(*p)).collect()),
            (Self::Hashed(own), Self::Hashed(other)) if !other.values.is_empty() => {
                let keys = other.values.emit(EmitTo::All)?;
                own.values.intern(&keys, &mut own.ids)?;
                let number = |id: &usize| u32::try_from(*id).map_err(Error::data);
                own.ids.iter().map(number).collect()
            }
            (Self::One, _) => Ok(vec![0]),
            _ => Ok(Vec::new()),
        }
    }

    /// The groups' keys, one array per key, in the order of their numbers.
    pub(crate) fn keys(&mut self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::One => Ok(Vec::new()),
            Self::Decided(decided) => {
                let parts = UInt32Array::from(decided.parts.clone());
                decided.view.keys.iter().map(|key| Ok(take(key, &parts, None)?)).collect()
            }
            Self::Hashed(hashed) => hashed.keys(),
        }
    }

    /// The part of every group, where parts decide them.
    pub(crate) fn parts(&self) -> Option<&[u32]> {
        match self {
            Self::Decided(decided) => Some(&decided.parts),
            _ => None,
        }
    }
}

impl Decided {
    fn group(&mut self, part: u32) -> u32 {
        let slot = &mut self.group_of[part as usize];
        if *slot == u32::MAX {
            #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^32 strata")]
            let next = self.parts.len() as u32;
            *slot = next;
            self.parts.push(part);
        }
        *slot
    }

    fn intern(&mut self, strata: &[u32], found: &mut Vec<u32>) {
        let view = Arc::clone(&self.view);
        for run in super::rows::runs(strata) {
            let group = self.group(view.part_of[run.stratum as usize]);
            found.resize(found.len() + run.range().len(), group);
        }
    }
}

impl Hashed {
    fn keys(&mut self) -> Result<Vec<ArrayRef>> {
        if self.values.is_empty() {
            return Ok(Vec::new());
        }
        let count = self.values.len();
        let keys = self.values.emit(EmitTo::All)?;
        // With several keys, emitting forgets the values and not the table of their hashes, whose entries would then
        // point beyond what is held.
        self.values.clear_shrink(count);
        // Numbers are given in the order of appearance, so every group gets its own back.
        self.values.intern(&keys, &mut self.ids)?;
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    fn hashed() -> Groups {
        let fields = vec![Field::new("k0", DataType::Int64, true), Field::new("k1", DataType::Utf8, true)];
        Groups::hashed(Arc::new(Schema::new(fields))).unwrap()
    }

    fn keys(numbers: &[i64]) -> Vec<ArrayRef> {
        let text: StringArray = numbers.iter().map(|n| (*n % 3 > 0).then(|| format!("key number {n}"))).collect();
        vec![Arc::new(Int64Array::from(numbers.to_vec())), Arc::new(text)]
    }

    fn interned(groups: &mut Groups, numbers: &[i64]) -> Vec<u32> {
        let mut found = Vec::new();
        groups.intern(&vec![0; numbers.len()], &keys(numbers), &mut found).unwrap();
        found
    }

    /// Two halves, numbered apart and put together, have the numbers of one pass.
    #[test]
    fn halves_are_numbered_like_the_whole() {
        let (first, second) = ([5, 1, 5, 7], [7, 2, 9, 1, 2]);
        let mut whole = hashed();
        let expected = [interned(&mut whole, &first), interned(&mut whole, &second)].concat();
        let mut own = hashed();
        let mut other = own.anew().unwrap();
        let mut found = interned(&mut own, &first);
        let later = interned(&mut other, &second);
        let numbers = own.adopt(other).unwrap();
        found.extend(later.iter().map(|group| numbers[*group as usize]));
        assert_eq!(found, expected);
        // Keys are handed out in the order of the numbers, again and again.
        for _ in 0..2 {
            let keys = own.keys().unwrap();
            assert_eq!(keys[0].as_primitive::<Int64Type>().values(), &[5, 1, 7, 2, 9]);
            assert!(keys[1].is_null(4) && keys[1].is_valid(0));
        }
        assert_eq!(interned(&mut own, &[9, 11]), [4, 5]);
    }

    #[test]
    fn without_keys_there_is_one_group() {
        let mut one = Groups::One;
        assert_eq!(interned(&mut one, &[4, 5]), [0, 0]);
        assert_eq!((one.len(), one.keys().unwrap().len()), (1, 0));
        assert_eq!(one.adopt(Groups::One).unwrap(), [0]);
    }
}
