//! `COPY … TO` with its options as DuckDB and PostgreSQL write them.

use crate::error::SyntaxError;
use crate::source::Source;
use crate::suggest::nearest;
use sqlparser::tokenizer::Token;
use std::ops::Range;

/// `COPY source TO target (options)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStatement {
    /// Source text of the table, or of the query in its parentheses.
    pub source: String,
    /// Where the rows go.
    pub target: CopyTarget,
    /// The name of the format in upper case: CSV, JSON, PARQUET or ARROW; `None` where the file's ending says it, if anything does.
    pub format: Option<String>,
    /// Names of DataFusion's options for writing, and their values.
    pub options: Vec<(String, String)>,
    /// Source text of the columns whose values are folders.
    pub partition_by: Option<String>,
}

/// The target of a COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyTarget {
    /// A path.
    File(String),
    /// The output of the command that runs the statement.
    Stdout,
}

/// A blank between day and time, as DuckDB and PostgreSQL write it.
const TIMES: (&str, &str) = ("format.timestamp_format", "%Y-%m-%d %H:%M:%S%.f");

const OPTIONS: [&str; 11] = [
    "format",
    "header",
    "delimiter",
    "delim",
    "sep",
    "quote",
    "null",
    "nullstr",
    "compression",
    "partition_by",
    "overwrite_or_ignore",
];

/// Reads a COPY that has no options, or those of DuckDB and PostgreSQL: `(FORMAT csv, HEADER false)`, `WITH (…)`, `CSV HEADER`.
/// `None` for any other text, such as a COPY with options in DataFusion's own form.
///
/// ```
/// use plusminus_dialect::parse_copy;
///
/// let copy = parse_copy("COPY (SELECT 1) TO 'rows' (FORMAT parquet, COMPRESSION zstd)").unwrap().unwrap();
/// assert_eq!(
///     copy.to_sql().unwrap(),
///     "COPY (SELECT 1) TO 'rows' STORED AS PARQUET OPTIONS ('format.compression' 'zstd(3)')"
/// );
/// ```
///
/// # Errors
///
/// At an option that is not known, or that has no value.
pub fn parse_copy(sql: &str) -> Result<Option<CopyStatement>, SyntaxError> {
    let source = Source::new(sql)?;
    if !source.is_word(0, "COPY") {
        return Ok(None);
    }
    let Some(to) = top_level_to(&source) else { return Ok(None) };
    let target = match source.token(to + 1) {
        Token::SingleQuotedString(file) if file == "/dev/stdout" => CopyTarget::Stdout,
        Token::SingleQuotedString(file) => CopyTarget::File(file.clone()),
        _ if source.is_word(to + 1, "STDOUT") => CopyTarget::Stdout,
        _ => return Ok(None),
    };
    let mut copy = CopyStatement {
        source: source.slice(1..to).to_owned(),
        target,
        format: None,
        options: Vec::new(),
        partition_by: None,
    };
    let mut at = to + 2;
    while *source.token(source.len() - 1) == Token::SemiColon && at == source.len() - 1 {
        at += 1;
    }
    if source.is_any_word(at, &["STORED", "OPTIONS", "PARTITIONED"]) {
        return Ok(None);
    }
    if source.is_word(at, "WITH") {
        at += 1;
    }
    if *source.token(at) == Token::LParen {
        listed(&source, at, &mut copy)?;
    } else {
        in_words(&source, at, &mut copy)?;
    }
    copy.settle_by_ending();
    Ok(Some(copy))
}

impl CopyStatement {
    /// The statement in DataFusion's words; `None` for one that writes no file.
    #[must_use]
    pub fn to_sql(&self) -> Option<String> {
        let CopyTarget::File(file) = &self.target else { return None };
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        // DataFusion takes the dots of a quoted path for those of a schema.
        let source = match self.source.starts_with('\'') {
            true => format!("({})", self.query()),
            false => self.source.clone(),
        };
        let mut sql = format!("COPY {source} TO {}", quoted(file));
        if let Some(format) = &self.format {
            sql.push_str(&format!(" STORED AS {format}"));
        }
        if let Some(columns) = &self.partition_by {
            sql.push_str(&format!(" PARTITIONED BY ({columns})"));
        }
        let option = |(name, value): (&str, &str)| format!("{} {}", quoted(name), quoted(value));
        let mut options: Vec<String> =
            self.options.iter().map(|(name, value)| option((name.as_str(), value.as_str()))).collect();
        if self.format.as_deref() == Some("CSV") {
            options.push(option(TIMES));
        }
        if !options.is_empty() {
            sql.push_str(&format!(" OPTIONS ({})", options.join(", ")));
        }
        Some(sql)
    }

