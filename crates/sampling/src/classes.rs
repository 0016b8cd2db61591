//! Chooses classes: strata of rows whose value of a heavy-tailed column lies farthest from its median, made without being asked for.
//!
//! An unsampled row spoils an interval if it alone is worth a standard error. The few rows that could be are
//! kept whole by the sample and thinned out like all others at its lower levels, so that the other strata have no tail. Columns with a
//! kurtosis above 6 get a class, those with the largest kurtosis first. A class gets at most a tenth of the rows that the family keeps (a
//! fifth beyond a kurtosis of 200), all classes together at most a fifth and never more than [`ROWS_MAX`]. Only values strictly beyond an
//! edge count: columns of few values that tie there have none.
//!
//! Classes that every level keeps whole make error bounds read 1.4 to 3.9 times the rows of the cheapest levels; thinned out it is 1.1 to
//! 1.4 times (`coverage --part bounds`, 100 samples), and no adversarial family is rejected either way.

use crate::columns::pack;
use crate::error::SamplingError;
use crate::plan::FamilyPlan;
use crate::source::{Source, Unit};
use crate::strata_counts::StrataCounts;
use crate::tail::{Edge, Largest};
use crate::tally::Quota;
use crate::threads::on_threads;
use arrow::array::Array;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::execution::TaskContext;
use futures::StreamExt;
use plusminus_functions::numbers::as_float64;
use plusminus_statistics::Moments;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Kurtosis above which a column gets a class; above `KURTOSIS_HIGH` it gets twice as many rows.
const KURTOSIS_MIN: f64 = 6.0;
const KURTOSIS_HIGH: f64 = 200.0;
/// Rows of all classes of a family, at most: more would make the scan that finds them longer.
const ROWS_MAX: u64 = 4_096;
/// Rows of a class, at least.
const ROWS_MIN: u64 = 8;
/// The number of values from which the median is computed, about.
const MEDIAN_VALUES: u64 = 65_536;
/// Values held for all columns together, by each worker.
const HELD_MAX: usize = 1 << 22;

/// The state that the workers of the scan share.
struct Scan {
    units: Vec<Unit>,
    next_unit: AtomicUsize,
    task: Arc<TaskContext>,
    schema: SchemaRef,
    /// Places of the columns among those that are read.
    columns: Vec<usize>,
    /// For every family with a CAP, the places of its φ among the columns that are read.
    strata: Vec<Vec<usize>>,
    /// The number of values held of each column at each end.
    keep: usize,
    /// One value in so many goes into the median.
    stride: usize,
}

/// Statistics of one column, from one worker or from all.
struct Seen {
    high: Largest,
    /// The largest of the negated numbers.
    low: Largest,
    /// Every `stride`-th value, by unit number.
    values: Vec<(usize, Vec<f64>)>,
    moments: Vec<(usize, Moments)>,
    /// Every value is finite.
    is_finite: bool,
}

/// A column that gets a class: its place among those that were scanned, its kurtosis and its median.
struct Heavy {
    place: usize,
    kurtosis: f64,
    median: f64,
}

