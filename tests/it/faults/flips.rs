//! A flipped bit anywhere in the data directory: the daemon refuses to serve, or what it serves is
//! exact.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{below, rounds};
use crate::{
    daemon::{Daemon, sealdrop},
    http::{Client, secret_with},
};

/// A start that takes longer hangs.
const START_SECONDS: u64 = 20;
const SECRETS: usize = 36;

/// A data directory, and its content.
struct Original {
    data: PathBuf,
    key: String,
    /// Ids, and the answers to their views.
    secrets: Vec<(String, Value)>,
}

/// The result of a flip.
#[derive(Debug, Default)]
struct Outcomes {
    refused: u64,
    exact: u64,
    damaged_payloads: u64,
    /// Refused, but sled has changed its file before that.
    database_changed: u64,
}

pub(super) fn refused_or_harmless() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let [stopped, killed] = ["stopped", "killed"].map(|name| dir.path().join(name));
    let originals = [original(&stopped, true), original(&killed, false)];
    let mut outcomes = Outcomes::default();
    let (flips, began) = (rounds("SEALDROP_BIT_FLIPS", 150), Instant::now());
    let mut failures = Vec::new();
    for flip in 0..flips {
        let original = &originals[(flip % 2) as usize];
        let copy = dir.path().join("copy");
        copy_tree(&original.data, &copy);
        let (file, bit) = flip_a_bit(&copy);
        let name = file.strip_prefix(&copy).expect("a file of the copy").display().to_string();
        if let Err(what) = try_damaged(original, &copy, &file, &mut outcomes) {
            failures.push(format!("flip {flip}, bit {bit} of {name}: {what}"));
        }
        fs::remove_dir_all(&copy).expect("the copy");
        // The log of the daemon is beside it.
        let _ = fs::remove_file(copy.with_extension("log"));
    }
    println!("{flips} flips, {outcomes:?}, {:?}", began.elapsed());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs a program that should end. `None` if it does not end within `seconds`.
pub(super) fn end_within(mut program: Command, seconds: u64) -> Option<(ExitStatus, String)> {
    let mut child = program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut stderr = child.stderr.take().expect("a pipe");
    let reader = thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).map(|_| said).unwrap_or_default()
    });
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let status = loop {
        match child.try_wait().expect("its state") {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => break None,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    if status.is_none() {
        child.kill().expect("a process to kill");
        child.wait().expect("its end");
    }
    let said = reader.join().expect("what it said");
    Some((status?, said))
}

fn original(data: &Path, stopped: bool) -> Original {
    let (daemon, client) = Daemon::start_first(data, &[]);
    let mut secrets = Vec::new();
    for n in 0..SECRETS {
        let mut fields = secret_with(json!({"message": format!("message {n}"), "max_views": 2}));
        if n % 4 == 0 {
            fields["ciphertext"] = json!(large_ciphertext());
        }
        let id = client.create(fields.clone());
        // Some have views, some are deleted.
        match n % 6 {
            1 => assert_eq!(client.view(&id).status, 200),
            2 => assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200),
            _ => {}
        }
        if n % 6 != 2 {
            secrets.push((id, fields));
        }
    }
    if stopped {
        assert!(daemon.stop().0.success());
    } else {
        daemon.kill();
    }
    Original { data: data.to_path_buf(), key: client.key, secrets }
}

/// An SJCL message with so many spaces in its JSON that it is stored as a file.
pub(crate) fn large_ciphertext() -> String {
    let small = secret_with(json!({}));
    let mut message =
        STANDARD.decode(small["ciphertext"].as_str().expect("a text")).expect("base64");
    message.pop();
    message.extend_from_slice(&b" ".repeat(4000));
    message.push(b'}');
    STANDARD.encode(message)
}

