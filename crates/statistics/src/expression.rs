//! Differentiable expressions above aggregates, such as `100 * sum(a) / sum(b)`: value and gradient.
//!
//! The inputs are estimated totals. The gradient turns each row into one linearised value, whose
//! variance is the variance of the expression.

mod dual;
mod range;

pub use range::ValueRange;

use dual::Dual;

/// An expression over estimated totals.
#[derive(Clone, Debug, PartialEq)]
pub enum DifferentiableExpr {
    /// A number.
    Constant(f64),
    /// The estimated total with this index.
    Input(usize),
    /// Sum.
    Add(Box<DifferentiableExpr>, Box<DifferentiableExpr>),
    /// Difference.
    Sub(Box<DifferentiableExpr>, Box<DifferentiableExpr>),
    /// Product.
    Mul(Box<DifferentiableExpr>, Box<DifferentiableExpr>),
    /// Quotient.
    Div(Box<DifferentiableExpr>, Box<DifferentiableExpr>),
    /// Negation.
    Neg(Box<DifferentiableExpr>),
    /// Absolute value; at 0 its slope counts as 1.
    Abs(Box<DifferentiableExpr>),
    /// Square root.
    Sqrt(Box<DifferentiableExpr>),
    /// Natural logarithm.
    Ln(Box<DifferentiableExpr>),
    /// Logarithm to base 10.
    Log10(Box<DifferentiableExpr>),
    /// Exponential function.
    Exp(Box<DifferentiableExpr>),
    /// Power: base, exponent.
    Pow(Box<DifferentiableExpr>, Box<DifferentiableExpr>),
    /// Rounding to so many decimals (negative: tens, hundreds); its slope counts as 1.
    Round(Box<DifferentiableExpr>, i32),
}

/// An expression that is `scale · input + offset`: its interval can be mapped without linearising.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffineInput {
    /// Index of the one input.
    pub input: usize,
    /// Factor.
    pub scale: f64,
    /// Summand.
    pub offset: f64,
}

impl DifferentiableExpr {
    /// The value at `inputs`; NaN where the expression is not defined or an input is missing.
    #[must_use]
    pub fn evaluate(&self, inputs: &[f64]) -> f64 {
        self.dual(inputs, usize::MAX).value
    }

    /// The value at `inputs`; `out[j]` becomes the derivative with respect to input j, for every j below
    /// `out.len()`.
    ///
    /// Derivatives are computed forwards, one input at a time (Griewank and Walther, *Evaluating
    /// Derivatives*, 2nd ed. 2008, ch. 3). Where the expression has none they are NaN or infinite.
    pub fn gradient(&self, inputs: &[f64], out: &mut [f64]) -> f64 {
        for (input, derivative) in out.iter_mut().enumerate() {
            *derivative = self.dual(inputs, input).slope;
        }
        self.evaluate(inputs)
    }

    fn dual(&self, inputs: &[f64], variable: usize) -> Dual {
        let of = |inner: &Self| inner.dual(inputs, variable);
        match self {
            Self::Constant(value) => Dual::constant(*value),
            Self::Input(input) => Dual {
                value: inputs.get(*input).copied().unwrap_or(f64::NAN),
                slope: if *input == variable { 1.0 } else { 0.0 },
            },
            Self::Add(a, b) => of(a).add(of(b)),
            Self::Sub(a, b) => of(a).add(of(b).neg()),
            Self::Mul(a, b) => of(a).mul(of(b)),
            Self::Div(a, b) => of(a).div(of(b)),
            Self::Neg(a) => of(a).neg(),
            Self::Abs(a) => of(a).abs(),
            Self::Sqrt(a) => of(a).map(f64::sqrt, |x| 0.5 / x.sqrt()),
            Self::Ln(a) => of(a).map(f64::ln, f64::recip),
            Self::Log10(a) => of(a).map(f64::log10, |x| (x * std::f64::consts::LN_10).recip()),
            Self::Exp(a) => of(a).map(f64::exp, f64::exp),
            Self::Pow(a, b) => of(a).pow(of(b)),
            Self::Round(a, decimals) => of(a).map(|x| round(x, *decimals), |_| 1.0),
        }
    }

