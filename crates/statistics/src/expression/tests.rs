use super::{AffineInput, DifferentiableExpr};

fn input(index: usize) -> Box<DifferentiableExpr> {
    Box::new(DifferentiableExpr::Input(index))
}

fn number(value: f64) -> Box<DifferentiableExpr> {
    Box::new(DifferentiableExpr::Constant(value))
}

/// Compares the gradient with central differences.
fn check(expression: &DifferentiableExpr, inputs: &[f64], expected: f64) {
    let mut gradient = vec![f64::NAN; inputs.len()];
    let value = expression.gradient(inputs, &mut gradient);
    assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value}");
    assert_eq!(value, expression.evaluate(inputs));
    for (j, slope) in gradient.iter().enumerate() {
        let step = 1e-5 * inputs[j].abs().max(1e-3);
        let at = |x: f64| {
            let mut moved = inputs.to_vec();
            moved[j] = x;
            expression.evaluate(&moved)
        };
        let difference = (at(inputs[j] + step) - at(inputs[j] - step)) / (2.0 * step);
        assert!((slope - difference).abs() <= 1e-7 * (1.0 + difference.abs()), "{slope} {difference}");
    }
}

#[test]
fn values_and_slopes() {
    use DifferentiableExpr::{Abs, Add, Div, Exp, Ln, Log10, Mul, Neg, Pow, Sqrt, Sub};
    let (a, b) = (3.0, 7.0);
    check(&Mul(number(100.0), Box::new(Div(input(0), input(1)))), &[a, b], 300.0 / 7.0);
    check(&Sub(input(1), Box::new(Add(input(0), number(1.0)))), &[a, b], 3.0);
    check(&Mul(input(0), input(0)), &[a, b], 9.0);
    check(&Neg(Box::new(Abs(Box::new(Sub(input(0), input(1)))))), &[a, b], -4.0);
    check(&Sqrt(Box::new(Mul(input(0), input(1)))), &[a, b], 21.0_f64.sqrt());
    check(&Ln(input(1)), &[a, b], 7.0_f64.ln());
    check(&Log10(input(1)), &[a, b], 7.0_f64.log10());
    check(&Exp(Box::new(Neg(input(0)))), &[a, b], (-3.0_f64).exp());
    check(&Pow(input(0), input(1)), &[a, b], 2_187.0);
    check(&Pow(input(0), number(-0.5)), &[a, b], 3.0_f64.powf(-0.5));
    check(&Pow(Box::new(Neg(input(0))), number(2.0)), &[a, b], 9.0);
}

#[test]
fn rounding_keeps_the_slope() {
    let rounded = DifferentiableExpr::Round(Box::new(DifferentiableExpr::Div(input(0), input(1))), 2);
    let mut gradient = [0.0; 2];
    assert_eq!(rounded.gradient(&[2.0, 3.0], &mut gradient), 0.67);
    assert!((gradient[0] - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(DifferentiableExpr::Round(input(0), -2).evaluate(&[1_250.0]), 1_300.0);
    assert_eq!(DifferentiableExpr::Round(input(0), 400).evaluate(&[1.25]), 1.25);
}

#[test]
fn undefined_points_are_not_numbers() {
    assert!(DifferentiableExpr::Ln(input(0)).evaluate(&[-1.0]).is_nan());
    assert!(DifferentiableExpr::Input(3).evaluate(&[1.0]).is_nan());
    let mut gradient = [0.0];
    let ratio = DifferentiableExpr::Div(number(1.0), input(0));
    assert!(!ratio.gradient(&[0.0], &mut gradient).is_finite());
    assert!(!gradient[0].is_finite());
}

#[test]
fn linear_expressions_are_recognised() {
    use DifferentiableExpr::{Add, Div, Mul, Neg, Sqrt, Sub};
    let scaled = Sub(Box::new(Div(Box::new(Mul(number(100.0), input(2))), number(8.0))), number(3.0));
    let expected = |input, scale, offset| Some(AffineInput { input, scale, offset });
    assert_eq!(scaled.is_linear_in_one(), expected(2, 12.5, -3.0));
    let twice = Add(input(0), Box::new(Neg(Box::new(Mul(input(0), number(3.0))))));
    assert_eq!(twice.is_linear_in_one(), expected(0, -2.0, 0.0));
    let root = Mul(Box::new(Sqrt(number(9.0))), input(0));
    assert_eq!(root.is_linear_in_one(), expected(0, 3.0, 0.0));
    for curved in [
        Add(input(0), input(1)),
        Mul(input(0), input(0)),
        Div(number(1.0), input(0)),
        Div(input(0), number(0.0)),
        Sqrt(input(0)),
        DifferentiableExpr::Constant(3.0),
    ] {
        assert_eq!(curved.is_linear_in_one(), None, "{curved:?}");
    }
}

#[test]
fn denominators_are_what_must_not_vanish() {
    use DifferentiableExpr::{Add, Div, Ln, Mul, Pow, Sqrt};
    let inner = DifferentiableExpr::Input(1);
    let expression = Add(
        Box::new(Div(Box::new(Div(input(0), number(2.0))), input(1))),
        Box::new(Mul(Box::new(Ln(input(0))), Box::new(Sqrt(input(2))))),
    );
    assert_eq!(expression.denominators(), [&inner, &DifferentiableExpr::Input(0), &DifferentiableExpr::Input(2)]);
    assert!(Pow(input(0), number(2.0)).denominators().is_empty());
    assert_eq!(Pow(input(1), number(-1.0)).denominators(), [&inner]);
}
