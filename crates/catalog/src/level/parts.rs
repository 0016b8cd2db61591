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
    /// Reads a part and keeps it, unless it is empty: what lies between row groups often is, and begins where a column does.
    pub(super) fn read(&mut self, file: &mut File, range: Range<u64>) -> std::io::Result<&[u8]> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(&[]);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// However parts with one start are sorted, the reader finds the bytes of the column that begins there.
    #[test]
    fn empty_parts_hide_no_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parts");
        std::fs::write(&path, (0..100).collect::<Vec<u8>>()).unwrap();
        let mut file = File::open(&path).unwrap();
        let mut parts = Parts { length: 100, parts: Vec::new() };
        for start in (0..100).step_by(2) {
            assert_eq!(parts.read(&mut file, start..start + 2).unwrap().len(), 2);
            assert!(parts.read(&mut file, start..start).unwrap().is_empty());
        }
        parts.parts.sort_unstable_by_key(|(start, _)| *start);
        for start in (0..100).step_by(2) {
            assert_eq!(parts.get_bytes(start, 2).unwrap()[0], u8::try_from(start).unwrap());
        }
    }
}
