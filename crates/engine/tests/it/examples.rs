//! The examples do what they say.

#[path = "../../examples/dashboard.rs"]
#[allow(dead_code, reason = "its main is for cargo run")]
mod dashboard;
#[path = "../../examples/datafusion.rs"]
#[allow(dead_code, reason = "its main is for cargo run")]
mod datafusion;
#[path = "../../examples/refinement.rs"]
#[allow(dead_code, reason = "its main is for cargo run")]
mod refinement;
#[path = "../../examples/report.rs"]
#[allow(dead_code, reason = "its main is for cargo run")]
mod report;

#[tokio::test(flavor = "multi_thread")]
async fn they_run() {
    dashboard::run().await.unwrap();
    refinement::run().await.unwrap();
    datafusion::run().await.unwrap();
    report::run().await.unwrap();
}
