use super::*;
use crate::bounds::{Amount, TimeUnit};
use crate::{SqlClass, StatementKind, parse_statement};

fn check(sql: &str, expected: Setting) {
    let kind = parse_statement(sql).map(|statement| statement.kind);
    assert_eq!(kind, Ok(StatementKind::Set { setting: expected }), "{sql}");
}

fn check_error(sql: &str, what: &str, next: &str) {
    let error = parse_statement(sql).expect_err(sql);
    assert!(error.what.contains(what), "{error}");
    assert!(error.next.contains(next), "{error}");
}

fn error(number: f64, relative: bool) -> Setting {
    let amount = Amount::Number(number);
    Setting::Error(Some(ErrorBound { amount, relative }))
}

fn within(number: f64, unit: TimeUnit) -> Setting {
    let amount = Amount::Number(number);
    Setting::Within(Some(TimeBound { amount, unit }))
}

#[test]
fn settings_take_values() {
    check("SET plusminus.error = '5%'", error(5.0, true));
    check("SET plusminus.error TO 5 %", error(5.0, true));
    check("set PlusMinus.Error = '0.5'", error(0.5, false));
    check("SET plusminus.within = '2s'", within(2.0, TimeUnit::Second));
    check("SET plusminus.within = '500 ms'", within(500.0, TimeUnit::Millisecond));
    check("SET plusminus.within TO 1 MINUTE", within(1.0, TimeUnit::Minute));
    check("SET plusminus.confidence = '95%'", Setting::Confidence(Some(95.0)));
    check("SET plusminus.confidence = 99.9", Setting::Confidence(Some(99.9)));
    check("SET plusminus.on_miss = 'exact'", Setting::OnMiss(Some(OnMiss::Exact)));
    check("SET plusminus.on_miss = REPAIR", Setting::OnMiss(Some(OnMiss::Repair)));
    check("SET plusminus.sample = 'By_OS'", Setting::Sample(Some("by_os".to_owned())));
    check("SET plusminus.sample = '\"By-OS\"'", Setting::Sample(Some("By-OS".to_owned())));
    check("SET plusminus.level = '0'", Setting::Level(Some(0)));
    check("SET plusminus.level = 3", Setting::Level(Some(3)));
}

#[test]
fn none_clears_a_setting() {
    check("SET plusminus.error = 'none'", Setting::Error(None));
    check("SET plusminus.within = NONE", Setting::Within(None));
    check("SET plusminus.sample = none", Setting::Sample(None));
    for name in SettingName::ALL {
        let sql = format!("RESET plusminus.{}", name.as_str());
        let kind = parse_statement(&sql).map(|statement| statement.kind);
        assert_eq!(kind, Ok(StatementKind::Reset { name }));
    }
}

#[test]
fn mistakes_are_explained() {
    for (sql, what, next) in [
        ("SET plusminus.eror = '5%'", "no setting plusminus.eror", "plusminus.error;"),
        ("SET plusminus.colour = '5%'", "no setting plusminus.colour", "one of"),
        ("RESET plusminus.witin", "no setting", "plusminus.within;"),
        ("RESET plusminus.error x", "end of the statement", "RESET"),
        ("SET plusminus.", "name of a setting", "plusminus.error"),
        ("SET plusminus.error", "= and a value", "SET plusminus.error = '5%'"),
        ("SET plusminus.error =", "a value", "SET plusminus.error = '5%'"),
        ("SET plusminus.error = ''", "no value", "'5%'"),
        ("SET plusminus.error = '0%'", "above 0", "ERROR"),
        ("SET plusminus.error = '-5%'", "no value", "'5%'"),
        ("SET plusminus.error = $1", "no value", "'5%'"),
        ("SET plusminus.error = '5% x'", "no value", "'5%'"),
        ("SET plusminus.within = '2'", "no value", "'2s'"),
        ("SET plusminus.within = '2 hours'", "no value", "'2s'"),
        ("SET plusminus.confidence = '0.95'", "50 to 99.9", "95%"),
        ("SET plusminus.on_miss = 'explode'", "no value", "'exact'"),
        ("SET plusminus.sample = '../x'", "no value", "'name'"),
        ("SET plusminus.level = '-1'", "no value", "'2'"),
    ] {
        check_error(sql, what, next);
    }
}

#[test]
fn other_settings_pass_through() {
    for sql in ["SET datafusion.execution.batch_size = 10", "SET plusminus = 5", "RESET x"] {
        match parse_statement(sql).map(|statement| statement.kind) {
            Ok(StatementKind::Sql(read)) => {
                assert_eq!((read.head.as_str(), read.class), (sql, SqlClass::Other));
            }
            other => unreachable!("{sql}: {other:?}"),
        }
    }
}
