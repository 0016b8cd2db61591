//! Priorities: which rows of a stratum are kept first.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The priorities of consecutive rows of one file (or partition) under one seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Priorities {
    key: u64,
}

impl Priorities {
    pub(crate) fn new(seed: u64, file_identity: u64) -> Self {
        Self { key: mix(seed ^ mix(file_identity ^ 0x9e37_79b9_7f4a_7c15)) }
    }

    /// A hash of (seed, file, row number), uniform over `u64` and without collisions within a file.
    #[inline]
    pub(crate) fn of(self, row: u64) -> u64 {
        mix(self.key.wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// A file's identity, from its path relative to the table.
pub(crate) fn file_identity(path: &str) -> u64 {
    xxh3_64_with_seed(path.as_bytes(), 0x706c_7573_6d69_6e75)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection with full avalanche.
#[inline]
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100,000 draws over 64 bins: χ² with 63 degrees stays below 120 but for a chance of 2e-5.
    #[test]
    fn priorities_are_uniform_and_differ_between_seeds_and_files() {
        for (seed, file) in [(0, 0), (0, 1), (1, 0), (7, file_identity("part-0.parquet"))] {
            let priorities = Priorities::new(seed, file);
            let mut bins = [0_f64; 64];
            for row in 0..100_000 {
                bins[usize::try_from(priorities.of(row) >> 58).unwrap()] += 1.0;
            }
            let expected = 100_000.0 / 64.0;
            let chi2: f64 = bins.iter().map(|b| (b - expected).powi(2) / expected).sum();
            assert!(chi2 < 120.0, "χ² = {chi2} for seed {seed}, file {file}");
        }
        assert_ne!(Priorities::new(0, 1).of(5), Priorities::new(1, 0).of(5));
    }
}
