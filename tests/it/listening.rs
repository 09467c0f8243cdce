//! Where the daemon listens: several addresses, Unix sockets, sockets of systemd, the PROXY protocol, and the
//! hand-over to a new version of the program.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    daemon::{Daemon, program, sealdrop},
    http::Client,
    mail::until,
    raw::Raw,
    tools::{CURL, Running, Tool, free_port, trial_with},
    trial,
};

const SOCKET_ACTIVATE: Tool = Tool::Program("systemd-socket-activate", &["--version"]);
const HAPROXY: Tool = Tool::Program("haproxy", &["-v"]);

/// The answer to `GET /health`.
const HEALTHY: &str = r#"{"status":"ok"}"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("listening::several_addresses_and_a_unix_socket", &[CURL], several_addresses),
        trial_with("listening::sockets_of_systemd", &[CURL, SOCKET_ACTIVATE], sockets_of_systemd),
        trial("listening::the_proxy_protocol_names_the_client", proxy_protocol),
        trial_with("listening::haproxy_sends_both_versions", &[HAPROXY, CURL], haproxy),
        trial("listening::no_request_fails_while_the_program_is_replaced", replaced),
        trial("listening::a_program_that_does_not_start_replaces_nothing", not_replaced),
    ]
}

fn curl(arguments: &[&str]) -> String {
    let output = program("curl").args(["-sS", "--max-time", "20"]).args(arguments).output();
    let output = output.expect("curl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The addresses in the view log of a secret that was viewed once.
fn viewers(client: &Client) -> String {
    client.get("/api/secrets").json()["data"][0]["views"].to_string()
}

fn several_addresses() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let socket = dir.path().join("http.sock");
    let unix = format!("unix:{}", socket.display());
    let flags = ["--listen", "localhost:0", "--listen", &unix, "--socket-mode", "600"];
    let (mut daemon, client) = Daemon::start_first(&dir.path().join("data"), &flags);
    drop(daemon.stop());
    // Each is printed. `localhost` may have one address here, or two.
    let mut again = Daemon::start(&dir.path().join("data"), &flags);
    let mut bases = vec![again.base.clone()];
    let last = loop {
        let line = again.line_with("sealdrop listening on ");
        let (_, base) = line.trim_end().split_once(" on ").expect("an address");
        if base.starts_with("unix:") {
            break base.to_owned();
        }
        bases.push(base.to_owned());
    };
    daemon = again;
    assert_eq!(last, unix);
    assert!(bases.len() >= 2, "{bases:?}");
    for base in &bases {
        assert_eq!(curl(&[&format!("{base}/health")]), HEALTHY);
    }
    assert_eq!(fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o600);
    // Whoever may open the socket is trusted like a proxy.
    let client = Client::new(daemon.base.clone(), client.key);
    let id = client.create(json!({}));
    let path = socket.display().to_string();
    let header = "X-Forwarded-For: 203.0.113.9";
    let key = format!("Authorization: ApiKey {}", client.key);
    let url = format!("http://localhost/api/secrets/{id}");
    curl(&["--unix-socket", &path, "-H", header, "-H", &key, &url]);
    assert!(viewers(&client).contains("203.0.113.9"), "{}", viewers(&client));
    assert!(daemon.stop().0.success());
    assert!(!socket.exists(), "it is removed at the end");
}

fn sockets_of_systemd() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (port, path) = (free_port(), dir.path().join("http.sock"));
    let address = format!("127.0.0.1:{port}");
    let mut command = program("systemd-socket-activate");
    command.args(["-l", &address, "-l"]).arg(&path);
    command.arg(sealdrop().get_program()).args(["serve", "--listen", "192.0.2.1:1", "--data"]);
    command.arg(dir.path().join("data")).stdin(Stdio::null()).stdout(Stdio::piped());
    let log = fs::File::create(dir.path().join("log")).expect("a log");
    let mut child = Running(command.stderr(log).spawn().expect("systemd-socket-activate"));
    // The first connection starts the daemon, which then answers it.
    until("the socket is there", || path.exists());
    assert_eq!(curl(&[&format!("http://{address}/health")]), HEALTHY);
    let socket = path.display().to_string();
    assert_eq!(curl(&["--unix-socket", &socket, "http://localhost/health"]), HEALTHY);
    let mut printed = BufReader::new(child.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("a line");
    assert_eq!(line, format!("sealdrop listening on http://{address}\n"));
    // Another program opened the socket, and another removes it.
    kill_process(Pid::from_child(&child.0), Signal::TERM).expect("a process");
    assert!(child.0.wait().expect("its end").success());
    assert!(path.exists());
}

fn proxy_protocol() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let flags = ["--proxy-protocol", "true", "--trusted-proxy", "127.0.0.1", "--viewer-ip", "full"];
    let mut daemon = Daemon::start(&dir.path().join("data"), &flags);
    let keys = daemon.first_keys();
    let address: SocketAddr = daemon.base["http://".len()..].parse().expect("an address");
    let body = crate::http::secret_with(json!({})).to_string();
    let exchange = |header: &str, request: &str| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(header.as_bytes()).expect("a write");
        // A server that refuses the header may close at once.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let request = |method: &str, path: &str, body: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ApiKey {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            keys.private,
            body.len()
        )
    };
    let proxied = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n";
    let created = exchange(proxied, &request("POST", "/api/secrets", &body));
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    let (_, id) = created.split_once("\"id\":\"").expect("an id");
    let (id, _) = id.split_once('"').expect("an end");
    // Without a header, with another one, and with a header that names itself: no request is answered.
    for header in ["", "PROXY TCP9 a b 1 2\r\n", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02ab"] {
        assert_eq!(exchange(header, &request("GET", "/health", "")), "", "{header:?}");
    }
    // The proxy's own question.
    let health = exchange("PROXY UNKNOWN\r\n", &request("GET", "/health", ""));
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    let forged = request("GET", &format!("/api/secrets/{id}"), "")
        .replace("Host: a", "Host: a\r\nX-Forwarded-For: 198.51.100.7");
    let viewed = exchange(proxied, &forged);
    assert!(viewed.starts_with("HTTP/1.1 200 "), "{viewed}");
    let listed = exchange(proxied, &request("GET", "/api/secrets", ""));
    assert!(listed.contains("203.0.113.9") && !listed.contains("198.51.100.7"), "{listed}");
    // Who is no trusted proxy needs no header, and may send none.
    let client = Client::new(daemon.base.clone(), "");
    let ask = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(Raw::connect_from(&client, [127, 0, 0, 2]).send(ask).answer().status, 200);
    let both = format!("{proxied}{ask}");
    assert_eq!(Raw::connect_from(&client, [127, 0, 0, 2]).send(both).answer().status, 400);
    assert!(daemon.stop().0.success());
}

