//! The decision: which attempts Nova makes for a request, in which order, and why.

use crate::attempt::Attempt;
use crate::eligibility::{Eligible, eligibility};
use crate::gate::GateState;
use crate::load::{Load, LoadView, Offer, SnapshotFault};
use crate::policy::{BurstLevel, Mode, MultiCreate, Policy};
use crate::ranking::{Candidate, Ranking};
use crate::reason::Reason;
use crate::request::{Operation, Request};
use crate::scope::Scope;
use crate::units::Timestamp;

/// What Placement's answer to this very request says about private room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Evidence {
    /// Nobody asked. [`Decision::wants_evidence`] says whether it is worth asking.
    #[default]
    NotAsked,
    /// Placement was asked and did not answer.
    Unavailable,
    /// So many more servers of the flavor fit on private hosts. An upper bound: Nova's filters
    /// may still refuse some.
    Fits(u32),
}

/// What is done about a request, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What to try, in order; never empty.
    pub attempts: Vec<Attempt>,
    /// What would have been tried in active mode; empty unless the mode is shadow.
    pub shadow_attempts: Vec<Attempt>,
    /// Why. The first reason is the one that decided the first attempt; never empty.
    pub reasons: Vec<Reason>,
    /// The decision could change if Placement were asked what fits.
    pub wants_evidence: bool,
}

/// Decides one request.
///
/// `offers` are what burst hosts report of their sizes; a size without an offer counts with the
/// policy's price and unknown room. Pure, O(rules + burst hosts x sizes).
#[must_use]
pub fn decide(
    policy: &Policy,
    load: &Load,
    offers: &[Offer],
    request: &Request,
    evidence: Evidence,
    now: Timestamp,
) -> Decision {
    if let Some(decision) = decide_without_policy(request) {
        return decision;
    }
    let mode = load.word().mode_under(policy.mode);
    if mode == Mode::Off {
        return Decision::of(vec![Attempt::Filter], vec![Reason::ModeOff]);
    }
    let mut decision = match eligibility(policy, request) {
        Ok(eligible) => {
            let ranking = Ranking {
                policy,
                load,
                offers,
                request,
                now,
            };
            Boot {
                policy,
                load,
                request,
                evidence,
                eligible,
                ranking,
            }
            .decide()
        }
        Err(reason) => Decision::of(vec![Attempt::Filter], vec![reason]),
    };
    if mode == Mode::Shadow {
        decision.shadow_attempts = std::mem::replace(&mut decision.attempts, vec![Attempt::Filter]);
        decision.reasons.push(Reason::ModeShadow);
    }
    decision
}

/// Everything but a boot is decided by what it is: only a boot may burst.
fn decide_without_policy(request: &Request) -> Option<Decision> {
    let (attempt, reason) = match request.operation {
        Operation::Boot => return None,
        Operation::Forced => (Attempt::Stock, Reason::ForcedHost),
        Operation::Rebuild => (Attempt::Stock, Reason::Rebuild),
        Operation::MovePrivate => (Attempt::Filter, Reason::MovePrivate),
        Operation::MoveBurst => (Attempt::BurstOnly, Reason::MoveBurst),
    };
    Some(Decision::of(vec![attempt], vec![reason]))
}

impl Decision {
    fn of(attempts: Vec<Attempt>, reasons: Vec<Reason>) -> Self {
        Decision {
            attempts,
            shadow_attempts: Vec::new(),
            reasons,
            wants_evidence: false,
        }
    }

    /// Private hosts only, for `primary`.
    fn private(primary: Reason, others: Vec<Reason>) -> Self {
        let mut reasons = vec![primary];
        reasons.extend(others);
        Decision::of(vec![Attempt::Filter], reasons)
    }
}

/// A boot that may burst, with everything that its decision looks at.
struct Boot<'a> {
    policy: &'a Policy,
    load: &'a Load,
    request: &'a Request,
    evidence: Evidence,
    eligible: Eligible<'a>,
    ranking: Ranking<'a>,
}

