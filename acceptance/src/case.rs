//! Kinds of cells.

/// A kind of cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    /// The data and how it is sampled and grouped.
    pub(crate) source: String,
    pub(crate) aggregate: String,
    pub(crate) measure: String,
    pub(crate) heavy: bool,
    pub(crate) filter: String,
    pub(crate) size: Size,
    pub(crate) confidence: u32,
}

/// Sampled rows of a cell's domain, as if all weighed the same, in classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    Below10,
    Below30,
    Below100,
    Below1000,
    Below10000,
    More,
    /// The sample holds every row that matters, or the class does not follow from the group.
    Whole,
}

impl Size {
    pub(crate) fn of(rows: f64) -> Self {
        match rows {
            r if r < 10.0 => Self::Below10,
            r if r < 30.0 => Self::Below30,
            r if r < 100.0 => Self::Below100,
            r if r < 1e3 => Self::Below1000,
            r if r < 1e4 => Self::Below10000,
            _ => Self::More,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Below10 => "under 10",
            Self::Below30 => "10 to 29",
            Self::Below100 => "30 to 99",
            Self::Below1000 => "100 to 999",
            Self::Below10000 => "1,000 to 9,999",
            Self::More => "10,000 and more",
            Self::Whole => "not classed",
        }
    }

    /// The class as a key whose order is that of the classes; [`without_rank`] takes the order off again.
    pub(crate) fn ranked(self) -> String {
        format!("{}{}", self as u8, self.label())
    }

    /// Whether the width has a target.
    pub(crate) fn is_large(self) -> bool {
        self >= Self::Below1000 && self != Self::Whole
    }
}

/// The text that [`Size::ranked`] has for readers; other texts stay as they are.
pub(crate) fn without_rank(text: &str) -> &str {
    let classes =
        [Size::Below10, Size::Below30, Size::Below100, Size::Below1000, Size::Below10000, Size::More, Size::Whole];
    classes.iter().find(|c| c.ranked() == text).map_or(text, |c| c.label())
}
