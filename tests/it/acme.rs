//! Certificates from an ACME authority: Pebble, Let's Encrypt's authority for tests, with a DNS that sends all
//! names to this machine.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    daemon::{Daemon, program, sealdrop},
    tools::{CHROMIUM, CURL, OPENSSL, Running, Tool, free_port, trial_with},
};

// A wrong flag makes it end at once, with its help.
const PEBBLE: Tool = Tool::Program("sh", &["-c", "command -v pebble pebble-challtestsrv"]);
const CERTUTIL: Tool = Tool::Program("sh", &["-c", "command -v certutil"]);

/// The answer to `GET /health`.
const HEALTHY: &str = r#"{"status":"ok"}"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("acme::two_domains_and_their_renewal", &[PEBBLE, CURL, OPENSSL], two_domains),
        trial_with("acme::a_failure_and_its_recovery", &[PEBBLE, CURL, OPENSSL], recovery),
        trial_with(
            "acme::a_browser_trusts_the_authority",
            &[PEBBLE, CURL, OPENSSL, CHROMIUM, CERTUTIL],
            browser,
        ),
    ]
}

/// How long an authority, a daemon or a renewal may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const DOMAINS: [&str; 2] = ["drop.example.test", "other.example.test"];

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The ports of an authority, and of the server that it checks.
struct AcmeWorld {
    dir: tempfile::TempDir,
    acme: u16,
    management: u16,
    dns: u16,
    http: u16,
    https: u16,
}

impl AcmeWorld {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let [acme, management, dns, http, https] = [(); 5].map(|()| free_port());
        let world = Self { dir, acme, management, dns, http, https };
        world.openssl(&[
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "acme.key",
            "-out",
            "acme.crt",
        ]);
        world
    }

    fn openssl(&self, arguments: &[&str]) {
        let made = Command::new("openssl").args(arguments).current_dir(self.dir.path()).output();
        let made = made.expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Running {
        let log = File::create(self.path(&format!("{name}.log"))).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        Running(command.current_dir(self.dir.path()).spawn().expect(name))
    }

    /// Runs the DNS.
    fn dns(&self) -> Running {
        let address = format!("127.0.0.1:{}", self.dns);
        let management = format!("127.0.0.1:{}", free_port());
        let mut command = program("pebble-challtestsrv");
        command.args(["-dns01", &address, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", &management]);
        self.spawn("dns", &mut command)
    }

    /// Runs the authority, whose certificates are valid for `seconds`. It checks TLS-ALPN-01 at the port
    /// `https`. It loses its accounts when it ends.
    fn authority(&self, seconds: u64, https: u16) -> Running {
        let settings = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.acme),
            "managementListenAddress": format!("127.0.0.1:{}", self.management),
            "certificate": "acme.crt",
            "privateKey": "acme.key",
            "httpPort": self.http,
            "tlsPort": https,
            "certificateValidityPeriod": seconds,
        }});
        fs::write(self.path("pebble.json"), settings.to_string()).expect("a file");
        let mut command = program("pebble");
        command.args(["-config", "pebble.json", "-dnsserver", &format!("127.0.0.1:{}", self.dns)]);
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        let running = self.spawn("pebble", &mut command);
        until("the authority answers", || self.root().is_some());
        running
    }

    /// The certificate of the authority, in a file: a new one each time the authority starts.
    fn root(&self) -> Option<PathBuf> {
        let url = format!("https://localhost:{}/roots/0", self.management);
        let got = program("curl").args(["-sk", "--noproxy", "*", &url]).output().expect("curl");
        let path = self.path("root.pem");
        fs::write(&path, &got.stdout).expect("a file");
        got.status.success().then_some(path)
    }

    /// Starts the daemon, with plain HTTP if there are no other flags; does not wait for certificates.
    fn daemon(&self, domains: &[&str], more: &[&str]) -> Daemon {
        let mut command = sealdrop();
        command.args(["serve", "--data"]).arg(self.path("data"));
        command.args(["--listen", &format!("127.0.0.1:{}", self.https)]);
        command.args(["--acme-directory", &format!("https://localhost:{}/dir", self.acme)]);
        command.arg("--acme-ca").arg(self.path("acme.crt"));
        command.args(["--acme-email", "admin@example.test"]);
        for domain in domains {
            command.args(["--domain", domain]);
        }
        if more.is_empty() {
            command.args(["--http-listen", &format!("127.0.0.1:{}", self.http)]);
        }
        command.args(more);
        Daemon::run(command, self.path("daemon.log")).expect("a daemon")
    }

    /// curl's output for a URL of `domain`; `None` if it fails.
    fn curl(&self, domain: &str, path: &str, more: &[&str]) -> Option<String> {
        let url = format!("https://{domain}:{}{path}", self.https);
        let resolve = format!("{domain}:{}:127.0.0.1", self.https);
        let mut command = program("curl");
        command.args(["-s", "--noproxy", "*", "--resolve", &resolve, "--cacert"]);
        let got = command.arg(self.path("root.pem")).args(more).arg(url).output().expect("curl");
        got.status.success().then(|| String::from_utf8_lossy(&got.stdout).into_owned())
    }

    fn is_served(&self, domain: &str) -> bool {
        self.curl(domain, "/health", &[]).is_some_and(|body| body == HEALTHY)
    }

    /// What `openssl x509` says of the certificate that `domain` gets.
    fn shown(&self, domain: &str, what: &str) -> String {
        let script = format!(
            "openssl s_client -connect 127.0.0.1:{} -servername {domain} </dev/null 2>/dev/null | \
             openssl x509 -noout {what}",
            self.https
        );
        let shown = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        String::from_utf8_lossy(&shown.stdout).trim().to_owned()
    }
}

