//! Prometheus' text format, version 0.0.4.

use std::collections::HashSet;

/// A page that is being written, one family after the other.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    head: String,
    name: &'static str,
    /// Labels of the family's samples so far.
    written: HashSet<String>,
}

impl Page {
    /// Begins a family. Its head is written with its first sample.
    pub(super) fn begin(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        self.head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        self.written.clear();
    }

    /// Writes a sample. What is not finite is no measurement and left out, and so is a second
    /// sample with the same labels, since Prometheus refuses a whole page for one.
    pub(super) fn put(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels = written_labels(labels);
        if !value.is_finite() || !self.written.insert(labels.clone()) {
            return;
        }
        self.text.push_str(&std::mem::take(&mut self.head));
        let line = format!("{}{labels} {value}\n", self.name);
        self.text.push_str(&line);
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn count(&mut self, labels: &[(&str, &str)], count: u64) {
        self.put(labels, count as f64);
    }

    pub(super) fn yes_or_no(&mut self, labels: &[(&str, &str)], yes: bool) {
        self.put(labels, f64::from(u8::from(yes)));
    }

    /// Writes a time, or a length of time, that is known in milliseconds.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn millis(&mut self, labels: &[(&str, &str)], millis: Option<u64>) {
        if let Some(millis) = millis {
            self.put(labels, millis as f64 / 1_000.0);
        }
    }

    pub(super) fn known(&mut self, labels: &[(&str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            self.put(labels, value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

fn written_labels(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}
