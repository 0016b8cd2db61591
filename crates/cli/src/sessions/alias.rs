//! Draws from a fixed discrete distribution with one table look-up.

/// Walker's alias table over the indices of its weights.
pub(super) struct Alias(Vec<Slot>);

#[derive(Clone, Copy)]
struct Slot {
    /// Below this coin the slot's own index is taken, otherwise the other one.
    threshold: u64,
    own: u16,
    other: u16,
}

/// Coins have 32 bits.
const COIN_RANGE: f64 = 4_294_967_296.0;

impl Alias {
    /// A table over at most 65,535 weights that are not negative; there must be one that is positive.
    pub(super) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let scale = weights.len() as f64 / total;
        let mut parts: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut slots: Vec<Slot> =
            (0..u16::MAX).zip(weights).map(|(own, _)| Slot { threshold: 1 << 32, own, other: own }).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..slots.len()).partition(|&index| parts[index] < 1.0);
        while let (Some(low), Some(high)) = (poor.pop(), rich.pop()) {
            slots[low].threshold = coin(parts[low]);
            slots[low].other = slots[high].own;
            parts[high] -= 1.0 - parts[low];
            if parts[high] < 1.0 {
                poor.push(high);
            } else {
                rich.push(high);
            }
        }
        Self(slots)
    }

    /// The index that 64 uniform bits stand for: the upper half chooses the slot, the lower half is the coin.
    pub(super) fn pick(&self, bits: u64) -> u16 {
        let slot = self.0[scaled(bits, self.0.len())];
        if bits & 0xffff_ffff < slot.threshold { slot.own } else { slot.other }
    }
}

/// Weights 1, 1/2^s, 1/3^s …
pub(super) fn zipf(count: usize, exponent: f64) -> impl Iterator<Item = f64> {
    (1..=count).map(move |rank| (rank as f64).powf(-exponent))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part lies between 0 and 1")]
fn coin(part: f64) -> u64 {
    (part * COIN_RANGE) as u64
}

/// A place among `count` ones, fewer than 2^32, from the upper half of 64 uniform bits.
fn scaled(bits: u64, count: usize) -> usize {
    (((bits >> 32) * count as u64) >> 32) as usize
}
