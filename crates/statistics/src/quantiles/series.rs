use std::f64::consts::PI;

use crate::real;

const TERMS: usize = 24;

/// A smooth function on an interval as a Chebyshev series (Trefethen, *Approximation Theory and
/// Approximation Practice*, 2013, ch. 3).
#[derive(Debug)]
pub(super) struct Series {
    from: f64,
    to: f64,
    coefficients: [f64; TERMS],
}

impl Series {
    /// Interpolates `f` at the Chebyshev points, none of which is an end of the interval.
    pub(super) fn fit(from: f64, to: f64, f: impl Fn(f64) -> f64) -> Self {
        let angle = |k: usize| PI * (index(k) + 0.5) / index(TERMS);
        let values: [f64; TERMS] = std::array::from_fn(|k| f(from + (to - from) * 0.5 * (1.0 + angle(k).cos())));
        let coefficients = std::array::from_fn(|j| {
            let sum: f64 = values.iter().enumerate().map(|(k, value)| value * (index(j) * angle(k)).cos()).sum();
            sum * if j == 0 { 1.0 } else { 2.0 } / index(TERMS)
        });
        Self { from, to, coefficients }
    }

    /// The value at `x`, by Clenshaw's recurrence.
    pub(super) fn at(&self, x: f64) -> f64 {
        let position = 2.0 * (x - self.from) / (self.to - self.from) - 1.0;
        let (mut b1, mut b2) = (0.0, 0.0);
        for &coefficient in self.coefficients[1..].iter().rev() {
            (b1, b2) = (2.0 * position * b1 - b2 + coefficient, b1);
        }
        position * b1 - b2 + self.coefficients[0]
    }
}

fn index(i: usize) -> f64 {
    real(i as u64)
}
