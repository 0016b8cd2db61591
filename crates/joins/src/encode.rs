use arrow::array::{Array, ArrayRef, AsArray, Int64Array, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::error::Result;
use std::sync::Arc;

/// Turns key columns into values that are equal where SQL takes the keys to be equal.
pub(crate) enum Encoder {
    /// One column of whole numbers or times.
    Whole(DataType),
    /// Anything else, as bytes.
    Bytes { compared: Vec<DataType>, converter: RowConverter },
}

/// The keys of a batch, in its order.
pub(crate) enum Keys {
    Whole(Int64Array),
    /// Rows, and which of them have no NULL; `None` where all have none.
    Bytes(Rows, Option<NullBuffer>),
}

impl Encoder {
    /// An encoder of keys whose columns are compared in these types.
    pub(crate) fn new(compared: &[DataType]) -> Result<Self> {
        if let [one] = compared
            && is_whole(one)
        {
            return Ok(Self::Whole(one.clone()));
        }
        let fields = compared.iter().map(|data_type| SortField::new(data_type.clone())).collect();
        Ok(Self::Bytes { compared: compared.to_vec(), converter: RowConverter::new(fields)? })
    }

    /// The keys of rows with these key columns.
    pub(crate) fn keys(&self, columns: &[ArrayRef]) -> Result<Keys> {
        match self {
            Self::Whole(compared) => Ok(Keys::Whole(whole(&columns[0], compared)?)),
            Self::Bytes { compared, converter } => {
                let cast_to = |(column, compared): (&ArrayRef, &DataType)| compared_as(column, compared);
                let columns = columns.iter().zip(compared).map(cast_to).collect::<Result<Vec<_>, _>>()?;
                let mut valid = None;
                for column in &columns {
                    valid = NullBuffer::union(valid.as_ref(), column.logical_nulls().as_ref());
                }
                Ok(Keys::Bytes(converter.convert_columns(&columns)?, valid.filter(|valid| valid.null_count() > 0)))
            }
        }
    }
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(keys) => keys.len(),
            Self::Bytes(rows, _) => rows.num_rows(),
        }
    }

    /// The number of keys with a NULL in them.
    pub(crate) fn nulls(&self) -> usize {
        match self {
            Self::Whole(keys) => keys.null_count(),
            Self::Bytes(_, valid) => valid.as_ref().map_or(0, NullBuffer::null_count),
        }
    }
}

/// Whether values of a type are the numbers of an `i64`, one to one.
fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Duration(_)
        )
}

fn compared_as(column: &ArrayRef, compared: &DataType) -> Result<ArrayRef, ArrowError> {
    match column.data_type() == compared {
        true => Ok(Arc::clone(column)),
        // NULL has no partner, whatever its type.
        false if *column.data_type() == DataType::Null => Ok(new_null_array(compared, column.len())),
        false => cast(column, compared),
    }
}

fn whole(column: &ArrayRef, compared: &DataType) -> Result<Int64Array> {
    let column = compared_as(column, compared)?;
    Ok(match column.data_type() {
        // Numbers above the largest of i64 become negative ones, each its own.
        #[expect(clippy::cast_possible_wrap, reason = "one to one")]
        DataType::UInt64 => column.as_primitive::<UInt64Type>().unary::<_, Int64Type>(|key| key as i64),
        DataType::Int64 => column.as_primitive::<Int64Type>().clone(),
        DataType::Date32 | DataType::Time32(_) => {
            cast(&cast(&column, &DataType::Int32)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone()
        }
        _ => cast(&column, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    })
}
