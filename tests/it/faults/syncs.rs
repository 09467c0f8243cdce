//! The daemon's system calls, read from strace: the syncs before an answer, and their number.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::json;

use super::flips::large_ciphertext;
use crate::{daemon::Daemon, http::Client};

const CLIENTS: usize = 64;
const CREATES_EACH: usize = 8;

/// A finished system call: the lines where it began and ended, and its whole text.
#[derive(Debug)]
struct Syscall {
    began: usize,
    ended: usize,
    text: String,
}

impl Syscall {
    fn is(&self, name: &str, file: &str) -> bool {
        self.text.starts_with(name) && self.text.contains(&format!("{file}>"))
    }

    fn is_answer(&self) -> bool {
        self.text.contains("\"HTTP/1.1 20")
    }

    /// Writing or wiping a key, which is after the head of the file.
    fn is_key_write(&self) -> bool {
        self.is("pwrite64(", "/store/slots") && self.offset() >= 4096
    }

    /// A sync of a turn of the ring, the first of which is at the first start.
    fn is_of_ring(&self) -> bool {
        ["/ring>", "/store/buckets>", "/store/buckets.new>", "/store>"]
            .iter()
            .any(|file| self.text.contains(file))
    }

    fn is_commit_mark(&self) -> bool {
        self.is("pwrite64(", "/store/slots") && self.offset() == 32
    }

    fn offset(&self) -> u64 {
        let arguments = self.text.rsplit_once(')').map_or("", |(before, _)| before);
        arguments.rsplit(", ").next().and_then(|offset| offset.parse().ok()).expect("an offset")
    }
}

pub(super) fn before_the_answer() {
    let calls = traced(|client| {
        let small = client.create(json!({}));
        let large = client.create(json!({"ciphertext": large_ciphertext()}));
        // Both views burn.
        assert_eq!(client.view(&small).status, 200);
        assert_eq!(client.delete(&format!("/api/secrets/{large}")).status, 200);
    });
    let answers: Vec<&Syscall> = calls.iter().filter(|call| call.is_answer()).collect();
    assert_eq!(answers.len(), 4, "{calls:#?}");
    let mut since = 0;
    for (n, answer) in answers.into_iter().enumerate() {
        // Each began only after the one before it had ended.
        let mut steps: Vec<(&str, &str)> =
            vec![("fdatasync(", "/store/slots"), ("pwrite64(", "/store/db/db")];
        steps.push(("fdatasync(", "/store/db/db"));
        if n == 1 {
            steps.splice(0..0, [("fsync(", ".tmp"), ("fsync(", "/store/payloads")]);
        }
        let key = calls.iter().find(|call| call.began > since && call.is_key_write());
        let key = key.unwrap_or_else(|| panic!("answer {n}: no key is written"));
        let mut after = if n == 1 { since } else { key.ended };
        for (name, file) in steps {
            let step = calls.iter().find(|call| call.began > after && call.is(name, file));
            let step = step.unwrap_or_else(|| panic!("answer {n}: no {name}{file}) in {calls:#?}"));
            after = step.ended;
        }
        assert!(after < answer.began, "answer {n} left before {:?} in {calls:#?}", after);
        // sled writes a batch in several parts, each with a sync of its own.
        let in_time = |call: &&Syscall| call.began > since && call.began < answer.began;
        for write in calls.iter().filter(in_time).filter(|call| call.is("pwrite64(", "/db/db")) {
            let synced = calls.iter().any(|sync| {
                sync.is("fdatasync(", "/db/db")
                    && (sync.began > write.ended && sync.ended < answer.began)
            });
            assert!(synced, "answer {n}: {write:?} is not synced before it in {calls:#?}");
        }
        since = answer.ended;
    }
}

pub(super) fn shared_by_a_group() {
    let calls = traced(|client| {
        thread::scope(|scope| {
            for n in 0..CLIENTS {
                let client = Client::new(client.base.clone(), client.key.clone());
                scope.spawn(move || {
                    for m in 0..CREATES_EACH {
                        let large = json!({"ciphertext": large_ciphertext()});
                        client.create(if (n + m) % 8 == 0 { large } else { json!({}) });
                    }
                });
            }
        });
    });
    let count =
        |wanted: &dyn Fn(&Syscall) -> bool| calls.iter().filter(|call| wanted(call)).count();
    // One before each commit and one after it.
    let commits = count(&|call| call.is_commit_mark()) / 2;
    let slots = count(&|call| call.is("fdatasync(", "/store/slots"));
    let database = count(&|call| call.is("fdatasync(", "/store/db/db"));
    let folder = count(&|call| call.is("fsync(", "/store/payloads"));
    let creates = CLIENTS * CREATES_EACH;
    println!("{creates} creates: {commits} commits, {slots} + {database} + {folder} syncs");
    assert!(commits > 0 && commits * 2 <= creates, "{commits} commits are not groups");
    assert!(slots <= commits && folder <= commits);
    // In addition to the one of each commit: sled begins a segment of its log now and then, and its writes
    // from there on have syncs of their own.
    assert!(database <= commits + commits / 4 + 1);
    let others = count(&|call| {
        call.text.contains("sync") && !call.text.contains(".tmp>") && !call.is_of_ring()
    });
    assert_eq!(others, slots + database + folder, "other syncs");
}

/// The system calls of a daemon while `work` uses it.
fn traced(work: impl FnOnce(&Client)) -> Vec<Syscall> {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &[]);
    let trace = dir.path().join("trace");
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-s", "40", "-o"])
        .arg(&trace)
        .args(["-e", "trace=pwrite64,write,writev,sendto,fsync,fdatasync,sync_file_range,msync"])
        .args(["-p", &daemon.pid().as_raw_nonzero().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace");
    let mut said = BufReader::new(strace.stderr.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("what strace says");
    assert!(line.contains("attached"), "{line}");
    // strace continues to report every thread; the output is ignored, but the pipe must not fill.
    let said = thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    work(&client);
    assert!(daemon.stop().0.success());
    strace.wait().expect("its end");
    said.join().expect("a thread").expect("a pipe");
    syscalls(&trace)
}

/// Up to the end of the daemon's work, which is marked by its last answer.
fn syscalls(trace: &Path) -> Vec<Syscall> {
    let text = std::fs::read(trace).expect("the trace");
    let mut open: Vec<(&str, usize, &str)> = Vec::new();
    let mut calls = Vec::new();
    let text = String::from_utf8_lossy(&text);
    for (number, line) in text.lines().enumerate() {
        let (thread, call) = line.split_once(' ').expect("a thread and a call");
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            open.push((thread, number, begun));
        } else if let Some(resumed) = call.strip_prefix("<... ") {
            let index = open.iter().position(|(other, ..)| *other == thread);
            let Some((_, began, begun)) = index.map(|index| open.swap_remove(index)) else {
                continue;
            };
            let rest = resumed.split_once("resumed>").map_or("", |(_, rest)| rest);
            calls.push(Syscall { began, ended: number, text: format!("{begun}{rest}") });
        } else {
            calls.push(Syscall { began: number, ended: number, text: call.to_owned() });
        }
    }
    calls.sort_by_key(|call| call.began);
    let last = calls.iter().rposition(Syscall::is_answer).expect("an answer");
    calls.truncate(last + 1);
    calls
}
