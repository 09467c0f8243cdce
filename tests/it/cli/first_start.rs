//! The first start: an account, its keys, and a line to paste.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{run, run_well};
use crate::{
    api::walk,
    daemon::{Daemon, Keys, sealdrop},
    http::{Answer, Client},
    terminal::Terminal,
    tools::{CURL, trial_with},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::first_start::shows_keys_once", shows_keys_once),
        trial("cli::first_start::keys_are_in_no_log", keys_are_in_no_log),
        trial("cli::first_start::keys_outlive_a_kill_and_a_full_disk", keys_outlive),
        trial("cli::first_start::a_terminal_shows_them_itself", a_terminal_shows_them_itself),
        trial_with("cli::first_start::its_curl_line_works", &[CURL], its_curl_line_works),
        trial("cli::first_start::only_hashes_are_kept", only_hashes_are_kept),
        trial("cli::first_start::an_account_made_before_is_enough", an_account_made_before),
        trial("cli::first_start::its_links_open", its_links_open),
        trial("cli::first_start::claim_prints_a_new_link", claim_prints_a_new_link),
    ]
}

/// Starts a daemon on a new directory, reads its keys, and stops it. Returns the keys and the whole output.
fn first_output(data: &Path, flags: &[&str]) -> (Keys, String) {
    let mut daemon = Daemon::start(data, flags);
    let shown = daemon.first_keys_shown();
    assert!(daemon.stop().0.success());
    (Keys::of(&shown), shown)
}

fn shows_keys_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (keys, rest) = first_output(&data, &["--public-url", "https://example.org/s/"]);
    assert!(keys.private.starts_with("private_key_") && keys.private.len() == 76);
    assert!(keys.public.starts_with("public_key_") && keys.public.len() == 75);
    assert!(
        rest.contains("curl ") && rest.contains(" https://example.org/s/api/secrets\n"),
        "{rest}"
    );
    taken_already(&data);
    for end in 0..2 {
        let daemon = Daemon::start(&data, &[]);
        let client = Client::new(daemon.base.clone(), keys.private.clone());
        assert_eq!(client.get("/api/secrets").status, 200);
        if end == 0 {
            let (status, rest) = daemon.stop();
            assert!(status.success());
            assert_eq!(rest, "", "a second start shows nothing more");
        } else {
            daemon.kill();
        }
    }
    // Nor when the account was deleted.
    run_well(&data, &["account", "delete", "default", "--yes"]);
    let (status, rest) = Daemon::start(&data, &[]).stop();
    assert_eq!((status.success(), rest.as_str()), (true, ""));
}

