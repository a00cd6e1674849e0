//! What reading a page costs. `python -m tests.benchmarks.pages` judges it beside other parsers.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spillway_runtime::page::{PageLimits, pick};
use spillway_runtime::selector::Selector;
use std::fs;
use std::hint::black_box;
use std::path::Path;

/// The load of one host.
const NODE: [&str; 12] = [
    "node_load1",
    "node_load5",
    r#"node_cpu_seconds_total{mode="idle"}"#,
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_pressure_cpu_waiting_seconds_total",
    "node_pressure_memory_stalled_seconds_total",
    "node_pressure_io_stalled_seconds_total",
    "node_procs_running",
    "node_procs_blocked",
    "node_boot_time_seconds",
    "node_filesystem_avail_bytes",
];

const OPENSTACK: [&str; 2] = [
    "openstack_nova_vcpus_used",
    r#"openstack_nova_vcpus_available{aggregates="az1,ssd"}"#,
];

fn pages(bench: &mut Criterion) {
    for (name, wanted) in [
        ("node_exporter", NODE.as_slice()),
        ("openstack_exporter", &OPENSTACK),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pages");
        let page = fs::read(folder.join(name).with_extension("prom")).expect("a page");
        let selectors: Vec<Selector> = wanted
            .iter()
            .map(|text| Selector::parse(text).expect("a selector"))
            .collect();
        let limits = PageLimits::default();
        let found = pick(&page, &selectors, &limits);
        assert!(found.faults.is_empty() && found.samples.len() >= wanted.len());
        let mut group = bench.benchmark_group("page");
        group.throughput(Throughput::Bytes(page.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| black_box(pick(black_box(&page), &selectors, &limits)));
        });
        group.bench_function(format!("{name}_nothing_wanted"), |bench| {
            let absent = [Selector::parse("node_absent").expect("a selector")];
            bench.iter(|| black_box(pick(black_box(&page), &absent, &limits)));
        });
    }
}

criterion_group!(benches, pages);
criterion_main!(benches);
