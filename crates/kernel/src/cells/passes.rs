//! All passes over the same rows find the same totals: random rows, strata, groups and masks, by every driver.

use super::super::rows::Rows;
use super::super::strata::LevelSizes;
use super::super::workers::Workers;
use super::block::{Asked, BlockAggregator};
use super::by_group::ByGroup;
use super::compact::merged;
use super::linear::{Linear, linearised};
use super::pre_aggregator::PreAggregator;
use super::{Walk, key_totals, totals};
use plusminus_plan::Variable;
use plusminus_statistics::{StratumSize, Total};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Random levels of one sample: as many sizes as strata, and variables over two domains and two arguments.
#[derive(Debug)]
struct Sample {
    levels: Vec<Rows>,
    sizes: Vec<StratumSize>,
    groups: usize,
    linears: Vec<Linear>,
}

/// Counts of both domains, sums of both arguments over the second, and a sum over all rows.
fn variables() -> Vec<Variable> {
    let variable = |domain, argument| Variable { domain, argument };
    vec![variable(0, None), variable(1, None), variable(1, Some(0)), variable(1, Some(1)), variable(0, Some(0))]
}

/// A row: stratum, group, whether it is in the second domain, and two values; the second value is NaN outside that domain.
type Row = (usize, usize, bool, f64, f64);

fn level(mut rows: Vec<Row>, first_rank: u32) -> Rows {
    rows.sort_by_key(|row| row.0);
    let number = |at: usize| u32::try_from(at).unwrap();
    let count = number(rows.len());
    let mut level = Rows {
        strata: rows.iter().map(|row| number(row.0)).collect(),
        groups: rows.iter().map(|row| number(row.1)).collect(),
        ranks: (first_rank..first_rank + count).collect(),
        domains: vec![None, Some(rows.iter().map(|row| row.2).collect())],
        arguments: vec![
            rows.iter().map(|row| row.3).collect(),
            rows.iter().map(|row| if row.2 { row.4 } else { f64::NAN }).collect(),
        ],
        ..Rows::default()
    };
    level.seal();
    level
}

/// Coefficients by group of an average, of a share and of a sum of two variables.
fn linears(coefficients: &[(f64, f64)]) -> Vec<Linear> {
    let first: Vec<f64> = coefficients.iter().map(|c| c.0).collect();
    let second: Vec<f64> = coefficients.iter().map(|c| c.1).collect();
    let linear = |terms, one_domain| Linear { terms, one_domain };
    vec![
        linear(vec![(2, first.clone()), (1, second.clone())], true),
        linear(vec![(3, second.clone()), (1, first.clone())], true),
        linear(vec![(1, first.clone()), (0, second.clone())], false),
        linear(vec![(0, first), (2, second)], false),
    ]
}

fn samples() -> impl Strategy<Value = Sample> {
    let shape = (1_usize..40, 1_usize..25, 1_usize..4, prop::sample::select(vec![1_usize, 30, 400, 2_500]));
    shape.prop_flat_map(|(strata, groups, levels, rows)| {
        let value = || prop_oneof![4 => -1e3..1e3, 1 => Just(0.0), 1 => 1e6..1e7];
        let row = (0..strata, 0..groups, prop::bool::weighted(0.7), value(), value());
        let level_rows = prop::collection::vec(prop::collection::vec(row, 0..=rows), levels);
        // Strata that are known whole, and some whose rows are worth hundreds.
        let scale = prop::collection::vec(prop_oneof![1 => Just(1_u64), 3 => 2_u64..500], strata);
        let coefficients = prop::collection::vec((-3.0..3.0, -50.0..50.0), groups);
        (level_rows, scale, coefficients).prop_map(move |(rows, scale, coefficients)| {
            let mut sampled = vec![0_u64; strata];
            rows.iter().flatten().for_each(|row| sampled[row.0] += 1);
            let sizes = sampled.iter().zip(scale).map(|(n, times)| StratumSize::new(n * times, *n)).collect();
            let mut first = 0;
            let rank = |rows: Vec<Row>| {
                let before = first;
                first += u32::try_from(rows.len()).unwrap();
                level(rows, before)
            };
            let levels = rows.into_iter().map(rank).collect();
            Sample { levels, sizes, groups, linears: linears(&coefficients) }
        })
    })
}

