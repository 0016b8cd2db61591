//! The statements of the demo.

/// A statement, its bounds, and how many key columns its answer begins with.
pub(crate) struct Statement {
    pub(crate) title: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) bounds: &'static str,
    /// The statement without LIMIT, so that every estimated row finds its exact one; empty when `sql` will do.
    pub(crate) unlimited: &'static str,
}

impl Statement {
    /// The statement that gives the exact answers.
    pub(crate) fn exact(&self) -> String {
        if self.unlimited.is_empty() { self.sql.to_owned() } else { self.unlimited.to_owned() }
    }
}

/// The two statements this product exists for (with the key shown), and four more.
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
        title: "First an estimate, then what the time allows",
        sql: "SELECT Browser, AVG(SessionTime) AS seconds, COUNT(*) AS sessions FROM Sessions WHERE NOT Failed GROUP BY Browser ORDER BY Browser",
        bounds: "WITHIN 3 SECONDS",
        unlimited: "",
    },
    Statement {
        title: "Averages and shares of every country",
        sql: "SELECT Country, AVG(Bitrate) AS bitrate, 100.0 * COUNT(*) FILTER (WHERE SessionTime > 600) / COUNT(*) AS long_percent \
              FROM Sessions GROUP BY Country ORDER BY Country",
        bounds: "ERROR WITHIN 30%",
        unlimited: "",
    },
    Statement {
        title: "The countries with most long sessions",
        sql: "SELECT Country, COUNT(*) AS long_sessions FROM Sessions WHERE SessionTime > 600 \
              GROUP BY Country ORDER BY long_sessions DESC LIMIT 8",
        bounds: "ERROR WITHIN 30%",
        unlimited: "SELECT Country, COUNT(*) AS long_sessions FROM Sessions WHERE SessionTime > 600 GROUP BY Country",
    },
    Statement {
        title: "No GROUP BY, a range of dates",
        sql: "SELECT SUM(SessionTime) / 3600 AS hours, AVG(Bitrate) AS bitrate, COUNT(*) AS sessions FROM Sessions \
              WHERE Date BETWEEN DATE '2026-02-01' AND DATE '2026-02-14' AND NOT Failed",
        bounds: "ERROR WITHIN 20%",
        unlimited: "",
    },
];
