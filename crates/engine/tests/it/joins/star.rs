//! A small star and snowflake with everything that real ones have: NULL keys, keys without a partner, keys of different types, a key of
//! two columns, one table in two roles, and a table whose key is none.

use crate::support::{Random, prefer_estimates, write};
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
use plusminus::{Session, SessionBuilder};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const CUSTOMERS: i64 = 400;
pub(crate) const PRODUCTS: i32 = 150;
pub(crate) const NATIONS: i64 = 9;

pub(crate) struct Star {
    folder: TempDir,
    pub(crate) session: Session,
}

impl Star {
    /// `sales` with `rows` rows, and the tables around it.
    pub(crate) async fn new(rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_star(folder.path(), rows, 11);
        let session = open(folder.path()).await;
        Self { folder, session }
    }

    pub(crate) fn path(&self, table: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("{table}.parquet"))
    }

    /// Views of the same rows, which generated queries name.
    pub(crate) async fn create_views(&self) {
        for table in ["sales", "customers", "nations", "regions", "products", "stock"] {
            self.session.execute(&format!("CREATE VIEW all_{table} AS SELECT * FROM {table}")).await.unwrap();
        }
    }

    /// A sample of `sales` that holds every row, and is the only one that answers.
    pub(crate) async fn whole(rows: usize) -> Self {
        let star = Self::new(rows).await;
        star.session.sample("sales").name("whole").size_percent(100.0).build().await.unwrap();
        star.session.execute("SET plusminus.sample = 'whole'").await.unwrap();
        star
    }
}

pub(crate) async fn open(folder: &Path) -> Session {
    let session = SessionBuilder::new(folder.join("store")).threads(2).open().await.unwrap();
    for table in ["sales", "customers", "nations", "regions", "products", "stock", "visits"] {
        session.register(table, folder.join(format!("{table}.parquet")).to_str().unwrap()).await.unwrap();
    }
    prefer_estimates(&session).await;
    session
}

/// An integer column with NULLs.
fn whole(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

fn texts<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// Writes `sales` and the tables around it.
pub(crate) fn write_star(folder: &Path, rows: usize, seed: u64) {
    let mut random = Random(seed);
    let at = |name: &str| folder.join(format!("{name}.parquet"));
    write_sales(&at("sales"), rows, &mut random);
    // Customer 7 is missing, a few have no nation, and others one that is not there.
    let customers: Vec<i64> = (0..CUSTOMERS).filter(|c| *c != 7).rev().collect();
    let nation = |c: &i64| (c % 31 != 0).then_some(if c % 37 == 0 { 99 } else { c * 7 % NATIONS });
    write(
        &at("customers"),
        vec![
            ("c_id", whole(customers.iter().map(|c| Some(*c)))),
            ("c_nation", whole(customers.iter().map(nation))),
            (
                "c_segment",
                texts(customers.iter().map(|c| (c % 19 > 0).then(|| ["home", "car", "boat"][(c % 3) as usize]))),
            ),
            (
                "c_balance",
                Arc::new(Float64Array::from_iter(customers.iter().map(|c| (c % 13 > 0).then_some(*c as f64 / 4.0)))),
            ),
        ],
        150,
    );
    let nations: Vec<i64> = (0..NATIONS).collect();
    write(
        &at("nations"),
        vec![
            ("n_id", whole(nations.iter().map(|n| Some(*n)))),
            ("n_name", texts(nations.iter().map(|n| Some(format!("nation number {n}"))))),
            ("n_region", whole(nations.iter().map(|n| (*n != 5).then_some(n % 3)))),
        ],
        4,
    );
    write(
        &at("regions"),
        vec![("r_id", whole([Some(0), Some(2)])), ("r_name", texts([Some("north"), Some("south")]))],
        10,
    );
    // Keys of another type than those of the sales, and with a NULL among them.
    let products: Vec<Option<i32>> = (0..PRODUCTS).filter(|p| p % 17 != 3).map(Some).chain([None]).collect();
    let of = |p: &Option<i32>| p.unwrap_or(0);
    write(
        &at("products"),
        vec![
            ("p_id", Arc::new(Int32Array::from(products.clone())) as ArrayRef),
            ("p_kind", texts(products.iter().map(|p| Some(format!("kind {}", of(p) % 5))))),
            (
                "p_price",
                Arc::new(
                    Decimal128Array::from_iter(products.iter().map(|p| Some(i128::from(of(p)) * 25)))
                        .with_precision_and_scale(12, 2)
                        .unwrap(),
                ),
            ),
            ("p_maker", whole(products.iter().map(|p| Some(i64::from(of(p)) % NATIONS)))),
        ],
        60,
    );
    write_many(folder);
}

/// Tables with several rows for a product or a customer.
fn write_many(folder: &Path) {
    let at = |name: &str| folder.join(format!("{name}.parquet"));
    let stock: Vec<(i64, i64)> =
        (0..i64::from(PRODUCTS)).flat_map(|p| [(p, 0), (p, 1)]).filter(|(p, q)| (p + q) % 11 > 0).collect();
    write(
        &at("stock"),
        vec![
            ("k_product", whole(stock.iter().map(|(p, _)| Some(*p)))),
            ("k_place", whole(stock.iter().map(|(_, q)| Some(*q)))),
            ("k_left", whole(stock.iter().map(|(p, q)| Some(p * 3 + q)))),
        ],
        70,
    );
    // Several visits of a customer.
    let visits: Vec<i64> = (0..900).map(|v| v * 5 % CUSTOMERS).collect();
    write(
        &at("visits"),
        vec![
            ("v_customer", whole(visits.iter().map(|c| Some(*c)))),
            ("v_pages", whole(visits.iter().enumerate().map(|(at, _)| Some(at as i64 % 40)))),
        ],
        300,
    );
}

fn write_sales(file: &Path, rows: usize, random: &mut Random) {
    let mut columns: [Vec<Option<i64>>; 5] = Default::default();
    let (mut amounts, mut weights, mut days) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let mut key = |below: u64, nulls: u64| (random.below(100) >= nulls).then(|| random.below(below) as i64);
        // Some customers and products are not there.
        let own =
            [key(CUSTOMERS as u64 + 10, 4), key(PRODUCTS as u64, 2), key(2, 0), key(NATIONS as u64, 3), key(50, 0)];
        columns.iter_mut().zip(own).for_each(|(column, own)| column.push(own));
        amounts.push(i128::from(random.below(100_000)));
        weights.push((random.below(20) > 0).then(|| -10.0 * (1.0 - random.unit()).ln()));
        days.push(19_000 + random.below(300) as i32);
    }
    let [customers, products, places, sellers, quantities] = columns;
    write(
        file,
        vec![
            ("s_customer", whole(customers)),
            ("s_product", whole(products)),
            ("s_place", whole(places)),
            ("s_nation", whole(sellers)),
            ("s_quantity", whole(quantities)),
            ("s_amount", Arc::new(Decimal128Array::from(amounts).with_precision_and_scale(12, 2).unwrap()) as ArrayRef),
            ("s_weight", Arc::new(Float64Array::from(weights))),
            ("s_day", Arc::new(Date32Array::from(days))),
        ],
        rows / 3 + 1,
    );
}
