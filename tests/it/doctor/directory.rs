//! The data directory, the machine, mail and the command itself.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use libtest_mimic::Trial;

use super::{DAEMON, SKIPPED, doctor, examine, free_port, run, text};
use crate::{
    daemon::{Daemon, sealdrop},
    mail::smtp::Smtp,
    tools::{Tool, trial_with},
    trial,
};

/// Programs of util-linux, which mount for one process.
const MOUNTS: &[Tool] = &[Tool::LoopDevices];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("doctor::a_healthy_set_up_is_one_line", healthy),
        trial("doctor::permissions_and_settings", permissions),
        trial("doctor::open_ports", open_ports),
        trial_with("doctor::file_systems_and_room", MOUNTS, file_systems),
        trial_with("doctor::memory_and_swap", MOUNTS, memory),
        trial_with("doctor::mail_logins", &[Tool::Aiosmtpd], mail_logins),
    ]
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn healthy() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &DAEMON);
    let said = |command: &mut Command| {
        let output = command.output().expect("the program");
        (
            output.status.code(),
            String::from_utf8([output.stdout, output.stderr].concat()).expect("text"),
        )
    };
    let plain = |flags: &[&str]| {
        said(sealdrop().args(["doctor", "--data"]).arg(&data).args(SKIPPED).args(flags))
    };
    assert_eq!(plain(&[]), (Some(0), "ok: nothing to change\n".to_owned()));
    // The measurements are made, whatever they are.
    let measured = run(doctor(&data, &["--skip", "file-system"]).args(["--skip", "swap"]));
    let figures = &measured.json["measured"];
    let [median, most] =
        ["sync_p50_ms", "sync_p99_ms"].map(|name| figures[name].as_f64().expect("a time"));
    assert!(median > 0.0 && most >= median, "{figures}");
    assert!(figures["free_bytes"].as_u64() > Some(0) && figures["file_system"].is_string());
    assert_eq!(measured.json["daemon"], true);
    assert_eq!(measured.json["url"], daemon.base);
    // From another machine, only the URL is asked.
    let absent = dir.path().join("absent");
    let remote = examine(&absent, &[&daemon.base]);
    remote.finds("remote", &[], "\"daemon\":false");
    assert!(daemon.stop().0.success());
    let (code, line) = plain(&[]);
    assert!(code == Some(0) && line.starts_with("ok: nothing to change (no daemon runs"), "{line}");
    // A broken one has the problem and the remedy.
    mode(&data, 0o755);
    let (code, lines) = plain(&[]);
    assert_eq!(code, Some(1));
    assert!(lines.contains("data-permissions: ") && lines.contains("to do: chmod 700"), "{lines}");
    assert_eq!(plain(&["--skip", "data-permissions"]).0, Some(0));
    let (code, error) = plain(&["--skip", "data"]);
    assert!(code == Some(64) && error.contains("give settings, data-permissions,"), "{error}");
}

fn permissions() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &DAEMON);
    let file = data.join("first-keys");
    fs::write(&file, "x").expect("a file");
    mode(&file, 0o644);
    examine(&data, &[]).finds("an open file", &["data-permissions"], "1 files or folders");
    fs::remove_file(&file).expect("a file");
    mode(&data, 0o750);
    examine(&data, &[]).finds("an open directory", &["data-permissions"], "mode 750");
    mode(&data, 0o700);
    let token = dir.path().join("token");
    fs::write(&token, "0123456789abcdef0123456789abcdef").expect("a file");
    mode(&token, 0o644);
    let flags = ["--metrics-token-file", &text(&token)];
    examine(&data, &flags).finds("an open token", &["secret-permissions"], "metrics_token_file");
    mode(&token, 0o640);
    examine(&data, &flags).finds("a token for a group", &[], "");
    fs::remove_file(&token).expect("a file");
    examine(&data, &flags).finds("no token", &["secret-permissions"], "cannot be read");
    // Wrong settings do not prevent the rest.
    let wrong = run(doctor(&data, &SKIPPED).env("SEALDROP_MAX_UPLOAD", "much"));
    wrong.finds("a wrong setting", &["settings"], "SEALDROP_MAX_UPLOAD");
    drop(daemon);
    examine(&dir.path().join("absent"), &[]).finds(
        "no directory",
        &["settings"],
        "no data directory",
    );
}

fn open_ports() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &[&DAEMON[..], &["--listen", "0.0.0.0:0"]].concat());
    examine(&data, &[]).finds("plain HTTP", &["open-port"], "Plain HTTP is open");
    assert!(daemon.stop().0.success());
    // Without the daemon, the settings are examined.
    let listen = ["--listen", "0.0.0.0:8080"];
    examine(&data, &listen).finds("plain HTTP, stopped", &["open-port"], "0.0.0.0:8080");
    let metrics = ["--metrics-listen", "203.0.113.9:9187"];
    examine(&data, &metrics).finds("metrics", &["open-port"], "metrics_listen");
}

