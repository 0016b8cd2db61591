//! Decides when the table answers rather than a sample.
//!
//! Without WITHIN only work is compared, never measured time: predicted work, or that of the rows which an earlier exact answer to the same
//! text read. On the same store and after the same queries a query takes the same candidate.

use super::table_cost::TableCost;
use std::time::Duration;

/// Nanoseconds per cell, in the unit of [`super::table_cost::TableWork`]; a row has a cell for each column, grouping or aggregate.
const CELL_NS: f64 = 1.5;
/// Nanoseconds of evaluating a level, whatever its rows.
const LEVEL_NS: f64 = 2e5;
/// Nanoseconds to open a file of a level, per column of the table, since its footer describes every column.
const OPEN_COLUMN_NS: f64 = 3e3;
/// Nanoseconds to read a value of a level from its file, in the unit of [`super::table_cost::TableWork`].
const READ_VALUE_NS: f64 = 20.0;
/// Columns that every row of a level is read with: stratum and rank.
const ORDER_COLUMNS: f64 = 2.0;
/// Share of the exact answer's work that levels may take if they turn out useless.
pub(crate) const SPECULATIVE_SHARE: f64 = 0.15;
/// Share of the exact answer's work above which a level that will probably do is not worth it.
const TOO_MUCH: f64 = 0.7;
/// Factor on the rows held: a sample may meet the bound if no more than that are predicted to be needed.
const FORECAST_FACTOR: f64 = 1.25;
/// Factor on the rows held: a sample will meet the bound if no more than that are needed.
const SURELY_FACTOR: f64 = 0.8;
/// Share of the time left within which the exact answer must be predicted to end for it to be preferred.
const SHARE_OF_TIME: f64 = 0.5;
/// Share of the time left within which the exact answer must be predicted to end when nothing else would meet the bounds.
const SHARE_OF_LAST_TIME: f64 = 0.85;
/// Factor by which a prediction must exceed the time left for the exact answer to be refused.
const DOUBT: f64 = 1.3;
/// Value of [`DOUBT`] where no scan of the tables was observed.
const DOUBT_UNLEARNT: f64 = 10.0;
/// Value of [`DOUBT`] where conditions may save most of the work.
const DOUBT_PRUNED: f64 = 4.0;
/// Share of the exact answer's time that a level before it may take.
const LEVEL_BEFORE_SHARE: f64 = 0.12;
/// Time that a level before the exact answer may take at least.
const LEVEL_BEFORE_TIME: Duration = Duration::from_millis(1);
/// Share of the time left in which an exact answer needs no estimate of little value before it.
pub(crate) const SAFE_SHARE: f64 = 0.1;
/// Share of the exact answer's work above which a first level that may be useless is not evaluated.
pub(crate) const FIRST_LEVEL_MAX: f64 = 0.5;
/// Work, in nanoseconds of the reference machine, up to which candidates are not compared: levels are evaluated, subqueries computed.
pub(crate) const NO_COMPARISON_BELOW_NS: f64 = 2e6;
/// Share of the time left that the first evaluated level may take, so that an early answer exists; predictions for new queries may be
/// wrong by a factor of several.
pub(crate) const FIRST_LEVEL_SHARE: f64 = 0.1;
/// Share of the time left that each further level may take.
pub(crate) const NEXT_LEVEL_SHARE: f64 = 0.6;
/// With a shorter time bound, and before costs were learnt, the lowest level of the likeliest sample is evaluated first.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// Work of evaluating `cells` cells (rows times what each passes through), in nanoseconds of the reference machine.
pub(crate) fn level_ns(cells: f64) -> f64 {
    LEVEL_NS + cells * CELL_NS
}

/// Work of reading `columns` columns of `rows` rows from files, in nanoseconds of the reference machine.
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
pub(crate) fn reading_ns(rows: u64, columns: usize) -> f64 {
    rows as f64 * (columns as f64 + ORDER_COLUMNS) * READ_VALUE_NS
}

/// Work of opening `files` files of a table with `columns` columns, in nanoseconds of the reference machine.
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
pub(crate) fn file_opening_ns(files: usize, columns: usize) -> f64 {
    (files * columns) as f64 * OPEN_COLUMN_NS
}

/// The exact answer that follows an estimate, where only time is stated and suffices for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableFollows {
    /// The longest time that a level before it may take.
    pub(crate) estimate: Duration,
    /// The predicted time of the exact answer.
    pub(crate) table: Duration,
}

impl TableCost {
    /// How the exact answer follows an estimate, with `left` of the time; `None` where samples answer, as far as can be predicted.
    pub(crate) fn follows(&self, left: Duration) -> Option<TableFollows> {
        let estimate = self.time.mul_f64(LEVEL_BEFORE_SHARE).max(LEVEL_BEFORE_TIME);
        (self.time <= left.mul_f64(SHARE_OF_TIME)).then_some(TableFollows { estimate, table: self.time })
    }

    /// Whether the exact answer may still end in the time left, where nothing else meets the bounds.
    pub(crate) fn may_end_in(&self, left: Option<Duration>) -> bool {
        left.is_none_or(|left| self.time <= left.mul_f64(SHARE_OF_LAST_TIME))
    }

