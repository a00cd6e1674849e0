//! The snapshot's content.

use super::FORMAT;
use super::load::{GateShape, OfferShape, SpendShape, WordShape};
use super::origin::Origin;
use serde::Deserialize;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend};
use spillway_core::{Offer, SnapshotFault, Timestamp};

/// A snapshot that could be read.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) written_at: Timestamp,
    pub(super) origin: Origin,
    pub(super) view: LoadView,
    pub(super) offers: Vec<Offer>,
}

/// All that is looked at before the format is known.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// Format 1. Keys that it does not name are for others and are passed over.
#[derive(Deserialize)]
struct Body<'a> {
    written_at_ms: u64,
    #[serde(flatten)]
    word: WordShape,
    #[serde(default)]
    gates: Vec<GateShape<'a>>,
    #[serde(default, borrow)]
    offers: Vec<OfferShape<'a>>,
    #[serde(default)]
    spend: Option<SpendShape>,
}

/// A file of which nothing is known.
pub(super) const UNREADABLE: SnapshotFault = SnapshotFault::Unreadable {
    word: OperatorWord {
        paused: false,
        mode: None,
    },
};

/// Reads a snapshot.
///
/// All or nothing: a snapshot of which one number is no number (JSON has no NaN, but some
/// writers do), negative or of the wrong type is not trusted with the others either.
pub(super) fn parse(bytes: &[u8]) -> Result<Published, SnapshotFault> {
    let header: Header = serde_json::from_slice(bytes).map_err(|_| UNREADABLE)?;
    if header.format > FORMAT {
        return Err(SnapshotFault::NewerFormat {
            format: header.format,
        });
    }
    if header.format < FORMAT {
        return Err(UNREADABLE);
    }
    let body: Body<'_> = serde_json::from_slice(bytes).map_err(|_| UNREADABLE)?;
    let origin = Origin {
        written_at: Some(Timestamp(body.written_at_ms)),
        gates: body.gates.iter().map(GateShape::origin).collect(),
    };
    Ok(Published {
        origin,
        written_at: Timestamp(body.written_at_ms),
        view: LoadView {
            gates: body.gates.into_iter().map(GateView::from).collect(),
            spend: body.spend.map(Spend::from),
            word: body.word.into(),
        },
        offers: body.offers.into_iter().map(Offer::from).collect(),
    })
}
