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

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes an item of a list, unless the page would then be longer than `ceiling` bytes; says
    /// whether it did.
    pub(super) fn fits(&mut self, ceiling: usize, item: impl FnOnce(&mut Self)) -> bool {
        let before = self.0.len();
        item(self);
        let fits = self.0.len() <= ceiling;
        if !fits {
            self.0.truncate(before);
        }
        fits
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match escaped(character) {
                Some(written) => self.0.push_str(written),
                None => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// What is written in a character's stead.
fn escaped(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        other => is_unseen(other).then_some("\u{fffd}"),
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
    bytes: usize,
}

/// Shows the beginning of a text, at most so many bytes of the page and an ellipsis. Bytes as they
/// are written: a quotation mark takes six.
pub(super) fn clipped(text: &str, bytes: usize) -> Clipped<'_> {
    Clipped { text, bytes }
}

impl Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.bytes;
        for (end, character) in self.text.char_indices() {
            let written = escaped(character).map_or(character.len_utf8(), str::len);
            match left.checked_sub(written) {
                Some(rest) => left = rest,
                None => return write!(f, "{}…", &self.text[..end]),
            }
        }
        f.write_str(self.text)
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
        assert_eq!(clipped("äöü", 6).to_string(), "äöü");
        assert_eq!(clipped("äöü", 5).to_string(), "äö…");
    }

    #[test]
    fn a_text_is_clipped_by_what_it_takes_on_the_page() {
        let mut page = Html::default();
        page.say(clipped("\"\"\"", 12));
        assert_eq!(page.into_text(), "&quot;&quot;…");
    }

    #[test]
    fn an_item_that_would_not_fit_is_not_begun() {
        let mut page = Html::default();
        let mut put = |ceiling| {
            page.fits(ceiling, |page| {
                page.put("<p></p>");
            })
        };
        assert!(put(7) && !put(13) && put(14));
        assert_eq!(page.into_text(), "<p></p><p></p>");
    }
}
