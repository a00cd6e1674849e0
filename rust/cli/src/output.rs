//! Prints: tables for people, JSON, YAML and CSV for everything else.

use crate::arguments::Format;
use crate::failure::Failure;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::env;
use std::io::{self, IsTerminal, Write};

/// Width of a table that goes to no terminal: nothing is broken into lines.
const UNBOUNDED: u16 = u16::MAX;

/// Text without what would move a terminal's cursor or colour it.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// Writes text and a line break. A reader that went away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_while_read(text).map(drop)
}

/// As [`print`]; `false` when nobody reads any more.
pub(crate) fn print_while_read(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether standard output takes colours: a terminal, and nobody said no (no-color.org).
pub(crate) fn has_colours() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stdout().is_terminal()
}

/// Prints a value in a format; `for_people` makes the text of a table. Whatever that has from
/// outside, it cannot drive the terminal.
pub(crate) fn print_value(
    value: &Value,
    format: Format,
    for_people: impl FnOnce() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => {
            let text = for_people()?;
            text.lines().map(plain).collect::<Vec<_>>().join("\n")
        }
        Format::Json => serde_json::to_string_pretty(value).map_err(Failure::new)?,
        Format::Yaml => yaml(value)?,
        Format::Csv => csv(value)?,
    };
    print(text.trim_end())
}

pub(crate) fn yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(Failure::new)
}

/// One row per element of the list within: `{"signals": [...]}`. A single object is one row.
pub(crate) fn csv(value: &Value) -> Result<String, Failure> {
    let inner = match value.as_object() {
        Some(map) if map.len() == 1 => map.values().next().filter(|inner| inner.is_array()),
        _ => None,
    };
    let rows = match inner {
        Some(Value::Array(rows)) => rows.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<&String> = Vec::new();
    for row in rows.iter().filter_map(Value::as_object) {
        // Rows may lack what others have: an attempt without a burst host has no size.
        header.extend(
            row.keys()
                .filter(|key| !header.contains(key))
                .collect::<Vec<_>>(),
        );
    }
    if header.is_empty() {
        return Ok(String::new());
    }
    writer.write_record(&header).map_err(Failure::new)?;
    for row in rows {
        let cells = header.iter().map(|key| match &row[key.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        writer.write_record(cells).map_err(Failure::new)?;
    }
    let bytes = writer.into_inner().map_err(Failure::new)?;
    String::from_utf8(bytes).map_err(Failure::new)
}

/// A table with these headings, as wide as the terminal.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width())
        .set_header(headings.map(str::to_uppercase));
    let mut empty = true;
    for row in rows {
        empty = false;
        table.add_row(row.map(|cell| match plain(&cell) {
            cell if cell.is_empty() => "-".to_owned(),
            cell => cell,
        }));
    }
    if empty {
        return "none".to_owned();
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

fn width() -> u16 {
    let out = io::stdout();
    if !out.is_terminal() {
        return UNBOUNDED;
    }
    rustix::termios::tcgetwinsize(out)
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_have_the_keys_of_the_api() {
        let value = json!({"offers": [
            {"size": "t3.small", "price": 0.02, "room": null},
            {"size": "a, \"b\"", "price": null, "room": 3, "more": [1, 2]},
        ]});
        let expected = "size,price,room,more\nt3.small,0.02,,\n\"a, \"\"b\"\"\",,3,\"[1,2]\"\n";
        assert_eq!(csv(&value).unwrap(), expected);
        assert_eq!(csv(&json!({"offers": []})).unwrap(), "");
        assert_eq!(csv(&json!({"a": 1, "b": {}})).unwrap(), "a,b\n1,{}\n");
    }

    #[test]
    fn yaml_says_the_same_as_json() {
        let value = json!({"name": "no", "why": "a: b\n- c", "list": [1.5, null, {"x": "1"}]});
        let text = yaml(&value).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Value>(&text).unwrap(),
            value,
            "{text}"
        );
    }

    #[test]
    fn a_table_says_when_it_is_empty_and_keeps_the_terminal_safe() {
        assert_eq!(table(["a"], []), "none");
        let shown = table(
            ["name", "state"],
            [["x\u{1b}[2J".to_owned(), String::new()]],
        );
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert_eq!(shown.lines().count(), 2, "{shown:?}");
    }
}
