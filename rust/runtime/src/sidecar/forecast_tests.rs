//! How far the engine's forecast looks when the policy file does not say: as far as a burst server
//! takes to start, as its burst host measured.

use super::engine::Engine;
use crate::config::Config;
use crate::sources::Event;
use crate::sources::event::BurstHostReport;
use spillway_core::Timestamp;
use spillway_core::gate::Sample;
use spillway_core::units::Span;
use std::sync::Arc;

const POLICY: &str = r#"
mode = "active"
deployment = "demo"
[snapshot]
path = "FOLDER/snapshot.json"
stale_after_secs = 30
[journal]
path = "FOLDER/journal.jsonl"
[sidecar]
state_path = "FOLDER/state.json"
[gate]
forecast = true
open_after_secs = 10
[sources.placement]
[[signals]]
name = "used"
open_at = 0.8
close_at = 0.6
placement = { resource_class = "VCPU" }
[[burst_hosts]]
name = "cloud1"
provider = "ec2"
ec2 = { region = "us-east-1", subnet_id = "subnet-1" }
metrics_listen = "127.0.0.1:9651"
sizes = [{ name = "small", vcpus = 2, memory_mb = 2048, price_usd_per_hour = 0.02 }]
images = [{ provider_image = "ami-1" }]
[[burst_hosts]]
name = "cloud2"
provider = "ec2"
ec2 = { region = "us-east-1", subnet_id = "subnet-2" }
sizes = [{ name = "small", vcpus = 2, memory_mb = 2048, price_usd_per_hour = 0.02 }]
images = [{ provider_image = "ami-1" }]
"#;

const START: u64 = 1_000_000;

fn engine(folder: &std::path::Path) -> Engine {
    let text = POLICY.replace("FOLDER", &folder.display().to_string());
    let config = Config::from_toml(&text, "policy").unwrap_or_else(|error| panic!("{error}"));
    let owner = "host:1".to_owned();
    Engine::new(Arc::new(config), "policy".into(), owner, Timestamp(START)).expect("an engine")
}

fn report(engine: &mut Engine, host: &str, start_time: Option<Span>) {
    let report = BurstHostReport {
        start_time,
        ..BurstHostReport::default()
    };
    engine.take(Event::BurstHost {
        name: host.into(),
        report: Ok(report),
    });
}

/// A load that rises by 0.01 a second from 0; `reports` says what burst hosts report at which
/// second. Returns the second at which the gate opens.
fn opens_at(reports: impl Fn(u64, &mut Engine)) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut engine = engine(folder.path());
    for secs in 0..200_u32 {
        let at = Timestamp(START + 1_000 * u64::from(secs));
        let value = 0.01 * f64::from(secs);
        reports(secs.into(), &mut engine);
        let sample = Sample { value, at };
        engine.take(Event::Sampled { signal: 0, sample });
        engine.step(at);
        if engine.view().gates[0].effective == "open" {
            return secs.into();
        }
    }
    panic!("it never opened");
}

#[test]
fn a_forecast_looks_as_far_as_the_slowest_burst_host_takes_to_start() {
    let silent = opens_at(|_, _| {});
    assert_eq!(
        silent, 90,
        "over 0.8 at second 80, and ten seconds of dwell"
    );
    let never_started_any = opens_at(|_, engine| report(engine, "cloud1", None));
    assert_eq!(never_started_any, silent);
    let measured = opens_at(|_, engine| {
        report(engine, "cloud1", Some(Span::from_secs(5)));
        report(engine, "cloud2", Some(Span::from_secs(30)));
    });
    assert_eq!(measured, silent - 30);
}

#[test]
fn a_start_time_of_a_silent_burst_host_is_forgotten() {
    let once = opens_at(|secs, engine| {
        if secs == 0 {
            report(engine, "cloud1", Some(Span::from_secs(30)));
        }
    });
    assert_eq!(once, 90);
}

#[test]
fn a_burst_host_without_a_metrics_page_is_said_not_to_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let hosts = engine(folder.path()).view().burst_hosts;
    let not_read: Vec<_> = hosts.iter().map(|host| host.not_read).collect();
    assert_eq!(not_read, [false, true]);
}
