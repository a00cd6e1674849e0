//! Whether a number of servers at a price stays within the limits.

use crate::load::Spend;
use crate::policy::{Limits, MoneyPolicy, SoftHard, WhenSpendUnknown};
use crate::reason::{Limit, Reason};
use crate::units::Usd;

/// What the limits say of one launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Under every limit.
    Allowed,
    /// Only overflow may burst.
    OverflowOnly(Reason),
    /// Nothing may burst.
    Refused(Reason),
}

/// Judges `count` servers at `price` per hour for `project_id`.
///
/// Over a limit means: what is spent plus what the request adds is more than the limit. A launch
/// adds its price to the hourly spend and at least one hour of it to the month. Hard limits are
/// judged before soft ones. With limits set, an unknown spend or price is answered by the policy.
#[must_use]
pub fn judge(
    policy: &MoneyPolicy,
    spend: Option<&Spend>,
    project_id: &str,
    price: Option<Usd>,
    count: u32,
) -> Verdict {
    if !policy.limits_anything() {
        return Verdict::Allowed;
    }
    let (Some(spend), Some(price)) = (spend, price) else {
        return match policy.when_unknown {
            WhenSpendUnknown::Overflow => Verdict::OverflowOnly(Reason::MoneyUnknown),
            WhenSpendUnknown::Never => Verdict::Refused(Reason::MoneyUnknown),
        };
    };
    let adds = price.times(count);
    let project = spend.projects.get(project_id).copied().unwrap_or_default();
    let Limits { hourly, monthly } = policy.total;
    let after = [
        (hourly, Limit::Hourly, spend.total.hourly.plus(adds)),
        (monthly, Limit::Monthly, spend.total.month.plus(adds)),
        (
            policy.project.hourly,
            Limit::ProjectHourly,
            project.hourly.plus(adds),
        ),
        (
            policy.project.monthly,
            Limit::ProjectMonthly,
            project.month.plus(adds),
        ),
    ];
    let over = |of: fn(SoftHard) -> Option<Usd>| {
        after.iter().find_map(|&(limits, limit, amount)| {
            of(limits)
                .filter(|bound| amount > *bound)
                .map(|bound| (limit, bound))
        })
    };
    if let Some((limit, amount)) = over(|limits| limits.hard) {
        return Verdict::Refused(Reason::MoneyHard { limit, amount });
    }
    if let Some((limit, amount)) = over(|limits| limits.soft) {
        return Verdict::OverflowOnly(Reason::MoneySoft { limit, amount });
    }
    Verdict::Allowed
}
