//! Statements with a person at the terminal: Ctrl-C asks for the answer so far, and long queries show their progress.

use crate::format::{self, Style};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use plusminus::{Answer, Error, Interrupt, ScanProgress, Session, Statement};
use plusminus_display::grouped;
use std::time::Duration;

/// Queries that end sooner show nothing but their answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the progress of a scan is drawn.
const TICK: Duration = Duration::from_millis(150);
/// Lines of a level's answer that are shown; the final one is shown whole.
const LINES_MAX: usize = 20;

/// Runs one statement; true when Ctrl-C was pressed. With `live` its answers and progress are shown.
///
/// The first Ctrl-C asks for the best answer so far, the second one gives it up.
pub(crate) async fn run(
    session: &Session,
    statement: &Statement,
    live: Option<Style>,
) -> (Result<Answer, Error>, bool) {
    let interrupt = Interrupt::new();
    let answer = async {
        match live {
            Some(style) => watched(session, statement, style, &interrupt).await,
            None => session.run_interruptible(statement, &interrupt).await,
        }
    };
    let mut pressed = false;
    tokio::pin!(answer);
    let done = loop {
        tokio::select! {
            done = &mut answer => break done,
            Ok(()) = tokio::signal::ctrl_c() => {
                if pressed {
                    break Err(Error::Interrupted);
                }
                pressed = true;
                interrupt.request();
            }
        }
    };
    (done, pressed)
}

/// Shows every level's answer in the place of the one before, and how far reading a table has come.
async fn watched(
    session: &Session,
    statement: &Statement,
    style: Style,
    interrupt: &Interrupt,
) -> Result<Answer, Error> {
    let mut levels = session.stream(statement, interrupt);
    let (mut last, mut bar, mut scan_began) = (None, None, None);
    let patience = tokio::time::sleep(PATIENCE);
    let mut ticks = tokio::time::interval(TICK);
    tokio::pin!(patience);
    loop {
        tokio::select! {
            next = levels.next() => match next {
                Some(answer) => last = Some(answer),
                None => break,
            },
            () = &mut patience, if bar.is_none() => bar = Some(screen()),
            _ = ticks.tick(), if bar.is_some() => {}
        }
        if let Some(bar) = &bar {
            let scan = interrupt.scan_progress().map(|scan| (scan, *scan_began.get_or_insert_with(|| bar.elapsed())));
            show(bar, style, last.as_ref(), scan);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    last.unwrap_or(Err(Error::Interrupted))
}

/// Draws the best answer so far, and what is being done.
fn show(bar: &ProgressBar, style: Style, last: Option<&Result<Answer, Error>>, scan: Option<(ScanProgress, Duration)>) {
    let takes = match last {
        Some(Ok(answer)) => {
            bar.set_message(format!("{}\n", shown(style, answer)));
            "Ctrl-C takes this answer"
        }
        _ => "Ctrl-C gives it up",
    };
    bar.set_prefix(match (scan, last) {
        (Some((scan, began)), _) => {
            format!("reading the table{}; {takes}", scan_text(scan, bar.elapsed().saturating_sub(began)))
        }
        (None, Some(_)) => format!("refining; {takes}"),
        (None, None) => format!("running; {takes}"),
    });
}

/// Rows done, and the time left if the rest goes as fast.
fn scan_text(scan: ScanProgress, since: Duration) -> String {
    if scan.rows_total == 0 {
        return String::new();
    }
    let rows = format!(": {} of {} rows", grouped(scan.rows), grouped(scan.rows_total));
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = scan.rows as f64 / scan.rows_total as f64;
    if share <= 0.05 || share >= 1.0 {
        return rows;
    }
    let left = since.as_secs_f64() * (1.0 - share) / share;
    if left < 1.0 { format!("{rows}, under a second left") } else { format!("{rows}, about {left:.0} s left") }
}

/// A part of the terminal below the prompt, drawn anew with every message.
fn screen() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg}{spinner} {prefix}") {
        bar.set_style(style);
    }
    bar.set_prefix("running; Ctrl-C gives it up");
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn shown(style: Style, answer: &Answer) -> String {
    let text = format::table(answer, &style);
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= LINES_MAX {
        return text.trim_end().to_owned();
    }
    let hidden = lines.len() - LINES_MAX;
    format!("{}\n… {hidden} more lines", lines[..LINES_MAX].join("\n"))
}
