//! The sidecar itself, asked by the command: from the policy file to the end by a signal.

use crate::spillway::{command, finished, run};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running sidecar; dropping it ends it.
struct Running {
    child: Child,
    config: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn start(folder: &Path, mode: &str) -> Self {
        // Somebody else may take the port in between; then the sidecar ends and says so.
        let free = TcpListener::bind("127.0.0.1:0")
            .expect("it starts")
            .local_addr()
            .expect("it starts");
        let config = folder.join("spillway.toml");
        let at = |name: &str| folder.join(name).display().to_string();
        let text = format!(
            "mode = \"{mode}\"\n[snapshot]\npath = \"{}\"\n[journal]\npath = \"{}\"\n\
             [sidecar]\nlisten = \"{free}\"\nstate_path = \"{}\"\n",
            at("snapshot.json"),
            at("journal.jsonl"),
            at("state.json"),
        );
        fs::write(&config, text).expect("it starts");
        let config = config.display().to_string();
        let mut child = command(&["run", "--config", &config, "--log-format", "json"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // It writes its first line when it listens; the rest is read so that it never waits.
        let mut lines = BufReader::new(child.stderr.take().expect("it starts")).lines();
        let first = lines.next().expect("a line").expect("it starts");
        let first: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("{first}"));
        assert_eq!(first["level"], "INFO", "{first}");
        thread::spawn(move || lines.for_each(drop));
        Running { child, config }
    }

    fn ask(&self, arguments: &[&str]) -> crate::spillway::Run {
        let mut all = arguments.to_vec();
        all.extend(["--config", &self.config]);
        run(&all)
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_sidecar_obeys_the_command_and_ends_by_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), "active");
    wait_for("an answer", || running.ask(&["status"]).code == 0);

    let closed = running.ask(&["gate", "closed", "--for", "1h"]);
    assert_eq!(closed.code, 0, "{}", closed.err);
    assert_eq!(running.ask(&["status"]).code, 3);
    let snapshot = fs::read_to_string(folder.path().join("snapshot.json")).unwrap();
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(
        snapshot["gates"][0]["forced"], "closed",
        "the scheduler reads it"
    );
    assert_eq!(running.ask(&["gate", "auto"]).code, 0);
    assert_eq!(running.ask(&["pause"]).code, 0);
    assert!(running.ask(&["mode"]).out.contains("paused"));
    assert_eq!(running.ask(&["resume"]).code, 0);
    assert_eq!(running.ask(&["status"]).code, 0);

    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/journal");
    fs::copy(
        data.join("journal.jsonl.2"),
        folder.path().join("journal.jsonl"),
    )
    .unwrap();
    let explained = running.ask(&["explain", "1a3-7f-1"]);
    assert_eq!(explained.code, 0, "{}", explained.err);
    assert!(
        explained.out.starts_with("Decision 1a3-7f-1"),
        "{}",
        explained.out
    );
    wait_for("the decision", || {
        running.ask(&["decisions"]).out.contains("1a3-7f-1")
    });

    let id = running.child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    let mut code = None;
    wait_for("its end", || {
        code = running.child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn a_sidecar_does_not_start_on_a_bad_policy_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("spillway.toml");
    fs::write(&config, "mode = \"activ\"\n").unwrap();
    let output = command(&["run", "--config", &config.display().to_string()]).output();
    let found = finished(output.unwrap());
    assert_eq!(found.code, 4);
    assert!(found.err.contains("spillway.toml:1:8"), "{}", found.err);
    assert_eq!(run(&["run", "--config", "/no/such/file"]).code, 4);
}

#[test]
fn a_log_level_that_is_none_is_refused() {
    let arguments = ["run", "--config", "docs/spillway.example.toml"];
    let output = command(&arguments)
        .env("SPILLWAY_LOG", "spillway=loud")
        .output();
    let found = finished(output.unwrap());
    assert_eq!(found.code, 2);
    assert!(found.err.contains("SPILLWAY_LOG"), "{}", found.err);
}
