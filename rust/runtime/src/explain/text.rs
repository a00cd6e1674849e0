//! An explanation as text, for terminals and logs.

use super::explanation::{
    AttemptView, Counterfactual, EvidenceUsed, Explanation, GateUsed, InputsView, LimitsUsed,
    OfferUsed, SpendUsed,
};
use crate::view::{LimitsView, OutcomeView};
use std::fmt::{self, Display, Formatter, Write};
use std::time::{Duration, UNIX_EPOCH};

/// Last millisecond of the year 9999; a time after it is not written as a date.
const LAST_DATE_MS: u64 = 253_402_300_799_999;

/// Offers that are shown as text; the JSON has all.
const MAX_OFFERS: usize = 12;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        // Names come from users and from the network: no control character reaches a terminal.
        for c in text.trim_end().chars() {
            if c.is_control() && c != '\n' {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl Explanation {
    fn write(&self, f: &mut String) -> fmt::Result {
        self.write_decision(f)?;
        if let Some(inputs) = &self.inputs {
            writeln!(f, "\nWhat it was made from")?;
            write_inputs(f, inputs)?;
        }
        if let Some(runner_up) = &self.runner_up {
            writeln!(f, "\nRunner-up")?;
            field(f, "attempt", attempt(&runner_up.attempt))?;
            field(f, "why second", &runner_up.why)?;
        }
        if let Some(problem) = &self.again.problem {
            writeln!(f, "\nDecided again")?;
            field(f, "differs", problem)?;
        }
        writeln!(f, "\nWhat would have changed the first attempt")?;
        if self.counterfactuals.is_empty() {
            writeln!(f, "  nothing that was tried, alone or in pairs")?;
        }
        for counterfactual in &self.counterfactuals {
            write_counterfactual(f, counterfactual)?;
        }
        Ok(())
    }

    fn write_decision(&self, f: &mut String) -> fmt::Result {
        let decision = &self.decision;
        writeln!(f, "Decision {} of {}", decision.id, time(decision.at_ms))?;
        field(
            f,
            "asked for",
            format_args!(
                "{} of {} x {} for project {}",
                self.operation, self.count, decision.flavor, decision.project_id
            ),
        )?;
        if let Some(request) = &decision.request_id {
            field(f, "request", request)?;
        }
        for uuid in &decision.instance_uuids {
            field(f, "server", uuid)?;
        }
        field(f, "attempts", list(&self.attempts))?;
        if !self.shadow_attempts.is_empty() {
            field(f, "in active mode", list(&self.shadow_attempts))?;
        }
        for (at, reason) in decision.reasons.iter().enumerate() {
            let name = if at == 0 { "because" } else { "also" };
            field(
                f,
                name,
                format_args!("{} ({})", reason.sentence, reason.code),
            )?;
        }
        match &self.rule {
            Some(rule) if rule.level == rule.burst => {
                field(
                    f,
                    "rule",
                    format_args!("'{}', burst = {}", rule.name, rule.burst),
                )?;
            }
            Some(rule) => field(
                f,
                "rule",
                format_args!(
                    "'{}', burst = {}, of which the request leaves {}",
                    rule.name, rule.burst, rule.level
                ),
            )?,
            None if self.operation == "boot" => field(f, "rule", "none matched")?,
            None => {}
        }
        let policy = &self.policy;
        match (&policy.mode, &policy.problem) {
            (_, Some(problem)) => {
                field(f, "policy", format_args!("{}: {problem}", policy.digest))?;
            }
            (mode, None) => {
                let mode = mode.as_deref().unwrap_or("unknown");
                field(f, "policy", format_args!("{}, mode {mode}", policy.digest))?;
            }
        }
        match &decision.outcome {
            Some(outcome) => field(f, "outcome", outcome_text(outcome)),
            None => field(f, "outcome", "not recorded"),
        }
    }
}

fn write_inputs(f: &mut String, inputs: &InputsView) -> fmt::Result {
    let snapshot = &inputs.snapshot;
    match (snapshot.age_ms, snapshot.stale_after_ms) {
        (Some(age), Some(limit)) => field(
            f,
            "snapshot",
            format_args!(
                "{}: {} old, trusted for {}",
                snapshot.state,
                span(age),
                span(limit)
            ),
        )?,
        (None, Some(limit)) if snapshot.state == "known" => {
            field(
                f,
                "snapshot",
                format_args!("known, at most {} old", span(limit)),
            )?;
        }
        _ => field(f, "snapshot", &snapshot.state)?,
    }
    if inputs.paused {
        field(f, "operator", "launches paused")?;
    }
    if let Some(mode) = &inputs.operator_mode {
        field(f, "operator", format_args!("mode {mode}"))?;
    }
    for gate in &inputs.gates {
        field(f, "gate", gate_text(gate))?;
    }
    field(f, "evidence", evidence(&inputs.evidence))?;
    match &inputs.spend {
        Some(spend) => write_spend(f, spend)?,
        None => field(f, "spend", "unknown")?,
    }
    if let Some(limits) = limits(&inputs.limits) {
        field(f, "limits", limits)?;
    }
    for offer in inputs.offers.iter().take(MAX_OFFERS) {
        field(f, "offer", offer_text(offer))?;
    }
    if inputs.offers.len() > MAX_OFFERS {
        let more = inputs.offers.len() - MAX_OFFERS;
        field(f, "offer", format_args!("and {more} more"))?;
    }
    Ok(())
}

/// How long it had been so is said of what its signals gave, not of a force.
fn gate_text(gate: &GateUsed) -> String {
    let mut text = format!("{} {}", gate.scope, gate.effective);
    match (&gate.forced, gate.state_for_ms) {
        (Some(_), _) => text.push_str(", forced by an operator"),
        (None, Some(lasting)) => text.push_str(&format!(" for {}", span(lasting))),
        (None, None) => {}
    }
    if !gate.asking.is_empty() {
        text.push_str(&format!(", asked for by {}", gate.asking.join(", ")));
    }
    if !gate.counts {
        text.push_str(", not for this request");
    }
    text
}

fn write_spend(f: &mut String, spend: &SpendUsed) -> fmt::Result {
    field(
        f,
        "spend",
        format_args!(
            "${:.2} an hour, ${:.2} this month; of the project ${:.2} and ${:.2}",
            spend.hourly_usd, spend.month_usd, spend.project_hourly_usd, spend.project_month_usd
        ),
    )
}

fn write_counterfactual(f: &mut String, counterfactual: &Counterfactual) -> fmt::Result {
    let (mode, shown) = match &counterfactual.shadow_attempt {
        Some(shadow) => ("in active mode ", shadow),
        None => ("", &counterfactual.attempt),
    };
    let reason = &counterfactual.reason;
    writeln!(f, "  - if {}:", counterfactual.change)?;
    writeln!(
        f,
        "    {mode}{}, because {} ({})",
        attempt(shown),
        reason.sentence,
        reason.code
    )
}

fn field(f: &mut String, name: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "  {name:<15} {text}")
}

fn list(attempts: &[AttemptView]) -> String {
    let attempts: Vec<_> = attempts.iter().map(attempt).collect();
    attempts.join(", then ")
}

fn attempt(attempt: &AttemptView) -> String {
    let place = match (&attempt.burst_host, &attempt.size) {
        (Some(host), Some(size)) => {
            let price = match attempt.price_usd_per_hour {
                Some(price) => format!("${price} an hour"),
                None => "price unknown".to_owned(),
            };
            format!("{size} at {host} ({price})")
        }
        _ => String::new(),
    };
    match (attempt.kind.as_str(), attempt.private_count) {
        ("stock", _) => "Nova as it is".to_owned(),
        ("filter", _) => "private hosts".to_owned(),
        ("burst_only", _) => "burst hosts only".to_owned(),
        ("hybrid", _) => place,
        (_, Some(private)) => format!("{private} on private hosts, the rest {place}"),
        (kind, None) => format!("{kind} {place}"),
    }
}

fn outcome_text(outcome: &OutcomeView) -> String {
    let mut text = outcome.result.replace('_', " ");
    let mut hosts: Vec<_> = outcome.hosts.values().map(String::as_str).collect();
    hosts.sort_unstable();
    hosts.dedup();
    if !hosts.is_empty() {
        text.push_str(&format!(" on {}", hosts.join(", ")));
    }
    if let Some(path) = &outcome.path {
        text.push_str(&format!(" by {path}"));
    }
    if let Some(elapsed) = outcome.elapsed_ms {
        text.push_str(&format!(" after {:.3} s", elapsed / 1_000.0));
    }
    if !outcome.detail.is_empty() {
        text.push_str(&format!(": {}", outcome.detail));
    }
    text
}

fn evidence(evidence: &EvidenceUsed) -> String {
    match (evidence.state.as_str(), evidence.fits) {
        (_, Some(fits)) => format!("{fits} more fit on private hosts, as Placement said"),
        ("not_asked", _) => "Placement was not asked".to_owned(),
        _ => "Placement did not answer".to_owned(),
    }
}

fn limits(limits: &LimitsUsed) -> Option<String> {
    let one = |of: &LimitsView, whose: &str| {
        let named = [
            (of.hourly_soft_usd, "soft", "an hour"),
            (of.hourly_hard_usd, "hard", "an hour"),
            (of.monthly_soft_usd, "soft", "a month"),
            (of.monthly_hard_usd, "hard", "a month"),
        ];
        let texts = named
            .into_iter()
            .filter_map(|(amount, kind, per)| Some(format!("{whose}{kind} ${} {per}", amount?)));
        texts.collect::<Vec<_>>()
    };
    let mut all = one(&limits.total, "");
    all.extend(one(&limits.project, "project's "));
    (!all.is_empty()).then(|| all.join(", "))
}

fn offer_text(offer: &OfferUsed) -> String {
    let mut text = format!("{} at {}", offer.size, offer.burst_host);
    match offer.price_usd_per_hour {
        Some(price) => text.push_str(&format!(", ${price} an hour")),
        None => text.push_str(", price unknown"),
    }
    match offer.room {
        Some(room) => text.push_str(&format!(", room for {room}")),
        None => text.push_str(", room unknown"),
    }
    if let Some(barred) = offer.barred_for_ms {
        text.push_str(&format!(", barred for {}", span(barred)));
    }
    if offer.recent_failures > 0 {
        text.push_str(&format!(", {} recent failures", offer.recent_failures));
    }
    text
}

fn span(ms: u64) -> String {
    format!("{:.1} s", Duration::from_millis(ms).as_secs_f64())
}

fn time(at_ms: u64) -> String {
    if at_ms > LAST_DATE_MS {
        return format!("{at_ms} ms after 1970");
    }
    let at = UNIX_EPOCH + Duration::from_millis(at_ms);
    humantime::format_rfc3339_millis(at).to_string()
}
