use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use plusminus_statistics::expression::Smooth;

/// What is summed, counted or ordered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    /// An expression over the scan's columns.
    Plain(Expr),
    /// Another argument minus its centre (near its mean), so that squares do not cancel.
    Centred(usize),
    /// The product of two other arguments, both centred.
    Product(usize, usize),
}

impl Argument {
    /// The expression itself, unless the argument derives from others.
    pub(crate) fn plain(&self) -> Option<&Expr> {
        match self {
            Self::Plain(expr) => Some(expr),
            Self::Centred(_) | Self::Product(..) => None,
        }
    }
}

/// A set of rows within WHERE: those that pass a FILTER and where some arguments are not NULL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Domain {
    pub(crate) filter: Option<Expr>,
    /// The arguments that must not be NULL, in the order of their numbers.
    pub(crate) not_null: Vec<usize>,
}

/// A count of a domain's rows, or the sum of an argument over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) domain: usize,
    pub(crate) argument: Option<usize>,
}

/// How a call follows from variables (by number).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallKind {
    Count {
        rows: usize,
    },
    Sum {
        sum: usize,
    },
    Avg {
        sum: usize,
        rows: usize,
    },
    /// A function of variables that has an interval of its own.
    Spread {
        of: Smooth,
        spread: Spread,
    },
    /// None of these; by number.
    Special(usize),
}

/// Functions of second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
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
pub(crate) struct Special {
    pub(crate) domain: usize,
    pub(crate) argument: usize,
    /// How many steps there are in 1, where its type has steps: values beyond 2^53 of them are no floats.
    pub(crate) steps: Option<f64>,
    pub(crate) kind: SpecialKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SpecialKind {
    /// The value below which a share of the rows lies; with the variable of their count.
    Quantile { share: f64, rows: usize },
    /// The largest or smallest value; of a condition, whether any or all are true.
    Extreme { is_max: bool, truth: bool },
    /// The number of distinct values of a column, with the variable that counts the rows where it is not NULL.
    Distinct { column: String, rows: usize },
}

/// One aggregate of the plan.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) kind: CallKind,
    /// The aggregate over the scan's columns, without an alias.
    pub(crate) expr: Expr,
    pub(crate) data_type: DataType,
}
