//! Options by which a user sets what the sniffer would guess: `CREATE EXTERNAL TABLE … OPTIONS ('delimiter' ';')`.

use crate::error::FileError;
use plusminus_catalog::Compression;
use std::collections::BTreeMap;

/// The suggestion for a CSV file that is read in another way than it is meant.
pub(crate) const HINT: &str = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '…' OPTIONS ('delimiter' ';', 'header' 'false', \
                               'quote' '\"', 'null' 'N/A', 'decimal' ',', 'all_text' 'true', 'sample_rows' '1000000')";

/// How files are read, as far as the user set it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options {
    pub(crate) delimiter: Option<u8>,
    pub(crate) header: Option<bool>,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) comment: Option<u8>,
    /// The text that stands for NULL, besides nothing at all.
    pub(crate) null: Option<String>,
    /// The decimal separator.
    pub(crate) decimal: Option<u8>,
    pub(crate) compression: Option<Compression>,
    /// Whether every column is read as text.
    pub(crate) all_text: bool,
    /// The number of first rows that decide the types of columns.
    pub(crate) sample_rows: Option<usize>,
    /// The names of the columns, in the order of the file.
    pub(crate) names: Option<Vec<String>>,
}

impl Options {
    /// Options by their names, as SQL has them.
    ///
    /// # Errors
    /// For an unknown name, or a value that does not fit.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self, FileError> {
        let mut parsed = Self::default();
        for (name, value) in options {
            parsed.set(name.strip_prefix("format.").unwrap_or(name), value)?;
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), FileError> {
        match name.to_ascii_lowercase().as_str() {
            "delimiter" | "delim" | "sep" => self.delimiter = Some(byte(name, value)?),
            "header" | "has_header" => self.header = Some(truth(name, value)?),
            "quote" => self.quote = Some(byte(name, value)?),
            "escape" => self.escape = Some(byte(name, value)?),
            "comment" => self.comment = Some(byte(name, value)?),
            "null" | "nullstr" | "null_value" => self.null = Some(value.to_owned()),
            "decimal" | "decimal_separator" => self.decimal = Some(byte(name, value)?),
            "compression" => self.compression = Some(compression(value)?),
            "all_text" | "all_varchar" => self.all_text = truth(name, value)?,
            // DuckDB's -1 means all of them.
            "sample_rows" | "sample_size" | "schema_infer_max_rec" => {
                self.sample_rows = Some(if value == "-1" { usize::MAX } else { number(name, value)? });
            }
            "names" => self.names = Some(value.split(',').map(|name| name.trim().to_owned()).collect()),
            // Breaks in quotes are found anyway.
            "newlines_in_values" => {
                truth(name, value)?;
            }
            other => {
                return Err(FileError::new(
                    format!("there is no option '{other}' for files"),
                    "one of: delimiter, header, quote, escape, comment, null, decimal, compression, all_text, sample_rows, names",
                ));
            }
        }
        Ok(())
    }

    /// The pattern of texts that stand for NULL, for the reader that guesses types.
    pub(crate) fn null_pattern(&self) -> Option<regex::Regex> {
        let null = self.null.as_ref()?;
        regex::Regex::new(&format!("^(?:{})?$", regex::escape(null))).ok()
    }
}

fn byte(name: &str, value: &str) -> Result<u8, FileError> {
    match value {
        "\\t" | "tab" => Ok(b'\t'),
        _ => match value.as_bytes() {
            [byte] => Ok(*byte),
            _ => Err(FileError::new(format!("option '{name}' takes one character, not '{value}'"), HINT)),
        },
    }
}

fn truth(name: &str, value: &str) -> Result<bool, FileError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(FileError::new(format!("option '{name}' takes true or false, not '{value}'"), HINT)),
    }
}

fn number(name: &str, value: &str) -> Result<usize, FileError> {
    value.parse().map_err(|_| FileError::new(format!("option '{name}' takes a number, not '{value}'"), HINT))
}

fn compression(value: &str) -> Result<Compression, FileError> {
    let known = Compression::ENDINGS.iter().find(|(ending, _)| value.eq_ignore_ascii_case(ending)).map(|(_, c)| *c);
    let named = match value.to_ascii_lowercase().as_str() {
        "none" | "uncompressed" | "" => Some(Compression::None),
        "gzip" => Some(Compression::Gzip),
        "zstd" => Some(Compression::Zstd),
        "bzip2" => Some(Compression::Bzip2),
        _ => known,
    };
    named.ok_or_else(|| {
        FileError::new(format!("there is no compression '{value}'"), "one of: none, gzip, zstd, bzip2, xz")
    })
}
