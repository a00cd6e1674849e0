//! The commented example file.

use super::shape::{Example, Field, Shape};
use serde_json::Value;

const HEAD: &str = "\
# Spillway's policy file, with every key there is. A key that is commented out has no default.
#
# Check a file:              python -m nova_spillway check FILE
# Override a key for a test: SPILLWAY__MODE=off, SPILLWAY__GATE__OPEN_AFTER_SECS=30 in the
# environment of nova-scheduler or nova-compute; two underscores part tables and keys.
#
# The same in longer form is the configuration reference. Both are made from the code.
";

/// Returns a commented policy file that is made from the schema and passes the check.
#[must_use]
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, "", Shape::whole().fields());
    text
}

/// Keys first, then tables: a key after a table's head would be that table's.
fn table(text: &mut String, prefix: &str, fields: &[Field]) {
    let (tables, keys): (Vec<_>, Vec<_>) = fields
        .iter()
        .partition(|field| !field.shape.fields().is_empty());
    for field in keys {
        comment(text, field);
        let (mark, value) = match (&field.example, &field.default) {
            (Example::Shown(value), _) => ("", value),
            (Example::Optional(value), _) => ("#", value),
            (Example::Default | Example::Commented, Some(value)) => ("", value),
            (Example::Default | Example::Commented, None) => continue,
        };
        text.push_str(&format!("{mark}{} = {}\n", field.name, toml(value)));
    }
    for field in tables {
        let name = if prefix.is_empty() {
            field.name.clone()
        } else {
            format!("{prefix}.{}", field.name)
        };
        comment(text, field);
        let mut body = match field.shape {
            Shape::Tables { .. } => format!("[[{name}]]\n"),
            _ => format!("[{name}]\n"),
        };
        table(&mut body, &name, field.shape.fields());
        if field.example == Example::Commented {
            body = commented(&body);
        }
        text.push_str(&body);
    }
}

fn commented(body: &str) -> String {
    let lines = body.lines().map(|line| match line {
        "" => "#\n".to_owned(),
        line => format!("# {line}\n"),
    });
    lines.collect()
}

fn comment(text: &mut String, field: &Field) {
    text.push('\n');
    for line in field.doc.lines() {
        text.push_str(&format!("# {line}\n"));
    }
    if let Shape::Choice(words) = &field.shape {
        for word in words {
            text.push_str(&format!("#   \"{}\": {}\n", word.name, word.doc));
        }
    }
    if let Some(range) = range(&field.shape) {
        text.push_str(&format!("# {range}.\n"));
    }
    if let Some(default) = default(field) {
        text.push_str(&format!("# Default: {default}\n"));
    }
}

/// The range of a number, as a sentence without its period.
pub(super) fn range(shape: &Shape) -> Option<String> {
    let describes_range = matches!(
        shape,
        Shape::Integer { .. }
            | Shape::Number {
                min: Some(_),
                max: Some(_)
            }
    );
    let description = shape.describe();
    describes_range.then(|| description.replacen("a ", "A ", 1))
}

/// The default of a key that is no table, as TOML writes it.
pub(super) fn default(field: &Field) -> Option<String> {
    let is_key = field.shape.fields().is_empty();
    field.default.as_ref().filter(|_| is_key).map(toml)
}

/// A JSON value of the schema in TOML's spelling.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("\"{key}\" = {}", toml(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
