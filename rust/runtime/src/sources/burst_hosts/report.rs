//! From a burst host's page (docs/metrics.md) to what it says of itself. Pure.

use crate::page::{PageLimits, Picked, labels_of, pick};
use crate::selector::Selector;
use crate::sources::event::BurstHostReport;
use crate::sources::failure::{Failure, FailureKind, excerpt};
use spillway_core::Timestamp;
use spillway_core::load::{Offer, Spend, SpendOf};
use spillway_core::units::{Span, Usd};
use std::collections::BTreeMap;

/// Labels are texts of the page that are kept and shown; Nova's and the providers' names are
/// shorter than this.
const MAX_LABEL_BYTES: usize = 255;

/// Samples of one page: two for each project, and a few for each size.
const MAX_SAMPLES: usize = 50_000;

/// A metric of the page; the order is that of [`METRICS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Servers,
    Limit,
    Used,
    HourlyUsd,
    MonthUsd,
    ProjectHourlyUsd,
    ProjectMonthUsd,
    OfferPriceUsd,
    OfferRoom,
    OfferBarredUntil,
    OfferRecentFailures,
    Launches,
    LaunchSecondsSum,
    LaunchSecondsCount,
    LastPoll,
}

const METRICS: [(Metric, &str); 15] = [
    (Metric::Servers, "spillway_burst_host_servers"),
    (Metric::Limit, "spillway_burst_host_limit"),
    (Metric::Used, "spillway_burst_host_used"),
    (Metric::HourlyUsd, "spillway_burst_host_hourly_usd"),
    (Metric::MonthUsd, "spillway_burst_host_month_usd"),
    (
        Metric::ProjectHourlyUsd,
        "spillway_burst_host_project_hourly_usd",
    ),
    (
        Metric::ProjectMonthUsd,
        "spillway_burst_host_project_month_usd",
    ),
    (Metric::OfferPriceUsd, "spillway_burst_host_offer_price_usd"),
    (Metric::OfferRoom, "spillway_burst_host_offer_room"),
    (
        Metric::OfferBarredUntil,
        "spillway_burst_host_offer_barred_until_timestamp_seconds",
    ),
    (
        Metric::OfferRecentFailures,
        "spillway_burst_host_offer_recent_failures",
    ),
    (Metric::Launches, "spillway_burst_host_launches_total"),
    (
        Metric::LaunchSecondsSum,
        "spillway_burst_host_launch_seconds_sum",
    ),
    (
        Metric::LaunchSecondsCount,
        "spillway_burst_host_launch_seconds_count",
    ),
    (
        Metric::LastPoll,
        "spillway_burst_host_last_poll_timestamp_seconds",
    ),
];

/// Reads the page of the burst host of that name. What the page does not have is unknown; the
/// spend is known when the totals of the hour and of the month are.
///
/// # Errors
/// A line that counts cannot be read, has a value that cannot be what it stands for, or is of
/// another burst host; or the page has no line of a burst host.
pub fn read_report(page: &[u8], host: &str, now: Timestamp) -> Result<BurstHostReport, Failure> {
    let selectors: Vec<Selector> = METRICS
        .iter()
        .filter_map(|(_, name)| name.parse().ok())
        .collect();
    let limits = PageLimits {
        label_value_bytes: MAX_LABEL_BYTES,
        samples: MAX_SAMPLES,
        ..PageLimits::default()
    };
    let found = pick(page, &selectors, &limits);
    if let Some(fault) = found.faults.first() {
        return Err(malformed(format!("{fault}")));
    }
    if found.samples.is_empty() {
        let detail = "expected metrics of a burst host, there are none";
        return Err(Failure::new(FailureKind::Absent, detail));
    }
    let mut draft = Draft::default();
    for picked in &found.samples {
        let line = Line::read(page, picked, host)?;
        draft.take(&line, now)?;
    }
    Ok(draft.report())
}

