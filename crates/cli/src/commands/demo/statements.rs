//! What the demo asks.

/// A statement, its bounds, and how many key columns its answer begins with.
pub(crate) struct Statement {
    pub(crate) title: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) bounds: &'static str,
    /// The same without LIMIT, so that every estimated row finds its exact one; empty when `sql` will do.
    pub(crate) unlimited: &'static str,
}

impl Statement {
    /// The statement that gives the exact answers.
    pub(crate) fn exact(&self) -> String {
        if self.unlimited.is_empty() { self.sql.to_owned() } else { self.unlimited.to_owned() }
    }
}

/// The two statements this product exists for (with the key shown), and three more.
pub(crate) const STATEMENTS: &[Statement] = &[
    Statement {
        title: "In the time you state",
        sql: "SELECT OS, COUNT(*) FROM Sessions WHERE Genre = 'western' GROUP BY OS",
        bounds: "WITHIN 5 SECONDS",
        unlimited: "",
    },
    Statement {
        title: "Within the error you state",
        sql: "SELECT OS, COUNT(*) FROM Sessions WHERE Genre = 'western' GROUP BY OS",
        bounds: "ERROR WITHIN 10% AT CONFIDENCE 95%",
        unlimited: "",
    },
    Statement {
        title: "An average, a ratio and a filter inside an aggregate",
        sql: "SELECT OS, AVG(BufferingRatio), 100.0 * COUNT(*) FILTER (WHERE Failed) / COUNT(*) AS failed_percent \
              FROM Sessions GROUP BY OS",
        bounds: "ERROR WITHIN 5%",
        unlimited: "",
    },
    Statement {
        title: "The largest of 1,500 cities",
        sql: "SELECT City, SUM(SessionTime) / 3600 AS hours FROM Sessions WHERE City IS NOT NULL \
              GROUP BY City ORDER BY hours DESC LIMIT 8",
        bounds: "ERROR WITHIN 20%",
        unlimited: "SELECT City, SUM(SessionTime) / 3600 AS hours FROM Sessions WHERE City IS NOT NULL GROUP BY City",
    },
    Statement {
        title: "No GROUP BY, a range of dates",
        sql: "SELECT SUM(Bytes) AS bytes, AVG(SessionTime) AS seconds, COUNT(*) AS sessions FROM Sessions \
              WHERE Date BETWEEN DATE '2026-02-01' AND DATE '2026-02-14' AND NOT Failed",
        bounds: "ERROR WITHIN 5%",
        unlimited: "",
    },
];
