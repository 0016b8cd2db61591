//! What is asked for beside COUNT, SUM and AVG.

use crate::dataset::UNIFORM;

/// An aggregate, how it is written, and the method that estimates it.
pub(crate) struct Aggregate {
    pub(crate) label: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) measure: &'static str,
    pub(crate) method: &'static str,
    /// The sample it needs, and the groups.
    pub(crate) sample: &'static str,
    pub(crate) key: &'static str,
}

pub(crate) const UNIVERSE: &str = "by_who";

const VARIANCE: &str = "interval of log s², with hidden rows";
const STRATA: &str = "linearisation or delete-a-group jackknife";
const QUANTILE: &str = "binomial inversion of the weighted ECDF";
const EXTREME: &str = "the catalog's, or what was seen and what may lie beyond";

/// Asked of the uniform sample, by group.
const fn uniform(label: &'static str, sql: &'static str, measure: &'static str, method: &'static str) -> Aggregate {
    Aggregate { label, sql, measure, method, sample: UNIFORM, key: "g" }
}

/// Asked of the universe sample, by group.
const fn by_key(label: &'static str, sql: &'static str, measure: &'static str, method: &'static str) -> Aggregate {
    Aggregate { label, sql, measure, method, sample: UNIVERSE, key: "g" }
}

pub(crate) const AGGREGATES: [Aggregate; 24] = [
    uniform("VAR", "VAR_SAMP(expo)", "exponential", VARIANCE),
    uniform("VAR", "VAR_SAMP(uni)", "uniform", VARIANCE),
    uniform("VAR", "VAR_SAMP(zeros)", "90 % zeros", VARIANCE),
    uniform("VAR", "VAR_SAMP(ln2)", "lognormal 2", VARIANCE),
    uniform("STDDEV", "STDDEV_SAMP(expo)", "exponential", "root of VAR's interval"),
    Aggregate {
        label: "VAR over strata",
        sql: "VAR_SAMP(expo)",
        measure: "exponential",
        method: STRATA,
        sample: "by_g",
        key: "k",
    },
    uniform("COVAR", "COVAR_SAMP(expo, rel)", "exponential", STRATA),
    uniform("CORR", "CORR(expo, rel)", "exponential", "Fisher's z or delete-a-group jackknife"),
    uniform("MEDIAN", "MEDIAN(expo)", "exponential", QUANTILE),
    uniform("MEDIAN", "MEDIAN(par15)", "Pareto 1.5", QUANTILE),
    Aggregate {
        label: "MEDIAN over strata",
        sql: "MEDIAN(expo)",
        measure: "exponential",
        method: QUANTILE,
        sample: "by_g",
        key: "k",
    },
    uniform("percentile 90", "percentile_cont(0.9) WITHIN GROUP (ORDER BY expo)", "exponential", QUANTILE),
    uniform("percentile 99", "percentile_cont(0.99) WITHIN GROUP (ORDER BY ln1)", "lognormal 1", QUANTILE),
    uniform("MIN", "MIN(expo)", "exponential", EXTREME),
    uniform("MAX", "MAX(expo)", "exponential", EXTREME),
    by_key("COUNT DISTINCT", "COUNT(DISTINCT who)", "users", "keys of a universe sample, Garwood's interval"),
    by_key("COUNT of keys' rows", "COUNT(*)", "users", "totals per key of a universe sample"),
    by_key("SUM of keys' rows", "SUM(uni)", "uniform", "totals per key of a universe sample"),
    by_key("AVG of keys' rows", "AVG(expo)", "exponential", "residuals per key of a universe sample"),
    uniform("REGR_SLOPE", "REGR_SLOPE(expo, rel)", "exponential", STRATA),
    uniform("REGR_INTERCEPT", "REGR_INTERCEPT(expo, rel)", "exponential", STRATA),
    uniform("REGR_SXY", "REGR_SXY(expo, rel)", "exponential", STRATA),
    uniform("REGR_AVGX", "REGR_AVGX(rel, expo)", "exponential", "as AVG"),
    uniform("CASE in SUM", "SUM(CASE WHEN uni < 0.3 THEN expo ELSE 0 END)", "exponential", "as SUM"),
];
