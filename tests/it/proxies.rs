//! The recipes for proxies in docs/operations.md, unchanged except for names, ports and files.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    api::attachments::sealed_file,
    daemon::{Daemon, program},
    http::{Client, secret_with},
    sub_path::script_of,
    tools::{CURL, OPENSSL, Running, Tool, free_port, trial_with},
};

const CADDY: Tool = Tool::Program("caddy", &["version"]);
const NGINX: Tool = Tool::Program("nginx", &["-v"]);
const HAPROXY: Tool = Tool::Program("haproxy", &["-v"]);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("proxies::caddy", &[CADDY, CURL], || run("caddy", caddy)),
        trial_with("proxies::nginx", &[NGINX, CURL, OPENSSL], || run("nginx", nginx)),
        trial_with("proxies::haproxy", &[HAPROXY, CURL, OPENSSL], || run("haproxy", haproxy)),
    ]
}

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
/// The content that is uploaded and downloaded.
const FILE_BYTES: usize = 100 << 20;
/// The client: one of the loopback addresses, other than that of the proxy.
const CLIENT: &str = "127.0.0.5";
/// The address that the client claims to have.
const FORGED: &str = "203.0.113.66";
/// How long a proxy may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A recipe, and the address at which it is tested.
struct Trying<'a> {
    recipe: &'a str,
    dir: &'a Path,
    /// The address of the daemon.
    upstream: &'a str,
    /// The port of the proxy.
    port: u16,
}

impl Trying<'_> {
    /// The recipe with these values instead of other words, each of which it must contain.
    fn adapted(&self, words: &[(&str, &str)]) -> String {
        let mut text = self.recipe.replace("127.0.0.1:8080", self.upstream);
        assert_ne!(text, self.recipe, "the recipe names no daemon");
        for (word, other) in words {
            assert!(text.contains(word), "{word} in:\n{text}");
            text = text.replace(word, other);
        }
        text
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, content).expect("a file");
        path
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn spawn(&self, mut command: Command) -> Running {
        let log = File::create(self.dir.join("proxy.log")).expect("a log");
        command.current_dir(self.dir).env("HOME", self.dir).env("XDG_DATA_HOME", self.dir);
        command.env("XDG_CONFIG_HOME", self.dir).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let mut proxy = Running(command.spawn().expect("the proxy"));
        let start = Instant::now();
        // Caddy listens before it has a certificate.
        let url = format!("https://localhost:{}/", self.port);
        let is_there = || {
            let asked = program("curl").args(["-sk4", "-o", "/dev/null", &url]).status();
            asked.expect("curl").success()
        };
        while !is_there() {
            let ended = proxy.0.try_wait().expect("a process");
            let log = || fs::read_to_string(self.dir.join("proxy.log")).unwrap_or_default();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{ended:?}:\n{}", log());
        }
        proxy
    }

    /// A certificate for `localhost`, with its key in files of their own and appended.
    fn certificate(&self) {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(self.dir)
            .output();
        assert!(made.expect("openssl").status.success());
        let read = |name| fs::read_to_string(self.dir.join(name)).expect("a file");
        self.file("both.pem", &(read("cert.pem") + &read("key.pem")));
    }
}

fn caddy(trying: &Trying<'_>) -> Running {
    let name = format!("https://localhost:{}", trying.port);
    let recipe = trying.adapted(&[("example.org", &name)]);
    // Certificates of its own, which no other program trusts; nothing is left outside of its folder.
    let options = "{\n\tadmin off\n\tskip_install_trust\n\tlocal_certs\n\
                   \tauto_https disable_redirects\n}\n";
    let file = trying.file("Caddyfile", &format!("{options}{recipe}"));
    let mut command = program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    trying.spawn(command)
}

fn nginx(trying: &Trying<'_>) -> Running {
    trying.certificate();
    let listen = format!("listen {} ssl", trying.port);
    let recipe = trying.adapted(&[
        ("listen 443 ssl", &listen),
        ("server_name example.org", "server_name localhost"),
        ("/etc/ssl/example.org.pem", &trying.path("cert.pem")),
        ("/etc/ssl/example.org.key", &trying.path("key.pem")),
    ]);
    // The context of sites in Debian's nginx.conf, with folders of the test's own.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let folders: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {};\n", trying.path(name)))
        .collect();
    // A worker of its own would survive the killed master.
    let around = format!(
        "{user}daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\n\
         events {{}}\nhttp {{\naccess_log off;\n{}{recipe}\n}}\n",
        trying.path("pid"),
        folders.concat(),
    );
    let file = trying.file("nginx.conf", &around);
    let mut command = program("nginx");
    command.args(["-e", "stderr", "-c"]).arg(file);
    trying.spawn(command)
}

fn haproxy(trying: &Trying<'_>) -> Running {
    trying.certificate();
    let bind = format!("bind :{} ssl", trying.port);
    let recipe = trying.adapted(&[
        ("bind :443 ssl", &bind),
        ("/etc/haproxy/example.org.pem", &trying.path("both.pem")),
    ]);
    let file = trying.file("haproxy.cfg", &recipe);
    let mut command = program("haproxy");
    command.args(["-db", "-f"]).arg(file);
    trying.spawn(command)
}

