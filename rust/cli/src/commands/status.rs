//! `spillway status`.

use super::operate::{gates_table, launches_text, mode_text};
use super::read;
use crate::arguments::Listing;
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::{plain, print_value, table};
use crate::times::{ago, now_ms, span, until};
use spillway_runtime::view::{BurstHostView, SpendView, View};

pub(super) fn status(listing: &Listing) -> Result<Code, Failure> {
    let client = Client::new(&listing.connection)?;
    let value = block_on(client.get("status", &[]))?;
    let view: View = read(&value)?;
    let now = now_ms();
    let problems = problems(&view, now);
    print_value(&value, listing.output, || {
        Ok(text(&view, &problems, client.url(), now))
    })?;
    Ok(if problems.is_empty() {
        Code::Ok
    } else {
        Code::Degraded
    })
}

/// Everything that works with less than it should have; one sentence each.
pub(in crate::commands) fn problems(view: &View, now: u64) -> Vec<String> {
    let mut all = Vec::new();
    let snapshot = &view.snapshot;
    match snapshot.written_at_ms {
        None => all.push("no snapshot was written yet".to_owned()),
        Some(at) if now.saturating_sub(at) > snapshot.stale_after_ms => {
            all.push(format!("the snapshot is stale: written {}", ago(at, now)));
        }
        Some(_) => {}
    }
    if let Some(error) = &snapshot.error {
        all.push(format!("the snapshot cannot be written: {error}"));
    }
    if let Some(refusal) = &view.config.refusal {
        all.push(format!("the policy file was refused: {refusal}"));
    }
    if view.paused {
        all.push("launches are paused by an operator".to_owned());
    }
    if let Some(operator) = &view.mode.operator
        && view.mode.effective != view.mode.policy
    {
        all.push(format!("an operator took the mode down to {operator}"));
    }
    for gate in &view.gates {
        if let Some(forced) = &gate.forced {
            let until = match gate.forced_until_ms {
                Some(at) => until(at, now),
                None => "until `spillway gate auto`".to_owned(),
            };
            all.push(format!(
                "an operator forced the {} gate {forced} {until}",
                gate.scope
            ));
        }
    }
    for source in &view.sources {
        match &source.error {
            Some(error) => all.push(format!("source {}: {error}", source.name)),
            None if source.connected == Some(false) => {
                all.push(format!("source {} is not connected", source.name));
            }
            None => {}
        }
    }
    for signal in view
        .signals
        .iter()
        .filter(|signal| signal.reading != "fresh")
    {
        let why = signal.error.as_deref().unwrap_or("no usable value");
        all.push(format!(
            "signal {} is {}: {why}",
            signal.name, signal.reading
        ));
    }
    let silent = |host: &&BurstHostView| !host.up && !host.not_read;
    for host in view.burst_hosts.iter().filter(silent) {
        let why = host.error.as_deref().unwrap_or("it did not answer yet");
        all.push(format!("burst host {} is not known: {why}", host.name));
    }
    if let Some(error) = &view.journal.error {
        all.push(format!("the journal cannot be read: {error}"));
    }
    all
}

fn text(view: &View, problems: &[String], url: &str, now: u64) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: String| {
        text.push_str(&format!("{name:<10}{}\n", plain(&value)));
    };
    let up = span(now.saturating_sub(view.started_at_ms));
    field("sidecar", format!("{} at {url}, up for {up}", view.version));
    field("mode", mode_text(&view.mode));
    field("launches", launches_text(view.paused).to_owned());
    let config = &view.config;
    let taken = ago(config.taken_at_ms, now);
    field(
        "policy",
        format!("{} ({}), taken {taken}", config.path, config.digest),
    );
    let written = match view.snapshot.written_at_ms {
        Some(at) => format!("written {}", ago(at, now)),
        None => "not written yet".to_owned(),
    };
    field("snapshot", format!("{}, {written}", view.snapshot.path));
    let (kinds, lag) = (&view.journal.lines, view.journal.lag_bytes);
    let decisions = kinds.get("decision").copied().unwrap_or_default();
    field(
        "journal",
        format!(
            "{}, {decisions} decisions, {lag} bytes behind",
            view.journal.path
        ),
    );
    field("spend", spend_text(view.spend.as_ref(), view));
    text.push('\n');
    text.push_str(&gates_table(&view.gates));
    if !view.sources.is_empty() {
        text.push_str("\n\n");
        text.push_str(&sources_table(view, now));
    }
    if !view.burst_hosts.is_empty() {
        text.push_str("\n\n");
        text.push_str(&burst_hosts_table(view));
    }
    if !problems.is_empty() {
        text.push_str("\n\ndegraded");
        for problem in problems {
            text.push_str(&format!("\n  - {}", plain(problem)));
        }
    }
    text
}

