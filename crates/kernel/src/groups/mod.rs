//! Numbers for groups, in the order in which they appear.

mod indexed;

use super::strata::StrataView;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use indexed::{Indexed, is_indexable};
use std::sync::Arc;

/// The groups found so far.
pub enum Groups {
    /// No GROUP BY: all rows are one group.
    One,
    /// Groups that the strata decide, so that no row is evaluated for them.
    Decided(Decided),
    /// One whole-numbered key whose values lie close together.
    Indexed(Indexed),
    /// Any keys, hashed.
    Hashed(Hashed),
    /// Groups that are known beforehand, so that rows need no look-up: keys × groups, and the number of groups.
    NumberedBefore(Vec<ArrayRef>, usize),
}

/// Groups that are parts of the strata.
pub struct Decided {
    view: Arc<StrataView>,
    /// For each part its group; `u32::MAX` while no row of the part was seen.
    group_of: Vec<u32>,
    /// For each group its part.
    parts: Vec<u32>,
}

/// Groups by the values of their keys.
pub struct Hashed {
    schema: SchemaRef,
    values: Box<dyn GroupValues>,
    ids: Vec<usize>,
}

impl Groups {
    /// Groups that the strata decide.
    pub fn decided(view: &Arc<StrataView>) -> Self {
        Self::Decided(Decided { view: Arc::clone(view), group_of: vec![u32::MAX; view.parts], parts: Vec::new() })
    }

    /// Groups by the values of keys with this schema.
    pub(crate) fn by_keys(schema: &SchemaRef) -> Result<Self> {
        match schema.fields().as_ref() {
            [key] if is_indexable(key.data_type()) => Ok(Self::indexed(Arc::clone(schema))),
            _ => Self::hashed(Arc::clone(schema)),
        }
    }

    /// Groups by the values of one key, which has an indexable type.
    fn indexed(schema: SchemaRef) -> Self {
        Self::Indexed(Indexed::new(schema))
    }

    fn hashed(schema: SchemaRef) -> Result<Self> {
        Hashed::new(schema).map(Self::Hashed)
    }

    /// The groups numbered `seen` among `all` groups with these keys; the keys are keys × groups.
    pub fn numbered_before(keys: &[ArrayRef], seen: Vec<u32>, all: usize) -> Result<Self> {
        let count = seen.len();
        if count == all {
            return Ok(Self::NumberedBefore(keys.to_vec(), count));
        }
        let seen = UInt32Array::from(seen);
        let keys = keys.iter().map(|key| take(key, &seen, None)).collect::<std::result::Result<_, _>>()?;
        Ok(Self::NumberedBefore(keys, count))
    }

    /// Numbers these groups before any other: by their keys or, where strata decide the groups, by their parts.
    pub fn preassign(&mut self, keys: &[ArrayRef], parts: &[u32]) -> Result<()> {
        match self {
            Self::One => Ok(()),
            Self::Decided(decided) => {
                parts.iter().for_each(|part| {
                    decided.group(*part);
                });
                Ok(())
            }
            _ if parts.is_empty() => Ok(()),
            _ => self.intern(&[], keys, &mut Vec::with_capacity(parts.len())),
        }
    }

    /// Whether all rows of a stratum are of one group.
    pub(crate) fn are_decided(&self) -> bool {
        matches!(self, Self::One | Self::Decided(_))
    }

    /// A numbering of the same kind without groups.
    pub fn empty_like(&self) -> Result<Self> {
        match self {
            Self::One => Ok(Self::One),
            Self::Decided(decided) => Ok(Self::decided(&decided.view)),
            Self::Indexed(indexed) => Ok(Self::Indexed(indexed.empty_like())),
            Self::Hashed(hashed) => Self::hashed(Arc::clone(&hashed.schema)),
            Self::NumberedBefore(..) => Err(no_keys()),
        }
    }

