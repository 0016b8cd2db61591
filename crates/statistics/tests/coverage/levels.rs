use plusminus_statistics::{Confidence, Doubt, Quantiles, Trust};
use rand::RngExt;

use crate::draws::{Row, Table, Values, generator};
use crate::tally::{Tally, holds};

/// 1,200 samples of 60 tables; four standard errors are 5.8 points at 50 %, 1.4 at 98.5 %.
fn at_confidence(values: Values, n: usize, level: f64, expected: f64) {
    let Ok(confidence) = Confidence::new(level) else {
        return;
    };
    let q = Quantiles::new(confidence);
    let mut trusted = [Tally::default(); 3];
    let mut rng = generator(555 + n as u64);
    for _ in 0..60 {
        let mut table = Table::single(values, 50 * n, &mut rng);
        for _ in 0..20 {
            let answers = table.draw(n, &mut rng, &q);
            if answers.mean.trust.is_reliable() {
                trusted[0].add(&answers.mean, table.mean());
            }
            if answers.sum.trust.is_reliable() {
                trusted[1].add(&answers.sum, table.sum);
            }
        }
        let rows = (0..50 * n).map(|_| Row { y: 1.0, inside: rng.random::<f64>() < 0.4 });
        let mut counted = Table::new(vec![rows.collect()]);
        for _ in 0..20 {
            let answers = counted.draw(n.max(100), &mut rng, &q);
            trusted[2].add(&answers.count, counted.count);
        }
    }
    for (tally, what) in trusted.iter().zip(["AVG", "SUM", "COUNT"]) {
        if tally.draws() > 300 {
            tally.at_least(&format!("{what} of {n} {values:?} at {level}, trusted"), expected);
        }
    }
}

#[test]
fn other_confidences() {
    for values in [Values::Normal, Values::Exponential, Values::Lognormal(1.0), Values::Pareto(2.5), Values::MostlyZero]
    {
        for n in [30, 100] {
            for (level, expected) in [(0.5, 0.5), (0.8, 0.8), (0.99, 0.985), (0.999, 0.995)] {
                at_confidence(values, n, level, expected);
            }
        }
    }
}

/// 60 groups under a filter, 100 times: four standard errors are 9 points at 95 %.
#[test]
fn all_groups_under_a_filter() {
    let q = Quantiles::simultaneous(Confidence::default(), 60);
    for values in [Values::Normal, Values::Exponential, Values::Lognormal(1.0), Values::MostlyZero] {
        let mut rng = generator(909);
        let group = |rng: &mut _| {
            let row = |_| Row { y: values.draw(rng), inside: rng.random::<f64>() < 0.3 };
            Table::new(vec![(0..6_000).map(row).collect()])
        };
        let mut groups: Vec<Table> = (0..60).map(|_| group(&mut rng)).collect();
        let (mut all, mut reliable) = ([Tally::default(); 3], Tally::default());
        for _ in 0..100 {
            let mut hold = [true; 3];
            for table in &mut groups {
                let answers = table.draw(300, &mut rng, &q);
                let truths = [table.sum, table.count, table.mean()];
                for (k, estimate) in [answers.sum, answers.count, answers.mean].iter().enumerate() {
                    hold[k] &= !estimate.trust.is_reliable() || holds(estimate, truths[k]);
                }
                reliable.count(answers.sum.trust.is_reliable());
            }
            all.iter_mut().zip(hold).for_each(|(tally, hold)| tally.count(hold));
        }
        for (tally, what) in all.iter().zip(["SUM", "COUNT", "AVG"]) {
            tally.at_least(&format!("all trusted groups at once, {what} of {values:?}"), 0.95);
        }
        reliable.at_least(&format!("groups of {values:?} trusted"), 0.0);
    }
}

/// Rare values that the sample missed, with completely known strata beside: 4,000 samples of 40 tables.
#[test]
fn equal_values_beside_exact_strata() {
    let q = Quantiles::new(Confidence::default());
    for (rare, share) in [(0.003, 1.0), (0.01, 1.0), (0.01, 0.3), (0.03, 0.3)] {
        let mut rng = generator(4_242);
        let (mut sums, mut means) = (Tally::default(), Tally::default());
        for _ in 0..40 {
            let row = |_: usize| {
                let y = if rng.random::<f64>() < rare { 1.0 + 9.0 * rng.random::<f64>() } else { 0.0 };
                Row { y, inside: rng.random::<f64>() < share }
            };
            let rows: Vec<Row> = (0..2_060).map(row).collect();
            let strata = vec![rows[..20].to_vec(), rows[20..60].to_vec(), rows[60..].to_vec()];
            let mut table = Table::new(strata);
            for _ in 0..100 {
                let answers = table.draw(50, &mut rng, &q);
                if answers.mean.trust == Trust::Untrusted(Doubt::NoVariance) {
                    sums.add(&answers.sum, table.sum);
                    means.add(&answers.mean, table.mean());
                }
            }
        }
        sums.at_least(&format!("SUM of equal values, {rare} differ, {share} inside"), 0.95);
        means.at_least(&format!("AVG of equal values, {rare} differ, {share} inside"), 0.95);
    }
}