fn two_domains() {
    let world = AcmeWorld::new();
    let _dns = world.dns();
    let authority = world.authority(45, world.https);
    let daemon = world.daemon(&DOMAINS, &[]);
    for domain in DOMAINS {
        until("a certificate", || world.is_served(domain));
        assert!(world.shown(domain, "-ext subjectAltName").contains(domain));
    }
    // HTTP/2, and HSTS.
    let more = ["-i", "--http2"];
    let answer = world.curl(DOMAINS[0], "/health", &more).expect("an answer").to_lowercase();
    assert!(answer.starts_with("http/2 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    // A name that is not served gets the main one's certificate, and its client refuses it.
    assert!(world.curl("unknown.example.test", "/health", &[]).is_none());
    assert!(world.shown("unknown.example.test", "-ext subjectAltName").contains(DOMAINS[0]));
    // Plain HTTP leads to HTTPS; what could carry a secret does not.
    let plain = |arguments: &[&str]| {
        let url = format!("http://127.0.0.1:{}/x?y", world.http);
        let mut command = program("curl");
        command.args([
            "-s",
            "--noproxy",
            "*",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{redirect_url}",
        ]);
        let got = command.args(arguments).arg(url).output().expect("curl");
        String::from_utf8(got.stdout).expect("text")
    };
    let host = format!("Host: {}", DOMAINS[1]);
    assert_eq!(plain(&["-H", &host]), format!("308 https://{}/x?y", DOMAINS[1]));
    assert_eq!(plain(&["-H", "Host: a"]), format!("308 https://{}/x?y", DOMAINS[0]));
    assert_eq!(plain(&["-d", "secret"]), "403 ");
    // Keys are for the daemon alone.
    let kept = world.path("data/tls/acme");
    let folder = fs::read_dir(&kept).expect("a folder").next().expect("one").expect("one").path();
    for name in ["account.json", "drop.example.test.pem", "other.example.test.pem"] {
        let mode = fs::metadata(folder.join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    // It is renewed in time: there is never a moment without a valid one.
    let first = world.shown(DOMAINS[0], "-serial");
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("a renewal", || {
        assert!(world.is_served(DOMAINS[0]), "{}", log());
        world.shown(DOMAINS[0], "-serial") != first
    });
    // Without the authority, the stored one serves the next start.
    let current = world.shown(DOMAINS[0], "-serial");
    drop(authority);
    assert!(daemon.stop().0.success());
    let daemon = world.daemon(&DOMAINS, &[]);
    assert_eq!(world.shown(DOMAINS[0], "-serial"), current);
    assert!(world.is_served(DOMAINS[0]));
    // Its end comes near, and the log warns.
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("a warning", || {
        log().contains("the certificate cannot be renewed") || log().contains("has expired")
    });
    assert!(log().contains("cannot reach localhost"), "{}", log());
    assert!(daemon.stop().0.success());
}

fn recovery() {
    let world = AcmeWorld::new();
    let _dns = world.dns();
    let daemon = world.daemon(&DOMAINS[..1], &[]);
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("a failure", || log().contains("no certificate yet: https does not work"));
    assert!(log().contains("cannot reach localhost"), "{}", log());
    assert!(!world.is_served(DOMAINS[0]));
    // The port for TLS-ALPN-01 leads elsewhere, so the first try fails; the next one is over HTTP.
    let authority = world.authority(3600, free_port());
    daemon.signal(Signal::HUP);
    until("a certificate over HTTP-01", || world.is_served(DOMAINS[0]));
    assert!(daemon.stop().0.success());
    // An authority that has lost the account gets a new one.
    drop(authority);
    let _authority = world.authority(3600, world.https);
    let more = &DOMAINS[1..];
    let daemon = world.daemon(more, &[]);
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("the account is unknown", || {
        log().contains("no certificate yet") || world.is_served(more[0])
    });
    daemon.signal(Signal::HUP);
    until("a certificate with a new account", || world.is_served(more[0]));
    // Both proofs fail: the log says what the authority saw.
    assert!(daemon.stop().0.success());
    drop(_authority);
    let _authority = world.authority(3600, free_port());
    let daemon = world.daemon(&["third.example.test"], &["--http-listen", "off"]);
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("a refusal", || {
        daemon.signal(Signal::HUP);
        log().contains("the authority could not check the domain: ")
    });
    assert!(daemon.stop().0.success());
}

fn browser() {
    let world = AcmeWorld::new();
    let (_dns, _authority) = (world.dns(), world.authority(3600, world.https));
    let daemon = world.daemon(&DOMAINS[..1], &[]);
    until("a certificate", || world.is_served(DOMAINS[0]));
    let load = |home: &Path| {
        let url = format!("https://{}:{}/", DOMAINS[0], world.https);
        let mut command = program("chromium");
        command.env("HOME", home).args(["--headless", "--no-sandbox", "--disable-gpu"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-sync"]);
        command.args(["--disable-component-update", "--disable-quic", "--dump-dom"]);
        command.arg(format!("--user-data-dir={}", home.join("profile").display()));
        command.arg("--host-resolver-rules=MAP *.example.test 127.0.0.1").arg(url);
        let shown = command.stderr(Stdio::null()).output().expect("chromium");
        String::from_utf8_lossy(&shown.stdout).contains("<title>")
            && String::from_utf8_lossy(&shown.stdout).contains("sealdrop")
    };
    let (strange, knowing) = (world.path("strange"), world.path("knowing"));
    let database = knowing.join(".pki/nssdb");
    fs::create_dir_all(&database).expect("a folder");
    fs::create_dir_all(&strange).expect("a folder");
    let database = format!("sql:{}", database.display());
    for arguments in
        [&["-N", "--empty-password"][..], &["-A", "-n", "pebble", "-t", "C,,", "-i", "root.pem"]]
    {
        let mut command = Command::new("certutil");
        command.args(["-d", &database]).args(arguments).current_dir(world.dir.path());
        assert!(command.status().expect("certutil").success());
    }
    assert!(!load(&strange), "a browser that does not know the authority");
    assert!(load(&knowing), "a browser that knows it");
    assert!(daemon.stop().0.success());
}
