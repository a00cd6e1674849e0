//! The environment's layer over the file: `SPILLWAY__GATE__OPEN_AFTER_SECS=30`.
//!
//! Two underscores part the names of tables and keys, upper and lower case are the same. A value
//! is what its key expects: a text or a word as it stands, anything else as TOML writes it. A list
//! of tables has no name for its entries, so a variable sets the whole list or nothing of it.

use super::diagnostics::{Diagnostic, Origin, Path, nearest, quoted};
use super::document::{self, Findings, dotted};
use super::shape::{Field, Shape};
use figment::value::{Dict, Value};
use std::borrow::Cow;
use std::ffi::OsString;
use toml::Spanned;
use toml::de::DeValue;

/// What every variable of ours begins with.
const PREFIX: &str = "SPILLWAY__";

/// Reads our variables, each held against the schema; what has no place in the policy is left out.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    findings: &mut Findings,
) -> Dict {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let keys = name.strip_prefix(PREFIX)?.to_lowercase();
            Some((name, keys, value))
        })
        .collect();
    // The order of the environment is nobody's intention.
    ours.sort();
    let mut dict = Dict::new();
    for (name, keys, value) in ours {
        let origin = Origin::Variable { name };
        let keys: Vec<_> = keys.split("__").collect();
        match value.into_string() {
            Ok(text) => {
                let mut at = Path::new();
                if let Some(value) = read_one(&keys, &text, &origin, &mut at, findings) {
                    insert(&mut dict, &keys, value);
                }
            }
            Err(_) => refuse(findings, Diagnostic::new(origin, "its value is not UTF-8")),
        }
    }
    dict
}

fn read_one(
    keys: &[&str],
    text: &str,
    origin: &Origin,
    path: &mut Path,
    findings: &mut Findings,
) -> Option<Value> {
    let mut shape = Shape::whole();
    for &key in keys {
        let fields: &[Field] = match shape {
            Shape::Table(fields) => fields,
            other => {
                let found = format!("\"{}\" has no keys that a variable can set", dotted(path));
                let diagnostic = Diagnostic::new(origin.clone(), found)
                    .expected(format!("{} as a whole", other.describe()));
                refuse(findings, diagnostic);
                return None;
            }
        };
        let Some(field) = fields.iter().find(|field| field.name == key) else {
            let known = || fields.iter().map(|field| field.name.as_str());
            let suggestion = nearest(key, known());
            let mut diagnostic = Diagnostic::new(origin.clone(), format!("unknown key \"{key}\""));
            if suggestion.is_none() {
                let known = known().collect::<Vec<_>>().join(", ");
                diagnostic = diagnostic.expected(format!("one of {known}"));
            }
            refuse(findings, diagnostic.suggestion(suggestion.map(quoted)));
            return None;
        };
        path.push(key.into());
        shape = &field.shape;
    }
    let value = match shape {
        Shape::Text { .. } | Shape::Choice(_) => as_text(text),
        // A number that is none is shown as the text that it is.
        _ => DeValue::parse(text).unwrap_or_else(|_| as_text(text)),
    };
    document::read_value(&value, shape, path, origin, findings)
}

fn as_text(text: &str) -> Spanned<DeValue<'_>> {
    Spanned::new(0..text.len(), DeValue::String(Cow::Borrowed(text)))
}

fn insert(dict: &mut Dict, keys: &[&str], value: Value) {
    match keys {
        [] => {}
        [last] => {
            dict.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = dict
                .entry((*first).to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn refuse(findings: &mut Findings, diagnostic: Diagnostic) {
    findings.is_unreadable = true;
    findings.diagnostics.push(diagnostic);
}
