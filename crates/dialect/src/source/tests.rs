use super::*;

/// Every token's text as sliced from the source, joined by `|`.
fn check(text: &str, expected: &str) {
    let source = Source::new(text).expect("the text is readable");
    let tokens: Vec<_> = (0..source.len()).map(|i| source.slice(i..i + 1)).collect();
    assert_eq!(tokens.join("|"), expected);
}

#[test]
fn tokens_keep_their_bytes() {
    check("SELECT 1", "SELECT|1");
    check("SELECT 'é€😀', \"ü x\" FROM t", "SELECT|'é€😀'|,|\"ü x\"|FROM|t");
    check("a\r\n-- é\r\nb /* ü\n */ c", "a|b|c");
    check("5s 500ms 10%;", "5|s|500|ms|10|%|;");
    check("$1 $tag$ x; $tag$ 'it''s'", "$1|$tag$ x; $tag$|'it''s'");
    check("U&'\\0041' x'ff' e'\\n' N'x'", "U&'\\0041'|x'ff'|e'\\n'|N'x'");
}

#[test]
fn places_count_characters_and_lines() {
    let source = Source::new("é\r\n  'ü' x").expect("the text is readable");
    let expected = Location { offset: 11, line: 2, column: 7 };
    assert_eq!(source.start(2), expected);
}

#[test]
fn unreadable_text_is_located() {
    for (text, column, next) in [
        ("SELECT 'é", 8, "close the string"),
        ("SELECT \"x", 8, "close the name"),
        ("SELECT /* x", 12, "close the comment"),
        ("SELECT $a$ x", 13, "close the string"),
    ] {
        let error = Source::new(text).map(|_| ()).expect_err(text);
        assert_eq!(error.location.column, column, "{error}");
        assert!(error.next.contains(next), "{error}");
    }
}

#[test]
fn a_text_has_a_longest_length() {
    let longest = " ".repeat(TEXT_BYTES_MAX);
    assert!(Source::new(&longest).is_ok());
    let error = Source::new(&format!("{longest} ")).map(|_| ()).expect_err("one byte more");
    assert_eq!(error.location.offset, TEXT_BYTES_MAX);
    let wide = "é".repeat(TEXT_BYTES_MAX);
    assert!(Source::new(&wide).is_err());
}
