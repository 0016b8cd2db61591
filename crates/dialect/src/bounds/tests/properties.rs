use proptest::prelude::*;

use super::read;
use crate::{Amount, Bounds, ErrorBound, OnMiss, TimeBound, TimeUnit, parse_script, parse_statement};

const HEADS: &[&str] = &[
    "SELECT count(*) FROM t",
    "SELECT error FROM within ORDER BY confidence",
    "SELECT a % 10 AS error FROM t LIMIT 3",
    "WITH c AS (SELECT 'é;' AS x) SELECT * FROM c",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT a FROM t WHERE d > INTERVAL '5 seconds' /* é */ GROUP BY a",
    "VALUES (1), (2)",
];

const FRAGMENTS: &[&str] = &[
    "SELECT",
    "FROM",
    "t",
    "a",
    "ERROR",
    "WITHIN",
    "CONFIDENCE",
    "AT",
    "FOR ALL GROUPS",
    "ON MISS",
    "EXACT",
    "5",
    "0",
    "95",
    "%",
    "SECONDS",
    "s",
    "$1",
    "(",
    ")",
    ",",
    ";",
    "'x'",
    "\"é\"",
    "-",
    "*",
    "CREATE",
    "OR REPLACE",
    "SAMPLE",
    "SAMPLES",
    "IF NOT EXISTS",
    "ON",
    "STRATIFIED BY",
    "UNIVERSE",
    "CAP",
    "SIZE",
    "ROWS",
    "TAIL",
    "LEVELS",
    "SEED",
    "SHOW",
    "DESCRIBE",
    "DROP",
    "SET",
    "RESET",
    "plusminus",
    ".",
    "error",
    "=",
    "EXPLAIN",
    "ANALYZE",
    "WITH",
    "AS",
    "UNION ALL",
    "CASE",
    "END",
    "[",
    "]",
    "INTO",
    "VIEW",
    "TABLE",
    "COPY",
    "TO",
    "\n",
    "-- x\n",
    "/* é */",
    "TABLESAMPLE",
    "JOIN",
];

fn amount(range: std::ops::Range<f64>) -> impl Strategy<Value = Amount> {
    prop_oneof![
        3 => range.prop_map(Amount::Number),
        1 => (1_u16..100).prop_map(|n| Amount::Parameter(format!("${n}"))),
    ]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let unit = prop::sample::select(vec![TimeUnit::Millisecond, TimeUnit::Second, TimeUnit::Minute]);
    (
        prop::option::of((amount(1e-9..1e12), any::<bool>())),
        prop::option::of((amount(1e-9..1e12), unit)),
        prop::option::of(amount(50.0..99.9)),
        any::<bool>(),
        prop::option::of(prop::sample::select(OnMiss::ALL.to_vec())),
    )
        .prop_map(|(error, within, confidence, all_groups, on_miss)| Bounds {
            error: error.map(|(amount, relative)| ErrorBound { amount, relative }),
            within: within.map(|(amount, unit)| TimeBound { amount, unit }),
            confidence,
            all_groups,
            on_miss,
            tail_start: None,
        })
}

/// Each bound printed by itself.
fn parts(bounds: &Bounds) -> Vec<String> {
    let empty = Bounds::default();
    let Bounds { error, within, confidence, on_miss, .. } = bounds.clone();
    let alone = [
        Bounds { error, ..empty.clone() },
        Bounds { within, ..empty.clone() },
        Bounds { confidence, ..empty.clone() },
        Bounds { all_groups: bounds.all_groups, ..empty.clone() },
        Bounds { on_miss, ..empty },
    ];
    let printed = alone.iter().map(Bounds::to_string);
    printed.filter(|part| !part.is_empty()).collect()
}

fn shuffled() -> impl Strategy<Value = (Bounds, Vec<String>)> {
    bounds().prop_flat_map(|bounds| {
        let parts = Just(parts(&bounds)).prop_shuffle();
        (Just(bounds), parts)
    })
}

/// An error always has a place within the text and a next step.
fn check_total(sql: &str) {
    if let Err(error) = parse_script(sql) {
        assert!(!error.next.is_empty() && !error.what.is_empty());
        assert!(sql.is_char_boundary(error.location.offset), "{error}");
        assert!(error.to_string().lines().count() >= 4);
    }
}

proptest! {
    #[test]
    fn printed_bounds_parse_back(
        head in prop::sample::select(HEADS),
        (bounds, parts) in shuffled(),
    ) {
        for tail in [bounds.to_string(), parts.join(" "), parts.join("\n-- é\n")] {
            let read = read(&format!("{head} {tail}")).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(&read.head, head);
            prop_assert_eq!(read.bounds.tail_start.is_some(), !bounds.is_empty());
            let stated = Bounds { tail_start: None, ..read.bounds };
            prop_assert_eq!(&stated, &bounds);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check_total(&text);
    }

    #[test]
    fn any_tokens_are_read_or_refused(
        tokens in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40),
    ) {
        let text = tokens.join(" ");
        check_total(&text);
        let _ = parse_statement(&text);
    }

    #[test]
    fn plain_sql_keeps_its_text(
        words in prop::collection::vec(prop::sample::select(vec![
            "a", "error", "within", "confidence", "FROM", "é", "'x'", ",", "+", "1", "(b)", "\n",
        ]), 0..20),
    ) {
        let sql = format!("SELECT {}", words.join(" "));
        if let Ok(read) = read(&sql) && read.bounds.is_empty() {
            prop_assert_eq!(read.head.as_str(), sql.trim_end());
        }
    }
}
