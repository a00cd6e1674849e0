//! HTML that cannot be injected into: markup is only ever a literal of the code, and everything
//! else is escaped on its way in.

use std::fmt::{self, Display, Write};

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Writes markup. Attributes in it are quoted with double quotes.
    pub(super) fn put(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Writes text, as content or as an attribute's value.
    pub(super) fn say(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string cannot fail.
        write!(Escaped(&mut self.0), "{text}").unwrap_or_default();
        self
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other if is_unseen(other) => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// Control characters, and those that turn the direction of the text around them.
fn is_unseen(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// The beginning of a text that may be long.
pub(super) struct Clipped<'a> {
    text: &'a str,
    characters: usize,
}

/// Shows at most so many characters of a text.
pub(super) fn clipped(text: &str, characters: usize) -> Clipped<'_> {
    Clipped { text, characters }
}

impl Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.char_indices().nth(self.characters) {
            None => f.write_str(self.text),
            Some((end, _)) => write!(f, "{}…", &self.text[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_in_content_and_in_attributes() {
        let mut page = Html::default();
        page.put("<p title=\"");
        page.say("\" onload='x'").put("\">");
        page.say("<script>&\u{202e}\u{0}").put("</p>");
        let expected = "<p title=\"&quot; onload=&#39;x&#39;\">\
                        &lt;script&gt;&amp;\u{fffd}\u{fffd}</p>";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn a_long_text_is_clipped_between_characters() {
        assert_eq!(clipped("äöü", 3).to_string(), "äöü");
        assert_eq!(clipped("äöü", 2).to_string(), "äö…");
    }
}
