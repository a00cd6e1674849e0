//! Small changes of a recorded policy or of recorded inputs, in the words of JSON Patch (RFC 6902).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// Where.
    pub document: Document,
    /// What is done.
    pub op: Operation,
    /// JSON pointer to the value.
    pub path: String,
    /// The new value; of no meaning for `remove`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub value: Value,
}

/// What an edit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// The policy, as in the policy file.
    Policy,
    /// The `inputs` of the decision's line in the journal.
    Inputs,
}

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Sets a key, or inserts into a list; the place `-` is its end.
    Add,
    /// Sets an element of a list.
    Replace,
    /// Takes a key away.
    Remove,
}

impl Edit {
    pub(super) fn new(document: Document, op: Operation, path: &[&str], value: Value) -> Self {
        let mut pointer = String::new();
        for step in path {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        Edit {
            document,
            op,
            path: pointer,
            value,
        }
    }

    /// Changes `document`; `false` when it has no such place.
    #[must_use]
    pub fn apply(&self, document: &mut Value) -> bool {
        let Some((parent, last)) = self.path.rsplit_once('/') else {
            return false;
        };
        let last = last.replace("~1", "/").replace("~0", "~");
        match document.pointer_mut(parent) {
            Some(Value::Object(map)) => match self.op {
                Operation::Add | Operation::Replace => {
                    map.insert(last, self.value.clone());
                    true
                }
                Operation::Remove => map.remove(&last).is_some(),
            },
            Some(Value::Array(list)) => {
                let at = match last.as_str() {
                    "-" => list.len(),
                    index => match index.parse() {
                        Ok(at) => at,
                        Err(_) => return false,
                    },
                };
                match self.op {
                    Operation::Add if at <= list.len() => list.insert(at, self.value.clone()),
                    Operation::Replace if at < list.len() => list[at] = self.value.clone(),
                    Operation::Remove if at < list.len() => drop(list.remove(at)),
                    _ => return false,
                }
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_and_elements_are_set_inserted_and_removed() {
        let mut document = json!({"a": {"x/y": 1, "x~y": 2}, "list": [1, 2]});
        let edits = [
            (Operation::Remove, &["a", "x/y"][..], Value::Null),
            (Operation::Replace, &["a", "x~y"], json!(3)),
            (Operation::Add, &["list", "-"], json!(4)),
            (Operation::Add, &["list", "0"], json!(0)),
            (Operation::Replace, &["list", "1"], json!("one")),
        ];
        for (op, path, value) in edits {
            let edit = Edit::new(Document::Inputs, op, path, value);
            assert!(edit.apply(&mut document), "{edit:?}");
        }
        assert_eq!(document, json!({"a": {"x~y": 3}, "list": [0, "one", 2, 4]}));
        for path in [&["b", "c"][..], &["list", "9"], &["list", "x"], &[]] {
            let edit = Edit::new(Document::Inputs, Operation::Replace, path, Value::Null);
            assert!(!edit.apply(&mut document), "{edit:?}");
        }
    }
}
