//! The Key Service: the cost of creating a box compared with its one PBKDF2, and the times of other calls
//! while many clients create boxes.

use std::{
    hint::black_box,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;

use crate::{
    Plan,
    client::Client,
    daemon::{self, Daemon},
    load::{Connections, Latencies, Request, Source},
    process,
    rates::KIB,
    report::{Report, milliseconds},
    requests::{Creates, Requests, Same, Views},
};

/// The iterations with which the daemon derives a box's key.
const ITERATIONS: u32 = 600_000;
/// The number of keys in the pool, and so the number of boxes that are created in sequence.
const POOL: usize = 12;
const MOST_PBKDF2: f64 = 1.3;
/// Fewer clients than the queue holds, so that none is refused, and then more.
const WAITING: usize = 16;
const TOO_MANY: usize = 120;
/// More views than one connection makes in the time of a row.
const VIEWS: usize = 5000;
const CREATE: &str = "passphrase=correct-horse-battery-staple";

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    if plan.wants("create box") {
        create(plan, report)?;
    }
    if plan.wants("beside creates") {
        beside_creates(plan, report)?;
    }
    Ok(())
}

/// Creates and derivations alternately, with a pool that has a key for each.
fn create(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let directory = plan.directory();
    let daemon = start(&directory.path().join("data"), POOL)?;
    let (mut creates, mut derivations) = (Latencies::default(), Latencies::default());
    for _ in 0..POOL {
        await_full_pool(&daemon);
        // A new connection: the daemon closes connections that are idle for long.
        let mut client = Client::connect(daemon.address)?;
        let began = Instant::now();
        client.form("POST", "/Service", CREATE)?.expect(200);
        creates.add(began.elapsed());
        await_full_pool(&daemon);
        let began = Instant::now();
        let mut key = [0_u8; 32];
        pbkdf2_hmac::<Sha256>(b"correct-horse-battery-staple", &[7; 16], ITERATIONS, &mut key);
        black_box(key);
        derivations.add(began.elapsed());
    }
    let ratio = creates.p50().as_secs_f64() / derivations.p50().as_secs_f64();
    report.table(&["create box, warm pool", "      p50", "one PBKDF2, p50", "ratio"]);
    report.row(&[
        "create box".into(),
        milliseconds(creates.p50()),
        milliseconds(derivations.p50()),
        format!("{ratio:.2}"),
    ]);
    let found = format!("{ratio:.2} PBKDF2 of {ITERATIONS} rounds");
    report.expect("create box", found, "less than 1.3", ratio < MOST_PBKDF2);
    daemon.stop()
}

/// Other calls without and with many clients that create boxes; then more creates than the queue holds.
fn beside_creates(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let directory = plan.directory();
    let data = directory.path().join("data");
    let private_key = daemon::create_account(&data)?;
    let daemon = Daemon::start_as(&data, &["--key-pool", "4"])?;
    let requests = Requests::new(&private_key, KIB);
    let server = daemon.address;
    let view = || {
        let creates = Creates::new(&requests, VIEWS);
        let made = Connections::open(server, 64)?.run(creates, plan.seconds * 4)?.1;
        run(plan, server, Views::new(&requests, made.ids))
    };
    let (health, send) = (Same(get_health()), Same(put_text(&client_token(server)?)));
    let calls: [(&str, &dyn Fn() -> io::Result<Latencies>); 3] = [
        ("health", &|| run(plan, server, Same(health.0.clone()))),
        ("view", &view),
        ("send text", &|| run(plan, server, Same(send.0.clone()))),
    ];
    report.table(&[
        "call, 1 connection  ",
        "      p50",
        "      p99",
        "beside creates, p50",
        "beside creates, p99",
    ]);
    await_full_pool(&daemon);
    let mut idle = Vec::new();
    for (_, call) in &calls {
        idle.push(call()?);
    }
    let crowd = Crowd::start(daemon.address, WAITING);
    crowd.await_created(2);
    for ((name, call), mut idle) in calls.iter().zip(idle) {
        let mut beside = call()?;
        let name = format!("{name} beside creates");
        report.row(&[
            name.clone(),
            milliseconds(idle.p50()),
            milliseconds(idle.p99()),
            milliseconds(beside.p50()),
            milliseconds(beside.p99()),
        ]);
        let found = format!("p99 {}", milliseconds(beside.p99()));
        // One derivation takes 100 ms and more: a shorter time shows that the call did not wait for one.
        report.expect(&name, found, "50 ms", beside.p99() < Duration::from_millis(50));
    }
    let outcome = crowd.stop()?;
    report.line(&format!("\n{WAITING} who create: {} boxes, {} turned away", outcome.0, outcome.1));
    let crowd = Crowd::start(daemon.address, TOO_MANY);
    crowd.await_created(4);
    let (created, refused) = crowd.stop()?;
    let found = format!("{created} boxes, {refused} answers 503 with Retry-After");
    report.expect("more creates than wait", found, "both", created > 0 && refused > 0);
    daemon.stop()
}

