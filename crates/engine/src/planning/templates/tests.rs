use super::super::literals::normalize;
use super::super::planned_query::PlannedQuery;
use crate::api::Session;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::Cell;
use std::sync::Arc;

fn table() -> Arc<MemTable> {
    let column = |name: &str, of| Field::new(name, of, true);
    let schema = Arc::new(Schema::new(vec![
        column("day", DataType::Date32),
        column("place", DataType::Utf8View),
        column("price", DataType::Decimal128(12, 2)),
        column("x", DataType::Float64),
        column("n", DataType::Int32),
        column("is_late", DataType::Boolean),
    ]));
    Arc::new(MemTable::try_new(schema, vec![Vec::new()]).unwrap())
}

async fn session(folder: &std::path::Path) -> Session {
    let context = SessionContext::new();
    context.register_table("t", table()).unwrap();
    context.register_table("u", table()).unwrap();
    Session::from_context(folder.join("store"), context).await.unwrap()
}

/// Whether a template provides the plan; if so, it must equal the plan of the text itself.
async fn from_template(session: &Session, sql: &str) -> bool {
    let (form, literals) = normalize(sql, session.env.sql_dialect()).unwrap();
    let found = session.plans.templates().find(&session.env, &form, &literals).await.unwrap();
    let planned = PlannedQuery::new(&session.env, sql).await;
    if let Some(found) = &found {
        let (planned, _) = planned.unwrap();
        assert_eq!(found.plan, planned.plan, "{sql}");
        assert_eq!(found.plan.schema(), planned.plan.schema(), "{sql}");
        assert_eq!(format!("{:?}", found.query), format!("{:?}", planned.query), "{sql}");
    }
    found.is_some()
}

/// Asks `sql` with `{}` replaced by each literal in turn; returns which of them were planned from a template.
async fn asked(session: &Session, sql: &str, literals: [&str; 3]) -> [bool; 3] {
    let mut answers = [false; 3];
    for (answer, literal) in answers.iter_mut().zip(literals) {
        let text = sql.replace("{}", literal);
        *answer = from_template(session, &text).await;
        session.plans.get(&session.env, &text).await.unwrap();
        assert!(from_template(session, &text).await || !*answer, "{text}");
    }
    answers
}

/// Whether the third text was planned from a template, for a form that was never asked before.
async fn third(session: &Session, sql: &str, literals: [&str; 3]) -> bool {
    let [first, second, third] = asked(session, sql, literals).await;
    assert!(!first && !second, "{sql}");
    third
}

#[tokio::test]
async fn the_third_text_of_a_form_is_planned_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    for (sql, literals) in [
        ("SELECT SUM(x) AS a FROM t WHERE n > {}", ["5", "6", "7"]),
        ("SELECT SUM(x) AS a FROM t WHERE n > -{}", ["5", "6", "7"]),
        ("SELECT SUM(x) AS a FROM t WHERE x > - {} AND n < 2", ["5.5", "6.5", "1e3"]),
        ("SELECT SUM(x) AS a FROM t WHERE price > {}", ["5", "6", "7"]),
        ("SELECT SUM(x) AS a FROM t WHERE price BETWEEN {} AND 10.0", ["5.5", "10.0", "0.001"]),
        ("SELECT day, SUM(x) AS a FROM t WHERE day >= DATE '{}' GROUP BY day", ["2026-01-01", "2026-01-02", "x"]),
        ("SELECT place, AVG(x) AS a FROM t WHERE day >= '{}' GROUP BY place ORDER BY a", ["2026-01-01", "", "it''s"]),
        ("SELECT COUNT(*) FROM t WHERE place IN ('{}', 'b') OR NOT (n = 3)", ["a", "b", "é"]),
        ("SELECT COUNT(*) FROM t WHERE place LIKE 'a%' AND n % {} = 1", ["2", "3", "1"]),
        ("SELECT COUNT(*) FROM t WHERE n = {} AND n = 27182818284590452", ["2", "3", "1"]),
        ("SELECT COUNT(*) FROM (SELECT * FROM t) AS s WHERE n = {} AND is_late", ["2", "3", "4"]),
        ("SELECT COUNT(*) FROM t JOIN u ON t.n = u.n WHERE t.x > {} AND u.place = ''", ["2.0", "3.0", "4.0"]),
        ("WITH s AS (SELECT * FROM t WHERE n < 9) SELECT AVG(x) FROM s WHERE n > {}", ["2", "3", "4"]),
    ] {
        assert!(third(&session, sql, literals).await, "{sql}");
    }
}

