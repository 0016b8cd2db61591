//! Numbers for the parameters of bounds.

use super::{Amount, Bounds, Complaint, Location, SyntaxError, check_confidence, check_error, check_within};

pub(super) fn bind(bounds: &mut Bounds, params: &[f64]) -> Result<(), SyntaxError> {
    // Either all parameters are bound or none, whatever goes wrong.
    let mut bound = bounds.clone();
    if let Some(error) = &mut bound.error {
        bind_amount(&mut error.amount, params, check_error).map_err(|e| locate(bounds, e))?;
    }
    if let Some(within) = &mut bound.within {
        bind_amount(&mut within.amount, params, check_within).map_err(|e| locate(bounds, e))?;
    }
    if let Some(confidence) = &mut bound.confidence {
        bind_amount(confidence, params, check_confidence).map_err(|e| locate(bounds, e))?;
    }
    *bounds = bound;
    Ok(())
}

/// A complaint about one parameter.
type Unbound = (String, Complaint);

fn bind_amount(amount: &mut Amount, params: &[f64], check: fn(f64) -> Result<f64, Complaint>) -> Result<(), Unbound> {
    let Amount::Parameter(name) = amount else {
        return Ok(());
    };
    let position = parameter_position(name);
    let Some(value) = position.and_then(|position| params.get(position - 1)) else {
        let what = format!("parameter {name} has no number, {} given", params.len());
        return Err((name.clone(), Complaint::new(what, format!("pass a number for {name}"))));
    };
    let number = check(*value).map_err(|complaint| (name.clone(), complaint))?;
    *amount = Amount::Number(number);
    Ok(())
}

/// The position, from 1, in a parameter's name such as `$2`.
pub(super) fn parameter_position(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('$')?;
    let position = digits.parse::<u16>().ok()?;
    // `+1` parses as a number too.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && position > 0).then_some(usize::from(position))
}

fn locate(bounds: &Bounds, (name, complaint): Unbound) -> SyntaxError {
    let text = bounds.to_string();
    let offset = text.find(&name).unwrap_or_default();
    SyntaxError {
        what: complaint.what,
        // The printed bounds are ASCII, so bytes and characters agree.
        location: Location { offset, line: 1, column: offset + 1 },
        length: name.len(),
        next: complaint.next,
        source_line: text,
    }
}
