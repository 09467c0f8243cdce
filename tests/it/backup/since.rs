//! Backups since earlier ones: the chain of them, and what breaks it.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{KeyPair, backup, badly, create, names, said, well};
use crate::{
    api::attachments::{Draft, fetch, sealed_file, view},
    daemon::Daemon,
    faults::{below, large_ciphertext, rounds},
    http::Client,
    mail::until,
};

/// A daemon, and its backups with an index beside each.
pub(super) struct Chain {
    pub(super) dir: tempfile::TempDir,
    pub(super) keys: KeyPair,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a fresh directory"), keys: KeyPair::new() }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// `backup create` of the backup `name` with its index, since the backup `since`.
    fn create(&self, name: &str, since: Option<&str>) -> Command {
        let mut command = create(&self.path(name), &self.data(), &self.keys);
        command.args(["--index", &self.path(&format!("{name}.index"))]);
        if let Some(since) = since {
            command.args(["--since", &self.path(&format!("{since}.index"))]);
        }
        command
    }

    /// Makes a backup; returns the numbers of it.
    fn made(&self, name: &str, since: Option<&str>) -> Value {
        let mut command = self.create(name, since);
        command.arg("--json");
        serde_json::from_str(&well(command)).expect("JSON")
    }

    /// A command on the backup `name` with the identity.
    pub(super) fn on(&self, command: &str, name: &str, bases: &[&str]) -> Command {
        let mut command = backup(&[command, &self.path(name), "--identity", &self.keys.identity()]);
        for base in bases {
            command.args(["--base", &self.path(base)]);
        }
        command
    }

    pub(super) fn restore(&self, name: &str, bases: &[&str], into: &str) -> Command {
        let mut command = self.on("restore", name, bases);
        command.arg("--data").arg(self.path(into));
        command
    }
}

/// The payload files of a data directory.
pub(super) fn payloads(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let dir = data.join("store/payloads");
    let content = |name: String| {
        let bytes = fs::read(dir.join(&name)).expect("a payload file");
        (name, bytes)
    };
    names(&dir).into_iter().map(content).collect()
}

/// What an account sees, and what its live secrets have.
fn seen(data: &Path, key: &str, live: &[&str], files: &[(&Draft, &[u8])]) -> Vec<String> {
    let daemon = Daemon::start(data, &["--key-pool", "0"]);
    let client = Client::new(daemon.base.clone(), key);
    let mut seen = vec![client.get("/api/secrets?limit=100").json()["data"].to_string()];
    for (draft, content) in files {
        let (lease, _) = view(&client, &draft.id);
        assert!(fetch(&client, &draft.id, 1, &lease, None).body == **content);
    }
    for id in live {
        let viewed = client.view(id);
        assert_eq!(viewed.status, 200);
        seen.push(viewed.json()["ciphertext"].to_string());
    }
    assert!(daemon.stop().0.success());
    seen
}

pub(super) fn equals_a_full_one() {
    let chain = Chain::new();
    let (daemon, client) = Daemon::start_first(&chain.data(), &["--key-pool", "0"]);
    let large = large_ciphertext();
    let put = |bytes: usize| {
        let (draft, file) = (Draft::create(&client, 1, json!({})), sealed_file(bytes));
        assert_eq!(draft.put(&client, 1, &file).status, 200);
        (draft, file)
    };
    let delete = |id: &str| {
        assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200);
    };
    let (kept, deleted) = (put(6 << 20), put(3 << 20));
    let growing = (Draft::create(&client, 1, json!({})), sealed_file(12 << 20));
    assert_eq!(growing.0.put_part(&client, 1, &growing.1, 0..9_000_000).status, 200);
    let secrets: Vec<String> =
        (0..30).map(|_| client.create(json!({"ciphertext": large, "max_views": 2}))).collect();
    let first = chain.made("first", None);

    delete(&deleted.0.id);
    delete(&secrets[0]);
    assert_eq!(client.view(&secrets[1]).status, 200);
    let (there, _) = growing.0.offset(&client, 1);
    assert_eq!(growing.0.put_part(&client, 1, &growing.1, there..growing.1.len()).status, 200);
    let added = put(1 << 20);
    let second = chain.made("second", Some("first"));

    delete(&secrets[2]);
    let last = client.create(json!({"ciphertext": large}));
    assert_eq!(client.view(&secrets[3]).status, 200);
    let third = chain.made("third", Some("second"));
    let whole = chain.made("whole", None);
    assert!(daemon.stop().0.success());

    // What is sent is what is new.
    let bytes = |name: &str| fs::metadata(chain.path(name)).expect("a file").len();
    for made in [&first, &whole] {
        assert_eq!(made["left_out"], 0, "{made}");
    }
    assert_eq!(third["files"], whole["files"]);
    assert_eq!(third["file_bytes"], whole["file_bytes"]);
    assert_eq!(second["left_out"], 30, "29 secrets and an attachment: {second}");
    assert!(bytes("second") < 15 << 20 && bytes("third") < 1 << 20, "{}", bytes("third"));
    assert!(bytes("whole") > 19 << 20, "{}", bytes("whole"));

    well(chain.restore("whole", &[], "from one"));
    let said = well(chain.restore("third", &[], "from the chain"));
    assert!(said.contains("in earlier ones"), "{said}");
    well(chain.restore("third", &["second", "first"], "given"));
    let copies = ["from one", "from the chain", "given"].map(|name| chain.dir.path().join(name));
    let expected = payloads(&copies[0]);
    assert_eq!(expected.len() as u64, third["files"].as_u64().expect("a number"));
    for copy in &copies {
        assert!(payloads(copy) == expected, "the same files");
    }
    let live: Vec<&str> = secrets[3..].iter().chain([&last]).map(String::as_str).collect();
    let files = [(&kept.0, &kept.1[..]), (&growing.0, &growing.1), (&added.0, &added.1)];
    let seen = copies.map(|copy| seen(&copy, &client.key, &live, &files));
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);

    assert!(well(chain.on("verify", "third", &[])).contains("is complete"));
    let drilled = well(chain.on("drill", "third", &["second", "first"]));
    assert!(drilled.contains("can be restored"), "{drilled}");
}

