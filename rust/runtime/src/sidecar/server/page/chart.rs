//! A signal's recent course with its thresholds, as SVG.

use super::html::Html;
use super::words::{Long, Number};
use crate::view::SignalView;

const WIDTH: f64 = 300.0;
/// Under the plot, of 92 in all, there is a line of text.
const PLOT_BOTTOM: f64 = 78.0;
/// Shortest time that is drawn, so that the first two points don't fill it.
const SHORTEST_MS: u64 = 60_000;

/// Draws the course up to now; where there was no fresh value it is hatched.
pub(super) fn draw(page: &mut Html, signal: &SignalView, now_ms: u64) {
    let frame = Frame::of(signal, now_ms);
    page.put("<svg class=\"chart\" viewBox=\"0 0 300 92\" role=\"img\" aria-label=\"");
    page.say(described(signal, &frame)).put("\">");
    for (from_ms, to_ms) in stale_parts(signal, &frame) {
        let (left, right) = (frame.x(from_ms), frame.x(to_ms));
        page.put("<rect class=\"stale\" y=\"0\" height=\"78\" x=\"");
        page.say(left).put("\" width=\"");
        page.say(round(right - left)).put("\"/>");
    }
    line(
        page,
        frame.y(signal.open_at),
        "<path class=\"open-at\" d=\"M0 ",
    );
    line(
        page,
        frame.y(signal.close_at),
        "<path class=\"close-at\" d=\"M0 ",
    );
    for points in lines(signal, &frame) {
        page.put("<polyline class=\"course\" points=\"");
        page.say(points).put("\"/>");
    }
    if let Some((at_ms, value)) = signal.course.last() {
        page.put("<circle class=\"newest\" r=\"2.5\" cx=\"");
        page.say(frame.x(*at_ms)).put("\" cy=\"");
        page.say(frame.y(*value)).put("\"/>");
    }
    labels(page, signal, &frame);
    page.put("<path class=\"axis\" d=\"M0 78H300\"/><text x=\"0\" y=\"90\">−");
    page.say(Long(frame.now_ms - frame.from_ms));
    page.put("</text><text x=\"300\" y=\"90\" text-anchor=\"end\">now</text></svg>");
}

/// What of time and value is drawn.
struct Frame {
    from_ms: u64,
    now_ms: u64,
    low: f64,
    high: f64,
}

impl Frame {
    fn of(signal: &SignalView, now_ms: u64) -> Self {
        let oldest = signal.course.first().map_or(now_ms, |point| point.0);
        let from_ms = oldest.min(now_ms.saturating_sub(SHORTEST_MS));
        let values = signal.course.iter().map(|point| point.1);
        let all = values
            .chain([signal.open_at, signal.close_at])
            .filter(|value| value.is_finite());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        // Room for the thresholds' names above and below.
        let room = if high > low {
            (high - low) * 0.22
        } else {
            high.abs().max(1.0)
        };
        Frame {
            from_ms,
            now_ms: now_ms.max(from_ms + 1),
            low: low - room,
            high: high + room,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn x(&self, at_ms: u64) -> f64 {
        let since = at_ms.clamp(self.from_ms, self.now_ms) - self.from_ms;
        round(since as f64 / (self.now_ms - self.from_ms) as f64 * WIDTH)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        round((1.0 - share.clamp(0.0, 1.0)) * PLOT_BOTTOM)
    }
}

fn line(page: &mut Html, y: f64, path: &'static str) {
    page.put(path).say(y).put("H300\"/>");
}

/// Names the thresholds, the upper one above its line and the lower one below.
fn labels(page: &mut Html, signal: &SignalView, frame: &Frame) {
    let opens_above = signal.open_at >= signal.close_at;
    let mut label = |value: f64, above: bool, word: &'static str| {
        let y = frame.y(value);
        let text_y = if above { y - 3.0 } else { y + 10.0 };
        page.put("<text x=\"0\" y=\"").say(round(text_y)).put(word);
        page.say(Number(value)).put("</text>");
    };
    label(signal.open_at, opens_above, "\">opens at ");
    label(signal.close_at, !opens_above, "\">closes at ");
}

/// The parts of the time in which the newest value was too old to count.
fn stale_parts(signal: &SignalView, frame: &Frame) -> Vec<(u64, u64)> {
    let times = signal.course.iter().map(|point| point.0);
    let ends = times.clone().skip(1).chain([frame.now_ms]);
    let mut parts: Vec<_> = times
        .zip(ends)
        .map(|(from, to)| (from.saturating_add(signal.stale_after_ms), to))
        .filter(|(from, to)| from < to)
        .collect();
    if signal.course.is_empty() {
        parts.push((frame.from_ms, frame.now_ms));
    }
    parts
}

/// The course as lines, broken where it was stale.
fn lines(signal: &SignalView, frame: &Frame) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut previous = None;
    for &(at_ms, value) in &signal.course {
        let gap =
            previous.is_some_and(|before| at_ms.saturating_sub(before) > signal.stale_after_ms);
        if gap {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(&format!("{},{} ", frame.x(at_ms), frame.y(value)));
        previous = Some(at_ms);
    }
    lines.push(line);
    lines.retain(|line| !line.is_empty());
    lines
}

fn described(signal: &SignalView, frame: &Frame) -> String {
    let values = signal.course.iter().map(|point| point.1);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return "no value was measured yet".to_owned();
    }
    let long = Long(frame.now_ms - frame.from_ms);
    let (low, high) = (Number(low), Number(high));
    format!("course of the last {long}: lowest {low}, highest {high}")
}

/// One digit after the point is a tenth of a pixel.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(course: &[(u64, f64)]) -> SignalView {
        SignalView {
            open_at: 0.8,
            close_at: 0.6,
            stale_after_ms: 30_000,
            course: course.to_vec(),
            ..SignalView::default()
        }
    }

    fn drawn(course: &[(u64, f64)], now_ms: u64) -> String {
        let mut page = Html::default();
        draw(&mut page, &signal(course), now_ms);
        page.into_text()
    }

    #[test]
    fn a_course_with_a_hole_is_two_lines_and_the_hole_is_hatched() {
        let svg = drawn(&[(0, 0.1), (10_000, 0.2), (90_000, 0.3)], 100_000);
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
        assert_eq!(svg.matches("class=\"stale\"").count(), 1, "{svg}");
        assert!(svg.contains("x=\"120\" width=\"150\""), "{svg}");
    }

    #[test]
    fn a_value_that_stopped_coming_is_hatched_up_to_now() {
        let svg = drawn(&[(0, 0.1), (10_000, 0.2)], 100_000);
        assert!(svg.contains("x=\"120\" width=\"180\""), "{svg}");
    }

    #[test]
    fn without_any_value_everything_is_hatched_and_nothing_is_nan() {
        let svg = drawn(&[], 0);
        assert!(svg.contains("class=\"stale\""), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_flat_course_on_its_thresholds_can_be_drawn() {
        let mut flat = signal(&[(0, 1.0), (1, 1.0)]);
        flat.open_at = 1.0;
        flat.close_at = 1.0;
        let mut page = Html::default();
        draw(&mut page, &flat, 2);
        let svg = page.into_text();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
