//! Looks at rows that lie in the order of their groups already.

use super::levels::{Levels, too_large};
use crate::error::Result;
use crate::image::{Image, Key, Offer, Projection};
use crate::kernel::{Program, numbered};
use crate::prepared::Grouped;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a sample from which a projection is worth its memory; fewer are grouped in less time than a query takes anyway.
const ROWS_MIN: u64 = 16_384;

/// What putting a value in order takes, rather more than less; finding the group of a row takes as long as two of them.
const VALUE_TAKES: Duration = Duration::from_nanos(100);
/// A query with a bound of time makes a projection when that takes this part of the time left at most.
const SHARE_OF_TIME: f64 = 0.05;

/// Strata from which it pays to have the rows of all levels side by side, if they are few in each: then strata cost more than rows.
const MANY_STRATA: usize = 4_096;
const ROWS_PER_STRATUM: u64 = 64;

impl Levels<'_> {
    /// Evaluates the levels up to `level` in the order of the groups, if there is a projection of them; what was evaluated before is
    /// forgotten then. `None` when told to stop.
    ///
    /// Who asks a second time for a projection that is not there makes it, if there is time.
    pub(super) fn read_projected(
        &mut self,
        level: usize,
        keep_going: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<bool>> {
        if !self.may_project(level) {
            return Ok(Some(false));
        }
        let fitted = self.fitted;
        let grouped = fitted.grouped(self.shape)?;
        let Some(projection) = self.projection(level, grouped)? else { return Ok(Some(false)) };
        let context = self.context;
        let batch = projection.batch(&grouped.needs.columns)?;
        let compiled = grouped.compiled(self.shape, context.state, &batch.schema())?;
        let mut program = Program::of_groups(self.shape, compiled, self.known.centres());
        context.parts.lap("read and compile");
        let (starts, variables) = (&projection.starts, &self.shape.variables);
        let rows = program.evaluate_groups(&batch, starts, &projection.keys, variables, context.workers, keep_going)?;
        let Some(rows) = rows else { return Ok(None) };
        self.rows.clear();
        self.memory.try_resize(rows.bytes()).map_err(|_| too_large(level))?;
        let read = batch.num_rows() as u64;
        self.rows_read = (self.rows_read + read).saturating_sub(self.read_before);
        self.read_before = read;
        self.part_of_group.clear();
        match self.shape.keys.is_empty() {
            true => self.part_of_group.push(0),
            false => self.part_of_group.extend(rows.first_strata().map(|stratum| self.view.part_of[stratum as usize])),
        }
        self.pieces = vec![0; level + 1];
        self.program = Some(program);
        self.projected = Some(rows);
        context.parts.lap("evaluate rows by group");
        Ok(Some(true))
    }

    /// Forgets rows in the order of groups, before others are read.
    pub(super) fn leave_projection(&mut self) {
        if self.projected.take().is_some() {
            self.pieces.clear();
            self.program = None;
            self.part_of_group.clear();
            self.rows_read -= self.read_before;
            self.read_before = 0;
            self.memory.free();
        }
    }

    /// Whether the rows themselves, all of them, are asked for, by keys that they have or from many strata.
    fn may_project(&self, level: usize) -> bool {
        let (needs, shape) = (&self.fitted.needs, self.shape);
        let is_plain = shape.specials.is_empty() && !shape.has_subquery && !shape.is_beyond && !needs.with_ranks;
        let rows = self.fitted.cumulative.get(level).copied().unwrap_or(0);
        let strata = self.view.strata.len();
        let is_scattered = strata >= MANY_STRATA && rows / ROWS_PER_STRATUM <= strata as u64;
        is_plain
            && !self.view.by_key
            && (!needs.keys.is_empty() || is_scattered)
            && rows >= ROWS_MIN
            && self.view.all_alive()
            && self.context.prepared.is_repeatable()
    }

    /// The projection with all columns that are needed.
    fn projection(&mut self, level: usize, grouped: &Grouped) -> Result<Option<Arc<Projection>>> {
        let context = self.context;
        let key = Key::projection(&self.fitted.manifest, level, &grouped.keys);
        let known = match context.images.projection(&key) {
            Offer::Held(projection) => Some(projection),
            Offer::Wanted => None,
            Offer::Unknown => return Ok(None),
        };
        let lacking =
            known.as_ref().map_or_else(|| grouped.needs.columns.clone(), |known| known.lacking(&grouped.needs.columns));
        if let Some(known) = known.as_ref().filter(|_| lacking.is_empty()) {
            return Ok(Some(Arc::clone(known)));
        }
        let rows = self.fitted.cumulative[level];
        let bytes = Projection::bytes_for(rows, lacking.len());
        let left = context.goal.within.map(|within| within.saturating_sub((context.elapsed)()));
        let may_make = has_time(left, rows, lacking.len()) && context.images.has_room(bytes);
        if !may_make || self.memory.try_grow(bytes).is_err() {
            return Ok(None);
        }
        let before = (context.elapsed)();
        let made = self.made(level, grouped, known.as_deref(), &lacking);
        self.memory.shrink(bytes);
        let (projection, read) = made?;
        let took = (context.elapsed)().saturating_sub(before);
        context.images.keep_projection(&key, Arc::clone(&projection), took.saturating_sub(read));
        self.loading += took;
        Ok(Some(projection))
    }

    /// A projection with `lacking` columns, beside those of `known`, and how long files were read for it.
    fn made(
        &self,
        level: usize,
        grouped: &Grouped,
        known: Option<&Projection>,
        lacking: &[String],
    ) -> Result<(Arc<Projection>, Duration)> {
        let mut columns = lacking.to_vec();
        if known.is_none() {
            columns.extend(grouped.key_columns.iter().filter(|name| !lacking.contains(name)).cloned());
        }
        let (levels, read) = self.images(level, &columns)?;
        let bare = match known {
            Some(known) => known.clone(),
            None if grouped.keys.is_empty() => Projection::by_stratum(&levels)?,
            None => {
                let keys = levels.iter().map(|image| image.batch(&grouped.key_columns, false, None));
                let (groups, keys) = numbered(&grouped.keys, self.context.state, &keys.collect::<Result<Vec<_>>>()?)?;
                Projection::by_group(&levels, &groups, keys)?
            }
        };
        Ok((Arc::new(bare.with_columns(&levels, lacking)?), read))
    }

    fn images(&self, level: usize, columns: &[String]) -> Result<(Vec<Arc<Image>>, Duration)> {
        let (context, mut read) = (self.context, Duration::ZERO);
        let mut images = Vec::with_capacity(level + 1);
        for level in 0..=level {
            let (image, took) = context.images.timed_level(context.store, &self.fitted.manifest, level, columns)?;
            read += took;
            images.push(image);
        }
        Ok((images, read))
    }
}

/// Whether in the time left, if that is bounded, so many rows with so many columns may be put in order.
fn has_time(left: Option<Duration>, rows: u64, columns: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let values = rows as f64 * (2 + columns) as f64;
    left.is_none_or(|left| VALUE_TAKES.mul_f64(values) <= left.mul_f64(SHARE_OF_TIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million rows of two columns take 0.4 s at most.
    #[test]
    fn a_bound_of_time_is_not_spent_on_order() {
        let ms = Duration::from_millis;
        assert!(has_time(None, u64::MAX, 50));
        assert!(has_time(Some(ms(8_001)), 1_000_000, 2) && !has_time(Some(ms(7_999)), 1_000_000, 2));
        assert!(!has_time(Some(Duration::ZERO), 16_384, 0));
    }
}
