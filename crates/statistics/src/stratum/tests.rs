use super::{Population, StratumSize};

#[test]
fn weights_and_rates() {
    let size = StratumSize::new(1_000, 10);
    assert_eq!((size.weight(), size.rate()), (100.0, 0.01));
    assert!(!size.is_exact());
    let whole = StratumSize::new(7, 7);
    assert_eq!((whole.weight(), whole.rate()), (1.0, 1.0));
    assert!(whole.is_exact());
    assert!(StratumSize::default().is_exact());
    assert_eq!(StratumSize::new(5, 0).weight(), f64::INFINITY);
}

#[test]
fn exact_strata_are_no_population() {
    let mut population = Population::default();
    population.add(StratumSize::new(50, 50));
    assert!(population.is_exact());
    population.add(StratumSize::new(1_000, 10));
    population.add(StratumSize::new(300, 100));
    let expected = Population { rows: 1_300, sampled: 110, weight_max: 100.0, rate_min: 0.01 };
    assert_eq!(population, expected);
    let mut other = Population::default();
    other.merge(&population);
    other.merge(&Population::default());
    assert_eq!(other, expected);
    assert_eq!(other.unseen(), 1_190);
}
