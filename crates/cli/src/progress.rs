//! Progress bars on stderr, when it is a terminal.

use crate::args::Global;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use plusminus::{Progress, ProgressFn};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

/// A bar with `total` steps; invisible where nobody would see it.
pub(crate) fn bar(global: &Global, what: &'static str, total: u64) -> ProgressBar {
    let visible = !global.quiet && !global.no_progress && std::io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let style =
        ProgressStyle::with_template("{msg:<10} [{bar:40}] {human_pos} of {human_len} rows, {per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_message(what);
    bar
}

/// A function that draws the progress of a session's builds as bars.
pub(crate) fn of_builds(global: &Global) -> ProgressFn {
    let global = global.clone();
    let bars: Mutex<(Option<ProgressBar>, Option<ProgressBar>)> = Mutex::default();
    Arc::new(move |progress| {
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let (slot, what, rows, total) = match progress {
            Progress::Reading { rows, total } => (&mut bars.0, "sampling", rows, total.unwrap_or(rows)),
            Progress::Writing { rows, total } => (&mut bars.1, "writing", rows, total),
        };
        let bar = slot.get_or_insert_with(|| bar(&global, what, total));
        bar.set_length(total);
        bar.set_position(rows);
        if rows >= total {
            bar.finish_and_clear();
            *slot = None;
        }
    })
}
