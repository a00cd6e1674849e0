//! Every metric of the sidecar: its name, what it means, and where in the view it is.

use super::family::{Family, Kind, Per, Series};
use crate::sources::FailureKind;
use crate::view::{OfferView, SourceView, View};

/// Values of the label `source`.
const SOURCE: &str =
    "name in the policy file, or `notifications`, `placement`, `heat`, `burst_hosts`";

/// All of them, in the order of the page.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "spillway_build_info",
        kind: Kind::Gauge,
        help: "Always 1; the label says which release runs.",
        labels: &[("version", "")],
        series: Series::of(1),
        collect: |view, page| {
            page.count(&[("version", &view.version)], 1);
        },
    },
    Family {
        name: "spillway_start_time_seconds",
        kind: Kind::Gauge,
        help: "When the sidecar started, Unix time.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.millis(&[], Some(view.started_at_ms));
        },
    },
    Family {
        name: "spillway_mode",
        kind: Kind::Gauge,
        help: "1 for the mode that counts, which is the lesser of the policy file's and the operator's.",
        labels: &[("mode", "`off`, `shadow`, `active`")],
        series: Series::of(3),
        collect: |view, page| {
            for mode in ["off", "shadow", "active"] {
                page.yes_or_no(&[("mode", mode)], view.mode.effective == mode);
            }
        },
    },
    Family {
        name: "spillway_paused",
        kind: Kind::Gauge,
        help: "1 while an operator has paused launches.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.yes_or_no(&[], view.paused);
        },
    },
    Family {
        name: "spillway_config_info",
        kind: Kind::Gauge,
        help: "Always 1; the label is the digest of the policy in effect, as in the journal.",
        labels: &[("digest", "")],
        series: Series::of(1),
        collect: |view, page| {
            page.count(&[("digest", &view.config.digest)], 1);
        },
    },
    Family {
        name: "spillway_config_rejected",
        kind: Kind::Gauge,
        help: "1 while the policy file as it is now is refused and an older one counts.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.yes_or_no(&[], view.config.refusal.is_some());
        },
    },
    Family {
        name: "spillway_config_reloads_total",
        kind: Kind::Counter,
        help: "How often the policy file was read because it had changed, by what came of it.",
        labels: &[("result", "`taken`, `refused`")],
        series: Series::of(2),
        collect: |view, page| {
            page.count(&[("result", "taken")], view.config.taken);
            page.count(&[("result", "refused")], view.config.refused);
        },
    },
    Family {
        name: "spillway_snapshot_writes_total",
        kind: Kind::Counter,
        help: "How often the snapshot was written, or could not be.",
        labels: &[("result", "`ok`, `failed`")],
        series: Series::of(2),
        collect: |view, page| {
            page.count(&[("result", "ok")], view.snapshot.writes);
            page.count(&[("result", "failed")], view.snapshot.failures);
        },
    },
    Family {
        name: "spillway_snapshot_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the snapshot was last written, Unix time.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.millis(&[], view.snapshot.written_at_ms);
        },
    },
    Family {
        name: "spillway_snapshot_stale_after_seconds",
        kind: Kind::Gauge,
        help: "Age at which the scheduler no longer trusts the snapshot.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.millis(&[], Some(view.snapshot.stale_after_ms));
        },
    },
    Family {
        name: "spillway_gate_open",
        kind: Kind::Gauge,
        help: "1 while the gate is open, by its signals or by an operator's word.",
        labels: &[("scope", "`cloud`, `zone:NAME`, `aggregate:NAME`")],
        series: Series::per(1, Per::Gate),
        collect: |view, page| {
            for gate in &view.gates {
                page.yes_or_no(&[("scope", &gate.scope)], gate.effective == "open");
            }
        },
    },
    Family {
        name: "spillway_gate_forced",
        kind: Kind::Gauge,
        help: "1 while an operator forces the gate.",
        labels: &[("scope", "`cloud`, `zone:NAME`, `aggregate:NAME`")],
        series: Series::per(1, Per::Gate),
        collect: |view, page| {
            for gate in &view.gates {
                page.yes_or_no(&[("scope", &gate.scope)], gate.forced.is_some());
            }
        },
    },
    Family {
        name: "spillway_gate_since_timestamp_seconds",
        kind: Kind::Gauge,
        help: "Since when the signals give the state that they give, Unix time.",
        labels: &[("scope", "`cloud`, `zone:NAME`, `aggregate:NAME`")],
        series: Series::per(1, Per::Gate),
        collect: |view, page| {
            for gate in &view.gates {
                page.millis(&[("scope", &gate.scope)], Some(gate.since_ms));
            }
        },
    },
    Family {
        name: "spillway_gate_changes_total",
        kind: Kind::Counter,
        help: "How often the signals opened or closed the gate.",
        labels: &[
            ("scope", "`cloud`, `zone:NAME`, `aggregate:NAME`"),
            ("state", "`open`, `closed`"),
        ],
        series: Series::per(2, Per::Gate),
        collect: |view, page| {
            for gate in &view.gates {
                let scope = gate.scope.as_str();
                page.count(&[("scope", scope), ("state", "open")], gate.opened);
                page.count(&[("scope", scope), ("state", "closed")], gate.closed);
            }
        },
    },
    Family {
        name: "spillway_signal_value",
        kind: Kind::Gauge,
        help: "Newest value; absent when there is none.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.known(&[("signal", &signal.name)], signal.value);
            }
        },
    },
    Family {
        name: "spillway_signal_open_threshold",
        kind: Kind::Gauge,
        help: "Value over which it asks for the gate to be open.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.put(&[("signal", &signal.name)], signal.open_at);
            }
        },
    },
    Family {
        name: "spillway_signal_close_threshold",
        kind: Kind::Gauge,
        help: "Value under which it asks for the gate to be closed.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.put(&[("signal", &signal.name)], signal.close_at);
            }
        },
    },
    Family {
        name: "spillway_signal_usable",
        kind: Kind::Gauge,
        help: "1 while the newest value is a finite number and not stale.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.yes_or_no(&[("signal", &signal.name)], signal.reading == "fresh");
            }
        },
    },
    Family {
        name: "spillway_signal_sample_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the newest value was measured, Unix time.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.millis(&[("signal", &signal.name)], signal.value_at_ms);
            }
        },
    },
    Family {
        name: "spillway_signal_crosses_in_seconds",
        kind: Kind::Gauge,
        help: "Time until it reaches its open threshold if it goes on as it does; absent when it does not.",
        labels: &[("signal", "name in the policy file")],
        series: Series::per(1, Per::Signal),
        collect: |view, page| {
            for signal in &view.signals {
                page.millis(&[("signal", &signal.name)], signal.crosses_in_ms);
            }
        },
    },
    Family {
        name: "spillway_source_up",
        kind: Kind::Gauge,
        help: "1 while something of the source answers: with several targets, at least one.",
        labels: &[("source", SOURCE)],
        series: Series::per(1, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                page.yes_or_no(&[("source", &source.name)], is_up(source));
            }
        },
    },
    Family {
        name: "spillway_source_reads_total",
        kind: Kind::Counter,
        help: "Readings, good and bad.",
        labels: &[("source", SOURCE)],
        series: Series::per(1, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                page.count(&[("source", &source.name)], source.reads);
            }
        },
    },
    Family {
        name: "spillway_source_failures_total",
        kind: Kind::Counter,
        help: "Failures by kind; a reading of many targets can have many.",
        labels: &[
            ("source", SOURCE),
            (
                "kind",
                "`connect`, `tls`, `timeout`, `too_large`, `too_many`, `status`, `unauthorized`, \
                 `malformed`, `absent`, `too_few_targets`, `refused`",
            ),
        ],
        series: Series::per(FailureKind::ALL.len(), Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                for (kind, count) in &source.failures {
                    page.count(&[("source", &source.name), ("kind", kind)], *count);
                }
            }
        },
    },
    Family {
        name: "spillway_source_targets",
        kind: Kind::Gauge,
        help: "Targets by whether they answered the last time.",
        labels: &[("source", SOURCE), ("state", "`up`, `down`")],
        series: Series::per(2, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                let name = source.name.as_str();
                let (up, down) = (source.targets_up, source.targets_down);
                page.count(&[("source", name), ("state", "up")], up.into());
                page.count(&[("source", name), ("state", "down")], down.into());
            }
        },
    },
    Family {
        name: "spillway_source_last_good_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When something last answered, Unix time.",
        labels: &[("source", SOURCE)],
        series: Series::per(1, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                page.millis(&[("source", &source.name)], source.last_good_at_ms);
            }
        },
    },
    Family {
        name: "spillway_source_read_seconds",
        kind: Kind::Gauge,
        help: "How long the newest reading took.",
        labels: &[("source", SOURCE)],
        series: Series::per(1, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                page.millis(&[("source", &source.name)], source.took_ms);
            }
        },
    },
    Family {
        name: "spillway_source_bytes_total",
        kind: Kind::Counter,
        help: "Bytes that were read, after decompression.",
        labels: &[("source", SOURCE)],
        series: Series::per(1, Per::Source),
        collect: |view, page| {
            for source in &view.sources {
                page.count(&[("source", &source.name)], source.bytes);
            }
        },
    },
    Family {
        name: "spillway_broker_connected",
        kind: Kind::Gauge,
        help: "1 while the connection to the message broker stands; absent without notifications.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            if let Some(broker) = broker(view) {
                page.yes_or_no(&[], broker.connected == Some(true));
            }
        },
    },
    Family {
        name: "spillway_broker_reconnects_total",
        kind: Kind::Counter,
        help: "How often the connection to the broker was made anew.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            if let Some(broker) = broker(view) {
                page.count(&[], broker.reconnects);
            }
        },
    },
    Family {
        name: "spillway_notifications_total",
        kind: Kind::Counter,
        help: "Notifications of Nova by event.",
        labels: &[("event", "Nova's event types that are counted")],
        series: Series::of(7),
        collect: |view, page| {
            if let Some(broker) = broker(view) {
                for (event, count) in &broker.notifications {
                    page.count(&[("event", event)], *count);
                }
            }
        },
    },
    Family {
        name: "spillway_notifications_poison_total",
        kind: Kind::Counter,
        help: "Messages that could not be read as a notification; they are acknowledged and dropped.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            if let Some(broker) = broker(view) {
                page.count(&[], broker.poison);
            }
        },
    },
    Family {
        name: "spillway_burst_host_reported",
        kind: Kind::Gauge,
        help: "1 while the burst host's own metrics page answers; absent when the policy file has no `metrics_listen` for it.",
        labels: &[("burst_host", "Nova's name of the host")],
        series: Series::per(1, Per::BurstHost),
        collect: |view, page| {
            for host in view.burst_hosts.iter().filter(|host| !host.not_read) {
                page.yes_or_no(&[("burst_host", &host.name)], host.up);
            }
        },
    },
    Family {
        name: "spillway_spend_known",
        kind: Kind::Gauge,
        help: "1 while every burst host says what it spends. While one does not, limits on money cannot be checked.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.yes_or_no(&[], view.spend.is_some());
        },
    },
    Family {
        name: "spillway_spend_hourly_usd",
        kind: Kind::Gauge,
        help: "What all burst servers cost in an hour, US dollars; absent while it is not known.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.known(&[], view.spend.as_ref().map(|spend| spend.hourly_usd));
        },
    },
    Family {
        name: "spillway_spend_month_usd",
        kind: Kind::Gauge,
        help: "What was spent since the month began, US dollars; absent while it is not known.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.known(&[], view.spend.as_ref().map(|spend| spend.month_usd));
        },
    },
    Family {
        name: "spillway_spend_limit_usd",
        kind: Kind::Gauge,
        help: "Limits on the spend of all projects together, US dollars; absent where there is none.",
        labels: &[("period", "`hour`, `month`"), ("kind", "`soft`, `hard`")],
        series: Series::of(4),
        collect: |view, page| {
            let limits = &view.limits;
            for (period, kind, limit) in [
                ("hour", "soft", limits.hourly_soft_usd),
                ("hour", "hard", limits.hourly_hard_usd),
                ("month", "soft", limits.monthly_soft_usd),
                ("month", "hard", limits.monthly_hard_usd),
            ] {
                page.known(&[("period", period), ("kind", kind)], limit);
            }
        },
    },
    Family {
        name: "spillway_offer_barred",
        kind: Kind::Gauge,
        help: "1 while the size is not asked for because it just failed.",
        labels: &[
            ("burst_host", "Nova's name of the host"),
            ("size", "the provider's name of the size"),
        ],
        series: Series::per(1, Per::Offer),
        collect: |view, page| {
            for offer in offers(view) {
                let barred = offer
                    .barred_until_ms
                    .is_some_and(|until| until > view.at_ms);
                page.yes_or_no(&offer_labels(offer), barred);
            }
        },
    },
    Family {
        name: "spillway_offer_price_usd",
        kind: Kind::Gauge,
        help: "Price of one server per hour, US dollars; absent when it is not known.",
        labels: &[
            ("burst_host", "Nova's name of the host"),
            ("size", "the provider's name of the size"),
        ],
        series: Series::per(1, Per::Offer),
        collect: |view, page| {
            for offer in offers(view) {
                page.known(&offer_labels(offer), offer.price_usd_per_hour);
            }
        },
    },
    Family {
        name: "spillway_offer_room",
        kind: Kind::Gauge,
        help: "Servers of the size that can still launch; absent when it is not known.",
        labels: &[
            ("burst_host", "Nova's name of the host"),
            ("size", "the provider's name of the size"),
        ],
        series: Series::per(1, Per::Offer),
        collect: |view, page| {
            for offer in offers(view) {
                page.known(&offer_labels(offer), offer.room.map(f64::from));
            }
        },
    },
    Family {
        name: "spillway_journal_lines_total",
        kind: Kind::Counter,
        help: "Lines of the journal that were read, each once.",
        labels: &[("kind", "`decision`, `outcome`, `policy`")],
        series: Series::of(3),
        collect: |view, page| {
            for (kind, count) in &view.journal.lines {
                page.count(&[("kind", kind)], *count);
            }
        },
    },
    Family {
        name: "spillway_journal_bad_lines_total",
        kind: Kind::Counter,
        help: "Lines of the journal that could not be read.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.count(&[], view.journal.bad_lines);
        },
    },
    Family {
        name: "spillway_journal_lag_bytes",
        kind: Kind::Gauge,
        help: "Bytes of the journal that are there and not read yet.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.count(&[], view.journal.lag_bytes);
        },
    },
    Family {
        name: "spillway_journal_readable",
        kind: Kind::Gauge,
        help: "1 while the journal can be read.",
        labels: &[],
        series: Series::of(1),
        collect: |view, page| {
            page.yes_or_no(&[], view.journal.error.is_none());
        },
    },
    Family {
        name: "spillway_decisions_total",
        kind: Kind::Counter,
        help: "Decisions by the kind of their first attempt, the reason that decided, and what active mode would have tried first.",
        labels: &[
            (
                "attempt",
                "`filter`, `hybrid`, `split`, `burst_only`, `stock`",
            ),
            ("reason", "[codes](reasons.md)"),
            ("shadow_attempt", "as `attempt`, empty outside shadow mode"),
        ],
        series: Series::of(1_000),
        collect: |view, page| {
            for count in &view.journal.decisions {
                let labels = [
                    ("attempt", count.attempt.as_str()),
                    ("reason", count.reason.as_str()),
                    ("shadow_attempt", count.shadow_attempt.as_str()),
                ];
                page.count(&labels, count.count);
            }
        },
    },
    Family {
        name: "spillway_outcomes_total",
        kind: Kind::Counter,
        help: "What became of decisions, by the path that placed the servers.",
        labels: &[
            ("result", "`placed`, `no_valid_host`, `error`"),
            ("path", "as `attempt`, or `none`"),
        ],
        series: Series::of(1_000),
        collect: |view, page| {
            for count in &view.journal.outcomes {
                let labels = [
                    ("result", count.result.as_str()),
                    ("path", count.path.as_str()),
                ];
                page.count(&labels, count.count);
            }
        },
    },
];

fn is_up(source: &SourceView) -> bool {
    match source.connected {
        Some(connected) => connected,
        None => {
            source.last_good_at_ms.is_some() && (source.error.is_none() || source.targets_up > 0)
        }
    }
}

fn broker(view: &View) -> Option<&SourceView> {
    let mut sources = view.sources.iter();
    sources.find(|source| source.connected.is_some())
}

fn offers(view: &View) -> impl Iterator<Item = &OfferView> {
    view.burst_hosts.iter().flat_map(|host| &host.offers)
}

fn offer_labels(offer: &OfferView) -> [(&'static str, &str); 2] {
    [("burst_host", &offer.burst_host), ("size", &offer.size)]
}
