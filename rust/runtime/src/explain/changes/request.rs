//! Another request.

use super::{Change, Situation, add, change, remove};
use crate::explain::edit::Document::Inputs;
use spillway_core::request::{Operation, Request};

pub(super) fn of(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let request = &situation.inputs.request;
    let mut all = Vec::new();
    let mut without = |sentence: String, path: &[&str]| {
        let mut from_request = vec!["request"];
        from_request.extend(path);
        all.push(vec![change(sentence, [remove(Inputs, &from_request)])]);
    };
    let hints = request.hints.get(Request::BURST_KEY);
    if let Some(values) = hints {
        let sentence = format!(
            "the user had not given the hint {}={}",
            Request::BURST_KEY,
            values.join(",")
        );
        without(sentence, &["hints", Request::BURST_KEY]);
    }
    if request.availability_zone.is_some() {
        let sentence = "the user had asked for no availability zone".to_owned();
        without(sentence, &["availability_zone"]);
    }
    if let Some(group) = &request.group {
        let sentence = format!(
            "it had not been in a server group of policy {}",
            group.policy
        );
        without(sentence, &["group"]);
    }
    for key in [Request::BURST_KEY, Request::SIZE_KEY] {
        if let Some(value) = request.flavor.extra_specs.get(key) {
            let sentence = format!("flavor {} had not said {key}={value}", request.flavor.name);
            without(sentence, &["flavor", "extra_specs", key]);
        }
    }
    if !request.obstacles.is_empty() {
        let names: Vec<_> = request.obstacles.iter().map(|o| o.name()).collect();
        let sentence = format!("it had not needed what cannot burst ({})", names.join(", "));
        without(sentence, &["obstacles"]);
    }
    if request.operation == Operation::Forced {
        let edit = add(Inputs, &["request", "operation"], "boot");
        all.push(vec![change("no administrator had named the host", [edit])]);
    }
    all
}
