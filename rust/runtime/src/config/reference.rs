//! The configuration reference.

use super::example::{default, range, toml};
use super::shape::{Example, Field, Shape};

const HEAD: &str = "\
# Configuration

Everything that an operator can set is in one TOML file, the policy file. Nova's own configuration
holds its path and nothing else of ours: `[spillway] policy_file`. The scheduler and the burst
hosts read the same file.

Three layers go over each other: the defaults below, the file, and environment variables. A
variable's name is `SPILLWAY__` and the key with two underscores for each dot, such as
`SPILLWAY__GATE__OPEN_AFTER_SECS=30`. A list of tables can only be set as a whole, as TOML.

A bad file is refused as a whole, with every error in it: file, line, column, what is there, what
was expected, and what was perhaps meant. `python -m nova_spillway check FILE` shows the same. A
running scheduler then keeps its last good policy; without one it schedules on private hosts only.

[The example file](spillway.example.toml) has every key. This page and that file are made from the
code: `UPDATE_DOCS=1 cargo test -p spillway-runtime` writes them anew.
";

/// Returns the configuration reference in Markdown, made from the schema.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    let (tables, keys): (Vec<_>, Vec<_>) = Shape::whole()
        .fields()
        .iter()
        .partition(|field| !field.shape.fields().is_empty());
    text.push_str("\n## Keys at the top\n");
    for field in keys {
        key(&mut text, "", field);
    }
    for field in tables {
        table(&mut text, "", field);
    }
    text
}

fn table(text: &mut String, prefix: &str, table: &Field) {
    let name = joined(prefix, &table.name);
    let head = match table.shape {
        Shape::Tables { .. } => format!("[[{name}]]"),
        _ => format!("[{name}]"),
    };
    text.push_str(&format!("\n## `{head}`\n\n{}\n", table.doc));
    let (tables, keys): (Vec<_>, Vec<_>) = table
        .shape
        .fields()
        .iter()
        .partition(|field| !field.shape.fields().is_empty());
    for field in keys {
        key(text, &name, field);
    }
    for field in tables {
        self::table(text, &name, field);
    }
}

fn key(text: &mut String, prefix: &str, field: &Field) {
    text.push_str(&format!("\n### `{}`\n\n", joined(prefix, &field.name)));
    text.push_str(&format!("{}\n\n", field.doc));
    if let Shape::Choice(words) = &field.shape {
        for word in words {
            text.push_str(&format!(
                "- `{}`: {}\n",
                toml(&word.name.as_str().into()),
                word.doc
            ));
        }
        text.push('\n');
    }
    let form = match &field.shape {
        Shape::Choice(_) => None,
        Shape::Boolean => Some("`true` or `false`".to_owned()),
        shape => Some(range(shape).unwrap_or_else(|| shape.describe().replacen("a ", "A ", 1))),
    };
    let presence = match (default(field), field.required) {
        (Some(default), _) => format!("Default: `{default}`."),
        (None, true) => "Required.".to_owned(),
        (None, false) => "Optional.".to_owned(),
    };
    let example = match &field.example {
        Example::Shown(value) | Example::Optional(value) => {
            Some(format!("Example: `{} = {}`.", field.name, toml(value)))
        }
        Example::Default | Example::Commented => None,
    };
    let facts: Vec<_> = [form.map(|form| format!("{form}.")), Some(presence), example]
        .into_iter()
        .flatten()
        .collect();
    text.push_str(&format!("{}\n", facts.join(" ")));
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}
