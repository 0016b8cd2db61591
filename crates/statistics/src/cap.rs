//! How many rows of each stratum a sample keeps: one cap for all strata, halved from level to level.

/// Rows of a stratum below which the lowest level should not go.
pub const FLOOR: u64 = 100;

/// The largest cap K with `Σ_h min(N_h, K) ≤ size`, given the strata's row counts.
///
/// The largest count when everything fits; 0 when there are more strata than `size` (or no rows).
#[must_use]
pub fn for_size(counts: &[u64], size: u64) -> u64 {
    let fits = |cap: u64| {
        let rows: u128 = counts.iter().map(|&count| u128::from(count.min(cap))).sum();
        rows <= u128::from(size)
    };
    let (mut fitting, mut end) = (0, counts.iter().copied().max().unwrap_or(0));
    while fitting < end {
        let middle = end - (end - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            end = middle - 1;
        }
    }
    fitting
}

/// The cap at `level` of `levels`, where the last has `cap` itself: `⌈cap/2^(levels−1−level)⌉`.
///
/// Levels beyond the last count as the last.
#[must_use]
pub fn at_level(cap: u64, level: u32, levels: u32) -> u64 {
    let halvings = levels.saturating_sub(level.saturating_add(1));
    // Rounded up. Dividing would take longer, and there may be many strata.
    cap.checked_shr(halvings).map_or(cap.min(1), |whole| whole + u64::from(cap > whole << halvings))
}

/// The most levels whose lowest still keeps `floor` rows of a stratum at the cap; at least 1.
///
/// `cap` is the largest number of rows that any stratum keeps. A floor of 0 counts as 1.
#[must_use]
pub fn level_count(cap: u64, floor: u64) -> u32 {
    (cap / floor.max(1)).checked_ilog2().map_or(1, |halvings| halvings + 1)
}

#[cfg(test)]
mod tests;
