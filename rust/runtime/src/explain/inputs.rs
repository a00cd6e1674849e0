//! What a decision was made from, as it is shown.

use super::explanation::{
    EvidenceUsed, GateUsed, InputsView, LimitsUsed, OfferUsed, SnapshotUsed, SpendUsed,
};
use crate::config::Config;
use crate::view::LimitsView;
use crate::wire::{GateOrigin, RecordedInputs};
use serde_json::Value;
use spillway_core::eligibility::Eligible;
use spillway_core::gate::GateState;
use spillway_core::load::LoadView;
use spillway_core::policy::{BurstHost, InstanceSize, Limits};
use spillway_core::request::Request;
use spillway_core::scope::Scope;
use spillway_core::units::Usd;
use spillway_core::{Evidence, Load, Offer, SnapshotFault};
use std::iter;

/// What is shown of the inputs. Without a policy, what only it knows stays empty.
pub(super) fn view(
    inputs: &RecordedInputs,
    request: &Value,
    config: Option<&Config>,
    eligible: Option<&Eligible<'_>>,
) -> InputsView {
    let word = inputs.load.word();
    let known = match &inputs.load {
        Load::Known(view) => Some(view),
        Load::Unknown(_) => None,
    };
    InputsView {
        now_ms: inputs.now.0,
        snapshot: snapshot(inputs, config),
        paused: word.paused,
        operator_mode: word.mode.map(|mode| mode.name().to_owned()),
        gates: known.map_or_else(Vec::new, |view| gates(view, inputs, eligible)),
        offers: config.map_or_else(Vec::new, |config| offers(inputs, config)),
        spend: known.and_then(|view| spend(view, &inputs.request.project_id)),
        limits: config.map_or_else(LimitsUsed::default, limits),
        evidence: evidence(inputs.evidence),
        request: request.clone(),
    }
}

fn snapshot(inputs: &RecordedInputs, config: Option<&Config>) -> SnapshotUsed {
    let written_at = inputs.origin.written_at;
    let (state, age) = match &inputs.load {
        Load::Known(_) => ("known", written_at.map(|at| inputs.now.since(at).0)),
        Load::Unknown(SnapshotFault::Missing) => ("missing", None),
        Load::Unknown(SnapshotFault::Stale { age, .. }) => ("stale", Some(age.0)),
        Load::Unknown(SnapshotFault::Unreadable { .. }) => ("unreadable", None),
        Load::Unknown(SnapshotFault::NewerFormat { .. }) => ("newer_format", None),
    };
    SnapshotUsed {
        state: state.to_owned(),
        age_ms: age,
        stale_after_ms: config.map(|config| config.snapshot.stale_after.0),
    }
}

/// Whether the gate of `scope` counts for the request.
pub(super) fn counts(scope: &Scope, request: &Request, eligible: Option<&Eligible<'_>>) -> bool {
    match scope {
        Scope::Cloud => true,
        Scope::Zone(zone) => request.availability_zone.as_ref() == Some(zone),
        Scope::Aggregate(name) => {
            eligible.and_then(|eligible| eligible.rule.aggregate.as_ref()) == Some(name)
        }
    }
}

pub(super) fn state_name(state: GateState) -> &'static str {
    match state {
        GateState::Open => "open",
        GateState::Closed => "closed",
    }
}

fn gates(
    view: &LoadView,
    inputs: &RecordedInputs,
    eligible: Option<&Eligible<'_>>,
) -> Vec<GateUsed> {
    let origins = inputs.origin.gates.iter().cloned();
    let origins = origins.chain(iter::repeat_with(GateOrigin::default));
    let gates = view
        .gates
        .iter()
        .zip(origins)
        .map(|(gate, origin)| GateUsed {
            scope: gate.scope.to_string(),
            effective: state_name(gate.effective()).to_owned(),
            forced: gate.forced.map(|forced| state_name(forced).to_owned()),
            state_for_ms: origin.since.map(|since| inputs.now.since(since).0),
            asking: origin.asking,
            counts: counts(&gate.scope, &inputs.request, eligible),
        });
    gates.collect()
}

/// Every size that fits the flavor, in the order in which its burst host is asked for it.
pub(super) fn fitting<'a>(
    inputs: &'a RecordedInputs,
    config: &'a Config,
) -> Vec<(&'a BurstHost, &'a InstanceSize, Option<usize>)> {
    let Request { flavor, image, .. } = &inputs.request;
    let mut all = Vec::new();
    for host in &config.policy.burst_hosts {
        for size in host.fitting_sizes(flavor, image).unwrap_or_default() {
            let of_size = |offer: &Offer| offer.burst_host == host.name && offer.size == size.name;
            all.push((host, size, inputs.offers.iter().position(of_size)));
        }
    }
    all
}

fn offers(inputs: &RecordedInputs, config: &Config) -> Vec<OfferUsed> {
    let fitting = fitting(inputs, config).into_iter();
    let offers = fitting.map(|(host, size, at)| {
        let offer = at.map(|at| &inputs.offers[at]);
        let price = offer.and_then(|offer| offer.price).or(size.price);
        let barred = offer.and_then(|offer| offer.barred_until);
        OfferUsed {
            burst_host: host.name.clone(),
            size: size.name.clone(),
            price_usd_per_hour: price.map(Usd::dollars),
            room: offer.and_then(|offer| offer.room),
            barred_for_ms: barred
                .filter(|until| *until > inputs.now)
                .map(|until| until.since(inputs.now).0),
            recent_failures: offer.map_or(0, |offer| offer.recent_failures),
            reported: offer.is_some(),
        }
    });
    offers.collect()
}

fn spend(view: &LoadView, project: &str) -> Option<SpendUsed> {
    let spend = view.spend.as_ref()?;
    let of_project = spend.projects.get(project).copied().unwrap_or_default();
    Some(SpendUsed {
        hourly_usd: spend.total.hourly.dollars(),
        month_usd: spend.total.month.dollars(),
        project_hourly_usd: of_project.hourly.dollars(),
        project_month_usd: of_project.month.dollars(),
    })
}

fn limits(config: &Config) -> LimitsUsed {
    let of = |limits: Limits| LimitsView {
        hourly_soft_usd: limits.hourly.soft.map(Usd::dollars),
        hourly_hard_usd: limits.hourly.hard.map(Usd::dollars),
        monthly_soft_usd: limits.monthly.soft.map(Usd::dollars),
        monthly_hard_usd: limits.monthly.hard.map(Usd::dollars),
    };
    LimitsUsed {
        total: of(config.policy.money.total),
        project: of(config.policy.money.project),
    }
}

fn evidence(evidence: Evidence) -> EvidenceUsed {
    let (state, fits) = match evidence {
        Evidence::NotAsked => ("not_asked", None),
        Evidence::Unavailable => ("unavailable", None),
        Evidence::Fits(fits) => ("fits", Some(fits)),
    };
    EvidenceUsed {
        state: state.to_owned(),
        fits,
    }
}
