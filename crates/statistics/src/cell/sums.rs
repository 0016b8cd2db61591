//! Sums of many values about an origin.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f64x8, mask64x8};
use std::ops::{Add, Mul};

/// The number of interleaved sums, so that several values are added at a time.
pub(super) const LANES: usize = 8;

/// Σu, Σu² and Σu³ of `u = y − origin`, each lane by itself.
pub(super) fn of(values: &[[f64; LANES]], origin: f64) -> [[f64; LANES]; 3] {
    dispatch!(Level::new(), simd => {
        let mut sums = Powers::new(f64x8::splat(simd, 0.0));
        for values in values {
            sums.add(f64x8::load_array_ref(simd, values) - origin);
        }
        sums.0.map(Into::into)
    })
}

/// Σu, Σu² and Σu³ of `u = y − origin` over the values whose flag in `mask` is set, each lane by itself.
pub(super) fn of_masked(values: &[[f64; LANES]], mask: &[[bool; LANES]], origin: f64) -> [[f64; LANES]; 3] {
    dispatch!(Level::new(), simd => {
        let zero = f64x8::splat(simd, 0.0);
        let mut sums = Powers::new(zero);
        for (values, flags) in values.iter().zip(mask) {
            let inside = mask64x8::from_bitmask(simd, bits(flags));
            sums.add(inside.select(f64x8::load_array_ref(simd, values) - origin, zero));
        }
        sums.0.map(Into::into)
    })
}

/// Σu, Σu² and Σu³ of any numbers, or of vectors of them, each lane by itself.
#[derive(Clone, Copy)]
pub(crate) struct Powers<V>(pub(crate) [V; 3]);

impl<V: Copy + Mul<Output = V> + Add<Output = V>> Powers<V> {
    #[inline(always)]
    pub(crate) fn new(zero: V) -> Self {
        Self([zero; 3])
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, u: V) {
        let [s1, s2, s3] = self.0;
        let square = u * u;
        self.0 = [s1 + u, s2 + square, s3 + square * u];
    }
}

/// One bit per flag, the first flag in the lowest bit.
#[inline(always)]
fn bits(flags: &[bool; LANES]) -> u64 {
    // Moves the lowest bit of byte `i` to bit `56 + i`.
    u64::from_le_bytes(flags.map(u8::from)).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_bits() {
        for bits in 0..=255_u8 {
            let flags: [bool; LANES] = std::array::from_fn(|at| bits >> at & 1 == 1);
            assert_eq!(super::bits(&flags), u64::from(bits));
        }
    }
}
