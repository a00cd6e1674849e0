//! The golden cases: decisions written by hand from the rules, for the core, the extension and
//! whatever else decides.

use crate::data;
use serde_json::Value;
use spillway_core::Reason;
use spillway_core::request::{Obstacle, Operation};
use spillway_runtime::wire::decide_recorded;
use std::collections::BTreeSet;

struct Case {
    name: String,
    content: Value,
}

impl Case {
    fn policy(&self) -> String {
        let lines = self.content["policy"].as_array().expect("policy lines");
        let lines: Vec<_> = lines.iter().filter_map(Value::as_str).collect();
        lines.join("\n")
    }

    fn decide(&self) -> Value {
        let inputs = self.content["inputs"].to_string();
        match decide_recorded(&self.policy(), &inputs) {
            Ok(decision) => serde_json::from_str(&decision).expect("a decision in JSON"),
            Err(error) => panic!("{}: {error}", self.name),
        }
    }
}

fn cases() -> Vec<Case> {
    data::files("decisions", "json", 30)
        .into_iter()
        .map(|(name, text)| {
            let content: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Case { name, content }
        })
        .collect()
}

#[test]
fn every_golden_case_is_decided_as_written() {
    let mut differences = Vec::new();
    for case in cases() {
        let found = case.decide();
        let expected = &case.content["decision"];
        if &found != expected {
            differences.push(format!(
                "{}\n  expected {expected}\n  found    {found}",
                case.name
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_reason_code_occurs_in_a_golden_case() {
    let cases = cases();
    let occurring: BTreeSet<_> = cases
        .iter()
        .flat_map(|case| case.content["decision"]["reasons"].as_array())
        .flatten()
        .filter_map(|reason| reason["code"].as_str())
        .collect();
    let known: BTreeSet<_> = Reason::CODES.iter().copied().collect();
    assert_eq!(occurring, known);
}

#[test]
fn a_golden_case_says_what_it_is_about_and_nothing_that_nobody_reads() {
    for Case { name, content } in cases() {
        let keys: Vec<_> = content.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["about", "policy", "inputs", "decision"], "{name}");
        let about = content["about"].as_str().unwrap_or_default();
        assert!(about.ends_with('.'), "{name}: {about:?}");
    }
}

/// The names on the wire are the core's stable names.
#[test]
fn operations_and_obstacles_are_read_by_the_names_of_the_core() {
    let case = cases()
        .into_iter()
        .find(|case| case.name == "gate_open_cloud.json")
        .expect("that case");
    let decided = |key: &str, value: Value| {
        let mut inputs = case.content["inputs"].clone();
        inputs["request"][key] = value;
        decide_recorded(&case.policy(), &inputs.to_string()).map_err(|error| error.to_string())
    };
    for operation in Operation::ALL {
        decided("operation", operation.name().into())
            .unwrap_or_else(|error| panic!("{}: {error}", operation.name()));
    }
    for obstacle in Obstacle::ALL {
        let decision = decided("obstacles", vec![obstacle.name()].into())
            .unwrap_or_else(|error| panic!("{}: {error}", obstacle.name()));
        assert!(decision.contains("\"obstacle\""), "{decision}");
    }
    assert!(decided("operation", "boots".into()).is_err());
    assert!(decided("colour", "red".into()).is_err());
}
