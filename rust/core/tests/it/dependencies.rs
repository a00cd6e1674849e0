//! The core stays small: what it links is a list that a person wrote.

use std::process::Command;

/// Crates that the core may link, itself included; what only helps to compile is not counted.
const ALLOWED: [&str; 3] = ["spillway-core", "thiserror", "wildmatch"];

#[test]
fn the_core_links_nothing_else() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "spillway-core",
            "-e",
            "normal,no-proc-macro",
            "--prefix",
            "none",
        ])
        .args(["--offline", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let text = String::from_utf8(tree.stdout).unwrap();
    let linked: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(linked.contains(&"spillway-core"), "{text}");
    for name in linked {
        assert!(ALLOWED.contains(&name), "the core links {name}");
    }
}
