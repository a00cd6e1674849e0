//! The text of a policy file, held against its [`Shape`].

use super::diagnostics::{Diagnostic, Origin, Origins, Path, Step, nearest, quoted};
use super::shape::{Field, Shape};
use figment::value::{Dict, Value};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

/// What checking a layer found.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) origins: Origins,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Some value cannot be read at all, so what the layers mean together is not asked.
    pub(super) is_unreadable: bool,
}

/// Reads the TOML text of a file; what has no place in the policy is left out.
pub(super) fn read_file(text: &str, name: &str, findings: &mut Findings) -> Dict {
    let place = |span: Range<usize>| place(text, name, span.start);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let origin = error
            .span()
            .map_or_else(|| place(text.len()..text.len()), place);
        findings.is_unreadable = true;
        findings
            .diagnostics
            .push(Diagnostic::new(origin, error.message()));
    }
    if findings.is_unreadable {
        // What the parser made of a broken text would only bring errors that are none.
        return Dict::new();
    }
    let mut walk = Walk {
        findings,
        origin: &place,
    };
    walk.table(&table, Shape::whole().fields(), &mut Path::new())
}

/// Reads one value that stands for itself, such as an environment variable's.
pub(super) fn read_value(
    value: &Spanned<DeValue<'_>>,
    shape: &Shape,
    path: &mut Path,
    origin: &Origin,
    findings: &mut Findings,
) -> Option<Value> {
    let mut walk = Walk {
        findings,
        origin: &|_| origin.clone(),
    };
    walk.value(value, shape, path)
}

/// Line and column of a byte, both from 1, the column in characters.
pub(super) fn place(text: &str, name: &str, at: usize) -> Origin {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Origin::Place {
        name: name.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// `gate.open_after_secs`, `burst_hosts[0].sizes[2].vcpus`.
pub(super) fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

struct Walk<'a> {
    findings: &'a mut Findings,
    origin: &'a dyn Fn(Range<usize>) -> Origin,
}

impl Walk<'_> {
    fn table(&mut self, table: &Spanned<DeTable<'_>>, fields: &[Field], path: &mut Path) -> Dict {
        self.keep_origin(path, table.span());
        let mut dict = Dict::new();
        let mut meant = Vec::new();
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                meant.extend(self.report_unknown_key(key, fields, path));
                continue;
            };
            path.push(name.into());
            if let Some(value) = self.value(value, &field.shape, path) {
                dict.insert(name.to_owned(), value);
            }
            path.pop();
        }
        for field in fields.iter().filter(|field| field.required) {
            let is_there = |(key, _): (&Spanned<DeString<'_>>, _)| *key.get_ref() == field.name;
            if table.get_ref().iter().any(is_there) {
                continue;
            }
            self.findings.is_unreadable = true;
            // A misspelt key is one error, not two.
            if !meant.contains(&field.name.as_str()) {
                self.report_missing_key(field, table.span(), path);
            }
        }
        dict
    }

    fn value(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        shape: &Shape,
        path: &mut Path,
    ) -> Option<Value> {
        self.keep_origin(path, value.span());
        let read = match (shape, value.get_ref()) {
            (Shape::Table(fields), DeValue::Table(table)) => {
                let table = Spanned::new(value.span(), table.clone());
                Some(Value::from(self.table(&table, fields, path)))
            }
            (Shape::Tables { fields, at_least }, DeValue::Array(items)) => {
                return self.tables(value, items, (shape, fields, *at_least), path);
            }
            (Shape::TextMap, DeValue::Table(table)) => return self.text_map(table, path),
            (Shape::Texts { may_be_empty }, DeValue::Array(items)) => {
                let item = Shape::Text {
                    may_be_empty: *may_be_empty,
                };
                return self.list(items, &item, path);
            }
            (Shape::Unknown, _) => None,
            (shape, value) => scalar(value, shape),
        };
        if read.is_none() {
            self.report_wrong_value(value, shape, path);
        }
        read
    }

    fn tables(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        items: &DeArray<'_>,
        (shape, fields, at_least): (&Shape, &Vec<Field>, usize),
        path: &mut Path,
    ) -> Option<Value> {
        if items.len() < at_least {
            let found = format!("{} is an empty list", dotted(path));
            let diagnostic = Diagnostic::new((self.origin)(value.span()), found)
                .expected(format!("{} with at least {at_least}", shape.describe()));
            self.refuse(diagnostic);
        }
        self.list(items, &Shape::Table(fields.clone()), path)
    }

    fn list(&mut self, items: &DeArray<'_>, item: &Shape, path: &mut Path) -> Option<Value> {
        let mut list = Vec::new();
        for (index, value) in items.iter().enumerate() {
            path.push(index.into());
            list.extend(self.value(value, item, path));
            path.pop();
        }
        Some(Value::from(list))
    }

    fn text_map(&mut self, table: &DeTable<'_>, path: &mut Path) -> Option<Value> {
        let mut dict = Dict::new();
        for (key, value) in table {
            path.push(Step::Key(key.get_ref().to_string()));
            if let DeValue::Table(inner) = value.get_ref() {
                self.report_unquoted_key(key.get_ref(), value, inner, path);
            } else {
                let text = self.value(value, &Shape::Text { may_be_empty: true }, path);
                dict.extend(text.map(|text| (key.get_ref().to_string(), text)));
            }
            path.pop();
        }
        Some(Value::from(dict))
    }

    fn keep_origin(&mut self, path: &Path, span: Range<usize>) {
        let origin = (self.origin)(span);
        self.findings.origins.insert(path.clone(), origin);
    }

    /// Returns the key that was perhaps meant.
    fn report_unknown_key<'f>(
        &mut self,
        key: &Spanned<DeString<'_>>,
        fields: &'f [Field],
        path: &Path,
    ) -> Option<&'f str> {
        let name: &str = key.get_ref();
        let place = match path.as_slice() {
            [] => String::new(),
            path => format!(" in {}", dotted(path)),
        };
        let known = || fields.iter().map(|field| field.name.as_str());
        let suggestion = nearest(name, known());
        let mut diagnostic = Diagnostic::new(
            (self.origin)(key.span()),
            format!("unknown key \"{name}\"{place}"),
        );
        if suggestion.is_none() {
            diagnostic =
                diagnostic.expected(format!("one of {}", known().collect::<Vec<_>>().join(", ")));
        }
        // Not refused: the rest of the file can still be understood, and has errors of its own.
        self.findings
            .diagnostics
            .push(diagnostic.suggestion(suggestion.map(quoted)));
        suggestion
    }

    /// `m1.small = "x"` is a key within a key, unlike `"m1.small" = "x"`.
    fn report_unquoted_key(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        inner: &DeTable<'_>,
        path: &Path,
    ) {
        let suggestion = inner
            .keys()
            .next()
            .map(|rest| format!("the key \"{key}.{}\" in quotes", rest.get_ref()));
        let found = format!("{} is a table", dotted(path));
        let diagnostic = Diagnostic::new((self.origin)(value.span()), found)
            .expected("a text")
            .suggestion(suggestion);
        self.refuse(diagnostic);
    }

    fn report_missing_key(&mut self, field: &Field, table: Range<usize>, path: &Path) {
        let place = match path.as_slice() {
            [] => "the file".to_owned(),
            path => dotted(path),
        };
        let found = format!("{place} has no \"{}\"", field.name);
        let diagnostic =
            Diagnostic::new((self.origin)(table), found).expected(field.shape.describe());
        self.refuse(diagnostic);
    }

    fn report_wrong_value(&mut self, value: &Spanned<DeValue<'_>>, shape: &Shape, path: &Path) {
        let found = format!("{} is {}", dotted(path), shown(value.get_ref()));
        let suggestion = suggestion(value.get_ref(), shape, path);
        let diagnostic = Diagnostic::new((self.origin)(value.span()), found)
            .expected(shape.describe())
            .suggestion(suggestion);
        self.refuse(diagnostic);
    }

    fn refuse(&mut self, diagnostic: Diagnostic) {
        self.findings.is_unreadable = true;
        self.findings.diagnostics.push(diagnostic);
    }
}

