//! What `docs/metrics.md` declares of each metric, held against a page of everything.

use super::serving::Serving;
use super::views;
use spillway_runtime::sidecar::server::metrics_reference;
use spillway_runtime::view::View;
use std::collections::{BTreeMap, BTreeSet};

/// A row of the reference.
struct Declared {
    kind: String,
    /// Each label with the values that it may have; without any when they are not a closed set.
    labels: BTreeMap<String, BTreeSet<String>>,
    /// How many series at most, and for each of what.
    most: usize,
    per: Option<String>,
}

fn declared() -> BTreeMap<String, Declared> {
    let reference = metrics_reference();
    let rows = reference.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, series, _what] = cells.as_slice() else {
            panic!("{row}");
        };
        let (most, per) = match series.split_once(" per ") {
            Some((most, per)) => (most, Some(per.to_owned())),
            None => (*series, None),
        };
        let labels = labels.split("; ").filter(|label| !label.is_empty());
        let declared = Declared {
            kind: (*kind).to_owned(),
            labels: labels.map(label).collect(),
            most: most.parse().unwrap_or_else(|_| panic!("no number: {row}")),
            per,
        };
        (name.trim_matches('`').to_owned(), declared)
    })
    .collect()
}

/// A label is declared as `` `state`: `open`, `closed` ``; other words make it an open set.
fn label(text: &str) -> (String, BTreeSet<String>) {
    let (name, values) = text.split_once(": ").unwrap_or((text, ""));
    let values: Vec<_> = values.split(", ").collect();
    let is_word = |value: &&str| {
        let inner = value
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix('`'));
        inner.is_some_and(|inner| inner.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let closed = values.iter().all(is_word);
    let values = values.iter().filter(|_| closed);
    let values = values.map(|value| value.trim_matches('`').to_owned());
    (name.trim_matches('`').to_owned(), values.collect())
}

/// Labels of a sample; their values in `views::full` have neither commas nor quotes.
fn labels_of(series: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((name, labels)) = series.split_once('{') else {
        return (series, Vec::new());
    };
    let pairs = labels.trim_end_matches('}').split(',');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name, value.trim_matches('"')));
    (name, pairs.collect())
}

fn count(view: &View, per: Option<&str>) -> usize {
    match per {
        None => 1,
        Some("gate") => view.gates.len(),
        Some("signal") => view.signals.len(),
        Some("source") => view.sources.len(),
        Some("burst host") => view.burst_hosts.len(),
        Some("offer") => view.burst_hosts.iter().map(|host| host.offers.len()).sum(),
        Some(other) => panic!("nothing is counted per {other}"),
    }
}

#[tokio::test]
async fn every_metric_has_the_type_labels_and_number_of_series_that_are_documented() {
    let serving = Serving::start(views::full).await;
    let view = serving.view();
    let page = serving.text("/metrics").await;
    let declared = declared();
    let mut kinds = BTreeMap::new();
    let mut found: BTreeMap<&str, Vec<Vec<(&str, &str)>>> = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            kinds.extend(rest.split_once(' '));
        } else if !line.starts_with('#') {
            let (series, _value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = labels_of(series);
            found.entry(name).or_default().push(labels);
        }
    }
    let names: BTreeSet<_> = found.keys().copied().collect();
    let documented: BTreeSet<_> = declared.keys().map(String::as_str).collect();
    assert_eq!(names, documented, "a full view has every metric");
    for (name, series) in found {
        let declared = &declared[name];
        assert_eq!(kinds[name], declared.kind, "{name}");
        let most = declared.most * count(&view, declared.per.as_deref());
        assert!(series.len() <= most, "{name}: {} of {most}", series.len());
        for labels in series {
            let names: BTreeSet<_> = labels.iter().map(|(name, _)| (*name).to_owned()).collect();
            let documented: BTreeSet<_> = declared.labels.keys().cloned().collect();
            assert_eq!(names, documented, "{name}");
            for (label, value) in labels {
                let values = &declared.labels[label];
                let fits = values.is_empty() || values.contains(value);
                assert!(fits, "{name}: {label} is {value}, and not of {values:?}");
            }
        }
    }
}
