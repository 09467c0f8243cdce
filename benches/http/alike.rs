//! Whether response times distinguish a link that was valid from an unknown one.
//!
//! Two kinds of ids are requested alternately, at random, over one connection. After each, a request that
//! is always the same shows how much work was left after the answer. Welch's t shows whether the two kinds
//! differ by more than chance: beyond 4.5 in either direction they do.

use std::{io, net::SocketAddr, time::Instant};

use crate::{
    Plan,
    client::Client,
    daemon::{self, Daemon},
    fill::NewSecrets,
    report::Report,
    requests::{PASSWORD_PART, ciphertext},
};
use sealdrop::{
    clock::Clock,
    config::Settings,
    crypto::{SystemRandom, random_array},
    domain::{
        account::api_key::ApiKeys,
        id::Ids,
        lifetime::{Lifetime, LifetimeRules},
        request_id::RequestId,
        secret::{self, manage},
    },
    store::Store,
};

/// The samples of each kind.
const SAMPLES: usize = 20_000;
/// Not counted, because caches are cold.
const WARM_UP: usize = 1000;
const MOST: f64 = 4.5;
/// The ids of each kind.
const IDS: usize = 64;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let names = [
        "alike: look, used up or unknown",
        "alike: look, expired or unknown",
        "alike: look, used up or expired",
        "alike: look, neighbour or unknown",
        "alike: view, used up or unknown",
        "alike: view by key, used up or unknown",
        "alike: status, wrong token or unknown",
        "alike: box, deleted or unknown",
        "alike: box, neighbour or unknown",
        "alike: request, answered or unknown",
        "alike: request, neighbour or unknown",
    ];
    if !names.iter().any(|name| plan.wants(name)) {
        return Ok(());
    }
    let directory = plan.directory();
    let key = daemon::create_account(directory.path())?;
    let Stored { expired, live } = store(directory.path(), &key);
    let daemon = Daemon::start_as(directory.path(), &["--key-pool", "0"])?;
    let mut setup = Setup::new(daemon.address, key)?;
    let used_up: Vec<String> = (0..IDS).map(|_| setup.used_up()).collect::<Result<_, _>>()?;
    let boxes: Vec<String> = (0..4).map(|_| setup.drop_box()).collect::<Result<_, _>>()?;
    let deleted: Vec<String> = (0..4).map(|_| setup.deleted_box()).collect::<Result<_, _>>()?;
    let open: Vec<String> = (0..4).map(|_| setup.request()).collect::<Result<_, _>>()?;
    let answered: Vec<String> =
        (0..4).map(|_| setup.answered_request()).collect::<Result<_, _>>()?;
    let unknown: Vec<String> = (0..IDS).map(|_| unknown()).collect();
    let unknown_requests: Vec<String> =
        (0..IDS).map(|_| RequestId::new(&SystemRandom).to_string()).collect();
    let neighbours = |ids: &[String]| ids.iter().map(|id| neighbour(id)).collect::<Vec<_>>();
    let by_key = format!("authorization: ApiKey {}\r\n", setup.key);
    let token = format!("manage-token: {}\r\n", "0".repeat(64));
    let look = |id: &str| get(&format!("/api/public/secrets/{id}"), "");
    let view = |id: &str| post(&format!("/api/public/secrets/{id}/view"), "", "{}");
    let view_by_key = |id: &str| get(&format!("/api/secrets/{id}"), &by_key);
    let status = |id: &str| get(&format!("/api/public/secrets/{id}/status"), &token);
    let terms = |id: &str| get(&format!("/Service/{id}/terms"), "");
    let ask = |id: &str| get(&format!("/api/public/secret_requests/{id}"), "");
    let requests = |ids: &[String], request: &dyn Fn(&str) -> Vec<u8>| -> Vec<Vec<u8>> {
        ids.iter().map(|id| request(id)).collect()
    };
    let rows = [
        (requests(&used_up, &look), requests(&unknown, &look)),
        (requests(&expired, &look), requests(&unknown, &look)),
        (requests(&used_up, &look), requests(&expired, &look)),
        (requests(&neighbours(&live), &look), requests(&unknown, &look)),
        (requests(&used_up, &view), requests(&unknown, &view)),
        (requests(&used_up, &view_by_key), requests(&unknown, &view_by_key)),
        (requests(&live, &status), requests(&unknown, &status)),
        (requests(&deleted, &terms), requests(&unknown, &terms)),
        (requests(&neighbours(&boxes), &terms), requests(&unknown, &terms)),
        (requests(&answered, &ask), requests(&unknown_requests, &ask)),
        (requests(&neighbours(&open), &ask), requests(&unknown_requests, &ask)),
    ];
    report.table(&[
        "404s, two kinds in turns                ",
        "own answers, µs",
        "  |t|",
        "the next ones, µs",
        "  |t|",
    ]);
    for (name, (first, second)) in names.into_iter().zip(&rows) {
        if plan.wants(name) {
            row(report, daemon.address, name, [first, second])?;
        }
    }
    daemon.stop()
}

