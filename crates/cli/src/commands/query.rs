//! `plusminus query`: statements one after another, stopping at the first error.

use crate::args::{Global, QueryArgs, Script};
use crate::failure::Failure;
use crate::output::Output;
use crate::shell::{Runner, ScriptStep};
use plusminus::{Error, Session};

pub(crate) async fn run(global: &Global, args: &QueryArgs) -> Result<(), Failure> {
    let mut scripts = args.batch.scripts()?;
    match args.stdin.as_deref() {
        None | Some("-") => {}
        Some(other) => return Err(Failure::usage(format!("'{other}' is not expected here; SQL goes behind -c"))),
    }
    if args.stdin.is_some() || scripts.is_empty() {
        let text = std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::io("stdin", e))?;
        scripts.push(Script { file: None, text });
    }
    run_scripts(global, scripts).await
}

/// Runs scripts on a session of their own.
pub(crate) async fn run_scripts(global: &Global, scripts: Vec<Script>) -> Result<(), Failure> {
    let session = super::open(global, global.store_folder()).await?;
    run_all(global, session, scripts).await
}

/// Runs scripts one after another.
pub(crate) async fn run_all(global: &Global, session: Session, scripts: Vec<Script>) -> Result<(), Failure> {
    let variables = super::shell::variables_of(&global.variables)?;
    let mut runner = Runner::new(session.clone(), Output::open(global)?, variables, global);
    for script in scripts {
        let next = runner.script(&script.text, script.file.as_deref()).await;
        match next {
            Ok(ScriptStep::Line) => {}
            Ok(ScriptStep::Quit) => break,
            Ok(ScriptStep::Interrupted) => {
                runner.finish()?;
                return Err(Error::Interrupted.into());
            }
            Err(failure) => {
                runner.fail();
                runner.finish()?;
                return Err(failure);
            }
        }
    }
    runner.finish()?;
    finish(global, &session).await;
    Ok(())
}

/// Waits until what answers left to the background is stored for the next process; Ctrl-C ends it.
async fn finish(global: &Global, session: &Session) {
    let is_done = tokio::select! {
        is_done = session.finish() => is_done,
        _ = tokio::signal::ctrl_c() => true,
    };
    if !is_done && !global.quiet {
        eprintln!("note: this process ended before that was done; a statement without WITHIN … SECONDS waits for it");
    }
}
