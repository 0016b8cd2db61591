//! Interval arithmetic: the values that an expression can have, given those of its parts.

use super::DifferentiableExpr;

/// All numbers from `low` to `high`; infinite ends where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    /// The smallest value, or −∞.
    pub low: f64,
    /// The largest value, or ∞.
    pub high: f64,
}

impl Default for ValueRange {
    fn default() -> Self {
        Self::ALL
    }
}

impl ValueRange {
    /// Any number.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// No number below zero.
    pub const NOT_NEGATIVE: Self = Self { low: 0.0, high: f64::INFINITY };

    /// The numbers between two ends; any number where an end is NaN or `low` exceeds `high`.
    #[must_use]
    pub fn new(low: f64, high: f64) -> Self {
        if low <= high { Self { low, high } } else { Self::ALL }
    }

    /// One number.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self::new(value, value)
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Whether no value is below zero, or none above.
    #[must_use]
    pub fn has_one_sign(self) -> bool {
        self.low >= 0.0 || self.high <= 0.0
    }

    /// The range of the sums of any number of values in this range.
    #[must_use]
    pub fn of_sums(self) -> Self {
        let low = if self.low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let high = if self.high <= 0.0 { 0.0 } else { f64::INFINITY };
        Self { low, high }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::new(self.low + other.low, self.high + other.high)
    }

    /// The number with its sign turned.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        // Zero times an infinite end is zero.
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let corners = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        let corners = corners.map(|(a, b)| product(a, b));
        let low = corners.iter().copied().fold(f64::INFINITY, f64::min);
        let high = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::new(low, high)
    }

    /// The quotient; a divisor that may come near zero leaves only the sign.
    #[must_use]
    pub fn divided_by(self, other: Self) -> Self {
        if other.low > 0.0 || other.high < 0.0 {
            return self.times(Self::new(1.0 / other.high, 1.0 / other.low));
        }
        match (other.low >= 0.0, other.high <= 0.0) {
            (true, _) => self.of_sums(),
            (_, true) => self.of_sums().negated(),
            _ => Self::ALL,
        }
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.low >= 0.0 {
            self
        } else if self.high <= 0.0 {
            self.negated()
        } else {
            Self { low: 0.0, high: self.high.max(-self.low) }
        }
    }

    /// The range of `of(x)` over this range, for a function that never falls.
    #[must_use]
    pub fn rising(self, of: impl Fn(f64) -> f64) -> Self {
        let (low, high) = (of(self.low), of(self.high));
        Self {
            low: if low.is_nan() { f64::NEG_INFINITY } else { low },
            high: if high.is_nan() { f64::INFINITY } else { high },
        }
    }
}

impl DifferentiableExpr {
    /// The values that the expression can have. `known` gives the range of an input, and of a subexpression whose range is known better
    /// than its own parts imply.
    #[must_use]
    pub fn range(&self, known: &dyn Fn(&Self) -> Option<ValueRange>) -> ValueRange {
        if let Some(range) = known(self) {
            return range;
        }
        let of = |part: &Self| part.range(known);
        match self {
            Self::Constant(value) => ValueRange::of(*value),
            Self::Input(_) => ValueRange::ALL,
            Self::Add(a, b) => of(a).plus(of(b)),
            Self::Sub(a, b) => of(a).plus(of(b).negated()),
            Self::Mul(a, b) => of(a).times(of(b)),
            Self::Div(a, b) => of(a).divided_by(of(b)),
            Self::Neg(a) => of(a).negated(),
            Self::Abs(a) => of(a).abs(),
            Self::Sqrt(a) => ValueRange { low: of(a).low.max(0.0), high: of(a).high }.rising(f64::sqrt),
            Self::Ln(a) => of(a).rising(f64::ln),
            Self::Log10(a) => of(a).rising(f64::log10),
            Self::Exp(a) => of(a).rising(f64::exp),
            Self::Pow(a, _) if of(a).low >= 0.0 => ValueRange::NOT_NEGATIVE,
            Self::Pow(..) => ValueRange::ALL,
            Self::Round(a, digits) => {
                let unit = 10_f64.powi(*digits);
                of(a).rising(|x| (x * unit).round() / unit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(number: usize) -> Box<DifferentiableExpr> {
        Box::new(DifferentiableExpr::Input(number))
    }

    /// Inputs 0, 1 and 2 lie in [0, 1], [2, 4] and [-3, 5].
    fn check(smooth: &DifferentiableExpr, low: f64, high: f64) {
        let known = |part: &DifferentiableExpr| match part {
            DifferentiableExpr::Input(0) => Some(ValueRange::new(0.0, 1.0)),
            DifferentiableExpr::Input(1) => Some(ValueRange::new(2.0, 4.0)),
            DifferentiableExpr::Input(2) => Some(ValueRange::new(-3.0, 5.0)),
            _ => None,
        };
        assert_eq!(smooth.range(&known), ValueRange { low, high }, "{smooth:?}");
    }

    #[test]
    fn values_stay_within_what_their_parts_allow() {
        check(&DifferentiableExpr::Add(input(0), input(2)), -3.0, 6.0);
        check(&DifferentiableExpr::Sub(input(0), input(2)), -5.0, 4.0);
        check(&DifferentiableExpr::Mul(input(1), input(2)), -12.0, 20.0);
        check(&DifferentiableExpr::Div(input(2), input(1)), -1.5, 2.5);
        check(&DifferentiableExpr::Div(input(1), input(0)), 0.0, f64::INFINITY);
        check(&DifferentiableExpr::Div(input(1), input(2)), f64::NEG_INFINITY, f64::INFINITY);
        check(&DifferentiableExpr::Abs(input(2)), 0.0, 5.0);
        check(&DifferentiableExpr::Neg(input(1)), -4.0, -2.0);
        check(&DifferentiableExpr::Sqrt(input(1)), 2.0_f64.sqrt(), 2.0);
        check(&DifferentiableExpr::Ln(input(0)), f64::NEG_INFINITY, 0.0);
        check(&DifferentiableExpr::Round(Box::new(DifferentiableExpr::Div(input(2), input(1))), 0), -2.0, 3.0);
        check(&DifferentiableExpr::Input(7), f64::NEG_INFINITY, f64::INFINITY);
    }

    #[test]
    fn sums_keep_the_sign_alone() {
        assert_eq!(ValueRange::new(0.0, 1.0).of_sums(), ValueRange::NOT_NEGATIVE);
        assert_eq!(ValueRange::new(-2.0, 0.0).of_sums(), ValueRange { low: f64::NEG_INFINITY, high: 0.0 });
        assert_eq!(ValueRange::new(-2.0, 1.0).of_sums(), ValueRange::ALL);
        assert_eq!(ValueRange::new(f64::NAN, 1.0), ValueRange::ALL);
    }
}
