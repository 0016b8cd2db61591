//! Files that take their name once they are whole, so that a failure leaves what was there before.

use crate::failure::Failure;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file under a temporary name beside its place; removed unless it is published.
pub(crate) struct PendingFile {
    temporary: PathBuf,
    place: PathBuf,
    is_published: bool,
}

impl PendingFile {
    /// Creates the file, and a writer into it. A device such as `/dev/stdout` is written at once.
    ///
    /// The content is compressed where the name ends with `.gz` or `.zst`.
    pub(crate) fn create(place: &Path) -> Result<(Self, Box<dyn Write + Send>), Failure> {
        let is_plain = place.metadata().map_or(true, |there| there.is_file());
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let temporary = match is_plain {
            true => place.with_file_name(format!(".{name}.{}.tmp", std::process::id())),
            false => place.to_owned(),
        };
        let file = File::create(&temporary).map_err(|e| Failure::io(place.display(), e))?;
        let pending = Self { is_published: !is_plain, temporary, place: place.to_owned() };
        let writer: Box<dyn Write + Send> = match place.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Box::new(GzEncoder::new(BufWriter::new(file), flate2::Compression::default())),
            Some("zst") => {
                let encoder = zstd::Encoder::new(BufWriter::new(file), 0);
                Box::new(encoder.map_err(|e| Failure::io(place.display(), e))?.auto_finish())
            }
            _ => Box::new(BufWriter::new(file)),
        };
        Ok((pending, writer))
    }

    /// Gives the file its name.
    pub(crate) fn publish(mut self) -> Result<(), Failure> {
        if !self.is_published {
            std::fs::rename(&self.temporary, &self.place).map_err(|e| Failure::io(self.place.display(), e))?;
            self.is_published = true;
        }
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
