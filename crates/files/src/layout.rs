//! The layout of one file: its columns, and the settings that its reader needs.

use crate::error::{FileError, caught};
use crate::file::DataFile;
use crate::listing::compression_of;
use crate::options::Options;
use crate::sniff::{BYTE_ORDER_MARK, Dialect, HEAD_BYTES, QuotedBreaks, Sniffed, sniff};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use futures::FutureExt;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use plusminus_catalog::{Compression, FileFormat};
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;
use std::fs::File;
use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Layouts that are kept, usually and at most.
const KEPT_EXPECTED: usize = 64;
const KEPT_MAX: u64 = 65_536;
/// Bytes from which a text file may be split between threads, as DataFusion does.
const SPLIT_BYTES: u64 = 10 << 20;

/// The columns of a file and how it is read.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    pub(crate) kind: Kind,
    /// Whether a line break stands within quotes, once that was checked.
    quoted_breaks: OnceLock<bool>,
}

impl Layout {
    fn new(schema: SchemaRef, kind: Kind) -> Self {
        Self { schema, kind, quoted_breaks: OnceLock::new() }
    }

    /// Whether a line break may stand within quotes, so that the file cannot be split at line breaks. A large file is read once to find
    /// out; small ones, and those that cannot be split anyway, are read by one thread.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn has_quoted_breaks(&self, path: &Path, bytes: u64) -> Result<bool, FileError> {
        let Kind::Csv { compression, dialect, .. } = &self.kind else { return Ok(false) };
        if *compression != Compression::None || bytes < SPLIT_BYTES || dialect.escape.is_some() {
            return Ok(true);
        }
        if let Some(known) = self.quoted_breaks.get() {
            return Ok(*known);
        }
        let found = has_quoted_breaks(path, dialect.quote)?;
        Ok(*self.quoted_breaks.get_or_init(|| found))
    }
}

/// The format of a file, with the settings that its reader needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Parquet,
    Arrow,
    Json { compression: Compression, is_array: bool },
    Csv { compression: Compression, dialect: Dialect, has_mark: bool, decimal_commas: Vec<String> },
}

/// Layouts of files as they were last seen, so that a file is sniffed once.
#[derive(Debug)]
pub struct LayoutCache {
    known: Cache<(DataFile, FileFormat, Options), Arc<Layout>>,
}

impl Default for LayoutCache {
    fn default() -> Self {
        Self { known: Cache::with_weighter(KEPT_EXPECTED, KEPT_MAX, UnitWeighter) }
    }
}

impl LayoutCache {
    pub(crate) async fn layout(
        &self,
        file: &DataFile,
        format: FileFormat,
        options: &Options,
        state: &dyn Session,
    ) -> Result<Arc<Layout>, FileError> {
        let key = (file.clone(), format, options.clone());
        let found = async { Ok(Arc::new(detected(file, format, options, state).await?)) };
        self.known.get_or_insert_async(&key, found).await
    }
}

/// Finds the layout of a file from its first bytes or its footer.
async fn detected(
    file: &DataFile,
    format: FileFormat,
    options: &Options,
    state: &dyn Session,
) -> Result<Layout, FileError> {
    match format {
        FileFormat::Csv => caught(&file.path, || csv(file, options)),
        FileFormat::Parquet => {
            let schema = inferred(&parquet(state, true), file, state).await?;
            Ok(Layout::new(schema, Kind::Parquet))
        }
        FileFormat::Arrow => Ok(Layout::new(inferred(&ArrowFormat, file, state).await?, Kind::Arrow)),
        FileFormat::Ndjson => {
            let compression = options.compression.unwrap_or_else(|| compression_of(&file.path));
            let is_array = caught(&file.path, || {
                let (head, _) = head(&file.path, compression)?;
                let first = head.iter().find(|byte| !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.contains(byte));
                Ok(first == Some(&b'['))
            })?;
            let kind = Kind::Json { compression, is_array };
            let reader = json(compression, is_array)
                .with_schema_infer_max_rec(options.sample_rows.unwrap_or(crate::sniff::TYPED_ROWS));
            Ok(Layout::new(inferred(&reader, file, state).await?, kind))
        }
    }
}

