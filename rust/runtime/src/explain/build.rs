//! From a decision's line and its policy to an explanation.

use super::counterfactual;
use super::explanation::{DecidedAgain, Explanation, PolicyView, RuleView};
use super::inputs;
use super::record::{self, Record};
use super::runner_up;
use crate::config::Config;
use crate::wire::{RecordedInputs, RecordedOutcome, decision_json};
use serde_json::Value;
use spillway_core::eligibility::{eligibility, matching_rule};
use spillway_core::policy::BurstLevel;
use spillway_core::request::Operation;

/// Explains a decision. Never fails: what cannot be read or decided again is said.
pub(super) fn explain(
    record: &Record,
    policy_toml: Option<&str>,
    outcome: Option<RecordedOutcome>,
) -> Explanation {
    let config = match policy_toml {
        Some(toml) => Config::from_toml(toml, "policy").map_err(|error| error.to_string()),
        None => Err("the journal has no line of it".to_owned()),
    };
    let inputs = RecordedInputs::parse(&record.inputs.to_string()).map_err(|e| e.to_string());
    let attempts = record.attempts();
    let request = record.request();
    let operation = request["operation"].as_str().unwrap_or_default();
    let mut explanation = Explanation {
        decision: record::view(record.decision.clone(), outcome),
        operation: operation.to_owned(),
        count: inputs.as_ref().map_or(0, |inputs| inputs.request.count),
        attempts: attempts.attempts,
        shadow_attempts: attempts.shadow_attempts,
        policy: PolicyView {
            digest: record.decision.policy.clone(),
            mode: config.as_ref().ok().map(|config| {
                let mode = config.policy.mode;
                mode.name().to_owned()
            }),
            problem: config.as_ref().err().cloned(),
        },
        ..Explanation::default()
    };
    match (&config, &inputs) {
        (Ok(config), Ok(inputs)) => decided_again(&mut explanation, record, config, inputs),
        (Err(problem), Ok(inputs)) => {
            explanation.inputs = Some(inputs::view(inputs, request, None, None));
            explanation.again.problem = Some(format!("the policy cannot be read: {problem}"));
        }
        (_, Err(problem)) => explanation.again.problem = Some(problem.clone()),
    }
    explanation
}

/// What takes a decision that was made again.
fn decided_again(
    explanation: &mut Explanation,
    record: &Record,
    config: &Config,
    inputs: &RecordedInputs,
) {
    let (policy, request) = (&config.policy, &inputs.request);
    // Rules are for boots only.
    let (rule, eligible) = match request.operation {
        Operation::Boot => (
            matching_rule(policy, request),
            eligibility(policy, request).ok(),
        ),
        _ => (None, None),
    };
    explanation.rule = rule.map(|rule| RuleView {
        name: rule.name.clone(),
        burst: rule.burst.name().to_owned(),
        level: eligible
            .map_or(BurstLevel::Never, |eligible| eligible.level)
            .name()
            .to_owned(),
    });
    let view = inputs::view(inputs, record.request(), Some(config), eligible.as_ref());
    explanation.inputs = Some(view);
    let decision = inputs.decide(&config.policy);
    let json = decision_json(&decision).unwrap_or_default();
    let same = serde_json::from_str::<Value>(&json).is_ok_and(|again| again == record.decided);
    explanation.again = DecidedAgain {
        same,
        problem: (!same).then(|| {
            format!("another release made it: this one decides {json}, and explains that")
        }),
    };
    explanation.runner_up = runner_up::of(&decision, inputs, config);
    explanation.counterfactuals =
        counterfactual::of(&decision, config, inputs, eligible, &record.inputs);
}
