//! Real data: every origin present, counts exact, and how often AVG intervals hold.

use plusminus::{Session, Trust};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

pub(crate) async fn run(file: &Path, seeds: u64) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("plusminus-flights-{}", std::process::id()));
    let session = Session::open(&folder).await?;
    session.register("flights", &file.to_string_lossy()).await?;
    let sql = "SELECT origin, COUNT(*) AS c, AVG(distance) AS d, AVG(delay) AS l FROM flights GROUP BY origin";
    let truth = by_origin(&session, sql).await?;
    println!("{} origins", truth.len());
    println!(
        "{:>5} {:>8} {:>13} | {:>9} {:>9} {:>9} | {:>9} {:>9} {:>9}",
        "seed", "origins", "exact counts", "trusted", "held", "all held", "trusted", "held", "all held"
    );
    let mut sums = [[0_usize; 4]; 2];
    for seed in 0..seeds {
        session
            .sample("flights")
            .name("by_origin")
            .stratified_by(["origin"])
            .cap(500)
            .seed(seed)
            .replace(true)
            .build()
            .await?;
        let found = by_origin(&session, &format!("{sql} WITHIN 60 SECONDS ON MISS REPORT")).await?;
        let exact = found.iter().filter(|(origin, cells)| cells[0].estimate == truth[*origin][0].estimate).count();
        let mut shown = String::new();
        for (measure, sum) in [1, 2].into_iter().zip(&mut sums) {
            let held = |trusted: bool| {
                let cells = found.iter().filter(|(_, c)| !trusted || c[measure].trust == Trust::Trusted);
                let inside = cells.clone().filter(|(origin, c)| {
                    let t = truth[*origin][measure].estimate;
                    c[measure].lower <= t + t.abs() * 1e-9 && t - t.abs() * 1e-9 <= c[measure].upper
                });
                (inside.count(), cells.count())
            };
            let ((trusted_in, trusted), (all_in, all)) = (held(true), held(false));
            for (total, part) in sum.iter_mut().zip([trusted_in, trusted, all_in, all]) {
                *total += part;
            }
            shown.push_str(&format!(
                " | {trusted:>9} {:>8.1}% {:>8.1}%",
                percent(trusted_in, trusted),
                percent(all_in, all)
            ));
        }
        println!("{seed:>5} {:>8} {exact:>13}{shown}", found.len());
    }
    for (name, sum) in ["AVG(distance)", "AVG(delay)"].iter().zip(sums) {
        println!(
            "{name}: trusted {:.2} % of {}, all {:.2} % of {}",
            percent(sum[0], sum[1]),
            sum[1],
            percent(sum[2], sum[3]),
            sum[3]
        );
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn percent(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = part as f64 / whole.max(1) as f64;
    100.0 * share
}

async fn by_origin(session: &Session, sql: &str) -> Result<HashMap<String, [plusminus::Cell; 3]>, Box<dyn Error>> {
    let answer = session.execute(sql).await?.pop().ok_or("no answer")?;
    let options = arrow::util::display::FormatOptions::default();
    let names = arrow::util::display::ArrayFormatter::try_new(answer.batch().column(0).as_ref(), &options)?;
    let (c, d, l) = (answer.cells("c")?, answer.cells("d")?, answer.cells("l")?);
    Ok((0..answer.batch().num_rows()).map(|row| (names.value(row).to_string(), [c[row], d[row], l[row]])).collect())
}