/// The blocks of the documentation in this language.
fn recipes(language: &str) -> Vec<String> {
    let docs = fs::read_to_string(DOCS).expect("the documentation");
    let start = format!("```{language}\n");
    let blocks = docs.split(&start).skip(1);
    blocks.map(|rest| rest.split("```").next().expect("an end").to_owned()).collect()
}

/// Tests both recipes of a proxy: with the path kept, and stripped.
fn run(language: &str, start: fn(&Trying<'_>) -> Running) {
    let recipes = recipes(language);
    assert_eq!(recipes.len(), 2, "one keeps the path, one strips it");
    for recipe in recipes {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let flags = ["--public-url", "https://example.org/secrets", "--trusted-proxy", "127.0.0.1"];
        let flags = [&flags[..], &["--key-pool", "0"]].concat();
        let (daemon, direct) = Daemon::start_first(&dir.path().join("data"), &flags);
        let port = free_port();
        let upstream = daemon.base.trim_start_matches("http://").to_owned();
        let trying = Trying { recipe: &recipe, dir: dir.path(), upstream: &upstream, port };
        let _proxy = start(&trying);
        let through = Through { dir: dir.path(), port };
        pages(&through);
        up_and_down(&through, &direct);
    }
}

/// A client that runs curl, at another address than the proxy.
struct Through<'a> {
    dir: &'a Path,
    port: u16,
}

impl Through<'_> {
    /// Status, `Location`, and body.
    fn curl(&self, path: &str, arguments: &[&str]) -> (String, String, String) {
        let url = format!("https://localhost:{}{path}", self.port);
        let forged = [
            format!("X-Forwarded-For: {FORGED}"),
            format!("Forwarded: for={FORGED}"),
            format!("X-Real-IP: {FORGED}"),
        ];
        let mut command = program("curl");
        command.args(["-sSk4", "--max-time", "120", "--interface", CLIENT, "-o", "body"]);
        command.args(["-w", "%{http_code} %{redirect_url}"]);
        for header in &forged {
            command.args(["-H", header]);
        }
        // Without `Expect: 100-continue`, which is not tested here.
        command.args(["-H", "Expect:"]).args(arguments).arg(url).current_dir(self.dir);
        let output = command.output().expect("curl");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {error}");
        let told = String::from_utf8(output.stdout).expect("text");
        let (status, location) = told.split_once(' ').expect("two words");
        let body = fs::read(self.dir.join("body")).unwrap_or_default();
        (status.to_owned(), location.to_owned(), String::from_utf8_lossy(&body).into_owned())
    }

    fn json(&self, path: &str, arguments: &[&str]) -> Value {
        let (status, _, body) = self.curl(path, arguments);
        assert!(status.starts_with('2'), "{path}: {status} {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

fn pages(through: &Through<'_>) {
    let (status, _, page) = through.curl("/secrets/", &["-H", "Accept: text/html"]);
    assert_eq!(status, "200", "{page}");
    let asset = format!("/secrets{}", script_of(&page));
    for path in [&*asset, "/secrets/health", "/secrets/docs", "/secrets/openapi.json"] {
        assert_eq!(through.curl(path, &[]).0, "200", "{path}");
    }
    let (status, location, _) = through.curl("/secrets?lang=sv", &[]);
    assert!(["301", "308"].contains(&&*status), "{status}");
    assert!(location.ends_with("/secrets/?lang=sv"), "{location}");
    assert_eq!(through.curl("/secrets/nothing", &["-H", "Accept: text/html"]).0, "404");
    // This path is not sealdrop's; the proxy answers it.
    assert!(!through.curl("/secretsfoo", &["-H", "Accept: text/html"]).2.contains("sealdrop"));
}

/// A file goes up in one request, is viewed and comes down, and the view log has the client's address.
fn up_and_down(through: &Through<'_>, direct: &Client) {
    let key = format!("Authorization: ApiKey {}", direct.key);
    let sealed = sealed_file(FILE_BYTES);
    fs::write(through.dir.join("sealed"), &sealed).expect("a file");
    let mut secret = secret_with(json!({}));
    secret["attachments"] = json!(1);
    let body = secret.to_string();
    let created = ["-H", &key, "-H", "Content-Type: application/json", "-d", &body];
    let created = through.json("/secrets/api/secrets", &created);
    let text = |name: &str| created["data"][name].as_str().expect("a text").to_owned();
    let (id, token) = (text("id"), format!("Upload-Token: {}", text("upload_token")));
    let secret = format!("/secrets/api/secrets/{id}");
    let attachment = format!("{secret}/attachments/1");
    through.json(&attachment, &["-T", "sealed", "-H", &token]);
    let viewed = through.json(&secret, &["-H", &key]);
    let lease = format!("Lease: {}", viewed["data"]["lease"]["token"].as_str().expect("a lease"));
    let (status, ..) = through.curl(&attachment, &["-H", &lease]);
    assert_eq!(status, "200");
    assert!(fs::read(through.dir.join("body")).expect("a file") == sealed, "the download differs");
    let list = direct.get("/api/secrets").json();
    let views = list["data"][0]["views"].to_string();
    assert!(views.contains(CLIENT) && !views.contains(FORGED), "{views}");
}
