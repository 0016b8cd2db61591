//! Questions about lineitem, each understood by DuckDB and DataFusion alike.

pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// Samples of 1 % by name and stratification.
pub(crate) const SAMPLES: [(&str, &[&str]); 3] =
    [("uniform", &[]), ("by_flags", &["l_returnflag", "l_linestatus"]), ("by_shipmode", &["l_shipmode"])];

pub(crate) const QUERIES: [Query; 8] = [
    Query {
        name: "Q1, pricing summary",
        sql: "SELECT l_returnflag, l_linestatus, SUM(l_quantity) AS a, SUM(l_extendedprice) AS b, \
              SUM(l_extendedprice * (1 - l_discount)) AS c, AVG(l_quantity) AS d, AVG(l_extendedprice) AS e, COUNT(*) AS f \
              FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus",
    },
    Query {
        name: "Q6, revenue change",
        sql: "SELECT SUM(l_extendedprice * l_discount) AS a FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' \
              AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
    },
    Query { name: "revenue", sql: "SELECT SUM(l_extendedprice * (1 - l_discount)) AS a FROM lineitem" },
    Query {
        name: "price by ship mode",
        sql: "SELECT l_shipmode, AVG(l_extendedprice) AS a, COUNT(*) AS b FROM lineitem GROUP BY l_shipmode",
    },
    Query {
        name: "late receipts by ship mode",
        sql: "SELECT l_shipmode, COUNT(*) AS a FROM lineitem WHERE l_receiptdate > l_commitdate GROUP BY l_shipmode",
    },
    Query {
        name: "discount of large orders",
        sql: "SELECT AVG(l_discount) AS a, SUM(l_quantity) AS b FROM lineitem WHERE l_quantity > 45",
    },
    Query {
        name: "revenue by month",
        sql: "SELECT date_trunc('month', l_shipdate) AS m, SUM(l_extendedprice) AS a FROM lineitem \
              WHERE l_shipdate >= DATE '1995-01-01' AND l_shipdate < DATE '1996-01-01' GROUP BY date_trunc('month', l_shipdate)",
    },
    Query {
        name: "share of returns",
        sql: "SELECT 100.0 * SUM(CASE WHEN l_returnflag = 'R' THEN l_extendedprice ELSE 0 END) / SUM(l_extendedprice) AS a FROM lineitem",
    },
];