/// Three backups, of which the last one leaves out files of both others.
fn three() -> (Chain, Daemon, Client) {
    let chain = Chain::new();
    let (daemon, client) = Daemon::start_first(&chain.data(), &["--key-pool", "0"]);
    for (name, since) in [("first", None), ("second", Some("first")), ("third", Some("second"))] {
        client.create(json!({"ciphertext": large_ciphertext()}));
        chain.made(name, since);
    }
    (chain, daemon, client)
}

pub(super) fn broken() {
    let (chain, daemon, client) = three();
    let refused = |bases: &[&str], code: i32, says: &str| {
        badly(chain.restore("third", bases, "copy"), code, says);
        assert!(!Path::new(&chain.path("copy")).exists(), "nothing is left");
        badly(chain.on("verify", "third", bases), code, says);
    };
    refused(&["first", "second"], 1, "it is another backup: needed is the backup of");
    refused(&["second", "second"], 1, "it is another backup: needed is the backup of");
    refused(&["second", "first", "first"], 64, "it is not needed");
    chain.made("other", None);
    refused(&["other"], 1, "needed is the backup of");
    refused(&["second", "none"], 1, "cannot read");
    fs::rename(chain.path("first"), chain.path("elsewhere")).expect("a new name");
    refused(&[], 1, "(first), which is needed too: give it with --base FILE");
    well(chain.on("verify", "third", &["second", "elsewhere"]));

    // Of each of them, each bit counts.
    for name in ["elsewhere", "second", "third"] {
        let whole = fs::read(chain.path(name)).expect("a backup");
        let wrong = |bytes: Vec<u8>, what: String| {
            fs::write(chain.path(name), bytes).expect("a file");
            let output = chain.restore("third", &["second", "elsewhere"], "copy").output();
            let output = output.expect("the program");
            let code = output.status.code();
            assert!(matches!(code, Some(3 | 65)), "{name}: {what}: {code:?} {}", said(&output));
            assert!(!Path::new(&chain.path("copy")).exists(), "nothing is left");
        };
        for _ in 0..rounds("SEALDROP_FLIPS", 20) {
            let bit = below(whole.len() as u64 * 8) as usize;
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            wrong(flipped, format!("bit {bit}"));
        }
        for _ in 0..rounds("SEALDROP_CUTS", 10) {
            let end = below(whole.len() as u64) as usize;
            wrong(whole[..end].to_vec(), format!("cut at {end}"));
        }
        fs::write(chain.path(name), whole).expect("a file");
    }
    well(chain.restore("third", &["second", "elsewhere"], "copy"));

    // An index that is none, or was changed.
    let since = |path: &str| {
        let mut command = create(&chain.path("new"), &chain.data(), &chain.keys);
        command.args(["--since", path]);
        command
    };
    badly(since(&chain.path("third")), 64, "not the index of a backup");
    badly(since(&chain.path("none")), 1, "cannot be read");
    let mut index = fs::read(chain.path("third.index")).expect("an index");
    let last = index.len() - 40;
    index[last] ^= 1;
    fs::write(chain.path("third.index"), index).expect("a file");
    badly(since(&chain.path("third.index")), 65, "the index is damaged");
    assert!(!Path::new(&chain.path("new")).exists());

    // Through pipes, on another machine.
    let mut command = create("-", &chain.data(), &chain.keys);
    command.args(["--since", &chain.path("second.index"), "--index", &chain.path("piped.index")]);
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", said(&output));
    fs::write(chain.path("piped"), output.stdout).expect("a file");
    client.create(json!({}));
    chain.made("last", Some("piped"));
    badly(chain.on("verify", "last", &[]), 1, "which is needed too");
    well(chain.on("verify", "last", &["piped", "second", "elsewhere"]));
    well(chain.restore("last", &["piped", "second", "elsewhere"], "from a pipe"));
    assert!(daemon.stop().0.success());
}

