use super::*;
use plusminus_catalog::{BaseTable, Column, Design, DistinctCount, FileEntry, SampleSize};

fn manifest(columns: &[(&str, &str, f64, u64)]) -> Manifest {
    let file =
        FileEntry { file: String::new(), rows: 0, bytes: 0, blake3: String::new(), row_groups: vec![], frame_xxh3: 0 };
    // With m2 = count, the skewness is m3 / count.
    let moments = |(name, _, skewness, _): &(&str, &str, f64, u64)| ColumnMoments {
        column: (*name).to_owned(),
        count: 100,
        m2: 100.0,
        m3: 100.0 * skewness,
        ..ColumnMoments::default()
    };
    let column = |(name, t, ..): &(&str, &str, f64, u64)| Column { name: (*name).into(), data_type: (*t).into() };
    let distinct = |(name, _, _, count): &(&str, &str, f64, u64)| DistinctCount {
        column: (*name).into(),
        count: *count,
        relative_error: 0.0,
    };
    Manifest {
        format_version: 1,
        name: "s".into(),
        generation: 1,
        parent: None,
        dropped: false,
        created_unix_ms: 0,
        data_folder: String::new(),
        design: Design {
            table: "t".into(),
            stratified_by: vec!["by".into()],
            classes: Vec::new(),
            universe: None,
            size: SampleSize::Cap(1),
            cap: 1,
            seed: 0,
            tail: vec!["kept".into()],
        },
        base: BaseTable {
            rows: 100,
            columns: columns.iter().map(column).collect(),
            files: None,
            options: Default::default(),
            left_out: Vec::new(),
            joined: Vec::new(),
        },
        strata: file,
        values: None,
        determined: Vec::new(),
        strata_count: 1,
        levels: Vec::new(),
        moments: columns.iter().map(moments).collect(),
        distinct: columns.iter().map(distinct).collect(),
        keys: None,
        repeats_rows: false,
        joined: Vec::new(),
    }
}

#[test]
fn skewed_measures_are_named_the_most_skewed_first() {
    let found = skewed_measures(&manifest(&[
        ("bytes", "Int64", 31.25, 50_000),
        ("mild", "Float64", 9.0, 50_000),
        ("loss", "Decimal128(15, 2)", -40.0, 10),
        ("flag", "Int32", 90.0, 2),
        ("by", "Float64", 90.0, 50_000),
        ("kept", "Float64", 90.0, 50_000),
    ]));
    assert_eq!(found, [("loss".to_owned(), -40.0), ("bytes".to_owned(), 31.25)]);
}
