//! The daemon as a service of systemd: what it reports, and how far its unit confines it.

use std::{os::unix::net::UnixDatagram, process::Command, time::Duration};

use libtest_mimic::Trial;
use sealdrop::config::TABLE;

use crate::{
    daemon::Daemon,
    https,
    tools::{CURL, OPENSSL, SYSTEMD_ANALYZE, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("service::the_state_is_reported", the_state_is_reported),
        trial_with("service::secrets_can_be_credentials", &[CURL, OPENSSL], credentials),
        trial("service::the_unit_names_every_credential", the_unit_names_every_credential),
        trial_with("service::the_unit_is_confined", &[SYSTEMD_ANALYZE], the_unit_is_confined),
        trial("service::the_backup_unit_runs", the_backup_unit_runs),
    ]
}

fn the_state_is_reported() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    let receive = || {
        let mut buffer = [0; 1024];
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let is_alive = |message: &str| message.contains("WATCHDOG=1\n");
    // Reports to the watchdog come at any time.
    let next = || loop {
        let message = receive();
        if !is_alive(&message) {
            return message;
        }
    };
    let environment = [("NOTIFY_SOCKET", path.clone()), ("WATCHDOG_USEC", "30000".into())];
    let daemon = Daemon::start_with(&dir.path().join("data"), &[], &environment);
    let address = daemon.base.strip_prefix("http://").expect("http").to_owned();
    let is_ready = |message: &str| {
        message.contains("READY=1\n")
            && message.contains(&format!("STATUS=Listening on {address}\n"))
    };
    let message = next();
    assert!(is_ready(&message), "{message}");
    daemon.signal(rustix::process::Signal::HUP);
    let message = next();
    assert!(message.contains("RELOADING=1\n") && message.contains("MONOTONIC_USEC="), "{message}");
    let message = next();
    assert!(is_ready(&message), "{message}");
    for _ in 0..2 {
        let message = receive();
        assert!(is_alive(&message), "{message}");
    }
    assert!(daemon.stop().0.success());
    let message = next();
    assert!(message.contains("STOPPING=1\n"), "{message}");
}

fn credentials() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let folder = dir.path().join("credentials");
    std::fs::create_dir(&folder).expect("a directory");
    let [chain, key] = https::make(dir.path(), "credential", &https::EC);
    let environment = [("CREDENTIALS_DIRECTORY", folder.clone())];
    // The name of the setting, and what a start says if this file is the only one.
    std::fs::copy(&chain, folder.join("tls_cert")).expect("a copy");
    let data = dir.path().join("data");
    let log = Daemon::try_start_with(&data, &[], &environment).err().expect("no start");
    assert!(log.contains("exit status: 64") && log.contains("tls_key"), "{log}");

    std::fs::copy(&key, folder.join("tls_key")).expect("a copy");
    let daemon = Daemon::start_with(&data, &[], &environment);
    assert!(https::health(&daemon.base, &chain).is_ok());
    assert!(daemon.stop().0.success());

    // A wrong one is named with its source.
    std::fs::write(folder.join("smtp_password_file"), "planted\nplanted\n").expect("a file");
    let mail = ["--smtp-url", "smtp://post@127.0.0.1:9", "--mail-from", "post@example.org"];
    let mail = [&mail[..], &["--public-url", "https://example.org"]].concat();
    let log = Daemon::try_start_with(&data, &mail, &environment).err().expect("no start");
    let parts = ["exit status: 64", "from the credential smtp_password_file", "one line"];
    assert!(parts.iter().all(|part| log.contains(part)) && !log.contains("planted"), "{log}");
}

fn the_unit_names_every_credential() {
    let unit = include_str!("../../systemd/sealdrop.service");
    let manual = include_str!("../../docs/operations.md");
    for setting in TABLE.iter().filter(|setting| setting.is_credential) {
        let line = format!("LoadCredential={}:", setting.key);
        assert!(unit.contains(&format!("\n#{line}")), "{line}");
        assert!(manual.contains(&format!("\n{line}")), "{line}");
    }
}

fn the_unit_is_confined() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd");
    // In tenths: an exposure of 1.3 at most, and of 0.3 without a network.
    for (unit, threshold) in [("sealdrop.service", "13"), ("sealdrop-backup.service", "3")] {
        let ran = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", "--threshold", threshold])
            .arg(format!("{folder}/{unit}"))
            .output()
            .expect("systemd-analyze");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned()
            + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("Overall exposure level"), "{said}");
    }
}

/// Each command in the unit of the backups is one that this program has.
fn the_backup_unit_runs() {
    let unit = include_str!("../../systemd/sealdrop-backup.service");
    let commands = unit.lines().filter_map(|line| line.strip_prefix("ExecStart="));
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &[]);
    let folder = dir.path().join("backups");
    std::fs::create_dir(&folder).expect("a folder");
    let recipients = dir.path().join("recipients");
    // The example of age's own documents.
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n";
    std::fs::write(&recipients, recipient).expect("a file");
    let mut count = 0;
    for command in commands {
        let words = command.split(' ').skip(1).map(|word| match word {
            "/var/lib/sealdrop" => data.display().to_string(),
            "/var/lib/sealdrop-backup" => folder.display().to_string(),
            "/etc/sealdrop/backup-recipients" => recipients.display().to_string(),
            other => other.to_owned(),
        });
        let ran = crate::daemon::sealdrop().args(words).output().expect("the program");
        let error = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{command}: {error}");
        count += 1;
    }
    assert_eq!(count, 2);
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1);
    assert!(daemon.stop().0.success());
}
