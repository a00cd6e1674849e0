//! Numbers and times as people read them.

use std::fmt::{self, Display};

/// A length of time in its largest fitting unit.
pub(super) struct Long(pub(super) u64);

impl Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0 / 1_000;
        match secs {
            0..120 => write!(f, "{secs} s"),
            120..7_200 => write!(f, "{} min", secs / 60),
            7_200..172_800 => write!(f, "{} h", secs / 3_600),
            _ => write!(f, "{} d", secs / 86_400),
        }
    }
}

/// How long ago something was, seen from `now`.
pub(super) struct Ago {
    pub(super) at_ms: u64,
    pub(super) now_ms: u64,
}

impl Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // More than a clock's tick ahead is worth seeing: something's clock is wrong.
        match self.at_ms.checked_sub(self.now_ms) {
            Some(ahead) if ahead >= 1_000 => write!(f, "{} ahead", Long(ahead)),
            _ => write!(f, "{} ago", Long(self.now_ms.saturating_sub(self.at_ms))),
        }
    }
}

/// A time of Unix milliseconds in UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn of(at_ms: u64) -> Self {
        let secs = at_ms / 1_000;
        // Days are counted from 0000-03-01, so that a leap day is the last of its year: Howard
        // Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let days = secs / 86_400 + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Civil {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: secs / 3_600 % 24,
            minute: secs / 60 % 60,
            second: secs % 60,
        }
    }
}

/// The time of day, with the date in front when it is not today's.
pub(super) struct Clock {
    pub(super) at_ms: u64,
    pub(super) now_ms: u64,
}

impl Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Civil::of(self.at_ms);
        if self.at_ms / 86_400_000 != self.now_ms / 86_400_000 {
            write!(f, "{:04}-{:02}-{:02} ", at.year, at.month, at.day)?;
        }
        write!(f, "{:02}:{:02}:{:02}", at.hour, at.minute, at.second)
    }
}

/// A time as the attribute `datetime` has it.
pub(super) struct Iso(pub(super) u64);

impl Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Civil::of(self.0);
        let (year, month, day) = (at.year, at.month, at.day);
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        write!(f, "{:02}:{:02}:{:02}Z", at.hour, at.minute, at.second)
    }
}

/// A number with about three digits that say something.
pub(super) struct Number(pub(super) f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-3..1e15).contains(&size) {
            return write!(f, "{:.2e}", self.0);
        }
        for (unit, letter) in [(1e12, 'T'), (1e9, 'G'), (1e6, 'M')] {
            if size >= unit {
                return write!(f, "{}\u{202f}{letter}", Number(self.0 / unit));
            }
        }
        let digits = match size {
            0.0..1.0 => 3,
            1.0..10.0 => 2,
            10.0..100.0 => 1,
            _ => 0,
        };
        let written = format!("{:.digits$}", self.0);
        match written.split_once('.') {
            Some((whole, part)) => match part.trim_end_matches('0') {
                "" => f.write_str(whole),
                part => write!(f, "{whole}.{part}"),
            },
            None => grouped(f, &written),
        }
    }
}

/// Sets the thousands of a long whole number apart.
fn grouped(f: &mut fmt::Formatter<'_>, written: &str) -> fmt::Result {
    let digits = written.trim_start_matches('-').len();
    for (at, digit) in written
        .chars()
        .rev()
        .enumerate()
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        write!(f, "{digit}")?;
        if digits > 4 && at > 0 && at % 3 == 0 && digit != '-' {
            f.write_str("\u{202f}")?;
        }
    }
    Ok(())
}

/// An amount of money: four digits after the point where cents would hide it.
pub(super) struct Usd(pub(super) f64);

impl Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0.0 && self.0.abs() < 1.0 {
            write!(f, "${:.4}", self.0)
        } else {
            write!(f, "${:.2}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_709_164_799_000, "2024-02-28T23:59:59Z"),
            (1_800_000_000_000, "2027-01-15T08:00:00Z"),
        ];
        for (at_ms, expected) in cases {
            assert_eq!(Iso(at_ms).to_string(), expected);
        }
    }

    #[test]
    fn the_date_is_shown_when_it_is_not_today() {
        let now_ms = 1_800_000_000_000;
        let clock = |at_ms| Clock { at_ms, now_ms }.to_string();
        assert_eq!(clock(now_ms - 60_000), "07:59:00");
        assert_eq!(clock(now_ms - 86_400_000), "2027-01-14 08:00:00");
    }

    #[test]
    fn lengths_have_one_unit_and_the_future_is_said() {
        let long = |secs: u64| Long(secs * 1_000).to_string();
        assert_eq!(long(119), "119 s");
        assert_eq!(long(3_600), "60 min");
        assert_eq!(long(200_000), "2 d");
        let ahead = Ago {
            at_ms: 5_000,
            now_ms: 0,
        };
        assert_eq!(ahead.to_string(), "5 s ahead");
    }

    #[test]
    fn numbers_keep_the_digits_that_say_something() {
        let number = |value| Number(value).to_string();
        let values = [
            0.0, 0.723_4, 0.8, 3.0, 12.34, 1_234.4, 131_072.0, 0.000_01, 2.1e7, 5e9,
        ];
        let shown = [
            "0",
            "0.723",
            "0.8",
            "3",
            "12.3",
            "1234",
            "131\u{202f}072",
            "1.00e-5",
            "21\u{202f}M",
            "5\u{202f}G",
        ];
        assert_eq!(values.map(number), shown);
        assert_eq!(Usd(0.0104).to_string(), "$0.0104");
        assert_eq!(Usd(12.5).to_string(), "$12.50");
    }
}
