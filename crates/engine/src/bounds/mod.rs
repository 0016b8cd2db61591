pub(crate) mod deadline;
mod goal;

pub(crate) use deadline::{Best, Forward, Listeners, Watch};
pub use deadline::{Interrupt, ScanProgress};
pub(crate) use goal::{Defaults, Goal, meets_or_null};
