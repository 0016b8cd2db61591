//! The days of the log, and the day of each row.

/// 2026-01-01, a Thursday, in days since 1970-01-01, which was a Thursday too.
const FIRST_DAY: i32 = 20_454;
/// Days that the log covers.
const DAYS: u16 = 90;

/// Splits the rows of the table over its days, in order.
pub(super) struct Calendar {
    /// For each day the first row that comes after it.
    ends: Vec<f64>,
}

impl Calendar {
    /// The days of a table of `rows` rows.
    pub(super) fn new(rows: u64) -> Self {
        let loads: Vec<f64> = (0..DAYS).map(load).collect();
        let total: f64 = loads.iter().sum();
        let mut sum = 0.0;
        let ends = loads
            .iter()
            .map(|load| {
                sum += load;
                sum / total * rows as f64
            })
            .collect();
        Self { ends }
    }

    /// The days of the rows from `first` on, one after the other.
    pub(super) fn starting_at(&self, first: u64) -> impl Iterator<Item = i32> {
        let mut day = 0;
        (first..).map(move |row| {
            while self.ends.get(day + 1).is_some() && row as f64 >= self.ends[day] {
                day += 1;
            }
            i32::try_from(day).map_or(FIRST_DAY, |day| FIRST_DAY + day)
        })
    }
}

/// How busy a day is: the service grows, and people watch more from Friday to Sunday.
fn load(day: u16) -> f64 {
    let weekday = match day % 7 {
        1 => 1.15,
        2 => 1.35,
        3 => 1.4,
        _ => 1.0,
    };
    weekday * (1.0 + 0.003 * f64::from(day))
}
