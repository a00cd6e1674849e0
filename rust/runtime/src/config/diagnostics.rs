//! What is wrong with a policy file, and where.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Path from the top of the file to a value.
macro_rules! steps {
    ($($step:expr),+ $(,)?) => { [$($crate::config::diagnostics::Step::from($step)),+] };
}
pub(super) use steps;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The file as a whole: it cannot be read.
    File {
        /// Its name as it was given.
        name: String,
    },
    /// A place in the file; both count from 1, columns in characters.
    Place {
        /// Name of the file as it was given.
        name: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name } => write!(f, "{name}"),
            Origin::Place { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Origin::Variable { name } => write!(f, "environment variable {name}"),
        }
    }
}

/// One thing that is wrong: its place, what is there, what was expected, what may be meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where it is.
    pub origin: Origin,
    /// What is there.
    pub found: String,
    /// What would have been accepted.
    pub expected: Option<String>,
    /// What was perhaps meant.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(origin: Origin, found: impl Into<String>) -> Self {
        Diagnostic {
            origin,
            found: found.into(),
            expected: None,
            suggestion: None,
        }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn suggestion(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}: {}", self.origin, self.found);
        if let Some(expected) = &self.expected {
            text.push_str(&format!("; expected {expected}"));
        }
        if let Some(suggestion) = &self.suggestion {
            text.push_str(&format!("; did you mean {suggestion}?"));
        }
        // Quotes of the file may hold anything; a diagnostic is one line, in a log as on a terminal.
        for c in text.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Everything that is wrong; never empty. Displayed as one line per diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// In the order of the file, then the environment's by name.
    pub(super) fn new(mut all: Vec<Diagnostic>) -> Self {
        all.sort();
        all.dedup();
        Diagnostics(all)
    }

    /// The diagnostics in the order of the file, then the environment's by name.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// One step from a table to what is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Step::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}

/// Steps from the top of the configuration to a value.
pub(super) type Path = Vec<Step>;

/// Where each value of the merged configuration comes from.
#[derive(Debug)]
pub(super) struct Origins {
    whole: Origin,
    of: BTreeMap<Path, Origin>,
}

impl Origins {
    pub(super) fn new(whole: Origin) -> Self {
        Origins {
            whole,
            of: BTreeMap::new(),
        }
    }

    /// A later layer goes over an earlier one.
    pub(super) fn insert(&mut self, path: Path, origin: Origin) {
        self.of.insert(path, origin);
    }

    /// The origin of the value, or of the nearest table around it when it is a default.
    pub(super) fn of(&self, path: &[Step]) -> Origin {
        (0..=path.len())
            .rev()
            .find_map(|len| self.of.get(&path[..len]))
            .unwrap_or(&self.whole)
            .clone()
    }
}

/// The nearest of `known` to what was written, when one is near enough to be meant.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let edits = strsim::damerau_levenshtein(&written, &name.to_lowercase());
            let alike = strsim::jaro_winkler(&written, &name.to_lowercase());
            (edits, alike, name)
        })
        // A third of the letters may differ, or the beginnings agree: `stale_after`.
        .filter(|(edits, alike, name)| {
            *edits <= 1.max(written.len().min(name.len()) / 3) || *alike > 0.9
        })
        .min_by(|(edits, alike, _), (other_edits, other_alike, _)| {
            edits.cmp(other_edits).then(other_alike.total_cmp(alike))
        })
        .map(|(_, _, name)| name)
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["open_at", "close_at", "stale_after_secs", "name"];
        let nearest = |written| nearest(written, known);
        assert_eq!(nearest("opn_at"), Some("open_at"));
        assert_eq!(nearest("Name"), Some("name"));
        assert_eq!(nearest("stale_after"), Some("stale_after_secs"));
        assert_eq!(nearest("colour"), None);
    }
}
