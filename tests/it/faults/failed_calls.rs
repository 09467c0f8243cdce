//! A disk whose calls fail: strace lets the n-th write, sync, rename or deletion of each thread of a daemon
//! fail, once or from then on, from its start on. Afterwards it is started on a disk that works.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use sealdrop::admin;

use super::{
    below,
    load::{Event, Facts, Load, monotonic},
    rounds,
};
use crate::{
    backup::{KeyPair, create, verify},
    daemon::{Daemon, sealdrop},
    http::Client,
    mail::until,
};

/// Calls that change files, and that sockets and pipes do not need. `write` is not among them, which a few files
/// beside the database are written with.
const CALLS: [&str; 7] =
    ["pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "fallocate"];
const CLIENTS: usize = 2;
const REQUESTS: u64 = 40;

/// What fails.
#[derive(Clone, Debug)]
struct Fault {
    call: String,
    /// The first call of a thread that fails, counted from 1.
    first: usize,
    error: &'static str,
    is_lasting: bool,
}

impl Fault {
    fn rule(&self) -> String {
        let Self { call, first, error, is_lasting } = self;
        format!("inject={call}:error={error}:when={first}{}", if *is_lasting { "+" } else { "" })
    }
}

/// Names the fault of a round that does not end well.
struct Named<'a>(&'a Fault);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("with {:?}", self.0);
        }
    }
}

#[derive(Debug, Default)]
struct Outcomes {
    /// How often a daemon did not start, ended itself, or went on, by the call that failed.
    by_call: BTreeMap<String, [usize; 3]>,
    failed_calls: usize,
    turns: usize,
    backups: usize,
}

/// A data directory, and what is known of its content.
struct World {
    dir: tempfile::TempDir,
    client: Client,
    keys: KeyPair,
    facts: Facts,
    next_tag: u64,
    outcomes: Outcomes,
}

pub(super) fn lose_nothing() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &[]);
    assert!(daemon.stop().0.success());
    let (facts, outcomes) = (Facts::default(), Outcomes::default());
    let mut world = World { dir, client, keys: KeyPair::new(), facts, next_tag: 0, outcomes };
    let mut faults = world.recorded();
    let all = faults.len();
    let wanted = rounds("SEALDROP_FAILED_CALLS", 32).min(all as u64);
    for _ in 0..wanted {
        let fault = faults.swap_remove(below(faults.len() as u64) as usize);
        world.round(&fault);
    }
    let World { outcomes, facts, .. } = world;
    println!("{wanted} of {all} faults, {outcomes:?}, {} secrets", facts.acknowledged());
    assert!(outcomes.failed_calls as u64 >= wanted / 2, "most faults must happen");
}

impl World {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// All faults that calls of a session can have: it is run once without any.
    fn recorded(&mut self) -> Vec<Fault> {
        let daemon = self.start(None).unwrap_or_else(|log| panic!("it did not start:\n{log}"));
        self.work(&daemon);
        let mut most: BTreeMap<String, usize> = BTreeMap::new();
        for ((_, call), times) in self.end(daemon).made {
            let most = most.entry(call).or_default();
            *most = times.max(*most);
        }
        let seen: BTreeSet<&str> = most.keys().map(String::as_str).collect();
        for call in ["pwrite64", "fdatasync", "fsync", "rename", "unlink"] {
            assert!(seen.contains(call), "{call} is not among {seen:?}");
        }
        let mut faults = Vec::new();
        for (call, times) in most {
            for first in 1..=times {
                for error in ["EIO", "ENOSPC"] {
                    for is_lasting in [false, true] {
                        faults.push(Fault { call: call.clone(), first, error, is_lasting });
                    }
                }
            }
        }
        faults
    }

