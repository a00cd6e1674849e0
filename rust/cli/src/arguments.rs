//! What can be typed. The doc comments are the help, the manual pages and the completions.

use crate::times::parse_span;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the sidecar cannot be reached or refuses, a file cannot be read
  2  the command line is wrong
  3  degraded: something works with less than it should have (status only)
  4  the policy file is bad

Environment:
  SPILLWAY_URL         address of the sidecar, as --url
  SPILLWAY_TOKEN_FILE  file with its token, as --token-file
  SPILLWAY_LOG         what `spillway run` logs: error, warn, info, debug, or per module
  NO_COLOR             no colours

Examples:
  spillway check /etc/spillway/spillway.toml
  spillway run --config /etc/spillway/spillway.toml
  spillway status
  spillway explain 8d3e5a52-2f5c-4f0e-9d57-0c9a5f1b7f11
  spillway gate closed --for 2h
";

/// Cloud bursting for OpenStack Nova: the sidecar, and what asks it.
#[derive(Debug, Parser)]
#[command(name = "spillway", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the sidecar: measure the signals, step the gates, write the snapshot
    ///
    /// Runs until SIGTERM or SIGINT; SIGHUP looks at the policy file at once. A changed policy
    /// file is taken within a second, a bad one is refused and the last good one stays.
    #[command(after_help = "\
Examples:
  spillway run --config /etc/spillway/spillway.toml
  SPILLWAY_LOG=debug spillway run --config spillway.toml --log-format json")]
    Run(Run),
    /// Check a policy file, or print one to begin with
    ///
    /// Says what is wrong with its line and column, what was expected, and what was perhaps meant.
    /// Exit code 4 when anything is.
    #[command(after_help = "\
Examples:
  spillway check /etc/spillway/spillway.toml
  spillway check --output json spillway.toml
  spillway check --print-example > spillway.toml")]
    Check(Check),
    /// Show how everything stands
    ///
    /// Exit code 3 when something works with less than it should have: the snapshot is stale, a
    /// gate is forced, the policy file was refused, a source or a burst host does not answer.
    #[command(after_help = "\
Examples:
  spillway status
  spillway status --output json | jq .gates
  spillway status || echo degraded")]
    Status(Listing),
    /// Say why a request was decided as it was, and what would have changed that
    ///
    /// Takes the id of a server, of a request or of a decision; the newest decision about it is
    /// explained. Each change that is listed was tried by deciding again.
    #[command(after_help = "\
Examples:
  spillway explain 8d3e5a52-2f5c-4f0e-9d57-0c9a5f1b7f11
  spillway explain req-3f1c1f0e-5d0a-4a6e-8a55-6a3d1e2b9c01 --output json
  spillway explain 1a3-7f-1 --journal /var/log/spillway/journal.jsonl")]
    Explain(Explain),
    /// List the newest decisions
    #[command(after_help = "\
Examples:
  spillway decisions
  spillway decisions --limit 100 --output csv
  spillway decisions --follow")]
    Decisions(Decisions),
    /// Show the gates, or force them open or closed
    ///
    /// A forced gate stays as it is whatever the signals say, until its time is over or `auto`
    /// leaves it to them again.
    #[command(after_help = "\
Examples:
  spillway gate
  spillway gate closed --for 2h
  spillway gate open --scope zone:nova --for 30m
  spillway gate auto")]
    Gate(Gate),
    /// Stop all launches until `resume`; servers that run are left alone
    #[command(after_help = "Example:\n  spillway pause")]
    Pause(Listing),
    /// Allow launches again
    #[command(after_help = "Example:\n  spillway resume")]
    Resume(Listing),
    /// Show the mode, or take it down without touching the policy file
    ///
    /// An operator can only take away from the mode of the policy file; `policy` leaves it to the
    /// file again.
    #[command(after_help = "\
Examples:
  spillway mode
  spillway mode shadow
  spillway mode policy")]
    Mode(Mode),
    /// List the signals with their values and thresholds
    #[command(after_help = "\
