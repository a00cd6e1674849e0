//! The commented example file.

/// Returns a commented policy file that is made from the schema and passes the check.
#[must_use]
pub fn example() -> String {
    String::new()
}
