//! The check of a merged configuration, and its translation into what it means.

use super::checked::{
    BurstHostConfig, Config, Ec2Options, JournalConfig, Provider, SnapshotConfig,
};
use super::diagnostics::{Diagnostic, Diagnostics, Origins, Step, nearest, quoted, steps};
use super::document::dotted;
use super::layers::Merged;
use super::raw::{
    RawBurstHost, RawBurstLevel, RawConfig, RawEc2, RawImage, RawMode, RawMoney, RawMultiCreate,
    RawProvider, RawRule, RawSignal, RawSize, RawWhenMissing, RawWhenUnknown,
};
use super::sidecar::checked::{OpenStackConfig, SignalSource};
use sha2::{Digest, Sha256};
use spillway_core::Policy;
use spillway_core::pattern::Patterns;
use spillway_core::policy::{
    Bounds, BurstHost, BurstLevel, GatePolicy, ImageMapping, InstanceSize, Limits, Mode,
    MoneyPolicy, MultiCreate, Rule, SignalPolicy, SoftHard, WhenMissing, WhenSpendUnknown,
};
use spillway_core::scope::Scope;
use spillway_core::units::{Finite, Span, Usd};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

/// Returns what the layers mean together.
///
/// # Errors
/// Everything that is wrong with them, what was found before included.
pub(super) fn check(merged: Merged) -> Result<Config, Diagnostics> {
    let Merged {
        raw,
        origins,
        diagnostics,
    } = merged;
    let mut check = Check {
        origins: &origins,
        diagnostics,
    };
    check.files(&raw);
    check.deployment(&raw);
    let burst_hosts = check.burst_hosts(&raw.burst_hosts);
    let sidecar = check.sidecar(&raw.sidecar, raw.snapshot.stale_after_secs);
    let sources = check.sources(&raw.sources);
    let signal_sources = check.signal_sources(&raw);
    let policy = Policy {
        mode: match raw.mode {
            RawMode::Off => Mode::Off,
            RawMode::Shadow => Mode::Shadow,
            RawMode::Active => Mode::Active,
        },
        gate: GatePolicy {
            open_after: Span::from_secs(raw.gate.open_after_secs),
            close_after: Span::from_secs(raw.gate.close_after_secs),
            forecast_lead: match raw.gate.forecast {
                true => raw.gate.forecast_lead_secs.map(Span::from_secs),
                false => None,
            },
        },
        signals: check.signals(&raw.signals),
        rules: check.rules(&raw.rules),
        money: check.money(&raw.money),
        burst_hosts: raw
            .burst_hosts
            .iter()
            .enumerate()
            .map(|(index, host)| check.core_host(index, host))
            .collect(),
    };
    let effective_toml = toml::to_string(&raw).unwrap_or_else(|error| {
        // Cannot happen with checked values; the place of the whole file is all there is to say.
        check.wrong(&[], format!("cannot be written as TOML: {error}"), "");
        String::new()
    });
    let sidecar = match sidecar {
        Some(sidecar) if check.diagnostics.is_empty() => sidecar,
        // What is wrong with it was said.
        _ => return Err(Diagnostics::new(check.diagnostics)),
    };
    Ok(Config {
        policy,
        sidecar,
        openstack: OpenStackConfig::from(&raw.openstack),
        sources,
        signal_sources,
        forecast: raw.gate.forecast,
        snapshot: SnapshotConfig {
            path: raw.snapshot.path.into(),
            stale_after: Span::from_secs(raw.snapshot.stale_after_secs),
        },
        journal: JournalConfig {
            path: raw.journal.path.into(),
        },
        deployment: raw.deployment,
        burst_hosts,
        digest: digest(&effective_toml),
        effective_toml,
    })
}

/// Enough digits that two policies of one cloud never share them, few enough to read aloud.
const DIGEST_BYTES: usize = 8;

