//! The label block of a line, read as Prometheus reads it.
//!
//! Ours, because prometheus-parse splits the block at every `,` and `=` and ends it at the first
//! `}`, wherever they stand: `aggregates="az1,ssd"` becomes `az1`.

use super::PageLimits;
use super::fault::{Expected, FaultKind};
use std::borrow::Cow;

/// A label's name and its value without escapes; borrowed from the page where it has none.
pub(super) type Label<'a> = (&'a str, Cow<'a, str>);

/// Reads the label block that `text` begins with, if it does, into `labels`, sorted by name.
/// Returns what stands behind it.
pub(super) fn read_labels<'a>(
    text: &'a str,
    limits: &PageLimits,
    labels: &mut Vec<Label<'a>>,
) -> Result<&'a str, FaultKind> {
    labels.clear();
    let Some(block) = text.strip_prefix('{') else {
        return Ok(text);
    };
    let mut rest = skip_blanks(block);
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            sort(labels)?;
            return Ok(behind);
        }
        if labels.len() == limits.labels {
            return Err(FaultKind::TooManyLabels);
        }
        let (name, behind) = read_name(rest)?;
        let value = skip_blanks(behind)
            .strip_prefix('=')
            .ok_or(FaultKind::Malformed(Expected::EqualsSign))?;
        let value = skip_blanks(value)
            .strip_prefix('"')
            .ok_or(FaultKind::Malformed(Expected::OpeningQuote))?;
        let (value, behind) = read_value(value)?;
        if name.len() > limits.label_value_bytes || value.len() > limits.label_value_bytes {
            return Err(FaultKind::LabelTooLong);
        }
        labels.push((name, value));
        rest = skip_blanks(behind);
        match rest.strip_prefix(',') {
            Some(next) => rest = skip_blanks(next),
            None if rest.starts_with('}') => {}
            None => return Err(FaultKind::Malformed(Expected::CommaOrBrace)),
        }
    }
}

/// Prometheus knows blanks and tabs, no other white space.
pub(super) fn skip_blanks(text: &str) -> &str {
    // Exporters rarely write any, and this is asked six times a label.
    if !matches!(text.as_bytes().first(), Some(b' ' | b'\t')) {
        return text;
    }
    text.trim_start_matches([' ', '\t'])
}

fn read_name(text: &str) -> Result<(&str, &str), FaultKind> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
        .unwrap_or(text.len());
    if end == 0 || text.as_bytes()[0].is_ascii_digit() {
        return Err(FaultKind::Malformed(Expected::LabelName));
    }
    Ok(text.split_at(end))
}

/// Reads a value up to its closing quote. A backslash in front of anything but `\`, `"` and `n`
/// stays, as it does in Prometheus.
fn read_value(text: &str) -> Result<(Cow<'_, str>, &str), FaultKind> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut escaped = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => return Err(FaultKind::Malformed(Expected::ClosingQuote)),
        }
    }
    let value = &text[..at];
    let value = if escaped {
        Cow::Owned(without_escapes(value))
    } else {
        Cow::Borrowed(value)
    };
    Ok((value, &text[at + 1..]))
}

fn without_escapes(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => value.push('\n'),
            Some(plain @ ('\\' | '"')) => value.push(plain),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

/// Exporters write labels in any order; the same labels are the same series.
fn sort(labels: &mut [Label<'_>]) -> Result<(), FaultKind> {
    let ascending = |labels: &[Label<'_>]| labels.is_sorted_by(|one, next| one.0 < next.0);
    if !ascending(labels) {
        labels.sort_unstable_by_key(|label| label.0);
        if !ascending(labels) {
            return Err(FaultKind::Malformed(Expected::NewLabel));
        }
    }
    Ok(())
}
