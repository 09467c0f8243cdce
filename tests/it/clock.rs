//! Clocks that are wrong: behind, ahead, and corrected while the daemon runs.

use std::{fs, path::PathBuf};

use libtest_mimic::Trial;
use sealdrop::{clock::UnixSeconds, domain::sweep::sweep};
use serde_json::{Value, json};

use crate::{
    api::public::{look, token, view},
    daemon::Daemon,
    http::Client,
    server::TestServer,
    tools::{Tool, faketime, trial_with},
    trial,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("clock::a_leap_ends_nothing_for_good", a_leap_ends_nothing_for_good),
        trial("clock::what_has_expired_stays_expired", what_has_expired_stays_expired),
        trial("clock::a_lease_of_a_wrong_clock_is_over", a_lease_of_a_wrong_clock_is_over),
        trial_with("clock::of_the_real_daemon", &[Tool::FakeTime], of_the_real_daemon),
        trial_with("clock::before_the_build", &[Tool::FakeTime], before_the_build),
        trial_with("clock::is_believed_once", &[Tool::FakeTime], is_believed_once),
    ]
}

const LEASE: &str = "abcdefghijklmnopqrstuvwxyz";

fn a_leap_ends_nothing_for_good() {
    let server = TestServer::start();
    let anybody = server.client.with_key("");
    let keep = server.app.rules.keep_log_seconds;
    let [expiring, leased] =
        [2, 300].map(|hours| server.client.create(json!({"expiration": hours})));
    assert_eq!(view(&anybody, &leased, json!({"lease": LEASE})).status, 200);
    let start = server.clock.now();
    for days in [2, 400, 40_000] {
        server.clock.set(start.plus(days * DAY));
        assert_eq!(look(&anybody, &expiring).status, 404, "reading refuses at once");
        assert_eq!(view(&anybody, &leased, json!({"lease": LEASE})).status, 404);
        // Late attempts and the sweep end secrets permanently.
        assert_eq!(view(&anybody, &leased, json!({})).status, 404);
        sweep(&server.app.store, server.clock.settled(), keep).unwrap();
        server.client.get("/api/secrets");
        server.clock.set(start);
        assert_eq!(look(&anybody, &expiring).status, 200, "{days}");
        let again = view(&anybody, &leased, json!({"lease": LEASE}));
        assert_eq!(again.status, 200, "{days}: {}", again.text());
    }
    // A jump that lasts counts.
    server.clock.set(start.plus(2 * DAY));
    assert_eq!(sweep(&server.app.store, server.clock.settled(), keep).unwrap(), 0);
    server.clock.advance(599);
    assert_eq!(sweep(&server.app.store, server.clock.settled(), keep).unwrap(), 1, "the lease");
    server.clock.advance(1);
    assert_eq!(sweep(&server.app.store, server.clock.settled(), keep).unwrap(), 1);
    server.clock.set(start);
    assert_eq!(look(&anybody, &expiring).status, 404);
}

fn what_has_expired_stays_expired() {
    let server = TestServer::start();
    let anybody = server.client.with_key("");
    let [expiring, leased] =
        [2, 300].map(|hours| server.client.create(json!({"expiration": hours})));
    let start = server.clock.now();
    server.clock.set(start.plus(2 * HOUR - 61));
    assert_eq!(view(&anybody, &leased, json!({"lease": LEASE})).status, 200);
    server.clock.advance(60);
    assert_eq!(look(&anybody, &expiring).status, 200);
    server.clock.advance(1);
    assert_eq!(look(&anybody, &expiring).status, 404);
    for back in [1, HOUR, 2 * HOUR, 50 * DAY] {
        server.clock.set(UnixSeconds(start.0 + 2 * HOUR - back));
        assert_eq!(look(&anybody, &expiring).status, 404, "{back}");
        assert_eq!(view(&anybody, &leased, json!({"lease": LEASE})).status, 404, "{back}");
    }
    let made = server.client.create(json!({"expiration": 1}));
    let made = &crate::api::entry(&server.client, &made)["created_at"];
    assert_eq!(made, &json!(start.plus(2 * HOUR).to_string()), "the time stands still");
}

fn a_lease_of_a_wrong_clock_is_over() {
    let server = TestServer::start();
    let anybody = server.client.with_key("");
    let start = server.clock.now();
    let id = server.client.create(json!({"expiration": 350, "max_views": 2}));
    server.clock.set(start.plus(2 * DAY));
    let first = token(&view(&anybody, &id, json!({})));
    assert_eq!(view(&anybody, &id, json!({"lease": first})).status, 200);
    server.clock.set(start);
    assert_eq!(
        view(&anybody, &id, json!({"lease": first})).status,
        404,
        "for two days and a minute"
    );
    let second = token(&view(&anybody, &id, json!({})));
    assert_eq!(view(&anybody, &id, json!({"lease": second})).status, 200);
}

/// A daemon whose clock is the content of a file, as in `+2d`; its monotonic clock is the system's.
struct Faked {
    _dir: tempfile::TempDir,
    data: PathBuf,
    clock: PathBuf,
}