fn try_damaged(
    original: &Original,
    copy: &Path,
    flipped: &Path,
    outcomes: &mut Outcomes,
) -> Result<(), String> {
    let before = files(copy, &["db"]);
    let database = || fs::read(copy.join("store/db/db")).expect("a database");
    let database_before = database();
    let mut check = sealdrop();
    // Opens the store and ends, or refuses it.
    check.args(["account", "list", "--data"]).arg(copy);
    let Some((status, said)) = end_within(check, START_SECONDS) else {
        return Err("opening it hangs".into());
    };
    if !status.success() {
        let last = said.trim_end().lines().last().unwrap_or_default();
        let told = ["is damaged: ", "has the format ", "cannot use the ring "]
            .iter()
            .any(|text| last.contains(text));
        if status.code() != Some(1) || !told {
            return Err(format!("{status}, and it says:\n{said}"));
        }
        if files(copy, &["db"]) != before {
            return Err("files were changed by a refused start".into());
        }
        outcomes.refused += 1;
        outcomes.database_changed += u64::from(database() != database_before);
        return Ok(());
    }
    let daemon = Daemon::try_start(copy, &[])?;
    let client = Client::new(daemon.base.clone(), original.key.clone());
    let total = client.get("/api/secrets").json()["metadata"]["secrets_total"].clone();
    if total != json!(original.secrets.len()) {
        return Err(format!("{total} secrets"));
    }
    let in_payload = flipped.parent().is_some_and(|dir| dir.ends_with("payloads"));
    let mut damaged = 0;
    for (id, fields) in &original.secrets {
        let view = client.view(id);
        match view.status {
            200 => {
                let data = &view.json()["data"];
                for field in ["ciphertext", "password_part_private", "message"] {
                    if data[field] != fields[field] {
                        return Err(format!("another {field}"));
                    }
                }
            }
            500 if in_payload && damaged == 0 => damaged += 1,
            status => return Err(format!("a view got {status}: {}", view.text())),
        }
    }
    // One that was deleted just before the kill is swept at the start.
    if in_payload && damaged == 0 && flipped.exists() {
        return Err("the flipped payload was not noticed".into());
    }
    outcomes.damaged_payloads += damaged;
    outcomes.exact += 1 - damaged;
    Ok(())
}

/// Flips a random bit of a random file, more often in written parts than in the zeros between.
/// between.
fn flip_a_bit(copy: &Path) -> (PathBuf, usize) {
    let mut all: Vec<(PathBuf, Vec<u8>)> = files(copy, &[]);
    all.retain(|(_, bytes)| !bytes.is_empty());
    // Half of them in the database itself.
    let database = all.iter().position(|(path, _)| path.ends_with("db/db")).expect("a database");
    let chosen = if below(2) == 0 { database } else { below(all.len() as u64) as usize };
    let (path, mut bytes) = all.swap_remove(chosen);
    let written: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place] != 0).collect();
    let place = match written.len() as u64 {
        some @ 1.. if below(5) > 0 => written[below(some) as usize],
        _ => below(bytes.len() as u64) as usize,
    };
    let bit = below(8) as usize;
    bytes[place] ^= 1 << bit;
    fs::write(&path, bytes).expect("the flipped file");
    (path, place * 8 + bit)
}

/// The files below `dir` with their bytes, in order; without folders that are called `except`.
pub(super) fn files(dir: &Path, except: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("its kind");
        if kind.is_dir() {
            if !except.iter().any(|name| entry.file_name() == *name) {
                found.extend(files(&entry.path(), except));
            }
        } else if kind.is_file() {
            found.push((entry.path(), fs::read(entry.path()).expect("a file")));
        }
    }
    found.sort();
    found
}

/// Without the ballast and the socket.
pub(super) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("store/payloads")).expect("a folder");
    fs::create_dir_all(to.join("store/db/blobs")).expect("a folder");
    for (path, bytes) in files(from, &[]) {
        if !path.ends_with("ballast") {
            let place = to.join(path.strip_prefix(from).expect("a file below"));
            fs::write(place, bytes).expect("a copy");
        }
    }
}
