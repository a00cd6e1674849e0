//! Which series of a page a signal reads: a metric name and label matchers, written as in
//! Prometheus.

use std::fmt;
use std::str::FromStr;

/// A metric name with `=` and `!=` matchers on labels, as
/// `node_cpu_seconds_total{mode="idle",cpu!="0"}`.
///
/// Regular expressions, offsets, ranges and functions are not part of it: they need an engine, and
/// the operator's Prometheus is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Matcher {
    label: String,
    equal: bool,
    value: String,
}

/// Why a text is not a [`Selector`]. Columns count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The text does not begin with a metric name.
    #[error(
        "expected a metric name at column {0}: letters, digits, `_` and `:`, no digit in front"
    )]
    MetricName(usize),
    /// A matcher does not begin with a label's name.
    #[error(
        "expected a label's name or `}}` at column {0}: letters, digits and `_`, no digit in front"
    )]
    LabelName(usize),
    /// A label's name without an operator behind it.
    #[error("expected `=` or `!=` at column {0}")]
    Operator(usize),
    /// `=~` or `!~`.
    #[error(
        "expected `=` or `!=` at column {0}: for a regular expression use a source of kind promql"
    )]
    RegularExpression(usize),
    /// An operator without a string in double quotes behind it.
    #[error("expected a value in double quotes at column {0}")]
    OpeningQuote(usize),
    /// A string that begins at that column and does not end.
    #[error("expected a closing double quote for the value that begins at column {0}")]
    ClosingQuote(usize),
    /// A backslash in front of a character that needs none.
    #[error(r#"expected `\\`, `\"` or `\n` at column {0}: no other escapes are known"#)]
    Escape(usize),
    /// A matcher that is followed by something else than another one or the end of the block.
    #[error("expected `,` or `}}` at column {0}")]
    CommaOrBrace(usize),
    /// Text behind a whole selector, such as a range or a comparison.
    #[error(
        "expected nothing more at column {0}: for ranges, offsets and arithmetic use a source of \
         kind promql"
    )]
    End(usize),
    /// A matcher on the metric's name, which already stands in front.
    #[error("expected a label other than `__name__` at column {0}: the name stands in front")]
    NameLabel(usize),
}

impl Selector {
    /// Reads a selector. White space is allowed wherever PromQL allows it, as is a comma behind
    /// the last matcher.
    ///
    /// # Errors
    /// [`SelectorError`] with the column and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_space();
        let name = cursor
            .word(is_metric_name_char)
            .ok_or_else(|| SelectorError::MetricName(cursor.column()))?;
        cursor.skip_space();
        let mut matchers = Vec::new();
        if cursor.take('{') {
            cursor.skip_space();
            while !cursor.take('}') {
                matchers.push(cursor.matcher()?);
                cursor.skip_space();
                if cursor.take(',') {
                    cursor.skip_space();
                } else if !cursor.rest().starts_with('}') {
                    return Err(SelectorError::CommaOrBrace(cursor.column()));
                }
            }
            cursor.skip_space();
        }
        if !cursor.rest().is_empty() {
            return Err(SelectorError::End(cursor.column()));
        }
        let name = name.to_owned();
        Ok(Selector { name, matchers })
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A text that is part of every line of such a series, so that others need not be read: the
    /// longest value that has to be there and is never written with escapes.
    #[cfg(feature = "scrape")]
    pub(crate) fn needed_text(&self) -> Option<&str> {
        let needed = self.matchers.iter().filter(|matcher| {
            let is_plain = !matcher.value.contains(['\\', '"', '\n']);
            matcher.equal && is_plain && !matcher.value.is_empty()
        });
        let longest = needed.max_by_key(|matcher| matcher.value.len())?;
        Some(&longest.value)
    }

    /// Whether a series of this metric with these labels, `(name, value)`, is meant. A label that
    /// is absent counts as empty.
    #[must_use]
    pub fn matches<K: AsRef<str>, V: AsRef<str>>(&self, labels: &[(K, V)]) -> bool {
        self.matchers.iter().all(|matcher| {
            let found = labels
                .iter()
                .find(|(label, _)| label.as_ref() == matcher.label)
                .map_or("", |(_, value)| value.as_ref());
            (found == matcher.value) == matcher.equal
        })
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Selector::parse(text)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (position, matcher) in self.matchers.iter().enumerate() {
            let before = if position == 0 { '{' } else { ',' };
            let operator = if matcher.equal { "=" } else { "!=" };
            write!(f, "{before}{}{operator}\"", matcher.label)?;
            for character in matcher.value.chars() {
                match character {
                    '\\' => f.write_str(r"\\")?,
                    '"' => f.write_str(r#"\""#)?,
                    '\n' => f.write_str(r"\n")?,
                    other => write!(f, "{other}")?,
                }
            }
            f.write_str("\"")?;
        }
        if self.matchers.is_empty() {
            return Ok(());
        }
        f.write_str("}")
    }
}

/// Whether a metric's name may hold that character; a digit only behind the first one.
fn is_metric_name_char(character: char) -> bool {
    is_label_name_char(character) || character == ':'
}

fn is_label_name_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn column(&self) -> usize {
        self.column_of(self.at)
    }

