//! `/metrics`: every definition is in the output, the values are right, nothing of a client is in it.

mod documents;
mod prometheus;
mod requests;
mod status;

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use sealdrop::metrics::TABLE;
use serde_json::json;

use crate::{
    daemon::Daemon,
    http::Client,
    mail::until,
    tools::{CURL, Tool, trial_with},
    trial,
};

const PROMTOOL: Tool = Tool::Program("promtool", &["--version"]);
const FAIL2BAN: Tool = Tool::Program("fail2ban-regex", &["--version"]);
const PROMETHEUS: Tool = Tool::Program("prometheus", &["--version"]);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("monitoring::all_metrics_are_reported", &[CURL], all_metrics_are_reported),
        trial("monitoring::metrics_count_what_happened", metrics_count_what_happened),
        trial("monitoring::metrics_have_nothing_of_clients", metrics_have_nothing_of_clients),
        trial("monitoring::metrics_need_a_setting", metrics_need_a_setting),
        trial("monitoring::wrong_token_files_are_named", wrong_token_files_are_named),
        trial("monitoring::documents_name_real_metrics", documents::name_real_metrics),
        trial("monitoring::the_history_is_by_the_hour", status::the_history_is_by_the_hour),
        trial("monitoring::only_the_first_account_sees_it", status::only_the_first_account_sees_it),
        trial("monitoring::the_operator_sees_the_state", status::the_operator_sees_it),
        trial("monitoring::each_request_is_one_line", requests::one_line_for_each),
        trial(
            "monitoring::addresses_are_logged_as_the_operator_says",
            requests::addresses_are_as_the_operator_says,
        ),
        trial(
            "monitoring::a_storm_of_refusals_is_one_line",
            requests::a_storm_of_refusals_is_one_line,
        ),
        trial("monitoring::the_forms_of_the_log", requests::forms_are_what_their_readers_expect),
        trial_with(
            "monitoring::fail2ban_finds_attacks",
            &[FAIL2BAN],
            requests::fail2ban_finds_attacks,
        ),
        trial_with(
            "monitoring::prometheus_scrapes_it",
            &[PROMTOOL, PROMETHEUS],
            prometheus::scrapes_it,
        ),
    ]
}

/// A daemon with a listener for metrics.
struct Monitored {
    daemon: Daemon,
    client: Client,
    /// The address of the listener for metrics.
    address: String,
    _dir: tempfile::TempDir,
}

impl Monitored {
    fn start(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let all = ["--metrics-listen", "127.0.0.1:0", "--key-pool", "0"];
        let all = [&all[..], flags].concat();
        let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &all);
        let text = || std::fs::read_to_string(&daemon.log).expect("a log");
        until("the address is logged", || text().contains("metrics are at this address"));
        let log = text();
        let line = log.lines().find(|line| line.contains("metrics are at this address"));
        let (_, address) = line.and_then(|line| line.split_once("address=")).expect("an address");
        let address = address.trim().to_owned();
        Self { daemon, client, address, _dir: dir }
    }

    fn metrics(&self) -> Samples {
        let (status, text) = get(&format!("http://{}/metrics", self.address), None);
        assert_eq!(status, 200, "{text}");
        Samples::of(&text)
    }
}

/// Status and body.
fn get(url: &str, token: Option<&str>) -> (u16, String) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call().expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), text)
}

/// The samples of an output, by name and labels as written.
struct Samples {
    text: String,
    values: BTreeMap<String, f64>,
}

impl Samples {
    fn of(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        });
        Self { text: text.to_owned(), values: samples.collect() }
    }

    fn get(&self, name: &str) -> f64 {
        *self.values.get(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }
}

