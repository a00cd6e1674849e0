//! Burst hosts' pages.

use crate::heard::Heard;
use crate::server::{Exchange, Server};
use spillway_core::units::Span;
use spillway_runtime::config::{BurstHostConfig, Ec2Options, Provider};
use spillway_runtime::sources::event::BurstHostReport;
use spillway_runtime::sources::{Event, Failure, FailureKind, burst_hosts};
use std::collections::BTreeMap;

fn host(name: &str, metrics_url: Option<String>) -> BurstHostConfig {
    BurstHostConfig {
        name: name.to_owned(),
        max_servers: 1,
        max_vcpus: 1,
        max_memory_mb: 1,
        max_disk_gb: 1,
        poll_interval: Span::from_secs(15),
        metrics_listen: None,
        metrics_url,
        provider: Provider::Ec2(Ec2Options {
            region: "us-east-1".to_owned(),
            endpoint_url: None,
            subnet_id: "subnet-0".to_owned(),
            security_group_ids: Vec::new(),
            availability_zone: None,
        }),
    }
}

fn page(name: &str) -> String {
    format!(
        "spillway_burst_host_servers{{burst_host=\"{name}\",state=\"running\"}} 2\n\
         spillway_burst_host_hourly_usd{{burst_host=\"{name}\"}} 0.5\n\
         spillway_burst_host_month_usd{{burst_host=\"{name}\"}} 1.5\n"
    )
}

#[tokio::test]
async fn one_hanging_host_does_not_keep_the_others_silent() {
    let well = Server::of_page(page("well")).await;
    let other = Server::of_page(page("someone")).await;
    let hanging =
        Server::start(|mut exchange: Exchange| async move { exchange.hang().await }).await;
    let hosts = vec![
        host("hanging", Some(hanging.url("/metrics"))),
        host("mistaken", Some(other.url("/metrics"))),
        host("silent", None),
        host("well", Some(well.url("/metrics"))),
    ];
    let mut heard = Heard::nothing_yet();
    heard.run(|events| burst_hosts::run(hosts, Span(1_500), events));
    let mut told: BTreeMap<String, Result<BurstHostReport, Failure>> = BTreeMap::new();
    let mut order = Vec::new();
    let report = loop {
        match heard.next(Some).await {
            Event::BurstHost { name, report } => {
                order.push(name.to_string());
                told.insert(name.to_string(), report);
            }
            Event::Read { source, report } => {
                assert_eq!(&*source, "burst_hosts");
                break report;
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        order.last().map(String::as_str),
        Some("hanging"),
        "{order:?}"
    );
    assert_eq!(told.len(), 3, "a host without an address is not spoken of");
    let well = told["well"].as_ref().expect("a report");
    assert_eq!(well.servers["running"], 2);
    assert!(well.spend.is_some());
    let kind = |name: &str| told[name].as_ref().expect_err("a failure").kind;
    assert_eq!(kind("hanging"), FailureKind::Timeout);
    assert_eq!(kind("mistaken"), FailureKind::Malformed);
    assert_eq!((report.targets_up, report.failures.len()), (1, 2));
}
