use super::wide::Wide;

#[test]
fn partial_sums_travel_in_the_widest_types() {
    assert_eq!(Wide::I128.state_type().to_string(), "Decimal128(38, 0)");
    assert_eq!(Wide::I256 { scale: 3 }.state_type().to_string(), "Decimal256(76, 3)");
}
