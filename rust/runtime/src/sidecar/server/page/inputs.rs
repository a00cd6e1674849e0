//! Where everything comes from: the sources, and the files.

use super::html::{Html, clipped};
use super::more;
use super::words::Ago;
use crate::view::{SourceView, View};

/// Sources that are shown.
const MAX_SOURCES: usize = 24;

pub(super) fn section(page: &mut Html, view: &View, now_ms: u64, ceiling: usize) {
    if view.sources.is_empty() {
        return;
    }
    page.put("<section aria-labelledby=\"sources\"><h2 id=\"sources\">Sources</h2>");
    page.put(
        "<table class=\"sources\"><caption class=\"unseen\">Sources, the age of their newest ",
    );
    page.put("good reading, and their failures</caption><thead><tr><th scope=\"col\">Source</th>");
    page.put("<th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Last good</th>");
    page.put("<th scope=\"col\" class=\"number wide\">Took</th>");
    page.put("<th scope=\"col\" class=\"number wide\">Readings</th>");
    page.put("<th scope=\"col\" class=\"number\">Failures</th></tr></thead><tbody>");
    let mut shown = 0;
    for source in view.sources.iter().take(MAX_SOURCES) {
        if !page.fits(ceiling, |page| row(page, source, now_ms)) {
            break;
        }
        shown += 1;
    }
    page.put("</tbody></table>");
    more(page, view.sources.len(), shown, "/api/v1/sources");
    page.put("</section>");
}

fn row(page: &mut Html, source: &SourceView, now_ms: u64) {
    page.put("<tr><th scope=\"row\">")
        .say(clipped(&source.name, 60));
    if source.name != source.kind {
        page.put(" <small>")
            .say(clipped(&source.kind, 30))
            .put("</small>");
    }
    page.put("</th><td>");
    state(page, source);
    page.put("</td><td class=\"number\">");
    match source.last_good_at_ms {
        Some(at_ms) => page.say(Ago { at_ms, now_ms }),
        None => page.put("never"),
    };
    page.put("</td><td class=\"number wide\">");
    match source.took_ms {
        Some(took_ms) => page.say(took_ms).put(" ms"),
        None => page.put("–"),
    };
    page.put("</td><td class=\"number wide\">")
        .say(source.reads);
    page.put("</td><td class=\"number\">");
    page.say(source.failures.values().sum::<u64>())
        .put("</td></tr>");
}

fn state(page: &mut Html, source: &SourceView) {
    page.put(match (&source.error, source.targets_up) {
        (None, _) => "<span class=\"state ok\"><span aria-hidden=\"true\">● </span>answers</span>",
        (Some(_), 1..) => {
            "<span class=\"state bad\"><span aria-hidden=\"true\">◐ </span>in part</span>"
        }
        (Some(_), 0) => {
            "<span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>no answer</span>"
        }
    });
    let targets = source.targets_up + source.targets_down;
    if targets > 1 {
        page.put(" <small>").say(source.targets_up).put(" of ");
        page.say(targets).put(" targets</small>");
    }
    if let Some(connected) = source.connected {
        page.put(if connected {
            " <small>connected"
        } else {
            " <small>not connected"
        });
        page.put(", ")
            .say(source.notifications.values().sum::<u64>());
        page.put(" notifications");
        if source.poison > 0 {
            page.put(", ").say(source.poison).put(" unreadable");
        }
        page.put("</small>");
    }
    if let Some(error) = &source.error {
        page.put("<p class=\"error\">")
            .say(clipped(error, 240))
            .put("</p>");
    }
}

/// The files, and where to go on.
pub(super) fn footer(page: &mut Html, view: &View, now_ms: u64) {
    page.put("<footer><dl><div><dt>Policy file</dt><dd>");
    page.say(clipped(&view.config.path, 200)).put("<small>");
    page.say(clipped(&view.config.digest, 12)).put(", taken ");
    let at_ms = view.config.taken_at_ms;
    page.say(Ago { at_ms, now_ms })
        .put("</small></dd></div><div><dt>Snapshot</dt><dd>");
    page.say(clipped(&view.snapshot.path, 200))
        .put("<small>written ");
    page.say(view.snapshot.writes).put(" times, ");
    page.say(view.snapshot.failures)
        .put(" failed</small></dd></div><div><dt>Journal</dt><dd>");
    page.say(clipped(&view.journal.path, 200)).put("<small>");
    page.say(view.journal.lines.values().sum::<u64>())
        .put(" lines, ");
    page.say(view.journal.bad_lines).put(" bad, ");
    page.say(view.journal.lag_bytes)
        .put(" bytes behind</small></dd></div></dl>");
    page.put("<nav aria-label=\"More\"><a href=\"/metrics\">Metrics</a>");
    page.put("<a href=\"/api/v1/status\">This page as JSON</a>");
    page.put("<a href=\"/api/v1/openapi.json\">API</a></nav></footer>");
}
