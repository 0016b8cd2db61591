//! Answers on screens of several widths, with and without colours.

use super::{Errors, Expanded, Paint, View, footer, rows};
use plusminus::{Answer, Session};
use std::fmt::Write;

/// Trips in three regions, one of which is rare, with a text, a time and a heavy-tailed measure; a sample by region.
async fn session(folder: &std::path::Path) -> Session {
    let mut csv = String::from("region,driver,began,miles,fare,note\n");
    for row in 0..20_000_u64 {
        let hash = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let region = if row % 4_000 == 7 { "far out" } else { ["east", "north-west"][usize::from(hash % 3 == 0)] };
        let (day, hour) = (1 + hash % 28, hash % 24);
        let fare = 2.5 + (hash % 900) as f64 / 100.0 + if hash % 1_000 == 3 { 5_000.0 } else { 0.0 };
        let note =
            if hash % 5 == 0 { "" } else { "paid in the car and receipt sent by mail to the address that is on file" };
        writeln!(csv, "{region},driver {},2026-03-{day:02} {hour:02}:30:00,{},{fare},{note}", hash % 7, hash % 90)
            .unwrap();
    }
    std::fs::write(folder.join("trips.csv"), csv).unwrap();
    let session = Session::open(folder.join("store")).await.unwrap();
    session.register("trips", folder.join("trips.csv").to_str().unwrap()).await.unwrap();
    session.execute("CREATE SAMPLE s ON trips STRATIFIED BY (region) CAP 400 SEED 3").await.unwrap();
    session
}

async fn answer(session: &Session, sql: &str) -> Answer {
    session.execute(sql).await.unwrap().pop().unwrap()
}

/// Rows and footer. Times differ from run to run, and with them where the footer is broken: it is shown in one line, and has to fit.
fn shown(answer: &Answer, view: View) -> String {
    let widest = footer(answer, view.width, Paint::OFF).lines().map(super::column::width).max().unwrap();
    assert!(view.width.is_none_or(|width| widest <= width), "{widest} of {:?}", view.width);
    let is_time = |part: &str| part.ends_with(" ms") || part.ends_with(" s") && !part.contains(':');
    let footer = footer(answer, None, view.paint);
    let parts: Vec<&str> = footer.split(" · ").map(|part| if is_time(part) { "TIME" } else { part }).collect();
    format!("{}{}", rows(answer, &view), parts.join(" · "))
}

const QUERIES: [&str; 5] = [
    "SELECT region, COUNT(*), AVG(fare) AS fare, SUM(miles), stddev(fare) FROM trips WHERE miles > 3 GROUP BY region ORDER BY region \
     WITHIN 60 SECONDS ON MISS REPORT",
    "SELECT driver, region, COUNT(*) AS trips, AVG(fare), SUM(fare), MIN(fare), MAX(miles), stddev(miles), AVG(miles * fare), \
     SUM(miles) / COUNT(*) AS per_trip FROM trips GROUP BY driver, region ORDER BY driver, region WITHIN 60 SECONDS ON MISS REPORT",
    "SELECT AVG(fare) FROM trips WHERE region = 'east' ERROR WITHIN 0.1% ON MISS REPORT",
    "SELECT region, began, miles, note, note AS again FROM trips WHERE note IS NOT NULL ORDER BY began, miles, region, driver LIMIT 3",
    "SELECT region, COUNT(*) AS trips, MAX(began) AS last, AVG(fare) AS fare FROM trips GROUP BY region ORDER BY region",
];

#[tokio::test]
async fn answers_fit_screens_of_any_width() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let mut page = String::new();
    for sql in QUERIES {
        let answer = answer(&session, sql).await;
        writeln!(page, "{sql}").unwrap();
        for width in [Some(80), Some(120), Some(200), None] {
            let view =
                View { width, errors: Errors::Inline, paint: Paint::OFF, expanded: Expanded::Auto, ..View::default() };
            let text = shown(&answer, view);
            let widest = rows(&answer, &view).lines().map(super::column::width).max().unwrap();
            assert!(width.is_none_or(|width| widest <= width), "{widest} of {width:?}:\n{text}");
            writeln!(page, "── {} ──\n{text}\n", width.map_or("any width".to_owned(), |width| width.to_string()))
                .unwrap();
        }
    }
    insta::assert_snapshot!(page);
}

#[tokio::test]
async fn colours_and_forms() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let mut page = String::new();
    let answer = answer(&session, QUERIES[0]).await;
    for (errors, expanded) in [
        (Errors::Inline, Expanded::Never),
        (Errors::Columns, Expanded::Never),
        (Errors::None, Expanded::Never),
        (Errors::Inline, Expanded::Always),
    ] {
        let view = View { width: Some(120), errors, paint: Paint::new(true), expanded, ..View::default() };
        let text = shown(&answer, view).replace('\u{1b}', "␛");
        writeln!(page, "{errors:?}, expanded: {expanded:?}\n{text}\n").unwrap();
    }
    insta::assert_snapshot!(page);
}

/// A thousand columns and ten thousand rows: no more is rendered than is shown.
#[tokio::test]
async fn large_answers_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(folder.path().join("store")).await.unwrap();
    let columns: Vec<String> = (0..1_000).map(|at| format!("value + {at} AS column_{at}")).collect();
    let sql = format!("SELECT {} FROM generate_series(1, 12000)", columns.join(", "));
    let answer = answer(&session, &sql).await;
    let view = View {
        width: Some(100),
        errors: Errors::Inline,
        paint: Paint::OFF,
        expanded: Expanded::Auto,
        ..View::default()
    };
    let text = rows(&answer, &view);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].split_whitespace().filter(|name| name.starts_with("column_")).count(), 9, "{}", lines[0]);
    assert_eq!(lines.len(), 10_004);
    assert_eq!(
        lines[10_002..],
        ["… 991 of 1,000 columns are hidden (\\x shows all)", "… 2,000 more rows (-o FILE.csv has all)"]
    );
}
