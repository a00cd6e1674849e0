//! Completions and manual pages.

use crate::spillway::run;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn every_shell_has_completions_for_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let found = run(&["completions", shell]);
        assert_eq!(found.code, 0, "{}", found.err);
        for command in ["explain", "decisions", "top", "resume"] {
            assert!(found.out.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(&["completions", "csh"]).code, 2);
}

#[test]
fn bash_takes_its_completions() {
    let script = run(&["completions", "bash"]).out;
    let typed = format!(
        "{script}\nCOMP_WORDS=(spillway expl) COMP_CWORD=1\n_spillway spillway expl spillway\n\
         echo \"${{COMPREPLY[*]}}\"\n"
    );
    let mut bash = Command::new("bash")
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "explain");
}

#[test]
fn every_command_has_a_manual_page_with_its_examples() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["man", path]).code, 0);
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 15, "{names:?}");
    for name in &names {
        let page = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(page.contains(".TH spillway"), "{name}: {page}");
        assert!(page.contains("Example"), "{name} has no example");
    }
    let first = run(&["man"]).out;
    assert!(first.contains(".TH spillway 1"), "{first}");
    assert_eq!(run(&["man", "/no/such/folder"]).code, 1);
}