impl Boot<'_> {
    fn decide(&self) -> Decision {
        if self.policy.burst_hosts.is_empty() {
            return Decision::private(Reason::NoBurstHost, Vec::new());
        }
        let view = match self.load {
            Load::Known(view) => Some(view),
            Load::Unknown(_) => None,
        };
        if self.load.word().paused {
            return Decision::private(Reason::Paused, Vec::new());
        }
        let group_host = match self.affinity_host() {
            Some(host) if self.policy.burst_host(host).is_none() => {
                let host = host.to_owned();
                return Decision::private(Reason::GroupOnPrivate { host }, Vec::new());
            }
            other => other,
        };
        let (candidates, mut skipped) = self.ranking.candidates(self.request.count, group_host);
        if let Load::Unknown(fault) = self.load {
            skipped.push(fault_reason(*fault));
        }
        if let Some(host) = group_host {
            return self.join_group(host, candidates, skipped);
        }
        match self.wish(view) {
            Wish::BurstFirst(reason) => self.burst_first(reason, candidates, skipped),
            Wish::PrivateFirst {
                reasons,
                wants_evidence,
            } => {
                skipped.extend(reasons);
                self.private_first(candidates, skipped, wants_evidence)
            }
        }
    }

    /// The host on which an affinity group already lives.
    fn affinity_host(&self) -> Option<&str> {
        let group = self
            .request
            .group
            .as_ref()
            .filter(|group| group.is_affinity())?;
        group.hosts.first().map(String::as_str)
    }

    fn join_group(
        &self,
        host: &str,
        candidates: Vec<Candidate>,
        mut skipped: Vec<Reason>,
    ) -> Decision {
        if candidates.is_empty() {
            // The group's own host cannot take it; Nova's affinity filter will say no to the
            // others, and these reasons say why.
            let primary = if skipped.is_empty() {
                Reason::GroupOnBurst {
                    host: host.to_owned(),
                }
            } else {
                skipped.remove(0)
            };
            return Decision::private(primary, skipped);
        }
        let attempts = candidates
            .into_iter()
            .map(|c| Attempt::Hybrid(c.placement))
            .collect();
        let mut reasons = vec![Reason::GroupOnBurst {
            host: host.to_owned(),
        }];
        reasons.extend(skipped);
        Decision::of(attempts, reasons)
    }

    fn burst_first(
        &self,
        reason: Reason,
        candidates: Vec<Candidate>,
        skipped: Vec<Reason>,
    ) -> Decision {
        let full = reason == Reason::PrivateFull;
        // Over a soft limit only overflow may burst, and a full private cloud is just that.
        let (first, last): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|c| full || !c.overflow_only);
        if first.is_empty() {
            let mut decision = self.nowhere_to_burst(skipped);
            decision.attempts = filter_then(last);
            decision.reasons.push(reason);
            return decision;
        }
        let mut attempts: Vec<_> = first
            .into_iter()
            .map(|c| Attempt::Hybrid(c.placement))
            .collect();
        attempts.extend(filter_then(last));
        let mut reasons = vec![reason];
        reasons.extend(skipped);
        Decision::of(attempts, reasons)
    }

    fn private_first(
        &self,
        candidates: Vec<Candidate>,
        mut notes: Vec<Reason>,
        wants_evidence: bool,
    ) -> Decision {
        let split = self.split(&mut notes);
        if candidates.is_empty() && split.is_none() {
            let mut decision = self.nowhere_to_burst(notes);
            decision.wants_evidence = wants_evidence;
            return decision;
        }
        let primary = match (&split, self.evidence) {
            (Some(_), Evidence::Fits(fits)) => Reason::PrivatePart { fits },
            _ if self.eligible.level == BurstLevel::Overflow => Reason::OverflowOnly,
            _ => Reason::OverflowAllowed,
        };
        let bursts = candidates.into_iter().map(|c| Attempt::Hybrid(c.placement));
        let attempts = match split {
            // Placement said that the whole does not fit; room may have come back by the end.
            Some(split) => [split]
                .into_iter()
                .chain(bursts)
                .chain([Attempt::Filter])
                .collect(),
            None => [Attempt::Filter].into_iter().chain(bursts).collect(),
        };
        let mut reasons = vec![primary];
        reasons.extend(notes);
        Decision {
            wants_evidence,
            ..Decision::of(attempts, reasons)
        }
    }

    /// Private hosts only, because of the first thing that kept a burst host out.
    fn nowhere_to_burst(&self, mut skipped: Vec<Reason>) -> Decision {
        let blocking = skipped.iter().position(blocks_bursting);
        let primary = blocking.map_or(Reason::NoBurstHost, |at| skipped.remove(at));
        Decision::private(primary, skipped)
    }

    /// The split of a request for several, when the rule splits and only a part fits.
    fn split(&self, notes: &mut Vec<Reason>) -> Option<Attempt> {
        let Evidence::Fits(fits) = self.evidence else {
            return None;
        };
        if self.eligible.rule.multi_create != MultiCreate::Split
            || fits == 0
            || fits >= self.request.count
            || self.request.group.is_some()
        {
            return None;
        }
        let (candidates, skipped) = self.ranking.candidates(self.request.count - fits, None);
        match candidates.into_iter().next() {
            Some(best) => Some(Attempt::Split {
                private: fits,
                burst: best.placement,
            }),
            None => {
                for reason in skipped.into_iter().filter(blocks_bursting) {
                    // The whole request may have been refused for the very same reason.
                    if !notes.contains(&reason) {
                        notes.push(reason);
                    }
                }
                None
            }
        }
    }

    /// Whether the request bursts although it might fit, and what that was judged by.
    fn wish(&self, view: Option<&LoadView>) -> Wish {
        let rule = self.eligible.rule;
        let splits = rule.multi_create == MultiCreate::Split && self.request.count > 1;
        let mut reasons = Vec::new();
        let mut wants_evidence = splits;
        if let (BurstLevel::Load, Some(view)) = (self.eligible.level, view) {
            match self.gate(view) {
                GateVerdict::Open(reason) => return Wish::BurstFirst(reason),
                GateVerdict::ForcedClosed(reason) => reasons.push(reason),
                GateVerdict::Closed => {
                    reasons.push(Reason::GateClosed);
                    wants_evidence |= rule.reserve > 0;
                    if let Evidence::Fits(fits) = self.evidence
                        && fits > 0
                        && fits < rule.reserve
                    {
                        return Wish::BurstFirst(Reason::BelowReserve {
                            fits,
                            reserve: rule.reserve,
                        });
                    }
                }
            }
        }
        match self.evidence {
            Evidence::Fits(0) => return Wish::BurstFirst(Reason::PrivateFull),
            Evidence::Unavailable => reasons.push(Reason::EvidenceUnavailable),
            Evidence::Fits(_) | Evidence::NotAsked => {}
        }
        let wants_evidence = wants_evidence && self.evidence == Evidence::NotAsked;
        Wish::PrivateFirst {
            reasons,
            wants_evidence,
        }
    }

    /// What the gates that count for this request say together: an operator's word goes first,
    /// then any open gate.
    fn gate(&self, view: &LoadView) -> GateVerdict {
        let counts = |scope: &Scope| match scope {
            Scope::Cloud => true,
            Scope::Zone(zone) => self.request.availability_zone.as_ref() == Some(zone),
            Scope::Aggregate(name) => self.eligible.rule.aggregate.as_ref() == Some(name),
        };
        let gates = || view.gates.iter().filter(|gate| counts(&gate.scope));
        if let Some(gate) = gates().find(|gate| gate.forced == Some(GateState::Closed)) {
            return GateVerdict::ForcedClosed(Reason::GateForcedClosed {
                scope: gate.scope.clone(),
            });
        }
        match gates().find(|gate| gate.effective() == GateState::Open) {
            None => GateVerdict::Closed,
            Some(gate) if gate.forced.is_some() => GateVerdict::Open(Reason::GateForcedOpen {
                scope: gate.scope.clone(),
            }),
            Some(gate) => GateVerdict::Open(Reason::GateOpen {
                scope: gate.scope.clone(),
            }),
        }
    }
}

