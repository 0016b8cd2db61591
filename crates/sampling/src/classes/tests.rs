use super::*;

fn seen(parts: &[&[f64]], keep: usize) -> Seen {
    let mut all = Seen::new(keep);
    for (unit, values) in parts.iter().enumerate() {
        let mut part = Seen::new(keep);
        part.begin(unit);
        part.add(values, 0, 1);
        all.merge(part);
    }
    all
}

fn class(values: &[f64], median: f64, rows: usize) -> Vec<f64> {
    // In one part and in two, the other way around.
    let (first, second) = values.split_at(values.len() / 3);
    let edges = [seen(&[values], rows + 1), seen(&[second, first], rows + 1)].map(|seen| seen.edge(0, median, rows));
    assert_eq!(edges[0], edges[1]);
    let Some(edge) = edges[0] else { return Vec::new() };
    values.iter().copied().filter(|value| *value > edge.high || *value < edge.low).collect()
}

#[test]
fn the_values_farthest_from_the_median_are_a_class() {
    let far = class(&[10.0, 11.0, 9.0, 10.0, 50.0, -70.0, 12.0, 10.0, 30.0], 10.0, 2);
    assert_eq!(far, [50.0, -70.0]);
    assert_eq!(class(&[1.0, 2.0, 3.0, 4.0, 100.0, 90.0], 3.0, 1), [100.0]);
    // Values that tie with the first outside stay outside, on both sides.
    assert_eq!(class(&[0.0, 0.0, 5.0, -5.0, 5.0, 9.0], 0.0, 3), [9.0]);
    assert_eq!(class(&[0.0, 0.0, 1.0, 1.0, 1.0], 0.0, 2), Vec::<f64>::new());
    assert_eq!(class(&[7.0; 9], 7.0, 2), Vec::<f64>::new());
    assert_eq!(class(&[], 0.0, 2), Vec::<f64>::new());
}

/// Whatever the order, and though far more values are seen than are held.
#[test]
fn few_values_are_held_of_many() {
    let values: Vec<f64> = (0..50_000).map(|i| f64::from(i * 7_919 % 50_021)).collect();
    let mut far = class(&values, 25_000.0, 100);
    far.sort_by(|a, b| (b - 25_000.0).abs().total_cmp(&(a - 25_000.0).abs()));
    let mut sorted = values;
    sorted.sort_by(|a, b| (b - 25_000.0).abs().total_cmp(&(a - 25_000.0).abs()));
    assert!((95..=100).contains(&far.len()), "{}", far.len());
    let nearest = far.iter().map(|v| (v - 25_000.0).abs()).fold(f64::INFINITY, f64::min);
    assert_eq!(nearest.to_bits(), (sorted[far.len() - 1] - 25_000.0).abs().to_bits());
}

#[test]
fn heavy_tails_are_told_by_their_kurtosis() {
    let flat: Vec<f64> = (0..1_000).map(f64::from).collect();
    assert!(seen(&[&flat], 10).heavy(0).is_none());
    let spiked: Vec<f64> = (0..1_000).map(|i| if i % 100 == 0 { 1_000.0 } else { f64::from(i % 7) }).collect();
    let heavy = seen(&[&spiked[..500], &spiked[500..]], 10).heavy(3).unwrap();
    assert!(heavy.kurtosis > 90.0, "{}", heavy.kurtosis);
    assert_eq!((heavy.place, heavy.median), (3, 3.0));
}

/// Heavier columns come first, φ has none, and all together get no more than a fifth of the rows.
#[test]
fn what_is_given_is_shared() {
    let columns = [4, 5, 6];
    let heavy: Vec<Heavy> =
        [(2, 900.0), (0, 50.0), (1, 7.0)].map(|(place, kurtosis)| Heavy { place, kurtosis, median: 0.0 }).into();
    let family = |columns: &[usize], quota| FamilyPlan {
        columns: columns.to_vec(),
        tail: Vec::new(),
        edges: Vec::new(),
        has_classes: false,
        quota,
        seed: 1,
        universe: None,
    };
    let given = |family: &FamilyPlan, rows| -> Vec<(usize, usize)> {
        shares(family, &heavy, &columns, rows, family.quota.kept(&[rows]))
            .into_iter()
            .map(|(heavy, rows)| (heavy.place, rows))
            .collect()
    };
    assert_eq!(given(&family(&[], Quota::Rows(3_000)), 100_000), [(2, 200), (0, 200), (1, 200)]);
    assert_eq!(given(&family(&[5, 4], Quota::Rows(3_000)), 100_000), [(2, 600)]);
    assert_eq!(given(&family(&[6], Quota::Rows(3_000)), 100_000), [(0, 300), (1, 300)]);
    assert_eq!(given(&family(&[], Quota::Rows(60_000)), 100_000), []);
    // A family of few rows serves its heaviest column alone.
    assert_eq!(given(&family(&[], Quota::Rows(60)), 100_000), [(2, 12)]);
    assert_eq!(given(&family(&[], Quota::Cap(3_000)), 10_000_000), [(2, 200), (0, 200), (1, 200)]);
    let most: usize = given(&family(&[], Quota::Rows(10_000_000)), 1_000_000_000).iter().map(|(_, rows)| rows).sum();
    assert!(most as u64 <= ROWS_MAX);
}
