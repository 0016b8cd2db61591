use super::Cell;

fn cell(values: &[f64]) -> Cell {
    let mut cell = Cell::default();
    for &u in values {
        cell.add(u);
    }
    cell
}

#[test]
fn sums_of_powers_and_bounds() {
    let actual = cell(&[3.0, -1.0, 0.0]);
    assert_eq!((actual.count, actual.s1), (3, 2.0));
    assert_eq!((actual.min, actual.max), (-1.0, 3.0));
    assert_eq!((actual.s2, actual.s3), (10.0, 26.0));
}

#[test]
fn merging_equals_adding() {
    let mut left = cell(&[1.0, 2.0]);
    left.merge(&cell(&[4.0, -8.0]));
    left.merge(&Cell::default());
    assert_eq!(left, cell(&[1.0, 2.0, 4.0, -8.0]));
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
    assert_eq!((actual.count, actual.min, actual.max), (expected.count, expected.min, expected.max));
    for (a, e) in [(actual.s1, expected.s1), (actual.s2, expected.s2), (actual.s3, expected.s3)] {
        assert!((a - e).abs() <= 1e-9 * e.abs().max(1.0), "{a} instead of {e}");
    }
}

#[test]
fn many_at_a_time_is_one_by_one() {
    for count in [0, 1, 7, 8, 9, 100, 1_003] {
        let all = values(count);
        let mask: Vec<bool> = (0..count).map(|i| i % 3 != 1).collect();
        let shifted: Vec<f64> = all.iter().map(|v| v - 12.5).collect();
        let mut actual = cell(&[3.0]);
        let mut expected = actual;
        actual.add_all(&all, 12.5);
        shifted.iter().for_each(|u| expected.add(*u));
        near(&actual, &expected);
        let (mut actual, mut expected) = (Cell::default(), Cell::default());
        actual.add_masked(&all, &mask, 12.5);
        shifted.iter().zip(&mask).filter(|(_, inside)| **inside).for_each(|(u, _)| expected.add(*u));
        near(&actual, &expected);
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
