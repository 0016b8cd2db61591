//! Numbers as answers need them, where DataFusion's own functions compute something else.
//!
//! | module | what differs |
//! |---|---|
//! | [`overflow`] | sums and arithmetic on whole numbers fail where they leave their type, rather than wrap |
//! | [`extremes`] | MIN and MAX of floats have one order everywhere: NaN is the largest, −0.0 is below 0.0 |
//! | `lengths`, `intervals` | LEN of lists counts elements; intervals are compared by how long they are |
//! | `mode`, `describing` | MODE, and TYPEOF with SQL's names of types |
//! | `casts` | times without seconds are read, fractions are rounded to whole numbers |
//! | `quantiles` | PERCENTILE_CONT interpolates with all digits |
//! | [`numbers`] | conversions of values to floats and back, and which values floats hold |
//!
//! [`register`] makes them the functions of a DataFusion context; exact answers and estimates then agree on every value. Errors with a next
//! step travel through DataFusion as [`Failure`].

mod casts;
mod dates;
mod describing;
mod error;
pub mod extremes;
mod intervals;
mod lengths;
mod mode;
mod nullable;
pub mod numbers;
pub mod overflow;
mod quantiles;
mod rounding;
mod sql_types;

pub use casts::ReadableCasts;
pub use dates::DatesWithTimes;
pub use error::Failure;
pub use nullable::nullable;
pub use sql_types::sql_type;

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

/// Makes the functions of this crate those of `context`.
///
/// # Errors
/// When the context has no function to put them in the place of.
pub fn register(context: &SessionContext) -> Result<()> {
    overflow::register(context)?;
    describing::register(context);
    mode::register(context);
    lengths::register(context)?;
    quantiles::register(context)?;
    extremes::register(context)
}
