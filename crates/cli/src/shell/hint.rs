//! One line after a slow exact query: what a bound would have cost.

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Mode, Role, Session, Statement, StatementKind};

/// Milliseconds from which an exact answer is slow.
const SLOW_MS: f64 = 500.0;
/// The bound that the line speaks of.
const BOUND: &str = "ERROR WITHIN 5%";

/// The line for an answer; `None` where there is nothing to say.
pub(super) async fn hint(session: &Session, statement: &Statement, answer: &Answer) -> Option<String> {
    let StatementKind::Sql(sql) = &statement.kind else { return None };
    let report = answer.report();
    let has_estimates = answer.columns().iter().any(|column| column.role == Role::Estimate);
    let is_slow = report.mode == Mode::Exact && report.met.is_none() && report.elapsed_ms > SLOW_MS;
    if !answer.is_query() || !is_slow || !has_estimates || sql.explain.is_some() {
        return None;
    }
    let explained = session.execute(&format!("EXPLAIN {} {BOUND}", statement.text)).await.ok()?.pop()?;
    of_steps(&steps(&explained)?)
}

/// The rows of an explanation: steps and their details.
fn steps(explained: &Answer) -> Option<Vec<(String, String)>> {
    let texts = |at: usize| -> Option<Vec<String>> {
        let column = explained.batch().columns().get(at)?;
        let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).ok()?;
        Some((0..column.len()).map(|row| formatter.value(row).to_string()).collect())
    };
    Some(texts(0)?.into_iter().zip(texts(1)?).collect())
}

fn of_steps(steps: &[(String, String)]) -> Option<String> {
    let detail = |step: &str| steps.iter().find(|(name, _)| name == step).map(|(_, detail)| detail.as_str());
    if let Some(reason) = detail("reason").filter(|reason| reason.starts_with("no sample")) {
        return Some(format!("{BOUND}: not yet, {reason}; CREATE SAMPLE name ON table SIZE 1 % draws one"));
    }
    let (level, _) = detail("expected")?.split_once(": ")?;
    let (sample, _) = level.split_once(", level ")?;
    let is_own = |text: &&str| text.starts_with(&format!("{level} of "));
    let candidates = steps.iter().filter(|(step, _)| step == "candidate").map(|(_, detail)| detail.as_str());
    let (_, predicted) = { candidates }.find(is_own)?.split_once(": ")?;
    let time = predicted.rsplit(", ").next().filter(|time| time.ends_with("ms"));
    let time = time.map(|time| format!("about {time}")).unwrap_or_else(|| "less time".to_owned());
    Some(format!("{BOUND} would have taken {time}, from sample {sample}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(steps: &[(&str, &str)]) -> Option<String> {
        let steps: Vec<_> = steps.iter().map(|(step, detail)| ((*step).to_owned(), (*detail).to_owned())).collect();
        of_steps(&steps)
    }

    #[test]
    fn the_line_says_what_the_bound_costs() {
        let candidates = [
            ("candidate", "s, level 0 of 2: 500 rows, error 9.10 %, 0.80 ms"),
            ("candidate", "s, level 1 of 2: 1,000 rows, error 4.20 %, 1.20 ms"),
            ("expected", "s, level 1: the fewest rows that are predicted to meet the bound"),
        ];
        assert_eq!(lines(&candidates).unwrap(), "ERROR WITHIN 5% would have taken about 1.20 ms, from sample s");
        let unknown = [
            ("candidate", "s, level 0 of 1: 5 rows, error 1 %, time not learnt yet"),
            ("expected", "s, level 0: enough"),
        ];
        assert!(lines(&unknown).unwrap().contains("less time"));
        assert!(lines(&[("reason", "no sample of 't'")]).unwrap().contains("CREATE SAMPLE"));
        assert_eq!(lines(&[("expected", "the table: it costs less")]), None);
    }
}