    /// A session with a fault, and a look at the data after it.
    fn round(&mut self, fault: &Fault) {
        let _named = Named(fault);
        let (outcome, failed) = match self.start(Some(fault)) {
            Err(_) => (0, 1),
            Ok(daemon) => {
                self.work(&daemon);
                let still = self.at(&daemon).try_send("GET", "/health", &[], b"").is_ok();
                (if still { 2 } else { 1 }, self.end(daemon).failed)
            }
        };
        self.outcomes.by_call.entry(fault.call.clone()).or_default()[outcome] += 1;
        self.outcomes.failed_calls += failed;
        let daemon = Daemon::start(&self.data(), &[]);
        self.facts.verify(&self.at(&daemon), &self.data());
        assert!(daemon.stop().0.success());
    }

    fn at(&self, daemon: &Daemon) -> Client {
        Client::new(daemon.base.clone(), self.client.key.clone())
    }

    fn trace(&self) -> PathBuf {
        self.dir.path().join("trace")
    }

    /// Starts a daemon under strace, which is its child here (`-D`).
    fn start(&self, fault: Option<&Fault>) -> Result<Daemon, String> {
        let serve = sealdrop();
        let mut strace = Command::new("strace");
        strace.args(["-D", "-f", "-o"]).arg(self.trace());
        strace.args(["-e", &format!("trace={}", CALLS.join(","))]);
        if let Some(fault) = fault {
            strace.args(["-e", &fault.rule()]);
        }
        for (name, value) in serve.get_envs() {
            match value {
                Some(value) => strace.env(name, value),
                None => strace.env_remove(name),
            };
        }
        strace.arg(serve.get_program()).args(["serve", "--listen", "127.0.0.1:0", "--data"]);
        strace.arg(self.data());
        Daemon::run(strace, self.dir.path().join("log"))
    }

    /// Requests, a turn of the ring and a backup beside each other.
    fn work(&mut self, daemon: &Daemon) {
        let events = Mutex::new(Vec::new());
        let record = |event: Event| events.lock().expect("no client panicked").push(event);
        let load = Load { client: self.at(daemon), record: &record, first_tag: self.next_tag };
        let data = self.data();
        let made = thread::scope(|scope| {
            scope.spawn(|| load.run_for(CLIENTS, REQUESTS));
            let turned = admin::call(&data, &admin::Command::TurnRing).is_ok();
            self.outcomes.turns += usize::from(turned);
            self.backup(&data)
        });
        self.outcomes.backups += usize::from(made);
        self.next_tag += 1_000_000;
        let events = events.into_inner().expect("no client panicked");
        self.facts.take_in(&events, monotonic());
    }

    /// Makes a backup. What is reported as made is good.
    fn backup(&self, data: &Path) -> bool {
        let file = self.dir.path().join("backup.age");
        let _ = std::fs::remove_file(&file);
        let output = create(&file.display().to_string(), data, &self.keys).output();
        let is_made = output.expect("the program").status.success();
        if is_made {
            verify(&file, &self.keys);
        }
        is_made
    }

    /// Kills the daemon, which may have ended, and reads its calls.
    fn end(&self, daemon: Daemon) -> Calls {
        let id = daemon.pid().as_raw_nonzero().to_string();
        daemon.kill();
        let mut text = String::new();
        until("strace has ended", || {
            text = std::fs::read_to_string(self.trace()).expect("the trace");
            let mut ends = text.lines().filter(|line| line.contains("+++ "));
            ends.any(|line| line.split_whitespace().next() == Some(&*id))
        });
        Calls::read(&text)
    }
}

/// The calls of a daemon.
#[derive(Default)]
struct Calls {
    /// By thread and name.
    made: BTreeMap<(String, String), usize>,
    failed: usize,
}

impl Calls {
    fn read(trace: &str) -> Self {
        let mut calls = Self::default();
        for line in trace.lines() {
            calls.failed += usize::from(line.ends_with("(INJECTED)"));
            let (thread, rest) = line.split_once(' ').expect("a thread and a call");
            let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
            if CALLS.contains(&call) {
                *calls.made.entry((thread.to_owned(), call.to_owned())).or_default() += 1;
            }
        }
        calls
    }
}
