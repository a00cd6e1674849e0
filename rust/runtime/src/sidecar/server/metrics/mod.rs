//! `/metrics`, made from the view. `families` says what there is in the terms of `family`,
//! `text` how it is written, and `docs/metrics.md` is made from `families`.

mod families;
mod family;
mod reference;
mod text;

pub use reference::reference;

use super::Answering;
use crate::view::View;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use families::FAMILIES;
use text::Page;

/// Prometheus' text format. Its newer sibling OpenMetrics has nothing that is needed here, and
/// `promtool check metrics` does not read it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn answer(State(state): State<Answering>) -> impl IntoResponse {
    let (view, _) = state.now();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page(&view))
}

fn page(view: &View) -> String {
    let mut page = Page::default();
    for family in FAMILIES {
        page.begin(family.name, family.kind.name(), family.help);
        (family.collect)(view, &mut page);
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{BurstHostView, OfferView, SignalView, SourceView};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_counters_end_as_counters_do() {
        let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            let counts = family.kind.name() == "counter";
            assert_eq!(family.name.ends_with("_total"), counts, "{}", family.name);
            assert!(family.name.starts_with("spillway_"), "{}", family.name);
        }
    }

    #[test]
    fn what_is_not_known_is_absent_and_never_zero() {
        let mut view = View::default();
        view.signals.push(SignalView {
            name: "cpu".to_owned(),
            reading: "absent".to_owned(),
            ..SignalView::default()
        });
        let page = page(&view);
        assert!(!page.contains("spillway_signal_value{"), "{page}");
        assert!(!page.contains("spillway_spend_hourly_usd"), "{page}");
        assert!(
            page.contains("spillway_signal_usable{signal=\"cpu\"} 0\n"),
            "{page}"
        );
        assert!(page.contains("spillway_spend_known 0\n"), "{page}");
    }

    #[test]
    fn a_source_with_a_dead_target_among_living_ones_is_up() {
        let mut source = SourceView {
            name: "hosts".to_owned(),
            last_good_at_ms: Some(1),
            targets_up: 1,
            targets_down: 1,
            error: Some("refused".to_owned()),
            ..SourceView::default()
        };
        let up = |source: &SourceView| {
            let mut view = View::default();
            view.sources.push(source.clone());
            page(&view).contains("spillway_source_up{source=\"hosts\"} 1\n")
        };
        assert!(up(&source));
        source.targets_up = 0;
        assert!(!up(&source));
    }

    /// An alert on a host that nobody reads would never end.
    #[test]
    fn a_burst_host_that_is_not_read_is_not_down() {
        let host = |name: &str, not_read| BurstHostView {
            name: name.to_owned(),
            not_read,
            ..BurstHostView::default()
        };
        let view = View {
            burst_hosts: vec![host("cloud1", false), host("cloud2", true)],
            ..View::default()
        };
        let page = page(&view);
        let lines: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("spillway_burst_host_reported{"))
            .collect();
        assert_eq!(
            lines,
            [r#"spillway_burst_host_reported{burst_host="cloud1"} 0"#]
        );
    }

    #[test]
    fn labels_are_escaped_and_a_series_comes_once() {
        let offer = OfferView {
            burst_host: "a\"\\\nb".to_owned(),
            size: "m5.large".to_owned(),
            price_usd_per_hour: Some(0.096),
            ..OfferView::default()
        };
        let mut view = View::default();
        view.burst_hosts.push(BurstHostView {
            offers: vec![offer.clone(), offer],
            ..BurstHostView::default()
        });
        let line = r#"spillway_offer_price_usd{burst_host="a\"\\\nb",size="m5.large"} 0.096"#;
        assert_eq!(page(&view).matches(line).count(), 1);
    }
}