/// `first-keys` finds nothing, and describes what to do.
fn taken_already(data: &Path) {
    let output = run(data, &["first-keys"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{error}");
    assert!(error.contains("already shown") && error.contains("sealdrop apikey create"), "{error}");
}

fn keys_are_in_no_log() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data with a blank");
    let daemon = Daemon::start(&data, &["--log", "trace"]);
    let file = data.join("first-keys");
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let log = daemon.log.clone();
    let base = daemon.base.clone();
    let client = |key: &Value| Client::new(base.clone(), key.as_str().expect("a key"));
    // If standard output cannot be written, the keys are not lost.
    let full = fs::File::options().write(true).open("/dev/full").expect("a full device");
    let mut lost = sealdrop();
    lost.args(["first-keys", "--data"]).arg(&data).stdout(Stdio::from(full));
    assert_eq!(lost.output().expect("the program").status.code(), Some(1));
    assert!(file.exists());
    // While the daemon runs.
    let keys: Value =
        serde_json::from_str(&run_well(&data, &["first-keys", "--json"])).expect("JSON");
    assert_eq!(keys["account"], "default");
    assert!(!file.exists());
    taken_already(&data);
    assert_eq!(client(&keys["private_key"]).get("/api/secrets").status, 200);
    assert_eq!(client(&keys["public_key"]).get("/api/secrets").status, 403);
    let (status, printed) = daemon.stop();
    assert!(status.success());
    assert!(printed.contains(&file.display().to_string()), "{printed}");
    let command = format!("sealdrop first-keys --data '{}'\n", data.display());
    assert!(printed.contains(&command), "{printed}");
    let said = printed + &fs::read_to_string(log).expect("a log");
    for key in ["private_key", "public_key"] {
        let key = keys[key].as_str().expect("a key");
        assert!(!said.contains(&key[..20]), "{said}");
    }
    let nothing = dir.path().join("nothing");
    let output = run(&nothing, &["first-keys"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("no sealdrop data"), "{error}");
    assert!(!nothing.exists());
}

fn keys_outlive() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    Daemon::start(&data, &[]).kill();
    Daemon::start(&data, &[]).kill();
    let keys = Keys::of(&run_well(&data, &["first-keys"]));
    let daemon = Daemon::start(&data, &[]);
    assert_eq!(Client::new(daemon.base.clone(), keys.private).get("/api/secrets").status, 200);
    drop(daemon);
    // If the keys cannot be stored, no account is created; the next start creates it.
    let data = dir.path().join("other");
    fs::create_dir_all(data.join("first-keys/in the way")).expect("a directory");
    let log = Daemon::try_start(&data, &[]).err().expect("no start");
    assert!(log.contains("cannot write") && log.contains("first-keys"), "{log}");
    fs::remove_dir_all(data.join("first-keys")).expect("a directory");
    let (_, client) = Daemon::start_first(&data, &[]);
    assert_eq!(client.key.len(), 76);
    // Keys of a start that ended before it created the account open nothing, and are ignored.
    let data = dir.path().join("third");
    fs::create_dir(&data).expect("a directory");
    let stale = r#"{"account":"default","private_key":"private_key_0","public_key":"public_key_0","base":"x"}"#;
    fs::write(data.join("first-keys"), stale).expect("a file");
    run_well(&data, &["account", "create", "ops"]);
    drop(Daemon::start(&data, &[]));
    taken_already(&data);
}

fn a_terminal_shows_them_itself() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut command = sealdrop();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let mut terminal = Terminal::start(command);
    terminal.expect("sealdrop listening on http://");
    terminal.expect("/claim#");
    terminal.expect("/#");
    terminal.expect("private key: private_key_");
    terminal.expect("public key:  public_key_");
    terminal.expect("/api/secrets");
    assert!(!data.join("first-keys").exists());
    terminal.send_control('c');
    let (status, shown) = terminal.finish();
    assert!(status.success(), "{shown}");
    taken_already(&data);
}

fn its_curl_line_works() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &[]);
    let shown = daemon.first_keys_shown();
    let keys = Keys::of(&shown);
    let line = shown.lines().find(|line| line.contains("curl ")).expect("a line to paste");
    assert!(line.contains(&keys.private));
    let ran = Command::new("sh").args(["-c", line.trim()]).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let created: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let id = created["data"]["id"].as_str().unwrap_or_else(|| panic!("{created}"));
    let client = Client::new(daemon.base.clone(), keys.public);
    // The complete link has the key that is printed below the command.
    let (_, key) = shown.split_once("/ID/#").expect("an address");
    let link = format!("{}/{id}/#{}", daemon.base, key.trim());
    assert_eq!(open(&link), (Some(0), "It works.".to_owned()));
    assert_eq!(client.view(id).status, 404);
    let list = client.with_key(keys.private).get("/api/secrets").json();
    assert_eq!(list["metadata"]["secrets_usage"], json!(1));
}

/// The links of a first start, in the order in which they are printed: to sign in, and to a secret.
fn links(daemon: &mut Daemon) -> [String; 2] {
    ["/claim#", "/#"].map(|mark| {
        let line = daemon.line_with(mark);
        assert!(line.trim().starts_with(&format!("{}/", daemon.base)), "{line}");
        line.trim().to_owned()
    })
}

/// Opens a link with the command line. Returns the exit code and the text.
fn open(link: &str) -> (Option<i32>, String) {
    let output = sealdrop().args(["open", "--yes", link]).output().expect("the program");
    (output.status.code(), String::from_utf8(output.stdout).expect("a text"))
}

/// The standard output of `sealdrop claim`, which also explains the link.
fn claim(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, &[&["claim"], arguments].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert_eq!(error.contains("It is valid once, until "), arguments.is_empty(), "{error}");
    String::from_utf8(output.stdout).expect("a link")
}

