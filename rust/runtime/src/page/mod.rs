//! A page in Prometheus' text format to the samples that selectors want. Pure: no I/O, no clock.
//!
//! The lines of the wanted metrics are picked out of the page first. We read their labels, and the
//! crate prometheus-parse their values. A picked line that is not a sample is a [`PageFault`] of
//! every selector with that name whose values occur in it: it cannot be known which of them its
//! labels would have matched. What no selector can want is skipped unread, whatever it is.
//!
//! A page that ends with `# EOF` is OpenMetrics: its timestamps are in seconds, and exemplars are
//! left out. Names as `x_bucket`, `x_sum` and `x_total` are names like any other.

mod fault;
mod labels;
mod names;
mod rates;
mod value;

pub use fault::{Expected, FaultKind, PageFault};
pub use rates::Rates;

use crate::selector::Selector;
use labels::{Label, read_labels};
use memchr::memmem::Finder;
use names::{Names, behind_name};
use std::borrow::Cow;
use std::collections::HashSet;

/// Limits on what is picked; beyond them a line is a fault. The page itself is limited by whoever
/// fetched it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// Labels of one series. The widest of common exporters, kube-state-metrics' `*_labels`
    /// aside, have about 20.
    pub labels: usize,
    /// Bytes of one label's name or value.
    pub label_value_bytes: usize,
    /// Samples of one page for all selectors together. A signal of more series than that should
    /// be reduced by the operator's Prometheus.
    pub samples: usize,
    /// Bytes of a line.
    pub line_bytes: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        PageLimits {
            labels: 64,
            label_value_bytes: 4 << 10,
            samples: 10_000,
            line_bytes: 64 << 10,
        }
    }
}

/// How many faults of one selector are kept. One already makes a signal an error; a few more tell
/// whether it is one line or all of them.
pub const MAX_FAULTS_PER_SELECTOR: usize = 8;

/// What selectors want of a page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// In the order of the page.
    pub samples: Vec<Picked>,
    /// In the order of the page, at most [`MAX_FAULTS_PER_SELECTOR`] of each selector.
    pub faults: Vec<PageFault>,
}

/// One sample that a selector wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picked {
    /// Position of the selector among those that were asked for.
    pub selector: usize,
    /// Tells the series of one selector and one target apart.
    pub series: SeriesKey,
    /// As the page has it: may be NaN or infinite.
    pub value: f64,
    /// Unix time in milliseconds, where the page gives one.
    pub timestamp_ms: Option<i64>,
    /// Where in the page its labels begin; see [`labels_of`].
    pub labels_at: usize,
}

/// A hash of a series' labels. The same labels in any order have the same key, in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey(pub u64);

/// Picks from `page` what `selectors` want. A line that several selectors want is picked for each.
#[must_use]
pub fn pick(page: &[u8], selectors: &[Selector], limits: &PageLimits) -> Page {
    let needed = selectors
        .iter()
        .map(|selector| selector.needed_text().map(Finder::new))
        .collect();
    let mut picking = Picking {
        page,
        selectors,
        needed,
        limits,
        timestamps_in_seconds: is_open_metrics(page),
        labels: Vec::new(),
        seen: HashSet::with_capacity(4 * selectors.len()),
        faults: vec![0; selectors.len()],
        found: Page::default(),
    };
    let names = Names::of(selectors);
    let (mut number, mut begin) = (0, 0);
    for end in memchr::memchr_iter(b'\n', page) {
        number += 1;
        picking.look_at(number, &page[begin..end], &names);
        begin = end + 1;
    }
    picking.look_at(number + 1, &page[begin..], &names);
    picking.found
}

/// The labels of a sample that was picked from this page: names and values, sorted by name.
#[must_use]
pub fn labels_of<'a>(page: &'a [u8], picked: &Picked) -> Vec<(&'a str, Cow<'a, str>)> {
    let mut labels = Vec::new();
    let block = page.get(picked.labels_at..).unwrap_or_default();
    let line = block
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    // They were read once, so they can be read again; of another page there would be none.
    let no_limits = PageLimits {
        labels: usize::MAX,
        label_value_bytes: usize::MAX,
        ..PageLimits::default()
    };
    let read = std::str::from_utf8(line)
        .map(|line| read_labels(labels::skip_blanks(line), &no_limits, &mut labels));
    if !matches!(read, Ok(Ok(_))) {
        labels.clear();
    }
    labels
}