    /// The query whose rows are copied.
    #[must_use]
    pub fn query(&self) -> String {
        match self.source.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(query) => query.to_owned(),
            None => format!("SELECT * FROM {}", self.source),
        }
    }

    /// Names endings that DataFusion does not know by itself.
    fn settle_by_ending(&mut self) {
        let CopyTarget::File(file) = &self.target else { return };
        let name = file.to_lowercase();
        let (name, compression) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
            (Some(name), _) => (name.to_owned(), Some("gzip")),
            (_, Some(name)) => (name.to_owned(), Some("zstd")),
            _ => (name, None),
        };
        let format = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv" | "tsv" | "tab") => "CSV",
            Some("json" | "ndjson" | "jsonl") => "JSON",
            Some("parquet") => "PARQUET",
            Some("arrow" | "feather" | "ipc") => "ARROW",
            _ => return,
        };
        let is_tabbed = name.ends_with(".tsv") || name.ends_with(".tab");
        self.format.get_or_insert_with(|| format.to_owned());
        if is_tabbed && !self.has("format.delimiter") {
            self.options.push(("format.delimiter".to_owned(), "\t".to_owned()));
        }
        if let Some(compression) = compression.filter(|_| !self.has("format.compression")) {
            self.options.push(("format.compression".to_owned(), compression.to_owned()));
        }
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| name == option)
    }

    /// Takes one option; `value` is `None` where it has none, which means true.
    fn set(&mut self, source: &Source<'_>, at: usize, name: &str, value: Option<String>) -> Result<(), SyntaxError> {
        let value =
            |next: &str| value.clone().ok_or_else(|| source.error(at..at + 1, format!("{name} has no value"), next));
        let mut option = |name: &str, value: String| self.options.push((name.to_owned(), value));
        match name.to_ascii_lowercase().as_str() {
            "format" => {
                let format = value("FORMAT csv")?.to_uppercase();
                match format.as_str() {
                    "CSV" | "JSON" | "PARQUET" | "ARROW" => self.format = Some(format),
                    "NDJSON" | "JSONL" => self.format = Some("JSON".to_owned()),
                    "TSV" => {
                        option("format.delimiter", "\t".to_owned());
                        self.format = Some("CSV".to_owned());
                    }
                    _ => {
                        let what = format!("there is no format {format}");
                        return Err(source.error(at..at + 1, what, "FORMAT csv, tsv, json, parquet or arrow"));
                    }
                }
            }
            "header" => option("format.has_header", truth(value("").ok())),
            "delimiter" | "delim" | "sep" => option("format.delimiter", unescaped(&value("DELIMITER ','")?)),
            "quote" => option("format.quote", value("QUOTE '\"'")?),
            "null" | "nullstr" => option("format.null_value", value("NULL 'NA'")?),
            "compression" => {
                let compression = match value("COMPRESSION zstd")?.to_lowercase().as_str() {
                    "zstd" if self.format.as_deref() == Some("PARQUET") => "zstd(3)".to_owned(),
                    "gzip" if self.format.as_deref() == Some("PARQUET") => "gzip(6)".to_owned(),
                    "none" => "uncompressed".to_owned(),
                    other => other.to_owned(),
                };
                option("format.compression", compression);
            }
            "partition_by" => self.partition_by = Some(value("PARTITION_BY (column)")?),
            // Files are replaced anyhow.
            "overwrite_or_ignore" => {}
            _ => {
                let next = match nearest(name, OPTIONS.into_iter()) {
                    Some(near) => format!("did you mean {}?", near.to_uppercase()),
                    None => "FORMAT, HEADER, DELIMITER, QUOTE, NULL, COMPRESSION, PARTITION_BY".to_owned(),
                };
                return Err(source.error(at..at + 1, format!("COPY has no option {name}"), next));
            }
        }
        Ok(())
    }
}

/// The place of TO outside parentheses.
fn top_level_to(source: &Source<'_>) -> Option<usize> {
    let mut depth = 0_usize;
    for at in 1..source.len() {
        match source.token(at) {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && source.is_word(at, "TO") => return Some(at),
            _ => {}
        }
    }
    None
}

/// `(name value, name = value, name)`.
fn listed(source: &Source<'_>, open: usize, copy: &mut CopyStatement) -> Result<(), SyntaxError> {
    let mut at = open + 1;
    // The format comes first, since others depend on it.
    let mut options: Vec<(usize, String, Option<String>)> = Vec::new();
    loop {
        match source.token(at) {
            Token::RParen => break,
            Token::Comma => at += 1,
            Token::Word(word) => {
                let (name, place) = (word.value.clone(), at);
                at += 1;
                if *source.token(at) == Token::Eq {
                    at += 1;
                }
                let (value, next) = value_at(source, at);
                options.push((place, name, value));
                at = next;
            }
            _ => return Err(source.error(at..at + 1, "expected an option", "(FORMAT csv, HEADER true)")),
        }
    }
    options.sort_by_key(|(place, name, _)| (!name.eq_ignore_ascii_case("format"), *place));
    options.into_iter().try_for_each(|(at, name, value)| copy.set(source, at, &name, value))
}

