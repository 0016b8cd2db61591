//! Variances, covariances, correlations and regressions as functions of centred sums.
//!
//! With u = x − c and v = y − d for any centres c and d, `Σ(x−x̄)(y−ȳ) = Σuv − Σu·Σv/N`, in which nothing cancels as long as
//! the centres are near the means (Chan, Golub and LeVeque, *The American Statistician* 37, 1983, p. 242).

use super::super::query::Reason;
use super::kinds::{Argument, CallKind, SecondMoment};
use super::{Calls, numeric, position};
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::AggregateFunction;
use plusminus_statistics::expression::DifferentiableExpr;

impl Calls {
    /// The kind of a call of such a function; `None` for any other call.
    pub(crate) fn moments(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<Option<CallKind>, Reason> {
        let name = call.func.name();
        let of = match (name, call.params.args.as_slice()) {
            ("var" | "var_pop" | "stddev" | "stddev_pop", [x]) => Sums::new(self, call, x, x, scan)?,
            ("covar_samp" | "covar_pop" | "corr", [y, x]) => Sums::new(self, call, y, x, scan)?,
            // The gradient of r² vanishes where there is no correlation, so that linearisation fails there.
            ("regr_r2", _) => return Ok(None),
            (name, [y, x]) if name.starts_with("regr_") => Sums::new(self, call, y, x, scan)?,
            _ => return Ok(None),
        };
        let variance = SecondMoment::Variance { sum: of.plain_x };
        let deviation = SecondMoment::Deviation { sum: of.plain_x };
        let (of, spread) = match name {
            "var" => (div(of.sxy(), minus_one(of.rows())), variance),
            "var_pop" => (div(of.sxy(), of.rows()), variance),
            "stddev" => (sqrt(div(of.sxy(), minus_one(of.rows()))), deviation),
            "stddev_pop" => (sqrt(div(of.sxy(), of.rows())), deviation),
            "covar_samp" => (div(of.sxy(), minus_one(of.rows())), SecondMoment::Other),
            "covar_pop" => (div(of.sxy(), of.rows()), SecondMoment::Other),
            "corr" => (div(of.sxy(), sqrt(mul(of.sxx(), of.syy()))), SecondMoment::Correlation),
            "regr_slope" => (of.slope(), SecondMoment::Other),
            "regr_intercept" => (sub(of.mean_y(), mul(of.slope(), of.mean_x())), SecondMoment::Other),
            "regr_sxx" => (of.sxx(), SecondMoment::Other),
            "regr_syy" => (of.syy(), SecondMoment::Other),
            "regr_sxy" => (of.sxy(), SecondMoment::Other),
            "regr_count" => return Ok(Some(CallKind::Count { rows: of.rows })),
            "regr_avgx" => return Ok(Some(CallKind::Avg { sum: of.plain_x, rows: of.rows })),
            "regr_avgy" => return Ok(Some(CallKind::Avg { sum: of.plain_y, rows: of.rows })),
            _ => return Ok(None),
        };
        Ok(Some(CallKind::Moments { of, spread }))
    }

    fn centred(&mut self, argument: usize) -> usize {
        position(&mut self.arguments, Argument::Centred(argument))
    }

    fn product(&mut self, one: usize, other: usize) -> usize {
        position(&mut self.arguments, Argument::Product(one.min(other), one.max(other)))
    }
}

/// The variables that second moments are made of, by number: counts, sums of arguments, of centred values and of their products.
struct Sums {
    rows: usize,
    plain_x: usize,
    plain_y: usize,
    sum_x: usize,
    sum_y: usize,
    xx: usize,
    yy: usize,
    xy: usize,
}

impl Sums {
    fn new(
        calls: &mut Calls,
        call: &AggregateFunction,
        y: &Expr,
        x: &Expr,
        scan: &DFSchemaRef,
    ) -> Result<Self, Reason> {
        let (y, x) = (numeric(call, y, scan)?, numeric(call, x, scan)?);
        let domain = calls.domain(call, &[y, x], scan);
        let (y, x) = (calls.argument(y), calls.argument(x));
        let (uy, ux) = (calls.centred(y), calls.centred(x));
        let (xx, yy, xy) = (calls.product(x, x), calls.product(y, y), calls.product(x, y));
        Ok(Self {
            rows: calls.variable(domain, None),
            plain_x: calls.variable(domain, Some(x)),
            plain_y: calls.variable(domain, Some(y)),
            sum_x: calls.variable(domain, Some(ux)),
            sum_y: calls.variable(domain, Some(uy)),
            xx: calls.variable(domain, Some(xx)),
            yy: calls.variable(domain, Some(yy)),
            xy: calls.variable(domain, Some(xy)),
        })
    }

    fn rows(&self) -> DifferentiableExpr {
        DifferentiableExpr::Input(self.rows)
    }

    fn mean_x(&self) -> DifferentiableExpr {
        div(DifferentiableExpr::Input(self.plain_x), self.rows())
    }

    fn mean_y(&self) -> DifferentiableExpr {
        div(DifferentiableExpr::Input(self.plain_y), self.rows())
    }

    fn slope(&self) -> DifferentiableExpr {
        div(self.sxy(), self.sxx())
    }

    fn sxx(&self) -> DifferentiableExpr {
        squares(self.xx, self.sum_x, self.rows)
    }

    fn syy(&self) -> DifferentiableExpr {
        squares(self.yy, self.sum_y, self.rows)
    }

    fn sxy(&self) -> DifferentiableExpr {
        if self.sum_x == self.sum_y {
            return self.sxx();
        }
        let product = mul(DifferentiableExpr::Input(self.sum_x), DifferentiableExpr::Input(self.sum_y));
        sub(DifferentiableExpr::Input(self.xy), div(product, self.rows()))
    }
}

/// Σuu − (Σu)²/N, whose absolute value is taken because rounding must not make it negative.
fn squares(product: usize, sum: usize, rows: usize) -> DifferentiableExpr {
    let square = mul(DifferentiableExpr::Input(sum), DifferentiableExpr::Input(sum));
    DifferentiableExpr::Abs(Box::new(sub(
        DifferentiableExpr::Input(product),
        div(square, DifferentiableExpr::Input(rows)),
    )))
}

fn sub(a: DifferentiableExpr, b: DifferentiableExpr) -> DifferentiableExpr {
    DifferentiableExpr::Sub(Box::new(a), Box::new(b))
}

fn mul(a: DifferentiableExpr, b: DifferentiableExpr) -> DifferentiableExpr {
    DifferentiableExpr::Mul(Box::new(a), Box::new(b))
}

fn div(a: DifferentiableExpr, b: DifferentiableExpr) -> DifferentiableExpr {
    DifferentiableExpr::Div(Box::new(a), Box::new(b))
}

fn sqrt(a: DifferentiableExpr) -> DifferentiableExpr {
    DifferentiableExpr::Sqrt(Box::new(a))
}

fn minus_one(a: DifferentiableExpr) -> DifferentiableExpr {
    sub(a, DifferentiableExpr::Constant(1.0))
}
