use crate::cloud::{Cloud, PASSWORD};
use crate::heard::Heard;
use axum::http::StatusCode;
use serde_json::json;
use spillway_core::units::Span;
use spillway_runtime::config::{HeatMeasure, HeatSignal, HeatSource};
use spillway_runtime::sources::{Failure, FailureKind, heat};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Reads an output of Heat's five times a second.
async fn run(cloud: &Cloud) -> Heard {
    cloud.tell(|told| told.outputs = BTreeMap::from([("load", json!(1))]));
    let source = HeatSource {
        interval: Span(200),
        timeout: Span(5_000),
        on_gate: Vec::new(),
    };
    let measure = HeatMeasure::Output("load".to_owned());
    let signals = vec![(
        0,
        HeatSignal {
            stack: "web".to_owned(),
            measure,
        },
    )];
    let (sender, gates) = watch::channel(BTreeMap::new());
    let openstack = cloud.config();
    Heard::run(|events| async move {
        let _sender = sender;
        heat::run(source, openstack, signals, gates, events).await;
    })
}

async fn refused(cloud: &Cloud) -> Failure {
    let failure = run(cloud).await.failure(0).await;
    assert!(!failure.to_string().contains(PASSWORD), "{failure}");
    failure
}

#[tokio::test]
async fn a_password_asks_for_a_token_of_the_project() {
    let cloud = Cloud::start().await;
    assert_eq!(run(&cloud).await.value(0).await, 1.0);
    let expected = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "spillway", "domain": {"name": "Default"}, "password": PASSWORD}}},
        "scope": {"project": {"name": "service", "domain": {"name": "Default"}}},
    }});
    assert_eq!(cloud.tell(|told| told.logins[0].clone()), expected);
}

#[tokio::test]
async fn an_application_credential_asks_for_its_own_project() {
    let cloud = Cloud::start().await;
    cloud.write_clouds(&format!(
        "    auth_type: v3applicationcredential\n    auth:\n      auth_url: URL/identity/v3\n      \
         application_credential_id: abc\n      application_credential_secret: {PASSWORD}\n",
    ));
    assert_eq!(run(&cloud).await.value(0).await, 1.0);
    let expected = json!({"auth": {"identity": {
        "methods": ["application_credential"],
        "application_credential": {"id": "abc", "secret": PASSWORD},
    }}});
    assert_eq!(cloud.tell(|told| told.logins[0].clone()), expected);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_and_the_request_repeated() {
    let cloud = Cloud::start().await;
    cloud.tell(|told| {
        told.faults
            .push_back(("/outputs/", StatusCode::UNAUTHORIZED))
    });
    let mut heard = run(&cloud).await;
    assert_eq!(heard.value(0).await, 1.0);
    assert_eq!(cloud.tell(|told| told.logins.len()), 2);
    heard.read().await;
    heard.read().await;
    assert_eq!(cloud.tell(|told| told.logins.len()), 2);
}

#[tokio::test]
async fn a_user_who_may_not_is_not_tried_for_ever() {
    let cloud = Cloud::start().await;
    cloud.tell(|told| {
        told.faults
            .push_back(("/outputs/", StatusCode::UNAUTHORIZED));
        told.faults
            .push_back(("/outputs/", StatusCode::UNAUTHORIZED));
    });
    let failure = run(&cloud).await.failure(0).await;
    assert_eq!(failure.kind, FailureKind::Unauthorized);
    assert!(failure.detail.contains("orchestration"), "{failure}");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let cloud = Cloud::start().await;
    // Renewed a minute before, that is every second.
    cloud.tell(|told| told.token_life = 61);
    let mut heard = run(&cloud).await;
    while cloud.tell(|told| told.logins.len()) < 3 {
        assert_eq!(heard.value(0).await, 1.0);
    }
}

#[tokio::test]
async fn a_password_that_is_set_right_is_read_again() {
    let cloud = Cloud::start().await;
    let entry = |password: &str| {
        format!(
            "    auth:\n      auth_url: URL/identity\n      user_id: u\n      \
             password: {password}\n      project_id: p\n"
        )
    };
    cloud.write_clouds(&entry("wr0ng"));
    let mut heard = run(&cloud).await;
    let failure = heard.failure(0).await;
    assert_eq!(failure.kind, FailureKind::Unauthorized);
    assert!(failure.detail.contains("Keystone"), "{failure}");
    assert!(!failure.to_string().contains("wr0ng"), "{failure}");
    cloud.write_clouds(&entry(PASSWORD));
    while heard.of(0).await.is_err() {}
}

#[tokio::test]
async fn what_cannot_be_used_is_said_without_a_secret() {
    let cloud = Cloud::start().await;
    let auth = format!(
        "    auth:\n      auth_url: URL/v3\n      user_id: u\n      password: {PASSWORD}\n"
    );
    for (entry, expected) in [
        (
            format!("{auth}      project_id: p\n    verify: false\n"),
            "cacert",
        ),
        (
            format!("{auth}      project_id: p\n    verify: \"False\"\n"),
            "cacert",
        ),
        (
            format!("{auth}      project_id: p\n    auth_type: v3token\n"),
            "auth_type",
        ),
        (
            format!("{auth}      project_id: p\n    interface: private\n"),
            "interface",
        ),
        (
            format!("{auth}      project_id: p\n    region_name: Two\n"),
            "in Two",
        ),
        (format!("{auth}      project_id: 7\n"), "put it into quotes"),
        (auth.clone(), "project_name"),
        (
            format!("    auth: {{auth_url: \"ftp://h\", password: {PASSWORD}}}\n"),
            "auth_url",
        ),
        (format!("    auth: [{PASSWORD}\n"), "no YAML"),
        ("    region_name: RegionOne\n".to_owned(), "`auth:`"),
    ] {
        cloud.write_clouds(&entry);
        let failure = refused(&cloud).await;
        assert!(failure.detail.contains(expected), "{entry}\n{failure}");
    }
    let mut config = cloud.config();
    config.cloud = "other".to_owned();
    let text = std::fs::read_to_string(&config.clouds_file).expect("read");
    let missing = spillway_runtime::sources::openstack::clouds::parse(&text, "other");
    assert!(missing.is_err_and(|sentence| sentence.contains("`private`")));
}

#[tokio::test]
async fn several_regions_need_a_name() {
    let cloud = Cloud::start().await;
    cloud.tell(|told| told.regions = vec!["RegionOne", "RegionTwo"]);
    assert_eq!(run(&cloud).await.value(0).await, 1.0);
    cloud.write_clouds(&format!(
        "    auth:\n      auth_url: URL\n      user_id: u\n      password: {PASSWORD}\n      project_id: p\n"
    ));
    let failure = refused(&cloud).await;
    assert!(failure.detail.contains("region_name"), "{failure}");
}
