//! One screen: what it says, cut to the terminal's size.

use crate::commands::decisions::outcome_text;
use crate::commands::lists::number;
use crate::commands::operate::launches_text;
use crate::commands::status::{problems, spend_text};
use crate::output::plain;
use crate::times::{ago, date, span};
use spillway_runtime::view::{DecisionView, GateView, SignalView, View};

/// Width of a signal's bar.
const BAR: usize = 24;

const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// Lines with a colour each, cut to a width and a height.
pub(super) struct Frame {
    lines: Vec<(&'static str, String)>,
    width: usize,
    height: usize,
    colours: bool,
}

impl Frame {
    pub(super) fn of(
        view: &View,
        url: &str,
        now: u64,
        (width, height): (usize, usize),
        colours: bool,
    ) -> Self {
        let mut frame = Frame {
            lines: Vec::new(),
            width,
            height,
            colours,
        };
        let problems = problems(view, now);
        frame.head(view, url, now);
        let (word, colour) = match problems.first() {
            None => ("everything works".to_owned(), GREEN),
            Some(first) if problems.len() == 1 => (first.clone(), YELLOW),
            Some(first) => (format!("{first}, and {} more", problems.len() - 1), YELLOW),
        };
        frame.line(colour, word);
        frame.part("GATES", view.gates.iter().map(|gate| gate_line(gate, now)));
        frame.part(
            "SIGNALS",
            view.signals.iter().map(|signal| signal_line(signal, now)),
        );
        frame.part("DECISIONS", view.decisions.iter().map(decision_line));
        frame
    }