    /// The number of groups found; one when there is no GROUP BY.
    pub fn len(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Decided(decided) => decided.parts.len(),
            Self::Indexed(indexed) => indexed.len(),
            Self::Hashed(hashed) => hashed.values.len(),
            Self::NumberedBefore(_, count) => *count,
        }
    }

    /// The number of groups to expect: all parts where strata decide the groups, otherwise the groups found so far.
    pub fn expected_len(&self) -> usize {
        match self {
            Self::Decided(decided) => decided.view.parts,
            _ => self.len(),
        }
    }

    /// Appends the group of every row to `found`; `keys` are used where strata do not decide the groups.
    pub(crate) fn intern(&mut self, strata: &[u32], keys: &[ArrayRef], found: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::One => found.resize(found.len() + strata.len(), 0),
            Self::Decided(decided) => decided.intern(strata, found),
            Self::Indexed(indexed) => {
                if !indexed.intern(&keys[0], found)? {
                    self.hash()?.intern(keys, found)?;
                }
            }
            Self::Hashed(hashed) => hashed.intern(keys, found)?,
            Self::NumberedBefore(..) => return Err(no_keys()),
        }
        Ok(())
    }

    /// Goes over to a hash table; the groups keep their numbers.
    fn hash(&mut self) -> Result<&mut Hashed> {
        if let Self::Indexed(indexed) = self {
            *self = Self::Hashed(indexed.hashed()?);
        }
        match self {
            Self::Hashed(hashed) => Ok(hashed),
            _ => Err(no_keys()),
        }
    }

    /// Numbers the groups of `other`, whose rows come after all rows so far; returns for each of its groups the number here.
    pub(crate) fn absorb(&mut self, mut other: Self) -> Result<Vec<u32>> {
        match (&mut *self, &mut other) {
            (Self::One, _) => return Ok(vec![0]),
            (Self::Decided(own), Self::Decided(other)) => {
                return Ok(other.parts.iter().map(|p| own.group(*p)).collect());
            }
            (Self::Indexed(own), Self::Indexed(other)) => {
                if let Some(numbers) = own.absorb(other) {
                    return Ok(numbers);
                }
            }
            _ => {}
        }
        let (own, other) = (self.hash()?, other.hash()?);
        if other.values.is_empty() {
            return Ok(Vec::new());
        }
        let keys = other.values.emit(EmitTo::All)?;
        let mut numbers = Vec::new();
        own.intern(&keys, &mut numbers)?;
        Ok(numbers)
    }

    /// The groups' keys: keys × groups, one array per key, in the order of the groups' numbers.
    pub fn keys(&mut self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::One => Ok(Vec::new()),
            Self::Decided(decided) => {
                let parts = UInt32Array::from(decided.parts.clone());
                decided.view.keys.iter().map(|key| Ok(take(key, &parts, None)?)).collect()
            }
            Self::Indexed(indexed) if indexed.len() == 0 => Ok(Vec::new()),
            Self::Indexed(indexed) => Ok(vec![indexed.keys()?]),
            Self::Hashed(hashed) => hashed.keys(),
            Self::NumberedBefore(keys, _) => Ok(keys.clone()),
        }
    }

    /// For each group its part, where strata decide the groups.
    pub fn parts(&self) -> Option<&[u32]> {
        match self {
            Self::Decided(decided) => Some(&decided.parts),
            _ => None,
        }
    }
}

fn no_keys() -> DataFusionError {
    DataFusionError::Execution("these groups cannot be looked up".to_owned())
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
    fn new(schema: SchemaRef) -> Result<Self> {
        let values = new_group_values(Arc::clone(&schema), &GroupOrdering::None)?;
        Ok(Self { schema, values, ids: Vec::new() })
    }

    fn intern(&mut self, keys: &[ArrayRef], found: &mut Vec<u32>) -> Result<()> {
        self.values.intern(keys, &mut self.ids)?;
        #[expect(clippy::cast_possible_truncation, reason = "groups are counted in memory, far below 2^32")]
        found.extend(self.ids.iter().map(|id| *id as u32));
        Ok(())
    }

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
        let mut other = own.empty_like().unwrap();
        let mut found = interned(&mut own, &first);
        let later = interned(&mut other, &second);
        let numbers = own.absorb(other).unwrap();
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

    fn dates(days: &[Option<i32>]) -> Vec<ArrayRef> {
        vec![Arc::new(arrow::array::Date32Array::from(days.to_vec()))]
    }

    fn numbered(groups: &mut Groups, days: &[Option<i32>]) -> Vec<u32> {
        let mut found = Vec::new();
        groups.intern(&vec![0; days.len()], &dates(days), &mut found).unwrap();
        found
    }

    /// Numbers of a table are those of hashing, also when a value lies so far away that hashing has to take over.
    #[test]
    fn values_close_together_are_numbered_like_any_others() {
        let schema = Arc::new(Schema::new(vec![Field::new("k0", DataType::Date32, true)]));
        let far = i32::MAX;
        let parts: [&[Option<i32>]; 5] = [
            &[Some(7), None, Some(-3), Some(7)],
            &[None, Some(-9), Some(100)],
            &[],
            &[Some(far), Some(7), Some(-9)],
            &[Some(i32::MIN), None],
        ];
        for until in 1..=parts.len() {
            let (mut indexed, mut hashed) =
                (Groups::indexed(Arc::clone(&schema)), Groups::hashed(Arc::clone(&schema)).unwrap());
            for days in &parts[..until] {
                assert_eq!(numbered(&mut indexed, days), numbered(&mut hashed, days));
                assert_eq!(indexed.keys().unwrap(), hashed.keys().unwrap());
            }
            assert_eq!(matches!(indexed, Groups::Indexed(_)), until < 4);
            // Halves: every part after the first is numbered apart and adopted.
            let mut whole = Groups::indexed(Arc::clone(&schema));
            for days in &parts[..until] {
                let mut later = whole.empty_like().unwrap();
                let found = numbered(&mut later, days);
                let numbers = whole.absorb(later).unwrap();
                let found: Vec<u32> = found.iter().map(|group| numbers[*group as usize]).collect();
                assert_eq!(found, numbered(&mut hashed, days));
            }
            assert_eq!((whole.len(), whole.keys().unwrap()), (hashed.len(), hashed.keys().unwrap()));
        }
    }

    #[test]
    fn without_keys_there_is_one_group() {
        let mut one = Groups::One;
        assert_eq!(interned(&mut one, &[4, 5]), [0, 0]);
        assert_eq!((one.len(), one.keys().unwrap().len()), (1, 0));
        assert_eq!(one.absorb(Groups::One).unwrap(), [0]);
    }
}
