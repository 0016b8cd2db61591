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
