//! `plusminus query`: statements one after another, stopping at the first error.

use super::live;
use crate::args::{Global, QueryArgs};
use crate::failure::Failure;
use crate::output::Output;
use plusminus::{Error, Session};
use std::io::Read;

pub(crate) async fn run(global: &Global, args: &QueryArgs) -> Result<(), Failure> {
    let scripts = scripts(args)?;
    let session = super::open(global, global.store_folder()).await?;
    let mut output = Output::open(global)?;
    for script in scripts {
        if statements(&session, &script, &mut output).await? {
            return Err(Error::Interrupted.into());
        }
    }
    Ok(())
}

/// Runs a script; true when Ctrl-C took an answer before its end. The best answer under ON MISS FAIL is printed before the error.
pub(crate) async fn statements(session: &Session, script: &str, output: &mut Output) -> Result<bool, Failure> {
    for statement in session.parse(script)? {
        let (done, pressed) = live::run(session, &statement, output.live()).await;
        match done {
            Ok(answer) => {
                output.answer(&answer)?;
                // Ctrl-C also leaves out the statements that follow.
                if pressed {
                    return Ok(true);
                }
            }
            Err(error) => {
                if let Error::BoundMissed { answer: Some(answer), .. } = &error {
                    output.answer(answer)?;
                }
                return Err(error.into());
            }
        }
    }
    Ok(false)
}

fn scripts(args: &QueryArgs) -> Result<Vec<String>, Failure> {
    let mut scripts = args.commands.clone();
    for file in &args.files {
        scripts.push(std::fs::read_to_string(file).map_err(|e| Failure::io(file.display(), e))?);
    }
    match args.stdin.as_deref() {
        None | Some("-") => {}
        Some(other) => return Err(Failure::usage(format!("'{other}' is not expected here; SQL goes behind -c"))),
    }
    if args.stdin.is_some() || scripts.is_empty() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| Failure::io("stdin", e))?;
        scripts.push(text);
    }
    Ok(scripts)
}
