//! Hashes of the values of a column, NULLs left out.

use crate::priority::mix;
use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_64;

/// Calls `f` with the hash of every value; of types that are not counted there are none.
pub(crate) fn for_each(column: &dyn Array, mut f: impl FnMut(u64)) {
    match column.data_type() {
        DataType::Boolean => {
            let values = column.as_boolean();
            let some = [values.has_false(), values.has_true()];
            some.iter().zip(0..).filter(|(some, _)| **some).for_each(|(_, value)| f(mix(value)));
        }
        DataType::Utf8 => column.as_string::<i32>().iter().flatten().for_each(|v| f(xxh3_64(v.as_bytes()))),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().flatten().for_each(|v| f(xxh3_64(v.as_bytes()))),
        DataType::Utf8View => column.as_string_view().iter().flatten().for_each(|v| f(xxh3_64(v.as_bytes()))),
        DataType::Binary => column.as_binary::<i32>().iter().flatten().for_each(|v| f(xxh3_64(v))),
        DataType::LargeBinary => column.as_binary::<i64>().iter().flatten().for_each(|v| f(xxh3_64(v))),
        DataType::BinaryView => column.as_binary_view().iter().flatten().for_each(|v| f(xxh3_64(v))),
        primitive => numbers(column, primitive.primitive_width().unwrap_or(0), f),
    }
}

/// Values of a fixed width, by their bytes.
fn numbers(column: &dyn Array, width: usize, mut f: impl FnMut(u64)) {
    let data = column.to_data();
    let Some(buffer) = data.buffers().first().filter(|_| width > 0) else { return };
    let bytes = &buffer.as_slice()[data.offset() * width..][..data.len() * width];
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    match width {
        4 => fixed::<4>(bytes, nulls, |value| f(mix(u64::from(u32::from_le_bytes(*value))))),
        8 => fixed::<8>(bytes, nulls, |value| f(mix(u64::from_le_bytes(*value)))),
        16 => fixed::<16>(bytes, nulls, |value| {
            let (low, high) = value.split_at(8);
            f(mix(word(low) ^ mix(word(high).wrapping_add(1))));
        }),
        _ => {
            let valid = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
            let values = bytes.chunks_exact(width).enumerate().filter(|(row, _)| valid(*row));
            values.for_each(|(_, value)| f(xxh3_64(value)));
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8], nulls: Option<&NullBuffer>, mut f: impl FnMut(&[u8; N])) {
    let (values, _) = bytes.as_chunks::<N>();
    match nulls {
        None => values.iter().for_each(f),
        Some(nulls) => nulls.valid_indices().for_each(|row| f(&values[row])),
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}