pub(super) fn killed() {
    let (chain, daemon, client) = three();
    let draft = Draft::create(&client, 1, json!({}));
    assert_eq!(draft.put(&client, 1, &sealed_file(20 << 20)).status, 200);
    let before = names(chain.dir.path());
    let mut command = create("-", &chain.data(), &chain.keys);
    command.args(["--since", &chain.path("third.index"), "--index", &chain.path("killed.index")]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program");
    let mut some = vec![0; 3 << 20];
    child.stdout.as_mut().expect("a pipe").read_exact(&mut some).expect("a part");
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
    assert_eq!(names(chain.dir.path()), before, "no index of an incomplete backup");
    until("the daemon has noticed", || {
        chain.create("again", Some("third")).output().expect("the program").status.success()
    });
    // The daemon dies between two questions or in a file.
    let mut command = chain.create("cut", Some("third"));
    let child = command.stderr(Stdio::piped()).spawn().expect("the program");
    daemon.kill();
    let output = child.wait_with_output().expect("its end");
    if !output.status.success() {
        assert!(!Path::new(&chain.path("cut")).exists(), "{}", said(&output));
        assert!(!Path::new(&chain.path("cut.index")).exists(), "{}", said(&output));
    }
    // Without a daemon, it is the same command.
    let made = chain.made("alone", Some("again"));
    assert_eq!(made["left_out"], made["files"], "{made}");
    well(chain.restore("alone", &[], "copy"));
    assert!(payloads(&chain.dir.path().join("copy")) == payloads(&chain.data()));
}

pub(super) fn pruned() {
    let chain = Chain::new();
    let (daemon, _) = Daemon::start_first(&chain.data(), &["--key-pool", "0"]);
    let folder = chain.dir.path().join("backups");
    fs::create_dir(&folder).expect("a folder");
    let place = folder.display().to_string();
    let mut command = create(&place, &chain.data(), &chain.keys);
    well_with(&mut command, &["--index", &chain.path("index")]);
    let first = names(&folder).remove(0);
    let mut command = create(&place, &chain.data(), &chain.keys);
    well_with(&mut command, &["--since", &chain.path("index"), "--index", &chain.path("index")]);
    let time = first.trim_start_matches("sealdrop-").trim_end_matches(".age").to_owned();
    let second = names(&folder).into_iter().find(|name| name.contains("-since-")).expect("a name");
    assert!(second.ends_with(&format!("-since-{time}.age")), "{second}");
    let list = well(backup(&["list", &place, "--json"]));
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!((&list[0]["since"], &list[1]["since"]), (&list[1]["created_at"], &Value::Null));

    // A backup goes with the last one that needs it.
    let old = |name: &str| folder.join(name);
    for name in [
        "sealdrop-20200101T000000Z.age",
        "sealdrop-20200102T000000Z-since-20200101T000000Z.age",
        "sealdrop-20200103T000000Z-since-20200102T000000Z.age",
        "sealdrop-20200104T000000Z.age",
    ] {
        fs::copy(old(&first), old(name)).expect("a copy");
    }
    let prune = |days: &str| {
        let keep = ["prune", &place, "--keep-weekly", "0", "--keep-monthly", "0", "--keep-daily"];
        well(backup(&[&keep[..], &[days]].concat()))
    };
    prune("3");
    assert_eq!(names(&folder).len(), 6, "both of today, and all that one of the third day needs");
    prune("2");
    let mut left = ["sealdrop-20200104T000000Z.age", &first, &second];
    left.sort_unstable();
    assert_eq!(names(&folder), left);
    assert!(daemon.stop().0.success());
}

fn well_with(command: &mut Command, arguments: &[&str]) {
    let output = command.args(arguments).output().expect("the program");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}
