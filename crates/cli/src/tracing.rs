//! Traces of what the engine does, on stderr, where `PLUSMINUS_LOG` asks for them.

use crate::failure::Failure;
use tracing_subscriber::filter::Targets;
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
    let known: Result<Targets, _> = filter.parse();
    let filter = known.map_err(|error| {
        let next = format!("{VARIABLE}=debug, or {VARIABLE}=info,plusminus=debug");
        Failure::setting(format!("{VARIABLE} does not say what to trace: {error}"), next)
    })?;
    let lines =
        tracing_subscriber::fmt::layer().with_span_events(FmtSpan::CLOSE).with_writer(std::io::stderr).with_ansi(false);
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    started.map_err(|error| Failure::internal(error.to_string()))
}
