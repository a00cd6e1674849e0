//! The page on reasons knows them all, and no others.

use spillway_core::Reason;

#[test]
fn the_page_on_reasons_lists_every_code_in_order() {
    let page = include_str!("../../../../docs/reasons.md");
    let listed: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(listed, Reason::CODES);
}
