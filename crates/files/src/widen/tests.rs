use super::*;
use DataType::{
    Boolean, Date32, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Timestamp, UInt8, UInt64,
    Utf8, Utf8View,
};

fn check(one: DataType, other: DataType, expected: Option<DataType>) {
    assert_eq!(wider(&one, &other), expected, "{one} {other}");
    assert_eq!(wider(&other, &one), expected, "{other} {one}");
}

#[test]
fn nothing_is_lost() {
    check(Int32, Int64, Some(Int64));
    check(Int8, UInt8, Some(Int16));
    check(Int64, UInt64, Some(Decimal128(20, 0)));
    check(Int64, Float64, Some(Float64));
    check(Int16, Float32, Some(Float32));
    check(Int32, Float32, Some(Float64));
    check(Utf8, LargeUtf8, Some(Utf8View));
    check(Utf8, DataType::Dictionary(Box::new(Int8), Box::new(Utf8)), Some(Utf8));
    check(DataType::Dictionary(Box::new(Int8), Box::new(Int32)), Int64, Some(Int64));
    check(Decimal128(10, 2), Decimal128(8, 4), Some(Decimal128(12, 4)));
    check(Decimal128(12, 2), Int32, Some(Decimal128(12, 2)));
    check(Decimal128(5, 2), Int64, Some(Decimal128(22, 2)));
    check(Decimal128(38, 0), Decimal128(38, 10), Some(DataType::Decimal256(48, 10)));
    let at = |unit| Timestamp(unit, None);
    check(at(TimeUnit::Millisecond), at(TimeUnit::Microsecond), Some(at(TimeUnit::Microsecond)));
    check(Date32, at(TimeUnit::Second), Some(at(TimeUnit::Second)));
    check(DataType::Null, Boolean, Some(Boolean));
    let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
    check(list(Int32), list(Int64), Some(list(Int64)));
}

#[test]
fn what_no_type_holds_is_refused() {
    check(Boolean, Int64, None);
    check(Utf8, Int64, None);
    check(Date32, Int64, None);
    check(Timestamp(TimeUnit::Second, None), Timestamp(TimeUnit::Second, Some("UTC".into())), None);
}

fn schema(columns: &[(&str, DataType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, t)| Field::new(*name, t.clone(), false)).collect::<Vec<_>>())
}

fn joined(schemas: &[Schema], is_text: bool) -> Result<String, String> {
    let paths: Vec<PathBuf> = (0..schemas.len()).map(|i| PathBuf::from(format!("{i}"))).collect();
    let found = union(paths.iter().map(PathBuf::as_path).zip(schemas), is_text).map_err(|e| e.what)?;
    let one = |f: &FieldRef| format!("{} {}{}", f.name(), f.data_type(), if f.is_nullable() { "?" } else { "" });
    Ok(found.fields().iter().map(one).collect::<Vec<_>>().join(", "))
}

#[test]
fn columns_are_put_together_by_name() {
    let files = [schema(&[("a", Int32), ("b", Utf8)]), schema(&[("b", Utf8), ("c", Int8), ("a", Int64)])];
    assert_eq!(joined(&files, false), Ok("a Int64, b Utf8, c Int8?".to_owned()));
    let files = [schema(&[("a", Int32)]), schema(&[("a", Utf8)])];
    assert_eq!(joined(&files, true), Ok("a Utf8".to_owned()));
    assert_eq!(joined(&files, false), Err("column 'a' is Int32 in 0 and Utf8 in 1, and no type holds both".to_owned()));
    let files = [schema(&[("g", Int32)]), schema(&[("G", Int32)])];
    assert_eq!(joined(&files, false), Err("column 'g' of 0 is called 'G' in 1".to_owned()));
    // One file may have both.
    let files = [schema(&[("g", Int32), ("G", Int32)]), schema(&[("G", Int32), ("g", Int32)])];
    assert_eq!(joined(&files, false), Ok("g Int32, G Int32".to_owned()));
}
