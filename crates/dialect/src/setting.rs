//! `SET plusminus.…` and `RESET plusminus.…`: the defaults of a session.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::bounds::{ErrorBound, OnMiss, TimeBound};
use crate::cursor::{Cursor, shorten};
use crate::error::SyntaxError;
use crate::source::Source;
use crate::suggest::nearest;

#[cfg(test)]
mod tests;
mod value;

/// A setting with its value; `None` clears it.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `plusminus.error`: the default of `ERROR`.
    Error(Option<ErrorBound>),
    /// `plusminus.within`: the default of `WITHIN`.
    Within(Option<TimeBound>),
    /// `plusminus.confidence`: the default of `CONFIDENCE`, in percent.
    Confidence(Option<f64>),
    /// `plusminus.on_miss`: the default of `ON MISS`.
    OnMiss(Option<OnMiss>),
    /// `plusminus.sample`: the one sample to use.
    Sample(Option<String>),
    /// `plusminus.level`: the one level of a sample to use, counted from 0.
    Level(Option<u32>),
}

/// The name of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingName {
    /// `plusminus.error`
    Error,
    /// `plusminus.within`
    Within,
    /// `plusminus.confidence`
    Confidence,
    /// `plusminus.on_miss`
    OnMiss,
    /// `plusminus.sample`
    Sample,
    /// `plusminus.level`
    Level,
}

impl SettingName {
    /// Every setting.
    pub const ALL: [Self; 6] = [Self::Error, Self::Within, Self::Confidence, Self::OnMiss, Self::Sample, Self::Level];

    /// The name after `plusminus.`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Within => "within",
            Self::Confidence => "confidence",
            Self::OnMiss => "on_miss",
            Self::Sample => "sample",
            Self::Level => "level",
        }
    }

    /// A statement that sets it, for hints.
    fn example(self) -> &'static str {
        match self {
            Self::Error => "SET plusminus.error = '5%', or 'none' to clear it",
            Self::Within => "SET plusminus.within = '2s', or 'none' to clear it",
            Self::Confidence => "SET plusminus.confidence = '95%', or 'none' to clear it",
            Self::OnMiss => "SET plusminus.on_miss = 'exact', or 'none' to clear it",
            Self::Sample => "SET plusminus.sample = 'name', or 'none' to clear it",
            Self::Level => "SET plusminus.level = '2', or 'none' to clear it",
        }
    }
}

impl Setting {
    /// Which setting this is.
    pub fn name(&self) -> SettingName {
        match self {
            Self::Error(_) => SettingName::Error,
            Self::Within(_) => SettingName::Within,
            Self::Confidence(_) => SettingName::Confidence,
            Self::OnMiss(_) => SettingName::OnMiss,
            Self::Sample(_) => SettingName::Sample,
            Self::Level(_) => SettingName::Level,
        }
    }
}

/// Reads `SET plusminus.name = value`, which starts `range`.
pub(crate) fn set(source: &Source<'_>, range: Range<usize>) -> Result<Setting, SyntaxError> {
    let mut cursor = Cursor::new(source, range);
    cursor.take(&["SET"]);
    let name = name(&mut cursor)?;
    if !cursor.take_token(&Token::Eq) && !cursor.take(&["TO"]) {
        return Err(cursor.expected("= and a value", name.example()));
    }
    if cursor.at == cursor.end {
        return Err(cursor.expected("a value", name.example()));
    }
    let at = cursor.at..cursor.end;
    let text = match cursor.peek() {
        Token::SingleQuotedString(text) if at.len() == 1 => text.as_str(),
        _ => source.slice(at.clone()),
    };
    value::read(name, text).map_err(|complaint| source.complain(at, complaint))
}

/// Reads `RESET plusminus.name`, which starts `range`.
pub(crate) fn reset(source: &Source<'_>, range: Range<usize>) -> Result<SettingName, SyntaxError> {
    let mut cursor = Cursor::new(source, range);
    cursor.take(&["RESET"]);
    let name = name(&mut cursor)?;
    cursor.finish(&format!("RESET plusminus.{}", name.as_str()))?;
    Ok(name)
}

/// Reads `plusminus.name`.
fn name(cursor: &mut Cursor<'_, '_>) -> Result<SettingName, SyntaxError> {
    let start = cursor.at;
    let known = SettingName::ALL.map(SettingName::as_str);
    let choices = known.map(|name| format!("plusminus.{name}")).join(", ");
    // The word and the period were seen when the statement was classified.
    cursor.at += 2;
    let name = cursor.identifier("the name of a setting", &choices)?;
    let found = SettingName::ALL.into_iter().find(|known| known.as_str() == name);
    found.ok_or_else(|| {
        let next = nearest(&name, known.into_iter()).map_or_else(
            || format!("one of {choices}"),
            |known| format!("plusminus.{known}; the settings are {choices}"),
        );
        let what = format!("there is no setting plusminus.{}", shorten(&name));
        cursor.source.error(start..start + 3, what, next)
    })
}
