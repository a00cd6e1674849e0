//! What nova-scheduler loads has no thread, socket or runtime in it.

use std::process::Command;

const BANNED: [&str; 6] = ["tokio", "reqwest", "hyper", "lapin", "axum", "rustls"];

#[test]
fn the_extension_links_nothing_that_waits() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "spillway-pyext", "-e", "normal"])
        .args(["--prefix", "none", "--offline", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree");
    let text = String::from_utf8(tree.stdout).expect("text");
    let linked: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(linked.contains(&"spillway-runtime"), "{text}");
    for name in BANNED {
        assert!(!linked.contains(&name), "the extension links {name}");
    }
}
