use super::*;

fn edge(values: &[Option<f64>], rows: usize) -> f64 {
    // Two workers, in two orders, find the same edge.
    let mut found = Vec::new();
    for parts in [1, 3] {
        let mut all = Largest::of_sizes(rows + 1);
        for part in 0..parts {
            let mut largest = Largest::of_sizes(rows + 1);
            let own = values.iter().skip(part).step_by(parts).rev().copied();
            largest.add(&own.collect::<Float64Array>());
            all.merge(largest);
        }
        found.push(all.edge(rows));
    }
    assert_eq!(found[0].to_bits(), found[1].to_bits());
    found[0]
}

fn marked(edges: &[Edge], columns: &[Float64Array]) -> Vec<usize> {
    marks(edges, columns, columns[0].len()).set_indices().collect()
}

#[test]
fn at_most_so_many_values_lie_beyond_the_edge() {
    let some = |values: &[f64]| values.iter().map(|v| Some(*v)).collect::<Vec<_>>();
    for (values, rows, expected) in [
        (some(&[1.0, 2.0, 3.0, 4.0, 5.0]), 2, 3.0),
        // Ties at the edge stay in the body.
        (some(&[1.0, 5.0, 5.0, 5.0, 7.0]), 2, 5.0),
        (some(&[3.0; 9]), 4, 3.0),
        // Size is the distance from zero.
        (some(&[-9.0, 1.0, 8.0, -7.0]), 2, 7.0),
        (vec![Some(4.0), None, Some(f64::NAN), Some(2.0), Some(3.0)], 1, 3.0),
        (some(&[f64::INFINITY, 1.0, 2.0, f64::NEG_INFINITY]), 3, 1.0),
        // Fewer values than rows: all but zeros.
        (some(&[0.0, -0.0, 6.0]), 5, 0.0),
        (Vec::new(), 3, 0.0),
    ] {
        assert!((edge(&values, rows) - expected).abs() < f64::EPSILON, "{values:?}");
        let found = marked(&[Edge::from_zero(0, edge(&values, rows))], &[values.iter().copied().collect()]);
        assert!(found.len() <= rows.max(1), "{values:?}: {found:?}");
    }
}

#[test]
fn many_values_are_held_in_little_memory() {
    let mut largest = Largest::of_sizes(101);
    for batch in 0..100 {
        let values = (0..1_000).map(|i| Some(f64::from((batch * 1_000 + i) * 7_919 % 100_003)));
        largest.add(&values.collect::<Float64Array>());
        assert!(largest.held.len() <= 202);
    }
    let mut all: Vec<f64> = (0..100_000).map(|i: i64| (i * 7_919 % 100_003) as f64).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    assert!((largest.edge(100) - all[100]).abs() < f64::EPSILON);
}

#[test]
fn a_row_is_of_the_tail_by_any_column() {
    let edges = [Edge::from_zero(0, 5.0), Edge::from_zero(2, 1.0)];
    let a = Float64Array::from(vec![Some(6.0), Some(5.0), None, Some(f64::NAN), Some(-6.0), Some(0.0)]);
    let b = Float64Array::from(vec![9.0; 6]);
    let c = Float64Array::from(vec![Some(0.0), Some(1.0), Some(2.0), None, Some(3.0), Some(f64::NAN)]);
    assert_eq!(marked(&edges, &[a, b, c]), [0, 2, 4]);
}
