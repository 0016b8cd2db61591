//! The command line.

use crate::failure::Failure;
use crate::format::Format;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use plusminus_display::{Errors, Paint};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// SQL answers with error bars, in the time or error you state.
#[derive(Debug, Clone, Parser)]
#[command(name = "plusminus", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Folder of the store, as with --store
    #[arg(id = "shell_store", value_name = "STORE")]
    pub(crate) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) batch: Batch,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Statements to run instead of a shell.
#[derive(Debug, Clone, Args)]
pub(crate) struct Batch {
    /// SQL to run; may be repeated
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    commands: Vec<String>,
    /// File of SQL to run; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.files.is_empty()
    }

    /// The statements, and then those of the files; `-` is stdin.
    pub(crate) fn scripts(&self) -> Result<Vec<Script>, Failure> {
        let mut scripts: Vec<Script> =
            self.commands.iter().map(|text| Script { file: None, text: text.clone() }).collect();
        for file in &self.files {
            let text = match file.to_str() {
                Some("-") => std::io::read_to_string(std::io::stdin()),
                _ => std::fs::read_to_string(file),
            };
            let text = text.map_err(|e| Failure::io(file.display(), e))?;
            scripts.push(Script { file: Some(file.to_string_lossy().into_owned()), text });
        }
        Ok(scripts)
    }
}

/// Statements and commands, and the file that holds them, if one does.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) file: Option<String>,
    pub(crate) text: String,
}

const COMPLETIONS: &str = "Examples:
  plusminus completions bash > ~/.local/share/bash-completion/completions/plusminus
  plusminus completions zsh > \"${fpath[1]}/_plusminus\"
  plusminus completions fish > ~/.config/fish/completions/plusminus.fish";

const QUERY: &str = "Examples:
  plusminus query -c \"SELECT COUNT(*) FROM 'trips.parquet' WITHIN 1 SECOND\"
  plusminus query -f report.sql -p day=2026-01-31 -o report.parquet
  plusminus query --format json < report.sql";

const SAMPLE: &str = "Examples:
  plusminus sample create trips.parquet --size 1%
  plusminus sample create trips.parquet --stratified-by region,day --stratified-by driver --cap 500
  plusminus sample create trips.parquet --universe-on driver --size 5%
  plusminus sample list";

const PLOT: &str = "Examples:
  plusminus plot -c \"SELECT region, AVG(fare) FROM 'trips.parquet' GROUP BY region ERROR WITHIN 5%\"
  plusminus plot -o fares.png -c \"SELECT day, AVG(fare) FROM 'trips.parquet' GROUP BY day WITHIN 1 SECOND\"";

const EXAMPLES: &str = "Examples:
  plusminus                         opens the shell
  plusminus demo
  plusminus -c \"SUMMARIZE 'flights.parquet'\"
  plusminus sample create flights.parquet --stratified-by origin --cap 500
  plusminus query -c \"SELECT origin, AVG(delay) FROM 'flights.parquet' GROUP BY origin ERROR WITHIN 10%\"";

/// The subcommand; without one a shell is started.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Run SQL statements and print their answers
    #[command(after_help = QUERY)]
    Query(QueryArgs),
    /// Build, list, check and drop samples
    #[command(after_help = SAMPLE)]
    Sample(SampleArgs),
    /// Generate a table of video sessions, sample it, and compare estimates with exact answers
    Demo(DemoArgs),
    /// Draw estimates with their intervals
    #[command(after_help = PLOT)]
    Plot(PlotArgs),
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// `plusminus query`
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) batch: Batch,
    /// `-` reads SQL from stdin, as does giving neither -c nor -f
    #[arg(value_name = "-")]
    pub(crate) stdin: Option<String>,
}

/// `plusminus sample`
#[derive(Debug, Clone, Args)]
pub(crate) struct SampleArgs {
    #[command(subcommand)]
    pub(crate) command: SampleCommand,
}

/// The subcommand of `plusminus sample`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SampleCommand {
    /// Draw samples of a table, all in one pass over it
    Create(CreateArgs),
    /// List the samples in the store
    List,
    /// Show the levels of a sample
    Describe {
        /// The sample's name
        name: String,
    },
    /// Compare every byte of a sample with its checksums
    Verify {
        /// The sample's name
        name: String,
    },
    /// Drop a sample
    Drop {
        /// The sample's name
        name: String,
        /// Do nothing when it does not exist
        #[arg(long)]
        if_exists: bool,
    },
    /// Draw a sample again from changed data (not supported yet)
    Refresh {
        /// The sample's name
        name: String,
    },
    /// Choose samples for a workload (not supported yet)
    Advise {
        /// Anything
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

/// `plusminus sample create`
#[derive(Debug, Clone, Args)]
pub(crate) struct CreateArgs {
    /// Table name (see --table), or path of a file, folder or glob
    pub(crate) table: String,
    /// Columns of one stratified sample, separated by commas; repeat for several samples in one pass
    #[arg(long = "stratified-by", value_name = "COLUMNS")]
    pub(crate) stratified_by: Vec<String>,
    /// Column of a sample that holds all rows of a value or none, to count distinct values; repeatable
    #[arg(long = "universe-on", value_name = "COLUMN")]
    pub(crate) universe_on: Vec<String>,
    /// Numeric columns, separated by commas, whose largest values are kept whole
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) tail: Option<String>,
    /// Also draw a uniform sample (the default when nothing else is drawn)
    #[arg(long)]
    pub(crate) uniform: bool,
    /// Rows to keep of each stratum, at most
    #[arg(long, value_name = "ROWS", conflicts_with = "size")]
    pub(crate) cap: Option<u64>,
    /// Rows to keep in all: a number, or a share of the table such as 1%
    #[arg(long, value_name = "ROWS|P%")]
    pub(crate) size: Option<String>,
    /// Number of nested levels
    #[arg(long)]
    pub(crate) levels: Option<u32>,
    /// Name of the sample, when only one is drawn
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Take the place of samples with the same names
    #[arg(long)]
    pub(crate) replace: bool,
}

