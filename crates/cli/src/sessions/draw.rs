//! Random numbers for one block of rows.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The randomness of one block: a portable generator whose stream is the block's number.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of `block` under `seed`.
    pub(super) fn new(seed: u64, block: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(block);
        Self(rng)
    }

    /// 64 uniform bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in (0, 1]: never zero, so that its logarithm is finite.
    pub(super) fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.bits() >> 11) + 1) as f64 * STEP
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        const RANGE: f64 = 4_294_967_296.0;
        f64::from(self.0.next_u32()) < probability * RANGE
    }

    /// Two independent standard normals (Box and Muller).
    pub(super) fn normals(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sin, cos) = (TAU * self.unit()).sin_cos();
        (radius * cos, radius * sin)
    }

    /// Pareto with least value 1: P(X > x) = x^(-alpha).
    pub(super) fn pareto(&mut self, alpha: f64) -> f64 {
        (-self.unit().ln() / alpha).exp()
    }
}

/// A fixed scrambling of 64 bits (the finaliser of SplitMix64).
pub(super) fn scramble(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The nearest whole number to a value that is not negative.
#[expect(clippy::cast_possible_truncation, reason = "adding a half and cutting is the rounding; the cast saturates")]
pub(super) fn whole(value: f64) -> i64 {
    (value + 0.5) as i64
}
