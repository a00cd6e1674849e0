use super::*;
use proptest::prelude::*;

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts
        .iter()
        .map(|text| Selector::parse(text).expect("a selector"))
        .collect()
}

fn pick_text(page: &str, wanted: &[&str]) -> Page {
    pick(page.as_bytes(), &selectors(wanted), &PageLimits::default())
}

/// Selector, value and timestamp of what is picked; fails when there are faults.
fn picked(page: &str, wanted: &[&str]) -> Vec<(usize, f64, Option<i64>)> {
    let found = pick_text(page, wanted);
    assert_eq!(found.faults, [], "{page}");
    found
        .samples
        .iter()
        .map(|one| (one.selector, one.value, one.timestamp_ms))
        .collect()
}

/// What is wrong with a page of one line for the selector `a`.
fn fault(line: &str) -> FaultKind {
    fault_of(line.as_bytes(), &PageLimits::default())
}

fn fault_of(line: &[u8], limits: &PageLimits) -> FaultKind {
    let found = pick(line, &selectors(&["a"]), limits);
    assert_eq!(found.samples, [], "{}", line.escape_ascii());
    assert_eq!(found.faults.len(), 1, "{}", line.escape_ascii());
    assert_eq!((found.faults[0].selector, found.faults[0].line), (0, 1));
    found.faults[0].kind
}

