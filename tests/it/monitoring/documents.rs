//! The dashboard and the alerts name metrics that exist.

use std::{collections::BTreeSet, fs};

use sealdrop::metrics::{MetricKind, TABLE};
use serde_json::Value;

/// The names that queries can have.
fn known() -> BTreeSet<String> {
    let names = TABLE.iter().flat_map(|metric| {
        let name = metric.exported_name();
        match metric.kind {
            MetricKind::Histogram => {
                ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec()
            }
            MetricKind::Counter | MetricKind::Gauge => vec![name],
        }
    });
    names.collect()
}

/// The words in a text that begin as metrics do.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("sealdrop_")).map(str::to_owned).collect()
}

/// All strings under the key `expr`.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
            Value::String(text) if key == "expr" => found.push(text.clone()),
            _ => queries(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

pub(super) fn name_real_metrics() {
    let known = known();
    let read = |name: &str| {
        fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
    };
    let dashboard: Value = serde_json::from_str(&read("grafana.json")).expect("JSON");
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    assert!(found.len() >= 20, "{found:?}");
    for text in found.into_iter().chain([read("alerts.yml")]) {
        let unknown: Vec<String> = named(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "unknown metrics {unknown:?} in {text}");
        assert!(!named(&text).is_empty(), "no metric in {text}");
    }
}
