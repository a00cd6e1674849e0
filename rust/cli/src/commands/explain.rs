//! `spillway explain`.

use super::read;
use crate::arguments::Explain;
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::print_value;
use spillway_runtime::explain::{self, Explanation, JournalFiles};
use std::path::Path;

pub(super) fn explain(explain: &Explain) -> Result<Code, Failure> {
    let value = match &explain.journal {
        Some(journal) => {
            let found = found_in(journal, &explain.id)?;
            serde_json::to_value(found).map_err(Failure::new)?
        }
        None => {
            let client = Client::new(&explain.listing.connection)?;
            block_on(client.get_one("explain", &explain.id))?
        }
    };
    print_value(&value, explain.listing.output, || {
        Ok(read::<Explanation>(&value)?.to_string())
    })?;
    Ok(Code::Ok)
}

/// The files of a journal that somebody named, so it has to be there.
pub(super) fn files_of(journal: &Path) -> Result<JournalFiles, Failure> {
    JournalFiles::beside(journal)
        .map_err(|error| Failure::new(format!("{}: {error}", journal.display())))
}

fn found_in(journal: &Path, id: &str) -> Result<Explanation, Failure> {
    if let Some(found) = explain::find(journal, id).map_err(Failure::new)? {
        return Ok(found);
    }
    let files = files_of(journal)?;
    let names = |paths: &[std::path::PathBuf]| {
        let names: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
        names.join(", ")
    };
    let mut sentence = format!("nothing about {id} in {}", names(&files.read));
    if !files.unread.is_empty() {
        let unread = names(&files.unread);
        sentence.push_str(&format!("; not read, since compressed: {unread}"));
    }
    Err(Failure::new(sentence))
}
