//! The sniffer of CSV files: it finds delimiter, quotes, header, and the types of columns.
//!
//! Like DuckDB's sniffer, every likely dialect is tried on the head of the file; the one wins under which most rows have
//! the same number of columns, then the one with the most columns. A first row is a header where a cell of it does not
//! have the type of the column below it, or where all columns are text.

use crate::error::FileError;
use crate::options::Options;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The number of rows that a dialect is tried on.
const TRIED_ROWS: usize = 1_000;
/// The number of rows that decide the types of columns unless an option says otherwise; DuckDB takes as many.
pub(crate) const TYPED_ROWS: usize = 20_480;
/// The number of first bytes of a file that are sniffed.
pub(crate) const HEAD_BYTES: usize = 2 << 20;
/// The byte order mark that some programs put before UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The dialect by which the bytes of a CSV file are split into rows and cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
    pub(crate) comment: Option<u8>,
    pub(crate) has_header: bool,
}

/// A CSV file as it was sniffed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sniffed {
    pub(crate) dialect: Dialect,
    pub(crate) has_mark: bool,
    /// The file's columns in their order.
    pub(crate) schema: Schema,
    /// Columns whose numbers have a comma before the decimals.
    pub(crate) decimal_commas: Vec<String>,
}

/// Sniffs the head of a file; `is_whole` where that is all of it.
pub(crate) fn sniff(path: &Path, head: &[u8], is_whole: bool, options: &Options) -> Result<Sniffed, FileError> {
    let (has_mark, head) = match head.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (true, rest),
        None => (false, head),
    };
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(FileError::of_file(path, "the file is UTF-16", "save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"));
    }
    let mut dialect = best_dialect(head, is_whole, options);
    let tried = Rows::read(head, is_whole, &dialect, TRIED_ROWS);
    let decimal_commas = decimal_commas(&tried.rows, &dialect, options);
    dialect.has_header = options.header.unwrap_or_else(|| has_header(&tried.rows));
    let names = names(&tried.rows, dialect.has_header, options);
    let whole = Rows::read(head, is_whole, &dialect, options.sample_rows.unwrap_or(TYPED_ROWS));
    let schema = types(path, (&head[..whole.bytes], &whole.rows), &dialect, &names, options)?;
    let decimal_commas = decimal_commas.into_iter().filter_map(|at| names.get(at).cloned()).collect::<Vec<_>>();
    let fields = schema.fields().iter().map(|field| match decimal_commas.contains(field.name()) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Float64)),
        false => Arc::clone(field),
    });
    Ok(Sniffed { dialect, has_mark, schema: Schema::new(fields.collect::<Vec<_>>()), decimal_commas })
}

impl Dialect {
    /// Rows of any length, a header among them.
    pub(crate) fn rows_of<R: std::io::Read>(&self, bytes: R) -> csv::Reader<R> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .quote(self.quote)
            .escape(self.escape)
            .double_quote(self.escape.is_none())
            .comment(self.comment)
            .from_reader(bytes)
    }
}

/// Rows from the head of a file.
struct Rows {
    rows: Vec<Vec<String>>,
    /// Bytes up to the end of the last whole row.
    bytes: usize,
}

impl Rows {
    fn read(head: &[u8], is_whole: bool, dialect: &Dialect, most: usize) -> Self {
        let mut reader = dialect.rows_of(head);
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        let mut record = csv::ByteRecord::new();
        while rows.len() < most && reader.read_byte_record(&mut record).is_ok_and(|is_one| is_one) {
            rows.push(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect::<Vec<_>>());
            ends.push(usize::try_from(reader.position().byte()).unwrap_or(head.len()).min(head.len()));
        }
        // The last row of a head may be cut off in its middle.
        if !is_whole && ends.last() == Some(&head.len()) && rows.len() > 1 {
            rows.pop();
            ends.pop();
        }
        Self { rows, bytes: ends.last().copied().unwrap_or(0) }
    }

    /// The number of columns that most rows have, and their share of all rows.
    fn shape(&self) -> (usize, f64) {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        self.rows.iter().for_each(|row| *counts.entry(row.len()).or_default() += 1);
        let most = counts.into_iter().max_by_key(|(columns, rows)| (*rows, *columns));
        #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
        most.map_or((0, 0.0), |(columns, rows)| (columns, rows as f64 / self.rows.len() as f64))
    }
}

