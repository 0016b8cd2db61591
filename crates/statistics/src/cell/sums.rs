//! Sums of many values about an origin.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, f64x8, mask64x8};

/// Sums that are kept apart, so that several values are added at a time.
pub(super) const LANES: usize = 8;

/// Σu, Σu² and Σu³ of `u = y − origin`, each lane by itself.
pub(super) fn of(values: &[[f64; LANES]], origin: f64) -> [[f64; LANES]; 3] {
    dispatch!(Level::new(), simd => {
        let mut sums = Sums::new(simd);
        for values in values {
            sums.add(f64x8::load_array_ref(simd, values) - origin);
        }
        sums.told()
    })
}

/// The same of values whose flag is set.
pub(super) fn of_masked(values: &[[f64; LANES]], mask: &[[bool; LANES]], origin: f64) -> [[f64; LANES]; 3] {
    dispatch!(Level::new(), simd => {
        let (mut sums, zero) = (Sums::new(simd), f64x8::splat(simd, 0.0));
        for (values, flags) in values.iter().zip(mask) {
            let inside = mask64x8::from_bitmask(simd, bits(flags));
            sums.add(inside.select(f64x8::load_array_ref(simd, values) - origin, zero));
        }
        sums.told()
    })
}

struct Sums<S: Simd> {
    s1: f64x8<S>,
    s2: f64x8<S>,
    s3: f64x8<S>,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self { s1: zero, s2: zero, s3: zero }
    }

    #[inline(always)]
    fn add(&mut self, u: f64x8<S>) {
        let square = u * u;
        self.s1 += u;
        self.s2 += square;
        self.s3 += square * u;
    }

    #[inline(always)]
    fn told(self) -> [[f64; LANES]; 3] {
        [self.s1.into(), self.s2.into(), self.s3.into()]
    }
}

/// A bit per flag, the first one lowest.
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
