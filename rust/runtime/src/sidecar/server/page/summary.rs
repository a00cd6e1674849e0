//! The top of the page: what counts now, what is wrong, and the gates.

use super::html::{Html, clipped};
use super::more;
use super::words::{Ago, Clock, Long, Usd};
use crate::view::{GateView, View};

/// Gates that are shown.
const MAX_GATES: usize = 16;
/// Bytes of an error that are shown.
const ERROR_BYTES: usize = 1_200;

/// Bytes of a mode or a state that are shown.
const MODE_BYTES: usize = 30;

/// What a browser's tab says.
pub(super) fn title(view: &View) -> String {
    let gate = view.gates.first();
    let gate = gate.map_or("no gate", |gate| match gate.effective.as_str() {
        "open" => "gate open",
        _ => "gate closed",
    });
    let paused = if view.paused { ", paused" } else { "" };
    let mode = clipped(&view.mode.effective, MODE_BYTES);
    format!("{gate}, {mode}{paused} · Spillway")
}

pub(super) fn header(page: &mut Html, view: &View, now_ms: u64) {
    page.put("<header><h1>Spillway</h1><p class=\"sub\">version ");
    page.say(clipped(&view.version, 40)).put(", up ");
    page.say(Long(now_ms.saturating_sub(view.started_at_ms)));
    page.put("</p><p class=\"sub clock\">");
    page.say(Clock {
        at_ms: now_ms,
        now_ms,
    })
    .put(" UTC</p></header>");
}

/// What an operator has to know before anything else.
pub(super) fn notices(page: &mut Html, view: &View, now_ms: u64) {
    let mut bad = |what: &'static str, detail: &str| {
        page.put("<div class=\"notice bad\"><strong><span aria-hidden=\"true\">✕ </span>");
        page.put(what).put("</strong> ");
        page.put("<pre>").say(clipped(detail, ERROR_BYTES));
        page.put("</pre></div>");
    };
    if let Some(refusal) = &view.config.refusal {
        bad(
            "The policy file was refused; the last good one counts.",
            refusal,
        );
    }
    if let Some(error) = &view.snapshot.error {
        bad("The snapshot cannot be written.", error);
    } else if is_snapshot_stale(view, now_ms) {
        bad(
            "The snapshot is stale: the scheduler decides without the gates.",
            &view.snapshot.path,
        );
    }
    if let Some(error) = &view.journal.error {
        bad("The journal cannot be read.", error);
    }
    if view.spend.is_none() && view.burst_hosts.iter().any(|host| !host.not_read) {
        bad(
            "The spend is not known, so limits on money cannot be checked.",
            "a burst host does not say what it spends",
        );
    }
    if view.paused {
        page.put("<div class=\"notice warn\"><strong><span aria-hidden=\"true\">‖ </span>");
        page.put("An operator paused launches.</strong> <code>spillway resume</code> takes that ");
        page.put("back.</div>");
    }
}

fn is_snapshot_stale(view: &View, now_ms: u64) -> bool {
    let written = view.snapshot.written_at_ms;
    written.is_none_or(|at| now_ms.saturating_sub(at) > view.snapshot.stale_after_ms)
}

pub(super) fn tiles(page: &mut Html, view: &View, now_ms: u64) {
    page.put("<section aria-labelledby=\"now\"><h2 id=\"now\" class=\"unseen\">Now</h2>");
    page.put("<dl class=\"tiles\">");
    mode_tile(page, view);
    gate_tile(page, view, now_ms);
    spend_tile(page, view);
    inputs_tile(page, view);
    page.put("<div><dt>Snapshot</dt><dd><b>");
    match view.snapshot.written_at_ms {
        Some(at_ms) => page.say(Ago { at_ms, now_ms }),
        None => page.put("not written"),
    };
    page.put("</b><small>stale after ");
    page.say(Long(view.snapshot.stale_after_ms));
    page.put("</small></dd></div></dl></section>");
}

fn mode_tile(page: &mut Html, view: &View) {
    page.put("<div><dt>Mode</dt><dd><b id=\"mode\">");
    page.say(clipped(&view.mode.effective, MODE_BYTES));
    page.put(if view.paused {
        ", paused</b><small>"
    } else {
        "</b><small>"
    });
    match (&view.mode.operator, view.mode.effective.as_str()) {
        (Some(operator), _) => {
            page.put("an operator said ")
                .say(clipped(operator, MODE_BYTES));
            page.put(", the policy file ")
                .say(clipped(&view.mode.policy, MODE_BYTES))
        }
        (None, "shadow") => page.put("decides and records, never acts"),
        (None, "off") => page.put("nothing bursts"),
        (None, _) => page.put("decides and acts"),
    };
    page.put("</small></dd></div>");
}

fn gate_tile(page: &mut Html, view: &View, now_ms: u64) {
    page.put("<div><dt>Cloud's gate</dt><dd>");
    match view.gates.first() {
        Some(gate) => {
            page.put("<b>");
            state(page, gate);
            page.put("</b><small>");
            held(page, gate, now_ms);
            page.put("</small>")
        }
        None => page.put("<b>none</b><small>no signal is configured</small>"),
    };
    page.put("</dd></div>");
}

