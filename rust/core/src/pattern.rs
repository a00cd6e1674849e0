//! Glob patterns of a policy: `*` stands for any text, `?` for one character.

use wildmatch::WildMatch;

/// A list of patterns of one rule key. An absent key has no list and matches anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patterns(Option<Vec<WildMatch>>);

impl Patterns {
    /// Patterns that match any value, present or not.
    #[must_use]
    pub const fn any() -> Self {
        Patterns(None)
    }

    /// Matches values that at least one of `globs` matches; an empty list matches nothing.
    pub fn of<S: AsRef<str>>(globs: impl IntoIterator<Item = S>) -> Self {
        Patterns(Some(
            globs
                .into_iter()
                .map(|glob| WildMatch::new(glob.as_ref()))
                .collect(),
        ))
    }

    /// Whether one of `values` matches. With a list, a request that has no value never matches.
    #[must_use]
    pub fn matches_any<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> bool {
        match &self.0 {
            None => true,
            Some(globs) => values
                .into_iter()
                .any(|value| globs.iter().any(|glob| glob.matches(value))),
        }
    }

    /// [`Self::matches_any`] for one value that may be absent.
    #[must_use]
    pub fn matches(&self, value: Option<&str>) -> bool {
        self.matches_any(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_key_matches_an_absent_value_and_a_list_does_not() {
        assert!(Patterns::any().matches(None));
        assert!(!Patterns::of(["*"]).matches(None));
        assert!(!Patterns::of(Vec::<String>::new()).matches(Some("x")));
    }

    #[test]
    fn globs_match_whole_values() {
        let patterns = Patterns::of(["m1.*", "c?"]);
        assert!(patterns.matches(Some("m1.small")));
        assert!(patterns.matches(Some("c5")));
        assert!(!patterns.matches(Some("am1.small")));
        assert!(!patterns.matches(Some("c55")));
    }
}
