//! What a campaign is made of, and how its work is shared among threads.

use crate::Options;
use std::error::Error;
use std::future::Future;
use std::path::PathBuf;

/// An error that may cross threads.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The numbers behind a run.
#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) draws: u64,
    pub(crate) engine_draws: u64,
    pub(crate) seed: u64,
    pub(crate) threads: u64,
    pub(crate) flights: Option<PathBuf>,
    pub(crate) only: Option<String>,
    folder: PathBuf,
}

/// Stacks for deep plans, which are walked recursively.
const STACK_BYTES: usize = 32 << 20;

impl Campaign {
    pub(crate) fn new(options: &Options) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        Self {
            draws: options.draws,
            engine_draws: options.engine_draws,
            seed: options.seed,
            threads,
            flights: options.flights.clone(),
            only: options.only.clone(),
            folder: std::env::temp_dir().join(format!("plusminus-coverage-{}", std::process::id())),
        }
    }

    /// The seed of one draw through the engine.
    pub(crate) fn draw_seed(&self, draw: u64) -> u64 {
        self.seed.wrapping_mul(1_000_003).wrapping_add(draw)
    }

    /// Where tables and stores go.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(&self.folder)?;
        Ok(self.folder.clone())
    }

    /// The confidences tried, in percent.
    pub(crate) fn confidences(&self) -> impl Iterator<Item = u32> {
        [80, 95, 99].into_iter()
    }

    /// The command that makes a part's tables.
    pub(crate) fn command(&self, part: &str) -> String {
        let mut text = format!("plusminus-acceptance --part {part} --seed {}", self.seed);
        match part {
            "statistics" => text.push_str(&format!(" --draws {}", self.draws)),
            _ => text.push_str(&format!(" --engine-draws {}", self.engine_draws)),
        }
        if let (Some(file), "engine" | "bounds" | "metamorphic") = (&self.flights, part) {
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            text.push_str(&format!(" --flights {name}"));
        }
        text
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        // Nothing is lost when the system clears it away instead.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Runs `work` on so many threads, each with its number, and hands back what they found.
pub(crate) fn in_parallel<T: Send>(
    threads: u64,
    work: impl Fn(u64) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    std::thread::scope(|scope| {
        let work = &work;
        let spawn =
            |thread| std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || work(thread));
        let threads = (0..threads.max(1)).map(spawn).collect::<Result<Vec<_>, _>>()?;
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a thread died".into()))).collect()
    })
}

/// Runs a future to its end on this thread, with one more thread for what it spawns.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    runtime.block_on(future)
}