/// `CSV HEADER DELIMITER '|'`, PostgreSQL's older form.
fn in_words(source: &Source<'_>, mut at: usize, copy: &mut CopyStatement) -> Result<(), SyntaxError> {
    while at < source.len() && *source.token(at) != Token::SemiColon {
        let Some(word) = source.word(at).map(str::to_owned) else {
            return Err(source.error(at..at + 1, "expected an option", "(FORMAT csv, HEADER true)"));
        };
        at += 1;
        let value = match word.to_ascii_lowercase().as_str() {
            "csv" | "parquet" | "json" | "arrow" => {
                copy.set(source, at - 1, "format", Some(word))?;
                continue;
            }
            "header" => None,
            _ => {
                let (value, next) = value_at(source, at);
                at = next;
                value
            }
        };
        copy.set(source, at - 1, &word, value)?;
    }
    Ok(())
}

/// The value at a place, if there is one, and the place behind it.
fn value_at(source: &Source<'_>, at: usize) -> (Option<String>, usize) {
    match source.token(at) {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => (Some(text.clone()), at + 1),
        Token::Number(digits, _) => (Some(digits.clone()), at + 1),
        Token::Word(word) => (Some(word.value.clone()), at + 1),
        Token::LParen => {
            let close = (at..source.len()).find(|at| *source.token(*at) == Token::RParen).unwrap_or(source.len());
            let inner: Range<usize> = at + 1..close;
            (Some(source.slice(inner).to_owned()), close + 1)
        }
        _ => (None, at),
    }
}

fn truth(value: Option<String>) -> String {
    let is_false = value.is_some_and(|value| ["false", "off", "0", "no"].contains(&value.to_lowercase().as_str()));
    (!is_false).to_string()
}

/// A tab is often written `\t`.
fn unescaped(value: &str) -> String {
    if value == "\\t" { "\t".to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        let sql = parse_copy(text).unwrap().unwrap().to_sql().unwrap();
        assert_eq!(sql.contains("STORED AS CSV"), sql.contains(TIMES.0));
        let times = format!("'{}' '{}'", TIMES.0, TIMES.1);
        sql.replace(&format!(", {times}"), "").replace(&format!(" OPTIONS ({times})"), "")
    }

    #[test]
    fn options_are_written_in_datafusions_words() {
        for (text, expected) in [
            ("COPY t TO 'a.csv'", "COPY t TO 'a.csv' STORED AS CSV"),
            (
                "copy (SELECT 'TO' FROM (VALUES (1)) to_x) to 'o''k.tsv' ;",
                "COPY (SELECT 'TO' FROM (VALUES (1)) to_x) TO 'o''k.tsv' STORED AS CSV OPTIONS ('format.delimiter' '\t')",
            ),
            (
                "COPY t TO 'a.csv.gz' (HEADER)",
                "COPY t TO 'a.csv.gz' STORED AS CSV OPTIONS ('format.has_header' 'true', 'format.compression' 'gzip')",
            ),
            (
                "COPY t TO 'a' WITH (header off, FORMAT = tsv, nullstr 'NA')",
                "COPY t TO 'a' STORED AS CSV OPTIONS ('format.delimiter' '\t', 'format.has_header' 'false', 'format.null_value' 'NA')",
            ),
            (
                "COPY t TO 'a.txt' WITH CSV HEADER DELIMITER ';'",
                "COPY t TO 'a.txt' STORED AS CSV OPTIONS ('format.has_header' 'true', 'format.delimiter' ';')",
            ),
            (
                "COPY t TO 'd' (COMPRESSION zstd, FORMAT parquet, PARTITION_BY (a, b))",
                "COPY t TO 'd' STORED AS PARQUET PARTITIONED BY (a, b) OPTIONS ('format.compression' 'zstd(3)')",
            ),
            ("COPY t TO 'a.jsonl'", "COPY t TO 'a.jsonl' STORED AS JSON"),
            ("COPY t TO 'a.dat'", "COPY t TO 'a.dat'"),
        ] {
            assert_eq!(sql(text), expected);
        }
        let stdout = parse_copy("COPY (SELECT 1) TO STDOUT (FORMAT json)").unwrap().unwrap();
        assert_eq!((&stdout.target, stdout.to_sql(), stdout.query().as_str()), (&CopyTarget::Stdout, None, "SELECT 1"));
        assert_eq!(parse_copy("COPY t TO '/dev/stdout'").unwrap().unwrap().query(), "SELECT * FROM t");
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in [
            "SELECT 1",
            "COPY t TO 'a' STORED AS CSV",
            "COPY t TO 'a.csv' OPTIONS ('format.has_header' 'true')",
            "COPY t FROM 'a.csv'",
        ] {
            assert_eq!(parse_copy(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn wrong_options_are_errors_with_a_place() {
        for (text, what, next) in [
            ("COPY t TO 'a' (HEADR true)", "COPY has no option HEADR", "did you mean HEADER?"),
            ("COPY t TO 'a' (FORMAT xlsx)", "there is no format XLSX", "FORMAT csv"),
            ("COPY t TO 'a' (DELIMITER)", "DELIMITER has no value", "DELIMITER ','"),
            ("COPY t TO 'a' (1)", "expected an option", "FORMAT csv"),
            ("COPY t TO 'a' CSV 1", "expected an option", "FORMAT csv"),
        ] {
            let error = parse_copy(text).unwrap_err();
            assert!(error.what == what && error.next.contains(next), "{text}: {error}");
        }
    }
}
