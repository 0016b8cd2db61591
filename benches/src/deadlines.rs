//! Time bounds asked for against time taken: on an idle session, beside a query on the whole table, and right after one was
//! cancelled.

use crate::figure::{Figure, Series};
use crate::lineitem;
use crate::versus::{QUERIES, lineitem_session, median};
use plusminus::{Clock, Session, SystemClock};
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Times asked for, in milliseconds.
const TIMES_MS: [u64; 7] = [20, 50, 100, 200, 500, 1_000, 2_000];
/// Queries that a sample answers slowly: many groups, sorting, replicates.
const SLOW: [&str; 3] = [
    "SELECT l_suppkey, SUM(l_extendedprice) AS a, AVG(l_discount) AS b FROM lineitem GROUP BY l_suppkey",
    "SELECT l_shipmode, MEDIAN(l_extendedprice * (1 - l_discount)) AS a FROM lineitem GROUP BY l_shipmode",
    "SELECT AVG(a) AS m FROM (SELECT l_shipmode, SUM(l_extendedprice) AS a FROM lineitem GROUP BY l_shipmode) AS s",
];
/// A query that no sample answers and that takes longer than any of the times.
const ENDLESS: &str = "SELECT COUNT(*) AS n FROM lineitem AS a JOIN lineitem AS b ON a.l_partkey = b.l_partkey AND a.l_suppkey <> b.l_suppkey";

/// What `deadlines` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where lineitem and the samples go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Runs of each time bound and condition
    #[arg(long, default_value_t = 330)]
    runs: usize,
    /// Page to write; the figure goes beside it
    #[arg(long)]
    write: Option<PathBuf>,
}

/// What else the session does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Another,
    Cancelled,
}

impl Beside {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "alone",
            Self::Another => "beside an exact query",
            Self::Cancelled => "right after a cancelled one",
        }
    }
}

/// The runs under one bound.
struct Line {
    beside: Beside,
    asked_ms: u64,
    taken_ms: Vec<f64>,
    without_answer: usize,
}

impl Line {
    /// Runs that took longer than allowed: 10 ms or 10 % over, whichever is larger.
    fn overruns(&self) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        let asked = self.asked_ms as f64;
        self.taken_ms.iter().filter(|ms| **ms > asked + f64::max(10.0, 0.1 * asked)).count()
    }

    fn slowest(&self) -> f64 {
        self.taken_ms.iter().copied().fold(0.0, f64::max)
    }

    fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.taken_ms.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let data = lineitem::generate(options.scale, &options.folder)?;
    let session = lineitem_session(options.scale, &options.folder, &data).await?;
    let queries: Vec<&str> = QUERIES.iter().map(|q| q.sql).chain(SLOW).collect();
    let mut lines = Vec::new();
    for beside in [Beside::Nothing, Beside::Another, Beside::Cancelled] {
        for asked_ms in TIMES_MS {
            lines.push(line(&session, &queries, beside, asked_ms, options.runs).await?);
        }
    }
    let text = page(options, &lines);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
        figure(&lines).write(&file.with_extension("svg"))?;
    }
    Ok(())
}

async fn line(
    session: &Session,
    queries: &[&str],
    beside: Beside,
    asked_ms: u64,
    runs: usize,
) -> Result<Line, Box<dyn Error>> {
    let clock = SystemClock::default();
    let mut line = Line { beside, asked_ms, taken_ms: Vec::with_capacity(runs), without_answer: 0 };
    let other = (beside == Beside::Another).then(|| {
        let session = session.clone();
        tokio::spawn(async move { session.query(ENDLESS).run().await.is_ok() })
    });
    for run in 0..runs {
        if beside == Beside::Cancelled {
            let doomed = session.query(ENDLESS).run();
            let _ = tokio::time::timeout(Duration::from_millis(5), doomed).await;
        }
        let start = clock.elapsed();
        let answer = session.query(queries[run % queries.len()]).within(Duration::from_millis(asked_ms)).run().await;
        line.taken_ms.push(1e3 * (clock.elapsed() - start).as_secs_f64());
        match answer {
            Ok(_) => {}
            Err(plusminus::Error::BoundMissed { .. }) => line.without_answer += 1,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(other) = other {
        other.abort();
    }
    Ok(line)
}

fn page(options: &Options, lines: &[Line]) -> String {
    let mut text = format!(
        "# Time asked for and time taken\n\n```console\n$ cargo run -p plusminus-benches --release -- deadlines --scale {} --runs {} --write \
         docs/deadlines.md\n```\n\nlineitem at TPC-H scale {}, the queries of docs/versus.md and three slow ones (many groups, medians, aggregates of \
         aggregates) in turn, `WITHIN` each time, {} runs per line: alone, while a join of the whole table with itself runs in the same \
         session, and right after such a join was cancelled. Overrun: more than 10 ms or 10 % over, whichever is larger. BlinkDB's figure \
         10(a) has up to 2.9 s for 2 s.\n\n![asked and taken](deadlines.svg)\n\n\
         | | asked, ms | median | 99 % | slowest | overruns | without an answer |\n|---|---|---|---|---|---|---|\n",
        options.scale, options.runs, options.scale, options.runs
    );
    for line in lines {
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} of {} | {} |",
            line.beside.name(),
            line.asked_ms,
            median(&line.taken_ms),
            line.percentile(0.99),
            line.slowest(),
            line.overruns(),
            line.taken_ms.len(),
            line.without_answer
        );
    }
    text
}

/// The 99th percentile of each condition, and the medians of the idle session.
fn figure(lines: &[Line]) -> Figure<'static> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let of = |beside: Beside, of: &dyn Fn(&Line) -> f64| -> Vec<(f64, f64)> {
        lines.iter().filter(|l| l.beside == beside).map(|l| (l.asked_ms as f64, of(l))).collect()
    };
    let mut series = vec![Series {
        name: "alone, median".to_owned(),
        points: of(Beside::Nothing, &|l| median(&l.taken_ms)),
        is_line: true,
    }];
    for beside in [Beside::Nothing, Beside::Another, Beside::Cancelled] {
        series.push(Series {
            name: format!("{}, 99 %", beside.name()),
            points: of(beside, &|l| l.percentile(0.99)),
            is_line: true,
        });
    }
    Figure {
        title: "Time taken against time asked for",
        x: "asked for, ms",
        y: "taken, ms",
        series,
        with_diagonal: true,
    }
}
