//! Hive partitions, which are values in the names of folders: `year=2024/month=09/part.parquet`.

use crate::file::{DataFile, percent_decoded};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use std::path::{Component, Path};
use std::sync::Arc;

/// The text that Hive writes for NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns, and their values by file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Partitions {
    pub(crate) fields: Vec<FieldRef>,
    /// Files × fields, files outermost.
    pub(crate) values: Vec<Vec<ScalarValue>>,
}

/// The partition columns of `files`; none unless all of them name the same ones.
///
/// A column has whole numbers where every value is one, dates where every value is `YYYY-MM-DD`, and text otherwise.
pub(crate) fn partitions(files: &[DataFile]) -> Partitions {
    let named: Vec<Vec<(String, String)>> = files.iter().map(|file| pairs(&file.path)).collect();
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let Some(first) = named.first().map(|pairs| names(pairs)).filter(|names| !names.is_empty()) else {
        return Partitions { fields: Vec::new(), values: vec![Vec::new(); files.len()] };
    };
    if named.iter().any(|own| names(own) != first) {
        return Partitions { fields: Vec::new(), values: vec![Vec::new(); files.len()] };
    }
    let types: Vec<DataType> = (0..first.len()).map(|at| type_of(named.iter().map(|own| own[at].1.as_str()))).collect();
    let fields = first.iter().zip(&types).map(|(name, t)| Arc::new(Field::new(name, t.clone(), true))).collect();
    let value = |(text, data_type): (&str, &DataType)| {
        if text == NULL {
            return ScalarValue::try_from(data_type).unwrap_or(ScalarValue::Null);
        }
        // The type was chosen by these very values.
        ScalarValue::try_from_string(text.to_owned(), data_type)
            .unwrap_or_else(|_| ScalarValue::try_from(data_type).unwrap_or(ScalarValue::Null))
    };
    let values = named.iter().map(|own| own.iter().map(|(_, text)| text.as_str()).zip(&types).map(value).collect());
    Partitions { values: values.collect(), fields }
}

/// The `name=value` folders of a path, the outermost first; of a name that occurs twice the last one counts.
fn pairs(path: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(part) = part else { continue };
        let part = part.to_string_lossy();
        let Some((name, value)) = part.split_once('=').filter(|(name, _)| !name.is_empty()) else { continue };
        found.retain(|(known, _)| known != name);
        found.push((name.to_owned(), percent_decoded(value)));
    }
    found
}

fn type_of<'a>(values: impl Iterator<Item = &'a str> + Clone) -> DataType {
    let mut values = values.filter(|value| *value != NULL).peekable();
    if values.peek().is_none() {
        return DataType::Utf8;
    }
    let is_number = |value: &str| {
        let digits = value.strip_prefix('-').unwrap_or(value);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && value.parse::<i64>().is_ok()
    };
    if values.clone().all(is_number) {
        return DataType::Int64;
    }
    let is_date = |value: &str| {
        let bytes = value.as_bytes();
        bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
            && ScalarValue::try_from_string(value.to_owned(), &DataType::Date32).is_ok_and(|date| !date.is_null())
    };
    if values.all(is_date) { DataType::Date32 } else { DataType::Utf8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> DataFile {
        let path = path.into();
        DataFile { path, bytes: 1, modified_unix_us: 0, changed_unix_us: None, inode: None, target: None }
    }

    fn check(paths: &[&str], expected: &str) {
        let found = partitions(&paths.iter().map(|path| file(path)).collect::<Vec<_>>());
        let fields: Vec<_> = found.fields.iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
        let values: Vec<_> = found.values.iter().map(|v| format!("{v:?}")).collect();
        assert_eq!(format!("{} {}", fields.join(","), values.join(" ")).trim(), expected);
    }

    #[test]
    fn values_get_the_type_that_all_of_them_have() {
        check(&["/d/month=9/a.csv", "/d/month=10/a.csv"], "month Int64 [Int64(9)] [Int64(10)]");
        check(&["/d/m=09/a", "/d/m=__HIVE_DEFAULT_PARTITION__/a"], "m Int64 [Int64(9)] [Int64(NULL)]");
        check(
            &["/d/x=2024-02-29/a", "/d/x=2023-01-01/a"],
            "x Date32 [Date32(\"2024-02-29\")] [Date32(\"2023-01-01\")]",
        );
        check(&["/d/x=2024-02-30/a"], "x Utf8 [Utf8(\"2024-02-30\")]");
        check(
            &["/d/x=a%20b/y=1/a", "/d/x=7/y=2/a"],
            "x Utf8,y Int64 [Utf8(\"a b\"), Int64(1)] [Utf8(\"7\"), Int64(2)]",
        );
    }

    #[test]
    fn files_that_name_other_columns_have_none() {
        check(&["/d/x=1/a", "/d/a"], "[] []");
        check(&["/d/a.parquet"], "[]");
    }
}
