//! Why something that comes from outside could not be used.

use std::fmt;

/// Kinds of failure; a label of a metric, so the set is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// No connection: refused, reset, no such name.
    Connect,
    /// The certificate or the handshake was not accepted.
    Tls,
    /// It took longer than the time limit.
    Timeout,
    /// The answer, after decompression, is larger than the limit.
    TooLarge,
    /// More samples, labels or series than the limit.
    TooMany,
    /// A status other than success; redirects too, since none is followed.
    Status,
    /// Credentials are missing, unreadable or refused.
    Unauthorized,
    /// The answer is not what was asked for: no page, no JSON, another shape.
    Malformed,
    /// What was asked for is not in the answer.
    Absent,
    /// Fewer targets answered than the source needs.
    TooFewTargets,
    /// The broker closed the channel or refused what was declared.
    Refused,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [FailureKind; 11] = [
        FailureKind::Connect,
        FailureKind::Tls,
        FailureKind::Timeout,
        FailureKind::TooLarge,
        FailureKind::TooMany,
        FailureKind::Status,
        FailureKind::Unauthorized,
        FailureKind::Malformed,
        FailureKind::Absent,
        FailureKind::TooFewTargets,
        FailureKind::Refused,
    ];

    /// Stable name, as in metrics and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Connect => "connect",
            FailureKind::Tls => "tls",
            FailureKind::Timeout => "timeout",
            FailureKind::TooLarge => "too_large",
            FailureKind::TooMany => "too_many",
            FailureKind::Status => "status",
            FailureKind::Unauthorized => "unauthorized",
            FailureKind::Malformed => "malformed",
            FailureKind::Absent => "absent",
            FailureKind::TooFewTargets => "too_few_targets",
            FailureKind::Refused => "refused",
        }
    }
}

/// A failure with a sentence for people. The sentence holds no secret and nothing that the other
/// side chose beyond a short, printable excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What happened, to what, and what was expected.
    pub detail: String,
}

impl Failure {
    /// A failure with its sentence.
    #[must_use]
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Failure {
            kind,
            detail: detail.into(),
        }
    }
}

/// A short printable piece of a text that someone else chose, for a sentence of ours.
#[must_use]
pub fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 240;
    let printable = |character: char| {
        if character.is_control() || ('\u{200b}'..='\u{206f}').contains(&character) {
            ' '
        } else {
            character
        }
    };
    let mut shown: String = text.trim().chars().take(MAX_CHARS).map(printable).collect();
    if text.trim().chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind.name())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_cannot_break_a_line_or_turn_its_direction() {
        assert_eq!(excerpt(" a\nb\u{1b}[2J\u{202e}c "), "a b [2J c");
        assert_eq!(excerpt(&"ä".repeat(240)), "ä".repeat(240));
        assert_eq!(excerpt(&"ä".repeat(241)), format!("{}…", "ä".repeat(240)));
    }
}
