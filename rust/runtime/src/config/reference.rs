//! The configuration reference.

/// Returns the configuration reference in Markdown, made from the schema.
#[must_use]
pub fn reference() -> String {
    String::new()
}
