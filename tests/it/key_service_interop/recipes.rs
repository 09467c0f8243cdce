//! The Python scripts in `docs/recipes`: each opens what the other programs have sealed, and seals for them.

use std::{fs, path::Path};

use libtest_mimic::Trial;

use super::{PASSPHRASE, TestBox, random_bytes, recipe, text_of};
use crate::{
    programs::printed,
    server::TestServer,
    tools::{CURL, Tool, python, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const NEEDED: &[Tool] = &[CURL, Tool::PythonCryptography];
    vec![
        trial_with("boxes::python_reads_what_was_sent_online", NEEDED, python_reads),
        trial_with("boxes::what_python_seals_is_read_online", NEEDED, python_sends),
        trial_with("boxes::python_sends_and_python_reads", NEEDED, python_sends_and_reads),
        trial_with("boxes::python_reads_page_after_page_and_burns", NEEDED, python_burns),
        trial_with("boxes::the_recipe_stops_at_its_limit", NEEDED, the_recipe_stops_at_its_limit),
    ]
}

/// Names and contents: several chunks, compressible and incompressible, an empty file, an unsafe name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("long.txt", text_of(20_000).into_bytes()),
        ("räksmörgås.bin", random_bytes(300_001)),
        ("empty", Vec::new()),
        (".hidden?", b"dots".to_vec()),
    ]
}

fn write_files(folder: &Path) -> Vec<String> {
    fs::create_dir(folder).expect("a folder");
    let write = |(name, content): (&str, Vec<u8>)| {
        let path = folder.join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    files().into_iter().map(write).collect()
}

/// Runs `box_read.py`; files go to `folder`.
fn read(test_box: &TestBox, dir: &Path, folder: &Path) -> (bool, String, String) {
    let pem = dir.join("key.pem");
    fs::write(&pem, test_box.field("PrivateKey")).expect("a file");
    let base = test_box.service.strip_suffix("/Service").expect("its end");
    let paths = [&pem, folder].map(|path| path.to_str().expect("UTF-8"));
    let output = recipe("box_read.py", &[base, test_box.token(), paths[0], paths[1]], b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn same_files(folder: &Path, names: [&str; 4]) {
    for (name, (_, content)) in names.into_iter().zip(files()) {
        let saved = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(saved == content, "{name}: {} bytes", saved.len());
    }
}

fn python_reads() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let test_box = TestBox::create(&server.client.base);
    let (sent, saved) = (dir.path().join("sent"), dir.path().join("saved"));
    let paths = write_files(&sent);
    let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
    let long = text_of(10_000);
    test_box.send("först \u{1f511}\r\n\"", &[]);
    test_box.send(&long, &paths);

    fs::create_dir(&saved).expect("a folder");
    let (good, out, err) = read(&test_box, dir.path(), &saved);
    assert!(good, "{err}");
    assert!(out == format!("först \u{1f511}\r\n\"\n{long}\n"), "{:.200}", out);
    same_files(&saved, ["long.txt", "räksmörgås.bin", "empty", "hidden_"]);

    // No file is overwritten.
    fs::write(saved.join("long.txt"), "mine").expect("a file");
    let (good, _, err) = read(&test_box, dir.path(), &saved);
    assert!(good, "{err}");
    assert_eq!(fs::read(saved.join("long.txt")).expect("a file"), b"mine");
    same_files(&saved, ["long (1).txt", "räksmörgås (1).bin", "empty (1)", "hidden_ (1)"]);
    assert_eq!(fs::read_dir(&saved).expect("a folder").count(), 8);
}

fn python_sends() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let test_box = TestBox::create(&server.client.base);
    let paths = write_files(&dir.path().join("sent"));
    let mut arguments = vec![server.client.base.as_str(), test_box.token()];
    arguments.extend(paths.iter().map(String::as_str));
    // 300 KB, so that the message has several chunks, too; and it may be a single one.
    for message in ["hemligt \u{1f511}\n", &text_of(10_000)] {
        let files = if message.len() < 100 { arguments.len() } else { 2 };
        let sent = recipe("box_send.py", &arguments[..files], message.as_bytes());
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        let opened = test_box.opened();
        let text = opened.iter().rfind(|message| message["IsFile"] == false).expect("a text");
        assert_eq!(text["MessageData"], message);
        assert_eq!(text["EncryptionKey"], serde_json::Value::Null);
        assert_eq!(text["Size"], message.len());
        assert_eq!(text["MessageHash"], sha256(message.as_bytes()));
    }
    let opened = test_box.opened();
    assert_eq!(opened.len(), 2 + files().len());
    for ((name, content), message) in files().into_iter().zip(&opened[1..]) {
        assert_eq!((&message["FileName"], &message["IsFile"]), (&name.into(), &true.into()));
        // The server cannot verify a hash that the sender states.
        assert_eq!(message["MessageHash"], serde_json::Value::Null, "{name}");
        assert!(test_box.fetch(message) == content, "{name}");
    }
}

/// The bytes of `sent/`, through the server and back; the server sees no plaintext.
fn python_sends_and_reads() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let test_box = TestBox::create(&server.client.base);
    let paths = write_files(&dir.path().join("sent"));
    let mut arguments = vec![server.client.base.as_str(), test_box.token()];
    arguments.extend(paths.iter().map(String::as_str));
    let sent = recipe("box_send.py", &arguments, b"");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));

    let saved = dir.path().join("saved");
    fs::create_dir(&saved).expect("a folder");
    let (good, out, err) = read(&test_box, dir.path(), &saved);
    assert!(good && out.is_empty(), "{out}{err}");
    same_files(&saved, ["long.txt", "räksmörgås.bin", "empty", "hidden_"]);

    // A message that does not open is reported, and does not prevent reading the others.
    let token = format!("token={}", test_box.token());
    let foreign = ["-d", "encryptedmessage=foreign", "-d", "encryptionkey=AAAA"];
    let sent =
        super::curl(&[&["-X", "PUT", "-d", &token], &foreign[..], &[&test_box.service]].concat());
    assert_eq!(sent, b"true");
    test_box.send("last", &[]);
    let (good, out, err) = read(&test_box, dir.path(), &saved);
    assert!(!good && out == "last\n" && err.contains("message 5 does not open"), "{out}{err}");
}

