mod budget;
mod level_columns;
mod order;
mod projection;
mod strata;

pub(crate) use budget::{Key, LevelCache, ProjectionState};
pub(crate) use level_columns::LevelColumns;
pub(crate) use projection::Projection;
