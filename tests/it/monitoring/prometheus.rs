//! Prometheus reads the metrics and the alerts.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Monitored, get};
use crate::{daemon::program, mail::until, programs::run, tools::Running};

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.yml");

/// Runs promtool with this input; it must find nothing.
fn promtool(arguments: &[&str], input: &str) {
    let mut command = program("promtool");
    let output = run(command.args(arguments), input.as_bytes());
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{arguments:?}: {}", text.concat());
}

pub(super) fn scrapes_it() {
    let monitored = Monitored::start(&[]);
    monitored.client.create(json!({}));
    let text = monitored.metrics().text;
    promtool(&["check", "metrics"], &text);
    promtool(&["check", "rules", ALERTS], "");

    let dir = tempfile::tempdir().expect("a fresh directory");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let web = format!("127.0.0.1:{}", port.expect("a free port").port());
    let config = dir.path().join("prometheus.yml");
    let target = &monitored.address;
    fs::write(
        &config,
        format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{ALERTS}]\n\
             scrape_configs:\n\
             - job_name: sealdrop\n  static_configs: [{{targets: ['{target}']}}]\n"
        ),
    )
    .expect("a file");
    let mut command: Command = program("prometheus");
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", dir.path().join("tsdb").display()));
    command.arg(format!("--web.listen-address={web}"));
    let log = fs::File::create(dir.path().join("log")).expect("a file");
    let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("prometheus");
    let _running = Running(child);
    let ask = |path: &str| -> Option<Value> {
        // It may not listen yet.
        std::net::TcpStream::connect(&web).ok()?;
        let (status, text) = get(&format!("http://{web}/api/v1/{path}"), None);
        (status == 200).then(|| serde_json::from_str(&text).expect("JSON"))
    };
    let value = |query: &str| -> Option<String> {
        let answer = ask(&format!("query?query={query}"))?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    // The secret of the first start and that of this test.
    until("Prometheus has scraped it", || {
        value("sealdrop_secrets_created_total").as_deref() == Some("2")
    });
    assert_eq!(value("up").as_deref(), Some("1"));
    until("Prometheus has evaluated the alerts", || {
        let groups = ask("rules").map_or(Value::Null, |answer| answer["data"]["groups"].clone());
        let rules = groups.as_array().into_iter().flatten();
        let rules: Vec<&Value> =
            rules.flat_map(|group| group["rules"].as_array().into_iter().flatten()).collect();
        rules.len() >= 10 && rules.iter().all(|rule| rule["health"] == "ok")
    });
    let firing = ask("alerts").expect("an answer")["data"]["alerts"].clone();
    let firing: Vec<&Value> =
        firing.as_array().into_iter().flatten().filter(|a| a["state"] == "firing").collect();
    assert!(firing.is_empty(), "a healthy daemon has no alert: {firing:?}");
    assert!(monitored.daemon.stop().0.success());
}
