//! HTTP/2: the promises of HTTP/1.1 hold there, and its own attacks end.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    api::attachments::sealed_file,
    daemon::{Daemon, Keys, program},
    http::secret_with,
    tools::{CURL, NODE_20, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("http2::a_secret_opens_exactly_as_often_as_promised", &[NODE_20, CURL], race),
        trial_with("http2::requests_are_read_as_over_http_1", &[NODE_20, CURL], requests),
        trial_with("http2::bodies_are_streamed", &[NODE_20, CURL], bodies),
        trial_with("http2::requests_that_are_taken_back_hurt_nobody", &[NODE_20], resets),
        trial_with("http2::an_answer_that_is_not_read_ends_a_connection", &[NODE_20], slow),
        trial_with("http2::the_server_says_that_it_stops", &[NODE_20], stops),
    ]
}

struct Http2World {
    dir: tempfile::TempDir,
    daemon: Daemon,
    keys: Keys,
}

impl Http2World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let mut daemon = Daemon::start(&dir.path().join("data"), &["--tls-self-signed", "true"]);
        let keys = daemon.first_keys();
        Self { dir, daemon, keys }
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("data/tls/self-signed.crt")
    }

    fn command(&self, case: &str, arguments: &[&str]) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/http2.mjs");
        let mut command = program("node");
        command.arg(script).arg(&self.daemon.base).arg(self.ca()).arg(case).args(arguments);
        command
    }

    /// The result of a case in `http2.mjs`.
    fn node(&self, case: &str, arguments: &[&str]) -> Value {
        let output = self.command(case, arguments).output().expect("node");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{case}: {error}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let mut command = program("curl");
        command.args(["-sS", "--http2", "--noproxy", "*", "--cacert"]).arg(self.ca());
        command.args(["-H", &format!("Authorization: ApiKey {}", self.keys.private)]);
        let output = command.args(arguments).arg(format!("{}{path}", self.daemon.base)).output();
        let output = output.expect("curl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Creates a secret.
    fn create(&self, more: Value) -> Value {
        let body = secret_with(more).to_string();
        let created = ["-H", "Content-Type: application/json", "-d", &body];
        let created = self.curl("/api/secrets", &created);
        serde_json::from_str::<Value>(&created).expect("JSON")["data"].clone()
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect(name).to_owned()
}

fn race() {
    let world = Http2World::new();
    let version = world.curl("/health", &["-o", "/dev/null", "-w", "%{http_version}"]);
    assert_eq!(version, "2");
    let created = world.create(json!({ "max_views": 7 }));
    let path = format!("/api/secrets/{}", text(&created, "id"));
    // Looking costs nothing.
    for _ in 0..10 {
        world.curl(&path, &["-I"]);
    }
    let statuses = world.node("race", &[&path, &world.keys.private, "120"]);
    let statuses = statuses.as_array().expect("a list");
    let count = |status: u16| statuses.iter().filter(|found| **found == json!(status)).count();
    assert_eq!((count(200), count(404)), (7, 113), "{statuses:?}");
    assert!(world.daemon.stop().0.success());
}

fn requests() {
    let world = Http2World::new();
    let pairs =
        ["GET", "/health", "HEAD", "/", "GET", "/nothing", "DELETE", "/health", "GET", "/docs"];
    assert_eq!(world.node("statuses", &pairs), json!([200, 200, 404, 405, 200]));
    assert_eq!(world.node("hosts", &[]), json!(400));
    assert_eq!(world.node("streams", &[]), json!(100));
    // Headers that belong to a connection are not sent.
    let head = world.curl("/health", &["-i"]).to_lowercase();
    assert!(!head.contains("keep-alive") && !head.contains("\nconnection:"), "{head}");
    // The host is known: a page of the same origin may send forms, and others may not.
    let own = format!("Origin: {}", world.daemon.base);
    let fetch = |origin: &str| {
        world.curl("/health", &["-i", "-H", origin, "-H", "Sec-Fetch-Site: cross-site"])
    };
    assert!(fetch(&own).starts_with("HTTP/2 200"));
    // A coding of the body is refused although no header gives the length of the body.
    let coded = [
        "-X",
        "POST",
        "-H",
        "Content-Encoding: br",
        "-H",
        "Content-Type: application/json",
        "-T",
        "-",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
    ];
    let mut command = program("curl");
    command.args(["-sS", "--http2", "--noproxy", "*", "--cacert"]).arg(world.ca()).args(coded);
    command.arg(format!("{}/api/secrets", world.daemon.base)).stdin(Stdio::null());
    let output = command.output().expect("curl");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "415");
    assert!(world.daemon.stop().0.success());
}

fn bodies() {
    let world = Http2World::new();
    let created = world.create(json!({ "attachments": 1 }));
    let sealed = sealed_file(20 << 20);
    let file = world.dir.path().join("sealed");
    fs::write(&file, &sealed).expect("a file");
    let path = format!("/api/secrets/{}", text(&created, "id"));
    let attachment = format!("{path}/attachments/1");
    let name = file.to_str().expect("UTF-8");
    let status = world.node("upload", &[&attachment, name, &text(&created, "upload_token")]);
    assert_eq!(status, json!(200));
    let viewed: Value = serde_json::from_str(&world.curl(&path, &[])).expect("JSON");
    let lease = format!("Lease: {}", text(&viewed["data"]["lease"], "token"));
    let down = world.dir.path().join("down");
    world.curl(&attachment, &["-H", &lease, "-o", down.to_str().expect("UTF-8")]);
    assert!(fs::read(down).expect("a file") == sealed, "the download differs");
    // What nobody reads ends its stream alone.
    let refused = world.node("refused", &["/api/public/secrets"]);
    assert_eq!(refused, json!([403, 200]));
    assert!(peak_bytes(&world.daemon) < 120 << 20, "{} bytes", peak_bytes(&world.daemon));
    assert!(world.daemon.stop().0.success());
}

/// The most memory that a daemon has used.
fn peak_bytes(daemon: &Daemon) -> u64 {
    let path = format!("/proc/{}/status", daemon.pid().as_raw_nonzero());
    let status = fs::read_to_string(Path::new(&path)).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib << 10
}

fn resets() {
    let world = Http2World::new();
    let result = world.node("resets", &[&world.keys.private, "5000"]);
    // The connection ends, unless the server is so busy that it has answered each (400: the body is incomplete)
    // before it looks whether it was taken back. Then they were requests like others.
    assert!(result["ended"] == json!(true) || result["sent"] == json!(5000), "{result}");
    // Others do not notice.
    assert_eq!(world.node("statuses", &["GET", "/health"]), json!([200]));
    assert!(world.daemon.stop().0.success());
}

fn slow() {
    let world = Http2World::new();
    assert_eq!(world.node("slow", &["/openapi.json"]), json!(true));
    assert!(world.daemon.stop().0.success());
}

fn stops() {
    let world = Http2World::new();
    let mut command = world.command("stops", &[]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("node");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    assert!(world.daemon.stop().0.success());
    line.clear();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "[true,true]\n");
    assert!(child.wait().expect("its end").success());
}
