use crate::differentiable::used_inputs;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use plusminus_statistics::expression::DifferentiableExpr;

/// What is summed, counted or ordered.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// An expression over the scan's columns.
    Plain(Expr),
    /// Another argument minus its centre (near its mean), so that squares do not cancel.
    Centred(usize),
    /// The product of two other arguments, both centred.
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
    /// The arguments that must not be NULL, in the order of their numbers.
    pub not_null: Vec<usize>,
}

/// A count of a domain's rows, or the sum of an argument over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The rows, by the number of their domain.
    pub domain: usize,
    /// The argument that is added up, by number; `None` counts rows.
    pub argument: Option<usize>,
}

/// How a call follows from variables (by number).
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
        /// Its kind, which has an interval of its own.
        spread: SecondMoment,
    },
    /// None of these; by number.
    NonLinear(usize),
}

/// Functions of second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondMoment {
    /// The variance of an argument, with the variable of its sum.
    Variance { sum: usize },
    /// Its square root.
    Deviation { sum: usize },
    /// A correlation.
    Correlation,
    /// Any other, whose interval is that of a smooth function.
    Other,
}

/// An aggregate that is no function of sums.
#[derive(Debug, Clone, PartialEq)]
pub struct NonLinearAggregate {
    /// The rows, by the number of their domain.
    pub domain: usize,
    /// The argument, by number.
    pub argument: usize,
    /// How many steps there are in 1, where its type has steps: values beyond 2^53 of them are no floats.
    pub steps: Option<f64>,
    /// The function.
    pub kind: NonLinearKind,
}

/// A function of values that sums cannot tell.
#[derive(Debug, Clone, PartialEq)]
pub enum NonLinearKind {
    /// The value below which a share of the rows lies; with the variable of their count.
    Quantile { share: f64, rows: usize },
    /// The largest or smallest value; of a condition, whether any or all are true.
    Extreme { is_max: bool, truth: bool },
    /// The number of distinct values of a column, with the variable that counts the rows where it is not NULL.
    Distinct { column: String, rows: usize },
}

/// One aggregate of the plan.
#[derive(Debug, Clone)]
pub struct Call {
    /// How its value follows from variables.
    pub kind: CallKind,
    /// The aggregate over the scan's columns, without an alias.
    pub expr: Expr,
    /// The type of its value.
    pub data_type: DataType,
}

impl CallKind {
    /// The value of a call from its variables, for every kind but the special ones.
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
