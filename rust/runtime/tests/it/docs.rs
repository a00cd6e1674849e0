//! The example file and the reference in `docs/` are what the code makes.

use spillway_runtime::config::{self, Config};
use std::env;
use std::fs;
use std::path::Path;

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, made).expect("a file in docs/ that can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let line = made
        .lines()
        .zip(kept.lines())
        .position(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "docs/{name} differs from the code, first in line {:?}; \
         `UPDATE_DOCS=1 cargo test -p spillway-runtime` writes it anew",
        line.map(|at| at + 1)
    );
}

#[test]
fn the_example_file_is_made_from_the_code() {
    check("spillway.example.toml", &config::example());
}

#[test]
fn the_reference_is_made_from_the_code() {
    check("configuration.md", &config::reference());
}

#[test]
fn the_example_passes_the_check_with_and_without_what_is_commented_out() {
    let example = config::example();
    Config::from_toml(&example, "example").unwrap_or_else(|e| panic!("{e}"));
    // A comment's text begins with a space, a commented key does not.
    let whole: Vec<_> = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest,
            _ => line,
        })
        .collect();
    assert_ne!(whole.join("\n"), example);
    Config::from_toml(&whole.join("\n"), "whole").unwrap_or_else(|e| panic!("{e}"));
}
