mod clock;
pub(crate) mod exact;
pub(crate) mod executor;
mod file_order;
mod panics;
mod quantiles;
mod stoppable;
#[cfg(test)]
mod tests;
mod timings;

pub use clock::{Clock, SystemClock};
pub(crate) use exact::{collected, may_be_of_files, scanned};
pub(crate) use executor::{Executor, Work};
pub(crate) use file_order::FileOrder;
pub(crate) use panics::caught;
pub(crate) use quantiles::QuantilesCache;
pub(crate) use timings::Timings;