fn best_dialect(head: &[u8], is_whole: bool, options: &Options) -> Dialect {
    let delimiters: Vec<u8> = options.delimiter.map_or_else(|| vec![b',', b';', b'\t', b'|'], |d| vec![d]);
    let quotes: Vec<u8> = options.quote.map_or_else(|| vec![b'"', b'\''], |q| vec![q]);
    let has_backslash = memchr::memmem::find(head, b"\\\"").is_some();
    let escapes: Vec<Option<u8>> = match options.escape {
        Some(escape) => vec![Some(escape)],
        None if has_backslash => vec![None, Some(b'\\')],
        None => vec![None],
    };
    let mut best: Option<(Dialect, (usize, f64))> = None;
    for delimiter in &delimiters {
        for quote in &quotes {
            for escape in &escapes {
                let comment = options.comment;
                let dialect =
                    Dialect { delimiter: *delimiter, quote: *quote, escape: *escape, comment, has_header: true };
                let shape = Rows::read(head, is_whole, &dialect, TRIED_ROWS).shape();
                // A single column is no evidence for its delimiter.
                let worth = |(columns, share): (usize, f64)| if columns < 2 { (0.0, 0) } else { (share, columns) };
                if best.is_none_or(|(_, known)| worth(shape) > worth(known)) {
                    best = Some((dialect, shape));
                }
            }
        }
    }
    let usual = Dialect { delimiter: b',', quote: b'"', escape: None, comment: None, has_header: true };
    best.map_or(usual, |(dialect, _)| dialect)
}

/// The kind of a cell's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Truth,
    Number,
    /// A date, with or without a time.
    Time,
    Text,
}

fn kind(cell: &str) -> Kind {
    let is_time = |cell: &str| {
        let bytes = cell.as_bytes();
        bytes.len() >= 10
            && bytes[..10]
                .iter()
                .enumerate()
                .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
    };
    match cell {
        "" => Kind::Empty,
        _ if cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false") => Kind::Truth,
        _ if cell.parse::<f64>().is_ok() && cell.contains(|c: char| c.is_ascii_digit()) => Kind::Number,
        _ if is_comma_number(cell) => Kind::Number,
        _ if is_time(cell) => Kind::Time,
        _ => Kind::Text,
    }
}

