//! `spillway signals` and `spillway offers`.

use super::read_list;
use crate::arguments::Listing;
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::{print_value, table};
use crate::times::{ago, now_ms, span, until};
use spillway_runtime::view::{OfferView, SignalView};

pub(super) fn signals(listing: &Listing) -> Result<Code, Failure> {
    let client = Client::new(&listing.connection)?;
    let value = block_on(client.get("signals", &[]))?;
    print_value(&value, listing.output, || {
        let signals: Vec<SignalView> = read_list(&value, "signals")?;
        let now = now_ms();
        let rows = signals.iter().map(|signal| {
            let age = signal.value_at_ms.map(|at| ago(at, now));
            let crosses = signal.crosses_in_ms.map(|ms| format!("in {}", span(ms)));
            [
                signal.name.clone(),
                signal.scope.clone(),
                number(signal.value),
                signal.reading.clone(),
                age.unwrap_or_default(),
                number(Some(signal.open_at)),
                number(Some(signal.close_at)),
                crosses.unwrap_or_default(),
                signal.error.clone().unwrap_or_default(),
            ]
        });
        let headings = [
            "signal",
            "scope",
            "value",
            "reading",
            "measured",
            "opens at",
            "closes at",
            "forecast",
            "error",
        ];
        Ok(table(headings, rows))
    })?;
    Ok(Code::Ok)
}

pub(super) fn offers(listing: &Listing) -> Result<Code, Failure> {
    let client = Client::new(&listing.connection)?;
    let value = block_on(client.get("offers", &[]))?;
    print_value(&value, listing.output, || {
        let offers: Vec<OfferView> = read_list(&value, "offers")?;
        let now = now_ms();
        let rows = offers.iter().map(|offer| {
            let barred = offer.barred_until_ms.filter(|at| *at > now);
            [
                offer.burst_host.clone(),
                offer.size.clone(),
                offer
                    .price_usd_per_hour
                    .map(|usd| format!("${usd}"))
                    .unwrap_or_default(),
                offer.room.map(|room| room.to_string()).unwrap_or_default(),
                barred.map(|at| until(at, now)).unwrap_or_default(),
                offer.recent_failures.to_string(),
            ]
        });
        let headings = [
            "burst host",
            "size",
            "an hour",
            "room",
            "barred",
            "failures",
        ];
        Ok(table(headings, rows))
    })?;
    Ok(Code::Ok)
}

/// A number of a signal with four digits that count, which is more than anybody compares.
pub(super) fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    if value == 0.0 || value.abs() >= 1_000.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_have_to_be() {
        let shown = |value| number(Some(value));
        assert_eq!(shown(0.85), "0.85");
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(12.0), "12");
        assert_eq!(shown(1.0 / 3.0), "0.3333");
        assert_eq!(shown(123_456.7), "123457");
        assert_eq!(number(None), "");
    }
}
