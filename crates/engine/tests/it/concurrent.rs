//! Queries, builds, replacements, drops and updates at the same time, from several tasks on one session with little memory.

use super::support::{Random, World, rows};
use plusminus::{Session, SessionBuilder, Trust};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

/// Each task draws its statements from a seed of its own, so that a run can be repeated as far as threads allow.
const SEED: u64 = 100;
const TASKS: u64 = 4;
const STATEMENTS: usize = 250;
const MEMORY_ROWS: i64 = 5_000;

const DESIGNS: [&str; 5] = [
    "STRATIFIED BY (g) CAP 300",
    "SIZE 10 %",
    "SIZE 5 % TAIL (price)",
    "UNIVERSE ON (rare) SIZE 30 %",
    "STRATIFIED BY (g, k) CAP 20",
];

const QUERIES: [&str; 5] = [
    "SELECT g, COUNT(*) AS v FROM t GROUP BY g ORDER BY g",
    "SELECT AVG(n) AS v FROM t WHERE k < 120",
    "SELECT g, SUM(price) AS v FROM t WHERE n > 100 GROUP BY g ORDER BY g",
    "SELECT COUNT(DISTINCT rare) AS v FROM t",
    "SELECT k % 7 AS d, SUM(n) AS v FROM t GROUP BY 1 ORDER BY 1",
];

/// State that all tasks share.
struct Shared {
    session: Session,
    /// By query: its groups and their values.
    truths: Vec<Vec<(String, f64)>>,
    /// Updates of table `m` that began, and that ended.
    began: AtomicI64,
    ended: AtomicI64,
}

impl Shared {
    /// Every cell that is called exact or trusted holds the truth at 99.9 %: of some 6,000 cells six may miss, and with them others of their answers.
    async fn ask(&self, random: &mut Random) -> Result<usize, String> {
        let at = random.below(QUERIES.len() as u64) as usize;
        let sql = QUERIES[at];
        let percent = [1.0, 10.0, 50.0][random.below(3) as usize];
        let query = self.session.query(sql).error_percent(percent).confidence_percent(99.9);
        let answer = query.run().await.map_err(|error| format!("{sql}: {error}"))?;
        let cells = answer.cells("v").unwrap();
        let mut wrong = 0;
        for (row, cell) in rows(&answer).iter().zip(cells) {
            let group = row.rsplit_once('|').map_or("", |(group, _)| group);
            let Some((_, truth)) = self.truths[at].iter().find(|(own, _)| own == group) else {
                return Err(format!("{sql}: no group {group}"));
            };
            let slack = 1e-9 * truth.abs();
            let holds = cell.lower - slack <= *truth && *truth <= cell.upper + slack;
            match cell.trust {
                Trust::Exact if !holds => return Err(format!("{sql}: {cell:?}, truly {truth}: {:?}", answer.report())),
                Trust::Trusted if !holds => wrong += 1,
                _ => {}
            }
        }
        Ok(wrong)
    }

    /// Sums of table `m`, which every update makes larger by one for each row.
    async fn ask_memory(&self, random: &mut Random) -> Result<usize, String> {
        let before = self.ended.load(SeqCst);
        let sql = "SELECT SUM(v) AS v FROM m";
        let mut query = self.session.query(sql);
        if random.below(2) == 0 {
            query = query.error_percent(5.0).confidence_percent(99.9);
        }
        let answer = query.run().await.map_err(|error| format!("{sql}: {error}"))?;
        let after = self.began.load(SeqCst);
        let cell = answer.cells("v").unwrap()[0];
        let sum = |updates: i64| (MEMORY_ROWS * (MEMORY_ROWS - 1) / 2 + updates * MEMORY_ROWS) as f64;
        match cell.lower <= sum(after) && sum(before) <= cell.upper {
            true => Ok(0),
            false => Err(format!("{cell:?} of {} to {}: {:?}", sum(before), sum(after), answer.report())),
        }
    }

    /// A build, a drop or an update.
    async fn change(&self, random: &mut Random) -> Result<usize, String> {
        let name = ["a", "b"][random.below(2) as usize];
        let design = DESIGNS[random.below(DESIGNS.len() as u64) as usize];
        let seed = random.below(1_000);
        let sql = match random.below(6) {
            0..=2 => format!("CREATE OR REPLACE SAMPLE {name} ON t {design} SEED {seed}"),
            3 => format!("DROP SAMPLE IF EXISTS {name}"),
            4 => format!("CREATE OR REPLACE SAMPLE c ON m SIZE 20 % SEED {seed}"),
            _ => {
                self.began.fetch_add(1, SeqCst);
                let updated = self.session.execute("UPDATE m SET v = v + 1").await;
                self.ended.fetch_add(1, SeqCst);
                return updated.map(|_| 0).map_err(|error| error.to_string());
            }
        };
        match self.session.execute(&sql).await {
            Ok(_) => Ok(0),
            // Of two builds of one name the later one is told.
            Err(error) if error.to_string().contains("being built") => Ok(0),
            Err(error) => Err(format!("{sql}: {error}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_answer_is_right_for_a_generation_that_was_current() {
    let world = World::new(20_000).await;
    let session = SessionBuilder::new(world.store()).memory_bytes(24 << 20).threads(2).open().await.unwrap();
    session.register("t", world.folder.path().join("t.parquet").to_str().unwrap()).await.unwrap();
    let create = format!("CREATE TABLE m AS SELECT value AS v FROM generate_series(0, {})", MEMORY_ROWS - 1);
    session.execute(&create).await.unwrap();
    let mut truths = Vec::new();
    for sql in QUERIES {
        let answer = session.query(sql).run().await.unwrap();
        let split = |row: &String| match row.rsplit_once('|') {
            Some((group, value)) => (group.to_owned(), value.parse().unwrap()),
            None => (String::new(), row.parse().unwrap()),
        };
        truths.push(rows(&answer).iter().map(split).collect());
    }
    let shared = Arc::new(Shared { session, truths, began: AtomicI64::new(0), ended: AtomicI64::new(0) });
    let tasks = (0..TASKS).map(|task| {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut random = Random(SEED + task);
            let mut wrong = 0;
            for _ in 0..STATEMENTS {
                // Where tasks give way to each other is drawn, too.
                for _ in 0..random.below(3) {
                    tokio::task::yield_now().await;
                }
                wrong += match random.below(10) {
                    0..=5 => shared.ask(&mut random).await?,
                    6 => shared.ask_memory(&mut random).await?,
                    _ => shared.change(&mut random).await?,
                };
            }
            Ok::<usize, String>(wrong)
        })
    });
    let mut wrong = 0;
    for task in tasks.collect::<Vec<_>>() {
        wrong += task.await.unwrap().unwrap();
    }
    assert!(wrong <= 60, "{wrong} trusted cells miss the truth at 99.9 %");
}