/// Chooses the classes of every family that has neither a tail of its own nor whole keys.
pub(crate) async fn find_classes(
    source: &Source,
    families: &mut [FamilyPlan],
    numeric: &[usize],
    state: &dyn Session,
    threads: usize,
) -> Result<(), SamplingError> {
    let wanted = |family: &&mut FamilyPlan| family.tail.is_empty() && family.universe.is_none();
    let mut families: Vec<&mut FamilyPlan> = families.iter_mut().filter(wanted).collect();
    // Times are no measures.
    let is_measure = |column: &usize| {
        let is_key = families.iter().all(|family| family.columns.contains(column));
        source.schema.field(*column).data_type().is_numeric() && !is_key
    };
    let columns: Vec<usize> = numeric.iter().copied().filter(is_measure).collect();
    if families.is_empty() || columns.is_empty() || source.is_view() {
        return Ok(());
    }
    let capped: Vec<&[usize]> = families.iter().filter_map(|family| counted(family)).collect();
    let mut projection: Vec<usize> = capped.iter().copied().flatten().chain(&columns).copied().collect();
    projection.sort_unstable();
    projection.dedup();
    let place = |column: &usize| projection.binary_search(column).unwrap_or_default();
    let stride = source.rows.map_or(97, |rows| (rows / MEDIAN_VALUES).max(1));
    let scan = Arc::new(Scan {
        units: source.units_of(state, &projection).await?,
        next_unit: AtomicUsize::new(0),
        task: state.task_ctx(),
        schema: Arc::new(source.schema.project(&projection)?),
        columns: columns.iter().map(place).collect(),
        strata: capped.iter().map(|columns| columns.iter().map(place).collect()).collect(),
        keep: usize::try_from(ROWS_MAX + 1).unwrap_or(usize::MAX).min(HELD_MAX / columns.len()),
        stride: usize::try_from(stride).unwrap_or(usize::MAX),
    });
    let (mut all, mut strata) = scan.nothing()?;
    for (part, counts) in on_threads(threads, || run(Arc::clone(&scan))).await? {
        all.iter_mut().zip(part).for_each(|(all, part)| all.merge(part));
        strata.merge(counts)?;
    }
    let mut counts = strata.into_counts().into_iter();
    let mut heavy: Vec<Heavy> = all.iter_mut().enumerate().filter_map(|(place, seen)| seen.heavy(place)).collect();
    heavy.sort_by(|a, b| b.kurtosis.total_cmp(&a.kurtosis).then(a.place.cmp(&b.place)));
    let rows = all.iter().map(Seen::rows).max().unwrap_or(0);
    for family in &mut families {
        let own = counted(family).and_then(|_| counts.next()).unwrap_or_default();
        let kept = if own.is_empty() { family.quota.kept(&[rows]) } else { family.quota.kept(&own) };
        for (heavy, share) in shares(family, &heavy, &columns, rows, kept) {
            let number = numeric.iter().position(|column| *column == columns[heavy.place]).unwrap_or_default();
            if let Some(edge) = all[heavy.place].edge(number, heavy.median, share) {
                family.tail.push(columns[heavy.place]);
                family.edges.push(edge);
                family.has_classes = true;
            }
        }
    }
    Ok(())
}

/// The columns by which rows have to be counted: φ where a CAP makes the number of kept rows depend on the strata.
fn counted(family: &FamilyPlan) -> Option<&[usize]> {
    (matches!(family.quota, Quota::Cap(_)) && !family.columns.is_empty()).then_some(family.columns.as_slice())
}

/// The columns of a family that get a class, and how many rows each, where it keeps `kept` of all `rows`.
fn shares<'a>(
    family: &FamilyPlan,
    heavy: &'a [Heavy],
    columns: &[usize],
    rows: u64,
    kept: u64,
) -> Vec<(&'a Heavy, usize)> {
    // A sample of most rows misses hardly any tail.
    if kept.saturating_mul(2) >= rows {
        return Vec::new();
    }
    let all = (kept / 5).min(ROWS_MAX);
    let most = usize::try_from(all / ROWS_MIN).unwrap_or(usize::MAX);
    let own = heavy.iter().filter(|heavy| !family.columns.contains(&columns[heavy.place]));
    let own: Vec<&Heavy> = own.take(most).collect();
    let each = all / (own.len() as u64).max(1);
    let share = |heavy: &'a Heavy| {
        let wanted = if heavy.kurtosis > KURTOSIS_HIGH { kept / 5 } else { kept / 10 };
        (heavy, usize::try_from(wanted.min(each)).unwrap_or(usize::MAX))
    };
    own.into_iter().map(share).filter(|(_, rows)| *rows > 0).collect()
}

impl Scan {
    /// The empty state that a worker starts with.
    fn nothing(&self) -> Result<(Vec<Seen>, StrataCounts), SamplingError> {
        let seen = self.columns.iter().map(|_| Seen::new(self.keep)).collect();
        Ok((seen, StrataCounts::new(&self.schema, &self.strata)?))
    }
}

