//! Value and timestamp of a line. The crate prometheus-parse reads the value.

use super::fault::{Expected, FaultKind};
use prometheus_parse::LineInfo;

/// The name that a line is handed over with. Not its own, for two reasons: prometheus-parse does
/// not know the `:` of a recording rule's name, and its regular expressions take time for every
/// character. It is handed over line by line, so that `x_bucket` or `x_sum` are not folded into a
/// histogram or summary.
const STAND_IN: &str = "x";

/// The texts behind name and labels.
struct Fields<'a> {
    value: &'a str,
    timestamp: Option<&'a str>,
}

/// Reads the value and the timestamp, Unix time in milliseconds, from what stands behind name and
/// labels. `seconds`: the page gives times in seconds, as OpenMetrics does.
pub(super) fn read_value(text: &str, seconds: bool) -> Result<(f64, Option<i64>), FaultKind> {
    let fields = split(text)?;
    let value = hand_over(&fields)?;
    let timestamp_ms = match fields.timestamp {
        None => None,
        Some(text) if seconds => Some(seconds_to_ms(text)?),
        Some(text) => Some(text.parse().map_err(|_| MALFORMED_TIMESTAMP)?),
    };
    Ok((value, timestamp_ms))
}

const MALFORMED_TIMESTAMP: FaultKind = FaultKind::Malformed(Expected::Timestamp);

/// Splits at blanks. An exemplar, ` # {…} …` in OpenMetrics, is left out.
fn split(text: &str) -> Result<Fields<'_>, FaultKind> {
    let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
    let value = fields.next().ok_or(FaultKind::Malformed(Expected::Value))?;
    // Text that only looks like white space is not our colleague's business.
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(FaultKind::NotANumber);
    }
    let timestamp = fields.next().filter(|field| !field.starts_with('#'));
    if timestamp.is_some() && fields.next().is_some_and(|field| !field.starts_with('#')) {
        return Err(FaultKind::Malformed(Expected::EndOfLine));
    }
    Ok(Fields { value, timestamp })
}

/// Milliseconds of a time in seconds, which may have a fraction.
fn seconds_to_ms(text: &str) -> Result<i64, FaultKind> {
    let seconds: f64 = text.parse().map_err(|_| MALFORMED_TIMESTAMP)?;
    let ms = (seconds * 1_000.0).round();
    // Beyond 2^53 a number does not stand for one millisecond any more; that is 285,000 years.
    if ms.is_nan() || ms.abs() > 9_007_199_254_740_992.0 {
        return Err(MALFORMED_TIMESTAMP);
    }
    #[allow(clippy::cast_possible_truncation)]
    Ok(ms as i64)
}

/// Gives one line to prometheus-parse and takes the value of the sample that comes back.
fn hand_over(fields: &Fields<'_>) -> Result<f64, FaultKind> {
    let line = match fields.timestamp {
        None => [STAND_IN, " ", fields.value].concat(),
        Some(time) => [STAND_IN, " ", fields.value, " ", time].concat(),
    };
    match LineInfo::parse(&line) {
        LineInfo::Sample {
            metric_name: STAND_IN,
            labels: None,
            value,
            timestamp,
        } if value == fields.value && timestamp == fields.timestamp => number(value),
        _ => Err(FaultKind::ParserDisagrees),
    }
}

/// The number of a value, read as prometheus-parse reads it when it is given a whole page: any of
/// `NaN`, `+Inf` and `-inf` is one.
fn number(value: &str) -> Result<f64, FaultKind> {
    value.parse().map_err(|_| FaultKind::NotANumber)
}
