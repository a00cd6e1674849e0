//! The newest decisions.

use super::html::{Html, clipped};
use super::words::{Clock, Iso};
use crate::view::{DecisionView, OutcomeView, View};

/// Decisions that are shown.
const MAX_DECISIONS: usize = 25;
/// Reasons of a decision that are shown.
const MAX_REASONS: usize = 4;

pub(super) fn section(page: &mut Html, view: &View, now_ms: u64, ceiling: usize) {
    page.put("<section aria-labelledby=\"decisions\"><h2 id=\"decisions\">Decisions</h2>");
    if view.decisions.is_empty() {
        page.put("<p class=\"none\">None in the journal yet.</p></section>");
        return;
    }
    page.put("<table class=\"decisions\"><caption class=\"unseen\">Newest decisions, newest ");
    page.put("first, times in UTC</caption><thead><tr><th scope=\"col\">When</th>");
    page.put("<th scope=\"col\">Asked for</th><th scope=\"col\">What came of it, and why</th>");
    page.put("</tr></thead><tbody>");
    for decision in view.decisions.iter().take(MAX_DECISIONS) {
        if !page.fits(ceiling, |page| row(page, decision, now_ms)) {
            break;
        }
    }
    page.put("</tbody></table><p class=\"more\">Older ones: ");
    page.put("<a href=\"/api/v1/decisions\">/api/v1/decisions</a>, and all about one: ");
    page.put("<code>spillway explain SERVER</code></p></section>");
}

fn row(page: &mut Html, decision: &DecisionView, now_ms: u64) {
    let at_ms = decision.at_ms;
    page.put("<tr><td class=\"when\"><time datetime=\"")
        .say(Iso(at_ms));
    page.put("\">");
    let clock = Clock { at_ms, now_ms };
    if is_plain(&decision.id) {
        page.put("<a href=\"/api/v1/explain/").say(&decision.id);
        page.put("\">").say(clock).put("</a>");
    } else {
        page.say(clock);
    }
    page.put("</time></td><td>");
    page.say(clipped(&decision.flavor, 40));
    if decision.instance_uuids.len() > 1 {
        page.put(" × ").say(decision.instance_uuids.len());
    }
    page.put("<small class=\"id\" title=\"project\">");
    page.say(clipped(&decision.project_id, 12))
        .put("</small></td><td>");
    attempt(page, &decision.attempt);
    if let Some(shadow) = &decision.shadow_attempt {
        page.put(" <small>(active mode: ")
            .say(clipped(path(shadow), 30))
            .put(")</small>");
    }
    match &decision.outcome {
        Some(outcome) => outcome_text(page, decision, outcome),
        None => {
            page.put(" <small>under way</small>");
        }
    }
    for (at, reason) in decision.reasons.iter().take(MAX_REASONS).enumerate() {
        page.put(if at == 0 {
            "<p class=\"why\"><code>"
        } else {
            "<p class=\"also\"><code>"
        });
        page.say(clipped(&reason.code, 40)).put("</code> ");
        page.say(clipped(&reason.sentence, 240)).put("</p>");
    }
    page.put("</td></tr>");
}

/// An id that is itself in an address, too.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !id.is_empty() && id.len() <= 128 && id.bytes().all(plain)
}

fn attempt(page: &mut Html, kind: &str) {
    page.put(match kind {
        "hybrid" | "split" | "burst_only" => "<span class=\"state open\">",
        _ => "<span class=\"state closed\">",
    });
    page.say(clipped(path(kind), 30)).put("</span>");
}

/// The paths by what they mean to someone who has not read the words' list.
fn path(kind: &str) -> &str {
    match kind {
        "hybrid" => "burst",
        "split" => "private and burst",
        "burst_only" => "burst hosts only",
        "filter" => "private",
        "stock" => "plain Nova",
        other => other,
    }
}

fn outcome_text(page: &mut Html, decision: &DecisionView, outcome: &OutcomeView) {
    match (outcome.result.as_str(), outcome.path.as_deref()) {
        ("placed", taken) => {
            page.put(" <span aria-hidden=\"true\">→</span> placed on ");
            let mut hosts: Vec<_> = outcome.hosts.values().collect();
            hosts.dedup();
            match hosts.as_slice() {
                [host] => page.say(clipped(host, 60)),
                hosts => page.say(hosts.len()).put(" hosts"),
            };
            if taken.is_some_and(|taken| taken != decision.attempt) {
                let taken = path(taken.unwrap_or_default());
                page.put(" <small>(").say(clipped(taken, 30));
                page.put(" after all)</small>");
            }
        }
        ("no_valid_host", _) => {
            page.put(" <span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>");
            page.put("no valid host</span>");
        }
        (_, _) => {
            page.put(" <span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>");
            page.put("error</span> ").say(clipped(&outcome.detail, 160));
        }
    }
}
