//! EXPLAIN with bounds: how a query will be answered, and with ANALYZE how it was.

use crate::answer::Answer;
use crate::choose;
use crate::error::Result;
use crate::listing;
use crate::running::{Running, Way};
use arrow::array::{ArrayRef, StringArray};
use plusminus_dialect::Explain;
use std::sync::Arc;

/// One row per fact: `step` and `detail`.
pub(crate) async fn run(running: &Arc<Running>, explain: Explain) -> Result<Answer> {
    let mut rows: Vec<(&str, String)> = Vec::new();
    match running.way().await? {
        Way::Exact(reason) => {
            rows.push(("mode", "exact".to_owned()));
            rows.push(("reason", reason.0));
            rows.push(("plan", running.plan.display_indent().to_string()));
        }
        Way::Sample(shape, manifest) => {
            let cumulative = choose::cumulative_rows(&manifest);
            let first = choose::first_level(&shape, &manifest, &running.goal, &cumulative);
            rows.push(("mode", "approximate".to_owned()));
            rows.push(("sample", manifest.name.clone()));
            rows.push(("design", manifest.design.to_string()));
            rows.push((
                "first look",
                format!("level {first}: {} of {} rows", cumulative.get(first).unwrap_or(&0), manifest.base.rows),
            ));
            rows.push((
                "top level",
                format!("level {}: {} rows", cumulative.len().saturating_sub(1), manifest.sampled_rows()),
            ));
            rows.push(("columns read", shape.columns().join(", ")));
            rows.push(("bounds", goal_text(running)));
        }
    }
    if explain.analyze {
        let answer = running.answer().await?;
        let report = answer.report();
        rows.push(("answered", format!("{}; {}", report.mode, report.reason)));
        rows.push(("rows read", report.rows_read.to_string()));
        rows.push(("time", format!("{:.2} ms", report.elapsed_ms)));
        rows.push(("met", report.met.map_or("no bound".to_owned(), |m| m.to_string())));
    }
    let column = |pick: &dyn Fn(&(&str, String)) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(pick(r))).collect::<StringArray>())
    };
    listing::values(vec![("step", column(&|r| r.0.to_owned())), ("detail", column(&|r| r.1.clone()))], "explained")
}

fn goal_text(running: &Running) -> String {
    let goal = &running.goal;
    let error = goal.error.map(|e| match e {
        plusminus_statistics::Target::Relative(e) => format!("error within {} %", e * 100.0),
        plusminus_statistics::Target::Absolute(e) => format!("error within {e}"),
    });
    let within = goal.within.map(|w| format!("within {} ms", w.as_millis()));
    let parts: Vec<String> = [error, within].into_iter().flatten().collect();
    format!("{} at confidence {} %", parts.join(", "), goal.confidence.level() * 100.0)
}