async fn run(scan: Arc<Scan>) -> Result<(Vec<Seen>, StrataCounts), SamplingError> {
    let (mut seen, mut strata) = scan.nothing()?;
    let mut packed = Vec::new();
    loop {
        let number = scan.next_unit.fetch_add(1, Ordering::Relaxed);
        let Some(unit) = scan.units.get(number) else { return Ok((seen, strata)) };
        seen.iter_mut().for_each(|seen| seen.begin(number));
        let mut stream = unit.batches(&scan.task)?;
        let mut row = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            for (seen, column) in seen.iter_mut().zip(&scan.columns) {
                let Some(values) = as_float64(batch.column(*column))? else { continue };
                pack(&values, &mut packed);
                seen.is_finite &= packed.len() == values.len() - values.null_count();
                seen.add(&packed, row, scan.stride);
            }
            strata.add(&batch)?;
            row += batch.num_rows();
        }
    }
}

impl Seen {
    fn new(keep: usize) -> Self {
        let (high, low) = (Largest::of_numbers(keep), Largest::of_numbers(keep));
        Self { high, low, values: Vec::new(), moments: Vec::new(), is_finite: true }
    }

    fn begin(&mut self, unit: usize) {
        self.values.push((unit, Vec::new()));
        self.moments.push((unit, Moments::default()));
    }

    /// Takes values of the unit begun last, from its row `row` on.
    fn add(&mut self, values: &[f64], row: usize, stride: usize) {
        for value in values {
            self.high.push(*value);
            self.low.push(-value);
        }
        if let Some((_, moments)) = self.moments.last_mut() {
            moments.add_slice(values);
        }
        if let Some((_, some)) = self.values.last_mut() {
            let first = row.next_multiple_of(stride) - row;
            some.extend(values.iter().skip(first).step_by(stride));
        }
    }

    fn merge(&mut self, other: Self) {
        self.high.merge(other.high);
        self.low.merge(other.low);
        self.values.extend(other.values);
        self.moments.extend(other.moments);
        self.is_finite &= other.is_finite;
    }

    fn rows(&self) -> u64 {
        self.moments.iter().map(|(_, moments)| moments.count).sum()
    }

    /// The column at `place`, if its tails are heavy.
    fn heavy(&mut self, place: usize) -> Option<Heavy> {
        // In the order of the units, so that the number of workers does not matter.
        self.moments.sort_by_key(|(unit, _)| *unit);
        let mut all = Moments::default();
        self.moments.iter().for_each(|(_, moments)| all.merge(moments));
        let kurtosis = all.kurtosis().filter(|kurtosis| self.is_finite && *kurtosis > KURTOSIS_MIN)?;
        let mut values: Vec<f64> = self.values.iter().flat_map(|(_, values)| values).copied().collect();
        let middle = values.len() / 2;
        let median =
            if values.is_empty() { all.mean } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 };
        Some(Heavy { place, kurtosis, median })
    }

    /// The edges beyond which at most `rows` values lie, those farthest from the median; `None` where none lies beyond.
    ///
    /// Edges are values of the column, so that ties with them are compared without rounding.
    fn edge(&self, number: usize, median: f64, rows: usize) -> Option<Edge> {
        let above = self.high.held().iter().copied().filter(|value| *value > median);
        let below = self.low.held().iter().map(|value| -value).filter(|value| *value < median);
        let mut far: Vec<f64> = above.chain(below).collect();
        let distance = |value: f64| (value - median).abs();
        far.sort_by(|a, b| distance(*b).total_cmp(&distance(*a)));
        let rest = far.get(rows.min(self.high.kept().saturating_sub(1))..).unwrap_or_default();
        let limit = distance(*rest.first()?);
        let inside = |value: &f64| distance(*value) <= limit;
        let high = far.iter().copied().filter(inside).fold(median, f64::max);
        let low = far.iter().copied().filter(inside).fold(median, f64::min);
        let is_any = far.iter().any(|value| *value > high || *value < low);
        is_any.then_some(Edge { number, low, high })
    }
}

#[cfg(test)]
mod tests;
