mod benefit;
mod level_cache;
mod level_columns;
mod level_part;
mod loads;
mod order;
mod projection;

pub(crate) use level_cache::{Key, LevelCache, ProjectionState};
pub(crate) use level_columns::LevelColumns;
pub(crate) use level_part::LevelPart;
pub(crate) use projection::Projection;