/// Whether a boot goes to the public cloud first.
enum Wish {
    BurstFirst(Reason),
    PrivateFirst {
        reasons: Vec<Reason>,
        wants_evidence: bool,
    },
}

enum GateVerdict {
    Open(Reason),
    Closed,
    ForcedClosed(Reason),
}

fn filter_then(candidates: Vec<Candidate>) -> Vec<Attempt> {
    let mut attempts = vec![Attempt::Filter];
    attempts.extend(candidates.into_iter().map(|c| Attempt::Hybrid(c.placement)));
    attempts
}

/// Whether a reason kept a burst host out or back, as opposed to describing the inputs.
fn blocks_bursting(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::ZoneNotServed { .. }
            | Reason::ImageUnmapped { .. }
            | Reason::SizeUnmapped { .. }
            | Reason::PinnedSizeUnusable { .. }
            | Reason::SizeBarred { .. }
            | Reason::NoRoom { .. }
            | Reason::MoneySoft { .. }
            | Reason::MoneyHard { .. }
            | Reason::MoneyUnknown
    )
}

fn fault_reason(fault: SnapshotFault) -> Reason {
    match fault {
        SnapshotFault::Missing => Reason::SnapshotMissing,
        SnapshotFault::Stale { age, .. } => Reason::SnapshotStale { age },
        SnapshotFault::Unreadable { .. } => Reason::SnapshotUnreadable,
        SnapshotFault::NewerFormat { format } => Reason::SnapshotNewerFormat { format },
    }
}
