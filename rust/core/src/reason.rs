//! Why a decision is what it is: a closed set of codes with a sentence each.
//!
//! The log, the journal, the server's fault, the metrics and the tests all show these.

use crate::request::Obstacle;
use crate::scope::Scope;
use crate::units::{Span, Usd};
use std::fmt;

/// Declares [`Reason`], its codes and its sentences in one place, so that none can be missing.
macro_rules! reasons {
    ($(
        $(#[$doc:meta])*
        $variant:ident $({ $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)? })?
        = $code:literal, $($sentence:expr),+ ;
    )+) => {
        /// One reason of a decision.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Reason {
            $( $(#[$doc])* $variant $({ $($(#[$field_doc])* $field: $type),+ })? ),+
        }

        impl Reason {
            /// Every code there is, in the order of the documentation.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Stable name, for metrics, filters and tests.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $( Reason::$variant $({ $($field: _),+ })? => $code ),+ }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $( Reason::$variant $({ $($field),+ })? => write!(f, $($sentence),+) ),+ }
            }
        }
    };
}

reasons! {
    /// The policy's mode is off.
    ModeOff = "mode_off", "bursting is off";
    /// The policy's mode is shadow: the decision is recorded and not acted on.
    ModeShadow = "mode_shadow", "shadow mode: recorded only, not acted on";
    /// An administrator named the host.
    ForcedHost = "forced_host", "an administrator named the host";
    /// A move of a private server.
    MovePrivate = "move_private", "a private server stays on private hosts";
    /// A move of a burst server.
    MoveBurst = "move_burst", "a burst server stays on burst hosts";
    /// A rebuild in place.
    Rebuild = "rebuild", "a rebuild stays where it is";
    /// A property of the request that no provider can serve.
    Obstacle {
        /// Which one.
        obstacle: Obstacle
    } = "obstacle", "{}", obstacle_sentence(*obstacle);
    /// No rule matches.
    NoRule = "no_rule", "no rule lets this request burst";
    /// The rule that matches says never.
    RuleNever {
        /// The rule's name.
        rule: String
    } = "rule_never", "rule '{rule}' keeps it private";
    /// The flavor says never.
    FlavorNever = "flavor_never", "the flavor keeps it private";
    /// The user says never.
    HintNever = "hint_never", "the hint spillway:burst=never keeps it private";
    /// The flavor's extra spec has a value that is none.
    FlavorInvalid {
        /// The value.
        value: String
    } = "flavor_invalid", "the flavor's spillway:burst is '{value}', not never, overflow or load";
    /// The hint has a value that is none.
    HintInvalid {
        /// The value.
        value: String
    } = "hint_invalid", "the hint spillway:burst is '{value}', not never, overflow or load";
    /// The policy has no burst host.
    NoBurstHost = "no_burst_host", "no burst host is configured";
    /// An operator stopped launches.
    Paused = "paused", "an operator paused launches";
    /// An affinity group lives on private hosts.
    GroupOnPrivate {
        /// The host.
        host: String
    } = "group_on_private", "its affinity group is on private host {host}";
    /// An affinity group lives on a burst host.
    GroupOnBurst {
        /// The host.
        host: String
    } = "group_on_burst", "its affinity group is on burst host {host}";
    /// The burst host does not take requests for that zone.
    ZoneNotServed {
        /// The burst host.
        burst_host: String,
        /// The zone that was asked for.
        zone: String
    } = "zone_not_served", "{burst_host} takes no requests for zone {zone}";
    /// No image at that burst host stands for the requested one.
    ImageUnmapped {
        /// The burst host.
        burst_host: String
    } = "image_unmapped", "{burst_host} has no image for it";
    /// No size at that burst host fits the flavor.
    SizeUnmapped {
        /// The burst host.
        burst_host: String
    } = "size_unmapped", "{burst_host} has no size for it";
    /// A size that the flavor pins does not exist there or does not fit.
    PinnedSizeUnusable {
        /// The burst host.
        burst_host: String,
        /// The size.
        size: String
    } = "pinned_size_unusable", "size {size} is unknown at {burst_host} or too small";
    /// The size just failed.
    SizeBarred {
        /// The burst host.
        burst_host: String,
        /// The size.
        size: String,
        /// How long it stays barred.
        remaining: Span
    } = "size_barred", "{size} at {burst_host} just failed and is barred for {remaining}";
    /// Not enough room.
    NoRoom {
        /// The burst host.
        burst_host: String,
        /// Servers that can still launch.
        room: u32
    } = "no_room", "{burst_host} has room for {room} more";
    /// Over a soft limit.
    MoneySoft {
        /// Which limit.
        limit: Limit,
        /// Its amount.
        amount: Usd
    } = "money_soft", "over the soft {limit} limit of {amount}: overflow only";
    /// Over a hard limit.
    MoneyHard {
        /// Which limit.
        limit: Limit,
        /// Its amount.
        amount: Usd
    } = "money_hard", "over the hard {limit} limit of {amount}";
    /// Limits are set and the spend or every price is unknown.
    MoneyUnknown = "money_unknown", "limits are set and the spend is unknown";
    /// There is no snapshot.
    SnapshotMissing = "snapshot_missing", "no snapshot: decided on evidence alone";
    /// The snapshot is too old.
    SnapshotStale {
        /// Its age.
        age: Span
    } = "snapshot_stale", "snapshot is {age} old: decided on evidence alone";
    /// The snapshot cannot be read.
    SnapshotUnreadable = "snapshot_unreadable", "snapshot unreadable: decided on evidence alone";
    /// The snapshot has a newer format.
    SnapshotNewerFormat {
        /// The format.
        format: u32
    } = "snapshot_newer_format", "snapshot format {format} is newer: decided on evidence alone";
    /// The gate of a scope is open.
    GateOpen {
        /// The scope.
        scope: Scope
    } = "gate_open", "the {scope} gate is open";
    /// An operator forced the gate open.
    GateForcedOpen {
        /// The scope.
        scope: Scope
    } = "gate_forced_open", "an operator forced the {scope} gate open";
    /// No gate that counts for the request is open.
    GateClosed = "gate_closed", "the gate is closed";
    /// An operator forced the gate closed.
    GateForcedClosed {
        /// The scope.
        scope: Scope
    } = "gate_forced_closed", "an operator forced the {scope} gate closed";
    /// Private room is below the rule's reserve.
    BelowReserve {
        /// Servers of the flavor that still fit.
        fits: u32,
        /// The rule's reserve.
        reserve: u32
    } = "below_reserve", "{fits} more fit on private hosts, below the reserve of {reserve}";
    /// Nothing fits on private hosts.
    PrivateFull = "private_full", "nothing more fits on private hosts";
    /// Only a part of the request fits on private hosts, and the rule splits.
    PrivatePart {
        /// Servers that fit.
        fits: u32
    } = "private_part", "{fits} fit on private hosts, the rest bursts";
    /// Placement did not say what fits.
    EvidenceUnavailable = "evidence_unavailable", "Placement did not say what fits";
    /// The request may burst only when the private hosts have no room.
    OverflowOnly = "overflow_only", "bursts only when private hosts are full";
    /// The request bursts when the filter path finds no valid host.
    OverflowAllowed = "overflow_allowed", "private first, bursts when no valid host is found";
}

/// Which money limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Hourly, all projects.
    Hourly,
    /// Monthly, all projects.
    Monthly,
    /// Hourly, of the request's project.
    ProjectHourly,
    /// Monthly, of the request's project.
    ProjectMonthly,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Hourly => "hourly",
            Limit::Monthly => "monthly",
            Limit::ProjectHourly => "project's hourly",
            Limit::ProjectMonthly => "project's monthly",
        })
    }
}

fn obstacle_sentence(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Numa => "NUMA topologies cannot burst",
        Obstacle::Pci => "PCI devices cannot burst",
        Obstacle::Volume => "servers that boot from a volume cannot burst",
        Obstacle::PortResources => "ports and devices with resources of their own cannot burst",
        Obstacle::ExtraDisks => "ephemeral and swap disks cannot burst",
        Obstacle::NoImage => "a server without an image cannot burst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let unique: BTreeSet<_> = Reason::CODES.iter().collect();
        assert_eq!(unique.len(), Reason::CODES.len());
        for code in Reason::CODES {
            assert!(
                code.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{code}"
            );
        }
    }
}
