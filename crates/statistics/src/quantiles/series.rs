use std::f64::consts::PI;

use crate::real;

const TERMS: usize = 24;
/// Steps of the table that the series is read off.
const STEPS: usize = 512;

/// A smooth function on an interval, whose logarithm is a Chebyshev series (Trefethen, *Approximation Theory and
/// Approximation Practice*, 2013, ch. 3), summed at even steps; between them the function itself is interpolated.
#[derive(Debug)]
pub(super) struct Series {
    from: f64,
    /// Steps per unit.
    scale: f64,
    /// Values at all steps, one before the first and one behind the last.
    table: Vec<f64>,
}

impl Series {
    /// The function whose logarithm is `f`, interpolated at the Chebyshev points, none of which is an end of the interval.
    pub(super) fn fit(from: f64, to: f64, f: impl Fn(f64) -> f64) -> Self {
        let angle = |k: usize| PI * (index(k) + 0.5) / index(TERMS);
        let values: [f64; TERMS] = std::array::from_fn(|k| f(from + (to - from) * 0.5 * (1.0 + angle(k).cos())));
        let coefficients: [f64; TERMS] = std::array::from_fn(|j| {
            let sum: f64 = values.iter().enumerate().map(|(k, value)| value * (index(j) * angle(k)).cos()).sum();
            sum * if j == 0 { 1.0 } else { 2.0 } / index(TERMS)
        });
        let step = |at: usize| 2.0 * (index(at) - 1.0) / index(STEPS) - 1.0;
        let table = (0..STEPS + 3).map(|at| summed(&coefficients, step(at)).exp()).collect();
        Self { from, scale: index(STEPS) / (to - from), table }
    }

    /// The value at `x`, by the cubic through the four nearest steps (Lagrange; Abramowitz and Stegun 25.2.13).
    #[inline]
    pub(super) fn at(&self, x: f64) -> f64 {
        let position = ((x - self.from) * self.scale).clamp(0.0, index(STEPS));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of steps"
        )]
        let step = (position as usize).min(STEPS - 1);
        let p = position - index(step);
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| self.table[step + at]);
        let (before, behind) = (p + 1.0, p - 2.0);
        // Every interval reads such a table, and a division takes as long as all other steps together.
        let sixth = 1.0 / 6.0;
        let near = (p * p - 1.0) * behind * 0.5 * b - p * before * behind * 0.5 * c;
        near - p * (p - 1.0) * behind * sixth * a + p * (p * p - 1.0) * sixth * d
    }
}

/// The series at `position`, from −1 to 1, by Clenshaw's recurrence.
fn summed(coefficients: &[f64; TERMS], position: f64) -> f64 {
    let (mut b1, mut b2) = (0.0, 0.0);
    for &coefficient in coefficients[1..].iter().rev() {
        (b1, b2) = (2.0 * position * b1 - b2 + coefficient, b1);
    }
    position * b1 - b2 + coefficients[0]
}

fn index(i: usize) -> f64 {
    real(i as u64)
}
