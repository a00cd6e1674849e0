//! Picks series from a page and prints them as JSON, for comparison with other parsers.
//!
//! ```console
//! $ page_samples PAGE < SELECTORS              # one selector a line
//! $ page_samples PAGE --rounds 500 < SELECTORS # and how long picking took, beside prometheus-parse
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its output")]

use prometheus_parse::Scrape;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use spillway_runtime::page::{self, Page, PageLimits};
use spillway_runtime::selector::Selector;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read};
use std::{env, fs};

/// Picks in a row for each page that prometheus-parse reads, so that neither runs much longer than
/// the other before it is the other's turn.
const PICKS: u32 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let text = fs::read_to_string(arguments.first().ok_or("expected a page")?)?;
    let rounds: usize = match arguments.get(1).map(String::as_str) {
        None => 0,
        Some("--rounds") => arguments.get(2).ok_or("expected a number")?.parse()?,
        Some(other) => return Err(format!("expected --rounds, not {other}").into()),
    };
    let mut lines = String::new();
    io::stdin().read_to_string(&mut lines)?;
    let selectors: Vec<Selector> = lines
        .lines()
        .map(Selector::parse)
        .collect::<Result<_, _>>()?;
    let pick = || page::pick(text.as_bytes(), &selectors, &PageLimits::default());
    let mut answer = as_json(&pick());
    if rounds > 0 {
        let whole = || Scrape::parse(text.lines().map(|line| Ok(line.to_owned())));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let several = cpu_us(|| (0..PICKS).for_each(|_| drop(black_box(pick()))));
            ours.push(several / f64::from(PICKS));
            theirs.push(cpu_us(|| drop(black_box(whole()))));
        }
        answer["pick_us"] = json!(median(ours));
        answer["prometheus_parse_us"] = json!(median(theirs));
    }
    println!("{answer}");
    Ok(())
}

/// Values as their bits, because JSON has neither NaN nor infinities.
fn as_json(page: &Page) -> Value {
    let samples = page.samples.iter().map(|one| {
        json!({
            "selector": one.selector,
            "bits": format!("{:016x}", one.value.to_bits()),
            "timestamp_ms": one.timestamp_ms,
        })
    });
    let faults = page
        .faults
        .iter()
        .map(|fault| json!({"selector": fault.selector, "fault": fault.to_string()}));
    json!({"samples": Vec::from_iter(samples), "faults": Vec::from_iter(faults)})
}

/// CPU time of this thread that `work` took, microseconds.
fn cpu_us(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let begin = now();
    work();
    #[allow(clippy::cast_precision_loss)]
    let spent = (now() - begin) as f64;
    spent / 1_000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
