//! Equalities between columns of two instances, seen through casts that keep different values apart.

use super::{Instance, instance_of, scope_of};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Column;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// A column that an equality compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) instance: usize,
    pub(crate) column: String,
    /// The scopes in which the row must have partners for the column to count.
    pub(crate) guards: Vec<usize>,
    /// The column's own type.
    pub(crate) own_type: DataType,
}

/// An equality of two columns, and the type in which they are compared.
#[derive(Debug, Clone)]
pub(crate) struct Equality {
    pub(crate) sides: [Side; 2],
    pub(crate) compared: DataType,
}

impl Equality {
    /// The equality that a condition is; `None` for any other condition, and where values of different keys may be equal once compared.
    pub(crate) fn of(condition: &Expr, instances: &[Instance]) -> Option<Self> {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
        let (left, left_type) = side(left, instances)?;
        let (right, right_type) = side(right, instances)?;
        let is_key = left.instance != right.instance && left_type == right_type;
        let keeps = |side: &Side| keeps_apart(&side.own_type, &left_type);
        (is_key && keeps(&left) && keeps(&right)).then_some(Self { sides: [left, right], compared: left_type })
    }

    /// The side of an instance, and the other one.
    pub(crate) fn towards(&self, instance: usize) -> Option<(&Side, &Side)> {
        let [one, other] = &self.sides;
        match (one.instance == instance, other.instance == instance) {
            (true, _) => Some((one, other)),
            (_, true) => Some((other, one)),
            _ => None,
        }
    }
}

/// The column within casts and guards, and the type of the whole.
fn side(expr: &Expr, instances: &[Instance]) -> Option<(Side, DataType)> {
    match expr {
        Expr::Alias(alias) => side(&alias.expr, instances),
        Expr::Cast(cast) => {
            let (inner, inner_type) = side(&cast.expr, instances)?;
            let target = cast.field.data_type();
            keeps_apart(&inner_type, target).then(|| (inner, target.clone()))
        }
        Expr::Case(case) => {
            let [(when, then)] = case.when_then_expr.as_slice() else { return None };
            let (None, None, Expr::Column(guard)) = (&case.expr, &case.else_expr, when.as_ref()) else { return None };
            let scope = scope_of(guard)?;
            let (mut inner, data_type) = side(then, instances)?;
            inner.guards.push(scope);
            Some((inner, data_type))
        }
        Expr::Column(column) => of_column(column, instances),
        _ => None,
    }
}

fn of_column(column: &Column, instances: &[Instance]) -> Option<(Side, DataType)> {
    let instance = instance_of(column)?;
    let schema = instances.get(instance)?.scan.projected_schema.as_arrow();
    let own_type = schema.field_with_name(&column.name).ok()?.data_type().clone();
    let side = Side { instance, column: column.name.clone(), guards: Vec::new(), own_type: own_type.clone() };
    Some((side, own_type))
}

/// Whether a cast gives different values different results, and never fails; floating-point keys do not count, since 0.0 equals -0.0.
fn keeps_apart(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Float16 | T::Float32 | T::Float64, _) | (_, T::Float16 | T::Float32 | T::Float64) => false,
        (from, to) if from == to => !from.is_nested(),
        (from, to) if is_text(from) && is_text(to) => true,
        (T::Dictionary(_, inner), to) => keeps_apart(inner, to),
        (from, to) if from.is_integer() && to.is_integer() => integer_fits(from, to),
        (from, T::Decimal128(precision, scale) | T::Decimal256(precision, scale)) if from.is_integer() => {
            *scale >= 0 && i16::from(*precision) - i16::from(*scale) >= digits(from)
        }
        (
            T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s),
            T::Decimal128(precision, scale) | T::Decimal256(precision, scale),
        ) => scale >= s && i16::from(*precision) - i16::from(*scale) >= i16::from(*p) - i16::from(*s),
        (T::Date32, T::Date64) => true,
        (T::Timestamp(from, one), T::Timestamp(to, other)) => one == other && unit(from) <= unit(to),
        _ => false,
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, inner) => is_text(inner),
        _ => false,
    }
}

fn integer_fits(from: &DataType, to: &DataType) -> bool {
    let (from_width, to_width) = (from.primitive_width(), to.primitive_width());
    match (from.is_signed_integer(), to.is_signed_integer()) {
        (true, false) => false,
        (false, true) => to_width > from_width,
        _ => to_width >= from_width,
    }
}

/// Decimal digits of the largest integer of a type.
fn digits(integer: &DataType) -> i16 {
    match integer {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        _ => 20,
    }
}

fn unit(unit: &TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}
