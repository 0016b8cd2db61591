//! How often intervals hold: samples are redrawn by seed, and every interval is compared with the truth.
//!
//! `cargo run -p plusminus-benches --release -- coverage --flights flights-3m.parquet --write docs/coverage.md`
//!
//! | part | what it draws | module |
//! |---|---|---|
//! | statistics | cells in memory, straight through `plusminus-statistics` | `statistics_cells` |
//! | engine | SQL on samples of made-up tables, video sessions and flights | `engine_cells` |
//! | bounds | ERROR WITHIN 1 to 20 %: violations, and rows read beside the cheapest level | `bounds` |
//! | topk | what ORDER BY … LIMIT and HAVING leave | `topk` |
//! | composed | grouping sets, unions, subqueries, shares, estimates beside exact aggregates | `composed` |
//! | hostile | tables with heavy keys, groups of few keys, extremes, all groups at once | `hostile` |
//! | rivals | the same queries and rows, with other people's intervals | `rivals` |
//! | metamorphic | what must hold whatever the truth is | `metamorphic` |
//!
//! The command fails when a target is missed; the tables show every row, lost ones too.

mod adversary;
mod bounds;
mod campaign;
mod case;
mod composed;
mod dataset;
mod distributions;
mod engine_cells;
mod hostile;
mod ideal;
mod judge;
mod made_up;
mod metamorphic;
mod methods;
mod populations;
mod report;
mod rivals;
#[allow(dead_code, unused_imports, reason = "the command's generator, of which only writing is needed")]
#[path = "../../../crates/cli/src/sessions/mod.rs"]
pub(crate) mod sessions;
mod statistics_cells;
mod tally;
mod topk;
mod truth;
mod verdict;
mod world;

use campaign::{Campaign, Failure};
use clap::ValueEnum;
use plusminus::{Clock, SystemClock};
use report::Section;
use std::error::Error;
use std::path::PathBuf;

/// What `coverage` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The part to run
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,
    /// Draws of each kind of cell in `statistics`
    #[arg(long, default_value_t = 500)]
    draws: u64,
    /// Samples drawn through the engine
    #[arg(long, default_value_t = 100)]
    engine_draws: u64,
    /// A Parquet file with columns origin, date, delay and distance
    #[arg(long)]
    flights: Option<PathBuf>,
    /// Page whose sections are replaced by what is measured
    #[arg(long)]
    write: Option<PathBuf>,
    /// Families of `adversary` whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Seed that all others derive from
    #[arg(long, default_value_t = 2026)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Statistics,
    Engine,
    Bounds,
    Topk,
    Composed,
    Hostile,
    Adversary,
    Rivals,
    Metamorphic,
    All,
}

/// One part of the campaign.
type Run = fn(&Campaign) -> Result<Section, Failure>;

const PARTS: [(Part, Run); 9] = [
    (Part::Statistics, statistics_cells::run),
    (Part::Engine, engine_cells::run),
    (Part::Bounds, bounds::run),
    (Part::Topk, topk::run),
    (Part::Composed, composed::run),
    (Part::Hostile, hostile::run),
    (Part::Adversary, adversary::run),
    (Part::Rivals, rivals::run),
    (Part::Metamorphic, metamorphic::run),
];

/// Runs the parts asked for, prints them, and fails when a target is missed.
pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (campaign, clock) = (Campaign::new(options), SystemClock::default());
    let mut sections = Vec::new();
    for (_, run) in PARTS.iter().filter(|(part, _)| options.part == Part::All || options.part == *part) {
        let start = clock.elapsed();
        let mut section = run(&campaign).map_err(|e| -> Box<dyn Error> { e })?;
        let took = clock.elapsed().saturating_sub(start);
        section.notes.push(format!("Took {:.0} s on {} threads.", took.as_secs_f64(), campaign.threads));
        println!("{}", section.markdown());
        sections.push(section);
    }
    if let Some(file) = &options.write {
        report::write(file, &sections)?;
    }
    match sections.iter().map(|s| s.failures.len()).sum() {
        0 => Ok(()),
        missed => Err(format!("{missed} targets are missed").into()),
    }
}