/// More than a page of messages, in a box that is deleted after reading.
fn python_burns() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let service = format!("{}/Service", server.client.base);
    let passphrase = format!("passphrase={PASSPHRASE}");
    let after = "deletekeyafterreading=true";
    let key = super::curl_json(&["--data-urlencode", &passphrase, "-d", after, &service]);
    let test_box = TestBox { service, key };
    // A multiple of the script's page size, with a file at the end.
    let file = dir.path().join("last.bin");
    fs::write(&file, random_bytes(100_000)).expect("a file");
    for number in 1..100 {
        test_box.send(&number.to_string(), &[]);
    }
    super::curl(&[
        "-X",
        "PUT",
        "-F",
        &format!("token={}", test_box.token()),
        "-F",
        &format!("file=@{}", file.display()),
        &test_box.service,
    ]);

    let saved = dir.path().join("saved");
    fs::create_dir(&saved).expect("a folder");
    let (good, out, err) = read(&test_box, dir.path(), &saved);
    let all: String = (1..100).map(|number| format!("{number}\n")).collect();
    assert!(good && out == all, "{out}{err}");
    assert!(fs::read(saved.join("last.bin")).expect("a file") == random_bytes(100_000));
    let (good, out, err) = read(&test_box, dir.path(), &saved);
    assert!(!good && out.is_empty() && err.contains("There is no key with this token"), "{err}");
}

fn the_recipe_stops_at_its_limit() {
    const CHECK: &str = r#"
import gzip, io, sys
sys.path.insert(0, "docs/recipes")
import box_read, box_send

plain = bytes(10_000_000)
zipped = gzip.compress(plain)
pieces = [zipped[at:at + 777] for at in range(0, len(zipped), 777)]
assert b"".join(box_read.gunzip(pieces, len(plain))) == plain

def refused(pieces, limit=1 << 30):
    try:
        for piece in box_read.gunzip(pieces, limit):
            assert len(piece) <= 1 << 20
    except (ValueError, box_read.zlib.error):
        return True
    return False

assert refused(pieces, len(plain) - 1)
assert refused(pieces[:-1])
assert refused(pieces + [b"more"])
assert refused([])

# Lengths around a chunk; every cut and every swap is noticed.
for length in [0, 1, 65535, 65536, 65537, 131072, 131073]:
    chunk, out = bytes(length), io.BytesIO()
    envelope = box_send.Envelope(out)
    envelope.write(chunk)
    envelope.finish()
    sealed = out.getvalue()
    assert len(sealed) == 7 + length + 16 * max(1, -(-length // 65536)), length
    opened = lambda sealed: b"".join(box_read.open_chunks(envelope.key, io.BytesIO(sealed)))
    assert opened(sealed) == chunk
    full = 65536 + 16
    bad = [sealed[:-1], sealed + b"x", sealed[:7 + full], sealed[:7] + sealed[7 + full:]]
    for other in bad:
        if other != sealed:
            try:
                opened(other)
                assert False, (length, len(other))
            except box_read.InvalidTag:
                pass

assert box_read.safe_name("../../etc/passwd") == "passwd"
assert box_read.safe_name("C:\\x\\a\u202etxt.exe\n") == "a_txt.exe_"
assert box_read.safe_name("..") == box_read.safe_name("") == box_read.safe_name("/") == "file"
assert len(box_read.safe_name("å" * 500).encode()) == 200
"#;
    let mut command = std::process::Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(env!("CARGO_MANIFEST_DIR"));
    printed(command.args(["-c", CHECK]), b"");
}

fn sha256(bytes: &[u8]) -> String {
    let hash = sealdrop::crypto::sha256(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
