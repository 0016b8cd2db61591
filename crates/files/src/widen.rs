//! The type that holds the values of two types without loss, and the columns that several files have together.

use crate::error::FileError;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Schema, TimeUnit,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A column of a table, and the file that it was first seen in.
struct Known {
    field: FieldRef,
    first: PathBuf,
}

/// The columns of all files by name, in the order in which they are first seen; a column that a file lacks is NULL there.
///
/// # Errors
/// When a column has types in two files that no type holds, or names differ in nothing but case.
pub(crate) fn union<'a>(
    files: impl Iterator<Item = (&'a Path, &'a Schema)>,
    is_text: bool,
) -> Result<Schema, FileError> {
    let mut known: Vec<Known> = Vec::new();
    for (count, (path, schema)) in files.enumerate() {
        for field in schema.fields() {
            match known.iter().position(|k| k.field.name() == field.name()) {
                Some(at) => known[at].field = merged(&known[at], path, field, is_text)?,
                None => {
                    refuse_other_case(&known, path, schema, field)?;
                    let is_new = count > 0;
                    let own = field.as_ref().clone().with_nullable(field.is_nullable() || is_new);
                    known.push(Known { field: Arc::new(own), first: path.to_path_buf() });
                }
            }
        }
        for column in &mut known {
            if schema.field_with_name(column.field.name()).is_err() {
                column.field = Arc::new(column.field.as_ref().clone().with_nullable(true));
            }
        }
    }
    Ok(Schema::new(known.into_iter().map(|k| k.field).collect::<Vec<_>>()))
}

fn merged(known: &Known, path: &Path, field: &FieldRef, is_text: bool) -> Result<FieldRef, FileError> {
    let (one, other) = (known.field.data_type(), field.data_type());
    let nullable = known.field.is_nullable() || field.is_nullable();
    if one == other && nullable == known.field.is_nullable() {
        return Ok(Arc::clone(&known.field));
    }
    // A value that is read from text can stay text, whatever type it seemed to have.
    let wide = wider(one, other).or_else(|| is_text.then_some(DataType::Utf8));
    let wide = wide.ok_or_else(|| {
        FileError::new(
            format!(
                "column '{}' is {one} in {} and {other} in {}, and no type holds both",
                field.name(),
                known.first.display(),
                path.display()
            ),
            "write one of them anew with the other's type, or name the files of one type by a glob",
        )
    })?;
    Ok(Arc::new(Field::new(field.name(), wide, nullable).with_metadata(known.field.metadata().clone())))
}

fn refuse_other_case(known: &[Known], path: &Path, schema: &Schema, field: &FieldRef) -> Result<(), FileError> {
    let alike = known
        .iter()
        .find(|k| k.field.name().eq_ignore_ascii_case(field.name()) && schema.field_with_name(k.field.name()).is_err());
    match alike {
        None => Ok(()),
        Some(other) => Err(FileError::new(
            format!(
                "column '{}' of {} is called '{}' in {}",
                other.field.name(),
                other.first.display(),
                field.name(),
                path.display()
            ),
            "give it the same name in all files, or read the files apart",
        )),
    }
}

/// The type that holds all values of both; `None` where there is none.
pub(crate) fn wider(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{Boolean, Date32, Date64, Float16, Float32, Float64, Null, Timestamp};
    if one == other {
        return Some(one.clone());
    }
    if let (Some(a), Some(b)) = (text(one), text(other)) {
        // Views hold text of any length.
        return Some(if a == b { a } else { DataType::Utf8View });
    }
    if let (Some(a), Some(b)) = (bytes(one), bytes(other)) {
        return Some(if a == b { a } else { DataType::BinaryView });
    }
    Some(match (one, other) {
        (Null, t) | (t, Null) => t.clone(),
        (DataType::Dictionary(_, values), t) | (t, DataType::Dictionary(_, values)) => return wider(values, t),
        (Boolean, _) | (_, Boolean) => return None,
        (a, b) if a.is_integer() && b.is_integer() => integers(a, b),
        (a, b) if decimal(a).is_some() && decimal(b).is_some() => return decimals(decimal(a)?, decimal(b)?),
        // Whole numbers of 8 or 16 bits fit in floats of 32 bits without loss.
        (Float32 | Float16, small) | (small, Float32 | Float16) if small.is_integer() => {
            match small.primitive_width() {
                Some(1 | 2) => Float32,
                _ => Float64,
            }
        }
        (a, b) if a.is_numeric() && b.is_numeric() => Float64,
        (Date32, Date64) | (Date64, Date32) => Date64,
        (Date32 | Date64, t @ Timestamp(..)) | (t @ Timestamp(..), Date32 | Date64) => t.clone(),
        (Timestamp(a, zone), Timestamp(b, other)) => {
            let zone = match (zone, other) {
                (a, b) if a == b => a.clone(),
                (Some(_), Some(_)) => Some("UTC".into()),
                _ => return None,
            };
            Timestamp(finer(*a, *b), zone)
        }
        (DataType::Time32(_) | DataType::Time64(_), DataType::Time32(_) | DataType::Time64(_)) => {
            DataType::Time64(TimeUnit::Nanosecond)
        }
        (DataType::Duration(a), DataType::Duration(b)) => DataType::Duration(finer(*a, *b)),
        (DataType::List(a), DataType::List(b)) => {
            let item = wider(a.data_type(), b.data_type())?;
            DataType::List(Arc::new(Field::new(a.name(), item, a.is_nullable() || b.is_nullable())))
        }
        _ => return None,
    })
}

fn text(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(data_type.clone()),
        DataType::Dictionary(_, values) => text(values),
        _ => None,
    }
}

fn bytes(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Some(data_type.clone()),
        _ => None,
    }
}

/// The whole number type that holds both; a decimal where one is an unsigned type of 64 bits and the other is signed.
fn integers(one: &DataType, other: &DataType) -> DataType {
    let width = |t: &DataType| t.primitive_width().unwrap_or(8);
    let signed = |bytes: usize| match bytes {
        1 => DataType::Int8,
        2 => DataType::Int16,
        4 => DataType::Int32,
        8 => DataType::Int64,
        _ => DataType::Decimal128(20, 0),
    };
    match (one.is_signed_integer(), other.is_signed_integer()) {
        (true, true) => signed(width(one).max(width(other))),
        (false, false) => {
            if width(one) > width(other) {
                one.clone()
            } else {
                other.clone()
            }
        }
        (true, false) => signed(width(one).max(2 * width(other))),
        (false, true) => signed(width(other).max(2 * width(one))),
    }
}

/// Precision and scale of a type whose values are all decimals.
fn decimal(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => Some((*p, *s)),
        t if t.is_integer() => Some((
            match t.primitive_width() {
                Some(1) => 3,
                Some(2) => 5,
                Some(4) => 10,
                _ => 20,
            },
            0,
        )),
        _ => None,
    }
}

fn decimals((p, s): (u8, i8), (q, t): (u8, i8)) -> Option<DataType> {
    let scale = s.max(t);
    let digits = (i16::from(p) - i16::from(s)).max(i16::from(q) - i16::from(t)) + i16::from(scale);
    let digits = u8::try_from(digits).ok()?;
    match digits {
        _ if digits <= DECIMAL128_MAX_PRECISION => Some(DataType::Decimal128(digits, scale)),
        _ if digits <= DECIMAL256_MAX_PRECISION => Some(DataType::Decimal256(digits, scale)),
        _ => None,
    }
}

fn finer(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    let rank = |unit: TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests;