fn all_metrics_are_reported() {
    let monitored = Monitored::start(&[]);
    let samples = monitored.metrics();
    for metric in TABLE {
        let name = metric.exported_name();
        assert!(samples.text.contains(&format!("# HELP {name} {}\n", metric.help)), "{name}");
    }
    let described = samples.text.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(described, TABLE.len(), "each metric is defined once");
    assert_eq!(samples.get("sealdrop_clock_trusted"), 1.0);
    assert!(samples.get("sealdrop_disk_free_bytes") > 0.0);
    assert!(samples.get(r#"sealdrop_store_size_bytes{part="database"}"#) > 0.0);
    let end = "\nsealdrop_certificate_expiry_timestamp_seconds ";
    assert!(!samples.text.contains(end));
    assert!(monitored.daemon.stop().0.success());

    let dir = tempfile::tempdir().expect("a fresh directory");
    let token = token_file(dir.path(), TOKEN);
    let flags = ["--tls-self-signed", "true", "--metrics-token-file", &token];
    let daemon = Daemon::start(&dir.path().join("data"), &flags);
    let output = crate::daemon::program("curl")
        .args(["-sSk", "--noproxy", "*", "-H", &format!("Authorization: Bearer {TOKEN}")])
        .arg(format!("{}/metrics", daemon.base))
        .output()
        .expect("curl");
    let samples = Samples::of(&String::from_utf8_lossy(&output.stdout));
    // 2120-01-01.
    assert_eq!(samples.get(end.trim()), 4_733_510_400.0);
    assert!(samples.get(r#"sealdrop_connections{protocol="https",peer="client"}"#) >= 1.0);
    assert!(daemon.stop().0.success());
}

fn metrics_count_what_happened() {
    let monitored = Monitored::start(&["--password-tries", "1", "--create", "open"]);
    let before = monitored.metrics();
    let client = &monitored.client;
    let seen = client.create(json!({"max_views": 2}));
    let burned = client.create(json!({}));
    let guarded = client.create(json!({"password": "right"}));
    for _ in 0..2 {
        assert_eq!(client.view(&seen).status, 200);
    }
    assert_eq!(client.view(&seen).status, 404);
    assert_eq!(client.delete(&format!("/api/secrets/{burned}")).status, 200);
    let wrong = json!({"token": "A".repeat(43), "password": "wrong"});
    let path = format!("/api/public/secrets/{guarded}/view");
    let statuses: Vec<u16> = (0..3).map(|_| client.post(&path, &wrong).status).collect();
    assert_eq!(statuses, [403, 429, 429]);
    let after = monitored.metrics();
    // (sample, growth)
    let cases = [
        ("sealdrop_secrets_created_total", 3.0),
        ("sealdrop_secret_views_total", 2.0),
        ("sealdrop_secrets_burned_total", 2.0),
        ("sealdrop_late_tries_total", 1.0),
        ("sealdrop_live_secrets", 1.0),
        (r#"sealdrop_refusals_total{limit="password_tries"}"#, 2.0),
    ];
    for (name, growth) in cases {
        assert_eq!(after.get(name) - before.get(name), growth, "{name}");
    }
    let requests = [
        (r#"route="/api/secrets",method="POST",status="201""#, 3.0),
        (r#"route="/api/secrets/{id}",method="GET",status="200""#, 2.0),
        (r#"route="/api/secrets/{id}",method="GET",status="404""#, 1.0),
        (r#"route="/api/public/secrets/{id}/view",method="POST",status="429""#, 2.0),
    ];
    for (labels, count) in requests {
        assert_eq!(after.get(&format!("sealdrop_http_requests_total{{{labels}}}")), count);
    }
    let times = r#"{route="/api/secrets",method="POST"}"#;
    let of = |suffix: &str| {
        after.get(&format!("sealdrop_http_request_duration_seconds_{suffix}{times}"))
    };
    assert_eq!(of("count"), 3.0);
    assert!(of("sum") > 0.0 && of("sum") < 60.0);
    assert!(after.get("sealdrop_store_commit_duration_seconds_count") >= 6.0);
    assert!(after.get(r#"sealdrop_store_sync_duration_seconds_count{file="database"}"#) >= 6.0);
    assert!(after.get(r#"sealdrop_store_sync_duration_seconds_count{file="slots"}"#) >= 5.0);
    assert!(
        after.get(r#"sealdrop_connections_accepted_total{protocol="http",peer="client"}"#) >= 1.0
    );
    // What the store holds is known again after a restart.
    let live = after.get("sealdrop_live_secrets");
    let Monitored { daemon, _dir: dir, .. } = monitored;
    assert!(daemon.stop().0.success());
    let flags = ["--metrics-token-file", &token_file(dir.path(), TOKEN), "--key-pool", "0"];
    let daemon = Daemon::start(&dir.path().join("data"), &flags);
    let (status, text) = get(&format!("{}/metrics", daemon.base), Some(TOKEN));
    assert_eq!((status, Samples::of(&text).get("sealdrop_live_secrets")), (200, live));
    assert!(daemon.stop().0.success());
}

fn metrics_have_nothing_of_clients() {
    let monitored = Monitored::start(&["--trusted-proxy", "127.0.0.1"]);
    let client = &monitored.client;
    let id = client.create(json!({"description": "planted"}));
    let headers = [("x-forwarded-for", "203.0.113.99"), ("user-agent", "planted")];
    let paths = ["/planted", "/api/planted", "/Service/planted/terms", "/planted?planted=1"];
    for path in paths.map(str::to_owned).into_iter().chain([format!("/api/secrets/{id}")]) {
        for method in ["GET", "POST", "PLANTED"] {
            let answer = client.send(method, &path, &headers, b"");
            assert!(answer.status != 500, "{method} {path}");
        }
    }
    let samples = monitored.metrics();
    let text = samples.text.to_lowercase();
    for secret in
        ["planted", &id.to_lowercase(), &client.key.to_lowercase(), "203.0.113", "127.0.0.1"]
    {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    for (method, status) in [("GET", 404), ("POST", 404), ("other", 404)] {
        let labels = format!(r#"route="other",method="{method}",status="{status}""#);
        assert!(samples.get(&format!("sealdrop_http_requests_total{{{labels}}}")) >= 2.0);
    }
    assert!(monitored.daemon.stop().0.success());
}

const TOKEN: &str = "0123456789abcdef-token";

/// A file with this token.
fn token_file(dir: &std::path::Path, token: &str) -> String {
    let path = dir.join("token");
    std::fs::write(&path, format!("{token}\n")).expect("a file");
    path.display().to_string()
}

fn metrics_need_a_setting() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &["--key-pool", "0"]);
    let url = format!("{}/metrics", daemon.base);
    assert_eq!(get(&url, None).0, 404);
    assert_eq!(get(&url, Some(TOKEN)).0, 404);
    assert!(daemon.stop().0.success());

    let flags = ["--metrics-token-file", &token_file(dir.path(), TOKEN), "--key-pool", "0"];
    let flags = [&flags[..], &["--public-url", "https://example.org/below"]].concat();
    let daemon = Daemon::start(&dir.path().join("data"), &flags);
    let url = format!("{}/metrics", daemon.base);
    // (token, status)
    let cases =
        [(None, 401), (Some("x"), 401), (Some("0123456789abcdef-tokem"), 401), (Some(TOKEN), 200)];
    for (token, status) in cases {
        assert_eq!(get(&url, token).0, status, "{token:?}");
    }
    let below = format!("{}/below/metrics", daemon.base);
    assert_eq!(get(&below, Some(TOKEN)).0, 200, "through a proxy that keeps the path");
    let head = ureq::head(&url).header("authorization", format!("bearer {TOKEN}")).call();
    let head = head.expect("an answer");
    assert_eq!(head.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let log = std::fs::read_to_string(&daemon.log).expect("a log");
    assert!(!log.contains(TOKEN));
    assert!(daemon.stop().0.success());
}

fn wrong_token_files_are_named() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let file = token_file(dir.path(), "planted-short");
    let absent = dir.path().join("absent").display().to_string();
    for (file, problem) in [(file, "less than 16 characters"), (absent, "No such file")] {
        let data = dir.path().join("data");
        let log = Daemon::try_start(&data, &["--metrics-token-file", &file]).err();
        let log = log.expect("no start");
        assert!(log.contains("exit status: 64") && log.contains(problem), "{log}");
        assert!(log.contains("metrics_token_file") && log.contains("openssl rand"), "{log}");
        assert!(!log.contains("planted"), "{log}");
        std::fs::remove_file(data.with_extension("log")).expect("a log");
    }
}
