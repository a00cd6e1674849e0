//! The sidecar's part of `docs/metrics.md`.

use super::families::FAMILIES;

const HEAD: &str = "\
## Sidecar

Served by `spillway run` at `/metrics` of the address `sidecar.listen`, in Prometheus' text format.
Times are seconds, money is US dollars, shares are 0 to 1. What is not known is absent, never 0.
The number of series is bounded by the policy file; nothing that a user of the cloud chooses is a
label.

This part is made from the code: `UPDATE_DOCS=1 cargo test -p spillway-runtime --features engine`
writes it anew.

| metric | type | labels | series | what |
|---|---|---|---|---|
";

/// Returns the sidecar's part of the reference in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for family in FAMILIES {
        let labels: Vec<_> = family
            .labels
            .iter()
            .map(|(name, values)| match *values {
                "" => format!("`{name}`"),
                values => format!("`{name}`: {values}"),
            })
            .collect();
        let row = format!(
            "| `{}` | {} | {} | {} | {} |\n",
            family.name,
            family.kind.name(),
            labels.join("; "),
            family.series,
            family.help
        );
        text.push_str(&row);
    }
    text
}
