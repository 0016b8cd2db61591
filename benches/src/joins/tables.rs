//! The tables of TPC-H as Parquet, and those of the star schema benchmark derived from them.

use arrow::record_batch::RecordBatchReader;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use plusminus::Session;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

/// The names of TPC-H's tables.
pub(crate) const TPCH: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];
/// The names of the tables of the star schema benchmark.
pub(crate) const SSB: [&str; 5] = ["lineorder", "customer", "supplier", "part", "date_dim"];
/// Rows of a batch.
const BATCH: usize = 8192;

/// Writes TPC-H at `scale` into `folder`, unless it is there; returns the folder of the tables, each a folder of files.
pub(crate) fn tpch(scale: f64, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = folder.join(format!("tpch-{scale}"));
    if target.is_dir() {
        return Ok(target);
    }
    let unfinished = folder.join(format!("tpch-{scale}.unfinished"));
    for table in TPCH {
        std::fs::create_dir_all(unfinished.join(table))?;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a number of files")]
    let parts = (scale * 2.0).ceil().max(1.0) as i32;
    let jobs: Vec<(&str, i32)> =
        TPCH.iter().flat_map(|table| (1..=files_of(table, parts)).map(|p| (*table, p))).collect();
    let jobs: Vec<(&str, i32)> = jobs.into_iter().rev().collect();
    in_two_threads(&jobs, |(table, part)| {
        let file = unfinished.join(table).join(format!("part-{part:03}.parquet"));
        write_table(table, scale, part, files_of(table, parts), &file).map_err(|e| e.to_string())
    })?;
    std::fs::rename(&unfinished, &target)?;
    Ok(target)
}

/// Runs `work` on every job, in two threads, the first jobs first.
pub(super) fn in_two_threads<J: Copy + Sync>(
    jobs: &[J],
    work: impl Fn(J) -> Result<(), String> + Sync,
) -> Result<(), Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<(), String> {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(*job)?;
        }
        Ok(())
    };
    Ok(std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err("a thread died".into())))
    })?)
}

fn files_of(table: &str, parts: i32) -> i32 {
    if matches!(table, "orders" | "lineitem") { parts } else { 1 }
}

fn write_table(table: &str, scale: f64, part: i32, parts: i32, file: &Path) -> Result<(), Box<dyn Error>> {
    match table {
        "region" => write(RegionArrow::new(RegionGenerator::new(scale, part, parts)).with_batch_size(BATCH), file),
        "nation" => write(NationArrow::new(NationGenerator::new(scale, part, parts)).with_batch_size(BATCH), file),
        "supplier" => {
            write(SupplierArrow::new(SupplierGenerator::new(scale, part, parts)).with_batch_size(BATCH), file)
        }
        "customer" => {
            write(CustomerArrow::new(CustomerGenerator::new(scale, part, parts)).with_batch_size(BATCH), file)
        }
        "part" => write(PartArrow::new(PartGenerator::new(scale, part, parts)).with_batch_size(BATCH), file),
        "partsupp" => {
            write(PartSuppArrow::new(PartSuppGenerator::new(scale, part, parts)).with_batch_size(BATCH), file)
        }
        "orders" => write(OrderArrow::new(OrderGenerator::new(scale, part, parts)).with_batch_size(BATCH), file),
        _ => write(LineItemArrow::new(LineItemGenerator::new(scale, part, parts)).with_batch_size(BATCH), file),
    }
}

pub(super) fn write(batches: impl RecordBatchReader, file: &Path) -> Result<(), Box<dyn Error>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(131_072))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(file)?, batches.schema(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

/// Statements that derive the tables of the star schema benchmark (O'Neil et al., 2009) from TPC-H's: cities are the first nine letters of
/// the nation and the last digit of the phone number, dates are numbers such as 19940131.
const DERIVED: &[(&str, &str)] = &[
    (
        "customer",
        "SELECT c_custkey, c_name, rpad(substr(n_name, 1, 9), 9, ' ') || right(c_phone, 1) AS c_city, n_name AS c_nation, \
         r_name AS c_region, c_mktsegment FROM customer JOIN nation ON c_nationkey = n_nationkey \
         JOIN region ON n_regionkey = r_regionkey ORDER BY c_custkey",
    ),
    (
        "supplier",
        "SELECT s_suppkey, s_name, rpad(substr(n_name, 1, 9), 9, ' ') || right(s_phone, 1) AS s_city, n_name AS s_nation, \
         r_name AS s_region FROM supplier JOIN nation ON s_nationkey = n_nationkey \
         JOIN region ON n_regionkey = r_regionkey ORDER BY s_suppkey",
    ),
    (
        "part",
        "SELECT p_partkey, p_name, 'MFGR#' || right(p_mfgr, 1) AS p_mfgr, 'MFGR#' || substr(p_brand, 7, 2) AS p_category, \
         'MFGR#' || substr(p_brand, 7, 2) || CAST(1 + p_partkey % 40 AS VARCHAR) AS p_brand1, p_size, p_container \
         FROM part ORDER BY p_partkey",
    ),
    (
        "date_dim",
        "SELECT CAST(to_char(d, '%Y%m%d') AS INT) AS d_datekey, CAST(extract(year FROM d) AS INT) AS d_year, \
         CAST(to_char(d, '%Y%m') AS INT) AS d_yearmonthnum, to_char(d, '%b%Y') AS d_yearmonth, \
         CAST(extract(week FROM d) AS INT) AS d_weeknuminyear, CAST(extract(month FROM d) AS INT) AS d_monthnuminyear \
         FROM (SELECT DISTINCT o_orderdate AS d FROM orders) AS days ORDER BY d_datekey",
    ),
    (
        "lineorder",
        "SELECT l_orderkey AS lo_orderkey, l_linenumber AS lo_linenumber, o_custkey AS lo_custkey, l_partkey AS lo_partkey, \
         l_suppkey AS lo_suppkey, CAST(to_char(o_orderdate, '%Y%m%d') AS INT) AS lo_orderdate, \
         CAST(l_quantity AS INT) AS lo_quantity, CAST(l_extendedprice AS BIGINT) AS lo_extendedprice, \
         CAST(l_discount * 100 AS INT) AS lo_discount, CAST(l_extendedprice * (1 - l_discount) AS BIGINT) AS lo_revenue, \
         CAST(l_extendedprice / l_quantity * 0.6 AS BIGINT) AS lo_supplycost \
         FROM lineitem JOIN orders ON l_orderkey = o_orderkey",
    ),
];

/// Derives the tables of the star schema benchmark from those of TPC-H in `session`, unless they are there.
pub(crate) async fn ssb(scale: f64, folder: &Path, session: &Session) -> Result<PathBuf, Box<dyn Error>> {
    let target = folder.join(format!("ssb-{scale}"));
    if target.is_dir() {
        return Ok(target);
    }
    let unfinished = folder.join(format!("ssb-{scale}.unfinished"));
    for (table, sql) in DERIVED {
        let own = unfinished.join(table);
        std::fs::create_dir_all(&own)?;
        session.execute(&format!("COPY ({sql}) TO '{}'", own.join("part-001.parquet").display())).await?;
    }
    std::fs::rename(&unfinished, &target)?;
    Ok(target)
}
