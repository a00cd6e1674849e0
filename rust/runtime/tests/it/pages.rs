//! Pages of exporters read by us and by the crate prometheus-scraper, which has a parser of its
//! own: it shares no code with ours or with prometheus-parse, and keeps labels and timestamps.

use crate::data;
use prometheus_scraper::borrowed::MetricValue;
use prometheus_scraper::owned::Timestamp;
use prometheus_scraper::text::{TextFormat, parse_family};
use proptest::prelude::*;
use spillway_runtime::page::{PageLimits, pick};
use spillway_runtime::selector::Selector;
use std::collections::BTreeSet;

/// A line as the other parser reads it.
struct Told {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    timestamp_ms: Option<i64>,
}

/// Reads a page line by line, so that the other parser folds nothing into histograms. Panics when
/// it refuses a line.
fn told(page: &str, format: TextFormat) -> Vec<Told> {
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut family =
                parse_family(line, format).expect("a line that the other parser reads");
            assert_eq!(family.metric.len(), 1, "{line}");
            let metric = family.metric.remove(0);
            let MetricValue::Untyped(number) = metric.value else {
                panic!("{line}: not a plain sample");
            };
            Told {
                name: family.name.into_owned(),
                labels: metric
                    .label
                    .into_iter()
                    .map(|label| (label.name.into_owned(), label.value.into_owned()))
                    .collect(),
                value: number.as_f64(),
                timestamp_ms: metric.timestamp.map(milliseconds),
            }
        })
        .collect()
}

/// The other parser computes with fractions of a second, so that a millisecond may come out as a
/// little less.
fn milliseconds(time: Timestamp) -> i64 {
    time.seconds * 1_000 + (i64::from(time.nanos) + 500_000).div_euclid(1_000_000)
}

/// A selector that means this series and no other: every label that any series of the page has is
/// named, an absent one as empty.
fn selector_of(one: &Told, label_names: &BTreeSet<&str>) -> Selector {
    let quoted = |text: &str| {
        text.replace('\\', r"\\")
            .replace('"', r#"\""#)
            .replace('\n', r"\n")
    };
    let matchers = label_names.iter().map(|name| {
        let value = one.labels.iter().find(|(label, _)| label == name);
        let value = value.map_or("", |(_, value)| value);
        format!("{name}=\"{}\"", quoted(value))
    });
    let text = format!("{}{{{}}}", one.name, Vec::from_iter(matchers).join(","));
    Selector::parse(&text).expect("a selector")
}

/// Every sample that the other parser reads is picked by us, once, with the same value and time.
fn assert_same(page: &str, format: TextFormat) -> usize {
    let told = told(page, format);
    let label_names: BTreeSet<&str> = told
        .iter()
        .flat_map(|one| &one.labels)
        .map(|(name, _)| name.as_str())
        .collect();
    let selectors: Vec<Selector> = told
        .iter()
        .map(|one| selector_of(one, &label_names))
        .collect();
    let found = pick(page.as_bytes(), &selectors, &PageLimits::default());
    assert_eq!(found.faults, []);
    assert_eq!(found.samples.len(), told.len());
    for sample in &found.samples {
        let expected = &told[sample.selector];
        let text = &selectors[sample.selector];
        let same =
            sample.value == expected.value || (sample.value.is_nan() && expected.value.is_nan());
        assert!(same, "{text}: {} {}", sample.value, expected.value);
        assert_eq!(sample.timestamp_ms, expected.timestamp_ms, "{text}");
    }
    let picked: BTreeSet<usize> = found.samples.iter().map(|one| one.selector).collect();
    assert_eq!(picked.len(), told.len(), "each selector once");
    told.len()
}

#[test]
fn pages_of_exporters_are_read_as_another_parser_reads_them() {
    let mut samples = 0;
    for (_, page) in data::files("pages", "prom", 5) {
        samples += assert_same(&page, TextFormat::Prometheus);
    }
    assert!(samples > 500, "{samples}");
    for (_, page) in data::files("pages", "txt", 1) {
        assert_same(&page, TextFormat::OpenMetrics);
    }
}

proptest! {
    #[test]
    fn any_line_of_the_format_is_read_as_another_parser_reads_it(
        labels in proptest::collection::btree_map("[a-z_]{1,3}", "[ -~\u{e4}\u{1f600}]{0,12}", 0..4),
        value in any::<f64>(),
        timestamp in proptest::option::of(-1_000_000_000_000_i64..4_000_000_000_000),
    ) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| {
                format!("{name}=\"{}\"", value.replace('\\', r"\\").replace('"', r#"\""#))
            })
            .collect();
        let timestamp = timestamp.map_or(String::new(), |ms| format!(" {ms}"));
        let line = format!("metric{{{}}} {value:e}{timestamp}\n", labels.join(","));
        assert_same(&line, TextFormat::Prometheus);
    }
}