#[test]
fn named_series_are_picked_with_value_and_timestamp() {
    let page = "# HELP a x\n# TYPE a counter\na 1\na{x=\"1\"} 2.5 1800000000123\nab 3\na_b 4\n\
                b 5\n";
    let wanted = ["a", r#"a{x!=""}"#, "b", "c"];
    assert_eq!(
        picked(page, &wanted),
        [
            (0, 1.0, None),
            (0, 2.5, Some(1_800_000_000_123)),
            (1, 2.5, Some(1_800_000_000_123)),
            (2, 5.0, None),
        ]
    );
}

/// What prometheus-parse gets wrong: the reason why we read labels ourselves.
#[test]
fn any_text_may_stand_in_a_label() {
    for value in [
        "az1,ssd", "a=b", "a}b", "{", "}", "# ", "", "ä", r"a\b", " 1 2",
    ] {
        let page = format!("a{{x=\"{value}\",y=\"1\"}} 4\n");
        let selector = Selector::parse(&format!("a{{x=\"{}\"}}", value.replace('\\', r"\\")))
            .expect("a selector");
        let found = pick(page.as_bytes(), &[selector], &PageLimits::default());
        assert_eq!(found.faults, [], "{page}");
        assert_eq!(found.samples.len(), 1, "{page}");
        assert!((found.samples[0].value - 4.0).abs() < f64::EPSILON);
    }
    let escaped = r#"a{x="\"\\\n"} 4"#;
    assert_eq!(
        picked(escaped, &[r#"a{x="\"\\\n"}"#, r#"a{x="n"}"#]),
        [(0, 4.0, None)]
    );
}

#[test]
fn white_space_windows_line_ends_and_a_missing_last_newline_are_taken() {
    for page in [
        "a{x=\"1\"} 7",
        "a{x=\"1\"} 7\r\n",
        "\r\n\r\na { x = \"1\" , }\t 7 \r\n",
        " \ta{x=\"1\"}7\n",
        "a{x=\"1\"} 7 \t\r\n",
        "\n\n a{x=\"1\"} 7\n\n",
    ] {
        assert_eq!(picked(page, &[r#"a{x="1"}"#]), [(0, 7.0, None)], "{page:?}");
    }
    for page in ["", "\n", "# EOF", "#", " ", "a", "\n\n"] {
        assert_eq!(pick_text(page, &["b"]), Page::default(), "{page:?}");
        assert_eq!(pick_text(page, &[]), Page::default(), "{page:?}");
    }
}

#[test]
fn values_are_any_numbers() {
    for (text, value) in [
        ("1e3", 1e3),
        ("-0.5", -0.5),
        ("+1", 1.0),
        ("+Inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
        ("1e999", f64::INFINITY),
        ("1.7976931348623157e+308", f64::MAX),
        ("9007199254740993", 9_007_199_254_740_992.0),
    ] {
        assert_eq!(picked(&format!("a {text}"), &["a"]), [(0, value, None)]);
    }
    for text in ["NaN", "nan", "NAN"] {
        let found = picked(&format!("a {text} -5"), &["a"]);
        assert!(found[0].1.is_nan() && found[0].2 == Some(-5));
    }
}

#[test]
fn labels_of_a_picked_sample_can_be_asked_for() {
    let page = "# x\na{y=\"2\\n\",x=\"1\"} 1\r\nb { z = \"}\" , } 2\nc 3\nd{} 4";
    let found = pick_text(page, &["a", "b", "c", "d"]);
    let labels: Vec<_> = found
        .samples
        .iter()
        .map(|picked| labels_of(page.as_bytes(), picked))
        .collect();
    let label = |name, value: &'static str| (name, Cow::Borrowed(value));
    let [a, b] = [
        vec![label("x", "1"), label("y", "2\n")],
        vec![label("z", "}")],
    ];
    assert_eq!(labels, [a, b, vec![], vec![]]);
    assert_eq!(labels_of(b"", &found.samples[0]), []);
}

/// Names that prometheus-parse would fold into a histogram or summary, or does not know.
#[test]
fn names_of_histograms_summaries_and_rules_are_plain_names() {
    let page = "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 3\na_sum 4\n\
                a_count 3\n# TYPE b summary\nb{quantile=\"0.5\"} 5\nlevel:rule:sum 6\n";
    let wanted = ["a_bucket{le=\"1\"}", "a_sum", "b", "level:rule:sum"];
    let values: Vec<f64> = picked(page, &wanted).iter().map(|one| one.1).collect();
    assert_eq!(values, [2.0, 4.0, 5.0, 6.0]);
}

#[test]
fn open_metrics_has_seconds_and_exemplars() {
    let page = "# TYPE a counter\na_total{x=\"1\"} 1 1800000000.5 # {trace=\"} 9\"} 0.3 1.0\n\
                a_total{x=\"2\"} 2 # {t=\"x\"} 3\na_total{x=\"3\"} 3 1800000000\n# EOF\n";
    assert_eq!(
        picked(page, &["a_total"]),
        [
            (0, 1.0, Some(1_800_000_000_500)),
            (0, 2.0, None),
            (0, 3.0, Some(1_800_000_000_000)),
        ]
    );
}

#[test]
fn a_picked_line_that_is_no_sample_is_a_fault_of_its_selector() {
    use Expected::*;
    for (line, expected) in [
        ("a=5", EndOfName),
        ("aä 5", EndOfName),
        ("a{9=\"1\"} 5", LabelName),
        ("a{,} 5", LabelName),
        ("a{", LabelName),
        ("a{x} 5", EqualsSign),
        ("a{x=~\"1\"} 5", OpeningQuote),
        ("a{x=1} 5", OpeningQuote),
        ("a{x=\"1} 5", ClosingQuote),
        ("a{x=\"1\\", ClosingQuote),
        ("a{x=\"1\"y=\"2\"} 5", CommaOrBrace),
        ("a{x=\"1\" 5", CommaOrBrace),
        ("a{x=\"1\",x=\"1\"} 5", NewLabel),
        ("a{y=\"1\",x=\"1\",y=\"2\"} 5", NewLabel),
        ("a", Value),
        ("a{x=\"1\"}", Value),
        ("a\r", Value),
        ("a 5 soon", Timestamp),
        ("a 5 1.5", Timestamp),
        ("a 5 99999999999999999999", Timestamp),
        ("a 5 6 7", EndOfLine),
    ] {
        assert_eq!(fault(line), FaultKind::Malformed(expected), "{line}");
    }
    for line in [
        "a five",
        "a 0x",
        "a 1,5",
        "a 1\u{a0}2",
        "a \u{85}",
        "a 1\x0b2",
    ] {
        assert_eq!(fault(line), FaultKind::NotANumber, "{line}");
    }
    // prometheus-parse takes the space that does not break for a space.
    assert_eq!(fault("a 5 6\u{a0}7"), FaultKind::ParserDisagrees);
}

/// A line that lacks the value of a selector cannot be its, so it is not read for it.
#[test]
fn a_bad_line_is_a_fault_of_those_that_may_have_wanted_it() {
    let wanted = [
        "a",
        r#"a{x="idle"}"#,
        r#"a{x="user"}"#,
        r#"a{x!="idle"}"#,
        r#"a{x=""}"#,
        r#"a{x="\""}"#,
    ];
    let found = pick_text("a{x=\"idle} 1\n", &wanted);
    let selectors: Vec<usize> = found.faults.iter().map(|one| one.selector).collect();
    assert_eq!(selectors, [0, 1, 3, 4, 5]);
}

#[test]
fn limits_are_faults_too() {
    let limits = PageLimits {
        labels: 2,
        label_value_bytes: 3,
        samples: 2,
        line_bytes: 40,
    };
    assert_eq!(
        fault_of(b"a{x=\"1\",y=\"1\",z=\"1\"} 1", &limits),
        FaultKind::TooManyLabels
    );
    assert_eq!(
        fault_of(b"a{x=\"1234\"} 1", &limits),
        FaultKind::LabelTooLong
    );
    assert_eq!(
        fault_of(b"a{long=\"1\"} 1", &limits),
        FaultKind::LabelTooLong
    );
    assert_eq!(
        fault_of(&[b"a 1".as_slice(), &[b' '; 40]].concat(), &limits),
        FaultKind::LineTooLong
    );
    assert_eq!(fault_of(b"a{x=\"\xff\"} 1", &limits), FaultKind::NotUtf8);
    let page = b"a{x=\"1\",y=\"1\"} 1\na{x=\"123\"} 2\na 3\nb 4\n";
    let found = pick(page, &selectors(&["a", "b"]), &limits);
    assert_eq!(found.samples.len(), 2);
    let faults: Vec<_> = found
        .faults
        .iter()
        .map(|one| (one.selector, one.line, one.kind))
        .collect();
    assert_eq!(
        faults,
        [
            (0, 3, FaultKind::TooManySamples),
            (1, 4, FaultKind::TooManySamples)
        ]
    );
}

#[test]
fn a_series_that_is_there_twice_is_a_fault_whatever_the_order_of_its_labels() {
    let found = pick_text(
        "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"12\"} 3\na{z=\"\"} 4\na 5\n",
        &["a"],
    );
    assert_eq!(found.samples.len(), 3);
    assert_eq!(found.faults.len(), 2);
    assert_eq!(
        found.faults[0].to_string(),
        "line 2: expected each series once, this one was there before"
    );
}

#[test]
fn the_same_labels_have_the_same_key_on_every_page() {
    let keys = |page: &str| -> Vec<SeriesKey> {
        let found = pick_text(page, &["a"]);
        found.samples.iter().map(|one| one.series).collect()
    };
    let one = keys("a{x=\"1\",y=\"2\"} 1\na{x=\"1\"} 2\na 3\na{x=\"1y\"} 4\na{x1=\"y\"} 5\n");
    let other = keys("a 1\na{y=\"2\",x=\"1\",} 1\na{x=\"1\"} 1\n");
    assert_eq!(other, [one[2], one[0], one[1]]);
    let mut distinct = one.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), one.len());
}

#[test]
fn lines_that_nobody_wants_cannot_hurt() {
    let long = "x".repeat(1 << 20);
    let page = [
        format!("b{{{long}\n{long} 1\nb\u{1} 2\nb{{x=\"").into_bytes(),
        b"\xff\xfe\nb 1\nb 1\na 5\n\0\n# a 9\n#a 9\n".to_vec(),
    ]
    .concat();
    let found = pick(&page, &selectors(&["a"]), &PageLimits::default());
    assert_eq!(found.faults, []);
    assert_eq!(found.samples.len(), 1);
}

#[test]
fn a_page_of_faults_keeps_a_few_of_each_selector() {
    let page = "a x\n".repeat(1_000) + "b x\n";
    let found = pick_text(&page, &["a", "b"]);
    assert_eq!(found.faults.len(), MAX_FAULTS_PER_SELECTOR + 1);
}

/// A line of the format, as exporters may write it, and what it says.
fn line() -> impl Strategy<Value = (String, Vec<(String, String)>, f64)> {
    let blanks = "[ \t]{0,2}";
    let label = ("[a-zA-Z_][a-zA-Z0-9_]{0,5}", any::<String>(), blanks);
    let labels = proptest::collection::vec(label, 0..5);
    (labels, any::<f64>(), blanks, any::<bool>()).prop_map(|(labels, value, blank, comma)| {
        let mut text = format!("{blank}metric{blank}");
        let mut said: Vec<(String, String)> = Vec::new();
        let mut block = Vec::new();
        for (name, content, blank) in labels {
            if said.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let escaped = content
                .replace('\\', r"\\")
                .replace('"', r#"\""#)
                .replace('\n', r"\n");
            block.push(format!("{blank}{name}{blank}={blank}\"{escaped}\"{blank}"));
            said.push((name, content));
        }
        if !block.is_empty() || comma {
            let last = if comma && !block.is_empty() { "," } else { "" };
            text.push_str(&format!("{{{}{last}{blank}}}", block.join(",")));
        }
        text.push_str(&format!(" {value:?}{blank}"));
        (text, said, value)
    })
}

proptest! {
    #[test]
    fn labels_and_value_come_out_as_they_were_written((text, mut said, value) in line()) {
        let mut read = Vec::new();
        let block = text.trim_start().trim_start_matches("metric").trim_start();
        read_labels(block, &PageLimits::default(), &mut read).expect("a label block");
        said.sort();
        let read: Vec<(String, String)> = read
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect();
        prop_assert_eq!(&read, &said);
        let found = pick_text(&text, &["metric"]);
        prop_assert_eq!(&found.faults, &[]);
        prop_assert_eq!(found.samples.len(), 1);
        let same = found.samples[0].value.to_bits() == value.to_bits()
            || (value.is_nan() && found.samples[0].value.is_nan());
        prop_assert!(same, "{} {}", found.samples[0].value, value);
    }

    #[test]
    fn every_wanted_line_is_a_sample_or_a_fault(
        tail in "[ \t{}=\",#x0-9.\\\\ä\u{a0}]{0,24}",
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for page in [format!("metric{tail}").into_bytes(), [b"metric ", &bytes[..]].concat()] {
            let wanted = selectors(&["metric"]);
            let found = pick(&page, &wanted, &PageLimits::default());
            let named = behind_name(page.split(|byte| *byte == b'\n').next().unwrap_or(&[]), "metric");
            let outcomes = found.samples.len() + found.faults.len();
            prop_assert!(named.is_none() || outcomes >= 1, "{}", page.escape_ascii());
        }
    }
}