/// The reader of Parquet files with the session's settings; with `prunes` it skips rows by the file's statistics.
pub(crate) fn parquet(state: &dyn Session, prunes: bool) -> ParquetFormat {
    let mut options = state.default_table_options().parquet;
    options.global.pruning &= prunes;
    options.global.enable_page_index &= prunes;
    ParquetFormat::default().with_options(options)
}

/// The reader of JSON files.
pub(crate) fn json(compression: Compression, is_array: bool) -> JsonFormat {
    JsonFormat::default().with_newline_delimited(!is_array).with_file_compression_type(compression_type(compression))
}

pub(crate) fn compression_type(compression: Compression) -> FileCompressionType {
    match compression {
        Compression::None => FileCompressionType::UNCOMPRESSED,
        Compression::Gzip => FileCompressionType::GZIP,
        Compression::Zstd => FileCompressionType::ZSTD,
        Compression::Bzip2 => FileCompressionType::BZIP2,
        Compression::Xz => FileCompressionType::XZ,
    }
}

/// The columns that DataFusion finds in a file.
async fn inferred(
    reader: &dyn datafusion::datasource::file_format::FileFormat,
    file: &DataFile,
    state: &dyn Session,
) -> Result<SchemaRef, FileError> {
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let object = [file.object()?];
    let work = AssertUnwindSafe(reader.infer_schema(state, &store, &object)).catch_unwind();
    match work.await {
        Ok(Ok(schema)) => unique(&file.path, schema),
        Ok(Err(error)) => Err(FileError::broken(&file.path, error.find_root())),
        Err(_) => Err(FileError::broken(&file.path, "its bytes make the reader fail")),
    }
}

fn unique(path: &Path, schema: SchemaRef) -> Result<SchemaRef, FileError> {
    let names = schema.fields().iter().map(|field| field.name());
    let twice = names.clone().enumerate().find(|(at, name)| names.clone().take(*at).any(|other| other == *name));
    match twice {
        None => Ok(schema),
        Some((_, name)) => Err(FileError::of_file(
            path,
            format_args!("two columns are called '{name}'"),
            "write the file anew with names of their own",
        )),
    }
}

fn csv(file: &DataFile, options: &Options) -> Result<Layout, FileError> {
    let compression = options.compression.unwrap_or_else(|| compression_of(&file.path));
    let (head, is_whole) = head(&file.path, compression)?;
    let Sniffed { dialect, has_mark, schema, decimal_commas } = sniff(&file.path, &head, is_whole, options)?;
    let kind = Kind::Csv { compression, dialect, has_mark, decimal_commas };
    Ok(Layout::new(Arc::new(Schema::new(schema.fields().clone())), kind))
}

/// The first bytes of a file, decompressed, and whether these are all.
fn head(path: &Path, compression: Compression) -> Result<(Vec<u8>, bool), FileError> {
    let broken = |e: &dyn std::fmt::Display| FileError::broken(path, e);
    let mut reader = reader(path, compression)?;
    let mut bytes = Vec::new();
    reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
    let is_whole = bytes.len() < HEAD_BYTES || reader.read(&mut [0]).map_err(|e| broken(&e))? == 0;
    Ok((bytes, is_whole))
}

/// A file's bytes, decompressed.
pub(crate) fn reader(path: &Path, compression: Compression) -> Result<Box<dyn Read + Send>, FileError> {
    let file = File::open(path).map_err(|e| FileError::broken(path, e))?;
    compression_type(compression).convert_read(file).map_err(|e| FileError::broken(path, e))
}

fn has_quoted_breaks(path: &Path, quote: u8) -> Result<bool, FileError> {
    let mut file = File::open(path).map_err(|e| FileError::broken(path, e))?;
    let (mut breaks, mut buffer) = (QuotedBreaks::default(), vec![0; 1 << 20]);
    while !breaks.found {
        match file.read(&mut buffer).map_err(|e| FileError::broken(path, e))? {
            0 => break,
            read => breaks.scan(&buffer[..read], quote),
        }
    }
    Ok(breaks.found)
}
