//! The policy file of a running process: taken when it changes, refused when it is bad.

use crate::config::Config;
use crate::file_identity::FileIdentity;
use spillway_core::Timestamp;
use spillway_core::units::Span;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Shortest time between two looks at the file. Once a second costs nothing and is soon enough
/// for a person who just saved it.
const LOOK_EVERY: Span = Span::from_secs(1);

/// What a look at the policy file brought.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// Nothing new.
    Unchanged,
    /// The file is good and new.
    Taken(Arc<Config>),
    /// The file is new and unusable; the last good policy stays. A line for the log.
    Refused(String),
}

/// A policy file that is watched by looking at it.
#[derive(Debug)]
pub struct PolicyFile {
    path: PathBuf,
    looked_at: Option<Timestamp>,
    /// What the newest look found, `None` for no file; absent before the first look.
    seen: Option<Option<FileIdentity>>,
    digest: Option<String>,
    refusal: Option<String>,
}

impl PolicyFile {
    /// A file that is not looked at yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        PolicyFile {
            path,
            looked_at: None,
            seen: None,
            digest: None,
            refusal: None,
        }
    }

    /// Takes the file's content if it changed. Looks at most once a second; the first call, and
    /// one after the clock was set back, always look.
    pub fn refresh(&mut self, now: Timestamp) -> Refreshed {
        let looked_just_now = self
            .looked_at
            .is_some_and(|before| now >= before && now.since(before) < LOOK_EVERY);
        if looked_just_now {
            return Refreshed::Unchanged;
        }
        self.looked_at = Some(now);
        // Looked at before it is read: a write in between is then seen as a change next time.
        let found = fs::metadata(&self.path)
            .ok()
            .map(|metadata| FileIdentity::of(&metadata));
        if self.seen == Some(found) {
            return Refreshed::Unchanged;
        }
        self.seen = Some(found);
        match Config::load(&self.path) {
            Ok(config) => {
                let was_refused = self.refusal.take().is_some();
                if self.digest.as_ref() == Some(&config.digest) && !was_refused {
                    return Refreshed::Unchanged;
                }
                self.digest = Some(config.digest.clone());
                Refreshed::Taken(Arc::new(config))
            }
            Err(diagnostics) => {
                let what = diagnostics.to_string().replace('\n', " | ");
                let kept = match &self.digest {
                    Some(digest) => format!("policy {digest} stays"),
                    None => "there is no policy, nothing bursts".to_owned(),
                };
                self.refusal = Some(what.clone());
                Refreshed::Refused(format!("policy file refused, {kept}: {what}"))
            }
        }
    }

    /// Why the file was refused; `None` while it is good.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}
