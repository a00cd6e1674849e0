//! The environment's layer.

use spillway_core::policy::Mode;
use spillway_core::units::Span;
use spillway_runtime::config::{Config, Diagnostics};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

const FILE: &str = "mode = \"active\"\ndeployment = \"demo\"\n[gate]\nopen_after_secs = 10\n";

fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    under(FILE, variables).map_err(|diagnostics| diagnostics.to_string())
}

fn under(
    file: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, Diagnostics> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spillway.toml");
    fs::write(&path, file).expect("a file");
    Config::load_under(&path, variables)
}

#[test]
fn a_variable_goes_over_the_file_and_the_file_over_the_default() {
    let config = load(&[
        ("SPILLWAY__MODE", "off"),
        ("SPILLWAY__GATE__CLOSE_AFTER_SECS", "20"),
        ("spillway__mode", "not ours: Unix names have a case"),
        ("SPILLWAY_MODE", "not ours either"),
        ("PATH", "/bin"),
    ])
    .expect("a good environment");
    assert_eq!(config.policy.mode, Mode::Off);
    assert_eq!(config.policy.gate.open_after, Span::from_secs(10));
    assert_eq!(config.policy.gate.close_after, Span::from_secs(20));
    assert_eq!(config.deployment.as_deref(), Some("demo"));
    assert_eq!(config.snapshot.stale_after, Span::from_secs(30));
}

#[test]
fn a_variable_has_the_type_of_its_key() {
    let config = load(&[
        ("SPILLWAY__DEPLOYMENT", "0815"),
        ("SPILLWAY__MONEY__HOURLY_HARD_USD", "2"),
        (
            "SPILLWAY__SNAPSHOT",
            "{ path = \"/s\", stale_after_secs = 50 }",
        ),
        ("SPILLWAY__SNAPSHOT__PATH", "/t"),
        ("SPILLWAY__RULES", "[{ name = \"all\" }]"),
    ])
    .expect("a good environment");
    assert_eq!(config.deployment.as_deref(), Some("0815"));
    assert_eq!(config.snapshot.path.to_str(), Some("/t"));
    assert_eq!(config.snapshot.stale_after, Span::from_secs(50));
    assert!(config.policy.money.total.hourly.hard.is_some());
    assert_eq!(config.policy.rules[0].name, "all");
}

#[test]
fn an_error_names_its_variable() {
    for (name, value, expected) in [
        (
            "SPILLWAY__MODE",
            "actve",
            "mode is \"actve\"; expected one of \"off\", \"shadow\", \"active\"; \
             did you mean \"active\"?",
        ),
        (
            "SPILLWAY__GATE__OPEN_AFTER",
            "5",
            "unknown key \"open_after\"; did you mean \"open_after_secs\"?",
        ),
        (
            "SPILLWAY__GATE__OPEN_AFTER_SECS",
            "soon",
            "gate.open_after_secs is \"soon\"; expected a whole number from 0 to 86400",
        ),
        (
            "SPILLWAY__MONEY__HOURLY_HARD_USD",
            "nan",
            "money.hourly_hard_usd is nan; expected a number from 0 to 1000000000",
        ),
        (
            "SPILLWAY__RULES__0__NAME",
            "all",
            "\"rules\" has no keys that a variable can set; expected a list of tables as a whole",
        ),
        (
            "SPILLWAY__RULES",
            "[{ nam = \"all\" }]",
            "unknown key \"nam\" in rules[0]; did you mean \"name\"?",
        ),
        (
            "SPILLWAY__SNAPSHOT__PATH",
            "here",
            "snapshot.path is \"here\"; expected an absolute path",
        ),
    ] {
        assert_eq!(
            load(&[(name, value)]),
            Err(format!("environment variable {name}: {expected}"))
        );
    }
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    let bytes = OsString::from_vec(vec![0xff]);
    let diagnostics = under(FILE, [("SPILLWAY__MODE".into(), bytes)]).expect_err("refused");
    assert_eq!(
        diagnostics.to_string(),
        "environment variable SPILLWAY__MODE: its value is not UTF-8"
    );
}

#[test]
fn errors_of_the_file_come_before_those_of_the_environment() {
    let file = "mode = 7\n[gate]\ncolour = 1\n";
    let variables = [("SPILLWAY__DEPLOYMEN".into(), "x".into())];
    let diagnostics = under(file, variables).expect_err("refused");
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("spillway.toml:1:8: mode is 7"));
    assert!(lines[1].contains("spillway.toml:3:1: unknown key \"colour\""));
    assert!(lines[2].contains("SPILLWAY__DEPLOYMEN: unknown key"));
}

#[test]
fn a_digest_stands_for_what_is_in_effect() {
    let same = load(&[("SPILLWAY__MODE", "active")]).expect("good");
    assert_eq!(load(&[]).expect("good").digest, same.digest);
    let other = load(&[("SPILLWAY__MODE", "off")]).expect("good");
    assert_ne!(other.digest, same.digest);
}
