//! `plusminus` without a subcommand: a shell, or a batch with -c and -f.

use crate::args::Cli;
use crate::failure::Failure;
use crate::output::Output;
use crate::shell::{Runner, ScriptStep, converse, initialise, variables};
use std::io::IsTerminal;

pub(crate) async fn run(cli: &Cli) -> Result<(), Failure> {
    if !cli.batch.is_empty() {
        return super::query::run_scripts(&cli.global, cli.batch.scripts()?).await;
    }
    let store = cli.global.store_folder();
    let session = super::open(&cli.global, store.clone()).await?;
    let output = Output::open(&cli.global)?;
    let has_color = cli.global.color.is_on(std::io::stdout().is_terminal());
    let mut runner = Runner::new(session, output, variables_of(&cli.global.variables)?, &cli.global);
    if !std::io::stdin().is_terminal() {
        let text = std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::io("stdin", e))?;
        let next = runner.script(&text, None).await;
        if next.is_err() {
            runner.fail();
        }
        runner.finish()?;
        return match next? {
            ScriptStep::Interrupted => Err(plusminus::Error::Interrupted.into()),
            _ => Ok(()),
        };
    }
    if !cli.global.quiet {
        eprintln!("PlusMinus {} on store {} (\\? for help)", env!("CARGO_PKG_VERSION"), store.display());
    }
    initialise(&mut runner).await?;
    converse(&mut runner, has_color).await?;
    runner.finish()
}

/// The variables of `-p`.
pub(crate) fn variables_of(options: &[String]) -> Result<variables::Variables, Failure> {
    let parsed = |text: &String| {
        variables::parsed(text).ok_or_else(|| Failure::usage(format!("-p takes NAME=VALUE, not '{text}'")))
    };
    options.iter().map(parsed).collect()
}
