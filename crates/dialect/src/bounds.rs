//! Bounds on error and time: what they are and how they print.

use std::fmt;
use std::time::Duration;

use crate::error::{Complaint, Location, SyntaxError};

mod bind;
pub(crate) mod clause;
pub(crate) mod misplaced;
mod misspelt;
pub(crate) mod tail;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use value::{check_confidence, check_error, check_within};

/// The bounds at the end of a statement.
///
/// [`Display`](fmt::Display) prints text that parses back to the same bounds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds {
    /// `ERROR [WITHIN] n [%]`.
    pub error: Option<ErrorBound>,
    /// `WITHIN n SECONDS`.
    pub within: Option<TimeBound>,
    /// `[AT] CONFIDENCE n %`, in percent.
    pub confidence: Option<Amount>,
    /// `FOR ALL GROUPS`: the confidence holds for all groups at once.
    pub all_groups: bool,
    /// `ON MISS …`.
    pub on_miss: Option<OnMiss>,
    /// The place in the source at which the first bound starts.
    pub tail_start: Option<Location>,
}

/// A number in a bound, or the parameter that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// A literal number.
    Number(f64),
    /// A parameter such as `$1`, until [`Bounds::bind`] replaces it.
    Parameter(String),
}

/// The largest error an answer may have.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorBound {
    /// The amount: in percent when relative, else in units of the value.
    pub amount: Amount,
    /// Whether the amount is a percentage of the value.
    pub relative: bool,
}

/// The longest time an answer may take.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeBound {
    /// How many units.
    pub amount: Amount,
    /// The unit of the amount.
    pub unit: TimeUnit,
}

/// A unit of time in `WITHIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// `MS` or `MILLISECOND[S]`.
    Millisecond,
    /// `S` or `SECOND[S]`.
    Second,
    /// `MINUTE[S]`.
    Minute,
}

/// The action when an answer misses its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnMiss {
    /// Give the best answer and say that it missed.
    Report,
    /// Run again on the table itself.
    Exact,
    /// Run again, on the table itself, the groups that missed.
    Repair,
    /// Give NULL for the cells that missed.
    Omit,
    /// Give the best answer, then fail.
    Fail,
}

impl TimeUnit {
    /// Every spelling of every unit.
    pub(crate) const SPELLINGS: [(&'static str, Self); 8] = [
        ("SECONDS", Self::Second),
        ("SECOND", Self::Second),
        ("S", Self::Second),
        ("MILLISECONDS", Self::Millisecond),
        ("MILLISECOND", Self::Millisecond),
        ("MS", Self::Millisecond),
        ("MINUTES", Self::Minute),
        ("MINUTE", Self::Minute),
    ];

    /// The unit that a word names, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = Self::SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(word));
        known.map(|(_, unit)| *unit)
    }

    /// The unit in seconds.
    pub fn seconds(self) -> f64 {
        match self {
            Self::Millisecond => 0.001,
            Self::Second => 1.0,
            Self::Minute => 60.0,
        }
    }
}

impl OnMiss {
    /// Every action, the default first.
    pub const ALL: [Self; 5] = [Self::Report, Self::Exact, Self::Repair, Self::Omit, Self::Fail];

    /// The word that stands after `ON MISS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "REPORT",
            Self::Exact => "EXACT",
            Self::Repair => "REPAIR",
            Self::Omit => "OMIT",
            Self::Fail => "FAIL",
        }
    }

    /// The action that a word names, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(word))
    }
}

impl Amount {
    /// The number, unless a parameter still stands for it.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Parameter(_) => None,
        }
    }
}

impl ErrorBound {
    /// The largest relative error as a fraction; `None` for an absolute or unbound amount.
    pub fn relative_fraction(&self) -> Option<f64> {
        self.relative.then(|| self.amount.number())?.map(|n| n / 100.0)
    }

    /// The largest absolute error; `None` for a relative or unbound amount.
    pub fn absolute(&self) -> Option<f64> {
        (!self.relative).then(|| self.amount.number())?
    }
}

impl TimeBound {
    /// The bound as a duration; `None` while a parameter stands for the amount.
    ///
    /// Longer than a [`Duration`] can hold becomes [`Duration::MAX`].
    pub fn duration(&self) -> Option<Duration> {
        let seconds = self.amount.number()? * self.unit.seconds();
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

impl Bounds {
    /// Whether nothing at all was stated.
    pub fn is_empty(&self) -> bool {
        self.error.is_none()
            && self.within.is_none()
            && self.confidence.is_none()
            && !self.all_groups
            && self.on_miss.is_none()
    }

    /// Whether something was stated that makes no sense without `ERROR` or `WITHIN`.
    ///
    /// A session may hold a default for these two, so this alone is no error.
    pub fn needs_target(&self) -> bool {
        !self.is_empty() && self.error.is_none() && self.within.is_none()
    }

    /// The time bound as a duration, once it is a number.
    pub fn within(&self) -> Option<Duration> {
        self.within.as_ref()?.duration()
    }

    /// The confidence from 0 to 1, once it is a number.
    pub fn confidence_level(&self) -> Option<f64> {
        self.confidence.as_ref()?.number().map(|n| n / 100.0)
    }

    /// Puts numbers in the place of parameters: `params[0]` for `$1`.
    ///
    /// # Errors
    ///
    /// When a parameter has no number or its number is out of range. The error counts its place
    /// within the printed bounds, since the source is not at hand.
    pub fn bind(&mut self, params: &[f64]) -> Result<(), SyntaxError> {
        bind::bind(self, params)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Parameter(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ErrorBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.relative { "%" } else { "" };
        write!(f, "{}{percent}", self.amount)
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Millisecond => "MILLISECONDS",
            Self::Second => "SECONDS",
            Self::Minute => "MINUTES",
        })
    }
}

impl fmt::Display for TimeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit)
    }
}

impl fmt::Display for OnMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(error) = &self.error {
            parts.push(format!("ERROR WITHIN {error}"));
        }
        if let Some(confidence) = &self.confidence {
            let at = if self.error.is_some() { "AT " } else { "" };
            parts.push(format!("{at}CONFIDENCE {confidence}%"));
        }
        if let Some(within) = &self.within {
            parts.push(format!("WITHIN {within}"));
        }
        if self.all_groups {
            parts.push("FOR ALL GROUPS".to_owned());
        }
        if let Some(action) = self.on_miss {
            parts.push(format!("ON MISS {action}"));
        }
        f.write_str(&parts.join(" "))
    }
}