Examples:
  spillway signals
  spillway signals --output yaml")]
    Signals(Listing),
    /// List what burst hosts offer: sizes, prices, room
    #[command(after_help = "\
Examples:
  spillway offers
  spillway offers --output csv > offers.csv")]
    Offers(Listing),
    /// Watch gates, signals and decisions on one screen
    ///
    /// Ends with q or Ctrl-C.
    #[command(after_help = "\
Examples:
  spillway top
  spillway top --interval 10s
  spillway top --once")]
    Top(Top),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  spillway completions bash > /usr/share/bash-completion/completions/spillway
  spillway completions zsh > /usr/share/zsh/vendor-completions/_spillway
  spillway completions fish > /usr/share/fish/vendor_completions.d/spillway.fish")]
    Completions(Completions),
    /// Write the manual pages into a folder, or print the first one
    #[command(after_help = "\
Examples:
  spillway man | man -l -
  spillway man /usr/local/share/man/man1")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The policy file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: PathBuf,
    /// How log lines look; they go to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The policy file
    #[arg(
        value_hint = ValueHint::FilePath,
        required_unless_present_any = ["print_example", "print_reference"]
    )]
    pub(crate) file: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
    /// Print a commented policy file with every key
    #[arg(long, conflicts_with_all = ["file", "print_reference"])]
    pub(crate) print_example: bool,
    /// Print the configuration reference, in Markdown
    #[arg(long, conflicts_with = "file")]
    pub(crate) print_reference: bool,
}

/// Where the sidecar is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sidecar")]
pub(crate) struct Connection {
    /// Its address; without it, that of --config, else http://127.0.0.1:9650
    #[arg(long, env = "SPILLWAY_URL", hide_env_values = true, value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// Its policy file, which says where it listens
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// File with the token that it asks for
    #[arg(long, env = "SPILLWAY_TOKEN_FILE", hide_env_values = true)]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificates to trust instead of the system's, PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Longest time of one request
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_span)]
    pub(crate) timeout: Duration,
}

/// A command that asks the sidecar and prints what it says.
#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// How the result is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// The API's JSON
    Json,
    /// The same as YAML
    Yaml,
    /// The same as CSV: one row each, nested values as JSON
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Id of a server, of a request or of a decision
    pub(crate) id: String,
    /// Read this journal, and what it was rotated to, instead of asking the sidecar
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Args)]
pub(crate) struct Decisions {
    /// Most decisions that are listed
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Go on with new decisions as they come, oldest first; JSON is then one object a line
    #[arg(long)]
    pub(crate) follow: bool,
    /// Read this journal, and what it was rotated to, instead of asking the sidecar
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Args)]
pub(crate) struct Gate {
    /// What to force the gates to; without it they are shown
    pub(crate) state: Option<GateState>,
    /// The gate: cloud, zone:NAME or aggregate:NAME; without it, every gate
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// How long it stays forced, such as 90s, 10m, 2h or 1d; without it, until `gate auto`
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span, requires = "state")]
    pub(crate) lasts: Option<Duration>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateState {
    /// Requests burst
    Open,
    /// Requests stay private
    Closed,
    /// As the signals say
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct Mode {
    /// The mode; without it, it is shown
    pub(crate) mode: Option<ModeWord>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    /// Nothing bursts, nothing is decided
    Off,
    /// Decide and record, never act
    Shadow,
    /// Decide, record and act, when the policy file says so, too
    Active,
    /// Whatever the policy file says
    Policy,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_span)]
    pub(crate) interval: Duration,
    /// Draw once and end; needs no terminal
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder; it has to exist
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_has_an_example_that_can_be_typed() {
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.starts_with("Example"), "{name}: {help:?}");
            assert!(command.get_about().is_some(), "{name}");
            for line in help.lines().skip(1) {
                let words = line
                    .split_whitespace()
                    .skip_while(|word| *word != "spillway");
                let words = words.take_while(|word| !matches!(*word, "|" | "||" | ">"));
                let parsed = Arguments::try_parse_from(words);
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
            }
        }
    }
}