struct Picking<'a> {
    page: &'a [u8],
    selectors: &'a [Selector],
    /// What a line must have for each selector; see [`Selector::needed_text`].
    needed: Vec<Option<Finder<'a>>>,
    limits: &'a PageLimits,
    timestamps_in_seconds: bool,
    /// Of the line at hand.
    labels: Vec<Label<'a>>,
    seen: HashSet<(usize, SeriesKey)>,
    /// How many faults each selector has.
    faults: Vec<usize>,
    found: Page,
}

impl<'a> Picking<'a> {
    /// Most lines go no further than this.
    #[inline]
    fn look_at(&mut self, number: usize, line: &'a [u8], names: &Names) {
        let line = match line.first() {
            Some(b' ' | b'\t') => without_indent(line),
            _ => line,
        };
        let candidates = names.candidates(line);
        if !candidates.is_empty() {
            self.take_line(number, line, candidates);
        }
    }

    fn take_line(&mut self, number: usize, line: &'a [u8], candidates: &[usize]) {
        let selectors = self.selectors;
        let mut read = None;
        for &selector in candidates {
            let wanted = &selectors[selector];
            let Some(rest) = behind_name(line, wanted.name()) else {
                continue;
            };
            let needed = &self.needed[selector];
            if needed
                .as_ref()
                .is_some_and(|text| text.find(rest).is_none())
            {
                continue;
            }
            let taken = match *read.get_or_insert_with(|| self.read_labels(line, rest)) {
                Ok(_) if !wanted.matches(&self.labels) => Ok(()),
                Ok(fields) => self.take_sample(selector, rest, fields),
                Err(kind) => Err(kind),
            };
            if let Err(kind) = taken {
                self.add_fault(selector, number, kind);
            }
        }
    }

    /// Reads the labels of a line from what stands behind its name; returns what stands behind
    /// them.
    fn read_labels(&mut self, line: &[u8], rest: &'a [u8]) -> Result<&'a str, FaultKind> {
        if line.len() > self.limits.line_bytes {
            return Err(FaultKind::LineTooLong);
        }
        let rest = std::str::from_utf8(rest).map_err(|_| FaultKind::NotUtf8)?;
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        match rest.bytes().next() {
            None | Some(b' ' | b'\t' | b'{') => {}
            Some(_) => return Err(FaultKind::Malformed(Expected::EndOfName)),
        }
        read_labels(labels::skip_blanks(rest), self.limits, &mut self.labels)
    }

    /// `rest` is what stands behind the name, and `fields` what stands behind the labels.
    fn take_sample(&mut self, selector: usize, rest: &[u8], fields: &str) -> Result<(), FaultKind> {
        if self.found.samples.len() >= self.limits.samples {
            return Err(FaultKind::TooManySamples);
        }
        let (value, timestamp_ms) = value::read_value(fields, self.timestamps_in_seconds)?;
        let series = SeriesKey::of(&self.labels);
        if !self.seen.insert((selector, series)) {
            return Err(FaultKind::DuplicateSeries);
        }
        self.found.samples.push(Picked {
            selector,
            series,
            value,
            timestamp_ms,
            labels_at: rest.as_ptr().addr() - self.page.as_ptr().addr(),
        });
        Ok(())
    }

    fn add_fault(&mut self, selector: usize, line: usize, kind: FaultKind) {
        self.faults[selector] += 1;
        if self.faults[selector] <= MAX_FAULTS_PER_SELECTOR {
            self.found.faults.push(PageFault {
                selector,
                line,
                kind,
            });
        }
    }
}

impl SeriesKey {
    /// FNV-1a, 64 bits, over the labels in the order of their names; an empty one counts as absent,
    /// as everywhere in Prometheus. A byte that UTF-8 never has ends each text, so that no two
    /// lists of labels are the same bytes.
    fn of(labels: &[Label<'_>]) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let present = labels.iter().filter(|(_, value)| !value.is_empty());
        let texts = present.flat_map(|(name, value)| [name, &**value]);
        let bytes = texts.flat_map(|text| text.bytes().chain(std::iter::once(0xff)));
        SeriesKey(bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        }))
    }
}

/// OpenMetrics requires `# EOF` as the last line; in Prometheus' own format it would be a comment.
fn is_open_metrics(page: &[u8]) -> bool {
    let page = page.trim_ascii_end();
    page.ends_with(b"\n# EOF") || page == b"# EOF"
}

fn without_indent(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    &line[blanks.count()..]
}

#[cfg(test)]
mod tests;
