//! DataFusion's physical plans as trees: what each step does, and with EXPLAIN ANALYZE its rows and its time.

use super::column::width;
use super::fit::cut;
use super::footer::grouped;
use super::paint::Paint;

/// Columns of details at least, however narrow the screen is.
const DETAIL_MIN: usize = 12;
/// Columns of details at most where text may be of any width.
const DETAIL_MAX: usize = 100;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    depth: usize,
    name: String,
    detail: String,
    rows: Option<String>,
    time: Option<String>,
}

/// A plan, as DataFusion prints it in indented lines, as a tree that fits the screen.
pub(crate) fn tree(plan: &str, limit: Option<usize>, paint: Paint) -> String {
    let steps = steps(plan);
    let branches = branches(&steps);
    let left = |step: &Step, branch: &str| width(branch) + width(&step.name);
    let names = steps.iter().zip(&branches).map(|(step, branch)| left(step, branch)).max().unwrap_or(0);
    let column = |of: fn(&Step) -> &Option<String>| {
        steps.iter().filter_map(|step| of(step).as_deref().map(width)).max().unwrap_or(0)
    };
    let (rows, times) = (column(|step| &step.rows), column(|step| &step.time));
    let right = [rows, times].into_iter().filter(|own| *own > 0).map(|own| own + 2).sum::<usize>();
    let details = steps.iter().map(|step| width(&step.detail)).max().unwrap_or(0);
    let most = limit.map_or(DETAIL_MAX, |limit| limit.saturating_sub(names + right + 3).max(DETAIL_MIN));
    let room = details.min(most);
    let mut text = String::new();
    for (step, branch) in steps.iter().zip(&branches) {
        let detail = cut(&step.detail, room);
        let gap = " ".repeat(names - left(step, branch) + 2);
        let mut line = format!(" {}{}{gap}{}", paint.dim(branch), paint.bold(&step.name), paint.dim(&detail));
        let padding = room.saturating_sub(width(&detail));
        if right > 0 {
            line.push_str(&" ".repeat(padding));
        }
        for (value, own) in [(&step.rows, rows), (&step.time, times)] {
            if own > 0 {
                line.push_str(&format!("  {:>own$}", value.as_deref().unwrap_or_default()));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The steps of a plan; steps that only pass rows on are left out.
fn steps(plan: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    // For each depth in the text, the depth that is shown.
    let mut shown: Vec<usize> = Vec::new();
    for line in plan.lines().filter(|line| !line.trim().is_empty()) {
        let depth = (line.len() - line.trim_start().len()) / 2;
        let line = line.trim();
        let (name, rest) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        let (detail, metrics) = match rest.find("metrics=[") {
            Some(at) => (rest[..at].trim_end_matches(", "), &rest[at + "metrics=[".len()..]),
            None => (rest, ""),
        };
        // A step without details has its metrics behind its name.
        let (name, metrics) = match name.split_once(", metrics=[") {
            Some((name, own)) => (name, own),
            None => (name, metrics),
        };
        let own = depth.checked_sub(1).and_then(|above| shown.get(above)).map_or(0, |above| above + 1);
        let is_shown = !["CooperativeExec", "CoalesceBatchesExec"].contains(&name);
        shown.truncate(depth);
        shown.resize(depth, own);
        shown.push(if is_shown { own } else { own.wrapping_sub(1) });
        if is_shown {
            let (name, detail) = described(name, detail);
            steps.push(Step { depth: own, name, detail, rows: rows(metrics), time: time(metrics) });
        }
    }
    steps
}

/// A step in plain words.
fn described(name: &str, detail: &str) -> (String, String) {
    let field = |key: &str| field(detail, key);
    let listed = |key: &str| field(key).map(|value| without_places(value.trim_matches(['[', ']']))).unwrap_or_default();
    let (word, detail) = match name {
        "DataSourceExec" => ("scan", scan(detail)),
        "AggregateExec" => {
            let by = listed("gby");
            let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
            let word = if field("mode") == Some("Partial") { "aggregate each part" } else { "aggregate" };
            (word, format!("{}{by}", listed("aggr")).trim().to_owned())
        }
        "FilterExec" => ("filter", without_places(detail.split(", projection=").next().unwrap_or(detail))),
        "ProjectionExec" => ("select", listed("expr")),
        "RepartitionExec" => ("exchange", without_places(field("partitioning").unwrap_or(detail))),
        "CoalescePartitionsExec" => ("gather", String::new()),
        "SortExec" => ("sort", sorted(detail)),
        "SortPreservingMergeExec" => ("merge sorted", sorted(detail)),
        "HashJoinExec" => ("hash join", join(detail)),
        "SortMergeJoinExec" => ("merge join", join(detail)),
        "NestedLoopJoinExec" => ("loop join", join(detail)),
        "CrossJoinExec" => ("cross join", String::new()),
        "GlobalLimitExec" | "LocalLimitExec" => ("limit", detail.to_owned()),
        "WindowAggExec" | "BoundedWindowAggExec" => ("window", listed("wdw")),
        "UnionExec" => ("union", String::new()),
        "PlaceholderRowExec" => ("one row", String::new()),
        "EmptyExec" => ("no rows", String::new()),
        "UnnestExec" => ("unnest", String::new()),
        "DataSinkExec" => ("write", detail.to_owned()),
        other => return (words(other), without_places(detail)),
    };
    (word.to_owned(), detail)
}

/// `LazyMemoryExec` as `lazy memory`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for character in name.strip_suffix("Exec").unwrap_or(name).chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(character.to_lowercase());
    }
    words
}

/// The files and columns of a scan.
fn scan(detail: &str) -> String {
    let groups = field(detail, "file_groups").unwrap_or_default();
    let mut files: Vec<&str> = groups
        .split(['[', ',', ']', '{', '}'])
        .map(|path| path.trim().split(':').next().unwrap_or_default())
        .filter(|path| path.contains('.'))
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    files.dedup();
    let files = match files.as_slice() {
        [] => "memory".to_owned(),
        [one] => (*one).to_owned(),
        [first, ..] => format!("{first} and {} more files", files.len() - 1),
    };
    let columns = field(detail, "projection").map(|columns| columns.trim_matches(['[', ']'])).unwrap_or_default();
    let filter = field(detail, "predicate")
        .filter(|own| !own.starts_with("DynamicFilter"))
        .map(|own| format!(" where {}", without_places(own)))
        .unwrap_or_default();
    let limit = field(detail, "limit").map(|own| format!(" limit {own}")).unwrap_or_default();
    format!("{files}: {}{filter}{limit}", without_places(columns)).trim_end_matches(": ").to_owned()
}

fn sorted(detail: &str) -> String {
    let keys = detail.split('[').nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let top = detail.strip_prefix("TopK(fetch=").and_then(|rest| rest.split(')').next());
    let top = top.map(|rows| format!("first {rows} by ")).unwrap_or_default();
    format!("{top}{}", without_places(keys))
}

fn join(detail: &str) -> String {
    let kind = field(detail, "join_type").unwrap_or_default().to_lowercase();
    let on = field(detail, "on").or_else(|| field(detail, "filter")).unwrap_or_default();
    let on = on.trim_matches(['[', ']', '(', ')']).replace(", ", " = ");
    format!("{kind} on {}", without_places(&on)).trim_end_matches(" on ").to_owned()
}

/// The value of `key=` up to the comma that ends it.
fn field<'a>(detail: &'a str, key: &str) -> Option<&'a str> {
    let start = detail
        .match_indices(&format!("{key}="))
        .map(|(at, _)| at)
        .find(|at| *at == 0 || detail[..*at].ends_with([' ', ',']))?;
    let value = &detail[start + key.len() + 1..];
    let mut depth = 0_i32;
    for (at, character) in value.char_indices() {
        match character {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            ',' if depth == 0 => return Some(&value[..at]),
            _ => {}
        }
    }
    Some(value)
}

