use super::*;
use arrow::array::{Date32Array, Float64Array, Int32Array, Int64Array, StringArray};
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionContext, col, lit};

fn batch(rows: i32, with_nan: bool) -> RecordBatch {
    let null = |row: i32| row % 7 == 3;
    let numbers = || (0..rows).map(|row| (row * 31) % 23 - 11);
    let float = |row: i32| match row % 11 {
        0 => -0.0,
        1 => 0.0,
        2 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        4 if with_nan => f64::NAN,
        5 if with_nan => -f64::NAN,
        other => f64::from(other) - 7.0,
    };
    let with_nulls = |row: i32| (!null(row)).then_some(i64::from(row % 5) - 2);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("whole", Arc::new(numbers().map(i64::from).collect::<Int64Array>())),
        ("small", Arc::new(numbers().collect::<Int32Array>())),
        ("day", Arc::new(Date32Array::from_iter_values(numbers()))),
        ("real", Arc::new((0..rows).map(float).collect::<Float64Array>())),
        ("with_nulls", Arc::new((0..rows).map(with_nulls).collect::<Int64Array>())),
        ("text", Arc::new(numbers().map(|n| Some(n.to_string())).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The rows for which `expr` is true by DataFusion and by a condition, and the number of comparisons in that condition.
fn both(expr: &Expr, batch: &RecordBatch) -> (BooleanBuffer, BooleanBuffer, usize) {
    let schema = DFSchema::try_from(batch.schema()).unwrap();
    let physical = SessionContext::new().state().create_physical_expr(expr.clone(), &schema).unwrap();
    let condition = Condition::new(Arc::clone(&physical), &batch.schema());
    let truth = physical.evaluate(batch).unwrap().into_array(batch.num_rows()).unwrap();
    let expected = truth.as_boolean().iter().map(|truth| truth == Some(true)).collect();
    (expected, condition.passing(batch).unwrap(), condition.comparisons.len())
}

type Operate = fn(Expr, Expr) -> Expr;

const OPERATORS: [Operate; 6] = [Expr::lt, Expr::lt_eq, Expr::gt, Expr::gt_eq, Expr::eq, Expr::not_eq];

/// All operators, types and lengths, the literal on either side, beside NULLs, zeros of both signs, infinities and NaN.
#[test]
fn comparisons_are_those_of_data_fusion() {
    let literals = [
        ("whole", lit(3_i64)),
        ("small", lit(-2_i32)),
        ("day", lit(ScalarValue::Date32(Some(5)))),
        ("real", lit(0.0)),
        ("real", lit(-0.0)),
        ("real", lit(f64::INFINITY)),
        ("real", lit(-3.0)),
        ("with_nulls", lit(0_i64)),
    ];
    for (rows, with_nan) in [(0, false), (1, false), (63, false), (64, false), (65, true), (700, false), (700, true)] {
        let batch = batch(rows, with_nan);
        for (column, literal) in &literals {
            for operate in OPERATORS {
                for expr in [operate(col(*column), literal.clone()), operate(literal.clone(), col(*column))] {
                    let (expected, found, comparisons) = both(&expr, &batch);
                    assert_eq!((&found, comparisons), (&expected, 1), "{expr} of {rows} rows");
                }
            }
        }
        let slice = batch.slice(batch.num_rows() / 3, batch.num_rows() / 2);
        let (expected, found, _) = both(&col("with_nulls").gt_eq(lit(0_i64)), &slice);
        assert_eq!(found, expected);
    }
}

/// Several comparisons at once; with anything else among them none is taken apart.
#[test]
fn all_have_to_be_comparisons() {
    let batch = batch(300, false);
    let range = col("whole").gt(lit(-5_i64)).and(col("real").lt_eq(lit(2.0))).and(col("with_nulls").not_eq(lit(1_i64)));
    let (expected, found, comparisons) = both(&range, &batch);
    assert_eq!((found, comparisons), (expected, 3));
    for other in [
        col("whole").gt(lit(-5_i64)).and(col("text").eq(lit("3"))),
        col("whole").gt(lit(-5_i64)).or(col("real").lt(lit(2.0))),
        col("whole").gt(lit(0_i64)).and((lit(10_i64) - col("whole")).gt(lit(3_i64))),
        col("real").lt(lit(f64::NAN)),
        col("whole").eq(col("with_nulls")),
        col("text").is_not_null(),
    ] {
        let (expected, found, comparisons) = both(&other, &batch);
        assert_eq!((found, comparisons), (expected, 0), "{other}");
    }
}