    /// Whether past scans show that the exact answer will not end in the time left. A plan with conditions may skip most of its files.
    pub(crate) fn exceeds(&self, left: Duration) -> bool {
        let doubt = match (self.is_learnt, self.work.has_conditions) {
            (true, false) => DOUBT,
            (true, true) => DOUBT_PRUNED,
            (false, _) => DOUBT_UNLEARNT,
        };
        self.time > left.mul_f64(doubt)
    }
}

/// State of a query with an error bound after a level that did not meet it. Work is in nanoseconds of the reference machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorBoundProgress {
    /// Work of all levels so far.
    pub(crate) spent: f64,
    /// Work of the level that the errors call for, and of the highest level.
    pub(crate) next: f64,
    pub(crate) top: f64,
    /// Work of reading the files up to these levels, whether they are in memory or not.
    pub(crate) reading_next: f64,
    pub(crate) reading_top: f64,
    /// Rows that the errors call for; `None` where they cannot be predicted.
    pub(crate) rows_needed: Option<f64>,
    /// Rows that the highest level holds.
    pub(crate) rows_held: f64,
    /// Whether the table answers in the end if no level does.
    pub(crate) ends_with_table: bool,
}

impl ErrorBoundProgress {
    /// Whether the table, whose work is `table`, answers at once rather than another level.
    pub(crate) fn takes_table(&self, table: f64) -> bool {
        if !self.ends_with_table {
            // Users who prefer estimates get them as long as they cost less.
            return self.next > table;
        }
        let is_within = |factor: f64| self.rows_needed.is_some_and(|rows| rows <= self.rows_held * factor);
        let (through, limit) = match (is_within(FORECAST_FACTOR), self.rows_needed) {
            (true, _) if is_within(SURELY_FACTOR) => (self.next, TOO_MUCH),
            // What is read in vain comes on top of the exact answer.
            (true, _) => (self.next + self.reading_next, SPECULATIVE_SHARE),
            // The bound will probably be missed, but predictions may be wrong: cheap levels are worth a try.
            (false, Some(_)) => (self.top + self.reading_top, SPECULATIVE_SHARE),
            (false, None) => (self.next + self.reading_next, SPECULATIVE_SHARE),
        };
        self.spent + through > limit * table
    }
}

#[cfg(test)]
mod tests {
    use super::super::table_cost::TableWork;
    use super::*;

    fn standing(rows_needed: Option<f64>, next: f64, top: f64) -> ErrorBoundProgress {
        let (reading_next, reading_top) = (0.0, 0.0);
        let rows_held = 1e5;
        ErrorBoundProgress {
            spent: 1e6,
            next,
            top,
            reading_next,
            reading_top,
            rows_needed,
            rows_held,
            ends_with_table: true,
        }
    }

    #[test]
    fn a_level_that_will_do_is_read_unless_the_table_costs_little_more() {
        assert!(!standing(Some(5e4), 4e6, 8e6).takes_table(1e7));
        assert!(standing(Some(5e4), 7e6, 8e6).takes_table(1e7));
    }

    #[test]
    fn levels_that_will_not_do_are_read_while_they_are_cheap() {
        assert!(!standing(Some(1e6), 2e6, 3e6).takes_table(1e8));
        assert!(standing(Some(1e6), 2e6, 3e6).takes_table(2e7));
        assert!(!standing(None, 2e6, 3e7).takes_table(1e8));
        assert!(standing(None, 2e7, 3e7).takes_table(1e8));
        let reads = |rows| ErrorBoundProgress { reading_next: 1e7, reading_top: 2e7, ..standing(rows, 2e6, 3e6) };
        assert!(reads(Some(1e6)).takes_table(1e8) && !reads(Some(1e6)).takes_table(1e9));
        // What will do is read whatever that takes, as long as it is less than the table.
        assert!(!reads(Some(5e4)).takes_table(1e8));
    }

    #[test]
    fn who_prefers_estimates_gets_them_while_they_cost_less() {
        let prefers = ErrorBoundProgress { ends_with_table: false, ..standing(Some(1e9), 9e6, 9e6) };
        assert!(!prefers.takes_table(1e7) && prefers.takes_table(8e6));
    }

    #[test]
    fn the_exact_answer_follows_a_short_estimate_where_half_the_time_suffices() {
        let ms = Duration::from_millis;
        let cost = |time| TableCost {
            work: TableWork { tables: String::new(), rows: 1, ns: 1.0, has_conditions: false },
            time,
            is_learnt: true,
        };
        let estimate = |time, left| cost(ms(time)).follows(ms(left)).map(|follows| follows.estimate);
        assert_eq!(estimate(400, 1_000), Some(ms(48)));
        assert_eq!(estimate(2, 1_000), Some(LEVEL_BEFORE_TIME));
        assert_eq!(estimate(600, 1_000), None);
        assert!(cost(ms(600)).may_end_in(Some(ms(1_000))) && !cost(ms(900)).may_end_in(Some(ms(1_000))));
        assert!(cost(ms(900)).may_end_in(None));
        let unlearnt = TableCost { is_learnt: false, ..cost(ms(200)) };
        assert!(cost(ms(200)).exceeds(ms(100)) && !unlearnt.exceeds(ms(30)) && unlearnt.exceeds(ms(10)));
    }
}
