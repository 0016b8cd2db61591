//! Charts on the terminal and in files.

use crate::failure::Failure;
use plusminus::Answer;
use plusminus_display::Paint;
use std::path::Path;

/// Charts of every estimate of an answer, for the terminal.
pub(crate) fn text(answer: &Answer, screen: Option<usize>, paint: Paint) -> Result<String, Failure> {
    Ok(plusminus_display::chart(answer, screen, paint)?)
}

/// Writes charts of every estimate of an answer to a file, as SVG or PNG.
pub(crate) fn file(answer: &Answer, file: &Path) -> Result<(), Failure> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let bytes = match ending.as_deref() {
        Some("svg") => plusminus_display::svg(answer)?.into_bytes(),
        Some("png") => plusminus_display::png(answer)?,
        _ => {
            let what = format!("plots are written as SVG or PNG, not as '{}'", file.display());
            return Err(Failure::plain(format!("{what}\nTry: -o plot.svg")));
        }
    };
    std::fs::write(file, bytes).map_err(|e| Failure::io(file.display(), e))
}
