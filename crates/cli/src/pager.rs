//! Shows text that is longer than the screen in the user's pager.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// The pager where `PAGER` names none: it leaves text that fits on the screen, cuts long lines and shows colours.
const USUAL: &str = "less -RSFX";

/// Writes `text` to `sink`, or shows it in the pager where it has more lines than the screen; true where the pager showed it.
pub(crate) fn print(sink: &mut dyn Write, text: &str) -> io::Result<bool> {
    let lines = terminal_size::terminal_size_of(io::stdout()).map_or(usize::MAX, |(_, height)| usize::from(height.0));
    let is_shown = text.lines().count() >= lines && is_shown(text);
    if !is_shown {
        sink.write_all(text.as_bytes())?;
        sink.flush()?;
    }
    Ok(is_shown)
}

/// The pager, told to show colours where the user has not told it anything.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "R");
    }
    command
}

/// Shows text in the pager; false where there is none.
fn is_shown(text: &str) -> bool {
    let wish = std::env::var("PAGER").unwrap_or_else(|_| USUAL.to_owned());
    let mut words = wish.split_whitespace();
    let Some(program) = words.next().filter(|program| *program != "cat") else { return false };
    let Ok(mut pager) = command(program).args(words).stdin(Stdio::piped()).spawn() else { return false };
    if let Some(mut input) = pager.stdin.take() {
        // A pager that is left before the end closes its input.
        let _ = input.write_all(text.as_bytes());
    }
    pager.wait().is_ok()
}
