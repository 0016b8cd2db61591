use super::super::rows::Rows;
use super::super::strata::LevelSizes;
use super::super::workers::Workers;
use super::block::{BlockAggregator, SumUses};
use super::by_group::{ByGroup, GroupRange};
use super::linear::{LinearisedVariable, linearised};
use super::pre_aggregator::PreAggregator;
use super::{Walk, totals};
use plusminus_plan::Variable;
use plusminus_statistics::{StratumSize, Total};

const GROUPS: usize = 3;

/// Rows of five strata in three groups; the second domain holds two rows of three. One argument.
fn rows(count: u32) -> Rows {
    let mixed = |row: u32, salt: u32| (row * 31 + salt).wrapping_mul(2_654_435_761) >> 16;
    let numbers = || 0..count;
    let mut rows = Rows {
        strata: numbers().map(|row| row * 5 / count).collect(),
        groups: numbers().map(|row| mixed(row, 1) % 3).collect(),
        domains: vec![None, Some(numbers().map(|row| mixed(row, 2) % 3 != 0).collect())],
        arguments: vec![numbers().map(|row| 50.0 + f64::from(mixed(row, 3) % 100)).collect()],
        ..Rows::default()
    };
    rows.index_runs();
    rows
}

/// All rows, those of the second domain, sums of the argument over the second domain and over all rows.
fn variables() -> Vec<Variable> {
    let variable = |domain, argument| Variable { domain, argument };
    vec![variable(0, None), variable(1, None), variable(1, Some(0)), variable(0, Some(0))]
}

/// An average, a share of the rows, a sum per row of all rows, and an average over all rows.
fn linears() -> Vec<LinearisedVariable> {
    let of = |values: [f64; GROUPS]| values.to_vec();
    let linear = |terms, one_domain| LinearisedVariable { terms, one_domain };
    vec![
        linear(vec![(2, of([0.5, 0.25, 2.0])), (1, of([-40.0, -20.0, -200.0]))], true),
        linear(vec![(1, of([1.0, 2.0, 3.0])), (0, of([-0.5, -1.5, -2.0]))], false),
        linear(vec![(0, of([-30.0, 7.0, -50.0])), (2, of([0.5, 1.0, -2.0]))], false),
        linear(vec![(3, of([0.1, 1.5, 2.0])), (0, of([-11.0, -150.0, -199.0]))], true),
    ]
}

/// Sums of which averages are asked, and their own intervals as well.
fn asked(averages: &[usize]) -> SumUses {
    SumUses { averages: averages.to_vec(), average_only: Vec::new() }
}

fn near(found: &[Total], expected: &[Total]) {
    near_spreads(found, expected);
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.varies, expected.varies);
        all_near(&[found.inexact_estimate, found.seen], &[expected.inexact_estimate, expected.seen]);
    }
}

/// Checks that totals agree in what the interval of an average is made of.
fn near_spreads(found: &[Total], expected: &[Total]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.domain_rows, expected.domain_rows);
        let all = |t: &Total| {
            let of_values = [t.own_variance, t.third, t.satterthwaite, t.pooled_squares];
            let of_rows = [t.weighted_rows, t.weight_squares, t.rows_variance, t.pooled_row_squares, t.pooled_degrees];
            [&of_values[..], &of_rows, &[t.lone_scale, t.lone_scale_squared]].concat()
        };
        all_near(&all(found), &all(expected));
    }
}

fn all_near(found: &[f64], expected: &[f64]) {
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 1e-9 * e.abs().max(1.0), "{f} instead of {e}");
    }
}

/// Totals and linearised totals of entries are those of their rows, in one piece and over several levels.
#[test]
fn entries_tell_what_rows_tell() {
    let (variables, workers) = (variables(), Workers::new(1));
    let sizes: Vec<StratumSize> = (1..=5).map(|h| StratumSize::new(h * 1_000, 500)).collect();
    let levels = [rows(300), rows(900)];
    let pre_aggregated = levels.each_ref().map(|rows| {
        let mut gather = PreAggregator::new(&variables);
        assert!(gather.add(rows, GROUPS) && gather.pays());
        gather.finish()
    });
    let walk = |levels| Walk { levels, sizes: &sizes, groups: GROUPS, workers: &workers };
    for (entries, rows) in [(&pre_aggregated[..1], &levels[..1]), (&pre_aggregated[..], &levels[..])] {
        near(&totals(&walk(entries), &variables).unwrap(), &totals(&walk(rows), &variables).unwrap());
        let linear = |levels| {
            let walk = walk(levels);
            linearised(&walk, &variables, &linears(), &totals(&walk, &variables).unwrap(), Some(0)).unwrap()
        };
        near(&linear(entries), &linear(rows));
    }
}

