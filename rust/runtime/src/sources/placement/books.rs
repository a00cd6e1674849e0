//! What a reading says: sums over the providers of a scope, corrected by what came after. Pure.

use crate::config::{PlacementMeasure, PlacementSignal};
use crate::sources::failure::{Failure, FailureKind, excerpt};
use crate::sources::ledger::Change;
use spillway_core::scope::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// How alike a name has to be to be offered for another, from 0 to 1.
const ALIKE: f64 = 0.6;

/// A reading of Placement.
#[derive(Debug, Clone)]
pub struct Books {
    /// When the reading began; no provider was read earlier.
    pub begun: Instant,
    /// Bytes that were read.
    pub bytes: u64,
    /// The resource providers of private hosts, nested ones too.
    pub providers: Vec<Provider>,
    /// UUIDs of the hosts of each scope, or why there are none.
    pub scopes: BTreeMap<Scope, Result<BTreeSet<String>, Failure>>,
}

/// One resource provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its UUID.
    pub uuid: String,
    /// UUID of the host that it is a part of, its own for the host itself.
    pub root: String,
    /// Its name: of a host, what its hypervisor calls it.
    pub name: String,
    /// When its use was read.
    pub read_at: Instant,
    /// By resource class.
    pub resources: BTreeMap<String, Resource>,
}

/// What a provider has of one resource class.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resource {
    /// What may be taken: the total without what is reserved, times the allocation ratio.
    pub capacity: f64,
    /// What is taken.
    pub used: f64,
}

impl Books {
    /// The value of a signal.
    ///
    /// # Errors
    /// [`FailureKind::Absent`] when nothing has the scope's name, or no host in it the resource
    /// class.
    pub fn measure(
        &self,
        scope: &Scope,
        signal: &PlacementSignal,
        changes: &[Change],
    ) -> Result<f64, Failure> {
        let members = match self.scopes.get(scope) {
            Some(Ok(members)) => Some(members),
            Some(Err(failure)) => return Err(failure.clone()),
            None => None,
        };
        let class = signal.resource_class.as_str();
        let in_scope = |provider: &&Provider| match members {
            Some(members) => members.contains(&provider.root),
            None => *scope == Scope::Cloud,
        };
        let mut sum: Option<Resource> = None;
        for provider in self.providers.iter().filter(in_scope) {
            if let Some(resource) = provider.resources.get(class) {
                let sum = sum.get_or_insert_default();
                sum.capacity += resource.capacity;
                sum.used += provider.corrected(class, resource.used, changes);
            }
        }
        let Some(sum) = sum else {
            return Err(self.no_such_class(scope, class));
        };
        match signal.measure {
            PlacementMeasure::Used => Ok(sum.used),
            PlacementMeasure::Free => Ok(sum.capacity - sum.used),
            PlacementMeasure::UsedRatio if sum.capacity > 0.0 => Ok(sum.used / sum.capacity),
            PlacementMeasure::UsedRatio => Err(Failure::new(
                FailureKind::Absent,
                format!("the hosts of {scope} have no room for {class} at all"),
            )),
        }
    }

    /// How many providers were read.
    #[must_use]
    pub fn n_providers(&self) -> u32 {
        u32::try_from(self.providers.len()).unwrap_or(u32::MAX)
    }

    fn no_such_class(&self, scope: &Scope, class: &str) -> Failure {
        let classes = self
            .providers
            .iter()
            .flat_map(|provider| provider.resources.keys());
        let known: BTreeSet<&str> = classes.map(String::as_str).collect();
        let detail = format!(
            "no host of {scope} has the resource class {class}{}",
            alike(class, known.into_iter())
        );
        Failure::new(FailureKind::Absent, detail)
    }
}

impl Provider {
    /// What is taken, with what changed on this host since it was read.
    fn corrected(&self, class: &str, used: f64, changes: &[Change]) -> f64 {
        if self.uuid != self.root {
            return used;
        }
        let later = changes
            .iter()
            .filter(|change| change.at > self.read_at && self.is_of(&change.host));
        #[allow(clippy::cast_precision_loss)]
        let change = later.map(|change| change.of(class)).sum::<i64>() as f64;
        (used + change).max(0.0)
    }