    /// The state is old, since the sidecar does not answer.
    pub(super) fn with_problem(mut self, problem: &str) -> Self {
        if let Some(line) = self.lines.get_mut(2) {
            *line = (YELLOW, plain(problem));
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let shown = self.lines.iter().take(self.height).map(|(colour, line)| {
            let cut: String = line.chars().take(self.width).collect();
            let cut = cut.trim_end();
            if self.colours && !colour.is_empty() {
                format!("{colour}{cut}{RESET}")
            } else {
                cut.to_owned()
            }
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    fn head(&mut self, view: &View, url: &str, now: u64) {
        let up = span(now.saturating_sub(view.started_at_ms));
        let at = date(view.at_ms);
        let left = format!("spillway {} at {url}, up for {up}", view.version);
        self.line(BOLD, format!("{left:<58}  {at}"));
        self.line(
            "",
            format!(
                "mode {}, launches {}, spend {}",
                view.mode.effective,
                launches_text(view.paused),
                spend_text(view.spend.as_ref(), view)
            ),
        );
    }

    /// A heading and its lines. Each part but the last gets at most a third of the screen.
    fn part(&mut self, heading: &str, lines: impl Iterator<Item = (&'static str, String)>) {
        self.line("", String::new());
        self.line(BOLD, heading.to_owned());
        let most = match heading {
            "DECISIONS" => self.height.saturating_sub(self.lines.len()),
            _ => (self.height / 3).saturating_sub(2).max(1),
        };
        let lines: Vec<_> = lines.collect();
        let shown = if lines.len() > most {
            most.saturating_sub(1)
        } else {
            lines.len()
        };
        for (colour, line) in &lines[..shown] {
            self.line(colour, line.clone());
        }
        match lines.len() - shown {
            0 if lines.is_empty() => self.line("", "  none".to_owned()),
            0 => {}
            more => self.line("", format!("  and {more} more")),
        }
    }

    fn line(&mut self, colour: &'static str, text: String) {
        self.lines.push((colour, plain(&text)));
    }
}

fn gate_line(gate: &GateView, now: u64) -> (&'static str, String) {
    let forced = gate.forced.as_ref().map_or("", |_| " (forced)");
    let state = format!("{}{forced}", gate.effective);
    let since = ago(gate.since_ms, now);
    let colour = if gate.effective == "open" { CYAN } else { "" };
    (
        colour,
        format!("  {:<20} {state:<16} {since:<16} {}", gate.scope, gate.why),
    )
}

fn signal_line(signal: &SignalView, now: u64) -> (&'static str, String) {
    let state = match (signal.reading.as_str(), signal.value_at_ms) {
        ("fresh", Some(at)) => ago(at, now),
        (reading, _) => reading.to_owned(),
    };
    let value = number(signal.value);
    let colour = match signal.value {
        _ if signal.reading != "fresh" => YELLOW,
        Some(value) if value >= signal.open_at => CYAN,
        _ => "",
    };
    let text = format!(
        "  {:<20} {value:>9} {} {:>9}  {state}",
        signal.name,
        bar(signal),
        number(Some(signal.open_at)),
    );
    (colour, text)
}

/// How near the value is to where the gate opens: the bar's end is a quarter beyond it, `|` is the
/// threshold.
fn bar(signal: &SignalView) -> String {
    let end = signal.open_at * 1.25;
    let share = match signal.value {
        Some(value) if end > 0.0 => (value / end).clamp(0.0, 1.0),
        _ => 0.0,
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let filled = (share * BAR as f64).round() as usize;
    let threshold = BAR * 4 / 5;
    let cells = (0..BAR).map(|at| match at {
        at if at == threshold => '|',
        at if at < filled => '#',
        _ => '.',
    });
    cells.collect()
}

fn decision_line(decision: &DecisionView) -> (&'static str, String) {
    let why = decision.reasons.first().map_or("", |reason| &reason.code);
    let attempt = decision
        .shadow_attempt
        .as_ref()
        .unwrap_or(&decision.attempt);
    let outcome = decision.outcome.as_ref();
    let outcome = outcome.map_or_else(|| "under way".to_owned(), outcome_text);
    let colour = if attempt == "hybrid" || attempt == "split" {
        CYAN
    } else {
        ""
    };
    // The time of day; the date is above.
    let time = date(decision.at_ms);
    let time = time.get(11..19).unwrap_or(&time);
    let text = format!(
        "  {time}  {:<14} {attempt:<8} {why:<20} {outcome}",
        decision.flavor
    );
    (colour, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn busy() -> View {
        let signal = |at: usize| SignalView {
            name: format!("signal {at}"),
            reading: "fresh".to_owned(),
            value: Some(0.85),
            value_at_ms: Some(NOW - 2_000),
            open_at: 0.85,
            ..SignalView::default()
        };
        let decision = |at: u64| DecisionView {
            at_ms: NOW - at * 1_000,
            flavor: "m1.\u{1b}[2Jsmall".to_owned(),
            attempt: "hybrid".to_owned(),
            ..DecisionView::default()
        };
        View {
            version: "0.1.0".to_owned(),
            at_ms: NOW,
            signals: (0..20).map(signal).collect(),
            decisions: (0..50).map(decision).collect(),
            ..View::default()
        }
    }

    #[test]
    fn a_frame_fits_the_terminal_whatever_there_is() {
        for size in [(80, 24), (40, 10), (200, 60), (1, 1)] {
            let text = Frame::of(&busy(), "http://127.0.0.1:9650", NOW, size, false).text();
            assert!(text.lines().count() <= size.1, "{size:?}\n{text}");
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(size.0), "{size:?}\n{text}");
            assert!(
                !text.contains('\u{1b}'),
                "nothing moves the cursor: {text:?}"
            );
        }
    }

    #[test]
    fn every_part_is_on_a_screen_of_80_by_24() {
        let text = Frame::of(&busy(), "http://127.0.0.1:9650", NOW, (80, 24), false).text();
        for part in [
            "GATES",
            "SIGNALS",
            "DECISIONS",
            "and 15 more",
            "no snapshot",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(text.lines().count(), 24);
    }

    #[test]
    fn the_bar_reaches_its_mark_when_the_value_reaches_the_threshold() {
        let shown = |value: Option<f64>| {
            bar(&SignalView {
                value,
                open_at: 0.8,
                ..SignalView::default()
            })
        };
        assert_eq!(shown(Some(0.8)), "###################|....");
        assert_eq!(shown(None), "...................|....");
        assert_eq!(shown(Some(9.0)), "###################|####");
    }
}
