use std::fmt;

/// Why an interval is shown but not relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Too few sampled rows.
    FewRows,
    /// A single row that is not in the sample may change the answer too much.
    HeavyTail,
    /// The values that rows can have are not known.
    NoRange,
    /// The sampled values do not vary, so their spread says nothing.
    NoVariance,
    /// Nothing is known of the column's distribution apart from the sample.
    NoMoments,
    /// A divisor (or the argument of a logarithm or root) is itself too uncertain.
    UnstableDenominator,
    /// A single sampled row.
    SingleRow,
    /// A stratum is represented by one row and borrowed the spread of the others.
    LoneStratumRow,
    /// No sampled row.
    NoRows,
    /// Fewer than 10 sampled keys, or a lower end below 4.75 expected sampled keys.
    FewKeys,
    /// The sampled keys misestimate a total of the table that is known.
    StrangeKeys,
    /// Unsampled rows may lie arbitrarily far on one side (or both).
    OneSided,
    /// The mean of the answer's replicates differs from the answer by too much.
    Bias,
    /// The estimate missed the bound and was taken out, as the query asked.
    Omitted,
    /// The answer changes abruptly within the interval.
    Kink,
    /// The value comes from a sketch of all rows that has no error estimate.
    Sketch,
    /// The computation met an infinity or a value that is not a number.
    NotFinite,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FewRows => "too few sampled rows",
            Self::HeavyTail => "a single row that was not sampled may change too much",
            Self::NoRange => "the range of the values is unknown",
            Self::NoVariance => "all sampled values are equal",
            Self::NoMoments => "the distribution of the values is unknown",
            Self::UnstableDenominator => "the divisor is too uncertain",
            Self::SingleRow => "a single sampled row",
            Self::LoneStratumRow => "a stratum is represented by a single row",
            Self::NoRows => "no sampled row",
            Self::FewKeys => "too few sampled keys",
            Self::StrangeKeys => "the sampled keys misstate a total of the table that is known",
            Self::OneSided => "nothing bounds the rows that were not seen",
            Self::Bias => "the answer is biased in so small a sample",
            Self::Omitted => "left out: it missed the bound",
            Self::Kink => "the answer has a kink within the interval",
            Self::Sketch => "computed by a sketch that tells no error",
            Self::NotFinite => "not a finite number",
        })
    }
}

/// How far an interval can be relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// No sampling error at all.
    Exact,
    /// The interval holds as often as the confidence level says.
    Trusted,
    /// The interval may hold less often, for this reason.
    Untrusted(Doubt),
}

impl Trust {
    /// No sampling error at all.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self == Self::Exact
    }

    /// Exact or trusted: may count as meeting an error bound.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::Exact | Self::Trusted)
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Trusted => f.write_str("trusted"),
            Self::Untrusted(doubt) => write!(f, "untrusted: {doubt}"),
        }
    }
}

/// A number, the interval around it, and how far that can be relied upon.
///
/// Ends that are present are finite and enclose the value. The interval is in general not symmetric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate; `None` is SQL's NULL.
    pub value: Option<f64>,
    /// Lower end; `None` when nothing can be said.
    pub lower: Option<f64>,
    /// Upper end; `None` when nothing can be said.
    pub upper: Option<f64>,
    /// How far the interval can be relied upon.
    pub trust: Trust,
}

impl Estimate {
    /// A value without error; one that is not finite has no ends.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        let end = value.is_finite().then_some(value);
        Self { value: Some(value), lower: end, upper: end, trust: Trust::Exact }
    }

    /// NULL, for certain: the domain has no row.
    #[must_use]
    pub fn exact_null() -> Self {
        Self { value: None, lower: None, upper: None, trust: Trust::Exact }
    }

    /// A value without ends, untrusted for `doubt`; NaN and infinities become NULL.
    pub(crate) fn unbounded(value: f64, doubt: Doubt) -> Self {
        Self { value: value.is_finite().then_some(value), lower: None, upper: None, trust: Trust::Untrusted(doubt) }
    }

    /// A value within ends, some of which may be unknown. Rounding may have put an end on the wrong
    /// side of the value; ends that are not finite are dropped and leave the estimate untrusted.
    pub(crate) fn within(value: f64, lower: f64, upper: f64, trust: Trust) -> Self {
        if !value.is_finite() {
            return Self::unbounded(value, Doubt::NotFinite);
        }
        let trust = if lower.is_finite() && upper.is_finite() || !trust.is_reliable() {
            trust
        } else {
            Trust::Untrusted(Doubt::NotFinite)
        };
        Self {
            value: Some(value),
            lower: lower.is_finite().then(|| lower.min(value)),
            upper: upper.is_finite().then(|| upper.max(value)),
            trust,
        }
    }

    /// This estimate marked untrusted for `doubt`. An estimate that is untrusted already keeps its doubt.
    #[must_use]
    pub fn untrusted(self, doubt: Doubt) -> Self {
        match self.trust {
            Trust::Untrusted(_) => self,
            Trust::Exact | Trust::Trusted => Self { trust: Trust::Untrusted(doubt), ..self },
        }
    }

    /// The estimate of `scale · θ + offset`, with its ends mapped exactly (and swapped when `scale` is
    /// negative). Results that are not finite lose their ends.
    #[must_use]
    pub fn map_linear(self, scale: f64, offset: f64) -> Self {
        // A column by itself needs no map.
        #[expect(clippy::float_cmp, reason = "nothing but these leaves every number as it is")]
        if scale == 1.0 && offset == 0.0 {
            return self;
        }
        let map = |x: f64| scale * x + offset;
        let Some(value) = self.value.map(map) else {
            return self;
        };
        if self.trust.is_exact() {
            return Self::exact(value);
        }
        let (low, high) = if scale < 0.0 { (self.upper, self.lower) } else { (self.lower, self.upper) };
        let end = |x: Option<f64>| x.map_or(f64::NAN, map);
        Self::within(value, end(low), end(high), self.trust)
    }

    /// The estimate of `f(θ)` for a function that only rises or only falls between the ends, such as the square root that turns a variance
    /// into a standard deviation. The coverage of the interval does not change. Results that are not finite lose their ends.
    #[must_use]
    pub fn map_monotone(self, f: impl Fn(f64) -> f64) -> Self {
        let Some(value) = self.value.map(&f) else {
            return self;
        };
        if self.trust.is_exact() {
            return Self::exact(value);
        }
        let end = |x: Option<f64>| x.map_or(f64::NAN, &f);
        let (low, high) = (end(self.lower), end(self.upper));
        let falls = low > value || high < value;
        let (low, high) = if falls { (high, low) } else { (low, high) };
        Self::within(value, low, high, self.trust)
    }
}

#[cfg(test)]
mod tests;
