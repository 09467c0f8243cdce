//! HTTPS: certificates from files and self-signed, with real clients.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::Trial;

use crate::{
    daemon::{Daemon, sealdrop},
    mail::until,
    tools::{CURL, OPENSSL, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("https::a_self_signed_certificate_is_kept", &[CURL, OPENSSL], self_signed),
        trial_with("https::certificates_are_replaced_while_it_runs", &[CURL, OPENSSL], replaced),
        trial_with("https::wrong_files_are_named", &[OPENSSL], wrong_files_are_named),
        trial("https::secrets_and_files_pass_through", secrets_and_files_pass_through),
        trial("https::what_is_no_handshake_ends", what_is_no_handshake_ends),
    ]
}

const SELF_SIGNED: [&str; 2] = ["--tls-self-signed", "true"];

/// The body of `GET /health`; the error of curl if it fails.
pub(crate) fn health(base: &str, ca: &Path) -> Result<String, String> {
    let got = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--cacert"])
        .arg(ca)
        .arg(format!("{base}/health"))
        .output()
        .expect("curl");
    match got.status.success() {
        true => Ok(String::from_utf8_lossy(&got.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&got.stderr).into_owned()),
    }
}

fn self_signed() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let certificate = data.join("tls/self-signed.crt");
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let mut daemon = Daemon::start(&data, &SELF_SIGNED);
        assert!(daemon.base.starts_with("https://127.0.0.1:"), "{}", daemon.base);
        fingerprints.push(daemon.line_with(":").trim().to_owned());
        let printed = daemon.line_with(":");
        assert!(health(&daemon.base, &certificate).is_ok());
        // Another certificate authority is not enough.
        assert!(health(&daemon.base, Path::new("/etc/ssl/certs/ca-certificates.crt")).is_err());
        let shown = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(&certificate)
            .output()
            .expect("openssl");
        let shown = String::from_utf8(shown.stdout).expect("text");
        let (_, fingerprint) = shown.trim().split_once('=').expect("a fingerprint");
        assert_eq!(printed.trim(), fingerprint);
        assert!(daemon.stop().0.success());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}

/// A certificate for 127.0.0.1 with this name, and its key. `kind` is for `openssl req -newkey`.
pub(crate) fn make(dir: &Path, name: &str, kind: &[&str]) -> [PathBuf; 2] {
    let [chain, key] = ["crt", "key"].map(|end| dir.join(format!("{name}.{end}")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", &format!("/CN={name}"), "-newkey"])
        .args(kind)
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [chain, key]
}

pub(crate) const EC: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// The subject of the certificate that a new connection gets.
fn subject(base: &str) -> String {
    let address = base.strip_prefix("https://").expect("https");
    let script = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -subject"
    );
    let shown = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    String::from_utf8_lossy(&shown.stdout).trim().replace(' ', "")
}

fn replaced() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (first, second) =
        (make(dir.path(), "first", &["rsa:2048"]), make(dir.path(), "second", &EC));
    let [chain, key] = ["live.crt", "live.key"].map(|name| dir.path().join(name));
    let install = |pair: &[PathBuf; 2]| {
        fs::copy(&pair[0], &chain).expect("a copy");
        fs::copy(&pair[1], &key).expect("a copy");
    };
    install(&first);
    let data = dir.path().join("data");
    let text = |path: &Path| path.display().to_string();
    let flags = ["--tls-cert", &text(&chain), "--tls-key", &text(&key)].map(str::to_owned);
    let flags = flags.each_ref().map(String::as_str);
    let daemon = Daemon::start(&data, &flags);
    assert_eq!(subject(&daemon.base), "subject=CN=first");
    assert!(health(&daemon.base, &first[0]).is_ok());
    // At once, by a signal.
    install(&second);
    daemon.signal(rustix::process::Signal::HUP);
    until("the certificate is replaced", || subject(&daemon.base) == "subject=CN=second");
    assert!(health(&daemon.base, &second[0]).is_ok());
    // A key that does not belong to it changes nothing.
    fs::copy(&first[1], &key).expect("a copy");
    daemon.signal(rustix::process::Signal::HUP);
    let log = || fs::read_to_string(&daemon.log).expect("a log");
    until("the error is logged", || log().contains("does not belong to the certificate"));
    assert_eq!(subject(&daemon.base), "subject=CN=second");
    // The next change is found without a signal.
    install(&first);
    until("the change is found", || subject(&daemon.base) == "subject=CN=first");
    assert!(daemon.stop().0.success());
}