/// `1234,5` or `1.234,5`, with a sign or without.
fn is_comma_number(cell: &str) -> bool {
    let cell = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let Some((whole, decimals)) = cell.split_once(',') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains('.');
    digits(decimals)
        && digits(first)
        && (!grouped || first.len() <= 3)
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// The kind that all cells of a column below the first row share; text where they differ.
fn kind_below(rows: &[Vec<String>], column: usize) -> Kind {
    let mut found = Kind::Empty;
    for cell in rows.iter().skip(1).filter_map(|row| row.get(column)) {
        match (found, kind(cell.trim())) {
            (_, Kind::Empty) => {}
            (Kind::Empty, own) => found = own,
            (known, own) if known == own => {}
            _ => return Kind::Text,
        }
    }
    found
}

fn has_header(rows: &[Vec<String>]) -> bool {
    let Some(first) = rows.first() else { return true };
    if rows.len() == 1 {
        return first.iter().all(|cell| kind(cell.trim()) == Kind::Text);
    }
    let below: Vec<Kind> = (0..first.len()).map(|column| kind_below(rows, column)).collect();
    let is_typed = |kind: &Kind| !matches!(kind, Kind::Text | Kind::Empty);
    let differs = |(cell, below): (&String, &Kind)| {
        let own = kind(cell.trim());
        is_typed(below) && own != *below && own != Kind::Empty
    };
    first.iter().zip(&below).any(differs) || !below.iter().any(is_typed)
}

/// Columns (by their place) of numbers with a comma before the decimals.
fn decimal_commas(rows: &[Vec<String>], dialect: &Dialect, options: &Options) -> Vec<usize> {
    if options.decimal == Some(b'.') || (dialect.delimiter == b',' && options.decimal.is_none()) {
        return Vec::new();
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let is_whole = |cell: &str| cell.parse::<i64>().is_ok();
    let is_one = |column: &usize| {
        let cells = || rows.iter().skip(1).filter_map(|row| row.get(*column)).map(|cell| cell.trim());
        let cells = || cells().filter(|cell| !cell.is_empty() && Some(*cell) != options.null.as_deref());
        cells().any(is_comma_number) && cells().all(|cell| is_comma_number(cell) || is_whole(cell))
    };
    (0..columns).filter(is_one).collect()
}

/// The names of the columns: the header's, `column0` and so on without one; a name that stands again gets a number.
fn names(rows: &[Vec<String>], has_header: bool, options: &Options) -> Vec<String> {
    let first = rows.first().map_or(&[][..], Vec::as_slice);
    let mut found: Vec<String> = Vec::with_capacity(first.len());
    for (at, cell) in first.iter().enumerate() {
        let given = options.names.as_ref().and_then(|names| names.get(at).cloned());
        let written = has_header.then(|| cell.trim().to_owned()).filter(|name| !name.is_empty());
        let name = given.or(written).unwrap_or_else(|| format!("column{at}"));
        let mut own = name.clone();
        let mut again = 1;
        while found.contains(&own) {
            own = format!("{name}_{again}");
            again += 1;
        }
        found.push(own);
    }
    found
}

/// The types of the columns by their first rows, as bytes and as cells.
fn types(
    path: &Path,
    (head, rows): (&[u8], &[Vec<String>]),
    dialect: &Dialect,
    names: &[String],
    options: &Options,
) -> Result<Schema, FileError> {
    let text = |name: &String| Field::new(name, DataType::Utf8, true);
    if options.all_text {
        return Ok(Schema::new(names.iter().map(text).collect::<Vec<_>>()));
    }
    let mut format = Format::default()
        .with_header(dialect.has_header)
        .with_delimiter(dialect.delimiter)
        .with_quote(dialect.quote)
        .with_truncated_rows(true);
    if let Some(escape) = dialect.escape {
        format = format.with_escape(escape);
    }
    if let Some(comment) = dialect.comment {
        format = format.with_comment(comment);
    }
    if let Some(null) = options.null_pattern() {
        format = format.with_null_regex(null);
    }
    let inferred = format.infer_schema(head, options.sample_rows.or(Some(TYPED_ROWS)));
    let (inferred, _) = inferred.map_err(|e| FileError::of_file(path, e, crate::options::HINT))?;
    let typed = |(at, name): (usize, &String)| match inferred.fields().get(at) {
        Some(field) if field.data_type().is_integer() && is_code(&rows[usize::from(dialect.has_header)..], at) => {
            text(name)
        }
        // Nothing but NULLs so far: whatever comes later is text.
        Some(field) if *field.data_type() != DataType::Null => Field::new(name, field.data_type().clone(), true),
        _ => text(name),
    };
    Ok(Schema::new(names.iter().enumerate().map(typed).collect::<Vec<_>>()))
}

/// Whether the digits of a column are a code, such as a postal code, in which leading zeros count.
fn is_code(rows: &[Vec<String>], column: usize) -> bool {
    let digits = |cell: &String| {
        let cell = cell.trim();
        cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|byte| byte.is_ascii_digit())
    };
    rows.iter().filter_map(|row| row.get(column)).any(digits)
}

/// Whether a line break stands within quotes anywhere, so that the file cannot be split at line breaks.
#[derive(Debug, Default)]
pub(crate) struct QuotedBreaks {
    is_quoted: bool,
    pub(crate) found: bool,
}

impl QuotedBreaks {
    /// Scans the next bytes of the file.
    pub(crate) fn scan(&mut self, bytes: &[u8], quote: u8) {
        let mut at = 0;
        while let Some(next) = memchr::memchr(quote, &bytes[at..]) {
            self.found |= self.is_quoted && memchr::memchr2(b'\n', b'\r', &bytes[at..at + next]).is_some();
            self.is_quoted = !self.is_quoted;
            at += next + 1;
        }
        self.found |= self.is_quoted && memchr::memchr2(b'\n', b'\r', &bytes[at..]).is_some();
    }
}

#[cfg(test)]
mod tests;