fn digest(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .take(DIGEST_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What goes beyond one value: ranges that depend on others, names that have to be unique or have
/// to exist.
pub(super) struct Check<'a> {
    origins: &'a Origins,
    diagnostics: Vec<Diagnostic>,
}

impl Check<'_> {
    pub(super) fn wrong(&mut self, path: &[Step], found: String, expected: &str) {
        self.wrong_near(path, found, expected, None);
    }

    pub(super) fn wrong_near(
        &mut self,
        path: &[Step],
        found: String,
        expected: &str,
        suggestion: Option<String>,
    ) {
        let mut diagnostic = Diagnostic::new(self.origins.of(path), found);
        if !expected.is_empty() {
            diagnostic = diagnostic.expected(expected);
        }
        self.diagnostics.push(diagnostic.suggestion(suggestion));
    }

    fn files(&mut self, raw: &RawConfig) {
        for (table, value) in [
            ("snapshot", &raw.snapshot.path),
            ("journal", &raw.journal.path),
        ] {
            if !Path::new(value).is_absolute() {
                let path = steps![table, "path"];
                let found = format!("{} is \"{value}\"", dotted(&path));
                self.wrong(&path, found, "an absolute path");
            }
        }
        if raw.snapshot.path == raw.journal.path {
            let path = steps!["journal", "path"];
            let found = "journal.path and snapshot.path are the same file".to_owned();
            self.wrong(&path, found, "two files");
        }
    }

    fn deployment(&mut self, raw: &RawConfig) {
        const EXPECTED: &str =
            "1 to 32 of a-z, 0-9 and \"-\", first a letter or a digit, such as \"my-cloud\"";
        match &raw.deployment {
            None if raw.burst_hosts.is_empty() => {}
            None => {
                let found = "there is a burst host and no \"deployment\"".to_owned();
                self.wrong(&steps!["burst_hosts", 0], found, EXPECTED);
            }
            Some(name) => {
                let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                let is_name = name.starts_with(allowed)
                    && name.len() <= 32
                    && name.chars().all(|c| allowed(c) || c == '-');
                if !is_name {
                    let found = format!("deployment is \"{name}\"");
                    self.wrong(&steps!["deployment"], found, EXPECTED);
                }
            }
        }
    }

    /// Reports every entry of a list whose name an earlier one has.
    fn unique_names<'n>(&mut self, list: &[Step], key: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                let mut path = list.to_vec();
                path.extend(steps![index, key]);
                let found = format!("{} is \"{name}\" again", dotted(&path));
                self.wrong(&path, found, "a name that no entry before it has");
            }
        }
    }

    fn signals(&mut self, raw: &[RawSignal]) -> Vec<SignalPolicy> {
        let names = raw.iter().map(|signal| signal.name.as_str());
        self.unique_names(&steps!["signals"], "name", names);
        let signals = raw.iter().enumerate();
        signals
            .filter_map(|(index, signal)| self.signal(index, signal))
            .collect()
    }

    fn signal(&mut self, index: usize, raw: &RawSignal) -> Option<SignalPolicy> {
        if raw.close_at > raw.open_at {
            let found = format!(
                "signals[{index}].close_at is {}, above open_at {}",
                raw.close_at, raw.open_at
            );
            let path = steps!["signals", index, "close_at"];
            self.wrong(&path, found, &format!("at most {}", raw.open_at));
        }
        let scope = self.scope(&steps!["signals", index, "scope"], &raw.scope);
        Some(SignalPolicy {
            name: raw.name.clone(),
            scope: scope?,
            open_at: Finite::new(raw.open_at)?,
            close_at: Finite::new(raw.close_at)?,
            stale_after: Span::from_secs(raw.stale_after_secs),
            when_missing: match raw.when_missing {
                RawWhenMissing::Hold => WhenMissing::Hold,
                RawWhenMissing::Ignore => WhenMissing::Ignore,
            },
        })
    }

    pub(super) fn scope(&mut self, at: &[Step], text: &str) -> Option<Scope> {
        let scope = Scope::parse(text);
        if scope.is_none() {
            let found = format!("{} is \"{text}\"", dotted(at));
            let kind = text.split(':').next().unwrap_or_default();
            let suggestion = nearest(kind, ["cloud", "zone", "aggregate"]).map(|kind| match kind {
                "cloud" => "\"cloud\"".to_owned(),
                kind => format!("\"{kind}:NAME\""),
            });
            let expected = "\"cloud\", \"zone:NAME\" or \"aggregate:NAME\"";
            self.wrong_near(at, found, expected, suggestion);
        }
        scope
    }

    /// By position as the signals; shorter only when something is wrong.
    fn signal_sources(&mut self, raw: &RawConfig) -> Vec<SignalSource> {
        let signals = raw.signals.iter().enumerate();
        signals
            .filter_map(|(index, signal)| self.signal_source(index, signal, &raw.sources))
            .collect()
    }

    fn rules(&mut self, raw: &[RawRule]) -> Vec<Rule> {
        let names = raw.iter().map(|rule| rule.name.as_str());
        self.unique_names(&steps!["rules"], "name", names);
        let rules = raw.iter().enumerate();
        rules.map(|(index, rule)| self.rule(index, rule)).collect()
    }

    fn rule(&mut self, index: usize, raw: &RawRule) -> Rule {
        self.server_groups(index, raw);
        let min_vcpus = raw.min_vcpus.map(u64::from);
        let max_vcpus = raw.max_vcpus.map(u64::from);
        Rule {
            name: raw.name.clone(),
            projects: self.patterns(index, "projects", raw.projects.as_ref()),
            flavors: self.patterns(index, "flavors", raw.flavors.as_ref()),
            flavor_extra_specs: map_of_patterns(&raw.flavor_extra_specs),
            vcpus: self.bounds(index, "vcpus", min_vcpus, max_vcpus),
            memory_mb: self.bounds(index, "memory_mb", raw.min_memory_mb, raw.max_memory_mb),
            images: self.patterns(index, "images", raw.images.as_ref()),
            os_distros: self.patterns(index, "os_distros", raw.os_distros.as_ref()),
            architectures: self.patterns(index, "architectures", raw.architectures.as_ref()),
            availability_zones: self.patterns(
                index,
                "availability_zones",
                raw.availability_zones.as_ref(),
            ),
            server_groups: self.patterns(index, "server_groups", raw.server_groups.as_ref()),
            hints: map_of_patterns(&raw.hints),
            burst: match raw.burst {
                RawBurstLevel::Never => BurstLevel::Never,
                RawBurstLevel::Overflow => BurstLevel::Overflow,
                RawBurstLevel::Load => BurstLevel::Load,
            },
            reserve: raw.reserve,
            multi_create: match raw.multi_create {
                RawMultiCreate::Whole => MultiCreate::Whole,
                RawMultiCreate::Split => MultiCreate::Split,
            },
            aggregate: raw.aggregate.clone(),
        }
    }

    fn patterns(&mut self, index: usize, key: &str, raw: Option<&Vec<String>>) -> Patterns {
        let Some(globs) = raw else {
            return Patterns::any();
        };
        if globs.is_empty() {
            let found = format!("rules[{index}].{key} is an empty list, which matches nothing");
            let path = steps!["rules", index, key];
            self.wrong(&path, found, "at least one pattern, or no such key");
        }
        Patterns::of(globs)
    }

    fn bounds(&mut self, index: usize, of: &str, min: Option<u64>, max: Option<u64>) -> Bounds {
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let found = format!("rules[{index}].max_{of} is {max}, below min_{of} {min}");
            let path = steps!["rules", index, format!("max_{of}").as_str()];
            self.wrong(&path, found, &format!("at least {min}"));
        }
        Bounds { min, max }
    }

    /// A pattern of server groups that matches no policy of Nova's is a slip of the pen.
    fn server_groups(&mut self, index: usize, raw: &RawRule) {
        const POLICIES: [&str; 5] = [
            "affinity",
            "anti-affinity",
            "soft-affinity",
            "soft-anti-affinity",
            Rule::NO_GROUP,
        ];
        for (position, glob) in raw.server_groups.iter().flatten().enumerate() {
            if !Patterns::of([glob]).matches_any(POLICIES) {
                let path = steps!["rules", index, "server_groups", position];
                let found = format!("{} is \"{glob}\", which no policy matches", dotted(&path));
                let expected = format!("a pattern of {}", POLICIES.join(", "));
                self.wrong_near(&path, found, &expected, nearest(glob, POLICIES).map(quoted));
            }
        }
    }

    fn money(&mut self, raw: &RawMoney) -> MoneyPolicy {
        MoneyPolicy {
            total: Limits {
                hourly: self.limit("hourly", raw.hourly_soft_usd, raw.hourly_hard_usd),
                monthly: self.limit("monthly", raw.monthly_soft_usd, raw.monthly_hard_usd),
            },
            project: Limits {
                hourly: self.limit(
                    "project_hourly",
                    raw.project_hourly_soft_usd,
                    raw.project_hourly_hard_usd,
                ),
                monthly: self.limit(
                    "project_monthly",
                    raw.project_monthly_soft_usd,
                    raw.project_monthly_hard_usd,
                ),
            },
            when_unknown: match raw.when_unknown {
                RawWhenUnknown::Overflow => WhenSpendUnknown::Overflow,
                RawWhenUnknown::Never => WhenSpendUnknown::Never,
            },
        }
    }

    fn limit(&mut self, of: &str, soft: Option<f64>, hard: Option<f64>) -> SoftHard {
        if let (Some(soft), Some(hard)) = (soft, hard)
            && soft > hard
        {
            let found = format!("money.{of}_soft_usd is {soft}, above {of}_hard_usd {hard}");
            let path = steps!["money", format!("{of}_soft_usd").as_str()];
            self.wrong(&path, found, &format!("at most {hard}"));
        }
        SoftHard {
            soft: soft.and_then(usd),
            hard: hard.and_then(usd),
        }
    }

    fn burst_hosts(&mut self, raw: &[RawBurstHost]) -> Vec<BurstHostConfig> {
        let names = raw.iter().map(|host| host.name.as_str());
        self.unique_names(&steps!["burst_hosts"], "name", names);
        let hosts = raw.iter().enumerate();
        hosts
            .filter_map(|(index, host)| {
                let metrics_listen = self.metrics_listen(index, host);
                Some(BurstHostConfig {
                    name: host.name.clone(),
                    max_servers: host.max_servers,
                    max_vcpus: host.max_vcpus,
                    max_memory_mb: host.max_memory_mb,
                    max_disk_gb: host.max_disk_gb,
                    poll_interval: millis(host.poll_interval_secs),
                    metrics_listen,
                    metrics_url: self.metrics_url(index, host, metrics_listen),
                    provider: self.provider(index, host)?,
                })
            })
            .collect()
    }

    fn metrics_listen(&mut self, index: usize, host: &RawBurstHost) -> Option<SocketAddr> {
        let text = host.metrics_listen.as_ref()?;
        let address = text.parse::<SocketAddr>().ok();
        // Port 0 is any free port, and nobody would know which.
        let usable = address.filter(|address| address.port() != 0);
        if usable.is_none() {
            let path = steps!["burst_hosts", index, "metrics_listen"];
            let found = format!("{} is \"{text}\"", dotted(&path));
            let expected = "an IP address and a port, such as \"127.0.0.1:9651\"";
            self.wrong(&path, found, expected);
        }
        usable
    }

    fn metrics_url(
        &mut self,
        index: usize,
        host: &RawBurstHost,
        listen: Option<SocketAddr>,
    ) -> Option<String> {
        if let Some(url) = &host.metrics_url {
            let path = steps!["burst_hosts", index, "metrics_url"];
            self.url(&path, url, ["http", "https"]);
            return Some(url.clone());
        }
        let listen = listen?;
        if listen.ip().is_unspecified() {
            let path = steps!["burst_hosts", index, "metrics_listen"];
            let found = format!("{} is every address, and no metrics_url", dotted(&path));
            self.wrong(
                &path,
                found,
                "a metrics_url for the sidecar, or one address",
            );
        }
        Some(format!("http://{listen}/metrics"))
    }

    fn provider(&mut self, index: usize, host: &RawBurstHost) -> Option<Provider> {
        match host.provider {
            RawProvider::Ec2 => {
                let Some(ec2) = &host.ec2 else {
                    let found = format!("burst_hosts[{index}] has provider \"ec2\" and no ec2");
                    let path = steps!["burst_hosts", index];
                    self.wrong(&path, found, "a table [burst_hosts.ec2]");
                    return None;
                };
                Some(Provider::Ec2(self.ec2(index, ec2)))
            }
        }
    }

    fn ec2(&mut self, index: usize, raw: &RawEc2) -> Ec2Options {
        if let Some(url) = &raw.endpoint_url {
            let path = steps!["burst_hosts", index, "ec2", "endpoint_url"];
            self.url(&path, url, ["http", "https"]);
        }
        Ec2Options {
            region: raw.region.clone(),
            endpoint_url: raw.endpoint_url.clone(),
            subnet_id: raw.subnet_id.clone(),
            security_group_ids: raw.security_group_ids.clone(),
            availability_zone: raw.availability_zone.clone(),
        }
    }

    fn core_host(&mut self, index: usize, raw: &RawBurstHost) -> BurstHost {
        let sizes = || raw.sizes.iter().map(|size| size.name.as_str());
        self.unique_names(&steps!["burst_hosts", index, "sizes"], "name", sizes());
        for (flavor, size) in &raw.flavors {
            if !sizes().any(|name| name == size) {
                let path = steps!["burst_hosts", index, "flavors", flavor.as_str()];
                let found = format!("burst_hosts[{index}] pins flavor \"{flavor}\" to \"{size}\"");
                let known = sizes().collect::<Vec<_>>().join(", ");
                let expected = format!("one of its sizes: {known}");
                self.wrong_near(&path, found, &expected, nearest(size, sizes()).map(quoted));
            }
        }
        BurstHost {
            name: raw.name.clone(),
            availability_zones: raw.availability_zones.clone(),
            sizes: raw.sizes.iter().map(instance_size).collect(),
            images: raw.images.iter().map(image_mapping).collect(),
            flavors: raw.flavors.clone(),
        }
    }
}