impl Faked {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let (data, clock) = (dir.path().join("data"), dir.path().join("clock"));
        let faked = Self { data, clock, _dir: dir };
        faked.set("+0");
        faked
    }

    fn set(&self, clock: &str) {
        // Renamed, so that no reader sees half of it.
        let fresh = self.clock.with_extension("fresh");
        fs::write(&fresh, clock).expect("a file");
        fs::rename(&fresh, &self.clock).expect("a file");
    }

    fn start(&self) -> Daemon {
        let file = PathBuf::from;
        let env = [
            ("LD_PRELOAD", faketime().expect("libfaketime")),
            ("FAKETIME_TIMESTAMP_FILE", self.clock.clone()),
            ("FAKETIME_NO_CACHE", file("1")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", file("1")),
            ("DONT_FAKE_MONOTONIC", file("1")),
        ];
        Daemon::start_with(&self.data, &[], &env)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.data.with_extension("log")).expect("a log")
    }
}

fn ready(client: &Client) -> (u16, Value) {
    let answer = client.get("/ready");
    (answer.status, answer.json()["reason"].clone())
}

fn is_behind(client: &Client) -> bool {
    let (status, reason) = ready(client);
    assert!([200, 503].contains(&status), "{status}");
    assert!(status == 200 || reason.as_str().unwrap().contains("the clock is wrong"), "{reason}");
    status == 503
}

fn of_the_real_daemon() {
    let faked = Faked::new();
    let mut daemon = faked.start();
    let keys = daemon.first_keys();
    let client = Client::new(daemon.base.clone(), keys.private.clone());
    let anybody = client.with_key("");
    let short = client.create(json!({"expiration": 1}));
    let long = client.create(json!({"expiration": 72}));
    assert!(!is_behind(&client));

    // A wrong jump, during which records are written.
    faked.set("+400d");
    assert_eq!(look(&anybody, &short).status, 404);
    assert_eq!(look(&anybody, &long).status, 404);
    let leapt = client.create(json!({"expiration": 1}));
    assert_eq!(look(&anybody, &leapt).status, 200);
    assert!(!is_behind(&client), "it may be right");
    assert!(faked.log().contains("the clock has leapt ahead"), "{}", faked.log());
    // The daemon is restarted during it.
    assert!(daemon.stop().0.success());
    let daemon = faked.start();
    let client = Client::new(daemon.base.clone(), keys.private.clone());
    let anybody = client.with_key("");
    assert_eq!(look(&anybody, &short).status, 404);
    let in_it = client.create(json!({}));
    assert!(!is_behind(&client));
    faked.set("+0");
    for id in [&short, &long, &in_it] {
        assert_eq!(look(&anybody, id).status, 200, "nothing has ended permanently");
    }
    assert!(!is_behind(&client), "the jump was not stored as the newest time");

    // A plausible jump, and back.
    faked.set("+2h");
    assert_eq!(look(&anybody, &short).status, 404);
    let late = client.create(json!({"expiration": 1}));
    assert!(!is_behind(&client));
    faked.set("+0");
    assert!(is_behind(&client));
    assert_eq!(look(&anybody, &short).status, 404, "it stays expired");
    assert_eq!(look(&anybody, &late).status, 200);
    assert!(faked.log().contains("the clock is behind the newest time"), "{}", faked.log());
    assert!(faked.log().contains("Set the clock right"), "{}", faked.log());
    assert!(daemon.stop().0.success());

    // Known after a restart, also after one without a request.
    faked.set("-1h");
    let daemon = faked.start();
    let client = Client::new(daemon.base.clone(), keys.private);
    assert!(is_behind(&client));
    assert_eq!(look(&client.with_key(""), &short).status, 404);
    daemon.kill();
    let daemon = faked.start();
    let client = Client::new(daemon.base.clone(), client.key.clone());
    assert!(is_behind(&client));
    faked.set("+130m");
    assert!(!is_behind(&client));
    assert_eq!(look(&client.with_key(""), &late).status, 200);
    assert_eq!(look(&client.with_key(""), &long).status, 200);
}

/// The first start was years ahead, so only `believe-clock` helps.
fn is_believed_once() {
    let faked = Faked::new();
    faked.set("+4000d");
    let mut daemon = faked.start();
    let key = daemon.first_keys().private;
    let start = |asked: bool| {
        if asked {
            fs::write(faked.data.join("believe-clock"), "").expect("a file");
        }
        let daemon = faked.start();
        let client = Client::new(daemon.base.clone(), key.clone());
        (daemon, client)
    };
    assert!(daemon.stop().0.success());
    faked.set("+0");
    let (daemon, client) = start(false);
    assert!(is_behind(&client));
    assert!(daemon.stop().0.success());
    let (daemon, client) = start(true);
    assert!(!is_behind(&client));
    assert!(!faked.data.join("believe-clock").exists());
    client.create(json!({}));
    daemon.kill();
    let (daemon, client) = start(false);
    assert!(!is_behind(&client), "for good");
    assert!(daemon.stop().0.success());
    faked.set("-2h");
    let (_daemon, client) = start(false);
    assert!(is_behind(&client), "and once only");
}

fn before_the_build() {
    let faked = Faked::new();
    // A clock without a battery, at the very first start.
    faked.set("1970-01-01 00:01:00");
    let mut daemon = faked.start();
    let client = Client::new(daemon.base.clone(), daemon.first_keys().private);
    let (status, reason) = ready(&client);
    assert_eq!(
        (status, reason.as_str()),
        (503, Some("the clock is wrong: it is from before this program was built; see the log"))
    );
    assert_eq!(client.get("/health").status, 200);
    let id = client.create(json!({"expiration": 72}));
    assert_eq!(look(&client.with_key(""), &id).status, 200);
    assert!(faked.log().contains("from before this program was built"), "{}", faked.log());
    faked.set("+0");
    assert!(!is_behind(&client), "right at last");
}
