//! SQL answers with error bars, in the time or error you state.
//!
//! ```
//! # #[tokio::main(flavor = "multi_thread")]
//! # async fn main() -> plusminus::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("plusminus-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).map_err(|e| plusminus::Error::Data { what: e.to_string(), next: String::new() })?;
//! # let file = folder.join("trips.csv");
//! # let rows: String = (0..5000).map(|i| format!("{},{}\n", ["east", "west"][i % 2], i % 97)).collect();
//! # std::fs::write(&file, format!("region,miles\n{rows}")).map_err(|e| plusminus::Error::Data { what: e.to_string(), next: String::new() })?;
//! # let (store, file) = (folder.join("store"), file.to_string_lossy().into_owned());
//! let db = plusminus::Session::open(store).await?;
//! db.register("trips", &file).await?;
//! db.sample("trips").stratified_by(["region"]).cap(500).build().await?;
//! let answer = db.query("SELECT region, avg(miles) AS m FROM trips GROUP BY region").error_percent(10.0).run().await?;
//! for cell in answer.cells("m")? {
//!     assert!(cell.lower <= 47.9 && 47.9 <= cell.upper);
//! }
//! # std::fs::remove_dir_all(&folder).ok();
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! text ──▶ api ──▶ planning ──▶ samples ──▶ refine ⇄ cache ──▶ estimate ──▶ post ──▶ execution ──▶ Answer
//!          bounds   AggregateQuery  bindings   level after level   intervals   above     rows, report
//!                        └── or a Reason ───────────────────────────────────────────▶ exact, on the table
//! ```
//!
//! A query's life: `api` takes the statement and `bounds` reads its goal, `planning` recognises what can be estimated, and `samples`
//! finds the samples that may answer. `refine` evaluates level after level, `estimate` turns totals into intervals, `post` runs the
//! plan above the aggregate, and `execution` and `answer` put rows, intervals and a report together. A query that no sample can answer
//! runs exactly on the table, and the report says why.

mod answer;
pub(crate) mod api;
pub(crate) mod bounds;
mod cache;
mod environment;
pub(crate) mod estimate;
pub(crate) mod execution;
mod explain;
mod joins;
mod moments;
pub(crate) mod planning;
mod post;
pub(crate) mod refine;
pub(crate) mod runtime;
pub(crate) mod samples;
pub(crate) mod strata;

pub use answer::{Answer, Bounds, Cell, Column, Error, ErrorColumns, Mode, Report, Result, sql_type};
pub use api::{Names, Parameter, ProgressFn, Query, SampleBuilder, Session, SessionBuilder};
pub use bounds::{Interrupt, ScanProgress};
pub use plusminus_catalog::{CatalogError, Manifest, SampleSize};
pub use plusminus_dialect::{
    CopyStatement, CopyTarget, Location, OnMiss, Statement, StatementKind, SyntaxError, parse_copy,
};
pub use plusminus_plan::Role;
pub use plusminus_sampling::{Progress, SamplingError};
pub use plusminus_statistics::{Doubt, Trust};
pub use runtime::{Clock, SystemClock};