fn map_of_patterns(raw: &BTreeMap<String, String>) -> BTreeMap<String, Patterns> {
    raw.iter()
        .map(|(key, glob)| (key.clone(), Patterns::of([glob])))
        .collect()
}

fn instance_size(raw: &RawSize) -> InstanceSize {
    InstanceSize {
        name: raw.name.clone(),
        vcpus: raw.vcpus,
        memory_mb: raw.memory_mb,
        architecture: raw.architecture.clone(),
        price: raw.price_usd_per_hour.and_then(usd),
    }
}

fn image_mapping(raw: &RawImage) -> ImageMapping {
    let pattern = |glob: &Option<String>| {
        glob.as_ref()
            .map_or(Patterns::any(), |glob| Patterns::of([glob]))
    };
    ImageMapping {
        image: pattern(&raw.image),
        os_distro: pattern(&raw.os_distro),
        architecture: pattern(&raw.architecture),
        provider_image: raw.provider_image.clone(),
    }
}

/// The schema has refused what is no amount, so nothing is lost here.
fn usd(dollars: f64) -> Option<Usd> {
    Usd::from_dollars(dollars).ok()
}

/// The schema bounds it to an hour, so the cast is exact to the millisecond.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn millis(secs: f64) -> Span {
    Span((secs * 1_000.0).round() as u64)
}
