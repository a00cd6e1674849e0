//! `spillway gate`, `pause`, `resume` and `mode`: what an operator says.

use super::{read, read_list};
use crate::arguments::{Gate, GateState, Listing, Mode, ModeWord};
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::{print_value, table};
use crate::times::{ago, now_ms, until};
use serde_json::{Value, json};
use spillway_runtime::view::{GateView, ModeView};

pub(super) fn gate(gate: &Gate) -> Result<Code, Failure> {
    let client = Client::new(&gate.listing.connection)?;
    let mut value = match gate.state {
        None => block_on(client.get("gates", &[]))?,
        Some(state) => {
            let (state, lasts) = match state {
                GateState::Open => ("open", gate.lasts),
                GateState::Closed => ("closed", gate.lasts),
                GateState::Auto if gate.lasts.is_some() => {
                    return Err(Failure::usage("--for is for open and closed, not for auto"));
                }
                GateState::Auto => ("auto", None),
            };
            let body = json!({
                "scope": gate.scope,
                "state": state,
                "for_secs": lasts.map(|lasts| lasts.as_secs()),
            });
            let mut answer = block_on(client.post("gate", &body))?;
            json!({"gates": answer["status"]["gates"].take()})
        }
    };
    if let (None, Some(scope), Some(gates)) =
        (gate.state, &gate.scope, value["gates"].as_array_mut())
    {
        gates.retain(|gate| gate["scope"] == **scope);
        if gates.is_empty() {
            return Err(Failure::new(format!("there is no gate of scope {scope}")));
        }
    }
    print_value(&value, gate.listing.output, || {
        Ok(gates_table(&read_list::<GateView>(&value, "gates")?))
    })?;
    Ok(Code::Ok)
}

pub(super) fn gates_table(gates: &[GateView]) -> String {
    let now = now_ms();
    let rows = gates.iter().map(|gate| {
        let forced = match (&gate.forced, gate.forced_until_ms) {
            (None, _) => String::new(),
            (Some(state), None) => state.clone(),
            (Some(state), Some(at)) => format!("{state} {}", until(at, now)),
        };
        [
            gate.scope.clone(),
            gate.effective.clone(),
            ago(gate.since_ms, now),
            forced,
            gate.why.clone(),
        ]
    });
    table(["gate", "state", "since", "forced", "why"], rows)
}

pub(super) fn pause(listing: &Listing) -> Result<Code, Failure> {
    say(listing, "pause", &json!({}))
}

pub(super) fn resume(listing: &Listing) -> Result<Code, Failure> {
    say(listing, "resume", &json!({}))
}

pub(super) fn mode(mode: &Mode) -> Result<Code, Failure> {
    let word = match mode.mode {
        None => {
            let client = Client::new(&mode.listing.connection)?;
            let mut view = block_on(client.get("status", &[]))?;
            let value = json!({"mode": view["mode"].take(), "paused": view["paused"].take()});
            return show(&mode.listing, &value);
        }
        Some(ModeWord::Off) => "off",
        Some(ModeWord::Shadow) => "shadow",
        Some(ModeWord::Active) => "active",
        Some(ModeWord::Policy) => "policy",
    };
    say(&mode.listing, "mode", &json!({"mode": word}))
}

/// Says something and shows how things stand then.
fn say(listing: &Listing, what: &str, body: &Value) -> Result<Code, Failure> {
    let client = Client::new(&listing.connection)?;
    let mut answer = block_on(client.post(what, body))?;
    let status = &mut answer["status"];
    let value = json!({"mode": status["mode"].take(), "paused": status["paused"].take()});
    show(listing, &value)
}

fn show(listing: &Listing, value: &Value) -> Result<Code, Failure> {
    print_value(value, listing.output, || {
        let mode: ModeView = read(&value["mode"])?;
        Ok(format!(
            "mode      {}\nlaunches  {}",
            mode_text(&mode),
            launches_text(value["paused"] == true)
        ))
    })?;
    Ok(Code::Ok)
}

pub(super) fn mode_text(mode: &ModeView) -> String {
    match &mode.operator {
        None => format!("{}, as the policy file says", mode.effective),
        Some(operator) => format!(
            "{}: an operator said {operator}, the policy file says {}",
            mode.effective, mode.policy
        ),
    }
}

pub(super) fn launches_text(paused: bool) -> &'static str {
    if paused {
        "paused by an operator"
    } else {
        "allowed"
    }
}
