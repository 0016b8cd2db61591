//! A reader of a file of which only some parts are in memory.

use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// The length of a file in bytes, and parts of it by their first byte, in order when the Parquet reader asks for them.
pub(super) struct Parts {
    pub(super) length: u64,
    pub(super) parts: Vec<(u64, Bytes)>,
}

impl Parts {
    /// Reads a part and keeps it.
    pub(super) fn read(&mut self, file: &mut File, range: Range<u64>) -> std::io::Result<&[u8]> {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(usize::MAX));
        file.seek(SeekFrom::Start(range.start))?;
        file.take(length).read_to_end(&mut bytes)?;
        self.parts.push((range.start, Bytes::from(bytes)));
        Ok(self.parts.last().map_or(&[], |(_, bytes)| bytes))
    }

    /// The bytes that were read from `start` on.
    fn from(&self, start: u64) -> Result<Bytes> {
        let found =
            self.parts.iter().rev().find(|(first, bytes)| (*first..=*first + bytes.len() as u64).contains(&start));
        let (first, bytes) = found.ok_or_else(|| ParquetError::General(format!("byte {start} was not read")))?;
        Ok(bytes.slice(usize::try_from(start - first).unwrap_or(usize::MAX)..))
    }
}

impl Length for Parts {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Parts {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        match length <= bytes.len() {
            true => Ok(bytes.slice(..length)),
            false => Err(ParquetError::EOF(format!("{length} bytes from {start} on were not all read"))),
        }
    }
}
