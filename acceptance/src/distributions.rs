//! The measures whose intervals are tried.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator for one purpose: the campaign's seed and two numbers that name the purpose.
pub(crate) fn generator(seed: u64, job: u64, part: u64) -> ChaCha8Rng {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ job.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ (part << 40);
    ChaCha8Rng::seed_from_u64(mixed)
}

/// A distribution of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    Uniform,
    Exponential,
    Lognormal(f64),
    Pareto(f64),
    Bernoulli,
    ZeroInflated,
}

/// Every distribution of the campaign, with the name of its column.
pub(crate) const MEASURES: [(&str, Values); 8] = [
    ("uni", Values::Uniform),
    ("expo", Values::Exponential),
    ("bern", Values::Bernoulli),
    ("zeros", Values::ZeroInflated),
    ("ln1", Values::Lognormal(1.0)),
    ("ln2", Values::Lognormal(2.0)),
    ("par25", Values::Pareto(2.5)),
    ("par15", Values::Pareto(1.5)),
];

impl Values {
    /// How tables call it.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Uniform => "uniform".to_owned(),
            Self::Exponential => "exponential".to_owned(),
            Self::Lognormal(sigma) => format!("lognormal {sigma}"),
            Self::Pareto(shape) => format!("Pareto {shape}"),
            Self::Bernoulli => "Bernoulli 0.2".to_owned(),
            Self::ZeroInflated => "90 % zeros".to_owned(),
        }
    }

    /// No target for the width: the spread of a sample says little of the table's.
    pub(crate) fn is_heavy(self) -> bool {
        matches!(self, Self::Pareto(_)) || matches!(self, Self::Lognormal(sigma) if sigma > 1.0)
    }

    pub(crate) fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        let uniform = 1.0 - rng.random::<f64>();
        match self {
            Self::Uniform => uniform,
            Self::Exponential => -uniform.ln(),
            Self::Lognormal(sigma) => (sigma * normal(rng)).exp(),
            Self::Pareto(shape) => uniform.powf(-1.0 / shape),
            Self::Bernoulli => f64::from(u8::from(uniform < 0.2)),
            Self::ZeroInflated if uniform < 0.9 => 0.0,
            Self::ZeroInflated => -(1.0 - rng.random::<f64>()).ln(),
        }
    }
}

pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// The first `n` elements become a simple random sample of all.
pub(crate) fn shuffle_first<T>(rows: &mut [T], n: usize, rng: &mut ChaCha8Rng) {
    for i in 0..n {
        let j = rng.random_range(i..rows.len());
        rows.swap(i, j);
    }
}
