//! Variances, covariances, correlations and regressions as functions of centred sums.
//!
//! With u = x − c and v = y − d for any centres c and d, `Σ(x−x̄)(y−ȳ) = Σuv − Σu·Σv/N`, in which nothing cancels as long as
//! the centres are near the means (Chan, Golub and LeVeque, *The American Statistician* 37, 1983, p. 242).

use super::super::query::Reason;
use super::kinds::{Argument, CallKind, Spread};
use super::{Calls, numeric, position};
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::AggregateFunction;
use plusminus_statistics::expression::Smooth;

impl Calls {
    /// `None` when the call is none of these.
    pub fn moments(&mut self, call: &AggregateFunction, scan: &DFSchemaRef) -> Result<Option<CallKind>, Reason> {
        let name = call.func.name();
        let of = match (name, call.params.args.as_slice()) {
            ("var" | "var_pop" | "stddev" | "stddev_pop", [x]) => Sums::new(self, call, x, x, scan)?,
            ("covar_samp" | "covar_pop" | "corr", [y, x]) => Sums::new(self, call, y, x, scan)?,
            // Its square is not smooth where there is no correlation.
            ("regr_r2", _) => return Ok(None),
            (name, [y, x]) if name.starts_with("regr_") => Sums::new(self, call, y, x, scan)?,
            _ => return Ok(None),
        };
        let variance = Spread::Variance { sum: of.plain_x };
        let deviation = Spread::Deviation { sum: of.plain_x };
        let (of, spread) = match name {
            "var" => (div(of.sxy(), minus_one(of.rows())), variance),
            "var_pop" => (div(of.sxy(), of.rows()), variance),
            "stddev" => (sqrt(div(of.sxy(), minus_one(of.rows()))), deviation),
            "stddev_pop" => (sqrt(div(of.sxy(), of.rows())), deviation),
            "covar_samp" => (div(of.sxy(), minus_one(of.rows())), Spread::Other),
            "covar_pop" => (div(of.sxy(), of.rows()), Spread::Other),
            "corr" => (div(of.sxy(), sqrt(mul(of.sxx(), of.syy()))), Spread::Correlation),
            "regr_slope" => (of.slope(), Spread::Other),
            "regr_intercept" => (sub(of.mean_y(), mul(of.slope(), of.mean_x())), Spread::Other),
            "regr_sxx" => (of.sxx(), Spread::Other),
            "regr_syy" => (of.syy(), Spread::Other),
            "regr_sxy" => (of.sxy(), Spread::Other),
            "regr_count" => return Ok(Some(CallKind::Count { rows: of.rows })),
            "regr_avgx" => return Ok(Some(CallKind::Avg { sum: of.plain_x, rows: of.rows })),
            "regr_avgy" => return Ok(Some(CallKind::Avg { sum: of.plain_y, rows: of.rows })),
            _ => return Ok(None),
        };
        Ok(Some(CallKind::Spread { of, spread }))
    }

    fn centred(&mut self, argument: usize) -> usize {
        position(&mut self.arguments, Argument::Centred(argument))
    }

    fn product(&mut self, one: usize, other: usize) -> usize {
        position(&mut self.arguments, Argument::Product(one.min(other), one.max(other)))
    }
}

/// The variables that second moments are made of.
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

    fn rows(&self) -> Smooth {
        Smooth::Input(self.rows)
    }

    fn mean_x(&self) -> Smooth {
        div(Smooth::Input(self.plain_x), self.rows())
    }

    fn mean_y(&self) -> Smooth {
        div(Smooth::Input(self.plain_y), self.rows())
    }

    fn slope(&self) -> Smooth {
        div(self.sxy(), self.sxx())
    }

    fn sxx(&self) -> Smooth {
        squares(self.xx, self.sum_x, self.rows)
    }

    fn syy(&self) -> Smooth {
        squares(self.yy, self.sum_y, self.rows)
    }

    fn sxy(&self) -> Smooth {
        if self.sum_x == self.sum_y {
            return self.sxx();
        }
        let product = mul(Smooth::Input(self.sum_x), Smooth::Input(self.sum_y));
        sub(Smooth::Input(self.xy), div(product, self.rows()))
    }
}

/// Σuu − (Σu)²/N; rounding must not make it negative.
fn squares(product: usize, sum: usize, rows: usize) -> Smooth {
    let square = mul(Smooth::Input(sum), Smooth::Input(sum));
    Smooth::Abs(Box::new(sub(Smooth::Input(product), div(square, Smooth::Input(rows)))))
}

fn sub(a: Smooth, b: Smooth) -> Smooth {
    Smooth::Sub(Box::new(a), Box::new(b))
}

fn mul(a: Smooth, b: Smooth) -> Smooth {
    Smooth::Mul(Box::new(a), Box::new(b))
}

fn div(a: Smooth, b: Smooth) -> Smooth {
    Smooth::Div(Box::new(a), Box::new(b))
}

fn sqrt(a: Smooth) -> Smooth {
    Smooth::Sqrt(Box::new(a))
}

fn minus_one(a: Smooth) -> Smooth {
    sub(a, Smooth::Constant(1.0))
}
