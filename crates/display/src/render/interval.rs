//! Intervals and durations as DuckDB and PostgreSQL write them: `1 year 2 months 3 days 04:05:06.5`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};

const DAY_US: i64 = 86_400_000_000;

/// The text of every value, `None` for NULL; `None` for arrays of other types.
#[must_use]
pub fn interval_texts(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let rows = 0..array.len();
    let of = |row: usize| -> Option<(i64, i64, i64)> {
        if array.is_null(row) {
            return None;
        }
        Some(match array.data_type() {
            DataType::Interval(IntervalUnit::YearMonth) => {
                (i64::from(array.as_primitive::<IntervalYearMonthType>().value(row)), 0, 0)
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                let own = array.as_primitive::<IntervalDayTimeType>().value(row);
                (0, i64::from(own.days), i64::from(own.milliseconds) * 1_000)
            }
            _ => {
                let own = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                (i64::from(own.months), i64::from(own.days), own.nanoseconds / 1_000)
            }
        })
    };
    match array.data_type() {
        DataType::Interval(_) => Some(rows.map(|row| of(row).map(text)).collect()),
        DataType::Duration(_) => {
            let plain = cast(array, &DataType::Duration(TimeUnit::Microsecond)).ok()?;
            let plain = cast(&plain, &DataType::Int64).ok()?;
            let times = plain.as_primitive::<Int64Type>();
            Some(times.iter().map(|time| time.map(|time| text((0, time / DAY_US, time % DAY_US)))).collect())
        }
        _ => None,
    }
}

/// Months, days and microseconds as text.
fn text((months, days, time): (i64, i64, i64)) -> String {
    let mut parts = Vec::new();
    for (number, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if number != 0 {
            parts.push(format!("{number} {unit}{}", if number.abs() == 1 { "" } else { "s" }));
        }
    }
    if time != 0 || parts.is_empty() {
        let (sign, time) = (if time < 0 { "-" } else { "" }, time.unsigned_abs());
        let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
        let clock = format!("{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let fraction = format!(".{fraction:06}");
        parts.push(format!("{clock}{}", fraction.trim_end_matches('0').trim_end_matches('.')));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_people_read_them() {
        assert_eq!(text((14, 3, 14_706_500_000)), "1 year 2 months 3 days 04:05:06.5");
        assert_eq!(text((0, 180, 0)), "180 days");
        assert_eq!(text((0, 0, 0)), "00:00:00");
        assert_eq!(text((-1, -1, -1_500_000)), "-1 month -1 day -00:00:01.5");
    }
}
