//! Settings: wrong ones are named, and the source with the highest priority wins.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Trial;

use crate::{
    daemon::{Daemon, sealdrop},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::settings::wrong_ones_are_named", wrong_ones_are_named),
        trial("cli::settings::flag_before_environment_before_file", the_foremost_source_wins),
        trial("cli::settings::check_leaves_no_trace", check_leaves_no_trace),
        trial("cli::settings::files_and_variables_are_read_as_they_are_meant", as_they_are_meant),
        trial("cli::settings::what_may_pass_is_told_from_what_is_wrong", what_may_pass),
    ]
}

fn serve(dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = sealdrop();
    command.current_dir(dir).envs(environment.iter().copied()).arg("serve").args(arguments);
    command.stdin(Stdio::null());
    command
}

fn wrong_ones_are_named() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    std::fs::write(dir.path().join("a.toml"), "listen = \"nowhere\"\n").expect("a file");
    std::fs::write(dir.path().join("b.toml"), "max_veiws = 1\n").expect("a file");
    std::fs::write(dir.path().join("c.toml"), "listen = \n").expect("a file");
    std::fs::write(dir.path().join("d.toml"), "keep_log = [1]\n").expect("a file");
    std::fs::write(dir.path().join("file"), "").expect("a file");
    // (environment, arguments, words of the message: setting, source, remedy)
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], [&'a str; 3]);
    let cases: [Case; 24] = [
        (&[], &["--listen", "localhost:http"], ["listen", "--listen", "127.0.0.1:8080"]),
        (&[], &["--listen", "127.0.0.1"], ["listen", "--listen", "127.0.0.1:8080"]),
        (&[("SEALDROP_LISTEN", "x")], &[], ["listen", "SEALDROP_LISTEN", "127.0.0.1:8080"]),
        (&[], &["--config", "a.toml"], ["listen", "a.toml: listen", "127.0.0.1:8080"]),
        (&[("SEALDROP_CONFIG", "a.toml")], &[], ["listen", "a.toml: listen", "127.0.0.1:8080"]),
        (&[], &["--config", "b.toml"], ["max_veiws", "b.toml", "settings are"]),
        (&[], &["--config", "c.toml"], ["config", "line 1", "TOML"]),
        (&[], &["--config", "d.toml"], ["keep_log", "d.toml: keep_log", "whole days"]),
        (&[], &["--config", "none.toml"], ["config", "--config", "readable TOML file"]),
        (&[], &["--data", ""], ["data", "--data", "directory"]),
        (&[], &["--public-url", "example.org"], ["public_url", "--public-url", "https://"]),
        (&[], &["--max-ciphertext", "1GiB"], ["max_ciphertext", "--max-ciphertext", "16MiB"]),
        (&[], &["--expiration-min", "0"], ["expiration_min", "--expiration-min", "1 to 350"]),
        (&[], &["--expiration-max", "351"], ["expiration_max", "--expiration-max", "1 to 350"]),
        (
            &[],
            &["--expiration-default", "0"],
            ["expiration_default", "allow_no_expiration", "true"],
        ),
        (
            &[("SEALDROP_EXPIRATION_MIN", "200")],
            &[],
            ["expiration_default", "SEALDROP_EXPIRATION_MIN", "200 to 350"],
        ),
        (&[], &["--allowance", "-1"], ["allowance", "--allowance", "whole number"]),
        (&[], &["--keep-log", "0"], ["keep_log", "--keep-log", "1 to 3650"]),
        (&[], &["--trusted-proxy", "10.0.0.0/33"], ["trusted_proxy", "--trusted-proxy", "CIDR"]),
        (&[], &["--viewer-ip", "none"], ["viewer_ip", "--viewer-ip", "truncated or off"]),
        (&[], &["--max-connections", "0"], ["max_connections", "--max-connections", "1 to"]),
        (&[], &["--cache", "1MiB"], ["cache", "--cache", "8MiB"]),
        (&[], &["--log", "loud"], ["log", "--log", "trace"]),
        (&[], &["--no-such-flag"], ["--no-such-flag", "", "--help"]),
    ];
    for (environment, arguments, words) in cases {
        for check in [false, true] {
            let mut command = serve(dir.path(), environment, arguments);
            if check {
                command.arg("--check");
            }
            let output = command.output().expect("the program");
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(64), "{environment:?} {arguments:?}: {err}");
            assert!(output.stdout.is_empty(), "{arguments:?}");
            for word in words {
                assert!(err.contains(word), "{word:?} for {environment:?} {arguments:?}: {err}");
            }
        }
    }
    // The check also finds a file at the path of the directory.
    let output = serve(dir.path(), &[], &["--data", "file", "--check"]).output().expect("it");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{err}");
    assert!(err.contains("data (from --data)"), "{err}");
    assert!(!dir.path().join("sealdrop-data").exists());
}

