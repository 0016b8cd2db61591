/// Interpolation weights are cut to this many parts of 1, as DataFusion does: an exact quantile then
/// equals DataFusion's to the last bit.
const PARTS: f64 = 1e6;

/// A sampled row: its value and the table rows it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedPoint {
    /// The value.
    pub value: f64,
    /// Its weight `w_h`, 1 in completely known strata.
    pub weight: f64,
}

/// The definition of a quantile that falls between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// On the straight line between them, `percentile_cont`.
    Linear,
    /// The smallest value at which the weighted distribution function reaches p, `percentile_disc`.
    Discrete,
}

/// The p quantile of points that are sorted by value; `None` without points or outside `0 ≤ p ≤ 1`.
///
/// Linear: point i sits at `S_i`, the weight before it plus half of its own, counted from the first
/// point (`S_1 = 0`, `S_{i+1} = S_i + (w_i + w_{i+1})/2`), and the quantile at `p·S_n`. With equal weights this
/// is the rank `p·(n−1)` of `percentile_cont` (type 7 of Hyndman and Fan, *The American
/// Statistician* 50, 1996, p. 361).
#[must_use]
pub fn weighted_quantile(points: &[WeightedPoint], p: f64, interpolation: Interpolation) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    match interpolation {
        Interpolation::Linear => linear(points, p),
        Interpolation::Discrete => discrete(points, p),
    }
}

fn linear(points: &[WeightedPoint], p: f64) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let all: f64 = points.iter().map(|point| point.weight).sum();
    let target = p * (all - 0.5 * (first.weight + last.weight));
    let mut position = 0.0;
    for pair in points.windows(2) {
        let step = 0.5 * (pair[0].weight + pair[1].weight);
        if position + step > target {
            let part = (((target - position) / step).clamp(0.0, 1.0) * PARTS).floor() / PARTS;
            return Some(pair[0].value + (pair[1].value - pair[0].value) * part);
        }
        position += step;
    }
    Some(last.value)
}

fn discrete(points: &[WeightedPoint], p: f64) -> Option<f64> {
    let all: f64 = points.iter().map(|point| point.weight).sum();
    let target = p * all * (1.0 - 1e-12);
    let mut below = 0.0;
    let reached = points.iter().find(|point| {
        below += point.weight;
        below >= target
    });
    reached.or(points.last()).map(|point| point.value)
}
