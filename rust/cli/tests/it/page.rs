//! The page docs/cli.md: what it shows is what the commands print.

use crate::sidecar::{Sidecar, view};
use crate::spillway::{command, finished};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Begins a block that is a terminal's; each line that begins with `$` was typed.
const FENCE: &str = "```console";

#[test]
fn the_page_of_the_command_shows_what_it_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = fs::read_to_string(&path).expect("the page");
    let again = made_again(&page);
    if env::var_os("UPDATE_DOCS").is_some() {
        // Ages differ from run to run; what says the same stays as it is.
        if timeless(&again) != timeless(&page) {
            fs::write(&path, again).expect("written");
        }
        return;
    }
    let (found, expected) = (timeless(&page), timeless(&again));
    for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(
            found,
            expected,
            "docs/cli.md:{}: make it anew with UPDATE_DOCS=1",
            line + 1
        );
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn the_page_shows_every_command() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = fs::read_to_string(page).expect("the page");
    let help = finished(command(&["help"]).output().expect("the command runs")).out;
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    for name in commands.filter(|name| *name != "help") {
        assert!(page.contains(&format!("spillway {name}")), "{name}");
    }
}

/// The page with every terminal block typed anew.
fn made_again(page: &str) -> String {
    let sidecar = Sidecar::with(view());
    let mut made = String::new();
    let mut inside = false;
    for line in page.lines() {
        if line == "```" {
            inside = false;
        }
        if !inside {
            writeln!(made, "{line}").expect("a text");
        } else if let Some(typed) = line.strip_prefix("$ ") {
            writeln!(made, "{line}").expect("a text");
            made.push_str(&printed(typed, &sidecar.url));
        }
        inside |= line == FENCE;
    }
    made
}

/// What a typed line prints; an exit code other than 0 is shown as a shell would be asked for it.
fn printed(typed: &str, url: &str) -> String {
    let words: Vec<_> = typed.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"spillway"), "{typed}");
    let output = command(&words[1..]).env("SPILLWAY_URL", url).output();
    let found = finished(output.expect("the command runs"));
    let mut text = (found.out + &found.err).replace(url, "http://127.0.0.1:9650");
    if found.code != 0 {
        writeln!(text, "(exit code {})", found.code).expect("a text");
    }
    text
}

/// A text in which ages and dates are all the same, and spaces are one.
fn timeless(page: &str) -> String {
    let lines = page.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().map(timeless_word).collect();
        let mut kept: Vec<&str> = Vec::new();
        for word in words {
            let is_unit = matches!(word, "s" | "min" | "h" | "d") && kept.last() == Some(&"#");
            // `3 min 20 s` is as `4 s`.
            if is_unit || (word == "#" && kept.last() == Some(&"#")) {
                continue;
            }
            kept.push(word);
        }
        kept.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn timeless_word(word: &str) -> &str {
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let is_date = word.len() == 20 && word.ends_with('Z') && word.starts_with("20");
    let is_time = word.len() == 8 && word.matches(':').count() == 2;
    if is_number || is_date || is_time {
        "#"
    } else {
        word
    }
}
