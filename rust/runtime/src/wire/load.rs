//! Gates, spend and offers: what snapshot and journal have in common.

use super::amount::Dollars;
use super::origin::{GateOrigin, Origin};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::policy::Mode;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_core::{Load, Offer, SnapshotFault, Timestamp};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The load as the journal records it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "snapshot", rename_all = "snake_case")]
pub(super) enum LoadShape<'a> {
    /// The snapshot was used.
    Known {
        /// When it was written; lines of older releases do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written_at_ms: Option<u64>,
        #[serde(flatten)]
        word: WordShape,
        #[serde(default)]
        gates: Vec<GateShape<'a>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spend: Option<SpendShape>,
    },
    /// There was none.
    Missing,
    /// It was too old.
    Stale {
        age_ms: u64,
        #[serde(flatten)]
        word: WordShape,
    },
    /// It could not be read.
    Unreadable {
        #[serde(flatten)]
        word: WordShape,
    },
    /// It was of a newer format.
    NewerFormat { format: u32 },
}

impl<'a> LoadShape<'a> {
    /// Keeps the spend of `project` only: a decision looks at no other, and a cloud has thousands.
    pub(super) fn of(load: &Load, origin: &'a Origin, project: &str) -> Self {
        match load {
            Load::Known(view) => LoadShape::Known {
                written_at_ms: origin.written_at.map(|at| at.0),
                word: view.word.into(),
                gates: GateShape::all_of(&view.gates, &origin.gates),
                spend: view
                    .spend
                    .as_ref()
                    .map(|spend| SpendShape::of(spend, project)),
            },
            Load::Unknown(SnapshotFault::Missing) => LoadShape::Missing,
            Load::Unknown(SnapshotFault::Stale { age, word }) => LoadShape::Stale {
                age_ms: age.0,
                word: (*word).into(),
            },
            Load::Unknown(SnapshotFault::Unreadable { word }) => LoadShape::Unreadable {
                word: (*word).into(),
            },
            Load::Unknown(SnapshotFault::NewerFormat { format }) => {
                LoadShape::NewerFormat { format: *format }
            }
        }
    }

    /// What it says besides.
    pub(super) fn origin(&self) -> Origin {
        match self {
            LoadShape::Known {
                written_at_ms,
                gates,
                ..
            } => Origin {
                written_at: written_at_ms.map(Timestamp),
                gates: gates.iter().map(GateShape::origin).collect(),
            },
            _ => Origin::default(),
        }
    }
}

impl From<LoadShape<'_>> for Load {
    fn from(shape: LoadShape<'_>) -> Load {
        match shape {
            LoadShape::Known {
                word, gates, spend, ..
            } => Load::Known(LoadView {
                gates: gates.into_iter().map(GateView::from).collect(),
                spend: spend.map(Spend::from),
                word: word.into(),
            }),
            LoadShape::Missing => Load::Unknown(SnapshotFault::Missing),
            LoadShape::Stale { age_ms, word } => Load::Unknown(SnapshotFault::Stale {
                age: Span(age_ms),
                word: word.into(),
            }),
            LoadShape::Unreadable { word } => {
                Load::Unknown(SnapshotFault::Unreadable { word: word.into() })
            }
            LoadShape::NewerFormat { format } => {
                Load::Unknown(SnapshotFault::NewerFormat { format })
            }
        }
    }
}

/// What an operator said; what was not said is left out.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct WordShape {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<ModeShape>,
}

impl From<OperatorWord> for WordShape {
    fn from(word: OperatorWord) -> Self {
        WordShape {
            paused: word.paused,
            mode: word.mode.map(ModeShape),
        }
    }
}

impl From<WordShape> for OperatorWord {
    fn from(shape: WordShape) -> Self {
        OperatorWord {
            paused: shape.paused,
            mode: shape.mode.map(|mode| mode.0),
        }
    }
}

/// `off`, `shadow` or `active`.
#[derive(Debug, Clone, Copy)]
struct ModeShape(Mode);

impl Serialize for ModeShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for ModeShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Mode::parse(&text)
            .map(ModeShape)
            .ok_or_else(|| D::Error::custom(format_args!("'{text}' is no mode")))
    }
}

/// One scope's gate. The last two are for people; a journal of an older release has neither.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GateShape<'a> {
    scope: ScopeShape,
    state: StateShape,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forced: Option<StateShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    signals: Cow<'a, [String]>,
}

impl<'a> GateShape<'a> {
    /// Without what is for people.
    pub(super) fn of(gate: &GateView) -> Self {
        GateShape {
            scope: ScopeShape(gate.scope.clone()),
            state: gate.state.into(),
            forced: gate.forced.map(StateShape::from),
            since_ms: None,
            signals: Cow::Borrowed(&[]),
        }
    }

