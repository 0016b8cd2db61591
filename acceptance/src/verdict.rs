//! Whether what was measured can be chance.

use statrs::function::factorial::ln_binomial;

/// The chance of a false alarm in a whole campaign.
pub(crate) const FAMILYWISE: f64 = 0.01;

/// The least acceptable coverage: intervals may miss a fifth more often than they say, 6 % instead of 5 %.
pub(crate) fn floor(confidence_percent: u32) -> f64 {
    1.0 - 1.2 * (1.0 - f64::from(confidence_percent) / 100.0)
}

/// P(X ≤ hits) for X binomial over `draws` at `share`, exactly; 1 when `hits` is no fewer than expected.
#[expect(clippy::cast_precision_loss, reason = "counts of simulated cells")]
pub(crate) fn binomial_at_most(hits: u64, draws: u64, share: f64) -> f64 {
    if hits as f64 >= share * draws as f64 {
        return 1.0;
    }
    // Below the mean every term is smaller than the one above it.
    let top = ln_binomial(draws, hits) + hits as f64 * share.ln() + (draws - hits) as f64 * (-share).ln_1p();
    let (mut sum, mut term) = (0.0, 1.0);
    for k in (0..=hits).rev() {
        sum += term;
        term *= k as f64 / (draws - k + 1) as f64 * (1.0 - share) / share;
        if term < 1e-17 * sum {
            break;
        }
    }
    (top + f64::ln(sum)).exp().min(1.0)
}

/// Which of these tests fail together at [`FAMILYWISE`] (Holm, *Scandinavian Journal of Statistics* 6, 1979).
#[expect(clippy::cast_precision_loss, reason = "a number of tests")]
pub(crate) fn rejected(p_values: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if p_values[index] > FAMILYWISE / (p_values.len() - rank) as f64 {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against sums of exact terms for 10 draws, and the normal approximation for a million.
    #[test]
    fn binomial_tails() {
        assert!((binomial_at_most(8, 10, 0.94) - 0.117_592).abs() < 1e-5);
        assert!((binomial_at_most(0, 10, 0.5) - 1.0 / 1024.0).abs() < 1e-12);
        assert!((binomial_at_most(10, 10, 0.94) - 1.0).abs() < 1e-12);
        let far = binomial_at_most(939_525, 1_000_000, 0.94);
        assert!((far - 0.022_75).abs() < 5e-4, "{far}");
    }

    #[test]
    fn holm_stops_at_the_first_that_stands() {
        assert_eq!(rejected(&[0.5, 0.001, 0.004]), [false, true, true]);
        assert_eq!(rejected(&[0.004, 0.004, 0.5]), [false, false, false]);
    }
}
