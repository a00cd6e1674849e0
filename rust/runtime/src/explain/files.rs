//! The journal and what it was rotated to.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of files that would have to be unpacked first.
const PACKED: [&str; 5] = ["gz", "xz", "bz2", "zst", "lz4"];

/// The files that a journal consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalFiles {
    /// Those that are read, newest first: `journal.jsonl`, then `journal.jsonl.1`,
    /// `journal.jsonl.2`, or `journal.jsonl-20261124`, `journal.jsonl-20261123`.
    pub read: Vec<PathBuf>,
    /// Those that are not, because they are compressed.
    pub unread: Vec<PathBuf>,
}

impl JournalFiles {
    /// The files beside `journal`, with it.
    ///
    /// # Errors
    /// The folder cannot be listed, or has no such file.
    pub fn beside(journal: &Path) -> io::Result<JournalFiles> {
        let name = journal
            .file_name()
            .and_then(OsStr::to_str)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
        let folder = match journal.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut read = Vec::new();
        let mut unread = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.file_name();
            let Some(rest) = found.to_str().and_then(|found| found.strip_prefix(name)) else {
                continue;
            };
            // What is no regular file may never end.
            if !(rest.is_empty() || rest.starts_with(['.', '-'])) || !entry.path().is_file() {
                continue;
            }
            if PACKED
                .iter()
                .any(|ending| rest.ends_with(&format!(".{ending}")))
            {
                unread.push(entry.path());
            } else {
                read.push((Age::of(rest), entry.path()));
            }
        }
        if read.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such file"));
        }
        read.sort();
        unread.sort();
        Ok(JournalFiles {
            read: read.into_iter().map(|(_, path)| path).collect(),
            unread,
        })
    }
}

/// Newest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Current,
    /// The higher the number, the older.
    Number(u64),
    /// A date or a time: the lower, the older.
    Date(Reverse<String>),
}

impl Age {
    fn of(rest: &str) -> Self {
        match rest.strip_prefix('.').map(str::parse) {
            _ if rest.is_empty() => Age::Current,
            // Nobody keeps so many; it is a date.
            Some(Ok(number)) if number < 100_000 => Age::Number(number),
            _ => Age::Date(Reverse(rest.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(made: &[&str]) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for name in made {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("j.jsonl.d")).unwrap();
        let files = JournalFiles::beside(&folder.path().join("j.jsonl")).unwrap();
        let names = |paths: Vec<PathBuf>| {
            let names = paths.into_iter().map(|path| {
                let name = path.file_name().unwrap();
                name.to_str().unwrap().to_owned()
            });
            names.collect()
        };
        (names(files.read), names(files.unread))
    }

    #[test]
    fn rotated_files_follow_newest_first() {
        let (read, unread) = names(&[
            "j.jsonl.10",
            "j.jsonl.2",
            "j.jsonl",
            "j.jsonl.3.gz",
            "j.jsonlx",
            "other.jsonl",
            "j.jsonl.1",
        ]);
        assert_eq!(read, ["j.jsonl", "j.jsonl.1", "j.jsonl.2", "j.jsonl.10"]);
        assert_eq!(unread, ["j.jsonl.3.gz"]);
        let (read, _) = names(&["j.jsonl-20261123", "j.jsonl-20261124", "j.jsonl"]);
        assert_eq!(read, ["j.jsonl", "j.jsonl-20261124", "j.jsonl-20261123"]);
    }

    #[test]
    fn no_journal_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = JournalFiles::beside(&folder.path().join("j.jsonl")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