/// Literals outside WHERE decide the plan: each combination of them has its own template, or none.
#[tokio::test]
async fn literals_elsewhere_are_no_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    for sql in [
        "SELECT SUM(x) * {} AS a FROM t WHERE n > 5",
        "SELECT SUM(x) FROM t WHERE n > 5 LIMIT {}",
        "SELECT round(x, {}) AS k, COUNT(*) FROM t WHERE n > 5 GROUP BY k",
        "SELECT COUNT(*) FROM t WHERE n IN (SELECT n FROM u WHERE n > {})",
        "SELECT COUNT(*) FROM t GROUP BY place HAVING COUNT(*) > {}",
        "SELECT COUNT(*) FROM t WHERE n > 5 UNION ALL SELECT COUNT(*) FROM u WHERE n > {}",
    ] {
        assert!(!third(&session, sql, ["2", "3", "4"]).await, "{sql}");
    }
    // Each combination has a template of its own, up to a few.
    let sql = "SELECT COUNT(*) FROM t WHERE n > {} LIMIT 7";
    assert!(third(&session, sql, ["1", "2", "3"]).await);
    assert!(!from_template(&session, "SELECT COUNT(*) FROM t WHERE n > 3 LIMIT 8").await);
    // A function's type may depend on its literal, and a subquery is another plan.
    let sql = "SELECT COUNT(*) FROM t WHERE round(x, 1) > {}";
    assert!(third(&session, sql, ["1.0", "2.0", "3.0"]).await);
    assert!(!from_template(&session, "SELECT COUNT(*) FROM t WHERE round(x, 2) > 3.0").await);
}

/// Literals that decide the plan are compared as written, not by value.
#[tokio::test]
async fn numbers_elsewhere_are_compared_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    session.execute("SET datafusion.sql_parser.parse_float_as_decimal = true").await.unwrap();
    assert!(third(&session, "SELECT SUM(price) * 1.0 AS a FROM t WHERE n > {}", ["5", "6", "7"]).await);
    assert!(!from_template(&session, "SELECT SUM(price) * 1.00 AS a FROM t WHERE n > 8").await);
}

/// A text that contains a marker gets no template, wherever the marker stands.
#[tokio::test]
async fn markers_that_are_written_are_no_markers() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let sql = "SELECT COUNT(*) FROM t WHERE n = {} GROUP BY place HAVING COUNT(*) < 271828182845904523";
    assert!(!third(&session, sql, ["1", "271828182845904523", "5"]).await);
    assert!(!third(&session, &sql.replace("COUNT(*)", "SUM(n)"), ["1", "2", "3"]).await);
}

/// A changed table, function or setting invalidates templates.
#[tokio::test]
async fn templates_go_with_what_they_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let sql = "SELECT SUM(x) AS a FROM t WHERE n > {}";
    assert!(third(&session, sql, ["1", "2", "3"]).await);
    session.context().deregister_table("t").unwrap();
    session.context().register_table("t", table()).unwrap();
    assert_eq!(asked(&session, sql, ["11", "12", "13"]).await, [false, true, true]);
    session.execute("SET datafusion.execution.time_zone = '+05:00'").await.unwrap();
    assert_eq!(asked(&session, sql, ["21", "22", "23"]).await, [false, true, true]);
    session.context().deregister_table("t").unwrap();
    assert!(session.plans.get(&session.env, &sql.replace("{}", "4")).await.is_err());
    // Numbers that are read as decimals are no parameters, and no template uses them.
    session.context().register_table("t", table()).unwrap();
    let sql = "SELECT SUM(x) AS a FROM t WHERE x > {}";
    session.execute("SET datafusion.sql_parser.parse_float_as_decimal = true").await.unwrap();
    assert!(!third(&session, sql, ["1.5", "2.25", "3.0"]).await);
}

