//! Cells drawn directly with `plusminus-statistics`: every distribution, size, selectivity and confidence.

use crate::campaign::{Campaign, Failure, in_parallel};
use crate::case::{Case, Size};
use crate::distributions::{MEASURES, Values, generator, normal};
use crate::ideal::{self, Part};
use crate::judge::judge;
use crate::made_up::{FILTERS, Row, Table};
use crate::report::Section;
use crate::tally::{Shown, Tally};
use plusminus_statistics::{Confidence, Estimate, Quantiles};
use rand::RngExt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sampled rows of a single stratum.
const SAMPLED: [usize; 10] = [3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
/// A table has so many rows for each sampled one, up to [`TABLE_ROWS_MAX`].
const ROWS_PER_SAMPLED: usize = 50;
const TABLE_ROWS_MAX: usize = 2_000_000;
/// Tables of each kind; the draws are shared among them.
const TABLES: u64 = 5;
/// A domain that shows fewer rows on average is not worth a cell.
const DOMAIN_ROWS_MIN: f64 = 3.0;
/// Strata of unequal weight, each cut to so many rows.
const STRATA: u32 = 16;
const STRATUM_CAPS: [usize; 2] = [30, 200];

/// One kind of table and sample.
#[derive(Clone, Copy)]
enum Job {
    Single(Values, usize),
    Strata(Values, usize),
}

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let values = MEASURES.iter().map(|m| m.1);
    let mut jobs: Vec<Job> =
        values.clone().flat_map(|v| SAMPLED.iter().rev().map(move |n| Job::Single(v, *n))).collect();
    jobs.extend(values.flat_map(|v| STRATUM_CAPS.map(|cap| Job::Strata(v, cap))));
    let next = AtomicUsize::new(0);
    let tallies = in_parallel(campaign.threads, |_| {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { return Ok(tally) };
            tally.merge(&measure(*job, number as u64, campaign)?);
        }
    })?;
    let mut all = Tally::default();
    tallies.iter().for_each(|t| all.merge(t));
    let mut section = Section {
        part: "statistics",
        title: "Cells of plusminus-statistics",
        command: campaign.command("statistics"),
        ..Section::default()
    };
    section.notes.push(format!(
        "{} draws of every kind of cell, over {TABLES} tables each, seeds derived from {}. Single strata of {} rows per sampled row \
         (at most {TABLE_ROWS_MAX}), {} to {} sampled; and {STRATA} strata of 60 to 30,000 rows cut to 30 or 200. Widths are relative \
         to a normal interval with the table's own variance.",
        campaign.draws, campaign.seed, ROWS_PER_SAMPLED, SAMPLED[0], SAMPLED[SAMPLED.len() - 1]
    ));
    judge(&all, &mut section);
    Ok(section)
}

fn measure(job: Job, number: u64, campaign: &Campaign) -> Result<Tally, Failure> {
    let quantiles = campaign
        .confidences()
        .map(|percent| Ok((percent, Quantiles::new(Confidence::new(f64::from(percent) / 100.0)?))))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut tally = Tally::default();
    let (values, cap, source) = match job {
        Job::Single(values, sampled) => (values, sampled, "one stratum"),
        Job::Strata(values, cap) => (values, cap, "16 strata"),
    };
    for number_of_table in 0..TABLES.min(campaign.draws) {
        let mut rng = generator(campaign.seed, number, number_of_table);
        let mut table = make(job, cap, &mut rng);
        let domains: Vec<Domain> =
            (0..FILTERS.len()).map(|f| Domain::new(&table, f, values, source, &quantiles)).collect();
        for _ in 0..campaign.draws.div_ceil(TABLES) {
            table.draw(&mut rng);
            let sums = table.sums();
            let linear = table.linearised(&sums);
            for (filter, domain) in domains.iter().enumerate().filter(|(_, d)| d.rows >= DOMAIN_ROWS_MIN) {
                for (at, (_, q)) in quantiles.iter().enumerate() {
                    let cells = table.estimates(filter, &sums[filter], &linear[filter], q);
                    domain.note(at, &cells, &mut tally);
                }
            }
        }
    }
    Ok(tally)
}

fn make(job: Job, cap: usize, rng: &mut rand_chacha::ChaCha8Rng) -> Table {
    let row = |values: Values, scale: f64, rng: &mut rand_chacha::ChaCha8Rng| {
        let y = scale * values.draw(rng);
        Row { y, x: y * (0.5 + rng.random::<f64>()), place: rng.random::<f64>() }
    };
    let strata = match job {
        Job::Single(values, sampled) => {
            let rows = (sampled * ROWS_PER_SAMPLED).min(TABLE_ROWS_MAX);
            vec![(0..rows).map(|_| row(values, 1.0, rng)).collect()]
        }
        Job::Strata(values, _) => (0..STRATA)
            .map(|h| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 60 and 30,000")]
                let rows = (60.0 * 500.0_f64.powf(f64::from(h) / f64::from(STRATA - 1))).round() as usize;
                let scale = (0.5 * normal(rng)).exp();
                (0..rows).map(|_| row(values, scale, rng)).collect()
            })
            .collect(),
    };
    Table::new(strata, cap)
}

/// A filter over a table: the truth, the ideal widths, and the names of its cells.
struct Domain {
    /// Sampled rows on average, as if all weighed the same.
    rows: f64,
    truths: [f64; 4],
    /// Cases and ideal widths by confidence and aggregate.
    cases: Vec<[(Case, f64); 4]>,
}

impl Domain {
    fn new(table: &Table, filter: usize, values: Values, source: &str, quantiles: &[(u32, Quantiles)]) -> Self {
        let parts: Vec<Part> = table.parts(filter);
        let (c, y, x) = parts.iter().fold((0.0, 0.0, 0.0), |(c, y, x), p| (c + p.inside, y + p.y, x + p.x));
        // The harness's ideal errors speak of x; here the measure is y.
        let of_y: Vec<Part> = parts.iter().map(|p| Part { x: p.y, xx: p.yy, ..*p }).collect();
        let errors =
            [ideal::count_error(&parts), ideal::sum_error(&of_y), ideal::mean_error(&of_y), ideal::ratio_error(&parts)];
        let rows = ideal::effective_rows(&parts);
        let case = |aggregate: &str, confidence: u32| Case {
            source: source.to_owned(),
            aggregate: aggregate.to_owned(),
            measure: if aggregate == "COUNT" { "rows".to_owned() } else { values.label() },
            heavy: aggregate != "COUNT" && values.is_heavy(),
            filter: FILTERS[filter].0.to_owned(),
            size: Size::of(rows),
            confidence,
        };
        let of = |confidence: u32| {
            let mut errors = errors.iter().map(|e| ideal::width(*e, confidence));
            ["COUNT", "SUM", "AVG", "ratio"].map(|a| (case(a, confidence), errors.next().unwrap_or(0.0)))
        };
        Self { rows, truths: [c, y, y / c, x / y], cases: quantiles.iter().map(|q| of(q.0)).collect() }
    }

    fn note(&self, confidence: usize, cells: &[Option<Estimate>; 4], tally: &mut Tally) {
        for ((cell, truth), (case, ideal)) in cells.iter().zip(self.truths).zip(&self.cases[confidence]) {
            if let Some(cell) = cell {
                tally.add(case, &Shown::from(cell), truth, *ideal);
            }
        }
    }
}
