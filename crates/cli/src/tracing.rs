//! Traces of what the engine does, on stderr, where `PLUSMINUS_LOG` asks for them.

use crate::failure::Failure;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The variable that turns traces on: a level such as `debug`, or levels by crate such as `info,plusminus=debug`.
const VARIABLE: &str = "PLUSMINUS_LOG";

/// Starts to write traces; nothing happens without the variable.
///
/// Spans are written when they end, with the time that they took; phases and events when they happen.
pub(crate) fn start() -> Result<(), Failure> {
    let Ok(filter) = std::env::var(VARIABLE) else { return Ok(()) };
    if filter.trim().is_empty() {
        return Ok(());
    }
    let filter = targets(&filter).map_err(|what| {
        let next = format!("{VARIABLE}=debug, or {VARIABLE}=info,plusminus=debug");
        Failure::setting(format!("{VARIABLE} does not say what to trace: {what}"), next)
    })?;
    let lines =
        tracing_subscriber::fmt::layer().with_span_events(FmtSpan::CLOSE).with_writer(std::io::stderr).with_ansi(false);
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    started.map_err(|error| Failure::internal(error.to_string()))
}

/// The targets that `filter` names, or why it does not: a word alone has to be a level, rather than a target nobody writes to.
fn targets(filter: &str) -> Result<Targets, String> {
    for part in filter.split(',').map(str::trim) {
        if !part.contains('=') && part.parse::<LevelFilter>().is_err() {
            return Err(format!("'{part}' is no level (off, error, warn, info, debug, trace)"));
        }
    }
    filter.parse::<Targets>().map_err(|error| error.to_string())
}
