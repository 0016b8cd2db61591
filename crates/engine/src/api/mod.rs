mod changes;
mod kept_tables;
mod names;
mod parameters;
mod plain;
mod query;
mod samples;
mod session;
mod statements;
mod summarize;
mod tables;
mod views;

pub use crate::environment::ProgressFn;
pub use names::Names;
pub use parameters::Parameter;
pub use query::Query;
pub use samples::SampleBuilder;
pub use session::{Session, SessionBuilder};