/// Counts come out the same with and without sums over the same rows, from whose cells they are computed.
#[test]
fn counts_need_no_sums() {
    let (variables, workers) = (variables(), Workers::new(1));
    let sizes: Vec<StratumSize> = (1..=5).map(|h| StratumSize::new(h * 1_000, 500)).collect();
    let levels = [rows(90), rows(200)];
    let walk = Walk { levels: &levels, sizes: &sizes, groups: GROUPS, workers: &workers };
    let of_block = |variables: &[Variable]| {
        let sorted = ByGroup::new(&levels, GROUPS, variables, &workers).unwrap();
        let totals = |half: GroupRange<'_>| -> Vec<Total> {
            let (of_strata, asked) = (LevelSizes::new(sizes.clone()), SumUses::default());
            let mut blocks = BlockAggregator::new(&half, &of_strata, &asked);
            let mut found = Vec::new();
            let mut from = half.groups().start;
            while from < half.groups().end {
                let (block, totals) = blocks.walked(from, variables);
                from = block.groups().end;
                found.extend(totals);
            }
            found
        };
        sorted.halves().into_iter().flat_map(totals).collect::<Vec<Total>>()
    };
    let with_sums = totals(&walk, &variables).unwrap();
    let counts: Vec<Total> = with_sums.chunks(variables.len()).flat_map(|own| own[..2].to_vec()).collect();
    for alone in [totals(&walk, &variables[..2]).unwrap(), of_block(&variables[..2])] {
        near(&alone, &counts);
    }
    near(&of_block(&variables), &with_sums);
    // With so many groups rows are added one by one to all cells of their group.
    let wide = Walk { groups: 40_000, ..walk };
    near(&totals(&wide, &variables).unwrap()[..with_sums.len()], &with_sums);
    near(&totals(&wide, &variables[..2]).unwrap()[..counts.len()], &counts);
    assert_eq!(counts.iter().step_by(2).map(|total| total.domain_rows).sum::<u64>(), 290);
}

/// The rows of `rows`, and a single one of a sixth stratum.
fn with_lone_row(count: u32) -> Rows {
    let mut rows = rows(count);
    rows.strata.push(5);
    rows.groups.push(1);
    rows.domains[1].as_mut().unwrap().push(true);
    rows.arguments[0].push(77.0);
    rows.index_runs();
    rows
}

/// Totals, and linearised totals, block by block.
fn by_blocks(
    levels: &[Rows],
    sizes: &[StratumSize],
    variables: &[Variable],
    asked: &SumUses,
) -> (Vec<Total>, Vec<Total>) {
    let sorted = ByGroup::new(levels, GROUPS, variables, &Workers::new(2)).unwrap();
    let halves = sorted.halves();
    let ranges = halves.each_ref().map(GroupRange::groups);
    assert_eq!((ranges[0].start, ranges[0].end, ranges[1].end), (0, ranges[1].start, GROUPS));
    let (mut sums, mut forms) = (Vec::new(), Vec::new());
    for half in &halves {
        let of_strata = LevelSizes::new(sizes.to_vec());
        let mut blocks = BlockAggregator::new(half, &of_strata, asked);
        let mut from = half.groups().start;
        while from < half.groups().end {
            let (block, totals) = blocks.walked(from, variables);
            from = block.groups().end;
            let of_block = |linear: LinearisedVariable| LinearisedVariable {
                terms: linear.terms.into_iter().map(|(v, of)| (v, of[block.groups()].to_vec())).collect(),
                ..linear
            };
            let linears: Vec<LinearisedVariable> = linears().into_iter().map(of_block).collect();
            forms.extend(block.linearised(variables, &linears, &totals));
            sums.extend(totals);
        }
    }
    (sums, forms)
}