fn scalar(value: &DeValue<'_>, shape: &Shape) -> Option<Value> {
    match (shape, value) {
        (Shape::Text { may_be_empty }, DeValue::String(text)) => {
            (*may_be_empty || !text.is_empty()).then(|| Value::from(text.as_ref()))
        }
        (Shape::Boolean, DeValue::Boolean(is)) => Some(Value::from(*is)),
        (Shape::Choice(words), DeValue::String(text)) => words
            .iter()
            .any(|word| word.name == *text)
            .then(|| Value::from(text.as_ref())),
        (Shape::Integer { min, max }, DeValue::Integer(_)) => whole(value)
            .filter(|number| (min..=max).contains(&number))
            .map(Value::from),
        (Shape::Number { min, max }, DeValue::Integer(_) | DeValue::Float(_)) => number(value)
            .filter(|number| number.is_finite())
            .filter(|number| min.is_none_or(|min| *number >= min))
            .filter(|number| max.is_none_or(|max| *number <= max))
            .map(Value::from),
        _ => None,
    }
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        // Every policy number is far below 2^53, where this is exact.
        #[allow(clippy::cast_precision_loss)]
        _ => whole(value).map(|number| number as f64),
    }
}

/// A value as a person would name it.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// What a wrong value was perhaps meant to be.
fn suggestion(value: &DeValue<'_>, shape: &Shape, path: &[Step]) -> Option<String> {
    match (shape, value) {
        (Shape::Choice(words), DeValue::String(text)) => {
            nearest(text, words.iter().map(|word| word.name.as_str())).map(quoted)
        }
        (Shape::Integer { .. } | Shape::Number { .. }, DeValue::String(text)) => {
            let bare = DeValue::parse(text).ok()?;
            scalar(bare.get_ref(), shape).map(|_| format!("{text}, without quotes"))
        }
        (Shape::Texts { .. }, DeValue::String(text)) => Some(format!("[\"{text}\"]")),
        (Shape::Tables { .. }, DeValue::Table(_)) => {
            let keys = path.iter().filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Index(_) => None,
            });
            Some(format!("[[{}]]", keys.collect::<Vec<_>>().join(".")))
        }
        _ => None,
    }
}