/// Runs the doctor on `data` after the commands of `script`, which change the mounts for it alone.
pub(super) fn mounted(script: &str, place: &Path, data: &Path, flags: &[&str]) -> super::Examined {
    let mut command = crate::daemon::program("unshare");
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command.args(["--mount", "sh", "-ec", &format!("P=$1; shift; {script}; exec \"$@\""), "sh"]);
    command.arg(place).arg(env!("CARGO_BIN_EXE_sealdrop"));
    run(command.args(["doctor", "--json", "--data"]).arg(data).args(flags))
}

fn file_systems() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let place = dir.path();
    let data = place.join("data");
    fs::create_dir(&data).expect("a directory");
    let tmpfs = "mount -t tmpfs -o mode=700 none \"$P\"; mkdir -m 700 \"$P/data\"";
    let speed = ["--skip", "disk-speed"];
    mounted(tmpfs, place, &data, &speed).finds("in memory", &["file-system"], "tmpfs");
    let overlay = format!(
        "{tmpfs}; mkdir \"$P/a\" \"$P/b\" \"$P/c\"; chmod 700 \"$P/b\"; \
         mount -t overlay -o lowerdir=\"$P/a\",upperdir=\"$P/b\",workdir=\"$P/c\" none \"$P/data\"; \
         chmod 700 \"$P/data\""
    );
    mounted(&overlay, place, &data, &speed).finds("in a container", &["file-system"], "overlayfs");
    let disk = |fill: u32| {
        format!(
            "truncate -s 200M \"$P/disk\"; mkfs.ext4 -q \"$P/disk\"; mount -o loop \"$P/disk\" \"$P/data\"; \
             rm -r \"$P/data/lost+found\"; chmod 700 \"$P/data\"; fallocate -l {fill}M \"$P/data/fill\"; chmod 600 \
             \"$P/data/fill\""
        )
    };
    let (full, nearly) = (disk(120), disk(90));
    mounted(&full, place, &data, &speed).finds("a full disk", &["disk-space"], "is full");
    mounted(&nearly, place, &data, &speed).finds("hardly room", &["disk-space"], "nearly full");
    mounted(&disk(1), place, &data, &speed).finds("ext4", &[], "0xef53");
}

fn memory() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a directory");
    mode(&data, 0o700);
    let small = dir.path().join("meminfo");
    fs::write(&small, "MemTotal:         131072 kB\n").expect("a file");
    let script = "mount --bind \"$P\" /proc/meminfo";
    mounted(script, &small, &data, &SKIPPED).finds("little memory", &["memory"], "128 MiB");
    let less = [&SKIPPED[..], &["--cache", "1GiB"]].concat();
    fs::write(&small, "MemTotal:         524288 kB\n").expect("a file");
    mounted(script, &small, &data, &less).finds("a large cache", &["memory"], "512 MiB");
    mounted(script, &small, &data, &SKIPPED).finds("enough", &[], "");

    let _daemon = Daemon::start(&data, &DAEMON);
    let swaps = dir.path().join("swaps");
    let script = "mount --bind \"$P\" /proc/swaps";
    let titles = "Filename Type Size Used Priority\n";
    fs::write(&swaps, format!("{titles}/dev/zram0 partition 1024 0 100\n")).expect("a file");
    let others = ["--skip", "file-system", "--skip", "disk-speed"];
    mounted(script, &swaps, &data, &others).finds("compressed memory", &[], "");
    fs::write(&swaps, format!("{titles}/var/swap file 1024 0 -2\n")).expect("a file");
    mounted(script, &swaps, &data, &others).finds("swap", &["swap"], "/var/swap");
}

fn mail_logins() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let password = dir.path().join("password");
    let mut smtp = Smtp::start(&["auth"]);
    let url = format!("smtp://post@localhost:{}?tls=none", smtp.port);
    let closed = format!("smtp://post@localhost:{}?tls=none", free_port());
    let data = dir.path().join("data");
    let file = text(&password);
    // (content of the file, server, findings, words)
    let cases: [(&str, &str, &[&str], &str); 3] = [
        ("s3cret", &url, &[], ""),
        ("wrong", &url, &["mail-login"], "AUTH: the server answered 535"),
        ("s3cret", &closed, &["mail-login"], "smtp_url"),
    ];
    for (content, server, findings, words) in cases {
        fs::write(&password, content).expect("a file");
        mode(&password, 0o600);
        let mail = ["--smtp-url", server, "--smtp-password-file", &file];
        let from = ["--mail-from", "no-reply@example.org"];
        // The public URL is examined elsewhere.
        let port = free_port();
        let (listen, public) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
        let ours = ["--public-url", &public, "--listen", &listen];
        let flags = [&mail[..], &from, &ours, &DAEMON].concat();
        let daemon = Daemon::start(&data, &flags);
        // The running daemon has its own settings; a stopped one needs them here.
        examine(&data, &[]).finds(words, findings, words);
        assert!(daemon.stop().0.success());
        let found = examine(&data, &flags);
        found.finds(words, findings, words);
        assert!(!found.text.contains("s3cret"), "{}", found.text);
    }
    smtp.no_mail();
}