/// The address of the ready line, which is the first thing printed.
fn listens_on(mut command: Command) -> String {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon as a process");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("its output");
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
    let address =
        line.trim_end().strip_prefix("sealdrop listening on http://").expect("an address");
    address.rsplit_once(':').expect("a port").0.to_owned()
}

fn the_foremost_source_wins() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    std::fs::write(dir.path().join("s.toml"), "listen = \"127.0.0.4:0\"\n").expect("a file");
    let other = "listen = \"127.0.0.5:0\"\n";
    std::fs::write(dir.path().join("other.toml"), other).expect("a file");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let environment = ("SEALDROP_LISTEN", "127.0.0.3:0");
    let flag = ["--listen", "127.0.0.2:0", "--config", "s.toml"];
    let cases: [Case; 6] = [
        (&[environment], &flag, "127.0.0.2"),
        (&[environment], &flag[2..], "127.0.0.3"),
        (&[("SEALDROP_LISTEN", "")], &flag[2..], "127.0.0.4"),
        (&[("SEALDROP_CONFIG", "s.toml")], &[], "127.0.0.4"),
        (&[("SEALDROP_CONFIG", "s.toml")], &["--config", "other.toml"], "127.0.0.5"),
        (&[environment], &["--listen=[::1]:0"], "[::1]"),
    ];
    for (environment, arguments, expected) in cases {
        let command = serve(dir.path(), environment, arguments);
        assert_eq!(listens_on(command), expected, "{environment:?} {arguments:?}");
    }
    assert!(dir.path().join("sealdrop-data/store").exists(), "the default directory");
    // Alone, the program serves.
    let mut alone = sealdrop();
    alone.current_dir(dir.path()).envs([environment]);
    assert_eq!(listens_on(alone), "127.0.0.3");
}

fn check_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let output = serve(dir.path(), &[], &["--check"]).output().expect("the program");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"settings are valid\n");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 0);
}