    /// `origins` go together with the gates by position; they may be fewer.
    fn all_of(gates: &[GateView], origins: &'a [GateOrigin]) -> Vec<Self> {
        let with_origin = |(at, gate): (usize, &GateView)| {
            let mut shape = GateShape::of(gate);
            if let Some(origin) = origins.get(at) {
                shape.since_ms = origin.since.map(|since| since.0);
                shape.signals = Cow::Borrowed(&origin.asking);
            }
            shape
        };
        gates.iter().enumerate().map(with_origin).collect()
    }

    pub(super) fn origin(&self) -> GateOrigin {
        GateOrigin {
            since: self.since_ms.map(Timestamp),
            asking: self.signals.to_vec(),
        }
    }
}

impl From<GateShape<'_>> for GateView {
    fn from(shape: GateShape<'_>) -> GateView {
        GateView {
            scope: shape.scope.0,
            state: shape.state.into(),
            forced: shape.forced.map(GateState::from),
        }
    }
}

/// `cloud`, `zone:NAME` or `aggregate:NAME`.
#[derive(Debug)]
struct ScopeShape(Scope);

impl Serialize for ScopeShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ScopeShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Scope::parse(&text)
            .map(ScopeShape)
            .ok_or_else(|| D::Error::custom(format_args!("'{text}' is no scope")))
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateShape {
    Open,
    Closed,
}

impl From<GateState> for StateShape {
    fn from(state: GateState) -> Self {
        match state {
            GateState::Open => StateShape::Open,
            GateState::Closed => StateShape::Closed,
        }
    }
}

impl From<StateShape> for GateState {
    fn from(state: StateShape) -> Self {
        match state {
            StateShape::Open => GateState::Open,
            StateShape::Closed => GateState::Closed,
        }
    }
}

/// Money spent; every amount is there or the spend is unknown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpendShape {
    hourly_usd: Dollars,
    month_usd: Dollars,
    #[serde(default)]
    projects: BTreeMap<String, SpendOfShape>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct SpendOfShape {
    hourly_usd: Dollars,
    month_usd: Dollars,
}

impl SpendShape {
    fn of(spend: &Spend, project: &str) -> Self {
        Self::with_projects(spend, spend.projects.get_key_value(project))
    }

    /// Of every project.
    pub(super) fn whole(spend: &Spend) -> Self {
        Self::with_projects(spend, &spend.projects)
    }

    fn with_projects<'s>(
        spend: &Spend,
        listed: impl IntoIterator<Item = (&'s String, &'s SpendOf)>,
    ) -> Self {
        SpendShape {
            hourly_usd: Dollars(spend.total.hourly),
            month_usd: Dollars(spend.total.month),
            projects: listed
                .into_iter()
                .map(|(id, of)| {
                    let of = SpendOfShape {
                        hourly_usd: Dollars(of.hourly),
                        month_usd: Dollars(of.month),
                    };
                    (id.clone(), of)
                })
                .collect(),
        }
    }
}

impl From<SpendShape> for Spend {
    fn from(shape: SpendShape) -> Spend {
        let of = |hourly: Dollars, month: Dollars| SpendOf {
            hourly: hourly.0,
            month: month.0,
        };
        Spend {
            total: of(shape.hourly_usd, shape.month_usd),
            projects: shape
                .projects
                .into_iter()
                .map(|(id, project)| (id, of(project.hourly_usd, project.month_usd)))
                .collect(),
        }
    }
}

/// A burst host's price and availability for one size.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OfferShape<'a> {
    burst_host: Cow<'a, str>,
    size: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_usd_per_hour: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    barred_until_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    recent_failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<u32>,
}

impl<'a> OfferShape<'a> {
    pub(super) fn of(offer: &'a Offer) -> Self {
        OfferShape {
            burst_host: Cow::Borrowed(&offer.burst_host),
            size: Cow::Borrowed(&offer.size),
            price_usd_per_hour: offer.price.map(Dollars),
            barred_until_ms: offer.barred_until.map(|until| until.0),
            recent_failures: offer.recent_failures,
            room: offer.room,
        }
    }
}

impl From<OfferShape<'_>> for Offer {
    fn from(shape: OfferShape<'_>) -> Offer {
        Offer {
            burst_host: shape.burst_host.into_owned(),
            size: shape.size.into_owned(),
            price: shape.price_usd_per_hour.map(|price| price.0),
            barred_until: shape.barred_until_ms.map(Timestamp),
            recent_failures: shape.recent_failures,
            room: shape.room,
        }
    }
}

// Serde's `skip_serializing_if` hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
