//! Why a command did not do what it was asked to, and exit codes.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Exit codes; the help of the command explains them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Ok = 0,
    Failed = 1,
    /// As clap has it for arguments that it cannot read.
    Usage = 2,
    Degraded = 3,
    BadConfig = 4,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// One sentence for whoever typed the command.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    sentence: String,
}

impl Failure {
    pub(crate) fn new(sentence: impl fmt::Display) -> Self {
        Failure::with(Code::Failed, sentence)
    }

    pub(crate) fn usage(sentence: impl fmt::Display) -> Self {
        Failure::with(Code::Usage, sentence)
    }

    pub(crate) fn bad_config(sentence: impl fmt::Display) -> Self {
        Failure::with(Code::BadConfig, sentence)
    }

    fn with(code: Code, sentence: impl fmt::Display) -> Self {
        Failure {
            code,
            sentence: sentence.to_string(),
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::new(error)
    }
}
