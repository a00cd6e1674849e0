//! What the policy file may look like, read from the JSON schema that is derived from
//! [`super::raw`]. The check of a file, the reference and the example all stand on it, so a field
//! is described once: where it is declared.

use super::raw::RawConfig;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// A value's form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A table with known keys.
    Table(Vec<Field>),
    /// A list of tables, `[[name]]`.
    Tables { fields: Vec<Field>, at_least: usize },
    /// A table of the operator's own keys with texts.
    TextMap,
    /// A text.
    Text { may_be_empty: bool },
    /// A list of texts.
    Texts { may_be_empty: bool },
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// A finite number.
    Number { min: Option<f64>, max: Option<f64> },
    /// One of some words.
    Choice(Vec<Word>),
    /// Nothing that this module knows; left to serde. A test asserts that there is none.
    Unknown,
}

/// A key of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Whole sentences; line breaks are those of the source.
    pub(super) doc: String,
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) default: Option<Value>,
    pub(super) example: Example,
}

/// What the example file shows for a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Example {
    /// This value.
    Shown(Value),
    /// This value, commented out.
    Optional(Value),
    /// The default.
    Default,
    /// A whole table, commented out: it would be one too many beside another.
    Commented,
}

/// A word of a [`Shape::Choice`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) name: String,
    pub(super) doc: String,
}

impl Shape {
    /// The form of the whole file: always a table.
    pub(super) fn whole() -> &'static Shape {
        static WHOLE: OnceLock<Shape> = OnceLock::new();
        WHOLE.get_or_init(|| {
            let schema = schemars::schema_for!(RawConfig);
            let definitions = schema
                .get("$defs")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            shape(schema.as_value(), &definitions)
        })
    }

    /// The keys of a table or of each table of a list.
    pub(super) fn fields(&self) -> &[Field] {
        match self {
            Shape::Table(fields) | Shape::Tables { fields, .. } => fields,
            _ => &[],
        }
    }

    /// What to write, for a person: `a whole number from 1 to 10`.
    pub(super) fn describe(&self) -> String {
        match self {
            Shape::Table(_) => "a table".to_owned(),
            Shape::Tables { .. } => "a list of tables".to_owned(),
            Shape::TextMap => "a table of texts".to_owned(),
            Shape::Text { may_be_empty: true } => "a text".to_owned(),
            Shape::Text { .. } => "a text that is not empty".to_owned(),
            Shape::Texts { may_be_empty: true } => "a list of texts".to_owned(),
            Shape::Texts { .. } => "a list of texts that are not empty".to_owned(),
            Shape::Boolean => "true or false".to_owned(),
            Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Shape::Number {
                min: Some(min),
                max: Some(max),
            } => format!("a number from {min} to {max}"),
            Shape::Number { .. } => "a finite number".to_owned(),
            Shape::Choice(words) => {
                let words: Vec<_> = words
                    .iter()
                    .map(|word| format!("\"{}\"", word.name))
                    .collect();
                match words.as_slice() {
                    [only] => only.clone(),
                    words => format!("one of {}", words.join(", ")),
                }
            }
            Shape::Unknown => "a value".to_owned(),
        }
    }
}

fn shape(schema: &Value, definitions: &Map<String, Value>) -> Shape {
    let schema = resolved(schema, definitions);
    let number = |key| schema.get(key).and_then(Value::as_f64);
    let whole = |key| schema.get(key).and_then(Value::as_i64);
    let is_nonempty = |schema: &Value| schema.get("minLength").is_some();
    if let Some(words) = schema.get("oneOf").and_then(Value::as_array) {
        return Shape::Choice(words.iter().filter_map(word).collect());
    }
    match type_name(schema) {
        Some("string") => Shape::Text {
            may_be_empty: !is_nonempty(schema),
        },
        Some("boolean") => Shape::Boolean,
        Some("integer") => match (whole("minimum"), whole("maximum")) {
            (Some(min), Some(max)) => Shape::Integer { min, max },
            _ => Shape::Unknown,
        },
        Some("number") => Shape::Number {
            min: number("minimum"),
            max: number("maximum"),
        },
        Some("array") => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            match shape(item, definitions) {
                Shape::Table(fields) => Shape::Tables {
                    fields,
                    at_least: whole("minItems").map_or(0, |n| usize::try_from(n).unwrap_or(0)),
                },
                Shape::Text { may_be_empty } => Shape::Texts { may_be_empty },
                _ => Shape::Unknown,
            }
        }
        Some("object") => match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => Shape::Table(fields(schema, properties, definitions)),
            None => Shape::TextMap,
        },
        _ => Shape::Unknown,
    }
}

fn fields(
    table: &Value,
    properties: &Map<String, Value>,
    definitions: &Map<String, Value>,
) -> Vec<Field> {
    let required = table.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        required.is_some_and(|names| names.iter().any(|required| required.as_str() == Some(name)))
    };
    properties
        .iter()
        .map(|(name, schema)| Field {
            name: name.clone(),
            doc: doc(schema),
            shape: shape(schema, definitions),
            required: is_required(name),
            default: schema.get("default").cloned(),
            example: match (schema.get("x-example"), schema.get("x-optional-example")) {
                _ if schema.get("x-example-table").is_some() => Example::Commented,
                (Some(value), _) => Example::Shown(value.clone()),
                (None, Some(value)) => Example::Optional(value.clone()),
                (None, None) => Example::Default,
            },
        })
        .collect()
}

fn word(schema: &Value) -> Option<Word> {
    Some(Word {
        name: schema.get("const")?.as_str()?.to_owned(),
        doc: doc(schema),
    })
}

fn doc(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Follows references, and through the `null` that stands for an absent key.
fn resolved<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array)
        && let Some(some) = choices.iter().find(|one| type_name(one) != Some("null"))
    {
        return resolved(some, definitions);
    }
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|name| name.strip_prefix("#/$defs/"))
        .and_then(|name| definitions.get(name))
        .unwrap_or(schema)
}

/// The type, or the one beside `null` that an optional key has.
fn type_name(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_known_shape_and_a_sentence_of_its_own() {
        fn check(at: &str, fields: &[Field]) {
            for field in fields {
                let at = format!("{at}.{}", field.name);
                assert_ne!(field.shape, Shape::Unknown, "{at}");
                assert!(field.doc.ends_with('.'), "{at}: {:?}", field.doc);
                if let Shape::Choice(words) = &field.shape {
                    assert!(words.iter().all(|word| word.doc.ends_with('.')), "{at}");
                }
                check(&at, field.shape.fields());
            }
        }
        assert_eq!(Shape::whole().fields().len(), 12);
        check("", Shape::whole().fields());
    }
}
