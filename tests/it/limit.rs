//! A limit for the time of each test, so that one that waits for ever is named, and ends the run.

#![expect(clippy::print_stdout, reason = "the tests say how long they took")]

use std::{
    collections::BTreeMap,
    sync::{Mutex, Once, PoisonError},
    time::{Duration, Instant},
};

/// The setting: seconds. Without it, tests may take as long as they need.
const SETTING: &str = "SEALDROP_TEST_SECONDS";

static RUNNING: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

/// The times of the tests that have ended.
static ENDED: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

/// Runs `test`, called `name`, within the limit.
pub(crate) fn limited<T>(name: &str, test: impl FnOnce() -> T) -> T {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(watch);
    let _running = Running::new(name);
    test()
}

/// A name in the list of running tests, until dropped, also by a panic.
struct Running(String);

impl Running {
    fn new(name: &str) -> Self {
        list().insert(name.to_owned(), Instant::now());
        Self(name.to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let began = list().remove(&self.0);
        let time = began.map_or(Duration::ZERO, |began| began.elapsed());
        let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push((time, std::mem::take(&mut self.0)));
    }
}

/// Prints the slowest tests, if the time is limited: where to look when all take too long.
pub(crate) fn print_slowest() {
    const SHOWN: usize = 25;
    if std::env::var_os(SETTING).is_none() {
        return;
    }
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    ended.sort();
    println!("the slowest tests:");
    for (time, name) in ended.iter().rev().take(SHOWN) {
        println!("{:6.1} s  {name}", time.as_secs_f64());
    }
}

fn list() -> std::sync::MutexGuard<'static, BTreeMap<String, Instant>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    let Some(limit) = std::env::var_os(SETTING) else { return };
    let limit = limit.to_str().and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or_else(|| panic!("{SETTING}: not a number")));
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let late = |(name, start): (&String, &Instant)| {
                (start.elapsed() > limit).then(|| name.clone())
            };
            let late: Vec<String> = list().iter().filter_map(late).collect();
            if !late.is_empty() {
                eprintln!(
                    "longer than {} s, so this run ends: {}",
                    limit.as_secs(),
                    late.join(", ")
                );
                std::process::exit(101);
            }
        }
    });
}