fn haproxy() {
    for option in ["send-proxy", "send-proxy-v2"] {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let flags = ["--proxy-protocol", "true", "--trusted-proxy", "127.0.0.1"];
        let mut daemon = Daemon::start(&dir.path().join("data"), &flags);
        let keys = daemon.first_keys();
        let upstream = &daemon.base["http://".len()..];
        let port = free_port();
        let settings = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             listen sealdrop\n bind 127.0.0.1:{port}\n server daemon {upstream} {option}\n"
        );
        let file = dir.path().join("haproxy.cfg");
        fs::write(&file, settings).expect("a file");
        let mut command = program("haproxy");
        command.args(["-db", "-f"]).arg(&file).stdin(Stdio::null());
        let _proxy = Running(command.spawn().expect("haproxy"));
        until("haproxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let client = Client::new(format!("http://127.0.0.1:{port}"), keys.private);
        let id = client.create(json!({}));
        let key = format!("Authorization: ApiKey {}", client.key);
        let url = format!("{}/api/secrets/{id}", client.base);
        curl(&["--interface", "127.0.0.5", "-H", &key, &url]);
        assert!(viewers(&client).contains("127.0.0.5"), "{option}: {}", viewers(&client));
    }
}

/// How many requests there are in all.
const REQUESTS: u64 = 20_000;
const REPLACEMENTS: u64 = 3;
const CLIENTS: u64 = 8;

fn replaced() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let socket = dir.path().join("http.sock");
    let unix = format!("unix:{}", socket.display());
    let (mut daemon, client) =
        Daemon::start_first(&dir.path().join("data"), &["--listen", &unix, "--create", "open"]);
    let pid = daemon.pid();
    let (answered, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let threads: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (base, key) = (client.base.clone(), client.key.clone());
            let (answered, is_over) = (Arc::clone(&answered), Arc::clone(&is_over));
            let socket = socket.clone();
            thread::spawn(move || {
                let mut client = Client::new(base.clone(), key.clone());
                while !is_over.load(Ordering::Relaxed) {
                    // Kept connections, new ones, secrets, and the Unix socket.
                    match number % 4 {
                        0 => client = Client::new(base.clone(), key.clone()),
                        1 => {
                            let id = client.create(json!({}));
                            assert_eq!(client.view(&id).status, 200);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        2 => assert!(health_over(&socket).starts_with("HTTP/1.1 200 ")),
                        _ => {}
                    }
                    assert_eq!(client.get("/health").status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=REPLACEMENTS {
        let enough = number * REQUESTS / (REPLACEMENTS + 1);
        until_long("requests are answered", || answered.load(Ordering::Relaxed) >= enough);
        daemon.signal(Signal::USR2);
        let line = daemon.line_with("sealdrop listening on ");
        assert!(line.contains(&daemon.base), "{line}");
        daemon.line_with(&unix);
    }
    until_long("requests are answered", || answered.load(Ordering::Relaxed) >= REQUESTS);
    is_over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no request failed");
    }
    assert_eq!(daemon.pid(), pid);
    let log = fs::read_to_string(&daemon.log).expect("a log");
    assert_eq!(log.matches("SIGUSR2: the program takes over").count() as u64, REPLACEMENTS);
    assert!(daemon.stop().0.success());
}

fn health_over(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    let ask = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).expect("a write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// As [`until`], for work that takes a while on a busy machine.
fn until_long(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(240);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "never: {what}");
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn not_replaced() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    // A copy, whose place another file takes.
    let copy = dir.path().join("sealdrop");
    fs::copy(sealdrop().get_program(), &copy).expect("a copy");
    let mut command = program(copy.to_str().expect("UTF-8"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir.path().join("data"));
    let daemon = Daemon::run(command, dir.path().join("log")).expect("a daemon");
    fs::remove_file(&copy).expect("a file");
    fs::write(&copy, "#!/bin/sh\necho 'a program that fails' >&2\nexit 1\n").expect("a file");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("its mode");
    daemon.signal(Signal::USR2);
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("it is refused", || log().contains("this process goes on"));
    assert!(log().contains("a program that fails"), "{}", log());
    assert_eq!(curl(&[&format!("{}/health", daemon.base)]), HEALTHY);
    assert!(daemon.stop().0.success());
}
