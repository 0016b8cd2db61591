//! The video sessions, written once.

use crate::sessions::Generator;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Video sessions at scale 1, as many rows as lineitem has.
const SESSIONS_ROWS: f64 = 6_000_000.0;

/// The folder of video sessions at a scale.
pub(crate) fn sessions(scale: f64, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
    let rows = (SESSIONS_ROWS * scale) as u64;
    written(rows, folder.join(format!("sessions-{scale}")))
}

/// The folder of so many video sessions.
pub(crate) fn sessions_of(rows: u64, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    written(rows, folder.join(format!("sessions-of-{rows}")))
}

fn written(rows: u64, folder: PathBuf) -> Result<PathBuf, Box<dyn Error>> {
    if !folder.is_dir() {
        let unfinished = folder.with_extension("unfinished");
        Generator::new(rows, 1).threads(2).write(&unfinished, &|_| {})?;
        std::fs::rename(unfinished, &folder)?;
    }
    Ok(folder)
}
