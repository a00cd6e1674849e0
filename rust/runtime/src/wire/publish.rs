//! Writes the snapshot, whole or not at all.

use super::FORMAT;
use super::load::{GateShape, OfferShape, SpendShape, WordShape};
use serde::Serialize;
use spillway_core::load::{GateView, OperatorWord, Spend};
use spillway_core::{Offer, Timestamp};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

/// What the sidecar publishes.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// The time that its age counts from.
    pub written_at: Timestamp,
    /// Which process writes it: `HOST:PID`.
    pub owner: &'a str,
    /// What an operator said.
    pub word: OperatorWord,
    /// The gates.
    pub gates: &'a [PublishedGate],
    /// What burst hosts report of their sizes.
    pub offers: &'a [Offer],
    /// Money spent, when it is known.
    pub spend: Option<&'a Spend>,
}

/// A gate with what people want to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedGate {
    /// What decisions look at.
    pub view: GateView,
    /// Since when it has its state.
    pub since: Timestamp,
    /// The signals that ask for it to be open.
    pub asking: Vec<String>,
}

impl Publication<'_> {
    /// Replaces the file at `path`: another file beside it is written, flushed and renamed over
    /// it, so a reader sees the old content or the new one. The file has mode 0640 and the group
    /// of its folder, which is how nova-scheduler's user may read it.
    ///
    /// # Errors
    /// The folder does not exist, is full or cannot be written; the old content stays.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut content = serde_json::to_vec(&self.shape())?;
        content.push(b'\n');
        replace(path, &content)
    }

    fn shape(&self) -> Shape<'_> {
        Shape {
            format: FORMAT,
            writer: concat!("spillway ", env!("CARGO_PKG_VERSION")),
            owner: self.owner,
            written_at_ms: self.written_at.0,
            word: self.word.into(),
            gates: self
                .gates
                .iter()
                .map(|gate| PublishedGateShape {
                    gate: GateShape::of(&gate.view),
                    since_ms: gate.since.0,
                    signals: &gate.asking,
                })
                .collect(),
            offers: self.offers.iter().map(OfferShape::of).collect(),
            spend: self.spend.map(SpendShape::whole),
        }
    }
}

#[derive(Serialize)]
struct Shape<'a> {
    format: u32,
    writer: &'static str,
    owner: &'a str,
    written_at_ms: u64,
    #[serde(flatten)]
    word: WordShape,
    gates: Vec<PublishedGateShape<'a>>,
    offers: Vec<OfferShape<'a>>,
    spend: Option<SpendShape>,
}

#[derive(Serialize)]
struct PublishedGateShape<'a> {
    #[serde(flatten)]
    gate: GateShape<'a>,
    since_ms: u64,
    signals: &'a [String],
}

/// Replaces a file by one with this content, mode 0640 and the group of its folder.
///
/// # Errors
/// The old file is untouched then.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| *parent != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // One name for all tries: what a crash leaves behind is overwritten by the next.
    let beside = folder.join(format!(".{name}.new"));
    let result = write_file(&beside, folder, content).and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        // Perhaps it was never made; the error that counts is the first one.
        drop(fs::remove_file(&beside));
    }
    result
}

fn write_file(path: &Path, folder: &Path, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(path)?;
    file.write_all(content)?;
    let (ours, wanted) = (file.metadata()?.gid(), fs::metadata(folder)?.gid());
    if ours != wanted {
        chown(path, None, Some(wanted))?;
    }
    // A rename may reach the disk before the content does: after a power cut the file would be
    // there, and empty.
    file.sync_data()
}
