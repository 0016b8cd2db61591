//! Numbers of several strata at once.

use fearless_simd::{Simd, f64x4};

/// Strata that are folded at a time, whatever the processor: sums add up in the same order everywhere.
pub const LANES: usize = 4;

/// A number of each lane, in registers.
pub(super) type Reals<S> = f64x4<S>;

/// A number of each lane, in memory.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
pub(super) struct Kept([f64; LANES]);

impl Kept {
    #[inline(always)]
    pub(super) fn load<S: Simd>(&self, simd: S) -> Reals<S> {
        load(simd, &self.0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.into_iter()
    }
}

impl<S: Simd> From<Reals<S>> for Kept {
    #[inline(always)]
    fn from(reals: Reals<S>) -> Self {
        Self(reals.into())
    }
}

#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, numbers: &[f64; LANES]) -> Reals<S> {
    use fearless_simd::SimdBase;
    Reals::load_array_ref(simd, numbers)
}

/// The sum of all lanes, added up in one order on every processor.
#[inline(always)]
pub(super) fn sum<S: Simd>(reals: Reals<S>) -> f64 {
    let [a, b, c, d] = reals.into();
    (a + c) + (b + d)
}

/// A number of rows, which stays far below 2^53.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of row counts")]
pub(super) fn whole(rows: f64) -> u64 {
    rows as u64
}
