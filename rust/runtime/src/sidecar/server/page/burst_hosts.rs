//! The burst hosts: what runs there, what it costs, and what can still launch.

use super::html::{Html, clipped};
use super::more;
use super::summary::bar;
use super::words::{Ago, Long, Number, Usd};
use crate::view::{BurstHostView, OfferView, View};

/// Burst hosts that are shown.
const MAX_HOSTS: usize = 8;
/// Offers of each that are shown.
const MAX_OFFERS: usize = 6;

/// Limits of each that are shown.
const MAX_LIMITS: usize = 6;
/// Resources in the order in which they are shown.
const ORDER: [&str; 4] = ["servers", "vcpus", "memory_mb", "disk_gb"];

pub(super) fn section(page: &mut Html, view: &View, now_ms: u64, ceiling: usize) {
    page.put("<section aria-labelledby=\"hosts\"><h2 id=\"hosts\">Burst hosts</h2>");
    if view.burst_hosts.is_empty() {
        page.put("<p class=\"none\">None is configured: nothing can burst.</p>");
    }
    page.put("<div class=\"stack\">");
    let mut shown = 0;
    for host in view.burst_hosts.iter().take(MAX_HOSTS) {
        if !page.fits(ceiling, |page| card(page, host, now_ms)) {
            break;
        }
        shown += 1;
    }
    page.put("</div>");
    more(page, view.burst_hosts.len(), shown, "/api/v1/burst-hosts");
    page.put("</section>");
}

fn card(page: &mut Html, host: &BurstHostView, now_ms: u64) {
    page.put("<article class=\"card\"><div class=\"row\"><h3>");
    page.say(clipped(&host.name, 60)).put("</h3>");
    page.put(if host.not_read {
        "<span class=\"state\">not read: no metrics_listen</span>"
    } else if host.up {
        "<span class=\"state ok\"><span aria-hidden=\"true\">● </span>up</span>"
    } else {
        "<span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>no answer</span>"
    });
    page.put("</div><p class=\"facts\">")
        .say(clipped(&host.provider, 40));
    servers(page, host);
    if let Some(spend) = &host.spend {
        page.put(" · <data value=\"")
            .say(spend.hourly_usd)
            .put("\">");
        page.say(Usd(spend.hourly_usd))
            .put("</data>/h · <data value=\"");
        page.say(spend.month_usd)
            .put("\">")
            .say(Usd(spend.month_usd));
        page.put("</data> this month");
    }
    if let Some(start_time_ms) = host.start_time_ms {
        page.put(" · starts in ");
        match start_time_ms {
            0..1_000 => page.put("under 1 s"),
            _ => page.say(Long(start_time_ms)),
        };
    }
    match host.seen_at_ms {
        Some(at_ms) => page.put(" · seen ").say(Ago { at_ms, now_ms }),
        None => page.put(" · never seen"),
    };
    page.put("</p>");
    if let Some(error) = &host.error {
        page.put("<p class=\"error\">")
            .say(clipped(error, 240))
            .put("</p>");
    }
    launches(page, host);
    let mut limits: Vec<_> = host.limits.iter().take(MAX_LIMITS).collect();
    limits.sort_by_key(|limit| {
        let place = ORDER.iter().position(|known| *known == limit.resource);
        place.unwrap_or(ORDER.len())
    });
    for limit in limits {
        page.put("<p class=\"limit\"><span>")
            .say(clipped(resource(&limit.resource), 30));
        page.put("</span><span class=\"number\">")
            .say(Number(limit.used));
        page.put(" of ").say(Number(limit.limit)).put("</span></p>");
        let full = limit.used >= limit.limit;
        let share = if limit.limit > 0.0 {
            limit.used / limit.limit
        } else {
            1.0
        };
        bar(page, share, full, None);
    }
    offers(page, host, now_ms);
    page.put("</article>");
}

fn servers(page: &mut Html, host: &BurstHostView) {
    for (state, count) in host.servers.iter().filter(|(_, count)| **count > 0).take(5) {
        page.put(" · ").say(count).put(" ").say(clipped(state, 20));
    }
}

/// How launches ended that did not end well.
fn launches(page: &mut Html, host: &BurstHostView) {
    let bad = |result: &str| matches!(result, "refused" | "failed");
    let failed: Vec<_> = host
        .launches
        .iter()
        .filter(|(result, count)| bad(result) && **count > 0)
        .collect();
    if failed.is_empty() {
        return;
    }
    page.put("<p class=\"facts\">launches since its start:");
    for (result, count) in host.launches.iter().take(5) {
        page.put(" ").say(count).put(" ").say(clipped(result, 20));
    }
    page.put("</p>");
}

fn resource(name: &str) -> &str {
    match name {
        "vcpus" => "vCPUs",
        "memory_mb" => "memory, MiB",
        "disk_gb" => "disk, GiB",
        other => other,
    }
}

fn offers(page: &mut Html, host: &BurstHostView, now_ms: u64) {
    if host.offers.is_empty() {
        return;
    }
    page.put("<table class=\"offers\"><caption class=\"unseen\">Sizes of ");
    page.say(clipped(&host.name, 60));
    page.put("</caption><thead><tr><th scope=\"col\">Size</th>");
    page.put("<th scope=\"col\" class=\"number\">Per hour</th>");
    page.put("<th scope=\"col\" class=\"number\">Room</th></tr></thead><tbody>");
    for offer in host.offers.iter().take(MAX_OFFERS) {
        offer_row(page, offer, now_ms);
    }
    page.put("</tbody></table>");
    more(page, host.offers.len(), MAX_OFFERS, "/api/v1/offers");
}

fn offer_row(page: &mut Html, offer: &OfferView, now_ms: u64) {
    page.put("<tr><th scope=\"row\">")
        .say(clipped(&offer.size, 40));
    let barred = offer.barred_until_ms.filter(|until| *until > now_ms);
    if let Some(until_ms) = barred {
        page.put(" <span class=\"state bad\"><span aria-hidden=\"true\">✕ </span>barred for ");
        page.say(Long(until_ms - now_ms)).put("</span>");
    }
    if offer.recent_failures > 0 {
        page.put(" <small>")
            .say(offer.recent_failures)
            .put(" failed</small>");
    }
    page.put("</th><td class=\"number\">");
    match offer.price_usd_per_hour {
        Some(price) => page
            .put("<data value=\"")
            .say(price)
            .put("\">")
            .say(Usd(price))
            .put("</data>"),
        None => page.put("not known"),
    };
    page.put("</td><td class=\"number\">");
    match offer.room {
        Some(room) => page.say(room),
        None => page.put("not known"),
    };
    page.put("</td></tr>");
}