/// `plusminus demo`
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Rows of the table
    #[arg(long, default_value_t = 20_000_000)]
    pub(crate) rows: u64,
    /// Do not ask before writing to the disk
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `plusminus plot`
#[derive(Debug, Clone, Args)]
pub(crate) struct PlotArgs {
    /// SQL whose estimates are drawn
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    command: Option<String>,
}

impl PlotArgs {
    /// The SQL, from stdin where -c is not given.
    pub(crate) fn sql(&self) -> Result<String, Failure> {
        match &self.command {
            Some(sql) => Ok(sql.clone()),
            None => std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::io("stdin", e)),
        }
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// When stdout is a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether text is coloured, where stdout is a terminal or not.
    pub(crate) fn is_on(self, is_terminal: bool) -> bool {
        // https://no-color.org: any value but an empty one.
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Auto => is_terminal && !is_refused && !is_dumb,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder of the store [default: ./plusminus-store]
    #[arg(long = "store", value_name = "DIR", global = true, env = "PLUSMINUS_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Table for this process: NAME=PATH-OR-GLOB; may be repeated
    #[arg(long = "table", value_name = "NAME=PATH", global = true)]
    pub(crate) tables: Vec<String>,
    /// How answers are written [default: by the ending of -o, else table]
    #[arg(long, value_enum, global = true)]
    pub(crate) format: Option<Format>,
    /// How intervals are written: in the numbers, in columns of their own, or not at all [default: in the numbers of tables, in columns wherever there are estimates]
    #[arg(long, global = true, value_parser = PossibleValuesParser::new(Errors::NAMES).try_map(|name| name.parse::<Errors>()))]
    pub(crate) errors: Option<Errors>,
    /// Value for $NAME in statements; may be repeated
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", global = true)]
    pub(crate) variables: Vec<String>,
    /// File to write answers to instead of stdout; its ending chooses the format
    #[arg(short = 'o', long = "output", value_name = "FILE", global = true)]
    pub(crate) output: Option<PathBuf>,
    /// Memory for queries and builds, such as 4GiB or 512MB [default: 4GiB]
    #[arg(long, value_name = "SIZE", global = true, value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N", global = true)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Seed of samples and of the demo's data
    #[arg(long, value_name = "N", default_value_t = 0, global = true)]
    pub(crate) seed: u64,
    /// Print nothing but results and errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Show no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Write compact Markdown for language models
    #[arg(long, global = true, conflicts_with = "format")]
    pub(crate) agent: bool,
    /// When to colour
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
}

impl Global {
    /// Colours of what is written to stderr.
    pub(crate) fn error_paint(&self) -> Paint {
        Paint::new(self.color.is_on(std::io::stderr().is_terminal()))
    }

    /// Worker threads to use.
    pub(crate) fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, NonZeroUsize::get)
    }
}

impl Cli {
    /// Settles on one store: the positional one or --store, not both.
    pub(crate) fn settled(mut self) -> Result<Self, Failure> {
        // An environment variable fills --store too, and the positional argument beats it.
        let flagged = std::env::args_os().any(|a| a.to_string_lossy().starts_with("--store"));
        match self.store.take() {
            Some(_) if flagged => Err(Failure::usage("name the store once: as STORE or with --store")),
            Some(store) => {
                check_command_name(&store)?;
                self.global.store = Some(store);
                Ok(self)
            }
            None => Ok(self),
        }
    }
}

impl Global {
    /// The store's folder.
    pub(crate) fn store_folder(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| PathBuf::from("plusminus-store"))
    }
}

/// A word that is no folder and nearly a command is a slip of the hand, not a new store.
fn check_command_name(store: &std::path::Path) -> Result<(), Failure> {
    let word = store.to_string_lossy();
    let near = ["query", "sample", "demo", "plot", "completions", "man", "help"]
        .into_iter()
        .find(|c| strsim::osa_distance(c, &word) <= word.len() / 3);
    match near {
        Some(command) if !store.exists() => {
            Err(Failure::usage(format!("there is no command '{word}'; did you mean '{command}'?")))
        }
        _ => Ok(()),
    }
}

/// Bytes from text such as `4GiB`, `512MB` or `1000000`.
fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| format!("'{text}' is not a size such as 4GiB or 512MB"))?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        other => return Err(format!("'{other}' is not a unit of size; use MB, GB, MiB or GiB")),
    };
    let bytes = number * factor;
    if !(1e6..1e18).contains(&bytes) {
        return Err("less than 1 MB is not enough to run anything".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    Ok(bytes as u64)
}
