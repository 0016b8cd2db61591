//! The tables of TPC-DS as Parquet.

use super::tables::{in_two_threads, write};
use std::error::Error;
use std::path::{Path, PathBuf};
use tpcdsgen::config::{Session, SessionBuilder};
use tpcdsgen_arrow::{
    CallCenterArrow, CatalogPageArrow, CatalogReturnsArrow, CatalogSalesArrow, CustomerAddressArrow, CustomerArrow,
    CustomerDemographicsArrow, DateDimArrow, HouseholdDemographicsArrow, IncomeBandArrow, InventoryArrow, ItemArrow,
    PromotionArrow, ReasonArrow, ShipModeArrow, StoreArrow, StoreReturnsArrow, StoreSalesArrow, TimeDimArrow,
    WarehouseArrow, WebPageArrow, WebReturnsArrow, WebSalesArrow, WebSiteArrow,
};

/// The names of TPC-DS's tables, the largest last.
pub(crate) const TPCDS: [&str; 24] = [
    "call_center",
    "catalog_page",
    "income_band",
    "promotion",
    "reason",
    "ship_mode",
    "store",
    "warehouse",
    "web_page",
    "web_site",
    "household_demographics",
    "date_dim",
    "time_dim",
    "item",
    "customer_demographics",
    "customer_address",
    "customer",
    "web_returns",
    "catalog_returns",
    "store_returns",
    "web_sales",
    "catalog_sales",
    "store_sales",
    "inventory",
];

/// Writes TPC-DS at `scale` into `folder`, unless it is there; returns the folder of the tables, each a folder of files.
pub(crate) fn tpcds(scale: f64, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = folder.join(format!("tpcds-{scale}"));
    if target.is_dir() {
        return Ok(target);
    }
    let unfinished = folder.join(format!("tpcds-{scale}.unfinished"));
    for table in TPCDS {
        std::fs::create_dir_all(unfinished.join(table))?;
    }
    let jobs: Vec<&str> = TPCDS.into_iter().rev().collect();
    in_two_threads(&jobs, |table| {
        let session = SessionBuilder::new().with_scale_factor(scale).build().map_err(|e| e.to_string())?;
        write_table(table, session, &unfinished.join(table).join("part-001.parquet")).map_err(|e| e.to_string())
    })?;
    std::fs::rename(&unfinished, &target)?;
    Ok(target)
}

fn write_table(table: &str, session: Session, file: &Path) -> Result<(), Box<dyn Error>> {
    match table {
        "call_center" => write(CallCenterArrow::new(session), file),
        "catalog_page" => write(CatalogPageArrow::new(session), file),
        "income_band" => write(IncomeBandArrow::new(session), file),
        "promotion" => write(PromotionArrow::new(session), file),
        "reason" => write(ReasonArrow::new(session), file),
        "ship_mode" => write(ShipModeArrow::new(session), file),
        "store" => write(StoreArrow::new(session), file),
        "warehouse" => write(WarehouseArrow::new(session), file),
        "web_page" => write(WebPageArrow::new(session), file),
        "web_site" => write(WebSiteArrow::new(session), file),
        "household_demographics" => write(HouseholdDemographicsArrow::new(session), file),
        "date_dim" => write(DateDimArrow::new(session), file),
        "time_dim" => write(TimeDimArrow::new(session), file),
        "item" => write(ItemArrow::new(session), file),
        "customer_demographics" => write(CustomerDemographicsArrow::new(session), file),
        "customer_address" => write(CustomerAddressArrow::new(session), file),
        "customer" => write(CustomerArrow::new(session), file),
        "web_returns" => write(WebReturnsArrow::new(session), file),
        "catalog_returns" => write(CatalogReturnsArrow::new(session), file),
        "store_returns" => write(StoreReturnsArrow::new(session), file),
        "web_sales" => write(WebSalesArrow::new(session), file),
        "catalog_sales" => write(CatalogSalesArrow::new(session), file),
        "store_sales" => write(StoreSalesArrow::new(session), file),
        _ => write(InventoryArrow::new(session), file),
    }
}
