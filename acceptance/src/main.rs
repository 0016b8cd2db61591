//! The coverage campaign: samples are redrawn by seed, and every interval is compared with the truth.
//!
//! `cargo run -p plusminus-acceptance --release -- --flights flights-3m.parquet --write docs/coverage.md`
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
#[path = "../../benches/src/lineitem.rs"]
mod lineitem;
mod made_up;
mod metamorphic;
mod methods;
mod populations;
mod report;
mod rivals;
#[allow(dead_code, unused_imports, reason = "the command's generator, of which only writing is needed")]
#[path = "../../crates/cli/src/sessions/mod.rs"]
mod sessions;
mod statistics_cells;
mod tally;
mod topk;
mod truth;
mod verdict;
mod world;

use campaign::{Campaign, Failure};
use clap::{Parser, ValueEnum};
use plusminus::{Clock, SystemClock};
use report::Section;
use std::error::Error;
use std::path::PathBuf;

/// Measures how often intervals hold and bounds are kept; fails when a target is missed.
#[derive(Debug, Parser)]
struct Options {
    /// Few draws of the parts that look for lost coverage, which take five minutes
    #[arg(long, conflicts_with_all = ["part", "draws", "engine_draws"])]
    short: bool,
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

/// Draws of `--short`: of each kind of cell, and through the engine.
const SHORT_DRAWS: (u64, u64) = (200, 20);
/// The parts of `--short`; the others compare with other people's intervals, or need more draws to tell anything.
const SHORT_PARTS: [Part; 6] =
    [Part::Statistics, Part::Engine, Part::Topk, Part::Composed, Part::Hostile, Part::Adversary];

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::parse();
    if options.short {
        (options.draws, options.engine_draws) = SHORT_DRAWS;
    }
    run(&options)
}

/// Runs the parts asked for, prints them, and fails when a target is missed.
fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let is_asked = |part: Part| match options.short {
        true => SHORT_PARTS.contains(&part),
        false => options.part == Part::All || options.part == part,
    };
    let (campaign, clock) = (Campaign::new(options), SystemClock::default());
    let mut sections = Vec::new();
    for (_, run) in PARTS.iter().filter(|(part, _)| is_asked(*part)) {
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
    let wide = if options.short { 0 } else { sections.iter().map(|s| s.wide.len()).sum() };
    match wide + sections.iter().map(|s| s.failures.len()).sum::<usize>() {
        0 => Ok(()),
        missed => Err(format!("{missed} targets are missed").into()),
    }
}
