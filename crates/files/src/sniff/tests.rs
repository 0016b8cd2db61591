use super::*;

/// Checks what is found: delimiter, quote, header and columns.
fn check(text: &str, expected: &str) {
    check_with(text, Options::default(), expected);
}

fn check_with(text: &str, options: Options, expected: &str) {
    let found = sniff(Path::new("t.csv"), text.as_bytes(), true, &options).unwrap();
    let Dialect { delimiter, quote, escape, has_header, .. } = found.dialect;
    let columns: Vec<String> =
        found.schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    let mark = if found.has_mark { " mark" } else { "" };
    let escape = escape.map(|e| format!(" escape {}", char::from(e))).unwrap_or_default();
    let commas =
        if found.decimal_commas.is_empty() { String::new() } else { format!(" commas {:?}", found.decimal_commas) };
    let found = format!(
        "{:?} {}{escape}{mark} {}: {}{commas}",
        char::from(delimiter),
        char::from(quote),
        if has_header { "header" } else { "rows" },
        columns.join(", ")
    );
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn the_delimiter_is_the_one_that_makes_rows_alike() {
    check("a,b\n1,2\n3,4\n", "',' \" header: a Int64, b Int64");
    check("a;b\n1,5;x\n2,5;y\n", "';' \" header: a Float64, b Utf8 commas [\"a\"]");
    check("a\tb\n1\t2024-01-01\n", "'\\t' \" header: a Int64, b Date32");
    check("a|b|c\n1|2|x, y\n1|2|z\n", "'|' \" header: a Int64, b Int64, c Utf8");
    check("a,b\n\"1,5\",\"x;y;z\"\n\"2,5\",\"u;v;w\"\n", "',' \" header: a Utf8, b Utf8");
    check("only\n1\n2\n", "',' \" header: only Int64");
    check("\u{feff}a,b\n1,2\n", "',' \" mark header: a Int64, b Int64");
    check("a,b\n'x,1',2\n'y,2',3\n", "',' ' header: a Utf8, b Int64");
    check("a,b\n\"x \\\" y, z\",2\n\"u\",3\n", "',' \" escape \\ header: a Utf8, b Int64");
}

#[test]
fn a_first_row_like_the_others_is_no_header() {
    check("1,x,2024-01-01\n2,y,2024-01-02\n", "',' \" rows: column0 Int64, column1 Utf8, column2 Date32");
    check("x,y\nu,v\n", "',' \" header: x Utf8, y Utf8");
    check("2020,2021\n1.5,x\n2.5,y\n", "',' \" rows: column0 Float64, column1 Utf8");
    check("1,2\n", "',' \" rows: column0 Int64, column1 Int64");
    check("id,name\n", "',' \" header: id Utf8, name Utf8");
    check_with("1,x\n2,y\n", Options { header: Some(true), ..Options::default() }, "',' \" header: 1 Int64, x Utf8");
}

#[test]
fn names_that_stand_twice_are_both_there() {
    check("a,a,,b\n1,2,3,4\n", "',' \" header: a Int64, a_1 Int64, column2 Int64, b Int64");
    let names = Some(vec!["p".to_owned(), "q".to_owned()]);
    check_with("1,2\n3,4\n", Options { names, ..Options::default() }, "',' \" rows: p Int64, q Int64");
}

#[test]
fn breaks_within_quotes_do_not_end_rows() {
    check("id,note\n1,\"a\nb,c\"\n2,\"d\"\n", "',' \" header: id Int64, note Utf8");
    let texts = [("a,b\n1,2\n", false), ("a,\"b\"\n\"1\",2\n", false), ("a\n\"x\ny\"\n", true), ("\"a\"\"\n\"", true)];
    for (text, expected) in texts {
        for step in 1..=text.len() {
            let mut breaks = QuotedBreaks::default();
            text.as_bytes().chunks(step).for_each(|some| breaks.scan(some, b'"'));
            assert_eq!(breaks.found, expected, "{text:?} by {step}");
        }
    }
}

#[test]
fn types_are_those_of_all_rows_looked_at() {
    check("a,b,c\n1,,true\n2.5,,false\n", "',' \" header: a Float64, b Utf8, c Boolean");
    check("t\n2024-01-01T10:00:00\n2024-01-02 11:00:00\n", "',' \" header: t Timestamp(s)");
    check_with("a\n1\nN/A\n", Options { null: Some("N/A".into()), ..Options::default() }, "',' \" header: a Int64");
    check_with("a\n1\n2\n", Options { all_text: true, ..Options::default() }, "',' \" header: a Utf8");
    check("zip,n\n01234,0\n10115,2\n", "',' \" header: zip Utf8, n Int64");
    check("p;q\n1.234,5;1\n-7,25;2\n;3\n", "';' \" header: p Float64, q Int64 commas [\"p\"]");
}

#[test]
fn the_end_of_a_head_may_cut_a_row() {
    let found = sniff(Path::new("t.csv"), b"a,b\n1,2\n3,4\n5,x", false, &Options::default()).unwrap();
    assert_eq!(*found.schema.field(1).data_type(), DataType::Int64);
}
