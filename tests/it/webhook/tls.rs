//! TLS: the real daemon with an authority of the test, created by `openssl`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libtest_mimic::Trial;

use super::{
    commands::{add, fails},
    receiver::Receiver,
};
use crate::{
    cli::run_well,
    daemon::Daemon,
    tools::{OPENSSL, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial_with("webhook::tls::only_known_authorities_count", &[OPENSSL], known_authorities)]
}

fn openssl(dir: &Path, arguments: &str) {
    let ran = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(ran.expect("openssl").success(), "openssl {arguments}");
}

/// An authority `name.pem` with its key `name.key`.
fn authority(dir: &Path, name: &str) -> PathBuf {
    openssl(
        dir,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -addext keyUsage=critical,keyCertSign -keyout {name}.key -out {name}.pem"
        ),
    );
    dir.join(format!("{name}.pem"))
}

/// A receiver whose certificate is signed by the authority, for `names`, as in `DNS:localhost`.
fn receiver(dir: &Path, authority: &str, names: &str) -> Receiver {
    std::fs::write(dir.join("names"), format!("subjectAltName={names}\n")).expect("a file");
    openssl(
        dir,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=receiver -keyout leaf.key \
         -out leaf.csr",
    );
    openssl(
        dir,
        &format!(
            "x509 -req -in leaf.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial \
             -days 2 -extfile names -out leaf.pem"
        ),
    );
    Receiver::start_tls(&dir.join("leaf.pem"), &dir.join("leaf.key"))
}

fn known_authorities() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (ours, theirs) = (authority(dir.path(), "ours"), authority(dir.path(), "theirs"));
    let right = receiver(dir.path(), "ours", "DNS:localhost,IP:127.0.0.1");
    let other = receiver(dir.path(), "ours", "DNS:other.example");
    let plain = Receiver::start();
    let url = |host: &str, receiver: &Receiver| {
        format!("https://{host}:{}/planted?planted", receiver.address.port())
    };
    run_well(&data, &["account", "create", "x"]);
    let ids = [
        url("localhost", &right),
        url("127.0.0.1", &right),
        url("localhost", &other),
        url("localhost", &plain),
    ]
    .map(|url| add(&data, "x", &url).0);
    let [by_name, by_address, of_another, of_nobody] = &ids;

    let start = |file: &Path| {
        let authorities =
            [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", dir.path().join("no").as_path())]
                .map(|(name, path)| (name, path.to_owned()));
        Daemon::start_with(&data, &["--webhook-private", "true"], &authorities)
    };
    let daemon = start(&ours);
    for id in [by_name, by_address] {
        let told = run_well(&data, &["webhook", "test", id]);
        assert!(told.contains("with status 204"), "{told}");
        assert_eq!(right.call().line, "POST /planted?planted HTTP/1.1");
    }
    let refused = |id: &str, problem: &str| {
        let (code, told) = fails(&data, &["webhook", "test", id]);
        assert!(code == 1 && told.contains("no TLS: ") && told.contains(problem), "{told}");
        assert!(!told.contains("planted"), "{told}");
        assert!(right.is_idle() && other.is_idle() && plain.is_idle());
    };
    refused(of_another, "certificate not valid for name");
    refused(of_nobody, "");
    assert!(daemon.stop().0.success());

    let daemon = start(&theirs);
    refused(by_name, "invalid peer certificate");
    refused(by_address, "invalid peer certificate");
    assert!(daemon.stop().0.success());

    let daemon = start(&dir.path().join("absent"));
    refused(by_name, "absent: No such file");
    // A corrected certificate works without a restart.
    std::fs::copy(&ours, dir.path().join("absent")).expect("a copy");
    run_well(&data, &["webhook", "test", by_name]);
    right.call();
    assert!(daemon.stop().0.success());
}
