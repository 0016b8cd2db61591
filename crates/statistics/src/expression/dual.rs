/// A value and its derivative with respect to one input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) slope: f64,
}

impl Dual {
    pub(super) fn constant(value: f64) -> Self {
        Self { value, slope: 0.0 }
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, slope: self.slope + other.slope }
    }

    pub(super) fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope }
    }

    pub(super) fn mul(self, other: Self) -> Self {
        Self { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }

    pub(super) fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, slope: (self.slope - value * other.slope) / other.value }
    }

    pub(super) fn abs(self) -> Self {
        if self.value < 0.0 { self.neg() } else { self }
    }

    /// A function of one variable and its derivative. An operand that does not depend on the
    /// input stays so even where the derivative is infinite.
    pub(super) fn map(self, f: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) -> Self {
        Self {
            value: f(self.value),
            slope: if is_zero(self.slope) { 0.0 } else { self.slope * derivative(self.value) },
        }
    }

    pub(super) fn pow(self, exponent: Self) -> Self {
        let power = exponent.value;
        let base = self.map(|x| x.powf(power), |x| power * x.powf(power - 1.0));
        let tower = exponent.map(|y| self.value.powf(y), |y| self.value.powf(y) * self.value.ln());
        Self { value: base.value, slope: base.slope + tower.slope }
    }
}

fn is_zero(x: f64) -> bool {
    x.abs() <= 0.0
}