fn row(
    report: &mut Report,
    server: SocketAddr,
    name: &str,
    kinds: [&[Vec<u8>]; 2],
) -> io::Result<()> {
    let next = get(&format!("/api/public/secrets/{}", unknown()), "");
    let mut client = Client::connect(server)?;
    let (mut own, mut after) = ([Moments::default(); 2], [Moments::default(); 2]);
    let mut timed = |request: &[u8]| -> io::Result<f64> {
        let start = Instant::now();
        let answer = client.send(request)?;
        let micros = start.elapsed().as_secs_f64() * 1e6;
        // The Key Service answers with 400.
        assert!([400, 404].contains(&answer.status), "{}", answer.status);
        Ok(micros)
    };
    let mut count = 0;
    while own.iter().any(|own| own.count < SAMPLES as f64) {
        let [choice, which] = random_array::<2>(&SystemRandom);
        let kind = usize::from(choice % 2);
        let requests = kinds[kind];
        let times = [timed(&requests[usize::from(which) % requests.len()])?, timed(&next)?];
        count += 1;
        if count > WARM_UP {
            own[kind].add(times[0]);
            after[kind].add(times[1]);
        }
    }
    let [t_own, t_after] = [welch(own), welch(after)];
    let means = |kinds: [Moments; 2]| format!("{:.1} / {:.1}", kinds[0].mean, kinds[1].mean);
    report.row(&[
        name.to_owned(),
        means(own),
        format!("{t_own:.1}"),
        means(after),
        format!("{t_after:.1}"),
    ]);
    let worst = t_own.max(t_after);
    report.expect(name, format!("|t| {worst:.1}"), "below 4.5", worst < MOST);
    Ok(())
}

/// Mean and variance of a series, as they come in.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    /// The variance of the mean.
    fn variance(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// The absolute value of Welch's t.
fn welch([a, b]: [Moments; 2]) -> f64 {
    ((a.mean - b.mean) / (a.variance() + b.variance()).sqrt()).abs()
}

/// The data that is created while no daemon runs.
struct Stored {
    /// Expired secrets of the account: the daemon replaces them by tombstones at its start.
    expired: Vec<String>,
    /// Secrets without an account, which can be viewed.
    live: Vec<String>,
}

fn store(data: &std::path::Path, key: &str) -> Stored {
    let store = Store::open(data, Settings::default().cache_bytes).expect("the store");
    let account = ApiKeys::load(&store).expect("its keys").find(key.as_bytes());
    let account = account.expect("its key").account;
    let ids = Ids::load(&store, &SystemRandom).expect("the key of ids");
    let now = Clock::system(store.time()).now();
    let before = sealdrop::clock::UnixSeconds(now.0 - 2 * 3600);
    let rules = LifetimeRules { min: 1, max: 350, default: 1 };
    let secrets = NewSecrets::new(&store, 1024);
    let live = |_| {
        let made = store.change(manage::create(secrets.one(), [7; 32], now)).wait();
        let (number, secret) = made.expect("a secret");
        ids.text(&secret.id(number))
    };
    let live = (0..IDS).map(live).collect();
    let one = |_| {
        let lifetime = Lifetime::new(None, rules).expect("the default");
        let new = secret::NewSecret { lifetime, ..secrets.one() };
        let made = store.change(secret::create(account, new, before)).wait().expect("a secret");
        ids.text(&made.1.id(made.0))
    };
    let expired = (0..IDS).map(one).collect();
    store.close();
    Stored { expired, live }
}

struct Setup {
    client: Client,
    key: String,
    create: Vec<u8>,
}

impl Setup {
    fn new(server: SocketAddr, key: String) -> io::Result<Self> {
        let mut setup = Self { client: Client::connect(server)?, key, create: Vec::new() };
        setup.create = post("/api/secrets", &setup.by_key(), &new_secret());
        Ok(setup)
    }

    fn used_up(&mut self) -> io::Result<String> {
        let made = self.client.send(&self.create)?.expect(201).json();
        let id = made["data"]["id"].as_str().expect("an id").to_owned();
        self.client.send(&get(&format!("/api/secrets/{id}"), &self.by_key()))?.expect(200);
        Ok(id)
    }

    /// A secret request that accepts one secret.
    fn request(&mut self) -> io::Result<String> {
        let body = format!(r#"{{"password_part_private":"{PASSWORD_PART}"}}"#);
        let create = post("/api/secret_requests", &self.by_key(), &body);
        let made = self.client.send(&create)?.expect(201).json();
        Ok(made["data"]["id"].as_str().expect("an id").to_owned())
    }

    fn answered_request(&mut self) -> io::Result<String> {
        let id = self.request()?;
        let path = format!("/api/public/secret_requests/{id}/secrets");
        let answer = post(&path, "", &new_secret());
        self.client.send(&answer)?.expect(201);
        Ok(id)
    }

    fn by_key(&self) -> String {
        format!("authorization: ApiKey {}\r\n", self.key)
    }

    fn drop_box(&mut self) -> io::Result<String> {
        let made = self.client.form("POST", "/Service", "passphrase=correct+horse")?;
        Ok(made.expect(200).json()["KeyToken"].as_str().expect("a token").to_owned())
    }

    fn deleted_box(&mut self) -> io::Result<String> {
        let token = self.drop_box()?;
        let form = format!("token={token}&passphrase=correct+horse");
        self.client.form("DELETE", "/Service", &form)?.expect(200);
        Ok(token)
    }
}

fn new_secret() -> String {
    let ciphertext = ciphertext(1024);
    format!(r#"{{"ciphertext":"{ciphertext}","password_part_private":"{PASSWORD_PART}"}}"#)
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n").into_bytes()
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    );
    request.into_bytes()
}

/// A valid id that does not exist.
fn unknown() -> String {
    let random: [u8; 31] = random_array(&SystemRandom);
    let digits = random.iter().map(|byte| char::from(DIGITS[usize::from(*byte) % 62]));
    // Below 2^184.
    std::iter::once('1').chain(digits.skip(1)).collect()
}

/// An id with another last character.
fn neighbour(id: &str) -> String {
    let (start, last) = id.split_at(id.len() - 1);
    format!("{start}{}", if last == "7" { "8" } else { "7" })
}
