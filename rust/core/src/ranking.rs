//! Where a request could burst to, best first, and why other places were left out.

use crate::attempt::Placement;
use crate::load::{Load, Offer};
use crate::money::{self, Verdict};
use crate::policy::{BurstHost, Policy};
use crate::reason::Reason;
use crate::request::Request;
use crate::units::{Timestamp, Usd};
use std::cmp::Reverse;

/// What the ranking of one request looks at.
#[derive(Clone, Copy)]
pub(crate) struct Ranking<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) load: &'a Load,
    pub(crate) offers: &'a [Offer],
    pub(crate) request: &'a Request,
    pub(crate) now: Timestamp,
}

/// Somewhere that the request could burst to.
pub(crate) struct Candidate {
    pub(crate) placement: Placement,
    /// Over a soft limit: a way out when private hosts are full, not before.
    pub(crate) overflow_only: bool,
    rank: (Usd, u32, Reverse<u32>),
}

impl Ranking<'_> {
    /// Where `count` servers could burst to, best first, and why other places were left out.
    pub(crate) fn candidates(
        &self,
        count: u32,
        only: Option<&str>,
    ) -> (Vec<Candidate>, Vec<Reason>) {
        let mut candidates = Vec::new();
        let mut notes = Vec::new();
        for host in &self.policy.burst_hosts {
            if only.is_none_or(|name| name == host.name) {
                match self.candidate(host, count, &mut notes) {
                    Ok(candidate) => candidates.push(candidate),
                    Err(reason) => notes.push(reason),
                }
            }
        }
        // Stable: equal offers keep the order of the policy.
        candidates.sort_by_key(|candidate| candidate.rank);
        (candidates, notes)
    }

    fn candidate(
        &self,
        host: &BurstHost,
        count: u32,
        notes: &mut Vec<Reason>,
    ) -> Result<Candidate, Reason> {
        let burst_host = || host.name.clone();
        if let Some(zone) = &self.request.availability_zone
            && !host.availability_zones.contains(zone)
        {
            return Err(Reason::ZoneNotServed {
                burst_host: burst_host(),
                zone: zone.clone(),
            });
        }
        host.provider_image(&self.request.image)?;
        let mut refusal = Reason::SizeUnmapped {
            burst_host: burst_host(),
        };
        for size in host.fitting_sizes(&self.request.flavor, &self.request.image)? {
            let offer = self
                .offers
                .iter()
                .find(|offer| offer.burst_host == host.name && offer.size == size.name);
            if let Some(until) = offer.and_then(|offer| offer.barred_until)
                && until > self.now
            {
                refusal = Reason::SizeBarred {
                    burst_host: burst_host(),
                    size: size.name.clone(),
                    remaining: until.since(self.now),
                };
                continue;
            }
            let room = offer.and_then(|offer| offer.room);
            if let Some(room) = room.filter(|room| *room < count) {
                refusal = Reason::NoRoom {
                    burst_host: burst_host(),
                    room,
                };
                continue;
            }
            let price = offer.and_then(|offer| offer.price).or(size.price);
            let counted = price.or_else(|| self.highest_known_price());
            let spend = match self.load {
                Load::Known(view) => view.spend.as_ref(),
                Load::Unknown(_) => None,
            };
            let overflow_only = match money::judge(
                &self.policy.money,
                spend,
                &self.request.project_id,
                counted,
                count,
            ) {
                Verdict::Allowed => false,
                Verdict::OverflowOnly(reason) => {
                    if !notes.contains(&reason) {
                        notes.push(reason);
                    }
                    true
                }
                Verdict::Refused(reason) => {
                    refusal = reason;
                    continue;
                }
            };
            let failures = offer.map_or(0, |offer| offer.recent_failures);
            return Ok(Candidate {
                placement: Placement {
                    burst_host: burst_host(),
                    size: size.name.clone(),
                    price,
                },
                overflow_only,
                rank: (
                    counted.unwrap_or_default(),
                    failures,
                    Reverse(room.unwrap_or(u32::MAX)),
                ),
            });
        }
        Err(refusal)
    }

    /// What a size without a price counts with.
    fn highest_known_price(&self) -> Option<Usd> {
        let listed = self.policy.burst_hosts.iter().flat_map(|host| &host.sizes);
        let listed = listed.filter_map(|size| size.price);
        listed
            .chain(self.offers.iter().filter_map(|offer| offer.price))
            .max()
    }
}
