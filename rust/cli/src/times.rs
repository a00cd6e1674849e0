//! Lengths of time as people write and read them, and dates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest length of time that is accepted: the sidecar forces no gate for longer than a year.
const MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Last millisecond of the year 9999; a time after it is not written as a date.
const LAST_DATE_MS: u64 = 253_402_300_799_999;

/// Reads `90s`, `10m`, `2h`, `1d` and sums of them, `1h30m`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let expected = "expected a length of time of 1 second to 366 days, such as 90s, 10m, 2h or 1d";
    let span = humantime::parse_duration(text).map_err(|error| format!("{error}; {expected}"))?;
    if span.subsec_nanos() > 0 || span.is_zero() || span > MAX {
        return Err(expected.to_owned());
    }
    Ok(span)
}

/// Now, in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A length of time in its two largest units: `4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn span(ms: u64) -> String {
    let secs = ms / 1_000;
    let two = |large: u64, large_unit, small: u64, small_unit| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => two(secs / 60, "min", secs % 60, "s"),
        3_600..86_400 => two(secs / 3_600, "h", secs / 60 % 60, "min"),
        _ => two(secs / 86_400, "d", secs / 3_600 % 24, "h"),
    }
}

/// How long ago something was: `4 s ago`.
pub(crate) fn ago(at_ms: u64, now_ms: u64) -> String {
    format!("{} ago", span(now_ms.saturating_sub(at_ms)))
}

/// How long something still lasts: `for 2 h`.
pub(crate) fn until(at_ms: u64, now_ms: u64) -> String {
    format!("for {}", span(at_ms.saturating_sub(now_ms)))
}

/// A time as a date in UTC, to the second.
pub(crate) fn date(at_ms: u64) -> String {
    if at_ms > LAST_DATE_MS {
        return format!("{at_ms} ms after 1970");
    }
    let at = UNIX_EPOCH + Duration::from_secs(at_ms / 1_000);
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_they_are_said() {
        let secs = |text| parse_span(text).map(|span| span.as_secs());
        assert_eq!(secs("90s"), Ok(90));
        assert_eq!(secs("10m"), Ok(600));
        assert_eq!(secs("2h"), Ok(7_200));
        assert_eq!(secs("1d"), Ok(86_400));
        assert_eq!(secs("1h30m"), Ok(5_400));
        for bad in ["", "2", "0s", "2 parsecs", "-1s", "1500ms", "400d", "NaN"] {
            let error = secs(bad).unwrap_err();
            assert!(
                error.contains("such as 90s, 10m, 2h or 1d"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn ages_have_two_units_at_most() {
        let shown = |secs: u64| span(secs * 1_000);
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(200), "3 min 20 s");
        assert_eq!(shown(3_600), "1 h");
        assert_eq!(shown(90_061), "1 d 1 h");
        assert_eq!(ago(5_000, 3_000), "0 s ago", "clocks differ");
        assert_eq!(date(1_800_000_000_123), "2027-01-15T08:00:00Z");
        assert_eq!(date(u64::MAX), "18446744073709551615 ms after 1970");
    }
}
