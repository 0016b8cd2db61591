use proptest::prelude::*;

use super::{Cells, InsideCounts, Insides};
use crate::cell::Cell;
use crate::stratum::{Expansion, StratumSize};
use crate::total::Total;

/// A sampled stratum and the values of the domain's rows in it.
type Stratum = (StratumSize, Vec<f64>);

fn stratum() -> impl Strategy<Value = Stratum> {
    let values = prop_oneof![
        Just(vec![2.5; 3]),
        prop::collection::vec(-50.0..150.0_f64, 1..6),
        prop::collection::vec(-50.0..150.0_f64, 6..40)
    ];
    (values, 0..5_u64, 1..1_000_u64).prop_map(|(values, outside, unseen)| {
        let sampled = values.len() as u64 + outside;
        (StratumSize::new(sampled + unseen, sampled), values)
    })
}

fn cell(values: &[f64], scale: f64, offset: f64) -> Cell {
    let mut cell = Cell::default();
    values.iter().for_each(|y| cell.add(scale * y + offset));
    cell
}

/// What cells one by one fold into: the sums, the domain's own degrees for a linear form, and the count.
fn one_by_one(strata: &[Stratum], scale: f64, offset: f64) -> [Total; 3] {
    let mut totals = [Total::default(); 3];
    for (size, values) in strata {
        let stratum: Expansion = (*size).into();
        totals[0].fold_cell(&stratum, &cell(values, 1.0, 0.0));
        totals[1].fold_domain_cell(&stratum, &cell(values, scale, offset));
        totals[2].fold_cell(&stratum, &Cell::of_count(values.len() as u64));
    }
    totals
}

fn side_by_side(groups: &[Vec<Stratum>], scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let (mut counts, mut cells) = (InsideCounts::with_room(3, 1), Cells::default());
    for strata in groups {
        for (size, values) in strata {
            counts.push(*size, values.len() as u64);
            cells.push_values(values);
        }
        counts.end_group();
        cells.end_group();
    }
    folded(&counts, &cells, groups.len(), scale, offset)
}

/// The same of cells that are added all at once.
fn all_at_once(groups: &[Vec<Stratum>], scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let (mut counts, mut cells) = (InsideCounts::with_room(3, 1), Cells::with_room(3, 1));
    let mut from = 0;
    let values: Vec<f64> = groups.iter().flatten().flat_map(|(_, values)| values).copied().collect();
    for strata in groups {
        let mut spans = Vec::new();
        for (_, values) in strata {
            let to = from + u32::try_from(values.len()).unwrap();
            spans.push([from, to]);
            from = to;
        }
        let sizes: Vec<StratumSize> = strata.iter().map(|(size, _)| *size).collect();
        let longer: Vec<u32> = (0..).zip(&spans).filter(|(_, [from, to])| to - from > 2).map(|(at, _)| at).collect();
        counts.extend(&sizes, &spans);
        cells.extend(&values, &spans, &longer);
        counts.end_group();
        cells.end_group();
    }
    folded(&counts, &cells, groups.len(), scale, offset)
}

fn folded(counts: &InsideCounts, cells: &Cells, groups: usize, scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let mut insides = Insides::default();
    counts.fill(&mut insides);
    let mut totals = vec![[Total::default(); 3]; groups];
    insides.fold_values(cells, totals.iter_mut().map(|own| &mut own[0]));
    insides.fold_counts(totals.iter_mut().map(|own| &mut own[2]));
    for own in &mut totals {
        let count = own[2];
        own[1].share_rows(&count);
    }
    let (scale, offset) = (vec![scale; groups], vec![offset; groups]);
    insides.fold_domain_values(cells, &scale, &offset, totals.iter_mut().map(|own| &mut own[1]));
    totals
}

