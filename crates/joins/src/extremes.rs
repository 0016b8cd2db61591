use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::{max, min};
use arrow::datatypes::{ArrowNativeType, ArrowNumericType, ArrowPrimitiveType, DataType};
use arrow::datatypes::{
    Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

/// The smallest and the largest number of a column over all rows of its table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// The smallest number; infinite without any.
    pub min: f64,
    /// The largest number; negatively infinite without any.
    pub max: f64,
    /// Whether every value was compared; false for other types than numbers, and for values that are not finite.
    pub are_known: bool,
}

impl Default for Extremes {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, are_known: true }
    }
}

impl Extremes {
    /// Takes the values of a batch.
    pub(crate) fn add(&mut self, values: &ArrayRef) {
        match values.data_type() {
            DataType::Int8 => self.of::<Int8Type>(values, 0),
            DataType::Int16 => self.of::<Int16Type>(values, 0),
            DataType::Int32 => self.of::<Int32Type>(values, 0),
            DataType::Int64 => self.of::<Int64Type>(values, 0),
            DataType::UInt8 => self.of::<UInt8Type>(values, 0),
            DataType::UInt16 => self.of::<UInt16Type>(values, 0),
            DataType::UInt32 => self.of::<UInt32Type>(values, 0),
            DataType::UInt64 => self.of::<UInt64Type>(values, 0),
            DataType::Float32 => self.of::<Float32Type>(values, 0),
            DataType::Float64 => self.of::<Float64Type>(values, 0),
            DataType::Decimal32(_, scale) => self.of::<Decimal32Type>(values, *scale),
            DataType::Decimal64(_, scale) => self.of::<Decimal64Type>(values, *scale),
            DataType::Decimal128(_, scale) => self.of::<Decimal128Type>(values, *scale),
            _ => self.are_known = false,
        }
    }

    fn of<T: ArrowPrimitiveType + ArrowNumericType>(&mut self, values: &ArrayRef, scale: i8)
    where
        T::Native: ArrowNativeType + Into<Number>,
    {
        let values: &PrimitiveArray<T> = values.as_primitive();
        let unit = 10_f64.powi(i32::from(scale));
        let number = |value: T::Native| value.into().0 / unit;
        if let (Some(low), Some(high)) = (min(values), max(values)) {
            let (low, high) = (number(low), number(high));
            self.are_known &= low.is_finite() && high.is_finite();
            (self.min, self.max) = (self.min.min(low), self.max.max(high));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
        self.are_known &= other.are_known;
    }
}

/// A number as a float.
struct Number(f64);

macro_rules! numbers {
    ($($native:ty),*) => {
        $(impl From<$native> for Number {
            #[expect(clippy::allow_attributes, reason = "only some of the types need it")]
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "an end of a range")]
            fn from(value: $native) -> Self {
                Self(value as f64)
            }
        })*
    };
}

numbers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, f32, f64);