fn wrong_files_are_named() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (first, second) = (make(dir.path(), "first", &EC), make(dir.path(), "second", &EC));
    let text = |path: &Path| path.display().to_string();
    let (chain, key) = (text(&first[0]), text(&first[1]));
    let absent = text(&dir.path().join("absent"));
    // (flags, part of the error)
    let cases = [
        (vec!["--tls-cert", &chain], "tls_key"),
        (vec!["--tls-key", &key], "tls_cert"),
        (
            vec!["--tls-cert", &chain, "--tls-key", &key, "--tls-self-signed", "true"],
            "tls_self_signed",
        ),
        (vec!["--tls-cert", &absent, "--tls-key", &key], "cannot read"),
        (vec!["--tls-cert", &chain, "--tls-key", &absent], "cannot read"),
        (vec!["--tls-cert", &key, "--tls-key", &key], "contains no certificate"),
        (vec!["--tls-cert", &chain, "--tls-key", &chain], "contains no private key"),
    ];
    let other = text(&second[1]);
    let mismatch = (vec!["--tls-cert", &chain, "--tls-key", &other], "does not belong to");
    for (flags, problem) in cases.into_iter().chain([mismatch]) {
        let data = dir.path().join("data");
        let log = Daemon::try_start(&data, &flags).err().expect("no start");
        assert!(log.contains("exit status: 64") && log.contains(problem), "{flags:?}: {log}");
        fs::remove_file(data.with_extension("log")).expect("a log");
    }
}

fn secrets_and_files_pass_through() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &SELF_SIGNED);
    let keys = daemon.first_keys();
    let file = dir.path().join("large.bin");
    let content: Vec<u8> =
        (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(&file, &content).expect("a file");
    let certificate = data.join("tls/self-signed.crt");
    let client = |arguments: &[&str]| {
        let mut command = sealdrop();
        command
            .args(arguments)
            .env("SEALDROP_SERVER", &daemon.base)
            .env("SEALDROP_KEY", &keys.private);
        command.arg("--cacert").arg(&certificate);
        let output = command.output().expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let link = client(&["send", "-t", "through TLS", file.to_str().expect("UTF-8")]);
    assert!(link.starts_with(&format!("{}/", daemon.base)), "{link}");
    let out = dir.path().join("out");
    fs::create_dir(&out).expect("a directory");
    let text = client(&["open", link.trim(), "--yes", "-o", out.to_str().expect("UTF-8")]);
    assert_eq!(text, "through TLS");
    assert!(fs::read(out.join("large.bin")).expect("the file") == content);
    assert!(daemon.stop().0.success());
}

fn what_is_no_handshake_ends() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &SELF_SIGNED);
    let address = daemon.base.strip_prefix("https://").expect("https").to_owned();
    // (what is sent, the start of the answer)
    let cases: [(&[u8], &str); 3] = [
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
        (b"\x16\x03\x01\x00\x05hello", ""),
        // A client that says nothing is cut after ten seconds.
        (b"", ""),
    ];
    for (sent, answer) in cases {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.write_all(sent).expect("a write");
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("the end of the connection");
        let got = String::from_utf8_lossy(&got);
        assert!(got.starts_with(answer), "{got:?}");
        assert!(!answer.starts_with("HTTP") || got.contains("begin with https://"), "{got}");
    }
    assert!(daemon.stop().0.success());
}