fn spend_tile(page: &mut Html, view: &View) {
    page.put("<div><dt>Spend</dt><dd>");
    match &view.spend {
        Some(spend) => {
            page.put("<b><data value=\"").say(spend.hourly_usd);
            page.put("\">").say(Usd(spend.hourly_usd));
            page.put("</data><span class=\"unit\">/h</span></b>");
            spend_bar(
                page,
                spend.hourly_usd,
                view.limits.hourly_soft_usd,
                view.limits.hourly_hard_usd,
            );
            page.put("<small><data value=\"").say(spend.month_usd);
            page.put("\">").say(Usd(spend.month_usd));
            page.put("</data> this month");
            limit(page, view.limits.monthly_soft_usd, " soft");
            limit(page, view.limits.monthly_hard_usd, " hard");
            page.put("</small>");
            spend_bar(
                page,
                spend.month_usd,
                view.limits.monthly_soft_usd,
                view.limits.monthly_hard_usd,
            );
        }
        None => {
            page.put("<b>not known</b><small>");
            page.put(if view.burst_hosts.is_empty() {
                "no burst host is configured</small>"
            } else if view.burst_hosts.iter().all(|host| host.not_read) {
                "no burst host is read</small>"
            } else {
                "a burst host does not say</small>"
            });
        }
    }
    page.put("</dd></div>");
}

fn limit(page: &mut Html, limit: Option<f64>, kind: &'static str) {
    if let Some(limit) = limit {
        page.put(", limit ").say(Usd(limit)).put(kind);
    }
}

/// Spend against its limits; nothing without one.
fn spend_bar(page: &mut Html, spend: f64, soft: Option<f64>, hard: Option<f64>) {
    let Some(most) = hard.or(soft).filter(|most| *most > 0.0) else {
        return;
    };
    let whole = most.max(spend);
    let over = soft.or(hard).is_some_and(|limit| spend >= limit);
    bar(page, spend / whole, over, soft.map(|soft| soft / whole));
}

/// A bar of a share, which the text beside it says too.
pub(super) fn bar(page: &mut Html, share: f64, over: bool, mark: Option<f64>) {
    let percent = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() / 10.0;
    page.put("<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" ");
    page.put("aria-hidden=\"true\"><rect class=\"rail\" width=\"100\" height=\"6\"/>");
    page.put(if over {
        "<rect class=\"over\""
    } else {
        "<rect class=\"fill\""
    });
    page.put(" height=\"6\" width=\"")
        .say(percent(share))
        .put("\"/>");
    if let Some(mark) = mark {
        page.put("<rect class=\"mark\" width=\"0.8\" height=\"6\" x=\"");
        page.say(percent(mark).min(99.2)).put("\"/>");
    }
    page.put("</svg>");
}

fn inputs_tile(page: &mut Html, view: &View) {
    let fresh = view
        .signals
        .iter()
        .filter(|signal| signal.reading == "fresh");
    page.put("<div><dt>Signals</dt><dd><b>").say(fresh.count());
    page.put(" of ")
        .say(view.signals.len())
        .put(" fresh</b><small>");
    let failing = view.sources.iter().filter(|source| source.error.is_some());
    match failing.count() {
        0 => page.put("every source answers"),
        1 => page.put("1 source has a failure"),
        many => page.say(many).put(" sources have failures"),
    };
    page.put("</small></dd></div>");
}

pub(super) fn gates(page: &mut Html, view: &View, now_ms: u64, ceiling: usize) {
    if view.gates.is_empty() {
        return;
    }
    page.put("<section aria-labelledby=\"gates\"><h2 id=\"gates\">Gates</h2>");
    page.put("<table class=\"gates\"><caption class=\"unseen\">Gates and why they stand as they ");
    page.put("do</caption><thead><tr><th scope=\"col\">Scope</th><th scope=\"col\">State</th>");
    page.put("<th scope=\"col\">Why</th></tr></thead><tbody>");
    let mut shown = 0;
    for gate in view.gates.iter().take(MAX_GATES) {
        if !page.fits(ceiling, |page| gate_row(page, gate, now_ms)) {
            break;
        }
        shown += 1;
    }
    page.put("</tbody></table>");
    more(page, view.gates.len(), shown, "/api/v1/gates");
    page.put("</section>");
}

fn gate_row(page: &mut Html, gate: &GateView, now_ms: u64) {
    page.put("<tr><th scope=\"row\">")
        .say(clipped(&gate.scope, 80));
    page.put("</th><td>");
    state(page, gate);
    page.put("</td><td>").say(clipped(&gate.why, 400));
    page.put(" <small>");
    held(page, gate, now_ms);
    page.put("</small></td></tr>");
}

fn state(page: &mut Html, gate: &GateView) {
    page.put(match gate.effective.as_str() {
        "open" => "<span class=\"state open\"><span aria-hidden=\"true\">▲ </span>open",
        _ => "<span class=\"state closed\"><span aria-hidden=\"true\">▬ </span>closed",
    });
    page.put(if gate.forced.is_some() {
        ", forced</span>"
    } else {
        "</span>"
    });
}

/// Since when, or by whom and until when.
fn held(page: &mut Html, gate: &GateView, now_ms: u64) {
    if gate.forced.is_none() {
        page.put("for ")
            .say(Long(now_ms.saturating_sub(gate.since_ms)));
        return;
    }
    match gate.forced_until_ms {
        Some(until_ms) => {
            let left = Long(until_ms.saturating_sub(now_ms));
            page.put("by an operator, for ").say(left).put(" more")
        }
        None => page.put("by an operator, until it is taken back"),
    };
    page.put("; the signals say ")
        .say(clipped(&gate.state, MODE_BYTES));
}
