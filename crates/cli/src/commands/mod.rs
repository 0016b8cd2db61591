//! The subcommands.

pub(crate) mod demo;
pub(crate) mod live;
pub(crate) mod manual;
pub(crate) mod plot;
pub(crate) mod query;
pub(crate) mod sample;
pub(crate) mod shell;

use crate::args::Global;
use crate::failure::Failure;
use crate::progress;
use plusminus::{Session, SessionBuilder};
use std::path::PathBuf;

/// A session on `store` with the tables of `--table`.
pub(crate) async fn open(global: &Global, store: PathBuf) -> Result<Session, Failure> {
    let mut builder =
        SessionBuilder::new(store).threads(global.threads()).seed(global.seed).progress(progress::of_builds(global));
    if let Some(bytes) = global.memory {
        builder = builder.memory_bytes(bytes);
    }
    let session = builder.open().await?;
    for table in &global.tables {
        let Some((name, location)) = table.split_once('=').filter(|(n, l)| !n.is_empty() && !l.is_empty()) else {
            return Err(Failure::usage(format!("--table takes NAME=PATH, not '{table}'")));
        };
        session.register(name, location).await?;
    }
    Ok(session)
}
