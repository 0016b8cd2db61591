use proptest::prelude::*;

use super::{FLOOR, at_level, for_size, level_count};

#[test]
fn caps_share_a_size_evenly() {
    assert_eq!(for_size(&[1_000, 1_000, 10], 210), 100);
    assert_eq!(for_size(&[1_000, 1_000, 10], 211), 100);
    assert_eq!(for_size(&[1_000, 1_000, 10], 1_000_000), 1_000);
    assert_eq!(for_size(&[5, 5, 5], 2), 0);
    assert_eq!(for_size(&[], 10), 0);
    assert_eq!(for_size(&[u64::MAX, u64::MAX], u64::MAX), u64::MAX / 2);
}

#[test]
fn levels_halve_and_round_up() {
    let caps: Vec<u64> = (0..4).map(|level| at_level(1_001, level, 4)).collect();
    assert_eq!(caps, [126, 251, 501, 1_001]);
    assert_eq!(at_level(1_001, 9, 4), 1_001);
    assert_eq!((at_level(5, 0, 200), at_level(0, 0, 200)), (1, 0));
}

#[test]
fn the_lowest_level_keeps_the_floor() {
    for (cap, levels) in [(0, 1), (99, 1), (199, 1), (200, 2), (399, 2), (400, 3), (10_000, 7)] {
        assert_eq!(level_count(cap, FLOOR), levels, "{cap}");
    }
    assert_eq!(level_count(8, 0), 4);
}

proptest! {
    #[test]
    fn a_level_keeps_its_share_rounded_up(cap in any::<u64>(), level in 0..64_u32) {
        prop_assert_eq!(at_level(cap, level, 64), cap.div_ceil(1 << (63 - level)));
    }

    #[test]
    fn the_cap_is_the_largest_that_fits(counts in prop::collection::vec(0..1_000_u64, 1..30), size in 0..20_000_u64) {
        let used = |cap: u64| counts.iter().map(|&count| count.min(cap)).sum::<u64>();
        let cap = for_size(&counts, size);
        prop_assert!(used(cap) <= size);
        prop_assert!(used(cap + 1) > size || counts.iter().all(|&count| count <= cap));
    }
}
