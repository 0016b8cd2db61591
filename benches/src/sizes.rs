//! Answer time against table size, at one error and one size of the samples.

use crate::figure::{Figure, Series};
use crate::lineitem;
use crate::versus::{QUERIES, geometric, has_samples, lineitem_samples, median};
use crate::words::Words;
use plusminus::{Clock, OnMiss, Query, Session, SessionBuilder, SystemClock};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows of each sample, whatever the size of the table.
const SAMPLE_ROWS: u64 = 600_000;
/// The error asked for, in percent.
const PERCENT: f64 = 5.0;
const MEMORY_BYTES: u64 = 8 << 30;
/// Larger tables are asked for the exact answer only once.
const ONE_RUN_ABOVE: f64 = 3e8;

/// What `sizes` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factors, from small to large
    #[arg(long, value_delimiter = ',', default_values_t = [0.1667, 1.0])]
    scales: Vec<f64>,
    /// Where tables and samples go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Runs of each query after the first
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Runs of the exact query after the first
    #[arg(long, default_value_t = 3)]
    exact_runs: usize,
    /// Delete tables above this scale once they are measured
    #[arg(long)]
    delete_above: Option<f64>,
    /// Page to write; the figure goes beside it
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One table.
struct Size {
    rows: f64,
    build: Option<Duration>,
    /// By query: ours, asked in new words and in the same, and the exact answer by DataFusion on Parquet, medians in ms.
    queries: Vec<[f64; 3]>,
    /// By query: rows read.
    rows_read: Vec<u64>,
    not_met: usize,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut sizes = Vec::new();
    for scale in &options.scales {
        let data = lineitem::generate(*scale, &options.folder)?;
        sizes.push(size(options, *scale, &data).await?);
        if options.delete_above.is_some_and(|limit| *scale > limit) {
            std::fs::remove_dir_all(&data)?;
        }
        println!("{}", page(options, &sizes));
    }
    if let Some(file) = &options.write {
        std::fs::write(file, page(options, &sizes))?;
        figure(&sizes).write(&file.with_extension("svg"))?;
    }
    Ok(())
}

async fn size(options: &Options, scale: f64, data: &Path) -> Result<Size, Box<dyn Error>> {
    let clock = SystemClock::default();
    let store = options.folder.join(format!("sizes-{scale}"));
    let session = SessionBuilder::new(store).memory_bytes(MEMORY_BYTES).open().await?;
    session.register("lineitem", &data.to_string_lossy()).await?;
    let samples = lineitem_samples();
    let mut build = None;
    let question = format!("{} ERROR WITHIN 50%", QUERIES[0].sql);
    if !has_samples(&session, samples.len(), &question).await? {
        let start = clock.elapsed();
        let builder = |(name, columns): &(&str, &[&str])| {
            let sample = session.sample("lineitem").name(*name).stratified_by(columns.iter().copied());
            sample.size_rows(SAMPLE_ROWS).replace(true)
        };
        session.build_samples(samples.iter().map(builder).collect()).await?;
        build = Some(clock.elapsed() - start);
    }
    let rows = session.query("SELECT COUNT(*) AS n FROM lineitem").run().await?.cells("n")?[0].estimate;
    let mut size = Size { rows, build, queries: Vec::new(), rows_read: Vec::new(), not_met: 0 };
    let exact_runs = if rows > ONE_RUN_ABOVE { 0 } else { options.exact_runs };
    for query in QUERIES {
        let new = |run: usize| Words::NewForm.text(query.sql, run as u128);
        let bounded = |q: Query| q.error_percent(PERCENT).on_miss(OnMiss::Report);
        let (ours, rows_read, met) = timed(&session, options.runs, &new, &bounded).await?;
        let (again, ..) = timed(&session, options.runs, &|_| query.sql.to_owned(), &bounded).await?;
        let (exact, ..) = timed(&session, exact_runs, &|_| query.sql.to_owned(), &|q| q).await?;
        size.queries.push([ours, again, exact]);
        size.rows_read.push(rows_read);
        size.not_met += usize::from(!met);
    }
    Ok(size)
}

async fn timed(
    session: &Session,
    runs: usize,
    text: &dyn Fn(usize) -> String,
    bounded: &dyn Fn(Query) -> Query,
) -> Result<(f64, u64, bool), Box<dyn Error>> {
    let clock = SystemClock::default();
    let (mut ms, mut rows_read, mut met) = (Vec::new(), 0, true);
    for run in 0..=runs {
        let start = clock.elapsed();
        let answer = bounded(session.query(text(run))).run().await?;
        if run > 0 || runs == 0 {
            ms.push(1e3 * (clock.elapsed() - start).as_secs_f64());
        }
        rows_read = answer.report().rows_read;
        met &= answer.report().met != Some(false);
    }
    Ok((median(&ms), rows_read, met))
}

impl Size {
    fn mean(&self, of: usize) -> f64 {
        geometric(self.queries.iter().map(|q| q[of]))
    }
}

fn page(options: &Options, sizes: &[Size]) -> String {
    let scales = options.scales.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut text = format!(
        "# Answer time against table size\n\n```console\n$ cargo run -p plusminus-benches --release -- sizes --scales {scales} --delete-above 50 \
         --write docs/sizes.md\n```\n\nlineitem, the questions of docs/versus.md within {PERCENT} %, from samples of {SAMPLE_ROWS} rows each whatever the \
         size of the table; medians of {} runs, with another name for the table each time, so that everything is planned (again: in the same words). Exact: DataFusion on Parquet, medians of {} runs (one run above 300 million rows). \
         Geometric means of {} questions, in milliseconds. Once a second a query asks the disk for every file whether it is what it was; \
         there is one per million rows, the one thing in a query that grows with the table.\n\n![answer time against table size](sizes.svg)\n\n\
         | rows | ours | again | exact | ratio | rows read, median | bounds missed | samples built in |\n|---|---|---|---|---|---|---|---|\n",
        options.runs,
        options.exact_runs,
        QUERIES.len()
    );
    for size in sizes {
        let mut read = size.rows_read.clone();
        read.sort_unstable();
        text.push_str(&format!(
            "| {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {} | {} | {} |\n",
            size.rows,
            size.mean(0),
            size.mean(1),
            size.mean(2),
            size.mean(2) / size.mean(0),
            read[read.len() / 2],
            size.not_met,
            size.build.map_or_else(|| "–".to_owned(), |b| format!("{:.0} s", b.as_secs_f64())),
        ));
    }
    text.push_str("\nBy question, ours planned anew:\n\n| question |");
    sizes.iter().for_each(|size| text.push_str(&format!(" {:.0} rows |", size.rows)));
    text.push_str("\n|---|");
    sizes.iter().for_each(|_| text.push_str("---|"));
    text.push('\n');
    for (number, query) in QUERIES.iter().enumerate() {
        let of = |size: &Size| format!(" {:.2} ms, {} rows |", size.queries[number][0], size.rows_read[number]);
        text.push_str(&format!("| {} |{}\n", query.name, sizes.iter().map(of).collect::<String>()));
    }
    text
}

fn figure(sizes: &[Size]) -> Figure<'static> {
    let of = |name: &str, of: usize| Series {
        name: name.to_owned(),
        points: sizes.iter().map(|size| (size.rows, size.mean(of))).collect(),
        is_line: true,
    };
    Figure {
        title: "Answer time within 5 % against table size (lineitem, geometric means)",
        x: "rows of the table",
        y: "ms",
        series: vec![of("PlusMinus", 0), of("PlusMinus, same words again", 1), of("exact, DataFusion on Parquet", 2)],
        with_diagonal: false,
    }
}