/// A condition whose literals are numbered; the same one with other literals is the same form.
#[derive(Debug, Clone)]
enum Condition {
    Number { column: usize, operator: usize },
    Text { operator: usize },
    Day { operator: usize, is_typed: bool },
    Between { column: usize },
    In { count: usize, is_negated: bool },
    Like,
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

const OPERATORS: [&str; 6] = ["<", "<=", ">", ">=", "=", "<>"];

impl Condition {
    /// The condition in SQL, with literals that differ from one `round` to another.
    fn sql(&self, round: usize, next: &mut usize) -> String {
        *next += 1;
        let literal = 3 + 7 * *next + 11 * round;
        let number = |column: usize, literal: usize| match ["n", "x", "price"][column] {
            "n" => format!("{literal}"),
            "x" => format!("{literal}.5"),
            _ => format!("{literal}.25"),
        };
        let name = |column: usize| ["n", "x", "price"][column];
        match self {
            Self::Number { column, operator } => {
                format!("{} {} {}", name(*column), OPERATORS[*operator], number(*column, literal))
            }
            Self::Text { operator } => format!("place {} 'p{literal}'", OPERATORS[*operator]),
            Self::Day { operator, is_typed } => {
                let typed = if *is_typed { "DATE " } else { "" };
                format!("day {} {typed}'2026-01-{:02}'", OPERATORS[*operator], 1 + literal % 28)
            }
            Self::Between { column } => {
                format!("{} BETWEEN {} AND {}", name(*column), number(*column, literal), number(*column, literal + 40))
            }
            Self::In { count, is_negated } => {
                let members: Vec<String> = (0..*count).map(|at| format!("{}", literal + at)).collect();
                format!("n {}IN ({})", if *is_negated { "NOT " } else { "" }, members.join(", "))
            }
            Self::Like => format!("place LIKE 'p{literal}%'"),
            Self::Not(inner) => format!("NOT ({})", inner.sql(round, next)),
            Self::Both(one, other) => format!("({} AND {})", one.sql(round, next), other.sql(round, next)),
            Self::Either(one, other) => format!("({} OR {})", one.sql(round, next), other.sql(round, next)),
        }
    }
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        (0_usize..3, 0_usize..6).prop_map(|(column, operator)| Condition::Number { column, operator }),
        (0_usize..6).prop_map(|operator| Condition::Text { operator }),
        (0_usize..6, any::<bool>()).prop_map(|(operator, is_typed)| Condition::Day { operator, is_typed }),
        (0_usize..3).prop_map(|column| Condition::Between { column }),
        (1_usize..5, any::<bool>()).prop_map(|(count, is_negated)| Condition::In { count, is_negated }),
        Just(Condition::Like),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Condition::Both(Box::new(one), Box::new(other))),
            (inner.clone(), inner).prop_map(|(one, other)| Condition::Either(Box::new(one), Box::new(other))),
        ]
    })
}

/// Generated conditions, each asked with three sets of literals: whatever comes from a template is the plan of the text itself.
#[test]
fn generated_conditions_are_planned_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let session = runtime.block_on(session(folder.path()));
    let config = Config { cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(19), ..Config::default() };
    let found = Cell::new(0);
    let done = TestRunner::new(config).run(&conditions(), |condition| {
        let mut is_from_template = false;
        for round in 0..3 {
            let sql = format!(
                "SELECT place, SUM(x) AS a, COUNT(*) FROM t WHERE {} GROUP BY place",
                condition.sql(round, &mut 0)
            );
            is_from_template = runtime.block_on(from_template(&session, &sql));
            runtime.block_on(session.plans.get(&session.env, &sql)).unwrap();
        }
        found.set(found.get() + usize::from(is_from_template));
        Ok(())
    });
    done.unwrap();
    assert!(found.get() >= 60, "{} of 96 forms have a template", found.get());
}