    /// Whether this is the provider of a host by Nova's name: the hypervisor's is the same or has
    /// the domain behind it. With a driver that names its nodes otherwise nothing is corrected.
    fn is_of(&self, host: &str) -> bool {
        let rest = self.name.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// `; did you mean ...?` with the name that is most alike, or nothing.
pub(super) fn alike<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(wanted, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| format!("; did you mean `{}`?", excerpt(name)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn provider(name: &str, root: &str, vcpus: (f64, f64), read_at: Instant) -> Provider {
        let (capacity, used) = vcpus;
        Provider {
            uuid: name.to_owned(),
            root: root.to_owned(),
            name: name.to_owned(),
            read_at,
            resources: BTreeMap::from([("VCPU".to_owned(), Resource { capacity, used })]),
        }
    }

    fn books(begun: Instant) -> Books {
        let zone = BTreeSet::from(["a".to_owned()]);
        let missing = Failure::new(FailureKind::Absent, "no such aggregate");
        Books {
            begun,
            bytes: 0,
            providers: vec![
                provider("a", "a", (8.0, 2.0), begun),
                provider("a_numa0", "a", (4.0, 4.0), begun),
                provider("b.example.org", "b.example.org", (4.0, 0.0), begun),
            ],
            scopes: BTreeMap::from([
                (Scope::Zone("one".to_owned()), Ok(zone)),
                (Scope::Aggregate("gone".to_owned()), Err(missing)),
            ]),
        }
    }

    fn signal(class: &str, measure: PlacementMeasure) -> PlacementSignal {
        PlacementSignal {
            resource_class: class.to_owned(),
            measure,
        }
    }

    fn change(at: Instant, host: &str, vcpus: i64) -> Change {
        Change {
            at,
            host: host.to_owned(),
            vcpus,
            memory_mb: 0,
            disk_gb: 0,
        }
    }

    #[test]
    fn a_scope_sums_its_hosts_and_what_is_nested_in_them() {
        let books = books(Instant::now());
        let zone = Scope::Zone("one".to_owned());
        let of = |scope: &Scope, measure| books.measure(scope, &signal("VCPU", measure), &[]);
        assert_eq!(of(&Scope::Cloud, PlacementMeasure::Used), Ok(6.0));
        assert_eq!(of(&Scope::Cloud, PlacementMeasure::Free), Ok(10.0));
        assert_eq!(of(&zone, PlacementMeasure::UsedRatio), Ok(0.5));
        let gone = Scope::Aggregate("gone".to_owned());
        assert!(of(&gone, PlacementMeasure::Used).is_err());
    }

    #[test]
    fn a_class_that_no_host_has_is_absent_with_one_that_is_alike() {
        let failure = books(Instant::now())
            .measure(&Scope::Cloud, &signal("VCPUS", PlacementMeasure::Used), &[])
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(failure.detail.contains("did you mean `VCPU`?"), "{failure}");
    }

    #[test]
    fn what_came_after_a_host_was_read_corrects_it() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(1);
        let books = books(begun);
        let used = |changes: &[Change]| {
            books.measure(
                &Scope::Cloud,
                &signal("VCPU", PlacementMeasure::Used),
                changes,
            )
        };
        assert_eq!(
            used(&[change(later, "a", 3), change(later, "b", 1)]),
            Ok(10.0)
        );
        // Read before, or on a host that is no provider here: a burst host, one of another name.
        assert_eq!(
            used(&[change(begun, "a", 3), change(later, "ab", 3)]),
            Ok(6.0)
        );
        // Less than nothing cannot be taken.
        assert_eq!(used(&[change(later, "a", -5)]), Ok(4.0));
    }

    #[test]
    fn without_capacity_there_is_no_share() {
        let now = Instant::now();
        let mut books = books(now);
        books.providers = vec![provider("a", "a", (0.0, 0.0), now)];
        let share = books.measure(
            &Scope::Cloud,
            &signal("VCPU", PlacementMeasure::UsedRatio),
            &[],
        );
        assert_eq!(share.unwrap_err().kind, FailureKind::Absent);
    }
}
