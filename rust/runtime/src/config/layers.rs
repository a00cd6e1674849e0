//! From the text of a file and the environment to one [`RawConfig`].

use super::diagnostics::{Diagnostic, Diagnostics, Origin, Origins, Step};
use super::document::{self, Findings};
use super::environment;
use super::raw::RawConfig;
use figment::Figment;
use figment::providers::Serialized;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Largest policy file that is read, bytes: some thousand rules.
const MAX_BYTES: u64 = 4 << 20;

/// The merged layers, and what is known about where they come from.
pub(super) struct Merged {
    pub(super) raw: RawConfig,
    pub(super) origins: Origins,
    /// What is wrong so far, though all values could be read: unknown keys.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads a policy file's text.
pub(super) fn read(path: &Path) -> Result<String, Diagnostics> {
    let name = path.display().to_string();
    let whole = Origin::File { name: name.clone() };
    let unusable = |found: String| Diagnostics::new(vec![Diagnostic::new(whole.clone(), found)]);
    let bytes = read_bytes(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let place = document::place(&text, &name, valid);
        Diagnostics::new(vec![
            Diagnostic::new(place, "a byte that is not UTF-8").expected("UTF-8"),
        ])
    })
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Puts defaults, file and environment together.
pub(super) fn merge(
    text: &str,
    name: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Merged, Diagnostics> {
    let whole = Origin::File {
        name: name.to_owned(),
    };
    let mut findings = Findings {
        origins: Origins::new(whole.clone()),
        diagnostics: Vec::new(),
        is_unreadable: false,
    };
    let file = document::read_file(text, name, &mut findings);
    let environment = environment::read(variables, &mut findings);
    if findings.is_unreadable {
        return Err(Diagnostics::new(findings.diagnostics));
    }
    let figment = Figment::from(Serialized::defaults(RawConfig::default()))
        .merge(Serialized::defaults(file))
        .merge(Serialized::defaults(environment));
    match figment.extract::<RawConfig>() {
        Ok(raw) => Ok(Merged {
            raw,
            origins: findings.origins,
            diagnostics: findings.diagnostics,
        }),
        // Only where the schema says less than the types do; the place is known all the same.
        Err(errors) => {
            findings.diagnostics.extend(errors.into_iter().map(|error| {
                let path: Vec<_> = error.path.iter().map(|key| step(key)).collect();
                let found = format!("{}: {}", document::dotted(&path), error.kind);
                Diagnostic::new(findings.origins.of(&path), found)
            }));
            Err(Diagnostics::new(findings.diagnostics))
        }
    }
}

fn step(key: &str) -> Step {
    key.parse().map_or_else(|_| Step::from(key), Step::Index)
}
