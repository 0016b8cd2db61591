//! SQL names of Arrow types.

use arrow::datatypes::{DataType, Field};

/// The SQL name of an Arrow type: `VARCHAR`, `BIGINT`, `DECIMAL(12, 2)`, `TIMESTAMP`, `INTEGER[]`, `STRUCT(a BIGINT)`.
#[must_use]
pub fn sql_type(data_type: &DataType) -> String {
    let simple = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float16 | DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "BLOB",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL",
        DataType::Null => "NULL",
        _ => return nested(data_type),
    };
    simple.to_owned()
}

fn nested(data_type: &DataType) -> String {
    let field = |field: &Field| format!("{} {}", field.name(), sql_type(field.data_type()));
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::List(of) | DataType::LargeList(of) | DataType::ListView(of) | DataType::LargeListView(of) => {
            format!("{}[]", sql_type(of.data_type()))
        }
        DataType::FixedSizeList(of, length) => format!("{}[{length}]", sql_type(of.data_type())),
        DataType::Struct(fields) => {
            format!("STRUCT({})", fields.iter().map(|own| field(own)).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let types: Vec<String> = fields.iter().map(|field| sql_type(field.data_type())).collect();
                format!("MAP({})", types.join(", "))
            }
            other => format!("MAP({})", sql_type(other)),
        },
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::RunEndEncoded(_, values) => sql_type(values.data_type()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Fields, TimeUnit};
    use std::sync::Arc;

    #[test]
    fn types_have_the_names_of_sql() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
        let fields = Fields::from(vec![Field::new("a", DataType::Utf8View, true), Field::new("b", list.clone(), true)]);
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let shown = [
            DataType::Decimal128(12, 2),
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            DataType::Timestamp(TimeUnit::Second, Some("UTC".into())),
            list,
            DataType::Struct(fields),
            dictionary,
        ]
        .map(|data_type| sql_type(&data_type));
        assert_eq!(
            shown,
            [
                "DECIMAL(12, 2)",
                "TIMESTAMP",
                "TIMESTAMP WITH TIME ZONE",
                "INTEGER[]",
                "STRUCT(a VARCHAR, b INTEGER[])",
                "VARCHAR"
            ]
        );
    }
}
