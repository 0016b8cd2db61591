use proptest::prelude::*;

use super::{Cells, Counts, DomainFactors, LANES, VariancePolynomial};
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
    let unseen = prop_oneof![4 => 1..1_000_u64, 1 => Just(0)];
    (values, 0..5_u64, unseen).prop_map(|(values, outside, unseen)| {
        let sampled = values.len() as u64 + outside;
        (StratumSize::new(sampled + unseen, sampled), values)
    })
}

fn cell(values: &[f64], scale: f64, offset: f64) -> Cell {
    let mut cell = Cell::default();
    values.iter().for_each(|y| cell.add(scale * y + offset));
    cell
}

/// Totals of cells folded one by one: of y, of `scale·y + offset` with the domain's degrees of freedom, and of the count.
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

/// Row counts and values by stratum, and the places where groups begin.
#[derive(Default)]
struct Filled {
    rows: Vec<f64>,
    all: Vec<f64>,
    sampled: Vec<f64>,
    begins: Vec<u32>,
    starts: Vec<usize>,
    values: Vec<f64>,
}

impl Filled {
    fn new(groups: &[Vec<Stratum>]) -> Self {
        let mut filled = Self { starts: vec![0], ..Self::default() };
        for strata in groups {
            for (size, values) in strata {
                filled.push(values.len(), *size);
                filled.values.extend(values);
            }
            while !filled.rows.len().is_multiple_of(LANES) {
                filled.push(0, StratumSize::default());
            }
            filled.starts.push(filled.rows.len() / LANES);
        }
        filled.begins.push(u32::try_from(filled.values.len()).unwrap());
        filled
    }

    fn push(&mut self, rows: usize, size: StratumSize) {
        self.rows.push(rows as f64);
        self.all.push(size.rows as f64);
        self.sampled.push(size.sampled as f64);
        self.begins.push(u32::try_from(self.values.len()).unwrap());
    }

    fn domain_factors(&self) -> DomainFactors {
        let mut domain_factors = DomainFactors::default();
        domain_factors.fill(&Counts { rows: &self.rows, all: &self.all, sampled: &self.sampled, starts: &self.starts });
        domain_factors
    }
}

/// Totals of cells that are pushed one after the other, by group.
fn side_by_side(groups: &[Vec<Stratum>], scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let (filled, mut cells) = (Filled::new(groups), Cells::default());
    for ends in filled.begins.windows(2) {
        cells.push(&Cell::of_all(&filled.values[ends[0] as usize..ends[1] as usize]));
    }
    folded(&filled.domain_factors(), &cells, groups.len(), scale, offset)
}

/// Totals of cells that are filled all at once, by group.
fn all_at_once(groups: &[Vec<Stratum>], scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let (filled, mut cells) = (Filled::new(groups), Cells::default());
    cells.fill(&filled.values, &filled.begins);
    folded(&filled.domain_factors(), &cells, groups.len(), scale, offset)
}

fn folded(domain_factors: &DomainFactors, cells: &Cells, groups: usize, scale: f64, offset: f64) -> Vec<[Total; 3]> {
    let mut totals = vec![[Total::default(); 3]; groups];
    domain_factors.fold_values(cells, totals.iter_mut().map(|own| &mut own[0]));
    domain_factors.fold_counts(totals.iter_mut().map(|own| &mut own[2]));
    for own in &mut totals {
        let count = own[2];
        own[1].share_rows(&count);
    }
    let (scale, offset) = (vec![scale; groups], vec![offset; groups]);
    domain_factors.fold_spreads(cells, &scale, &offset, totals.iter_mut().map(|own| &mut own[1]));
    totals
}

/// The spread of `scale·y + offset` from a variance polynomial, to which `at_a_time` strata are added at a time.
fn of_form(strata: &[Stratum], at_a_time: usize, scale: f64, offset: f64) -> Option<Total> {
    let (mut form, mut total, mut cells) = (VariancePolynomial::default(), Total::default(), Cells::default());
    for strata in strata.chunks(at_a_time) {
        let filled = Filled::new(&[strata.to_vec()]);
        let domain_factors = filled.domain_factors();
        cells.fill(&filled.values, &filled.begins);
        domain_factors.fold_values_and_polynomial(&cells, &mut total, &mut form);
    }
    let mut spread = form.spread(scale, offset)?;
    spread.share_rows(&total);
    Some(spread)
}

fn same(found: &Total, expected: &Total) {
    same_spread(found, expected);
    assert_eq!((found.varies, found.exact_rows), (expected.varies, expected.exact_rows));
    let all = |t: &Total| [t.inexact_estimate, t.seen, t.exact_sum];
    all(found).into_iter().zip(all(expected)).for_each(|(found, expected)| near(found, expected));
}

