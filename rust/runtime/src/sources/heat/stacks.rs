//! Heat's API, as far as it is needed.

use crate::config::{HeatMeasure, HeatSignal};
use crate::sources::failure::{Failure, FailureKind, excerpt};
use crate::sources::openstack::keystone::{Ask, Keystone, ORCHESTRATION};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Stacks {
    stacks: Vec<Stack>,
}

#[derive(Deserialize)]
struct Stack {
    stack_name: String,
    id: String,
}

#[derive(Deserialize)]
struct Outputs {
    output: Output,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    output_value: Value,
    #[serde(default)]
    output_error: Option<String>,
}

#[derive(Deserialize)]
struct Resources {
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// The value of a signal. Two or three requests: Heat would redirect one that names a stack by its
/// name alone, and no redirect is followed here.
///
/// # Errors
/// [`FailureKind::Absent`] when there is no such stack, output or group, [`FailureKind::Malformed`]
/// when it is no number, and those of [`Keystone::read`].
pub async fn measure(keystone: &Keystone, signal: &HeatSignal) -> Result<f64, Failure> {
    let stack = find(keystone, &signal.stack).await?;
    let stack_path = ["stacks", &stack.stack_name, &stack.id];
    match &signal.measure {
        HeatMeasure::Output(name) => {
            let path = [&stack_path[..], &["outputs", name]].concat();
            let answer: Outputs = keystone.read(&Ask::get(ORCHESTRATION, &path)).await?;
            output_number(&answer.output, name)
        }
        HeatMeasure::ScalingGroup(name) => {
            let path = [&stack_path[..], &["resources", name]].concat();
            let answer: Resources = keystone.read(&Ask::get(ORCHESTRATION, &path)).await?;
            n_members(&answer.resource, name)
        }
    }
}

/// Signals a resource of a stack, as an alarm would.
///
/// # Errors
/// [`FailureKind::Absent`] when there is no such stack or resource, and those of
/// [`Keystone::send`].
pub async fn signal(keystone: &Keystone, stack: &str, resource: &str) -> Result<(), Failure> {
    let stack = find(keystone, stack).await?;
    let path = [
        "stacks",
        &stack.stack_name,
        &stack.id,
        "resources",
        resource,
        "signal",
    ];
    let body = json!({});
    let ask = Ask {
        method: Method::POST,
        body: Some(&body),
        ..Ask::get(ORCHESTRATION, &path)
    };
    keystone.send(&ask).await?;
    Ok(())
}

/// Finds a stack by its name, or else by its id.
async fn find(keystone: &Keystone, name_or_id: &str) -> Result<Stack, Failure> {
    for key in ["name", "id"] {
        let query = [(key, name_or_id)];
        let path = ["stacks"];
        let ask = Ask {
            query: &query,
            ..Ask::get(ORCHESTRATION, &path)
        };
        let found: Stacks = keystone.read(&ask).await?;
        // An older Heat that does not know the filter answers all stacks.
        let is_it = |stack: &Stack| match key {
            "name" => stack.stack_name == name_or_id,
            _ => stack.id == name_or_id,
        };
        if let Some(stack) = found.stacks.into_iter().find(is_it) {
            return Ok(stack);
        }
    }
    let detail = format!(
        "Heat has no stack of the name or id `{}`",
        excerpt(name_or_id)
    );
    Err(Failure::new(FailureKind::Absent, detail))
}

fn output_number(output: &Output, name: &str) -> Result<f64, Failure> {
    let name = excerpt(name);
    if output.output_error.is_some() {
        let detail = format!("Heat could not work out the output `{name}`");
        return Err(Failure::new(FailureKind::Absent, detail));
    }
    // Templates make texts of most things, and YAML numbers of some.
    let number = match &output.output_value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        let found = match &output.output_value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number that is too large",
            Value::String(_) => "a text that is no number",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        let detail = format!("the output `{name}` is {found}; expected a number");
        Failure::new(FailureKind::Malformed, detail)
    })
}

/// How many members a group says it has: each kind of group says it in its own way.
fn n_members(resource: &Resource, name: &str) -> Result<f64, Failure> {
    let attribute = |name: &str| {
        resource
            .attributes
            .get(name)
            .filter(|value| !value.is_null())
    };
    if let Some(size) = attribute("current_size").and_then(Value::as_f64) {
        return Ok(size);
    }
    let n = match (attribute("refs"), attribute("InstanceList")) {
        (Some(Value::Array(members)), _) => members.len(),
        (_, Some(Value::String(members))) => members
            .split(',')
            .filter(|member| !member.is_empty())
            .count(),
        _ => {
            let detail = format!(
                "the resource `{}` says not how many members it has; expected a scaling group, \
                 which has `current_size`, `refs` or `InstanceList`",
                excerpt(name)
            );
            return Err(Failure::new(FailureKind::Absent, detail));
        }
    };
    #[allow(clippy::cast_precision_loss)]
    Ok(n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(value: Value) -> Result<f64, FailureKind> {
        let output = serde_json::from_value(json!({"output_key": "load", "output_value": value}));
        output_number(&output.unwrap(), "load").map_err(|failure| failure.kind)
    }

    #[test]
    fn an_output_is_a_number_or_a_text_that_is_one() {
        assert_eq!(output(json!(3)), Ok(3.0));
        assert_eq!(output(json!(" 0.75 ")), Ok(0.75));
        for bad in [
            json!(null),
            json!(true),
            json!("many"),
            json!(""),
            json!([1]),
            json!({}),
        ] {
            assert_eq!(output(bad.clone()), Err(FailureKind::Malformed), "{bad}");
        }
        // The gate judges what is not finite.
        assert!(output(json!("NaN")).is_ok_and(f64::is_nan));
        let broken = json!({"output_value": 1, "output_error": "no attribute"});
        let broken = output_number(&serde_json::from_value(broken).unwrap(), "load");
        assert_eq!(broken.unwrap_err().kind, FailureKind::Absent);
    }

    #[test]
    fn each_kind_of_group_says_its_size() {
        let members = |attributes: Value| {
            let resource = serde_json::from_value(json!({ "attributes": attributes }));
            n_members(&resource.unwrap(), "group").map_err(|failure| failure.kind)
        };
        assert_eq!(members(json!({"current_size": 4, "refs": null})), Ok(4.0));
        assert_eq!(
            members(json!({"refs": ["a", "b"], "refs_map": null})),
            Ok(2.0)
        );
        assert_eq!(
            members(json!({"InstanceList": "10.0.0.1,10.0.0.2,10.0.0.3"})),
            Ok(3.0)
        );
        assert_eq!(members(json!({"InstanceList": ""})), Ok(0.0));
        assert_eq!(
            members(json!({"alarm_url": "http://h"})),
            Err(FailureKind::Absent)
        );
    }
}
