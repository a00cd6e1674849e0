//! Finds the lines of a page whose metric a selector names, and spends next to nothing on others.

use crate::selector::Selector;

/// The selectors by one byte of their names: that at the position where the names differ most, so
/// that what they all begin with, such as `node_`, is not compared with every line.
pub(super) struct Names {
    position: usize,
    by_byte: Vec<Vec<usize>>,
}

impl Names {
    pub(super) fn of(selectors: &[Selector]) -> Self {
        let bytes_at = |position: usize| {
            let names = selectors.iter().map(|selector| selector.name().as_bytes());
            names.map(move |name| name[position])
        };
        let shortest = selectors.iter().map(|one| one.name().len()).min();
        let distinct = |position: &usize| {
            let mut bytes: Vec<u8> = bytes_at(*position).collect();
            bytes.sort_unstable();
            bytes.dedup();
            bytes.len()
        };
        let position = (0..shortest.unwrap_or(0)).max_by_key(distinct).unwrap_or(0);
        let mut by_byte = vec![Vec::new(); 256];
        for (selector, byte) in bytes_at(position).enumerate() {
            by_byte[usize::from(byte)].push(selector);
        }
        Names { position, by_byte }
    }

    /// Selectors that may want a line; they are few and often none. The line has no blanks in
    /// front.
    pub(super) fn candidates(&self, line: &[u8]) -> &[usize] {
        match line.get(self.position) {
            Some(byte) => &self.by_byte[usize::from(*byte)],
            None => &[],
        }
    }
}

/// What stands behind `name` in a line of that metric, and None in a line of another one.
pub(super) fn behind_name<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    // Whether the name ends there tells most other metrics apart for less than comparing does.
    let is_longer = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    if line.get(name.len()).is_some_and(is_longer) {
        return None;
    }
    line.strip_prefix(name.as_bytes())
}
