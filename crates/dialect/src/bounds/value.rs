//! Which numbers a bound may hold.

use super::Complaint;

const CONFIDENCE_PERCENT_MIN: f64 = 50.0;
const CONFIDENCE_PERCENT_MAX: f64 = 99.9;

/// An error bound is a positive number.
pub(crate) fn check_error(number: f64) -> Result<f64, Complaint> {
    if number.is_finite() && number > 0.0 {
        return Ok(number);
    }
    Err(Complaint::new(
        format!("ERROR needs a number above 0, not {number}"),
        "ERROR WITHIN 10%, or leave ERROR out for an exact answer",
    ))
}

/// A time bound is a positive number of some unit.
pub(crate) fn check_within(number: f64) -> Result<f64, Complaint> {
    if number.is_finite() && number > 0.0 {
        return Ok(number);
    }
    Err(Complaint::new(
        format!("WITHIN needs a number above 0, not {number}"),
        "WITHIN 5 SECONDS, or leave WITHIN out to wait as long as it takes",
    ))
}

/// Confidence is given in percent.
pub(crate) fn check_confidence(number: f64) -> Result<f64, Complaint> {
    if (CONFIDENCE_PERCENT_MIN..=CONFIDENCE_PERCENT_MAX).contains(&number) {
        return Ok(number);
    }
    let what =
        format!("CONFIDENCE is in percent, from {CONFIDENCE_PERCENT_MIN} to {CONFIDENCE_PERCENT_MAX}, not {number}");
    let percent = (number * 100_000.0).round() / 1_000.0;
    let next = if (CONFIDENCE_PERCENT_MIN..=CONFIDENCE_PERCENT_MAX).contains(&percent) {
        format!("did you mean {percent}%?")
    } else if number > CONFIDENCE_PERCENT_MAX {
        "CONFIDENCE 99.9%; for certainty leave the bounds out and the answer is exact".to_owned()
    } else {
        "CONFIDENCE 95%".to_owned()
    };
    Err(Complaint::new(what, next))
}