fn sign_in(daemon: &Daemon, link: &str) -> Answer {
    let (page, token) = link.split_once('#').expect("a token");
    assert_eq!(page, format!("{}/claim", daemon.base));
    let client = Client::new(daemon.base.clone(), String::new());
    client.post("/api/public/claims", &json!({ "token": token }))
}

fn its_links_open() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &[]);
    let [claim, secret] = links(&mut daemon);
    assert_eq!(open(&secret), (Some(0), "It works.".to_owned()));
    assert_eq!(open(&secret), (Some(2), String::new()), "once");
    let answer = sign_in(&daemon, &claim);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let key = answer.json()["data"]["private_key"].as_str().expect("a key").to_owned();
    assert_eq!(sign_in(&daemon, &claim).status, 404);
    let owner = Client::new(daemon.base.clone(), key);
    let account = owner.get("/api/account").json();
    assert_eq!(account["data"]["name"], "default", "{account}");
    // The example belongs to no account.
    assert_eq!(owner.get("/api/secrets").json()["metadata"]["secrets_total"], 0);
}

fn claim_prints_a_new_link() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &["--log", "trace"]);
    let [first, _] = links(&mut daemon);
    let second = claim(&data, &[]);
    assert_eq!(sign_in(&daemon, &first).status, 404, "it is replaced");
    let answer = sign_in(&daemon, second.trim());
    assert_eq!(answer.status, 201);
    let key = answer.json()["data"]["private_key"].as_str().expect("a key").to_owned();
    let log = fs::read_to_string(&daemon.log).expect("a log");
    for secret in [first.split_once('#').unwrap().1, second.trim().split_once('#').unwrap().1, &key]
    {
        assert!(!log.contains(&secret[secret.len() - 20..]), "{log}");
    }
    // With several accounts, the one of the first start is meant.
    run_well(&data, &["account", "create", "alice"]);
    let made: Value = serde_json::from_str(&claim(&data, &["--json"])).expect("JSON");
    assert_eq!(made["account"], "default");
    let made: Value =
        serde_json::from_str(&claim(&data, &["--account", "alice", "--json"])).expect("JSON");
    assert_eq!(made["account"], "alice");
    run_well(&data, &["account", "delete", "default", "--yes"]);
    run_well(&data, &["account", "create", "bob"]);
    for (arguments, code, said) in [
        (&["claim"][..], 64, "give --account NAME"),
        (&["claim", "--account", "nobody"], 1, "nobody"),
    ] {
        let output = run(&data, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(said), "{error}");
    }
    assert!(daemon.stop().0.success());
    let output = run(&data, &["claim"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("start it"), "{error}");
}

fn only_hashes_are_kept() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (Keys { private, public }, _) = first_output(&data, &["--log", "trace"]);
    let made = run_well(&data, &["apikey", "create", "--account", "default", "--kind", "private"]);
    let made =
        made.lines().find(|line| line.starts_with("private_key_")).expect("a key").to_owned();
    let listed: Value =
        serde_json::from_str(&run_well(&data, &["apikey", "list", "--json"])).expect("JSON");
    let id = listed[0]["id"].as_str().expect("an id");

    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let contains = |needle: &[u8]| {
        let mut files = walk(&data);
        files.push(data.with_extension("log"));
        files.iter().any(|file| {
            let Ok(content) = std::fs::read(file) else { return false }; // the socket
            content.windows(needle.len()).any(|window| window == needle)
        })
    };
    // This search finds existing text.
    assert!(contains(&bytes(id)), "the hash of a key");
    for key in [&private, &public, &made] {
        let random = key.rsplit('_').next().expect("64 digits");
        // In pieces: sled shortens keys by the prefix that neighbours have in common.
        for piece in [&random[..32], &random[32..]] {
            assert!(!contains(piece.as_bytes()), "part of a key as text");
            assert!(!contains(piece.to_uppercase().as_bytes()), "part of a key as text");
            assert!(!contains(&bytes(piece)), "part of a key as bytes");
        }
    }
}

fn an_account_made_before() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    run_well(&data, &["account", "create", "x"]);
    let (status, rest) = Daemon::start(&data, &[]).stop();
    assert_eq!((status.success(), rest.as_str()), (true, ""));
    let accounts = run_well(&data, &["account", "list"]);
    assert!(accounts.contains('x') && !accounts.contains("default"), "{accounts}");
}