    /// The expression as a linear function of its single input, if it is one.
    #[must_use]
    pub fn is_linear_in_one(&self) -> Option<AffineInput> {
        let (input, scale, offset) = self.linear()?;
        Some(AffineInput { input: input?, scale, offset })
            .filter(|linear| linear.scale.is_finite() && linear.offset.is_finite())
    }

    /// Input (none for a constant), scale and offset.
    fn linear(&self) -> Option<(Option<usize>, f64, f64)> {
        match self {
            Self::Constant(value) => Some((None, 0.0, *value)),
            Self::Input(input) => Some((Some(*input), 1.0, 0.0)),
            Self::Neg(a) => a.linear().map(|(input, s, o)| (input, -s, -o)),
            Self::Add(a, b) => add_linear(a.linear()?, b.linear()?, 1.0),
            Self::Sub(a, b) => add_linear(a.linear()?, b.linear()?, -1.0),
            Self::Mul(a, b) => match (a.linear()?, b.linear()?) {
                ((None, _, factor), (input, s, o)) | ((input, s, o), (None, _, factor)) => {
                    Some((input, s * factor, o * factor))
                }
                _ => None,
            },
            Self::Div(a, b) => match (a.linear()?, b.linear()?) {
                ((input, s, o), (None, _, divisor)) => Some((input, s / divisor, o / divisor)),
                _ => None,
            },
            _ => match self.is_constant() {
                true => Some((None, 0.0, self.evaluate(&[]))),
                false => None,
            },
        }
    }

    /// No input takes part.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Input(_) => false,
            _ => self.children().into_iter().flatten().all(Self::is_constant),
        }
    }

    fn children(&self) -> [Option<&Self>; 2] {
        match self {
            Self::Constant(_) | Self::Input(_) => [None, None],
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) | Self::Div(a, b) | Self::Pow(a, b) => {
                [Some(a), Some(b)]
            }
            Self::Neg(a)
            | Self::Abs(a)
            | Self::Sqrt(a)
            | Self::Ln(a)
            | Self::Log10(a)
            | Self::Exp(a)
            | Self::Round(a, _) => [Some(a), None],
        }
    }

    /// The subexpressions that must stay away from 0 for the expression to be close to linear: divisors, arguments of logarithms and roots,
    /// and bases of powers other than small whole ones; only those in which an input takes part, outermost first.
    #[must_use]
    pub fn denominators(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        self.collect_denominators(&mut found);
        found
    }

    /// The subexpressions at whose zero the expression has a kink (arguments of ABS), outermost first.
    #[must_use]
    pub fn kinks(&self) -> Vec<&Self> {
        let own: Option<&Self> = match self {
            Self::Abs(a) if !a.is_constant() => Some(a),
            _ => None,
        };
        let below = self.children().into_iter().flatten().flat_map(Self::kinks);
        own.into_iter().chain(below).collect()
    }

    fn collect_denominators<'a>(&'a self, found: &mut Vec<&'a Self>) {
        let delicate: Option<&Self> = match self {
            Self::Div(_, a) | Self::Sqrt(a) | Self::Ln(a) | Self::Log10(a) => Some(a),
            Self::Pow(base, exponent) if !is_polynomial(exponent) => Some(base),
            _ => None,
        };
        found.extend(delicate.filter(|part| !part.is_constant()));
        for child in self.children().into_iter().flatten() {
            child.collect_denominators(found);
        }
    }
}

/// Whether the exponent is 0, 1 or 2: such powers are close enough to linear near 0.
fn is_polynomial(exponent: &DifferentiableExpr) -> bool {
    exponent.is_constant() && [0.0, 1.0, 2.0].contains(&exponent.evaluate(&[]))
}

type LinearParts = (Option<usize>, f64, f64);

fn add_linear(a: LinearParts, b: LinearParts, sign: f64) -> Option<LinearParts> {
    let input = match (a.0, b.0) {
        (Some(one), Some(other)) if one != other => return None,
        (one, other) => one.or(other),
    };
    Some((input, a.1 + sign * b.1, a.2 + sign * b.2))
}

/// Rounds half away from zero, as SQL does.
fn round(x: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    let rounded = (x * unit).round() / unit;
    if rounded.is_finite() { rounded } else { x }
}

#[cfg(test)]
mod tests;