/// Byte order marks, blanks and line ends around values are ignored, and UTF-16 is reported as such.
fn as_they_are_meant() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.path().join(name), bytes).expect("a file");
    };
    write("a.toml", "\u{feff}listen = \" 127.0.0.4:0\u{a0}\"\r\nkey_pool = 0\r\n".as_bytes());
    write("b.toml", &utf_16("listen = \"127.0.0.4:0\"\n"));
    let mark = "\u{feff}";
    let listen = format!("{mark} 127.0.0.3:0 \r\n");
    let config = format!(" a.toml{mark}\n");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: [Case; 5] = [
        (&[("SEALDROP_LISTEN", &listen)], &[], "127.0.0.3"),
        (&[("\u{feff}SEALDROP_LISTEN", "127.0.0.3:0")], &[], "127.0.0.3"),
        (&[("SEALDROP_LISTEN", " \t\r\n")], &["--config", "a.toml"], "127.0.0.4"),
        (&[("SEALDROP_CONFIG", &config)], &[], "127.0.0.4"),
        (&[], &["--listen", " 127.0.0.2:0\n"], "127.0.0.2"),
    ];
    for (environment, arguments, expected) in cases {
        let command = serve(dir.path(), environment, arguments);
        assert_eq!(listens_on(command), expected, "{environment:?} {arguments:?}");
    }
    let output = serve(dir.path(), &[], &["--config", "b.toml"]).output().expect("the program");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(64) && err.contains("b.toml") && err.contains("UTF-16"),
        "{err}"
    );

    // Also of the client.
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &[]);
    let home = dir.path().join("home/sealdrop");
    std::fs::create_dir_all(&home).expect("a directory");
    let list = |key_file: &str, server: &str| {
        let mut command = sealdrop();
        command.current_dir(dir.path()).env("XDG_CONFIG_HOME", dir.path().join("home"));
        command.env("SEALDROP_SERVER", server).args(["list", "--key-file", key_file]);
        let output = command.output().expect("the program");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    write("key", format!("{mark} {}\r\n", client.key).as_bytes());
    write("wide", &utf_16(&client.key));
    write("home/sealdrop/config.toml", format!("{mark}dialect = \"sealdrop\"\r\n").as_bytes());
    let server = format!("{mark}{} \r\n", daemon.base);
    let (code, err) = list("key", &server);
    assert_eq!(code, Some(0), "{err}");
    let (code, err) = list("wide", &server);
    assert!(code == Some(64) && err.contains("wide") && err.contains("UTF-16"), "{err}");
    assert!(!err.contains(&client.key[..20]), "{err}");
    write("home/sealdrop/config.toml", &utf_16("dialect = \"sealdrop\""));
    let (code, err) = list("key", &server);
    assert!(code == Some(64) && err.contains("config.toml") && err.contains("UTF-16"), "{err}");
}

/// As Windows writes it, with its byte order mark.
fn utf_16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// A start ends with 75 if waiting may help, and with 64 if only another setting helps.
fn what_may_pass() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken =
        taken.local_addr().map(|address| (taken, address.to_string())).expect("its address");
    let unmounted = dir.path().join("unmounted");
    std::os::unix::fs::symlink(dir.path().join("absent"), &unmounted).expect("a link");
    std::fs::write(dir.path().join("file"), "").expect("a file");
    let damaged = dir.path().join("damaged");
    std::fs::create_dir_all(damaged.join("store")).expect("a directory");
    std::fs::write(damaged.join("store/format"), "another format").expect("a file");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let free = "127.0.0.1:0".to_owned();
    // (--listen, --data, exit code, words of the message)
    let cases = [
        (taken.1.clone(), "data".to_owned(), 75, ["listen (from --listen)", "in use"]),
        // An address for documentation, which no machine has.
        ("192.0.2.7:0".into(), "data".into(), 75, ["192.0.2.7", "assign requested"]),
        ("[2001:db8::7]:0".into(), "data".into(), 75, ["listen (from --listen)", "2001:db8::7"]),
        (free.clone(), path(&unmounted), 75, ["unmounted", "No such file"]),
        (free.clone(), "/proc/sealdrop".into(), 75, ["/proc/sealdrop", "No such file"]),
        (free.clone(), "file".into(), 64, ["file", "Not a directory"]),
        (free.clone(), "file/below".into(), 64, ["file/below", "Not a directory"]),
        (free.clone(), "x".repeat(300), 64, ["too long", "xxx"]),
        (free, path(&damaged), 65, ["another format", "format 2"]),
    ];
    for (listen, data, code, words) in cases {
        let arguments = ["--listen", &listen, "--data", &data];
        let output = serve(dir.path(), &[], &arguments).output().expect("the program");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        for word in words {
            assert!(err.contains(word), "{word:?} for {arguments:?}: {err}");
        }
        assert!(output.stdout.is_empty());
    }
    // The keys of the first account are not lost: the next start prints them.
    let mut daemon = Daemon::start(&dir.path().join("data"), &[]);
    assert!(daemon.first_keys().private.starts_with("private_key_"));
    // The effect of these codes in the unit.
    let unit =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/sealdrop.service"));
    let unit = unit.expect("the unit");
    let mut lines = unit.lines();
    for line in ["StartLimitIntervalSec=0", "Restart=on-failure", "RestartPreventExitStatus=65"] {
        assert!(lines.any(|found| found == line), "{line}");
    }
}
