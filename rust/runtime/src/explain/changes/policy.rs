//! Other settings of the policy.

use super::{Change, Situation, add, change, remove};
use crate::explain::edit::{Document::Policy, Edit};
use crate::explain::inputs::fitting;
use serde_json::json;
use spillway_core::load::SpendOf;
use spillway_core::policy::{BurstLevel, Mode, MultiCreate, SoftHard, WhenSpendUnknown};
use spillway_core::request::Operation;
use spillway_core::units::Usd;
use spillway_core::{Evidence, Load, Reason};

/// Name of a rule that is not there.
const NEW_RULE: &str = "(a new rule)";

pub(super) fn of(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    if situation.inputs.request.operation != Operation::Boot {
        return Vec::new();
    }
    let mut all = Vec::new();
    if situation.config.policy.mode != Mode::Active {
        let edit = add(Policy, &["mode"], "active");
        all.push(vec![change("the policy's mode had been active", [edit])]);
    }
    all.push(limits(situation));
    all.push(spend_unknown(situation));
    all.push(rule(situation));
    all.extend(rule_settings(situation));
    all.extend(burst_hosts(situation));
    all
}

/// One limit on money: its key, what it is now, and what the spend would be with the request.
struct Limit {
    soft: bool,
    key: &'static str,
    words: &'static str,
    of: SoftHard,
    after: Usd,
}

impl Limit {
    fn exceeded(&self) -> Option<Usd> {
        let bound = if self.soft {
            self.of.soft
        } else {
            self.of.hard
        };
        bound.filter(|bound| self.after > *bound)
    }

    /// Raised just so far; a soft limit takes the hard one along.
    fn raise(&self) -> Vec<Edit> {
        let amount = self.after.dollars();
        let mut edits = vec![add(Policy, &["money", self.key], amount)];
        if self.soft && self.of.hard.is_some_and(|hard| hard < self.after) {
            let hard = self.key.replace("soft", "hard");
            edits.push(add(Policy, &["money", &hard], amount));
        }
        edits
    }
}

/// Each limit that the cheapest launch goes over, raised; then all of them.
fn limits(situation: &Situation<'_>) -> Vec<Change> {
    let Load::Known(view) = &situation.inputs.load else {
        return Vec::new();
    };
    let Some(spend) = &view.spend else {
        return Vec::new();
    };
    let request = &situation.inputs.request;
    let project = spend.projects.get(&request.project_id).copied();
    let project = project.unwrap_or_default();
    let mut prices: Vec<_> = fitting(situation.inputs, situation.config)
        .into_iter()
        .filter_map(|(_, size, at)| {
            let offered = at.and_then(|at| situation.inputs.offers[at].price);
            offered.or(size.price)
        })
        .collect();
    prices.sort_unstable();
    prices.dedup();
    let mut all = Vec::new();
    // The cheapest size may be barred or full, so the others are tried after it.
    for price in prices {
        let exceeded = exceeded(situation, spend.total, project, price.times(request.count));
        let raised = |limit: &Limit| {
            change(
                format!("the {} limit had been {}", limit.words, limit.after),
                limit.raise(),
            )
        };
        all.extend(exceeded.iter().map(raised));
        if exceeded.len() > 1 {
            let edits: Vec<_> = exceeded.iter().flat_map(Limit::raise).collect();
            let amounts: Vec<_> = exceeded
                .iter()
                .map(|limit| format!("the {} limit had been {}", limit.words, limit.after))
                .collect();
            all.push(change(amounts.join(" and "), edits));
        }
    }
    all
}

fn exceeded(situation: &Situation<'_>, total: SpendOf, project: SpendOf, adds: Usd) -> Vec<Limit> {
    let money = &situation.config.policy.money;
    let limit = |soft, key, words, of, spent: Usd| Limit {
        soft,
        key,
        words,
        of,
        after: spent.plus(adds),
    };
    let (all, each) = (money.total, money.project);
    let limits = [
        limit(
            false,
            "hourly_hard_usd",
            "hard hourly",
            all.hourly,
            total.hourly,
        ),
        limit(
            true,
            "hourly_soft_usd",
            "soft hourly",
            all.hourly,
            total.hourly,
        ),
        limit(
            false,
            "monthly_hard_usd",
            "hard monthly",
            all.monthly,
            total.month,
        ),
        limit(
            true,
            "monthly_soft_usd",
            "soft monthly",
            all.monthly,
            total.month,
        ),
        limit(
            false,
            "project_hourly_hard_usd",
            "project's hard hourly",
            each.hourly,
            project.hourly,
        ),
        limit(
            true,
            "project_hourly_soft_usd",
            "project's soft hourly",
            each.hourly,
            project.hourly,
        ),
        limit(
            false,
            "project_monthly_hard_usd",
            "project's hard monthly",
            each.monthly,
            project.month,
        ),
        limit(
            true,
            "project_monthly_soft_usd",
            "project's soft monthly",
            each.monthly,
            project.month,
        ),
    ];
    let over = |limit: &Limit| limit.exceeded().is_some();
    limits.into_iter().filter(over).collect()
}