    fn column_of(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// A run of such characters that does not begin with a digit.
    fn word(&mut self, allowed: fn(char) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c| !allowed(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        Some(word)
    }

    fn matcher(&mut self) -> Result<Matcher, SelectorError> {
        let begin = self.at;
        let label = self
            .word(is_label_name_char)
            .ok_or_else(|| SelectorError::LabelName(self.column()))?;
        if label == "__name__" {
            return Err(SelectorError::NameLabel(self.column_of(begin)));
        }
        self.skip_space();
        let operator = self.column();
        let negated = self.take('!');
        if self.rest().starts_with("=~") || (negated && self.rest().starts_with('~')) {
            return Err(SelectorError::RegularExpression(operator));
        }
        if !self.take('=') {
            return Err(SelectorError::Operator(operator));
        }
        self.skip_space();
        Ok(Matcher {
            label: label.to_owned(),
            equal: !negated,
            value: self.quoted()?,
        })
    }

    fn quoted(&mut self) -> Result<String, SelectorError> {
        let begin = self.column();
        if !self.take('"') {
            return Err(SelectorError::OpeningQuote(begin));
        }
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += offset + 1;
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, '\\')) => value.push('\\'),
                    Some((_, '"')) => value.push('"'),
                    Some((_, 'n')) => value.push('\n'),
                    _ => return Err(SelectorError::Escape(self.column_of(self.at + offset))),
                },
                other => value.push(other),
            }
        }
        Err(SelectorError::ClosingQuote(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn selector(text: &str) -> Selector {
        Selector::parse(text).expect("a selector")
    }

    #[test]
    fn a_matcher_compares_the_whole_value_and_an_absent_label_is_empty() {
        let idle = selector(r#"node_cpu_seconds_total{mode="idle",cpu!="0"}"#);
        assert_eq!(idle.name(), "node_cpu_seconds_total");
        assert!(idle.matches(&[("cpu", "1"), ("mode", "idle")]));
        assert!(!idle.matches(&[("cpu", "0"), ("mode", "idle")]));
        assert!(!idle.matches(&[("cpu", "1"), ("mode", "idle2")]));
        assert!(
            idle.matches(&[("mode", "idle")]),
            "an absent cpu is not \"0\""
        );
        assert!(!idle.matches(&[("cpu", "1")]));
        let none: [(&str, &str); 0] = [];
        assert!(selector(r#"up{job=""}"#).matches(&none));
        assert!(!selector(r#"up{job!=""}"#).matches(&none));
        assert!(selector("up").matches(&[("job", "node")]));
    }

    #[test]
    fn white_space_escapes_and_a_last_comma_are_taken() {
        let spaced = selector(" a:b { x = \"1\" ,\n y != \"\\\\ \\\" \\n\" , } ");
        assert_eq!(spaced.to_string(), r#"a:b{x="1",y!="\\ \" \n"}"#);
        assert!(!spaced.matches(&[("x", "1"), ("y", "\\ \" \n")]));
        assert_eq!(selector("a{}").to_string(), "a");
    }

    #[test]
    fn an_error_says_what_was_expected_and_where() {
        for (text, expected) in [
            ("", SelectorError::MetricName(1)),
            ("{a=\"b\"}", SelectorError::MetricName(1)),
            (" 9a", SelectorError::MetricName(2)),
            ("größe{a=\"b\"}", SelectorError::End(3)),
            ("a{9=\"b\"}", SelectorError::LabelName(3)),
            ("a{b:c=\"d\"}", SelectorError::Operator(4)),
            ("a{,}", SelectorError::LabelName(3)),
            ("a{", SelectorError::LabelName(3)),
            ("a{b}", SelectorError::Operator(4)),
            ("a{b=~\"c\"}", SelectorError::RegularExpression(4)),
            ("a{b!~\"c\"}", SelectorError::RegularExpression(4)),
            ("a{b='c'}", SelectorError::OpeningQuote(5)),
            ("a{b=\"c}", SelectorError::ClosingQuote(5)),
            ("a{b=\"ä\\t\"}", SelectorError::Escape(7)),
            ("a{b=\"c\\", SelectorError::Escape(7)),
            ("a{b=\"c\" d=\"e\"}", SelectorError::CommaOrBrace(9)),
            ("a{b=\"c\"", SelectorError::CommaOrBrace(8)),
            ("rate(a[5m])", SelectorError::End(5)),
            ("a[5m]", SelectorError::End(2)),
            ("a > 1", SelectorError::End(3)),
            ("a{__name__=\"b\"}", SelectorError::NameLabel(3)),
        ] {
            assert_eq!(Selector::parse(text), Err(expected), "{text}");
        }
        let refused = Selector::parse("a{b=~\"c\"}").expect_err("refused");
        assert!(refused.to_string().contains("promql"), "{refused}");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(
            name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}",
            matchers in proptest::collection::vec(
                ("[a-zA-Z_][a-zA-Z0-9_]{0,4}", any::<bool>(), any::<String>()), 0..4),
        ) {
            let matchers: Vec<_> = matchers
                .into_iter()
                .map(|(label, equal, value)| Matcher { label, equal, value })
                .collect();
            let made = Selector { name, matchers };
            prop_assert_eq!(Selector::parse(&made.to_string()), Ok(made));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), tail in "[a{}=!~\",\\\\ n]{0,12}") {
            let _either = Selector::parse(&text);
            let _either = Selector::parse(&tail);
        }
    }
}