/// Whether two numbers are the same but for the order of additions.
fn is_near(one: f64, other: f64) -> bool {
    one.is_nan() && other.is_nan() || (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

/// The numbers of a total that an interval is made of; `with_sum` those of its own sum too.
fn numbers(total: &Total, with_sum: bool) -> Vec<f64> {
    let of_values = [total.own_variance, total.third, total.satterthwaite, total.pooled_squares];
    let of_rows = [total.weighted_rows, total.weight_squares, total.rows_variance, total.pooled_row_squares];
    let of_sum = [total.inexact_estimate, total.seen, total.exact_sum];
    [&of_values[..], &of_rows, if with_sum { &of_sum[..] } else { &[] }].concat()
}

/// Fails where a total of `found` is another than that of `expected`.
fn check(pass: &str, found: &[Total], expected: &[Total], with_sum: bool) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len(), "{}", pass);
    for (at, (own, total)) in found.iter().zip(expected).enumerate() {
        prop_assert_eq!(own.domain_rows, total.domain_rows, "{} at {}", pass, at);
        for (own, total) in numbers(own, with_sum).into_iter().zip(numbers(total, with_sum)) {
            prop_assert!(is_near(own, total), "{pass} at {at}: {own} instead of {total}");
        }
    }
    Ok(())
}

/// Totals of variables and of linearised values by rows in the order of their groups, block by block.
fn by_blocks(sample: &Sample, asked: &Asked) -> (Vec<Total>, Vec<Total>) {
    let (variables, sizes) = (variables(), LevelSizes::new(sample.sizes.clone()));
    let sorted = ByGroup::new(&sample.levels, sample.groups, &variables, &Workers::new(2)).unwrap();
    let (mut sums, mut forms) = (Vec::new(), Vec::new());
    for half in &sorted.halves() {
        let mut blocks = BlockAggregator::new(half, &sizes, asked);
        let mut from = half.groups().start;
        while from < half.groups().end {
            let (block, totals) = blocks.walked(from, &variables);
            from = block.groups().end;
            let of_block = |linear: &Linear| Linear {
                terms: linear.terms.iter().map(|(v, of)| (*v, of[block.groups()].to_vec())).collect(),
                ..linear.clone()
            };
            let linears: Vec<Linear> = sample.linears.iter().map(of_block).collect();
            forms.extend(block.linearised(&variables, &linears, &totals));
            sums.extend(totals);
        }
    }
    (sums, forms)
}

/// Totals of variables and of linearised values by strata, on so many threads.
fn by_strata(sample: &Sample, levels: &[Rows], threads: usize) -> (Vec<Total>, Vec<Total>) {
    let (variables, workers) = (variables(), Workers::new(threads));
    let walk = Walk { levels, sizes: &sample.sizes, groups: sample.groups, workers: &workers };
    let sums = totals(&walk, &variables).unwrap();
    let forms = linearised(&walk, &variables, &sample.linears, &sums, Some(0)).unwrap();
    (sums, forms)
}

fn all_passes_agree(sample: &Sample) -> Result<(), TestCaseError> {
    let variables = variables();
    let (sums, forms) = by_strata(sample, &sample.levels, 1);
    let agrees = |pass: &str, (own_sums, own_forms): (Vec<Total>, Vec<Total>)| {
        check(pass, &own_sums, &sums, true)?;
        check(&format!("{pass}, linearised"), &own_forms, &forms, false)
    };
    agrees("by strata on two threads", by_strata(sample, &sample.levels, 2))?;
    let added_up = |rows: &Rows| {
        let mut aggregator = PreAggregator::new(&variables);
        assert!(aggregator.add(rows, sample.groups), "so few groups stay in the cache");
        aggregator.finish()
    };
    let entries: Vec<Rows> = sample.levels.iter().map(added_up).collect();
    agrees("partial aggregates", by_strata(sample, &entries, 1))?;
    let one = merged(&entries, sample.groups, &variables, &Workers::new(2)).unwrap();
    agrees("merged partial aggregates", by_strata(sample, std::slice::from_ref(&one), 1))?;
    let of_rows = merged(&sample.levels, sample.groups, &variables, &Workers::new(1)).unwrap();
    agrees("merged rows", by_strata(sample, std::slice::from_ref(&of_rows), 1))?;
    agrees("by groups", by_blocks(sample, &Asked { averages: vec![2, 3], nothing_else: Vec::new() }))?;
    agrees("by groups, no average asked", by_blocks(sample, &Asked::default()))?;
    // Keys of one row each: their estimates are those of rows, their variances another matter.
    let workers = Workers::new(1);
    let walk = Walk { levels: &sample.levels, sizes: &sample.sizes, groups: sample.groups, workers: &workers };
    for (at, (key, row)) in key_totals(&walk, &variables).iter().zip(&sums).enumerate() {
        prop_assert!(
            is_near(key.estimate(), row.estimate()),
            "keys at {at}: {} instead of {}",
            key.estimate(),
            row.estimate()
        );
    }
    Ok(())
}

proptest! {
    // The seed is fixed: a run that passes passes again.
    #![proptest_config(Config { cases: 96, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(19), ..Config::default() })]

    #[test]
    fn every_pass_finds_the_same_totals(sample in samples()) {
        all_passes_agree(&sample)?;
    }
}