/// Names of columns without their places: `origin` for `origin@1`, and `origin` for `origin@1 as origin`.
fn without_places(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let digits = rest[at + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at - 1);
        shown.push_str(&rest[..at]);
        if digits == 0 {
            shown.push('@');
        }
        rest = &rest[at + 1 + digits..];
        // An alias that repeats the name says nothing.
        let name = shown.rsplit([' ', ',', '(', '[']).next().unwrap_or_default().to_owned();
        let alias = format!(" as {name}");
        if let Some(after) =
            rest.strip_prefix(alias.as_str()).filter(|after| !after.starts_with(|c: char| c.is_alphanumeric()))
        {
            rest = after;
        }
    }
    shown.push_str(rest);
    shown.replace("count(Int64(1))", "count(*)")
}

/// `output_rows` of metrics, in full where DataFusion gives it in full.
fn rows(metrics: &str) -> Option<String> {
    let rows = field(metrics.trim_end_matches(']'), "output_rows")?;
    match rows.parse::<u64>() {
        Ok(rows) => Some(format!("{} row{}", grouped(rows), if rows == 1 { "" } else { "s" })),
        Err(_) => Some(format!("{rows} rows")),
    }
}

/// The time that a step computed, or for a scan the time that it took.
fn time(metrics: &str) -> Option<String> {
    let metrics = metrics.trim_end_matches(']');
    let scan = field(metrics, "time_elapsed_scanning_total");
    let time = scan.or_else(|| field(metrics, "elapsed_compute"))?;
    let unit = time.find(|c: char| c.is_alphabetic() || c == 'µ').unwrap_or(time.len());
    let (number, unit) = time.split_at(unit);
    Some(format!("{} {unit}", number.trim()))
}

