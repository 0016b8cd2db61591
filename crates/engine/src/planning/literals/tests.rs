use super::*;
fn apart(sql: &str) -> (QueryFingerprint, Literals) {
    normalize(sql, Dialect::Generic).unwrap()
}

#[test]
fn numbers_and_strings_and_comments_do_not_count() {
    let (form, literals) = apart("SELECT /* first */ a FROM t WHERE b > 5 AND c = 'it''s' AND d < .5e3");
    let (other, values) = apart("SELECT a  FROM t WHERE b > 17 AND c = '' AND d < 2.0");
    assert_eq!(form, other);
    let whole = |n| ScalarValue::Int64(Some(n));
    let real = |n| ScalarValue::Float64(Some(n));
    assert_eq!(literals.values, [whole(5), ScalarValue::from("it's"), real(500.0)]);
    assert_eq!(values.values, [whole(17), ScalarValue::from(""), real(2.0)]);
}

#[test]
fn what_may_be_planned_otherwise_is_another_form() {
    let form = |sql: &str| apart(sql).0;
    let one = form("SELECT a FROM t WHERE b > 5");
    for other in [
        "SELECT a FROM t WHERE b > 5.0",
        "SELECT a FROM t WHERE b > '5'",
        "SELECT a FROM t WHERE b > -5",
        "SELECT a FROM t WHERE b >= 5",
        "SELECT a FROM t WHERE b > 1234567890123456789",
        "SELECT a FROM t WHERE b > 99999999999999999999",
        "SELECT \"a\" FROM t WHERE b > 5",
        "SELECT A FROM t WHERE b > 5",
        "SELECT a FROM t WHERE b > DATE '5'",
    ] {
        assert_ne!(one, form(other), "{other}");
    }
    assert!(normalize("SELECT 'open", Dialect::Generic).is_none());
    assert!(normalize(&format!("SELECT {}1", "1+".repeat(TEXT_MAX)), Dialect::Generic).is_none());
    assert!(normalize(&format!("SELECT {}1", "1+".repeat(LITERALS_MAX)), Dialect::Generic).is_none());
}

#[test]
fn only_what_conditions_compare_with_is_a_parameter() {
    let chosen = |sql: &str| {
        let (_, literals) = apart(sql);
        let statement = Parser::parse_sql(&*dialect_from_str(Dialect::Generic).unwrap(), sql).unwrap().remove(0);
        compared(&Statement::Statement(Box::new(statement)), &literals)
    };
    assert_eq!(
        chosen("SELECT a + 1 FROM t\nWHERE b > 5 AND NOT (c IN ('x', 'y') OR d BETWEEN -2 AND 3.5)"),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(chosen("SELECT 1 FROM t WHERE d >= DATE '2026-01-01' AND e + 1 < 2 LIMIT 9"), [1, 2, 3]);
    assert_eq!(chosen("SELECT a FROM t WHERE round(b, 2) > 5 AND c = (SELECT max(c) FROM u WHERE v = 7)"), [1]);
    assert_eq!(chosen("SELECT a FROM t WHERE (b -> 'key') = 5 AND c || 'x' = 'y'"), [1, 3]);
    assert_eq!(
        chosen("SELECT a FROM t WHERE d > now() - INTERVAL '3' DAY AND CASE WHEN b = 1 THEN 2 END > c"),
        [0_usize; 0]
    );
    assert_eq!(chosen("SELECT a FROM t GROUP BY a HAVING sum(b) > 5"), [0_usize; 0]);
}
