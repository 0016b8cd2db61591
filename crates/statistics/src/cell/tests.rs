use super::Cell;

fn cell(values: &[f64]) -> Cell {
    let mut cell = Cell::default();
    for &u in values {
        cell.add(u);
    }
    cell
}

#[test]
fn sums_of_powers_about_the_first_value() {
    let actual = cell(&[3.0, -1.0, 0.0]);
    assert_eq!((actual.count, actual.origin, actual.s1), (3, 3.0, -7.0));
    assert_eq!((actual.s2, actual.s3), (25.0, -91.0));
    assert_eq!((actual.sum(), actual.raw_powers()), (2.0, (10.0, 26.0)));
    assert!(!actual.is_constant());
    for n in [1, 31, 32, 100] {
        let values: Vec<f64> = (0..n).map(f64::from).collect();
        assert_eq!(Cell::of_all(&values), cell(&values));
    }
}

#[test]
fn merging_equals_adding() {
    let mut left = cell(&[1.0, 2.0]);
    left.merge(&cell(&[4.0, -8.0]));
    left.merge(&Cell::default());
    assert_eq!(left, cell(&[1.0, 2.0, 4.0, -8.0]));
    let mut none = Cell::default();
    none.merge(&left);
    assert_eq!(none, left);
}

/// Values far from zero and close to one another keep their spread, however they are put together.
#[test]
fn large_close_values_do_not_cancel() {
    let near: Vec<f64> = (0..1_000).map(|i| 1e9 + f64::from(i % 7)).collect();
    let mut halves = cell(&near[..317]);
    halves.merge(&cell(&near[317..]));
    let mut many = Cell::default();
    many.add_all(&near);
    for found in [cell(&near), halves, many, cell(&near).affine(1.0, -5e8)] {
        let (_, squares, cubes) = found.central();
        let small: Vec<f64> = near.iter().map(|y| y - 1e9).collect();
        let mean = small.iter().sum::<f64>() / 1e3;
        let power = |p: i32| small.iter().map(|u| (u - mean).powi(p)).sum::<f64>();
        assert!((squares / power(2) - 1.0).abs() < 1e-10, "{squares} instead of {}", power(2));
        assert!((cubes - power(3)).abs() < 1e-9 * power(2), "{cubes} instead of {}", power(3));
    }
}

#[test]
fn clearing_empties() {
    let mut some = cell(&[1.0]);
    assert!(!some.is_empty());
    some.clear();
    assert!(some.is_empty());
    assert_eq!(some, Cell::default());
}

#[test]
fn counting_is_adding_ones() {
    assert_eq!(Cell::of_count(5), cell(&[1.0; 5]));
    assert_eq!(Cell::of_count(0), Cell::default());
}

#[test]
fn equal_values_have_no_spread_at_all() {
    let (_, squares, cubes) = cell(&[0.1; 1_000]).central();
    assert_eq!((squares, cubes), (0.0, 0.0));
}

/// Values of both signs, from a small linear congruence.
fn values(count: u32) -> Vec<f64> {
    (0..count).map(|i| f64::from(i.wrapping_mul(2_654_435_761) % 1_000) - 400.0).collect()
}

fn near(actual: &Cell, expected: &Cell) {
    assert_eq!(actual.count, expected.count);
    let all = |cell: &Cell| [cell.sum(), cell.raw_powers().0, cell.raw_powers().1];
    for (a, e) in all(actual).into_iter().zip(all(expected)) {
        assert!((a - e).abs() <= 1e-9 * e.abs().max(1.0), "{a} instead of {e}");
    }
}

#[test]
fn many_at_a_time_is_one_by_one() {
    for count in [0, 1, 7, 8, 9, 100, 1_003] {
        let all = values(count);
        let mask: Vec<bool> = (0..count).map(|i| i % 3 != 1).collect();
        for before in [cell(&[3.0]), Cell::default()] {
            let (mut actual, mut expected) = (before, before);
            actual.add_all(&all);
            all.iter().for_each(|y| expected.add(*y));
            near(&actual, &expected);
        }
        // Values outside the mask may be NaN, and all values may be outside.
        let none = vec![false; mask.len()];
        let nan = |(y, inside): (&f64, &bool)| if *inside { *y } else { f64::NAN };
        let all: Vec<f64> = all.iter().zip(&mask).map(nan).collect();
        for before in [cell(&[3.0]), Cell::default()] {
            let (mut actual, mut expected) = (before, before);
            actual.add_masked(&all, &none);
            assert_eq!(actual, before);
            actual.add_masked(&all, &mask);
            all.iter().zip(&mask).filter(|(_, inside)| **inside).for_each(|(y, _)| expected.add(*y));
            near(&actual, &expected);
        }
    }
}

#[test]
fn a_cell_of_scaled_values() {
    let all = values(1_000);
    for (scale, offset) in [(2.0, 0.5), (-0.25, 3.0), (0.0, 7.0)] {
        let scaled: Vec<f64> = all.iter().map(|u| scale * u + offset).collect();
        near(&cell(&all).affine(scale, offset), &cell(&scaled));
    }
    assert_eq!(Cell::default().affine(2.0, 1.0), Cell::default());
}
