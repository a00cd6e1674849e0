//! The signals, each with its course.

use super::html::{Html, clipped};
use super::words::{Ago, Long, Number};
use super::{chart, more};
use crate::view::{SignalView, View};

/// Signals that are shown.
const MAX_SIGNALS: usize = 24;
/// Signals whose course is drawn; one takes up to two kilobytes.
const MAX_CHARTS: usize = 12;

pub(super) fn section(page: &mut Html, view: &View, now_ms: u64, ceiling: usize) {
    page.put("<section aria-labelledby=\"signals\"><h2 id=\"signals\">Signals</h2>");
    if view.signals.is_empty() {
        page.put("<p class=\"none\">No signal is configured: the gates stay closed, and servers ");
        page.put("burst only when the private cloud is full.</p>");
    }
    page.put("<div class=\"cards\">");
    let mut shown = 0;
    for signal in view.signals.iter().take(MAX_SIGNALS) {
        let drawn =
            shown < MAX_CHARTS && page.fits(ceiling, |page| card(page, signal, now_ms, true));
        if !drawn && !page.fits(ceiling, |page| card(page, signal, now_ms, false)) {
            break;
        }
        shown += 1;
    }
    page.put("</div>");
    more(page, view.signals.len(), shown, "/api/v1/signals");
    page.put("</section>");
}

fn card(page: &mut Html, signal: &SignalView, now_ms: u64, drawn: bool) {
    page.put("<article class=\"card signal\"><div class=\"row\"><h3>");
    page.say(clipped(&signal.name, 60)).put("</h3>");
    reading(page, signal);
    page.put("</div><p class=\"value\">");
    match signal.value {
        Some(value) => {
            page.put("<data value=\"").say(value).put("\">");
            page.say(Number(value)).put("</data>")
        }
        None => page.put("–"),
    };
    page.put("<small>");
    match signal.value_at_ms {
        Some(at_ms) => page.say(Ago { at_ms, now_ms }),
        None => page.put("never measured"),
    };
    if let Some(crosses_in_ms) = signal.crosses_in_ms {
        page.put(", opens in ").say(Long(crosses_in_ms));
        page.put(" at this rate");
    }
    page.put("</small></p>");
    if drawn {
        chart::draw(page, signal, now_ms);
    } else {
        page.put("<p>opens at ").say(Number(signal.open_at));
        page.put(", closes at ")
            .say(Number(signal.close_at))
            .put("</p>");
    }
    if let Some(error) = &signal.error {
        page.put("<p class=\"error\">")
            .say(clipped(error, 240))
            .put("</p>");
    }
    page.put("<p class=\"how\">")
        .say(clipped(&signal.scope, 60));
    page.put(" · ").say(clipped(&signal.source, 60));
    page.put(" · <code>").say(clipped(&signal.measured_by, 200));
    page.put("</code></p></article>");
}

fn reading(page: &mut Html, signal: &SignalView) {
    page.put(match signal.reading.as_str() {
        "fresh" if signal.value.is_some_and(|value| value >= signal.open_at) => {
            "<span class=\"state open\"><span aria-hidden=\"true\">▲ </span>over"
        }
        "fresh" => "<span class=\"state ok\"><span aria-hidden=\"true\">● </span>fresh",
        "stale" => "<span class=\"state bad\"><span aria-hidden=\"true\">◌ </span>stale",
        "absent" => "<span class=\"state bad\"><span aria-hidden=\"true\">◌ </span>absent",
        _ => "<span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>no number",
    });
    if signal.reading != "fresh" {
        page.put(", ").put(match signal.when_missing.as_str() {
            "hold" => "held",
            _ => "ignored",
        });
    }
    page.put("</span>");
}
