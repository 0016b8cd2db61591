use crate::differentiable::used_inputs;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use plusminus_statistics::expression::DifferentiableExpr;

/// The value that an aggregate sums, counts or orders.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// An expression over the scan's columns.
    Plain(Expr),
    /// Another argument, by number, minus a centre near its mean, so that squares do not cancel.
    Centred(usize),
    /// The product of two other arguments, by number, both centred.
    Product(usize, usize),
}

impl Argument {
    /// The expression itself, unless the argument derives from others.
    pub fn plain(&self) -> Option<&Expr> {
        match self {
            Self::Plain(expr) => Some(expr),
            Self::Centred(_) | Self::Product(..) => None,
        }
    }
}

/// A set of rows within WHERE: those that pass a FILTER and where some arguments are not NULL.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// The aggregate's FILTER over the scan's columns.
    pub filter: Option<Expr>,
    /// The arguments that must not be NULL, by number in ascending order.
    pub not_null: Vec<usize>,
}

/// A count of a domain's rows, or the sum of an argument over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The domain whose rows count, by number.
    pub domain: usize,
    /// The argument that is added up, by number; `None` counts rows.
    pub argument: Option<usize>,
}

/// How a call is computed from variables, which are given by number.
#[derive(Debug, Clone, PartialEq)]
pub enum CallKind {
    /// COUNT.
    Count {
        /// The variable that counts the rows.
        rows: usize,
    },
    /// SUM.
    Sum {
        /// The variable that adds the argument up.
        sum: usize,
    },
    /// AVG.
    Avg {
        /// The variable that adds the argument up.
        sum: usize,
        /// The variable that counts the same rows.
        rows: usize,
    },
    /// A function of second moments.
    Moments {
        /// The function of variables.
        of: DifferentiableExpr,
        /// Its kind, which decides how its interval is computed.
        spread: SecondMoment,
    },
    /// A non-linear aggregate, by number.
    NonLinear(usize),
}

/// The kinds of functions of second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondMoment {
    /// The variance of an argument.
    Variance {
        /// The variable that adds the argument up.
        sum: usize,
    },
    /// The standard deviation of an argument.
    Deviation {
        /// The variable that adds the argument up.
        sum: usize,
    },
    /// A correlation.
    Correlation,
    /// Any other, whose interval is that of a differentiable expression.
    Other,
}

/// An aggregate that is not a function of sums: a percentile, an extreme or a count of distinct values.
#[derive(Debug, Clone, PartialEq)]
pub struct NonLinearAggregate {
    /// The domain whose rows count, by number.
    pub domain: usize,
    /// The argument, by number.
    pub argument: usize,
    /// Steps per 1 of the argument's type; `None` where it has no steps. A float need not hold a value beyond 2^53 steps.
    pub steps: Option<f64>,
    /// The function.
    pub kind: NonLinearKind,
}

/// The function of a [`NonLinearAggregate`].
#[derive(Debug, Clone, PartialEq)]
pub enum NonLinearKind {
    /// The value below which a share of the rows lies.
    Quantile {
        /// The share, from 0 to 1.
        share: f64,
        /// The variable that counts the rows.
        rows: usize,
    },
    /// The largest or smallest value.
    Extreme {
        /// Whether it is the largest.
        is_max: bool,
        /// Whether the argument is a condition, which any or all rows fulfil.
        truth: bool,
    },
    /// The number of distinct values of a column.
    Distinct {
        /// The name of the column.
        column: String,
        /// The variable that counts the rows where it is not NULL.
        rows: usize,
    },
}

/// One aggregate call of the plan.
#[derive(Debug, Clone)]
pub struct Call {
    /// How its value is computed from variables.
    pub kind: CallKind,
    /// The aggregate over the scan's columns, without an alias.
    pub expr: Expr,
    /// The type of its value.
    pub data_type: DataType,
}

impl CallKind {
    /// The value of a call from its variables; `None` for a non-linear aggregate and where the value is NULL.
    ///
    /// `input` has the total of a variable, `is_seen` whether any row was added to it.
    pub fn value(&self, input: impl Fn(usize) -> f64, is_seen: impl Fn(usize) -> bool) -> Option<f64> {
        match self {
            Self::Count { rows } => Some(input(*rows).round()),
            Self::Sum { sum } => is_seen(*sum).then(|| input(*sum)),
            Self::Avg { sum, rows } => is_seen(*sum).then(|| input(*sum) / input(*rows)),
            Self::Moments { of, .. } => {
                let inputs = used_inputs(of);
                let mut values = vec![f64::NAN; inputs.last().map_or(0, |last| last + 1)];
                for variable in inputs {
                    values[variable] = input(variable);
                }
                Some(of.evaluate(&values)).filter(|v| v.is_finite())
            }
            Self::NonLinear(_) => None,
        }
    }
}
