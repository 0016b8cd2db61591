//! `plusminus demo`: a table, three samples, six statements, each beside its exact answer.

mod data;
mod page;
mod statements;

use crate::args::{DemoArgs, Global};
use crate::failure::Failure;
use futures::StreamExt;
use page::Comparison;
use plusminus::{Answer, Session};
use statements::{STATEMENTS, Statement};
use std::io::{IsTerminal, Write};

/// Runs of each approximate statement; the median is shown, since the first one also loads the sample.
const RUNS: usize = 5;

pub(crate) async fn run(global: &Global, args: &DemoArgs) -> Result<(), Failure> {
    if args.rows == 0 {
        return Err(Failure::usage("--rows must be at least 1"));
    }
    let home = global.store_folder();
    if !args.yes && !confirmed(args.rows, &home.display().to_string())? {
        return Ok(());
    }
    let session = super::open(global, home.clone()).await?;
    session.create_store()?;
    let mut page = page::Page::new(args.rows);
    let generated = data::generate(global, args.rows, &home).await?;
    session.register("sessions", &generated.folder.to_string_lossy()).await?;
    page.data(&generated);
    let built = data::sample(&session).await?;
    page.samples(&built);
    for statement in STATEMENTS {
        page.comparison(&compare(&session, statement).await?);
    }
    page.end(&home.display().to_string());
    page.print().map_err(|e| Failure::io("output", e))
}

/// Asks before gigabytes are written, where somebody is there to answer.
fn confirmed(rows: u64, store: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    let bytes = plusminus_display::grouped(rows * data::BYTES_PER_ROW / 1_000_000);
    eprint!("The demo writes about {bytes} MB to {store}. Go on? [Y/n] ");
    std::io::stderr().flush().map_err(|e| Failure::io("terminal", e))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|e| Failure::io("terminal", e))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

/// Answers one statement from samples and from the table.
async fn compare(session: &Session, statement: &'static Statement) -> Result<Comparison, Failure> {
    let bounded = format!("{} {}", statement.sql, statement.bounds);
    let (first, approximate) = streamed(session, &bounded).await?;
    let first_ms = approximate.report().elapsed_ms;
    let mut times = vec![first_ms];
    for _ in 1..RUNS {
        times.push(one(session, &bounded).await?.report().elapsed_ms);
    }
    times.sort_by(f64::total_cmp);
    let exact = one(session, &statement.exact()).await?;
    Ok(Comparison { statement, first, first_ms, median_ms: times[RUNS / 2], approximate, exact })
}

/// The first estimate, where another answer came after it, and the last answer.
async fn streamed(session: &Session, sql: &str) -> Result<(Option<Answer>, Answer), Failure> {
    let mut levels = session.query(sql).stream().await?;
    let (mut first, mut last) = (None, None);
    while let Some(answer) = levels.next().await {
        if let Some(before) = last.replace(answer?) {
            first.get_or_insert(before);
        }
    }
    let last = last.ok_or_else(|| Failure::internal("a statement without an answer"))?;
    Ok((first.filter(|_| last.report().within_ms.is_some()), last))
}

async fn one(session: &Session, sql: &str) -> Result<Answer, Failure> {
    let mut answers = session.execute(sql).await?;
    answers.pop().ok_or_else(|| Failure::internal("a statement without an answer"))
}
