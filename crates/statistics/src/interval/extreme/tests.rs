use super::*;
use crate::stratum::StratumSize;

fn sampled(rows: u64, sampled: u64) -> Population {
    let mut population = Population::default();
    population.add(StratumSize::new(rows, sampled));
    population
}

#[test]
fn one_end_is_what_was_seen() {
    let largest = extreme_interval(Some(7.0), Some(9.0), true, &sampled(100, 10));
    assert_eq!((largest.value, largest.lower, largest.upper), (Some(7.0), Some(7.0), Some(9.0)));
    assert_eq!(largest.trust, Trust::Trusted);
    let smallest = extreme_interval(Some(7.0), Some(-2.0), false, &sampled(100, 10));
    assert_eq!((smallest.lower, smallest.upper), (Some(-2.0), Some(7.0)));
    let open = extreme_interval(Some(7.0), None, false, &sampled(100, 10));
    assert_eq!((open.lower, open.upper), (None, Some(7.0)));
    assert_eq!(open.trust, Trust::Untrusted(Doubt::OneSided));
}

#[test]
fn what_cannot_be_exceeded_is_exact() {
    assert_eq!(extreme_interval(Some(9.0), Some(9.0), true, &sampled(100, 10)), Estimate::exact(9.0));
    assert_eq!(extreme_interval(Some(-2.0), Some(-2.0), false, &sampled(100, 10)), Estimate::exact(-2.0));
    assert_eq!(extreme_interval(Some(7.0), None, true, &sampled(10, 10)), Estimate::exact(7.0));
    assert_eq!(extreme_interval(None, Some(1.0), true, &sampled(10, 10)), Estimate::exact_null());
}

#[test]
fn no_row_is_no_extreme() {
    let none = extreme_interval(None, Some(1.0), true, &sampled(100, 10));
    assert_eq!((none.value, none.trust), (None, Trust::Untrusted(Doubt::NoRows)));
}

#[test]
fn rows_that_may_lie_beyond() {
    let confidence = Confidence::default();
    assert_eq!(rows_beyond(&sampled(1_000_000, 10_000), confidence), 299);
    assert_eq!(rows_beyond(&sampled(100, 1), confidence), 99);
    assert_eq!(rows_beyond(&sampled(100, 100), confidence), 0);
}