fn same(found: &Total, expected: &Total) {
    assert_eq!((found.domain_rows, found.varies), (expected.domain_rows, expected.varies));
    let all = |t: &Total| {
        let of_values = [t.inexact_estimate, t.seen, t.own_variance, t.third, t.satterthwaite, t.pooled_squares];
        let of_rows = [t.weighted_rows, t.weight_squares, t.rows_variance, t.pooled_row_squares, t.pooled_degrees];
        [&of_values[..], &of_rows, &[t.lone_scale, t.lone_scale_squared]].concat()
    };
    for (found, expected) in all(found).into_iter().zip(all(expected)) {
        let error = (found - expected).abs();
        assert!(error <= 1e-9 * expected.abs().max(1e-3), "{found} instead of {expected}");
    }
}

proptest! {
    /// Whatever the number of strata in a group: lanes that none takes add nothing.
    #[test]
    fn lanes_fold_what_single_cells_fold(
        groups in prop::collection::vec(prop::collection::vec(stratum(), 1..8), 1..5),
        scale in -2.0..2.0_f64,
        offset in -100.0..100.0_f64,
    ) {
        for found in [side_by_side(&groups, scale, offset), all_at_once(&groups, scale, offset)] {
            for (found, strata) in found.iter().zip(&groups) {
                for (found, expected) in found.iter().zip(one_by_one(strata, scale, offset)) {
                    same(found, &expected);
                }
            }
        }
    }
}

/// A variance of nothing but equal values is exactly zero when all sampled rows are in the domain.
#[test]
fn equal_values_do_not_vary() {
    let size = |rows| StratumSize::new(rows, 3);
    let pair = || (StratumSize::new(20, 2), vec![0.1; 2]);
    let groups = [vec![(size(10), vec![0.1; 3]), (size(90), vec![0.1; 3]), pair()]];
    let others = [vec![(size(10), vec![0.1; 3]), (size(90), vec![0.2; 3]), pair()]];
    for ways in [side_by_side, all_at_once] {
        let [sum, ..] = ways(&groups, 1.0, 0.0)[0];
        assert_eq!((sum.varies, sum.value, sum.variance(), sum.third), (false, 0.1, Some(0.0), 0.0));
        assert!(ways(&others, 1.0, 0.0)[0][0].varies);
    }
}

/// Whole weights and values add up without rounding.
#[test]
fn whole_numbers_stay_whole() {
    let strata = |n: u64| (StratumSize::new(100 * n, n), (0..n.min(7)).map(|y| 3.0 * y as f64).collect::<Vec<f64>>());
    let groups: Vec<Vec<Stratum>> = (1..40).map(|n| [n, 7 * n + 1, 1_000 * n].map(strata).to_vec()).collect();
    for found in [side_by_side(&groups, 1.0, 0.0), all_at_once(&groups, 1.0, 0.0)] {
        for (found, strata) in found.iter().zip(&groups) {
            let expected = one_by_one(strata, 1.0, 0.0);
            for (found, expected) in [(found[0], expected[0]), (found[2], expected[2])] {
                assert_eq!(found.weighted_rows, expected.weighted_rows);
                assert_eq!(found.inexact_estimate, expected.inexact_estimate);
                assert_eq!(found.seen, expected.seen);
            }
        }
    }
}

/// Squares beyond all numbers are no variance of zero.
#[test]
fn squares_may_be_too_large() {
    for values in [vec![1e200, -1e200, 5e199], vec![1e200; 9].into_iter().chain([-1e200, 5e199]).collect()] {
        let size = StratumSize::new(values.len() as u64 + 6, values.len() as u64);
        let groups = [vec![(size, values)]];
        for found in [side_by_side(&groups, 1.0, 0.0)[0][0], all_at_once(&groups, 1.0, 0.0)[0][0]] {
            assert!(found.varies && found.variance().is_none());
        }
    }
}

/// No interval is made of what is not a number.
#[test]
fn infinities_have_no_variance() {
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let size = StratumSize::new(100, 4);
        for values in [vec![value], vec![value, 1.0], vec![1.0, value], vec![1.0, 2.0, value]] {
            let groups = [vec![(size, values), (size, vec![1.0, 2.0])]];
            for found in [side_by_side(&groups, 1.0, 0.0)[0][0], all_at_once(&groups, 1.0, 0.0)[0][0]] {
                assert!(found.variance().is_none() && found.varies && !found.estimate().is_finite(), "{value}");
            }
        }
    }
}
