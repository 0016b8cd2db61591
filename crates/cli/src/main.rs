//! The `plusminus` command.
//!
//! Results go to stdout, everything else to stderr. Exit status: 0 ok, 1 SQL or data error, 2 usage, 3 a bound missed
//! under ON MISS FAIL or no answer in time, 4 a damaged store, 130 interrupted.

mod args;
mod commands;
mod failure;
mod format;
mod output;
mod pager;
mod pending_file;
mod plot;
mod progress;
mod sessions;
mod shell;
mod tracing;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// Large blocks are kept from query to query rather than given back to the system and cleared anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet_workers();
    let cli = Cli::parse();
    let paint = cli.global.error_paint();
    let done = tracing::start().and_then(|()| cli.settled()).and_then(|cli| run(&cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(paint);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.global.threads())
        // Deep plans are walked recursively.
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .map_err(|e| Failure::usage(e.to_string()))?;
    // Statements answer Ctrl-C by themselves.
    let handles_interrupts = !matches!(cli.command, None | Some(Command::Query(_) | Command::Plot(_)));
    let done = runtime.block_on(async {
        // The work runs on a worker, whose stack is large; the main thread only waits.
        let cli = cli.clone();
        let work = tokio::spawn(async move { dispatch(&cli).await });
        tokio::select! {
            done = work => done.unwrap_or_else(|e| Err(Failure::internal(e.to_string()))),
            () = interrupted(handles_interrupts) => Err(plusminus::Error::Interrupted.into()),
        }
    });
    runtime.shutdown_background();
    done
}

/// Ends with Ctrl-C; never ends when that is not enabled.
async fn interrupted(enabled: bool) {
    if !enabled || tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn dispatch(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        None => commands::shell::run(cli).await,
        Some(Command::Query(query)) => commands::query::run(&cli.global, query).await,
        Some(Command::Sample(sample)) => commands::sample::run(&cli.global, sample).await,
        Some(Command::Demo(demo)) => commands::demo::run(&cli.global, demo).await,
        Some(Command::Plot(plot)) => commands::plot::run(&cli.global, plot).await,
        Some(Command::Completions { shell }) => commands::manual::completions(*shell),
        Some(Command::Man) => commands::manual::page(),
    }
}

/// A panic of a worker, in a library that reads a broken file say, ends as an error or an exact answer; its trace would only hide that.
/// `RUST_BACKTRACE` shows it.
fn quiet_workers() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_main = std::thread::current().name() == Some("main");
        if is_main || std::env::var_os("RUST_BACKTRACE").is_some_and(|wish| wish != "0") {
            usual(panic);
        }
    }));
}
