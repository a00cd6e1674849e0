//! The answer of Prometheus' query API to an instant query. Pure.

use crate::sources::failure::{Failure, FailureKind, excerpt};
use crate::sources::time::MAX_AHEAD;
use serde::Deserialize;
use spillway_core::Timestamp;
use spillway_core::gate::Sample;

/// Reads the one sample that a query is to give. The value may be NaN or infinite. The time is the
/// answer's own, so that an old answer is an old sample; `now` bounds it.
///
/// # Errors
/// [`FailureKind::Absent`] for no series, [`FailureKind::TooMany`] for several,
/// [`FailureKind::Status`] when the server says that the query failed, and
/// [`FailureKind::Malformed`] for everything that is not an answer with one number.
pub fn read_answer(body: &[u8], now: Timestamp) -> Result<Sample, Failure> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        malformed(format!("no answer of the query API at {at}"))
    })?;
    match answer {
        Answer::Success { data } => one(data)?.sample(now),
        Answer::Error { error_type, error } => Err(Failure::new(
            FailureKind::Status,
            format!("{}: {}", excerpt(&error_type), excerpt(&error)),
        )),
    }
}

/// Warnings and whatever else an answer has are passed over: a server that has only a part of the data
/// is asked to fail instead.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success {
        data: Found,
    },
    Error {
        #[serde(rename = "errorType", default)]
        error_type: String,
        #[serde(default)]
        error: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Found {
    Vector(Vec<Series>),
    Scalar(Point),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    /// Absent in a native histogram.
    value: Option<Point>,
}

/// Unix time in seconds, and a number as a text: JSON knows no NaN.
#[derive(Deserialize)]
struct Point(f64, String);

fn one(found: Found) -> Result<Point, Failure> {
    match found {
        Found::Scalar(point) => Ok(point),
        Found::Vector(series) => {
            let n_series = series.len();
            let mut series = series.into_iter();
            match (series.next(), n_series) {
                (None, _) => Err(Failure::new(
                    FailureKind::Absent,
                    "the query gives no series, expected one; to have a value without any, add \
                     \"or vector(0)\"",
                )),
                (Some(series), 1) => series.value.ok_or_else(|| {
                    malformed("the query gives a histogram, expected a number".to_owned())
                }),
                (Some(_), _) => Err(Failure::new(
                    FailureKind::TooMany,
                    format!(
                        "the query gives {n_series} series, expected one; aggregate them, as with \
                         avg(...) or max(...)"
                    ),
                )),
            }
        }
        Found::Matrix(_) => Err(malformed(
            "the query gives a range, expected an instant; leave the [...] at its end out"
                .to_owned(),
        )),
        Found::String(_) => Err(malformed(
            "the query gives a text, expected a number".to_owned(),
        )),
    }
}

impl Point {
    fn sample(&self, now: Timestamp) -> Result<Sample, Failure> {
        let Point(secs, text) = self;
        // What f64 reads is what Prometheus writes and a few spellings more.
        let value = text.parse().map_err(|_| {
            malformed(format!(
                "the value is \"{}\", expected a number",
                excerpt(text)
            ))
        })?;
        let ms = (secs * 1_000.0).round();
        // Beyond 2^53 a number does not stand for one millisecond any more.
        if !(0.0..=9_007_199_254_740_992.0).contains(&ms) {
            return Err(malformed(format!("the time is {secs}, expected Unix time")));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = Timestamp(ms as u64);
        if at.since(now) > MAX_AHEAD {
            return Err(malformed(format!(
                "the sample's time is {} ahead of our clock, expected at most {MAX_AHEAD}",
                at.since(now)
            )));
        }
        Ok(Sample {
            value,
            at: at.min(now),
        })
    }
}

fn malformed(detail: String) -> Failure {
    Failure::new(FailureKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn vector(series: &str) -> String {
        format!(
            "{{\"status\":\"success\",\"warnings\":[\"w\"],\"data\":{{\"resultType\":\"vector\",\
             \"result\":[{series}]}}}}"
        )
    }

    fn read(body: &str) -> Result<(f64, u64), FailureKind> {
        let sample = read_answer(body.as_bytes(), NOW).map_err(|failure| failure.kind)?;
        Ok((sample.value, sample.at.0))
    }

    #[test]
    fn one_number_is_read_with_its_own_time() {
        let old = r#"{"metric":{"a":"b"},"value":[1799999990.5,"0.25"]}"#;
        assert_eq!(read(&vector(old)), Ok((0.25, 1_799_999_990_500)));
        let scalar = r#"{"data":{"result":[1800000000,"1e3"],"resultType":"scalar"},
                         "infos":[],"status":"success"}"#;
        assert_eq!(read(scalar), Ok((1_000.0, NOW.0)));
        let ahead = r#"{"metric":{},"value":[1800000004.9,"1"]}"#;
        assert_eq!(
            read(&vector(ahead)),
            Ok((1.0, NOW.0)),
            "clocks differ a little"
        );
    }

    #[test]
    fn what_is_no_finite_number_is_left_to_the_gate() {
        for (text, value) in [("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY)] {
            let body = vector(&format!("{{\"value\":[1800000000,\"{text}\"]}}"));
            assert_eq!(read(&body), Ok((value, NOW.0)));
        }
        let nan = read(&vector(r#"{"value":[1800000000,"NaN"]}"#)).expect("a sample");
        assert!(nan.0.is_nan());
    }

    #[test]
    fn everything_else_is_a_failure_of_its_kind() {
        let sample = r#"{"value":[1800000000,"1"]}"#;
        for (body, kind) in [
            (vector(""), FailureKind::Absent),
            (vector(&format!("{sample},{sample}")), FailureKind::TooMany),
            (
                vector(r#"{"histogram":[1800000000,{}]}"#),
                FailureKind::Malformed,
            ),
            (
                vector(r#"{"value":[1800000000,1]}"#),
                FailureKind::Malformed,
            ),
            (
                vector(r#"{"value":[1800000000,"one"]}"#),
                FailureKind::Malformed,
            ),
            (vector(r#"{"value":[1800000000]}"#), FailureKind::Malformed),
            (
                vector(r#"{"value":["1800000000","1"]}"#),
                FailureKind::Malformed,
            ),
            (vector(r#"{"value":[-1,"1"]}"#), FailureKind::Malformed),
            (vector(r#"{"value":[1e300,"1"]}"#), FailureKind::Malformed),
            (
                vector(r#"{"value":[1800000006,"1"]}"#),
                FailureKind::Malformed,
            ),
            (
                vector(sample).replace("vector", "matrix"),
                FailureKind::Malformed,
            ),
            (
                vector(sample).replace("vector", "string"),
                FailureKind::Malformed,
            ),
            (
                vector(sample).replace("vector", "vectors"),
                FailureKind::Malformed,
            ),
            (
                vector(sample).replace("success", "ok"),
                FailureKind::Malformed,
            ),
            (
                r#"{"status":"error","errorType":"bad_data","error":"x"}"#.to_owned(),
                FailureKind::Status,
            ),
            (r#"{"status":"success"}"#.to_owned(), FailureKind::Malformed),
            ("<html>".to_owned(), FailureKind::Malformed),
            (String::new(), FailureKind::Malformed),
            ("[".repeat(100_000), FailureKind::Malformed),
        ] {
            assert_eq!(read(&body), Err(kind), "{}", excerpt(&body));
        }
    }

    #[test]
    fn the_servers_own_words_are_shown_short_and_printable() {
        let error = "1:1: parse error\\n\\u001b[2J".to_owned() + &"x".repeat(1_000);
        let body =
            format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"{error}\"}}");
        let failure = read_answer(body.as_bytes(), NOW).expect_err("refused");
        assert!(
            failure
                .detail
                .starts_with("bad_data: 1:1: parse error  [2Jxx"),
            "{failure}"
        );
        assert!(failure.detail.chars().count() < 300);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = read_answer(&body, NOW);
        }

        #[test]
        fn no_sample_lies_in_the_future(secs in any::<f64>(), text in any::<String>()) {
            let point = Point(secs, text);
            if let Ok(sample) = point.sample(NOW) {
                prop_assert!(sample.at <= NOW);
            }
        }
    }
}
