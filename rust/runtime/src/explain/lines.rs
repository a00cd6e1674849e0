//! Lines of a file that may be larger than memory, from its end.

use crate::wire::MAX_LINE_BYTES;
use memchr::memrchr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// A line without its break.
pub(super) struct Line<'a> {
    /// Where it begins in the file.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// A file's lines, the last one first. Empty lines, and those over [`MAX_LINE_BYTES`], are left out.
pub(super) struct LinesBackwards {
    file: File,
    /// Where `buffer` begins in the file.
    start: u64,
    buffer: Vec<u8>,
    /// End of what is left of `buffer`.
    end: usize,
    /// Within a line that is too long.
    dropping: bool,
}

impl LinesBackwards {
    /// The lines that end before `before`, or all.
    pub(super) fn of(file: File, before: Option<u64>) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(LinesBackwards {
            file,
            start: before.map_or(len, |before| before.min(len)),
            buffer: Vec::new(),
            end: 0,
            dropping: false,
        })
    }

    pub(super) fn next_back(&mut self) -> io::Result<Option<Line<'_>>> {
        let (from, to) = loop {
            let found = memrchr(b'\n', &self.buffer[..self.end]);
            if found.is_none() && self.start > 0 {
                self.dropping |= self.end > MAX_LINE_BYTES;
                if self.dropping {
                    self.end = 0;
                }
                self.read_block()?;
                continue;
            }
            let line = (found.map_or(0, |at| at + 1), self.end);
            self.end = found.unwrap_or(0);
            let dropped = std::mem::take(&mut self.dropping);
            if line.1 > line.0 && !dropped && line.1 - line.0 <= MAX_LINE_BYTES {
                break line;
            }
            if found.is_none() {
                return Ok(None);
            }
        };
        Ok(Some(Line {
            offset: self.start + from as u64,
            bytes: &self.buffer[from..to],
        }))
    }

    /// Puts the block before `buffer` in front of it.
    fn read_block(&mut self) -> io::Result<()> {
        let len = usize::try_from(self.start).map_or(BLOCK, |start| start.min(BLOCK));
        self.start -= len as u64;
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut block = vec![0; len];
        self.file.read_exact(&mut block)?;
        block.extend_from_slice(&self.buffer[..self.end]);
        self.end = block.len();
        self.buffer = block;
        Ok(())
    }
}

/// Hands the lines from `offset` on to `look` until it returns something. A line that is too long
/// comes in parts, none of which is whole.
pub(super) fn first_from<T>(
    mut file: File,
    offset: u64,
    mut look: impl FnMut(&[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(BLOCK, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(MAX_LINE_BYTES as u64);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if let Some(found) = look(&line) {
            return Ok(Some(found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn backwards(content: &[u8], before: Option<u64>) -> Vec<(u64, Vec<u8>)> {
        let mut lines = LinesBackwards::of(file(content), before).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next_back().unwrap() {
            found.push((line.offset, line.bytes.to_vec()));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the lengths: the same lines as a reader of the whole file has.
        #[test]
        fn lines_come_whole_and_in_reverse(
            lengths in prop::collection::vec(prop_oneof![0_usize..80, 0..3 * BLOCK], 0..8),
            ends_with_break: bool,
        ) {
            let mut content = Vec::new();
            let mut expected = Vec::new();
            for (letter, length) in (b'a'..).zip(lengths) {
                let line = vec![letter; length];
                if !line.is_empty() {
                    expected.push((content.len() as u64, line.clone()));
                }
                content.extend(line);
                content.push(b'\n');
            }
            if !ends_with_break {
                content.pop();
            }
            expected.reverse();
            prop_assert_eq!(backwards(&content, None), expected);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out() {
        let mut content = b"first\n".to_vec();
        content.extend(vec![b'x'; MAX_LINE_BYTES + BLOCK]);
        content.extend(b"\nlast");
        let lines: Vec<_> = backwards(&content, None)
            .into_iter()
            .map(|line| line.1)
            .collect();
        assert_eq!(lines, [b"last".to_vec(), b"first".to_vec()]);
    }

    #[test]
    fn reading_can_begin_before_a_line() {
        let found = backwards(b"one\ntwo\nthree\n", Some(8));
        assert_eq!(found, [(4, b"two".to_vec()), (0, b"one".to_vec())]);
    }
}
