//! Good and bad policy files.

use crate::data;
use spillway_runtime::config::Config;

/// Bad files, each with lines `# expect: LINE:COLUMN: what is wrong`, which say all that is said.
#[test]
fn bad_files_are_refused_with_place_expectation_and_suggestion() {
    let mut differences = Vec::new();
    for (name, text) in data::files("policies/bad", "toml", 25) {
        let expected: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .map(str::to_owned)
            .collect();
        let found: Vec<_> = match Config::from_toml(&text, "") {
            Ok(_) => vec!["nothing".to_owned()],
            Err(diagnostics) => diagnostics
                .iter()
                .map(|diagnostic| diagnostic.to_string().trim_start_matches(':').to_owned())
                .collect(),
        };
        if expected != found {
            differences.push(format!(
                "{name}\n  expected:\n    {}\n  found:\n    {}",
                expected.join("\n    "),
                found.join("\n    ")
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn good_files_are_taken_and_mean_the_same_when_read_back() {
    for (name, text) in data::files("policies/good", "toml", 3) {
        let config = Config::from_toml(&text, &name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(config.digest.len(), 16);
        let again = Config::from_toml(&config.effective_toml, "effective").unwrap();
        assert_eq!(config, again, "{name}");
    }
}
