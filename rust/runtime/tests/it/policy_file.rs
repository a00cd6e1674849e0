//! The policy file of a running process.

use spillway_core::Timestamp;
use spillway_runtime::config::Config;
use spillway_runtime::policy_file::{PolicyFile, Refreshed};
use std::fs;
use std::path::Path;

/// Two looks that are far enough apart.
struct Clock(u64);

impl Clock {
    fn later(&mut self) -> Timestamp {
        self.0 += 1_000;
        Timestamp(self.0)
    }
}

fn mode(refreshed: &Refreshed) -> &'static str {
    match refreshed {
        Refreshed::Unchanged => "unchanged",
        Refreshed::Taken(config) => config.policy.mode.name(),
        Refreshed::Refused(_) => "refused",
    }
}

#[test]
fn a_change_is_taken_once_and_a_bad_one_leaves_the_last_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spillway.toml");
    let write = |text: &str| fs::write(&path, text).expect("a file");
    let mut clock = Clock(1_800_000_000_000);
    let mut file = PolicyFile::new(path.clone());
    let mut look = |file: &mut PolicyFile| mode(&file.refresh(clock.later()));

    write("mode = \"active\"");
    assert_eq!(look(&mut file), "active");
    assert_eq!(look(&mut file), "unchanged");
    assert_eq!(file.refusal(), None);

    write("mode = \"off\"");
    assert_eq!(look(&mut file), "off");
    write("mode = \"off\" # with a comment, which means the same");
    assert_eq!(look(&mut file), "unchanged");

    write("mode = \"of\"");
    assert_eq!(look(&mut file), "refused");
    assert_eq!(look(&mut file), "unchanged");
    assert!(
        file.refusal()
            .expect("a reason")
            .contains("did you mean \"off\"?")
    );

    write("mode = \"off\"");
    assert_eq!(
        look(&mut file),
        "off",
        "said again, because it was refused in between"
    );
    assert_eq!(file.refusal(), None);

    fs::remove_file(&path).expect("removed");
    assert_eq!(look(&mut file), "refused");
    assert_eq!(look(&mut file), "unchanged");
    write("mode = \"off\"");
    assert_eq!(look(&mut file), "off");
}

#[test]
fn the_line_for_the_log_is_one_line_and_says_what_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spillway.toml");
    fs::write(&path, "mode = 1\ngate = 2").expect("a file");
    let Refreshed::Refused(line) = PolicyFile::new(path).refresh(Timestamp(0)) else {
        panic!("refused");
    };
    assert!(!line.contains('\n'), "{line}");
    assert!(
        line.contains("there is no policy, nothing bursts"),
        "{line}"
    );
    assert!(line.contains(":1:8:") && line.contains(":2:8:"), "{line}");
}

#[test]
fn the_file_is_looked_at_once_a_second_and_after_a_clock_jump() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spillway.toml");
    fs::write(&path, "").expect("a file");
    let mut file = PolicyFile::new(path.clone());
    assert_eq!(mode(&file.refresh(Timestamp(10_000))), "shadow");
    fs::write(&path, "mode = \"off\"").expect("a file");
    assert_eq!(mode(&file.refresh(Timestamp(10_999))), "unchanged");
    assert_eq!(mode(&file.refresh(Timestamp(9_000))), "off");
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let read = |path: &Path| {
        Config::load_under(path, [])
            .expect_err("refused")
            .to_string()
    };
    let missing = read(Path::new("/nowhere/spillway.toml"));
    assert!(
        missing.starts_with("/nowhere/spillway.toml: cannot be read: "),
        "{missing}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().display();
    assert_eq!(
        read(folder.path()),
        format!("{name}: cannot be read: not a regular file")
    );
    let path = folder.path().join("latin1.toml");
    fs::write(&path, b"# one\n# gr\xfcn\n").expect("a file");
    assert_eq!(
        read(&path),
        format!("{name}/latin1.toml:2:5: a byte that is not UTF-8; expected UTF-8")
    );
}
