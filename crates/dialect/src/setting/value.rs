//! The values of settings.

use sqlparser::tokenizer::Token;

use super::{Setting, SettingName};
use crate::bounds::clause::read_amount;
use crate::bounds::{Amount, ErrorBound, OnMiss, TimeBound, TimeUnit, check_confidence, check_error, check_within};
use crate::cursor::{Cursor, shorten};
use crate::error::Complaint;
use crate::source::Source;

/// Reads the text of a value, in quotes or not.
pub(super) fn read(name: SettingName, text: &str) -> Result<Setting, Complaint> {
    let clears = text.trim().eq_ignore_ascii_case("none");
    let value = Value::new(name, text);
    Ok(match name {
        SettingName::Error => Setting::Error(unless(clears, || value?.error())?),
        SettingName::Within => Setting::Within(unless(clears, || value?.within())?),
        SettingName::Confidence => Setting::Confidence(unless(clears, || value?.confidence())?),
        SettingName::OnMiss => Setting::OnMiss(unless(clears, || value?.on_miss())?),
        SettingName::Sample => Setting::Sample(unless(clears, || value?.sample())?),
        SettingName::Level => Setting::Level(unless(clears, || value?.level())?),
    })
}

fn unless<T>(clears: bool, read: impl FnOnce() -> Result<T, Complaint>) -> Result<Option<T>, Complaint> {
    if clears { Ok(None) } else { read().map(Some) }
}

/// A value cut into tokens.
struct Value<'a> {
    name: SettingName,
    text: &'a str,
    source: Source<'a>,
}

impl<'a> Value<'a> {
    fn new(name: SettingName, text: &'a str) -> Result<Self, Complaint> {
        let source = Source::new(text).map_err(|_| unusable(name, text))?;
        Ok(Self { name, text, source })
    }

    fn unusable(&self) -> Complaint {
        unusable(self.name, self.text)
    }

    /// The number that starts the value. Defaults outlive a statement, so no parameters.
    fn number(&self, check: fn(f64) -> Result<f64, Complaint>) -> Result<f64, Complaint> {
        match self.source.token(0) {
            Token::Number(..) => read_amount(&self.source, 0, check)?.number().ok_or_else(|| self.unusable()),
            _ => Err(self.unusable()),
        }
    }

    /// Whether a percent sign follows the number and ends the value.
    fn percent(&self) -> Result<bool, Complaint> {
        match (self.source.len(), self.source.token(1)) {
            (1, _) => Ok(false),
            (2, Token::Mod) => Ok(true),
            _ => Err(self.unusable()),
        }
    }

    fn error(&self) -> Result<ErrorBound, Complaint> {
        Ok(ErrorBound { relative: self.percent()?, amount: Amount::Number(self.number(check_error)?) })
    }

    fn within(&self) -> Result<TimeBound, Complaint> {
        let unit = self.source.word(1).and_then(TimeUnit::from_word);
        let unit = unit.filter(|_| self.source.len() == 2);
        Ok(TimeBound { unit: unit.ok_or_else(|| self.unusable())?, amount: Amount::Number(self.number(check_within)?) })
    }

    fn confidence(&self) -> Result<f64, Complaint> {
        self.percent()?;
        self.number(check_confidence)
    }

    fn on_miss(&self) -> Result<OnMiss, Complaint> {
        OnMiss::from_word(self.text.trim()).ok_or_else(|| self.unusable())
    }

    fn sample(&self) -> Result<String, Complaint> {
        let mut cursor = Cursor::new(&self.source, 0..self.source.len());
        let name = cursor.sample_name("").map_err(|_| self.unusable())?;
        cursor.finish("").map_err(|_| self.unusable())?;
        Ok(name)
    }

    fn level(&self) -> Result<u32, Complaint> {
        self.text.trim().parse().map_err(|_| self.unusable())
    }
}

fn unusable(name: SettingName, text: &str) -> Complaint {
    let what = format!("{} is no value for plusminus.{}", shorten(text), name.as_str());
    Complaint::new(what, name.example())
}
