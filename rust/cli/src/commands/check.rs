//! `spillway check`.

use crate::arguments::{Check, Format};
use crate::failure::{Code, Failure};
use crate::output::{print, print_value};
use serde_json::{Value, json};
use spillway_runtime::config::{self, Config, Diagnostic, Diagnostics, Origin};
use std::io::Write;

pub(super) fn check(check: &Check) -> Result<Code, Failure> {
    let Some(file) = &check.file else {
        let text = if check.print_example {
            config::example()
        } else {
            config::reference()
        };
        print(text.trim_end())?;
        return Ok(Code::Ok);
    };
    let name = file.display();
    let diagnostics = Config::load(file).err();
    let code = match &diagnostics {
        None => Code::Ok,
        Some(_) => Code::BadConfig,
    };
    if let (Some(diagnostics), Format::Table) = (&diagnostics, check.output) {
        // As a compiler does it: what is wrong goes to standard error.
        writeln!(std::io::stderr(), "{diagnostics}")?;
        return Ok(code);
    }
    let value = match check.output {
        Format::Csv => json!({"diagnostics": list(diagnostics.as_ref())}),
        _ => json!({
            "file": name.to_string(),
            "good": diagnostics.is_none(),
            "diagnostics": list(diagnostics.as_ref()),
        }),
    };
    print_value(&value, check.output, || Ok(format!("{name}: good")))?;
    Ok(code)
}

fn list(diagnostics: Option<&Diagnostics>) -> Vec<Value> {
    let diagnostics = diagnostics.into_iter().flat_map(Diagnostics::iter);
    diagnostics.map(diagnostic).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let (file, line, column, variable) = match &diagnostic.origin {
        Origin::File { name } => (Some(name), None, None, None),
        Origin::Place { name, line, column } => (Some(name), Some(line), Some(column), None),
        Origin::Variable { name } => (None, None, None, Some(name)),
    };
    json!({
        "file": file,
        "line": line,
        "column": column,
        "variable": variable,
        "found": diagnostic.found,
        "expected": diagnostic.expected,
        "suggestion": diagnostic.suggestion,
    })
}
