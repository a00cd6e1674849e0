//! Which requests may burst at all, and how much of it.

use crate::policy::{BurstLevel, Policy, Rule};
use crate::reason::Reason;
use crate::request::Request;

/// A boot that may burst, and the rule that says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eligible<'a> {
    /// The first rule that matches.
    pub rule: &'a Rule,
    /// The most restrictive of rule, flavor and hint; never [`BurstLevel::Never`].
    pub level: BurstLevel,
}

/// Judges a boot against the obstacles, then the rules, then what flavor and user add.
///
/// # Errors
/// The one [`Reason`] that keeps the request private.
pub fn eligibility<'a>(policy: &'a Policy, request: &Request) -> Result<Eligible<'a>, Reason> {
    if let Some(&obstacle) = request.obstacles.iter().min() {
        return Err(Reason::Obstacle { obstacle });
    }
    let rule = matching_rule(policy, request).ok_or(Reason::NoRule)?;
    if rule.burst == BurstLevel::Never {
        return Err(Reason::RuleNever {
            rule: rule.name.clone(),
        });
    }
    let flavor = flavor_level(request)?;
    let hint = hint_level(request)?;
    if flavor == BurstLevel::Never {
        return Err(Reason::FlavorNever);
    }
    if hint == BurstLevel::Never {
        return Err(Reason::HintNever);
    }
    Ok(Eligible {
        rule,
        level: rule.burst.min(flavor).min(hint),
    })
}

/// The first rule that matches a request, whatever it then says.
#[must_use]
pub fn matching_rule<'a>(policy: &'a Policy, request: &Request) -> Option<&'a Rule> {
    policy.rules.iter().find(|rule| matches(rule, request))
}

fn flavor_level(request: &Request) -> Result<BurstLevel, Reason> {
    match request.flavor.extra_specs.get(Request::BURST_KEY) {
        None => Ok(BurstLevel::Load),
        Some(value) => BurstLevel::parse(value).ok_or_else(|| Reason::FlavorInvalid {
            value: value.clone(),
        }),
    }
}

fn hint_level(request: &Request) -> Result<BurstLevel, Reason> {
    let mut level = BurstLevel::Load;
    for value in request.hints.get(Request::BURST_KEY).into_iter().flatten() {
        let named = BurstLevel::parse(value).ok_or_else(|| Reason::HintInvalid {
            value: value.clone(),
        })?;
        level = level.min(named);
    }
    Ok(level)
}

fn matches(rule: &Rule, request: &Request) -> bool {
    let flavor = &request.flavor;
    let image = &request.image;
    let group = request
        .group
        .as_ref()
        .map_or(Rule::NO_GROUP, |group| group.policy.as_str());
    rule.projects.matches(Some(&request.project_id))
        && rule.flavors.matches(Some(&flavor.name))
        && rule.vcpus.contains(u64::from(flavor.vcpus))
        && rule.memory_mb.contains(flavor.memory_mb)
        && rule.images.matches_any(
            [&image.id, &image.name]
                .into_iter()
                .filter_map(|v| v.as_deref()),
        )
        && rule.os_distros.matches(image.os_distro.as_deref())
        && rule.architectures.matches(Some(image.architecture()))
        && rule
            .availability_zones
            .matches(request.availability_zone.as_deref())
        && rule.server_groups.matches(Some(group))
        && rule.flavor_extra_specs.iter().all(|(key, patterns)| {
            flavor
                .extra_specs
                .get(key)
                .is_some_and(|value| patterns.matches(Some(value)))
        })
        && rule.hints.iter().all(|(key, patterns)| {
            request
                .hints
                .get(key)
                .is_some_and(|values| patterns.matches_any(values.iter().map(String::as_str)))
        })
}
