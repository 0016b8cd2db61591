//! Answers for people: tables that fit a terminal, Markdown, HTML for notebooks, and charts with error bars.
//!
//! ```
//! # #[tokio::main(flavor = "multi_thread")]
//! # async fn main() -> plusminus::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("plusminus-display-{}", std::process::id()));
//! let db = plusminus::Session::open(folder).await?;
//! let answer = db.query("SELECT 'east' AS region, 1234567 AS miles").run().await?;
//! print!("{}", plusminus_display::text(&answer, &plusminus_display::View::default()));
//! # Ok(())
//! # }
//! ```

mod agent;
mod html;
mod markdown;
mod plot;
mod render;

pub use agent::agent;
pub use html::html;
pub use markdown::markdown;
pub use plot::{chart, png, svg};
pub use render::{
    Errors, Expanded, Paint, Shown, TextColumn, View, count, footer, grouped, interval_texts, rows, table, text,
    trust_word, with_errors, without_errors,
};