/// What an unknown spend allows.
fn spend_unknown(situation: &Situation<'_>) -> Vec<Change> {
    let money = &situation.config.policy.money;
    if !money.limits_anything() || money.when_unknown == WhenSpendUnknown::Overflow {
        return Vec::new();
    }
    let edit = add(Policy, &["money", "when_unknown"], "overflow");
    vec![change("money.when_unknown had been \"overflow\"", [edit])]
}

/// A rule that allows more, or one where none matches.
fn rule(situation: &Situation<'_>) -> Vec<Change> {
    let request = &situation.inputs.request;
    let keeping = situation
        .decision
        .reasons
        .iter()
        .find_map(|reason| match reason {
            Reason::RuleNever { rule } => Some(rule.as_str()),
            _ => None,
        });
    let overflow = situation
        .eligible
        .map(|eligible| eligible.rule)
        .filter(|rule| rule.burst == BurstLevel::Overflow)
        .map(|rule| rule.name.as_str());
    if let Some(name) = keeping.or(overflow)
        && let Some(at) = situation.rule_at(name)
    {
        let edit = add(Policy, &["rules", &at.to_string(), "burst"], "load");
        return vec![change(
            format!("rule '{name}' had said burst = \"load\""),
            [edit],
        )];
    }
    if !situation.decision.reasons.contains(&Reason::NoRule) {
        return Vec::new();
    }
    let (project, flavor) = (&request.project_id, &request.flavor.name);
    let rule = json!({"name": NEW_RULE, "projects": [project], "flavors": [flavor]});
    let edit = if situation.policy_json["rules"].is_array() {
        add(Policy, &["rules", "-"], rule)
    } else {
        add(Policy, &["rules"], json!([rule]))
    };
    let sentence = format!("a rule had let project {project} burst flavor {flavor}");
    vec![change(sentence, [edit])]
}

/// Another reserve, and the other way to treat several servers.
fn rule_settings(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let Some(rule) = situation.eligible.map(|eligible| eligible.rule) else {
        return Vec::new();
    };
    let Some(at) = situation.rule_at(&rule.name).map(|at| at.to_string()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if let Evidence::Fits(fits) = situation.inputs.evidence {
        let reserve = if fits < rule.reserve { 0 } else { fits + 1 };
        let sentence = format!("rule '{}' had kept a reserve of {reserve}", rule.name);
        let edit = add(Policy, &["rules", &at, "reserve"], reserve);
        all.push(vec![change(sentence, [edit])]);
    }
    if situation.inputs.request.count > 1 {
        let other = match rule.multi_create {
            MultiCreate::Whole => "split",
            MultiCreate::Split => "whole",
        };
        let sentence = format!("rule '{}' had said multi_create = \"{other}\"", rule.name);
        let edit = add(Policy, &["rules", &at, "multi_create"], other);
        all.push(vec![change(sentence, [edit])]);
    }
    all
}

/// What burst hosts lack for the request: its zone, an image, a size.
fn burst_hosts(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let request = &situation.inputs.request;
    let (flavor, image) = (&request.flavor, &request.image);
    let mut all = Vec::new();
    for (at, host) in situation.config.policy.burst_hosts.iter().enumerate() {
        let at = at.to_string();
        let key = |key: &'static str| ["burst_hosts".to_owned(), at.clone(), key.to_owned()];
        let insert = |to: &'static str, value: serde_json::Value| {
            let path = key(to);
            let path: Vec<_> = path.iter().map(String::as_str).chain(["-"]).collect();
            add(Policy, &path, value)
        };
        if let Some(zone) = &request.availability_zone
            && !host.availability_zones.contains(zone)
        {
            let sentence = format!("{} had taken requests for zone {zone}", host.name);
            let edit = insert("availability_zones", json!(zone));
            all.push(vec![change(sentence, [edit])]);
        }
        if host.provider_image(image).is_err()
            && let Some(name) = image.name.as_ref().or(image.id.as_ref())
        {
            let mapping = json!({"image": name, "provider_image": "(its image there)"});
            let sentence = format!("{} had had an image for {name}", host.name);
            all.push(vec![change(sentence, [insert("images", mapping)])]);
        }
        match host.fitting_sizes(flavor, image) {
            Err(Reason::SizeUnmapped { .. }) => {
                let architecture = image.architecture();
                let size = json!({
                    "name": "(a new size)", "vcpus": flavor.vcpus, "memory_mb": flavor.memory_mb,
                    "architecture": architecture,
                });
                let sentence = format!(
                    "{} had had a size with {} vCPUs and {} MiB for {architecture}",
                    host.name, flavor.vcpus, flavor.memory_mb
                );
                all.push(vec![change(sentence, [insert("sizes", size)])]);
            }
            Err(Reason::PinnedSizeUnusable { .. }) if host.flavors.contains_key(&flavor.name) => {
                let [hosts, at, flavors] = key("flavors");
                let edit = remove(Policy, &[&hosts, &at, &flavors, &flavor.name]);
                let sentence = format!("{} had not pinned a size for {}", host.name, flavor.name);
                all.push(vec![change(sentence, [edit])]);
            }
            _ => {}
        }
    }
    all
}
