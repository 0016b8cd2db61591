use crate::query::Reason;
use datafusion::logical_expr::TableScan;

/// What is known of the tables of a join.
pub trait JoinFacts {
    /// What is known of a table as the one whose rows are sampled.
    fn root(&self, scan: &TableScan) -> RootFact;

    /// What is known of a key of a table that is one by the way in which its rows are made.
    fn unique(&self, scan: &TableScan) -> KeyFact;

    /// What is known of columns of a table as a key.
    fn key(&self, scan: &TableScan, columns: &[String]) -> KeyFact;

    /// Whether rows of two tables that agree in a column, `column` of `scan` being no key, are sampled together.
    fn shared_key(&self, root: (&TableScan, &str), other: (&TableScan, &str)) -> SharedKeyFact;
}

/// Two columns whose values are sampled together: the same values in samples of both tables, each with all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedKeyFact {
    /// Both tables have a sample of these keys.
    Sampled {
        /// The other table's name, however the query names it.
        table: String,
        /// A text that changes with the other table's data.
        version: String,
    },
    /// One of them has none; what would help, where something would.
    Unsampled(Option<String>),
}

/// A table as the one whose rows are sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootFact {
    /// It has samples; its number of rows.
    Sampled(u64),
    /// It has none: its number of rows as far as it is known, and why.
    Unsampled(u64, Reason),
}

/// Columns of a table as a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFact {
    /// No two rows agree in them, NULLs aside, in this version of the table's data.
    Unique {
        /// The table's name, however the query names it.
        table: String,
        /// A text that changes with the table's data.
        version: String,
    },
    /// Several rows agree in them; a sentence that names one such key.
    Duplicate(String),
    /// It was not found out yet.
    Unknown,
}

/// A key that has to be proven before a query can be recognised.
#[derive(Debug, Clone)]
pub struct KeyQuestion {
    /// The table.
    pub scan: TableScan,
    /// Its columns, sorted by name.
    pub columns: Vec<String>,
}

/// Why a query was not recognised.
#[derive(Debug)]
pub enum Refusal {
    /// It has to run exactly.
    Reason(Reason),
    /// Whether these columns are a key decides it.
    Unproven(Box<KeyQuestion>),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

impl Refusal {
    /// The reason in words, for callers that assume every key to be unique.
    #[must_use]
    pub fn into_reason(self) -> Reason {
        match self {
            Self::Reason(reason) => reason,
            Self::Unproven(question) => {
                let (table, columns) = (&question.scan.table_name, question.columns.join(", "));
                Reason::new(format!("it is not known whether {columns} is a key of {table}"))
            }
        }
    }
}

/// Facts before any are known: every table may be sampled, and every key is unique.
#[derive(Debug, Clone, Copy)]
pub struct AssumedFacts;

impl JoinFacts for AssumedFacts {
    fn root(&self, _: &TableScan) -> RootFact {
        RootFact::Sampled(0)
    }

    fn unique(&self, scan: &TableScan) -> KeyFact {
        self.key(scan, &[])
    }

    fn key(&self, scan: &TableScan, _: &[String]) -> KeyFact {
        KeyFact::Unique { table: scan.table_name.to_string(), version: String::new() }
    }

    fn shared_key(&self, _: (&TableScan, &str), _: (&TableScan, &str)) -> SharedKeyFact {
        SharedKeyFact::Unsampled(None)
    }
}
