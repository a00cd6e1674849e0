//! What no decision ever does.

use crate::arbitrary::{Case, cases};
use proptest::prelude::*;
use spillway_core::eligibility::eligibility;
use spillway_core::load::SpendOf;
use spillway_core::policy::{BurstLevel, Mode, MultiCreate};
use spillway_core::request::Operation;
use spillway_core::{Attempt, Decision, Evidence, Load, Placement, Usd, decide};

fn decided(case: &Case) -> Decision {
    decide(
        &case.policy,
        &case.load,
        &case.offers,
        &case.request,
        case.evidence,
        case.now,
    )
}

/// Every placement on a burst host that a decision would act on, with the number of servers.
fn bursts<'a>(case: &Case, attempts: &'a [Attempt]) -> Vec<(&'a Placement, u32)> {
    attempts
        .iter()
        .filter_map(|attempt| match attempt {
            Attempt::Hybrid(burst) => Some((burst, case.request.count)),
            Attempt::Split { private, burst } => Some((burst, case.request.count - private)),
            Attempt::Stock | Attempt::Filter | Attempt::BurstOnly => None,
        })
        .collect()
}

/// The price that a placement counts with: its own, else the highest known.
fn counted_price(case: &Case, placement: &Placement) -> Option<Usd> {
    let listed = case.policy.burst_hosts.iter().flat_map(|host| &host.sizes);
    let known = listed.filter_map(|size| size.price);
    placement.price.or_else(|| {
        known
            .chain(case.offers.iter().filter_map(|o| o.price))
            .max()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn only_an_eligible_boot_bursts(case in cases()) {
        let decision = decided(&case);
        let may_burst = case.request.operation == Operation::Boot
            && eligibility(&case.policy, &case.request).is_ok();
        if !may_burst {
            prop_assert!(bursts(&case, &decision.attempts).is_empty());
            prop_assert!(bursts(&case, &decision.shadow_attempts).is_empty());
        }
    }

    #[test]
    fn an_obstacle_or_a_never_keeps_a_request_private(case in cases()) {
        let says_never = |value: Option<&String>| {
            value.is_some_and(|v| BurstLevel::parse(v).is_none_or(|l| l == BurstLevel::Never))
        };
        let request = &case.request;
        let private_only = !request.obstacles.is_empty()
            || says_never(request.flavor.extra_specs.get("spillway:burst"))
            || request.hints.get("spillway:burst").is_some_and(|v| says_never(v.first()))
            || request.operation != Operation::Boot;
        if private_only {
            prop_assert!(bursts(&case, &decided(&case).attempts).is_empty());
        }
    }

    #[test]
    fn a_move_never_reaches_the_other_side(case in cases()) {
        let attempts = decided(&case).attempts;
        match case.request.operation {
            Operation::Boot => {}
            Operation::Forced | Operation::Rebuild => prop_assert_eq!(attempts, [Attempt::Stock]),
            Operation::MovePrivate => prop_assert_eq!(attempts, [Attempt::Filter]),
            Operation::MoveBurst => prop_assert_eq!(attempts, [Attempt::BurstOnly]),
        }
    }

    #[test]
    fn no_burst_goes_over_a_hard_limit(case in cases()) {
        let Load::Known(view) = &case.load else { return Ok(()) };
        let Some(spend) = &view.spend else { return Ok(()) };
        let project = spend.projects.get(&case.request.project_id).copied().unwrap_or_default();
        let decision = decided(&case);
        for (placement, count) in bursts(&case, &decision.attempts) {
            let Some(price) = counted_price(&case, placement) else { continue };
            let adds = price.times(count);
            let money = case.policy.money;
            for (limits, SpendOf { hourly, month }) in
                [(money.total, spend.total), (money.project, project)]
            {
                prop_assert!(limits.hourly.hard.is_none_or(|hard| hourly.plus(adds) <= hard));
                prop_assert!(limits.monthly.hard.is_none_or(|hard| month.plus(adds) <= hard));
            }
        }
    }

    #[test]
    fn over_a_soft_limit_private_hosts_come_first(case in cases()) {
        let Load::Known(view) = &case.load else { return Ok(()) };
        let (Some(spend), Some(soft)) = (&view.spend, case.policy.money.total.hourly.soft) else {
            return Ok(());
        };
        let decision = decided(&case);
        let Some(Attempt::Hybrid(first)) = decision.attempts.first() else { return Ok(()) };
        let affinity = case.request.group.as_ref().is_some_and(|group| group.is_affinity());
        if case.evidence == Evidence::Fits(0) || affinity {
            return Ok(());
        }
        if let Some(price) = counted_price(&case, first) {
            prop_assert!(spend.total.hourly.plus(price.times(case.request.count)) <= soft);
        }
    }

    #[test]
    fn unknown_load_never_bursts_first(mut case in cases(), fits in 1..12_u32) {
        case.request.group = None;
        case.evidence = Evidence::Fits(fits.max(case.request.count));
        if matches!(case.load, Load::Unknown(_)) && case.request.operation == Operation::Boot {
            let decision = decided(&case);
            prop_assert_eq!(decision.attempts.first(), Some(&Attempt::Filter));
        }
    }

    #[test]
    fn paused_off_and_shadow_never_burst(case in cases()) {
        // An operator's word counts however old the snapshot is.
        let word = case.load.word();
        if word.paused || word.mode_under(case.policy.mode) != Mode::Active {
            prop_assert!(bursts(&case, &decided(&case).attempts).is_empty());
        }
    }

    #[test]
    fn shadow_decides_what_active_would_do(mut case in cases()) {
        case.policy.mode = Mode::Active;
        let active = decided(&case);
        case.policy.mode = Mode::Shadow;
        let shadow = decided(&case);
        let decides = case.load.word().mode_under(Mode::Active) == Mode::Active;
        if decides
            && case.request.operation == Operation::Boot
            && eligibility(&case.policy, &case.request).is_ok()
        {
            prop_assert_eq!(shadow.shadow_attempts, active.attempts);
        }
    }

    #[test]
    fn whole_requests_are_never_split(case in cases()) {
        let rule = eligibility(&case.policy, &case.request).ok().map(|eligible| eligible.rule);
        let splits = rule.is_some_and(|rule| rule.multi_create == MultiCreate::Split);
        let decision = decided(&case);
        for attempt in decision.attempts.iter().chain(&decision.shadow_attempts) {
            if let Attempt::Split { private, .. } = attempt {
                prop_assert!(splits);
                prop_assert!(0 < *private && *private < case.request.count);
                prop_assert_eq!(case.evidence, Evidence::Fits(*private));
            }
        }
    }

    #[test]
    fn overflow_only_never_bursts_before_private_hosts_are_full(case in cases()) {
        let level = eligibility(&case.policy, &case.request).map(|eligible| eligible.level);
        let group = case.request.group.is_some();
        if level == Ok(BurstLevel::Overflow) && !group && case.evidence == Evidence::NotAsked {
            prop_assert!(!matches!(decided(&case).attempts.first(), Some(Attempt::Hybrid(_))));
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_decision(case in cases()) {
        prop_assert_eq!(decided(&case), decided(&case.clone()));
    }

    #[test]
    fn every_decision_has_attempts_and_reasons(case in cases()) {
        let decision = decided(&case);
        prop_assert!(!decision.attempts.is_empty());
        prop_assert!(!decision.reasons.is_empty());
        prop_assert!(!decision.wants_evidence || case.evidence == Evidence::NotAsked);
    }

    #[test]
    fn no_attempt_is_made_twice(case in cases()) {
        let attempts = decided(&case).attempts;
        for (index, attempt) in attempts.iter().enumerate() {
            prop_assert!(!attempts[..index].contains(attempt), "{attempts:?}");
        }
    }

    #[test]
    fn a_boot_can_always_fall_back_on_private_hosts(case in cases()) {
        // A burst server's affinity group is the exception: its members must stay together.
        let pinned = case.request.group.as_ref().is_some_and(|group| group.is_affinity());
        if case.request.operation == Operation::Boot && !pinned {
            prop_assert!(decided(&case).attempts.contains(&Attempt::Filter));
        }
    }

    #[test]
    fn equal_offers_keep_the_order_of_the_policy(mut case in cases()) {
        let Some(first) = case.policy.burst_hosts.first().cloned() else { return Ok(()) };
        for host in &mut case.policy.burst_hosts {
            let name = host.name.clone();
            *host = first.clone();
            host.name = name;
        }
        case.offers.clear();
        let attempts = decided(&case).attempts;
        let order: Vec<_> =
            bursts(&case, &attempts).iter().map(|(burst, _)| burst.burst_host.clone()).collect();
        let hybrid_only = !attempts.iter().any(|a| matches!(a, Attempt::Split { .. }));
        let mut sorted = order.clone();
        sorted.sort();
        prop_assert!(!hybrid_only || order == sorted, "{order:?}");
    }
}
