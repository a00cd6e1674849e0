//! The status page: one document without any other request, readable without JavaScript.
//!
//! Without a script it is loaded again every five seconds. With one, its content is fetched every
//! two seconds and patched in place, so that scrolling, selecting and the keyboard's focus stay.
//! Texts are clipped and lists end where the page would get longer than 64 KiB, whatever is in them;
//! the API has all of it.

mod burst_hosts;
mod chart;
mod decisions;
mod html;
mod inputs;
mod signals;
mod summary;
mod words;

use super::Answering;
use crate::view::View;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html as HtmlResponse, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use html::Html;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Allows the page's own style and script, by their digests, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = |text: &str| BASE64.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    // It has nothing but visible ASCII characters.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Bytes of the content up to which each list may go; what one leaves over is the next one's. Style,
/// script and head take 11 kB more, and what is no list is clipped to less than the rest.
mod ends {
    pub(super) const GATES: usize = 16_000;
    pub(super) const SIGNALS: usize = 34_000;
    pub(super) const DECISIONS: usize = 42_000;
    pub(super) const HOSTS: usize = 47_000;
    pub(super) const SOURCES: usize = 50_000;
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// Given by the script, which has the rest already.
    content: Option<String>,
}

pub(super) async fn answer(
    State(state): State<Answering>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let (view, now) = state.now();
    let mut page = Html::default();
    if wanted.content.is_some() {
        content(&mut page, &view, now.0);
    } else {
        document(&mut page, &view, now.0);
    }
    let policy: (HeaderName, HeaderValue) = (header::CONTENT_SECURITY_POLICY, POLICY.clone());
    ([policy], HtmlResponse(page.into_text())).into_response()
}

fn document(page: &mut Html, view: &View, now_ms: u64) {
    page.put(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>",
    );
    page.say(summary::title(view)).put("</title>");
    page.put(
        "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
         viewBox='0 0 16 16'%3E%3Cpath d='M2 9q3-4 6 0t6 0' fill='none' stroke='%232f6fdb' \
         stroke-width='2.5'/%3E%3C/svg%3E\">\
         <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript><style>",
    );
    page.put(STYLE).put("</style></head><body>");
    page.put(
        "<p id=\"lost\" role=\"alert\" hidden>The sidecar does not answer. \
         What is below is from <span></span>.</p>\
         <svg width=\"0\" height=\"0\" aria-hidden=\"true\" class=\"patterns\"><defs>\
         <pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path d=\"M0 0V6\"/></pattern></defs></svg>",
    );
    content(page, view, now_ms);
    page.put("<script>")
        .put(SCRIPT)
        .put("</script></body></html>");
}

/// All that changes: the script replaces it as a whole.
fn content(page: &mut Html, view: &View, now_ms: u64) {
    let start = page.len();
    page.put("<div id=\"content\" data-title=\"");
    page.say(summary::title(view)).put("\">");
    summary::header(page, view, now_ms);
    page.put("<main>");
    summary::notices(page, view, now_ms);
    summary::tiles(page, view, now_ms);
    summary::gates(page, view, now_ms, start + ends::GATES);
    signals::section(page, view, now_ms, start + ends::SIGNALS);
    page.put("<div class=\"columns\">");
    decisions::section(page, view, now_ms, start + ends::DECISIONS);
    burst_hosts::section(page, view, now_ms, start + ends::HOSTS);
    page.put("</div>");
    inputs::section(page, view, now_ms, start + ends::SOURCES);
    page.put("</main>");
    inputs::footer(page, view, now_ms);
    page.put("</div>");
}

/// Says how many of a list are not shown.
fn more(page: &mut Html, all: usize, shown: usize, path: &'static str) {
    if all > shown {
        page.put("<p class=\"more\">").say(all - shown);
        page.put(" more: <a href=\"").put(path).put("\">");
        page.put(path).put("</a></p>");
    }
}