fn sources_table(view: &View, now: u64) -> String {
    let rows = view.sources.iter().map(|source| {
        [
            source.name.clone(),
            source.kind.clone(),
            format!(
                "{} of {}",
                source.targets_up,
                source.targets_up + source.targets_down
            ),
            source
                .last_good_at_ms
                .map(|at| ago(at, now))
                .unwrap_or_default(),
            source.error.clone().unwrap_or_default(),
        ]
    });
    table(["source", "kind", "up", "last good", "error"], rows)
}

fn burst_hosts_table(view: &View) -> String {
    let rows = view.burst_hosts.iter().map(|host| {
        let spend = host
            .spend
            .as_ref()
            .map(|spend| format!("${:.2}", spend.hourly_usd));
        let start = host.start_time_ms.map(|ms| format!("{:.1} s", seconds(ms)));
        [
            host.name.clone(),
            host.provider.clone(),
            host.servers.values().sum::<u64>().to_string(),
            spend.unwrap_or_default(),
            start.unwrap_or_default(),
            if host.not_read {
                "not read: no metrics_listen".to_owned()
            } else {
                host.error.clone().unwrap_or_default()
            },
        ]
    });
    let headings = [
        "burst host",
        "provider",
        "servers",
        "an hour",
        "start time",
        "error",
    ];
    table(headings, rows)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

pub(in crate::commands) fn spend_text(spend: Option<&SpendView>, view: &View) -> String {
    let Some(spend) = spend else {
        return "unknown".to_owned();
    };
    let limit = |soft: Option<f64>, hard: Option<f64>| match (soft, hard) {
        (None, None) => String::new(),
        (Some(soft), None) => format!(" (soft limit ${soft})"),
        (None, Some(hard)) => format!(" of ${hard}"),
        (Some(soft), Some(hard)) => format!(" of ${hard} (soft limit ${soft})"),
    };
    let limits = &view.limits;
    format!(
        "${:.2} an hour{}, ${:.2} this month{}",
        spend.hourly_usd,
        limit(limits.hourly_soft_usd, limits.hourly_hard_usd),
        spend.month_usd,
        limit(limits.monthly_soft_usd, limits.monthly_hard_usd),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_runtime::view::{GateView, SnapshotView, SourceView};

    const NOW: u64 = 1_800_000_000_000;

    fn healthy() -> View {
        View {
            snapshot: SnapshotView {
                written_at_ms: Some(NOW - 1_000),
                stale_after_ms: 30_000,
                ..SnapshotView::default()
            },
            ..View::default()
        }
    }

    #[test]
    fn what_works_is_no_problem_and_each_fail_safe_is_one() {
        assert!(problems(&healthy(), NOW).is_empty());
        let told = |change: fn(&mut View), part: &str| {
            let mut view = healthy();
            change(&mut view);
            let problems = problems(&view, NOW);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(part), "{problems:?}");
        };
        told(
            |view| view.snapshot.written_at_ms = Some(NOW - 60_000),
            "stale: written 1 min ago",
        );
        told(|view| view.snapshot.written_at_ms = None, "no snapshot");
        told(
            |view| view.burst_hosts = vec![BurstHostView::default()],
            "it did not answer yet",
        );
        told(
            |view| view.config.refusal = Some("x".to_owned()),
            "was refused: x",
        );
        told(|view| view.paused = true, "paused");
        told(
            |view| {
                view.sources = vec![SourceView {
                    name: "nodes".to_owned(),
                    error: Some("refused".to_owned()),
                    ..SourceView::default()
                }];
            },
            "source nodes: refused",
        );
        told(
            |view| {
                view.gates = vec![GateView {
                    scope: "cloud".to_owned(),
                    forced: Some("closed".to_owned()),
                    forced_until_ms: Some(NOW + 7_200_000),
                    ..GateView::default()
                }];
            },
            "forced the cloud gate closed for 2 h",
        );
    }

    #[test]
    fn a_burst_host_that_is_not_read_is_said_and_no_problem() {
        let mut view = healthy();
        view.burst_hosts = vec![BurstHostView {
            not_read: true,
            ..BurstHostView::default()
        }];
        let problems = problems(&view, NOW);
        assert!(problems.is_empty(), "{problems:?}");
        let text = text(&view, &problems, "", NOW);
        assert!(text.contains("not read: no metrics_listen"), "{text}");
    }
}