/// Checks that two totals agree in all that the interval of an average needs.
fn same_spread(found: &Total, expected: &Total) {
    assert_eq!(found.domain_rows, expected.domain_rows);
    let all = |t: &Total| {
        let of_values = [t.own_variance, t.satterthwaite, t.pooled_squares];
        let of_rows = [t.weighted_rows, t.weight_squares, t.rows_variance, t.pooled_row_squares, t.pooled_degrees];
        [&of_values[..], &of_rows, &[t.lone_scale, t.lone_scale_squared]].concat()
    };
    all(found).into_iter().zip(all(expected)).for_each(|(found, expected)| near(found, expected));
    // A third cumulant matters as far as it skews.
    let skews = expected.own_variance.powf(1.5).max(expected.third.abs()).max(1e-3);
    assert!((found.third - expected.third).abs() <= 1e-8 * skews, "{} instead of {}", found.third, expected.third);
}

fn near(found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error <= 1e-9 * expected.abs().max(1e-3), "{found} instead of {expected}");
}

proptest! {
    /// Holds for any number of strata in a group: lanes without a stratum add nothing.
    #[test]
    fn lanes_fold_what_single_cells_fold(
        groups in prop::collection::vec(prop::collection::vec(stratum(), 1..8), 1..5),
        scale in -2.0..2.0_f64,
        offset in -100.0..100.0_f64,
    ) {
        for found in [side_by_side(&groups, scale, offset), all_at_once(&groups, scale, offset)] {
            for (found, strata) in found.iter().zip(&groups) {
                let [sum, form, count] = one_by_one(strata, scale, offset);
                same(&found[0], &sum);
                same_spread(&found[1], &form);
                same(&found[2], &count);
            }
        }
    }

    /// A variance polynomial gives the spread for a scale and offset chosen afterwards, unless too much cancels.
    #[test]
    fn forms_are_told_afterwards(
        strata in prop::collection::vec(stratum(), 1..30),
        at_a_time in 1..20_usize,
        scale in -2.0..2.0_f64,
        offset in -100.0..100.0_f64,
    ) {
        let [sum, ..] = one_by_one(&strata, 1.0, 0.0);
        let mean = sum.inexact_estimate / sum.weighted_rows;
        for offset in [offset, -scale * mean] {
            if let Some(found) = of_form(&strata, at_a_time, scale, offset) {
                same_spread(&found, &one_by_one(&strata, scale, offset)[1]);
            }
        }
    }
}

/// A variance polynomial gives the spread of an average whose values vary, alike in all strata or not.
#[test]
fn averages_are_told_afterwards() {
    let values = |h: u64, apart: f64| (0..5).map(|at| apart * h as f64 + (7 * h + 3 * at) as f64 % 11.0).collect();
    for apart in [0.0, 1.0, 50.0] {
        let strata: Vec<Stratum> = (0..40).map(|h| (StratumSize::new(100 + h, 9), values(h, apart))).collect();
        let [sum, ..] = one_by_one(&strata, 1.0, 0.0);
        let (scale, mean) = (1.0 / sum.weighted_rows, sum.inexact_estimate / sum.weighted_rows);
        let found = of_form(&strata, 8, scale, -scale * mean).unwrap();
        same_spread(&found, &one_by_one(&strata, scale, -scale * mean)[1]);
    }
}

/// A spread whose digits would cancel, for a value far off, is `None`: the cells have to be folded again.
#[test]
fn forms_that_cancel_are_not_told() {
    let far = (StratumSize::new(1_000_000, 999_999), vec![1e9]);
    let near = |h: u64| (StratumSize::new(1_000, 20), vec![1.0 + 0.01 * h as f64, 1.2]);
    let strata: Vec<Stratum> = std::iter::once(far).chain((0..9).map(near)).collect();
    assert!(of_form(&strata, 4, 1.0, -1.1).is_none());
    let found = of_form(&strata[1..], 4, 1.0, -1.1).unwrap();
    same_spread(&found, &one_by_one(&strata[1..], 1.0, -1.1)[1]);
    // NaN gives no spread either.
    let strata = [(StratumSize::new(10, 4), vec![f64::NAN, 1.0]), (StratumSize::new(10, 4), vec![1.0, 2.0])];
    assert!(of_form(&strata, 1, 1.0, 0.0).is_none());
}

/// Rows of completely known strata add no error, whatever their values.
#[test]
fn strata_known_whole_add_no_error() {
    let whole = (StratumSize::new(3, 3), vec![f64::INFINITY, 1.0, 2.0]);
    let sampled = (StratumSize::new(100, 4), vec![5.0, 6.0]);
    for ways in [side_by_side, all_at_once] {
        let [sum, form, count] = ways(&[vec![whole.clone(), sampled.clone()]], 1.0, -5.0)[0];
        let [expected, alone, _] = one_by_one(std::slice::from_ref(&sampled), 1.0, -5.0);
        same_spread(&sum, &expected);
        same_spread(&form, &alone);
        assert_eq!((sum.exact_rows, count.exact_rows), (3, 3));
        assert!(!sum.exact_sum.is_finite());
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

/// Infinite squares are no variance of zero.
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
