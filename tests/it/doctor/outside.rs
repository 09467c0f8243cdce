//! The public URL: reachable, with the right scheme and certificate, and clocks.

use std::path::PathBuf;

use libtest_mimic::Trial;

use super::{DAEMON, SKIPPED, certificate, directory::mounted, examine, free_port, text};
use crate::{
    daemon::Daemon,
    tools::{OPENSSL, Tool, faketime, trial_with},
    trial,
};

/// Other names for one process, and the ports 80 and 443.
const DOMAINS: &[Tool] = &[Tool::LoopDevices, OPENSSL, Tool::FakeTime];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("doctor::public_urls", public_urls),
        trial_with("doctor::domains", DOMAINS, domains),
        trial_with("doctor::certificates", &[OPENSSL, Tool::FakeTime], certificates),
        trial_with("doctor::clocks", &[Tool::FakeTime], clocks),
    ]
}

fn public_urls() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let other = Daemon::start(&dir.path().join("other"), &DAEMON);
    let closed = format!("http://127.0.0.1:{}", free_port());
    let (port, plain) = (free_port(), free_port());
    let own = format!("127.0.0.1:{port}");
    // (the public URL, words)
    let cases = [
        (closed.clone(), "cannot connect"),
        (other.base.clone(), "does not lead to the daemon on this machine"),
        (format!("http://127.0.0.1:{port}/secrets/below"), "does not lead"),
        (format!("https://127.0.0.1:{port}"), "no TLS: it speaks plain HTTP there"),
        ("https://nowhere.invalid".to_owned(), "nowhere.invalid has no address"),
    ];
    let data = dir.path().join("data");
    for (public, words) in &cases {
        let wrong_path = public.ends_with("/below");
        let flags = ["--listen", &own, "--public-url", public];
        let daemon = Daemon::start(&data, &[&DAEMON[..], &flags].concat());
        if wrong_path {
            // The daemon itself answers below its path, so another one is asked.
            let asked = format!("http://127.0.0.1:{port}/elsewhere");
            examine(&data, &[&asked]).finds(public, &["public-url"], "answers with the status 404");
        } else {
            examine(&data, &[]).finds(public, &["public-url"], words);
        }
        assert!(daemon.stop().0.success());
    }
    // HTTP that only sends browsers to HTTPS.
    let http = format!("127.0.0.1:{plain}");
    let flags = ["--tls-self-signed", "true", "--http-listen", &http];
    let daemon = Daemon::start(&data, &[&DAEMON[..], &flags].concat());
    examine(&data, &[]).finds("self-signed", &[], "");
    let asked = format!("http://{http}");
    examine(&data, &[&asked]).finds("a redirect", &["public-url"], "only sends browsers to HTTPS");
    examine(&data, &[&daemon.base]).finds("not trusted", &["certificate"], "known authority");
}

fn domains() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let acme = format!("https://127.0.0.1:{}/directory", free_port());
    let flags = ["--domain", "nowhere.invalid", "--acme-directory", &acme];
    let http = ["--http-listen", "127.0.0.1:0"];
    let daemon = Daemon::start(&data, &[&DAEMON[..], &flags, &http].concat());
    examine(&data, &[]).finds("no record", &["domain", "public-url"], "A and AAAA records");
    assert!(daemon.stop().0.success());

    let name = "secrets.doctor.example";
    let flags = ["--domain", name, "--acme-directory", &acme];
    let _daemon = Daemon::start(&data, &[&DAEMON[..], &flags, &http].concat());
    let hosts = dir.path().join("hosts");
    let script = "mount --bind \"$P\" /etc/hosts";
    let elsewhere = |address: &str, ca: &str| {
        std::fs::write(&hosts, format!("127.0.0.1 localhost\n{address} {name}\n")).expect("a file");
        let flags = [&SKIPPED[..], &["--cacert", ca]].concat();
        mounted(script, &hosts, &data, &flags)
    };
    let [chain, key] = certificate(dir.path(), "other", 0, 90, &format!("DNS:{name}"));
    let (chain, key) = (text(&chain), text(&key));
    let found = ["domain", "public-url"];
    elsewhere("127.0.0.77", &chain).finds("closed", &found, "nothing answers at 127.0.0.77:443");
    let flags = ["--tls-cert", &chain, "--tls-key", &key, "--http-listen", "127.0.0.78:80"];
    let flags = [&DAEMON[..], &flags, &["--listen", "127.0.0.78:443"]].concat();
    let _other = Daemon::start(&dir.path().join("other"), &flags);
    elsewhere("127.0.0.78", &chain).finds("elsewhere", &found, "where another server answers");
}

fn certificates() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    // (days since it was made, days of its life, name, findings, words)
    let cases: [(u32, u32, &str, &[&str], &str); 4] = [
        (0, 90, "IP:127.0.0.1", &[], "\"certificate_days\":"),
        (20, 10, "IP:127.0.0.1", &["certificate"], "has expired"),
        (80, 90, "IP:127.0.0.1", &["certificate"], "was not renewed"),
        (0, 90, "DNS:example.org", &["certificate"], "for another name"),
    ];
    for (number, (ago, days, name, findings, words)) in cases.into_iter().enumerate() {
        let [chain, key] = certificate(dir.path(), &number.to_string(), ago, days, name);
        let (chain, key) = (text(&chain), text(&key));
        let flags = ["--tls-cert", &chain, "--tls-key", &key];
        let daemon = Daemon::start(&data, &[&DAEMON[..], &flags].concat());
        let found = examine(&data, &["--cacert", &chain]);
        // The daemon warns about its own certificate, too.
        let found = match found.checks.contains("daemon") {
            true => examine(&data, &["--cacert", &chain, "--skip", "daemon"]),
            false => found,
        };
        found.finds(words, findings, words);
        examine(&data, &["--skip", "daemon"]).finds("unknown", &["certificate"], "");
        assert!(daemon.stop().0.success());
    }
}

fn clocks() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let env = [
        ("LD_PRELOAD", faketime().expect("libfaketime")),
        ("FAKETIME", PathBuf::from("+2h")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", PathBuf::from("1")),
        ("DONT_FAKE_MONOTONIC", PathBuf::from("1")),
    ];
    let daemon = Daemon::start_with(&data, &DAEMON, &env);
    examine(&data, &[]).finds("the daemon", &["clock"], "The clock of the daemon");
    // From another machine, by the date of its answers.
    let elsewhere = dir.path().join("absent");
    examine(&elsewhere, &[&daemon.base]).finds("the URL", &["clock"], "that of this machine");
}
