//! Tables, their samples and questions about them, each understood by DuckDB and DataFusion alike.

pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    /// How many columns, the first, are keys.
    pub(crate) keys: usize,
    /// The columns that grow with the table, which whoever samples by hand has to multiply.
    pub(crate) totals: &'static [&'static str],
}

/// A table of the comparison.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Percent of the rows in each sample.
    pub(crate) percent: f64,
    /// Samples by name and stratification, as the questions suggest them.
    pub(crate) samples: &'static [(&'static str, &'static [&'static str])],
    pub(crate) queries: &'static [Query],
}

pub(crate) const LINEITEM: Table = Table {
    name: "lineitem",
    percent: 1.0,
    samples: &[
        ("uniform", &[]),
        ("by_flags", &["l_returnflag", "l_linestatus"]),
        ("by_shipmode", &["l_shipmode"]),
        ("by_shipdate", &["l_shipdate"]),
        ("by_discount_quantity", &["l_discount", "l_quantity"]),
    ],
    queries: &[
        Query {
            name: "Q1, pricing summary",
            sql: "SELECT l_returnflag, l_linestatus, SUM(l_quantity) AS a, SUM(l_extendedprice) AS b, \
                  SUM(l_extendedprice * (1 - l_discount)) AS c, AVG(l_quantity) AS d, AVG(l_extendedprice) AS e, COUNT(*) AS f \
                  FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus",
            keys: 2,
            totals: &["a", "b", "c", "f"],
        },
        Query {
            name: "Q6, revenue change",
            sql: "SELECT SUM(l_extendedprice * l_discount) AS a FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' \
                  AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
            keys: 0,
            totals: &["a"],
        },
        Query {
            name: "revenue",
            sql: "SELECT SUM(l_extendedprice * (1 - l_discount)) AS a FROM lineitem",
            keys: 0,
            totals: &["a"],
        },
        Query {
            name: "price by ship mode",
            sql: "SELECT l_shipmode, AVG(l_extendedprice) AS a, COUNT(*) AS b FROM lineitem GROUP BY l_shipmode",
            keys: 1,
            totals: &["b"],
        },
        Query {
            name: "late receipts by ship mode",
            sql: "SELECT l_shipmode, COUNT(*) AS a FROM lineitem WHERE l_receiptdate > l_commitdate GROUP BY l_shipmode",
            keys: 1,
            totals: &["a"],
        },
        Query {
            name: "price of large orders",
            sql: "SELECT AVG(l_extendedprice) AS a, AVG(l_tax) AS b FROM lineitem WHERE l_quantity > 45",
            keys: 0,
            totals: &[],
        },
        Query {
            name: "revenue by month",
            sql: "SELECT date_trunc('month', l_shipdate) AS m, SUM(l_extendedprice) AS a FROM lineitem \
                  WHERE l_shipdate >= DATE '1995-01-01' AND l_shipdate < DATE '1996-01-01' GROUP BY date_trunc('month', l_shipdate)",
            keys: 1,
            totals: &["a"],
        },
        Query {
            name: "share of returns",
            sql: "SELECT 100.0 * SUM(CASE WHEN l_returnflag = 'R' THEN l_extendedprice ELSE 0 END) / SUM(l_extendedprice) AS a FROM lineitem",
            keys: 0,
            totals: &[],
        },
        Query {
            name: "quantity by tenth of suppliers",
            sql: "SELECT l_suppkey % 10 AS k, SUM(l_quantity) AS a, AVG(l_tax) AS b FROM lineitem WHERE l_shipinstruct = 'NONE' GROUP BY l_suppkey % 10",
            keys: 1,
            totals: &["a"],
        },
    ],
};

pub(crate) const SESSIONS: Table = Table {
    name: "sessions",
    percent: 1.0,
    samples: &[
        ("uniform", &[]),
        ("by_genre_os", &["genre", "os"]),
        ("by_country_city", &["country", "city"]),
        ("by_browser", &["browser"]),
    ],
    queries: &[
        Query {
            name: "westerns by system",
            sql: "SELECT os, COUNT(*) AS a, AVG(sessiontime) AS b FROM sessions WHERE genre = 'western' GROUP BY os",
            keys: 1,
            totals: &["a"],
        },
        Query {
            name: "time and traffic by country",
            sql: "SELECT country, AVG(sessiontime) AS a, SUM(bitrate) / 1e9 AS b FROM sessions GROUP BY country",
            keys: 1,
            totals: &["b"],
        },
        Query {
            name: "stalled by browser",
            sql: "SELECT browser, 100.0 * COUNT(*) FILTER (WHERE bufferingratio > 0.05) / COUNT(*) AS a FROM sessions GROUP BY browser",
            keys: 1,
            totals: &[],
        },
        Query {
            name: "bitrate of long sessions",
            sql: "SELECT AVG(bitrate) AS a FROM sessions WHERE sessiontime > 3600",
            keys: 0,
            totals: &[],
        },
        Query {
            name: "share of failures",
            sql: "SELECT 100.0 * SUM(CASE WHEN failed THEN 1 ELSE 0 END) / COUNT(*) AS a FROM sessions WHERE date >= DATE '2026-03-01'",
            keys: 0,
            totals: &[],
        },
        Query {
            name: "join time by genre",
            sql: "SELECT genre, AVG(jointimems) AS a, COUNT(*) AS b FROM sessions WHERE NOT failed GROUP BY genre",
            keys: 1,
            totals: &["b"],
        },
    ],
};

pub(crate) const FLIGHTS: Table = Table {
    name: "flights",
    percent: 3.0,
    samples: &[("uniform", &[]), ("by_origin", &["origin"]), ("by_destination", &["destination"])],
    queries: &[
        Query {
            name: "distance by origin",
            sql: "SELECT origin, COUNT(*) AS a, AVG(distance) AS b FROM flights GROUP BY origin",
            keys: 1,
            totals: &["a"],
        },
        Query {
            name: "late flights",
            sql: "SELECT AVG(delay) AS a, COUNT(*) AS b FROM flights WHERE delay > 60",
            keys: 0,
            totals: &["b"],
        },
        Query {
            name: "far flights",
            sql: "SELECT COUNT(*) AS a, SUM(distance) AS b FROM flights WHERE distance > 1000",
            keys: 0,
            totals: &["a", "b"],
        },
        Query {
            name: "distance by month",
            sql: "SELECT date_trunc('month', date) AS m, SUM(distance) AS a FROM flights GROUP BY date_trunc('month', date)",
            keys: 1,
            totals: &["a"],
        },
        Query {
            name: "share of late flights",
            sql: "SELECT 100.0 * COUNT(*) FILTER (WHERE delay > 15) / COUNT(*) AS a FROM flights",
            keys: 0,
            totals: &[],
        },
    ],
};

/// The questions about lineitem.
pub(crate) const QUERIES: &[Query] = LINEITEM.queries;
