//! The folder of test data that core, extension and Python share.

use std::fs;
use std::path::{Path, PathBuf};

/// `tests/data` of the repository.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

/// The files of a folder below `tests/data` by name, sorted; fails when there are fewer than
/// `at_least`, because a test over no files passes.
pub(crate) fn files(under: &str, extension: &str, at_least: usize) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder().join(under))
        .expect("a folder of test data")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_name().unwrap_or_default();
            let text = fs::read_to_string(&path).expect("a text file");
            (name.to_string_lossy().into_owned(), text)
        })
        .collect();
    files.sort();
    assert!(files.len() >= at_least, "{under}: {} files", files.len());
    files
}
