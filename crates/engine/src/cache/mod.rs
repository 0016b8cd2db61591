mod budget;
mod level_columns;
mod order;
mod projection;
mod strata;

pub(crate) use budget::{ImageCache, Key, Offer};
pub(crate) use level_columns::Image;
pub(crate) use projection::Projection;