/// Walks by group give the totals of walks by stratum, over one level and several, in one block and in many.
///
/// One of the strata is known whole.
#[test]
fn groups_tell_what_strata_tell() {
    let (variables, workers) = (variables(), Workers::new(2));
    let mut sizes: Vec<StratumSize> = (1..=5).map(|h| StratumSize::new(h * 100_000, 2_000)).collect();
    sizes[2] = StratumSize::new(2_000, 2_000);
    // One row of many is sampled.
    sizes.push(StratumSize::new(60, 1));
    // A level that adds nothing.
    let none = PreAggregator::new(&variables).finish();
    for levels in [&[with_lone_row(200)][..], &[none, rows(9), with_lone_row(7_000), rows(300)]] {
        let walk = Walk { levels, sizes: &sizes, groups: GROUPS, workers: &workers };
        let (sums, forms) = by_blocks(levels, &sizes, &variables, &asked(&[2, 3]));
        let expected = totals(&walk, &variables).unwrap();
        near(&sums, &expected);
        for (found, expected) in sums.iter().zip(&expected) {
            assert_eq!(found.exact_rows, expected.exact_rows);
            assert!((found.exact_sum - expected.exact_sum).abs() <= 1e-9 * expected.exact_sum);
        }
        near_spreads(&forms, &linearised(&walk, &variables, &linears(), &expected, Some(0)).unwrap());
    }
}

/// A group with too many cells to keep is walked piece by piece and gives the same totals, whether or not its averages were asked for.
#[test]
fn large_groups_tell_what_strata_tell() {
    let (variables, workers) = (variables(), Workers::new(1));
    let sizes: Vec<StratumSize> = (0..9_000).map(|h| StratumSize::new(3 + h % 7, 3)).collect();
    let level = |salt: u32| {
        let mut rows = rows(9_000);
        rows.strata = (0..9_000).collect();
        rows.groups = (0..9_000_u32).map(|row| u32::from(row % 9 == salt)).collect();
        rows.index_runs();
        rows
    };
    let levels = [level(2), level(5)];
    let walk = Walk { levels: &levels, sizes: &sizes, groups: GROUPS, workers: &workers };
    let expected = totals(&walk, &variables).unwrap();
    let of_forms = linearised(&walk, &variables, &linears(), &expected, Some(0)).unwrap();
    for averaged in [&[2, 3][..], &[3], &[]] {
        let (sums, forms) = by_blocks(&levels, &sizes, &variables, &asked(averaged));
        near(&sums, &expected);
        near_spreads(&forms, &of_forms);
    }
}

/// A sum of which only an average is asked has no variance of its own, and the average is the same.
#[test]
fn averages_need_no_variance_of_their_sums() {
    let variables = variables();
    for count in [200, 9_000] {
        let mut rows = rows(count);
        // With so many strata a group takes several cell blocks.
        rows.strata = (0..count).map(|row| row / 2).collect();
        rows.index_runs();
        let sizes = vec![StratumSize::new(100, 7); 4_500];
        let of = |asked: &SumUses| by_blocks(std::slice::from_ref(&rows), &sizes, &variables, asked);
        let (sums, forms) = of(&asked(&[2, 3]));
        let (bare, same) = of(&SumUses { averages: vec![2, 3], average_only: vec![2] });
        near_spreads(&same, &forms);
        for (number, (bare, sum)) in bare.iter().zip(&sums).enumerate() {
            assert_eq!((bare.estimate(), bare.varies, bare.domain_rows), (sum.estimate(), sum.varies, sum.domain_rows));
            assert_eq!(bare.variance(), sum.variance().filter(|_| number % variables.len() != 2));
        }
    }
}

/// Few groups, and entries, are walked by stratum; many groups of few rows each are walked by group.
#[test]
fn groups_are_walked_by_themselves_where_that_pays() {
    let (variables, workers) = (variables(), Workers::new(1));
    let sizes = [StratumSize::default(); 5];
    let pays = |levels: &[Rows], groups| {
        ByGroup::pays(&Walk { levels, sizes: &sizes, groups, workers: &workers }, variables.len())
    };
    assert!(!pays(&[rows(30)], 15) && !pays(&[rows(100_000)], 1_000));
    assert!(pays(&[rows(300)], 1_000) && pays(&[rows(1_000_000)], 10_000));
    // Levels share strata: 20,000 rows in 5,000 cells.
    assert!(!pays(&[rows(10_000), rows(10_000)], 1_000) && pays(&[rows(9_999), rows(10_000)], 1_000));
    // A single sum is folded so quickly that only many groups of it are walked by group.
    let of_one = |groups| {
        let levels = &[rows(300)];
        ByGroup::pays(&Walk { levels, sizes: &sizes, groups, workers: &workers }, 1)
    };
    assert!(!of_one(2_000) && of_one(3_000));
    let mut gather = PreAggregator::new(&variables);
    assert!(gather.add(&rows(300), GROUPS));
    assert!(!pays(&[gather.finish(), rows(300)], 10_000));
}
