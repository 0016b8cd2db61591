//! `plusminus query`: statements one after another, stopping at the first error.

use crate::args::{Global, QueryArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::shell::{Runner, ScriptStep};
use plusminus::{Error, Session};
use std::io::Read;

pub(crate) async fn run(global: &Global, args: &QueryArgs) -> Result<(), Failure> {
    let mut texts = args.batch.texts()?;
    match args.stdin.as_deref() {
        None | Some("-") => {}
        Some(other) => return Err(Failure::usage(format!("'{other}' is not expected here; SQL goes behind -c"))),
    }
    if args.stdin.is_some() || texts.is_empty() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| Failure::io("stdin", e))?;
        texts.push(text);
    }
    scripts(global, texts).await
}

/// Runs scripts on a session of their own.
pub(crate) async fn scripts(global: &Global, texts: Vec<String>) -> Result<(), Failure> {
    let session = super::open(global, global.store_folder()).await?;
    run_all(global, session, texts).await
}

/// Runs scripts one after another.
pub(crate) async fn run_all(global: &Global, session: Session, texts: Vec<String>) -> Result<(), Failure> {
    let variables = super::shell::variables_of(&global.variables)?;
    let mut runner = Runner::new(session, Output::open(global)?, variables);
    for text in texts {
        let next = runner.script(&text).await;
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
    runner.finish()
}
