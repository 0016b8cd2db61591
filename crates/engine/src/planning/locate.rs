//! Finds the place of a text that keeps it from being planned.

use super::case;
use super::spellings::function_names;
use crate::answer::Error;
use crate::environment::Environment;
use datafusion::execution::{SessionState, SessionStateBuilder};
use plusminus_dialect::{Location, SyntaxError, error_at, error_at_name, parser_error};

/// The error with its place in a longer text, which holds `sql` from `start` on; an error without a place stays as it is.
pub(crate) async fn located(env: &Environment, sql: &str, start: Location, error: Error) -> Error {
    let (Error::Invalid { what, next } | Error::Unsupported { what, next }) = &error else { return error };
    let missing = what.strip_prefix("there is no function named '");
    let near = missing.and_then(|rest| nearest_function(env, rest.trim_end_matches('\'')));
    let next = near.as_ref().unwrap_or(next);
    let found = match what.strip_prefix(PARSE_FAILURE) {
        Some(said) => parser_error(sql, said, next),
        None => match span(&env.context.state(), sql).await {
            Some((start, end)) => error_at(sql, start, end, what, next),
            None => {
                quoted(what).and_then(|name| error_at_name(sql, name.rsplit('.').next().unwrap_or(name), what, next))
            }
        },
    };
    match found {
        Some(found) => Error::InStatement(with_quotes_explained(found).shifted(start)),
        None => error,
    }
}

/// The next step for a call of a function that does not exist.
fn nearest_function(env: &Environment, name: &str) -> Option<String> {
    let state = env.context.state();
    let known = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
    let known = known.chain(state.window_functions().keys()).cloned();
    let mut names: Vec<String> = known.chain(function_names().map(str::to_owned)).collect();
    names.sort_unstable();
    let near = plusminus_dialect::nearest(name, names.iter().map(String::as_str));
    Some(match near {
        Some(near) if near == name => format!("'{name}' takes another number of arguments"),
        Some(near) => format!("did you mean '{near}'?"),
        None => "SHOW FUNCTIONS lists them, as \\df does in the shell".to_owned(),
    })
}

/// How errors of the parser begin.
pub(crate) const PARSE_FAILURE: &str = "the SQL cannot be parsed: ";

/// Start and end of what DataFusion finds wrong, as lines and columns. Plans have no places unless they are asked for, so that it is planned again.
async fn span(state: &SessionState, sql: &str) -> Option<((u64, u64), (u64, u64))> {
    let mut config = state.config().clone();
    config.options_mut().sql_parser.collect_spans = true;
    let state = SessionStateBuilder::from(state.clone()).with_config(config).build();
    let error = case::plan_of(&state, sql).await.err()?;
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span)?;
    Some(((span.start.line, span.start.column), (span.end.line, span.end.column)))
}

/// The first text in single quotes, which is a name.
fn quoted(what: &str) -> Option<&str> {
    what.split('\'').nth(1)
}

/// Text in double quotes is a name in SQL; one that names no column was meant as a text.
fn with_quotes_explained(mut error: SyntaxError) -> SyntaxError {
    let marked = error.marked();
    if let Some(text) = marked.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && error.what.starts_with("there is no column")
        && !error.next.starts_with("did you mean")
    {
        error.next = format!("text goes in single quotes: '{}'", text.replace('\'', "''"));
    }
    error
}
