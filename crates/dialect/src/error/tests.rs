use super::*;

fn check(line: &str, column: usize, length: usize, expected: &str) {
    let error = SyntaxError {
        what: "wrong".to_owned(),
        location: Location { offset: 0, line: 3, column },
        length,
        next: "right".to_owned(),
        source_line: line.to_owned(),
    };
    assert_eq!(error.to_string(), expected);
}

#[test]
fn shows_the_line_and_a_caret() {
    check(
        "SELECT 1 WITHIN 5 HOURS",
        19,
        5,
        "wrong (line 3, column 19)\n  SELECT 1 WITHIN 5 HOURS\n                    ^^^^^\nTry: right",
    );
}

#[test]
fn a_caret_may_stand_behind_the_line() {
    check("ab", 3, 1, "wrong (line 3, column 3)\n  ab\n    ^\nTry: right");
    check("", 1, 9, "wrong (line 3, column 1)\n  \n  ^\nTry: right");
}

#[test]
fn tabs_count_as_one_column() {
    check("\tx", 2, 1, "wrong (line 3, column 2)\n   x\n   ^\nTry: right");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let line = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
    let expected = format!(
        "wrong (line 3, column 501)\n  …{}HERE{}…\n  {}^^^^\nTry: right",
        "a".repeat(48),
        "b".repeat(44),
        " ".repeat(49),
    );
    check(&line, 501, 4, &expected);
}

#[test]
fn carets_stay_within_the_line() {
    check("abc", 2, 100, "wrong (line 3, column 2)\n  abc\n   ^^\nTry: right");
}
