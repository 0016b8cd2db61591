//! Checks of how the values are distributed and how they hang together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type};

use super::super::alias::Alias;
use super::super::draw::scramble;
use super::{read, small};

const ROWS: u64 = 300_000;

static TABLE: LazyLock<RecordBatch> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    read(&small(ROWS).threads(2).write(folder.path(), &|_| ()).unwrap())
});

fn texts(column: &str) -> impl Iterator<Item = Option<&'static str>> {
    TABLE.column_by_name(column).unwrap().as_string::<i32>().iter()
}

fn floats(column: &str) -> impl Iterator<Item = Option<f64>> {
    let column = TABLE.column_by_name(column).unwrap();
    column.as_primitive::<Float64Type>().iter()
}

fn integers(column: &str) -> impl Iterator<Item = Option<i64>> {
    let column = TABLE.column_by_name(column).unwrap();
    column.as_primitive::<Int64Type>().iter()
}

/// Shares of all values of a text column; NULL counts as "NULL".
fn shares(column: &str) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for text in texts(column) {
        *shares.entry(text.unwrap_or("NULL").to_owned()).or_insert(0.0) += 1.0 / ROWS as f64;
    }
    shares
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let values: Vec<f64> = values.flatten().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[track_caller]
fn check_band(value: f64, low: f64, high: f64) {
    assert!((low..=high).contains(&value), "{value} is outside [{low}, {high}]");
}

#[test]
fn keys_have_their_shares() {
    let genres = shares("genre");
    let systems = shares("os");
    check_band(genres["western"], 0.01, 0.02);
    check_band(genres["NULL"], 0.004, 0.006);
    check_band(systems["KaiOS"], 0.000_04, 0.000_2);
    check_band(systems["ChromeOS"], 0.000_6, 0.001_2);
    check_band(shares("browser")["NULL"], 0.1, 0.3);
    check_band(shares("city")["NULL"], 0.013, 0.017);
    check_band(shares("isp")["NULL"], 0.007, 0.009);
    check_band(shares("country")["United States"], 0.2, 0.27);
    check_band(shares("site")["Aurora Play"], 0.2, 0.3);
    assert_eq!((genres.len(), systems.len()), (21, 8));
}

#[test]
fn keys_depend_on_each_other() {
    for (os, browser) in texts("os").zip(texts("browser")) {
        assert!(browser != Some("Edge") || os != Some("Linux"));
    }
    assert!(texts("city").flatten().count() > 1_000);
    let mut homes = BTreeMap::new();
    for (city, country) in texts("city").zip(texts("country")) {
        if let Some(city) = city {
            assert_eq!(*homes.entry(city).or_insert(country), country, "{city}");
        }
    }
    for (isp, country) in texts("isp").zip(texts("country")) {
        assert!(isp.is_none_or(|isp| isp.starts_with(country.unwrap())));
    }
}

#[test]
fn measures_depend_on_each_other() {
    let seconds: Vec<Option<f64>> = floats("sessiontime").collect();
    let rates = integers("bitrate");
    for ((seconds, rate), bytes) in seconds.iter().zip(rates).zip(integers("bytes")) {
        let payload = seconds.unwrap_or(0.0) * rate.unwrap_or(0) as f64 * 125.0;
        check_band(bytes.unwrap() as f64, payload * 1.02 - 1.0, payload * 1.06 + 1.0);
    }
    check_band(mean(seconds.into_iter()), 600.0, 2_500.0);
    let buffering = |kind: &'static str| {
        let rows = texts("isp").zip(floats("bufferingratio"));
        let rows = rows.filter(move |(isp, _)| isp.is_some_and(|isp| isp.ends_with(kind)));
        mean(rows.map(|(_, ratio)| ratio))
    };
    assert!(buffering("Satellite") > 3.0 * buffering("Fibre"));
}

#[test]
fn failed_sessions_measure_nothing() {
    let failed = TABLE.column_by_name("failed").unwrap().as_boolean();
    check_band(failed.true_count() as f64 / ROWS as f64, 0.008, 0.03);
    for column in ["sessiontime", "bitrate", "bufferingratio", "jointimems"] {
        let column = TABLE.column_by_name(column).unwrap();
        assert!((0..TABLE.num_rows()).all(|row| column.is_null(row) == failed.value(row)));
    }
    let revenue = TABLE.column_by_name("adrevenue").unwrap();
    check_band(revenue.null_count() as f64 / ROWS as f64, 0.15, 0.4);
    let cents = revenue.as_primitive::<Decimal128Type>().iter().flatten();
    assert!(cents.max().unwrap() > 1_000);
}

#[test]
fn rows_come_in_the_order_of_90_days() {
    let dates = TABLE.column_by_name("date").unwrap().as_primitive::<Date32Type>();
    assert!(dates.values().is_sorted());
    let days: BTreeSet<i32> = dates.values().iter().copied().collect();
    assert_eq!((days.len(), days.first(), days.last()), (90, Some(&20_454), Some(&20_543)));
}

#[test]
fn alias_keeps_weights() {
    let alias = Alias::new(&[1.0, 0.0, 5.0, 2.0]);
    let mut hits = [0.0; 4];
    let draws = 1 << 16;
    for draw in 0..draws {
        let bits = scramble(draw);
        hits[usize::from(alias.pick(bits))] += 8.0 / draws as f64;
    }
    check_band(hits[0], 0.95, 1.05);
    check_band(hits[1], 0.0, 0.0);
    check_band(hits[2], 4.9, 5.1);
    check_band(hits[3], 1.93, 2.07);
}