/// One sample with the labels that count.
struct Line {
    metric: Metric,
    name: &'static str,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Line {
    fn read(page: &[u8], picked: &Picked, host: &str) -> Result<Self, Failure> {
        let (metric, name) = METRICS[picked.selector];
        let labels: BTreeMap<String, String> = labels_of(page, picked)
            .into_iter()
            .map(|(label, value)| (label.to_owned(), value.into_owned()))
            .collect();
        let found = labels.get("burst_host").map_or("", String::as_str);
        if found != host {
            let shown = excerpt(found);
            return Err(malformed(format!(
                "{name} has burst_host=\"{shown}\", expected \"{host}\": the page is another host's"
            )));
        }
        Ok(Line {
            metric,
            name,
            labels,
            value: picked.value,
        })
    }

    fn label(&self, label: &str) -> Result<String, Failure> {
        let value = self.labels.get(label).filter(|value| !value.is_empty());
        value
            .cloned()
            .ok_or_else(|| malformed(format!("{} has no label {label}, expected one", self.name)))
    }

    /// A number of things, or of seconds. Fractions are cut off: half a server is none.
    fn count(&self) -> Result<u64, Failure> {
        // Beyond 2^53 a number does not stand for one integer any more.
        if !(0.0..=9_007_199_254_740_992.0).contains(&self.value) {
            return Err(self.unusable("a number of at least 0"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(self.value as u64)
    }

    fn small_count(&self) -> Result<u32, Failure> {
        Ok(u32::try_from(self.count()?).unwrap_or(u32::MAX))
    }

    fn amount(&self) -> Result<f64, Failure> {
        if self.value.is_finite() && self.value >= 0.0 {
            Ok(self.value)
        } else {
            Err(self.unusable("a number of at least 0"))
        }
    }

    fn usd(&self) -> Result<Usd, Failure> {
        Usd::from_dollars(self.value).map_err(|error| self.unusable(error.expected))
    }

    /// Unix time in seconds.
    fn time(&self) -> Result<Timestamp, Failure> {
        let ms = (self.amount()? * 1_000.0).round();
        if ms > 9_007_199_254_740_992.0 {
            return Err(self.unusable("Unix time in seconds"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Timestamp(ms as u64))
    }

    fn unusable(&self, expected: &str) -> Failure {
        malformed(format!(
            "{} is {}, expected {expected}",
            self.name, self.value
        ))
    }
}

/// What was read so far.
#[derive(Default)]
struct Draft {
    report: BurstHostReport,
    offers: BTreeMap<String, Offer>,
    limits: BTreeMap<String, f64>,
    used: BTreeMap<String, f64>,
    hourly: Option<Usd>,
    month: Option<Usd>,
    projects: BTreeMap<String, SpendOf>,
    launch_secs: f64,
    n_launches_timed: u64,
}

impl Draft {
    fn take(&mut self, line: &Line, now: Timestamp) -> Result<(), Failure> {
        match line.metric {
            Metric::Servers => {
                self.report
                    .servers
                    .insert(line.label("state")?, line.count()?);
            }
            Metric::Limit => {
                self.limits.insert(line.label("resource")?, line.amount()?);
            }
            Metric::Used => {
                self.used.insert(line.label("resource")?, line.amount()?);
            }
            Metric::HourlyUsd => self.hourly = Some(line.usd()?),
            Metric::MonthUsd => self.month = Some(line.usd()?),
            Metric::ProjectHourlyUsd => self.project(line)?.hourly = line.usd()?,
            Metric::ProjectMonthUsd => self.project(line)?.month = line.usd()?,
            Metric::OfferPriceUsd => self.offer(line)?.price = Some(line.usd()?),
            Metric::OfferRoom => self.offer(line)?.room = Some(line.small_count()?),
            Metric::OfferBarredUntil => self.offer(line)?.barred_until = Some(line.time()?),
            Metric::OfferRecentFailures => {
                self.offer(line)?.recent_failures = line.small_count()?;
            }
            Metric::Launches => {
                let launches = self
                    .report
                    .launches
                    .entry(line.label("result")?)
                    .or_default();
                *launches = launches.saturating_add(line.count()?);
            }
            Metric::LaunchSecondsSum => self.launch_secs += line.amount()?,
            Metric::LaunchSecondsCount => {
                self.n_launches_timed = self.n_launches_timed.saturating_add(line.count()?);
            }
            Metric::LastPoll => self.report.poll_age = Some(now.since(line.time()?)),
        }
        Ok(())
    }

    fn project(&mut self, line: &Line) -> Result<&mut SpendOf, Failure> {
        Ok(self.projects.entry(line.label("project_id")?).or_default())
    }

    fn offer(&mut self, line: &Line) -> Result<&mut Offer, Failure> {
        let size = line.label("size")?;
        Ok(self.offers.entry(size.clone()).or_insert_with(|| Offer {
            burst_host: line.labels.get("burst_host").cloned().unwrap_or_default(),
            size,
            price: None,
            barred_until: None,
            recent_failures: 0,
            room: None,
        }))
    }

    fn report(mut self) -> BurstHostReport {
        let spend = self.hourly.zip(self.month).map(|(hourly, month)| Spend {
            total: SpendOf { hourly, month },
            projects: self.projects,
        });
        let used_of_limit = self.limits.into_iter().filter_map(|(resource, limit)| {
            let used = self.used.remove(&resource)?;
            Some((resource, (used, limit)))
        });
        BurstHostReport {
            offers: self.offers.into_values().collect(),
            spend,
            start_time: mean(self.launch_secs, self.n_launches_timed),
            used_of_limit: used_of_limit.collect(),
            ..self.report
        }
    }
}

/// The mean, in whole milliseconds; none of nothing.
fn mean(secs: f64, count: u64) -> Option<Span> {
    #[allow(clippy::cast_precision_loss)]
    let ms = secs * 1_000.0 / count as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (count > 0 && ms.is_finite()).then_some(Span(ms.round() as u64))
}

fn malformed(detail: String) -> Failure {
    Failure::new(FailureKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    const PAGE: &str = r#"# HELP spillway_burst_host_info What the burst host is; always 1.
spillway_burst_host_info{burst_host="cloud1",provider="ec2",region="us-east-1"} 1.0
spillway_burst_host_limit{burst_host="cloud1",resource="servers"} 20.0
spillway_burst_host_limit{burst_host="cloud1",resource="memory_mb"} 65536.0
spillway_burst_host_used{burst_host="cloud1",resource="servers"} 3.0
spillway_burst_host_used{burst_host="cloud1",resource="memory_mb"} 12288.0
spillway_burst_host_servers{burst_host="cloud1",state="running"} 2.0
spillway_burst_host_servers{burst_host="cloud1",state="pending"} 1.0
spillway_burst_host_hourly_usd{burst_host="cloud1"} 0.5
spillway_burst_host_project_hourly_usd{burst_host="cloud1",project_id="p1"} 0.5
spillway_burst_host_month_usd{burst_host="cloud1"} 12.25
spillway_burst_host_project_month_usd{burst_host="cloud1",project_id="p1"} 12.0
spillway_burst_host_project_month_usd{burst_host="cloud1",project_id="p2"} 0.25
spillway_burst_host_offer_price_usd{burst_host="cloud1",size="t3.large"} 0.0832
spillway_burst_host_offer_room{burst_host="cloud1",size="t3.large"} 17.0
spillway_burst_host_offer_room{burst_host="cloud1",size="m5.large"} 0.0
spillway_burst_host_offer_barred_until_timestamp_seconds{burst_host="cloud1",size="m5.large"} 1.8000000605e+09
spillway_burst_host_offer_recent_failures{burst_host="cloud1",size="m5.large"} 2.0
spillway_burst_host_launches_total{burst_host="cloud1",result="launched",size="t3.large"} 4.0
spillway_burst_host_launches_total{burst_host="cloud1",result="launched",size="m5.large"} 1.0
spillway_burst_host_launches_total{burst_host="cloud1",result="refused",size="m5.large"} 2.0
spillway_burst_host_launch_seconds_bucket{burst_host="cloud1",le="+Inf"} 4.0
spillway_burst_host_launch_seconds_count{burst_host="cloud1"} 4.0
spillway_burst_host_launch_seconds_sum{burst_host="cloud1"} 90.0
spillway_burst_host_last_poll_timestamp_seconds{burst_host="cloud1"} 1.79999999e+09
"#;

    fn read(page: &str) -> Result<BurstHostReport, Failure> {
        read_report(page.as_bytes(), "cloud1", NOW)
    }

    fn usd(dollars: f64) -> Usd {
        Usd::from_dollars(dollars).expect("an amount")
    }

    fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect()
    }

    #[test]
    fn a_whole_page_is_a_whole_report() {
        let spent = |hourly, month| SpendOf {
            hourly: usd(hourly),
            month: usd(month),
        };
        let offer = |size: &str| Offer {
            burst_host: "cloud1".to_owned(),
            size: size.to_owned(),
            price: None,
            barred_until: None,
            recent_failures: 0,
            room: Some(0),
        };
        let expected = BurstHostReport {
            servers: counts(&[("running", 2), ("pending", 1)]),
            offers: vec![
                Offer {
                    barred_until: Some(Timestamp(1_800_000_060_500)),
                    recent_failures: 2,
                    ..offer("m5.large")
                },
                Offer {
                    price: Some(usd(0.0832)),
                    room: Some(17),
                    ..offer("t3.large")
                },
            ],
            spend: Some(Spend {
                total: spent(0.5, 12.25),
                projects: BTreeMap::from([
                    ("p1".to_owned(), spent(0.5, 12.0)),
                    ("p2".to_owned(), spent(0.0, 0.25)),
                ]),
            }),
            start_time: Some(Span(22_500)),
            poll_age: Some(Span::from_secs(10)),
            launches: counts(&[("launched", 5), ("refused", 2)]),
            used_of_limit: BTreeMap::from([
                ("memory_mb".to_owned(), (12_288.0, 65_536.0)),
                ("servers".to_owned(), (3.0, 20.0)),
            ]),
        };
        assert_eq!(read(PAGE), Ok(expected));
    }

    #[test]
    fn what_the_page_does_not_have_is_unknown() {
        let without = |name: &str| {
            let lines = PAGE.lines().filter(|line| !line.contains(name));
            read(&lines.map(|line| format!("{line}\n")).collect::<String>()).expect("a report")
        };
        assert_eq!(without("_host_hourly_usd").spend, None);
        assert_eq!(without("_host_month_usd").spend, None);
        assert!(
            without("_project_")
                .spend
                .is_some_and(|spend| spend.projects.is_empty())
        );
        assert_eq!(without("_offer_").offers, []);
        assert_eq!(without("_room").offers[0].room, None);
        assert_eq!(without("_seconds_count").start_time, None);
        assert_eq!(without("_last_poll").poll_age, None);
        assert!(without("_used").used_of_limit.is_empty());
    }

    #[test]
    fn the_page_of_another_host_or_of_something_else_is_no_report() {
        for (page, kind) in [
            (PAGE.replace("cloud1", "cloud2"), FailureKind::Malformed),
            (PAGE.replacen("cloud1", "cloud2", 5), FailureKind::Malformed),
            (
                PAGE.replace("burst_host=\"cloud1\",", ""),
                FailureKind::Malformed,
            ),
            ("node_load1 5\n".to_owned(), FailureKind::Absent),
            ("<html>".to_owned(), FailureKind::Absent),
            (String::new(), FailureKind::Absent),
        ] {
            assert_eq!(read(&page).expect_err("refused").kind, kind, "{page}");
        }
        let refused = read(&PAGE.replace("cloud1", "c\\nx")).expect_err("refused");
        assert!(
            refused
                .detail
                .contains("burst_host=\"c x\", expected \"cloud1\""),
            "{refused}"
        );
    }

    #[test]
    fn a_value_that_cannot_be_fails_the_report() {
        for (right, wrong) in [
            ("} 17.0", "} -1"),
            ("} 17.0", "} NaN"),
            ("} 0.5", "} +Inf"),
            ("} 12.25", "} -3"),
            ("} 0.0832", "} 1e13"),
            ("} 1.79999999e+09", "} 1e300"),
            ("} 20.0", "} NaN"),
            ("} 4.0", "} four"),
            ("size=\"t3.large\"} 17.0", "size=\"\"} 17.0"),
            ("size=\"t3.large\"} 17.0", "shape=\"t3.large\"} 17.0"),
            ("state=\"pending\"", "state=\"running\""),
        ] {
            let page = PAGE.replacen(right, wrong, 1);
            assert_ne!(page, PAGE);
            let refused = read(&page).expect_err(wrong);
            assert_eq!(refused.kind, FailureKind::Malformed, "{wrong}: {refused}");
        }
    }
}
