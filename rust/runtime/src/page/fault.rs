//! What can be wrong with a line that a selector wants.

use std::fmt;

/// A line of the page that a selector wants and that did not become a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageFault {
    /// Position of the selector among those that were asked for.
    pub selector: usize,
    /// Line of the page, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// The kinds of [`PageFault`]. None holds text of the page: it is not ours to repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Not a line of the text format.
    Malformed(Expected),
    /// The same labels as on an earlier line of the page.
    DuplicateSeries,
    /// More samples than [`super::PageLimits::samples`].
    TooManySamples,
    /// More labels than [`super::PageLimits::labels`].
    TooManyLabels,
    /// A label's value longer than [`super::PageLimits::label_value_bytes`].
    LabelTooLong,
    /// Not UTF-8.
    NotUtf8,
    /// Longer than [`super::PageLimits::line_bytes`].
    LineTooLong,
    /// The value is not a number.
    NotANumber,
    /// We read a sample and the crate prometheus-parse did not, or read another one.
    ParserDisagrees,
}

/// What a malformed line lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// White space or `{` behind the metric's name.
    EndOfName,
    /// A label's name, or the end of the labels.
    LabelName,
    /// `=` behind a label's name.
    EqualsSign,
    /// A double quote that begins a label's value.
    OpeningQuote,
    /// A double quote that ends a label's value.
    ClosingQuote,
    /// `,` or `}` behind a label's value.
    CommaOrBrace,
    /// A label's name that the series does not have yet.
    NewLabel,
    /// A value behind name and labels.
    Value,
    /// A time in whole milliseconds, in OpenMetrics in seconds.
    Timestamp,
    /// Nothing behind value and timestamp.
    EndOfLine,
}

impl FaultKind {
    /// A short fixed word, for the label of a metric.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            FaultKind::Malformed(_) => "malformed",
            FaultKind::DuplicateSeries => "duplicate_series",
            FaultKind::TooManySamples => "too_many_samples",
            FaultKind::TooManyLabels => "too_many_labels",
            FaultKind::LabelTooLong => "label_too_long",
            FaultKind::NotUtf8 => "not_utf8",
            FaultKind::LineTooLong => "line_too_long",
            FaultKind::NotANumber => "not_a_number",
            FaultKind::ParserDisagrees => "parser_disagrees",
        }
    }
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::Malformed(expected) => return write!(f, "expected {expected}"),
            FaultKind::DuplicateSeries => "expected each series once, this one was there before",
            FaultKind::TooManySamples => "expected fewer samples for the selectors",
            FaultKind::TooManyLabels => "expected fewer labels",
            FaultKind::LabelTooLong => "expected a shorter label",
            FaultKind::NotUtf8 => "expected UTF-8",
            FaultKind::LineTooLong => "expected a shorter line",
            FaultKind::NotANumber => "expected a number as the value",
            FaultKind::ParserDisagrees => "expected a line that both parsers read alike",
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::EndOfName => "white space or `{` behind the metric's name",
            Expected::LabelName => "a label's name or `}`",
            Expected::EqualsSign => "`=` behind a label's name",
            Expected::OpeningQuote => "a double quote in front of a label's value",
            Expected::ClosingQuote => "a double quote behind a label's value",
            Expected::CommaOrBrace => "`,` or `}` behind a label's value",
            Expected::NewLabel => "each label once",
            Expected::Value => "a value",
            Expected::Timestamp => "a timestamp",
            Expected::EndOfLine => "nothing behind value and timestamp",
        })
    }
}
