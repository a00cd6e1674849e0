//! Serves the sidecar's status page, metrics and API from a made-up view, without a cloud:
//!
//! ```console
//! $ cargo run -p spillway-runtime --features engine --example status_page -- busy 127.0.0.1:9650
//! ```
//!
//! The first argument is the view: `busy`, `new`, `bad-day`, `large`, `full`, `hostile` or
//! `overfull`. The second is where to listen. A third one is a file with a token. Its address is its first line of output.
#![forbid(unsafe_code)]

mod views;

use spillway_core::gate::GateState;
use spillway_core::policy::Mode;
use spillway_core::units::Span;
use spillway_runtime::config::SidecarConfig;
use spillway_runtime::sidecar::operator::{Command, Commands, Refused};
use spillway_runtime::sidecar::server::{Server, ServerState};
use spillway_runtime::view::View;
use std::env;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "busy".to_owned());
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let config = SidecarConfig {
        listen: listen.parse().map_err(io::Error::other)?,
        interval: Span::from_secs(5),
        state_path: "state.json".into(),
        token_file: arguments.next().map(Into::into),
        tls: None,
    };
    let make = match name.as_str() {
        "busy" => views::busy,
        "new" => views::new,
        "bad-day" => views::bad_day,
        "large" => views::large,
        "full" => views::full,
        "hostile" => views::hostile,
        "overfull" => views::overfull,
        other => return Err(io::Error::other(format!("there is no view {other}"))),
    };
    let (publish, view) = watch::channel(Arc::new(make(now_ms())));
    let (commands, mut asked) = Commands::new();
    let state = ServerState {
        view,
        commands,
        journal_path: watch::channel("journal.jsonl".into()).1,
    };
    let server = Server::bind(&config, state)?;
    writeln!(io::stdout(), "{}", server.url())?;
    tokio::spawn(async move {
        let mut said = Vec::new();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            let asked = tokio::select! {
                _ = second.tick() => None,
                asked = asked.recv() => asked,
            };
            let mut view = make(now_ms());
            let answer = asked.map(|(command, answer)| {
                let result = obey(&mut view.clone(), &command);
                if result.is_ok() {
                    said.push(command);
                }
                (answer, result)
            });
            for command in &said {
                // It was obeyed before.
                obey(&mut view, command).unwrap_or_default();
            }
            publish.send_replace(Arc::new(view));
            if let Some((answer, result)) = answer {
                // Whoever asked may have gone.
                answer.send(result).unwrap_or_default();
            }
        }
    });
    server.run(std::future::pending()).await
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Shows what an operator says as the sidecar does, for the cloud's gate only.
fn obey(view: &mut View, command: &Command) -> Result<(), Refused> {
    match command {
        Command::Pause => view.paused = true,
        Command::Resume => view.paused = false,
        Command::Mode(Some(Mode::Active)) if view.mode.policy != "active" => {
            return Err(Refused::BeyondPolicy {
                asked: "active",
                policy: "shadow",
            });
        }
        Command::Mode(mode) => {
            view.mode.operator = mode.map(|mode| mode.name().to_owned());
            view.mode.effective = view
                .mode
                .operator
                .clone()
                .unwrap_or(view.mode.policy.clone());
        }
        Command::Gate { forced, lasts, .. } => {
            let now_ms = view.at_ms;
            let Some(gate) = view.gates.first_mut() else {
                return Err(Refused::NoSuchGate {
                    scope: "cloud".to_owned(),
                    known: String::new(),
                });
            };
            gate.forced = forced.map(|state| state.name().to_owned());
            gate.forced_until_ms = lasts.map(|lasts| now_ms + lasts.0);
            gate.effective = match forced {
                Some(GateState::Open) => "open".to_owned(),
                Some(GateState::Closed) => "closed".to_owned(),
                None => gate.state.clone(),
            };
        }
    }
    Ok(())
}