/// The lines before each step's name that show what it belongs to.
fn branches(steps: &[Step]) -> Vec<String> {
    let has_sibling_below = |at: usize, depth: usize| {
        steps[at + 1..].iter().take_while(|step| step.depth >= depth).any(|step| step.depth == depth)
    };
    let branch = |at: usize| {
        let own = steps[at].depth;
        let mut text = String::new();
        for depth in 1..=own {
            text.push_str(match (depth == own, has_sibling_below(at, depth)) {
                (true, true) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "│  ",
                (false, false) => "   ",
            });
        }
        text
    };
    (0..steps.len()).map(branch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "SortPreservingMergeExec: [n@1 DESC], fetch=3, metrics=[output_rows=3, elapsed_compute=1.20µs]
  AggregateExec: mode=FinalPartitioned, gby=[origin@0 as origin], aggr=[count(Int64(1)), avg(t.delay)], metrics=[output_rows=229, elapsed_compute=182.55µs]
    HashJoinExec: mode=Partitioned, join_type=Inner, on=[(a@0, b@1)], metrics=[output_rows=1200000, elapsed_compute=3.1ms]
      CooperativeExec, metrics=[]
        DataSourceExec: file_groups={2 groups: [[data/a.parquet:0..67], [data/a.parquet:67..134]]}, projection=[delay, origin], file_type=parquet, predicate=delay@0 > 5, metrics=[output_rows=3.00 M, elapsed_compute=2ns, time_elapsed_scanning_total=180.65ms]
      RepartitionExec: partitioning=Hash([origin@0], 2), input_partitions=2, metrics=[output_rows=1]
        MyOwnExec";

    #[test]
    fn plans_are_trees_with_rows_and_times() {
        let text = tree(PLAN, Some(100), Paint::OFF);
        let expected = " merge sorted        n DESC                                            3 rows    1.20 µs
 └─ aggregate        count(*), avg(t.delay) by origin                229 rows  182.55 µs
    └─ hash join     inner on a = b                            1,200,000 rows     3.1 ms
       ├─ scan       a.parquet: delay, origin where delay > 5     3.00 M rows  180.65 ms
       └─ exchange   Hash([origin], 2)                                  1 row
          └─ my own
";
        assert_eq!(text, expected, "\n{text}");
        let narrow = tree(PLAN, Some(60), Paint::OFF);
        assert!(narrow.lines().all(|line| width(line) <= 72), "{narrow}");
        assert!(tree("", Some(80), Paint::OFF).is_empty());
    }
}
