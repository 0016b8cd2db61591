use crate::quantiles::Quantiles;

/// The largest skewness that stored moments may give an interval.
pub(super) const LAMBDA_CAP: f64 = 0.30;

/// The skewness that an interval is made for: the estimate's own `λ̂` or, where that is smaller, the skewness predicted from the skewness γ
/// of the summands, `|γ|/√n_d`, capped at 0.30.
pub(super) fn at_least(lambda_hat: f64, skewness: f64, gamma: f64) -> f64 {
    let floor = skewness.min(LAMBDA_CAP);
    if lambda_hat.abs() >= floor { lambda_hat } else { floor.copysign(gamma) }
}

/// The quantile of a standardised estimate whose skewness is `lambda`, where a symmetric one has `q`:
/// `(3/λ)(∛(1+λ(q−λ/6)) − 1)`.
///
/// The inverse of Hall's cubic transformation (Hall, "On the removal of skewness by transformation",
/// *Journal of the Royal Statistical Society* B 54, 1992, p. 221); `q` itself below 1e-4.
#[must_use]
pub fn hall_g(lambda: f64, q: f64) -> f64 {
    if lambda.abs() < 1e-4 {
        return q;
    }
    3.0 / lambda * (cube_root(1.0 + lambda * (q - lambda / 6.0)) - 1.0)
}

/// A cube root with a relative error below 1e-14. The standard library's is correct to the last bit, which no interval needs, and slower.
///
/// Halley's iteration from a third of the exponent; each step triples the digits (Kahan, *Computing a Real Cube Root*, 1991).
fn cube_root(x: f64) -> f64 {
    /// Two thirds of the exponent's bias, less a correction that makes the start best around the middle.
    const START: u64 = 0x2A9F_7893_0000_0000;
    let a = x.abs();
    if !(1e-300..1e300).contains(&a) {
        return x.cbrt();
    }
    let mut root = f64::from_bits(a.to_bits() / 3 + START);
    for _ in 0..2 {
        let cube = root * root * root;
        root *= (cube + 2.0 * a) / (2.0 * cube + a);
    }
    root.copysign(x)
}

/// The union of Hall's interval and Student's, `(lower, upper)` around `estimate`.
///
/// Hall's repairs the side on which a skewed estimate errs far; Student's keeps the other side at
/// its usual width, which matters at few rows, where λ is badly known.
#[must_use]
pub fn hall_union_t(estimate: f64, variance: f64, nu: f64, lambda_star: f64, quantiles: &Quantiles) -> (f64, f64) {
    let error = variance.max(0.0).sqrt();
    let q = quantiles.t(nu);
    (estimate - error * q.max(hall_g(lambda_star, q)), estimate + error * q.max(-hall_g(lambda_star, -q)))
}

/// Hall's quantile below the estimate where it is farther than Student's `q`, which is not negative; the one above is that of `−lambda`.
///
/// A cube root lies below its tangent at 1 down to −8: on the short side Hall's quantile is nearer whatever the skewness, up to 7 at least,
/// and no root has to be computed.
pub(super) fn farther(lambda: f64, q: f64) -> f64 {
    if lambda > 0.0 && lambda < 7.0 { q } else { q.max(hall_g(lambda, q)) }
}

/// The skewness that the short side of an interval, nearer than Student's, is made for.
pub(super) fn capped(lambda: f64) -> f64 {
    lambda.clamp(-LAMBDA_CAP, LAMBDA_CAP)
}

#[cfg(test)]
mod tests {
    use super::cube_root;

    /// Over many magnitudes, of both signs.
    #[test]
    fn cube_roots() {
        for exponent in -80..80 {
            for step in 1..100 {
                let x = f64::from(step) * 0.37 * 10_f64.powi(exponent);
                let error = (cube_root(x) / x.cbrt() - 1.0).abs();
                assert!(error < 1e-14, "{x}: {error:e}");
                assert_eq!(cube_root(-x).to_bits(), (-cube_root(x)).to_bits());
            }
        }
        assert_eq!((cube_root(0.0), cube_root(f64::INFINITY)), (0.0, f64::INFINITY));
        assert_eq!((cube_root(f64::MAX), cube_root(5e-324)), (f64::MAX.cbrt(), 5e-324_f64.cbrt()));
        assert!(cube_root(f64::NAN).is_nan());
    }
}