fn start(data: &Path, pool: usize) -> io::Result<Daemon> {
    daemon::create_account(data)?;
    Daemon::start_as(data, &["--key-pool", &pool.to_string()])
}

/// Waits until the daemon is idle: only the pool works without a request.
fn await_full_pool(daemon: &Daemon) {
    let mut quiet = 0;
    let mut used = process::cpu(daemon.pid());
    while quiet < 5 {
        sleep(Duration::from_millis(100));
        let now = process::cpu(daemon.pid());
        quiet = if now == used { quiet + 1 } else { 0 };
        used = now;
    }
}

fn client_token(server: SocketAddr) -> io::Result<String> {
    let key = Client::connect(server)?.form("POST", "/Service", CREATE)?.expect(200).json();
    Ok(key["KeyToken"].as_str().expect("a token").to_owned())
}

fn run<S: Source + 'static>(plan: &Plan, server: SocketAddr, source: S) -> io::Result<Latencies> {
    Ok(Connections::open(server, 1)?.run(source, plan.seconds)?.0.latencies)
}

fn get_health() -> Request {
    let bytes = b"GET /health HTTP/1.1\r\nhost: bench\r\n\r\n".as_slice();
    Request { bytes: bytes.into(), status: 200, least_bytes: 1 }
}

fn put_text(token: &str) -> Request {
    let form = format!("token={token}&message={}", "hello+".repeat(170));
    let request = format!(
        "PUT /Service HTTP/1.1\r\nhost: bench\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    Request { bytes: request.as_bytes().into(), status: 200, least_bytes: 4 }
}

/// Many clients that create boxes, one after the other.
struct Crowd {
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

#[derive(Default)]
struct Counts {
    created: AtomicUsize,
    refused: AtomicUsize,
    is_over: AtomicBool,
}

impl Crowd {
    fn start(server: SocketAddr, count: usize) -> Self {
        let counts = Arc::new(Counts::default());
        let one = || {
            let counts = Arc::clone(&counts);
            thread::spawn(move || {
                let mut client = Client::connect(server)?;
                while !counts.is_over.load(Relaxed) {
                    let answer = client.form("POST", "/Service", CREATE)?;
                    if answer.status == 503 {
                        assert!(answer.header("retry-after").is_some(), "no Retry-After");
                        counts.refused.fetch_add(1, Relaxed);
                        // A well-behaved client would wait longer.
                        sleep(Duration::from_millis(100));
                    } else {
                        answer.expect(200);
                        counts.created.fetch_add(1, Relaxed);
                    }
                }
                Ok(())
            })
        };
        let threads = (0..count).map(|_| one()).collect();
        Self { counts, threads }
    }

    /// Waits until `count` boxes are created: by then all clients are waiting.
    fn await_created(&self, count: usize) {
        while self.counts.created.load(Relaxed) < count {
            sleep(Duration::from_millis(10));
        }
    }

    /// The number of created boxes, and of refused ones.
    fn stop(self) -> io::Result<(usize, usize)> {
        self.counts.is_over.store(true, Relaxed);
        for thread in self.threads {
            thread.join().expect("no panic")?;
        }
        Ok((self.counts.created.load(Relaxed), self.counts.refused.load(Relaxed)))
    }
}
