//! The effect on a client of an attack from another address: floods of connections, of slow work, of bodies
//! that do not arrive, and of uploads that stop.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Plan, beside,
    client::{Client, connect_from},
    daemon::{self, Daemon},
    load::Latencies,
    report::{Report, milliseconds, whole},
    requests::{PASSWORD_PART, ciphertext},
};

const ATTACKER: [u8; 4] = [127, 0, 0, 2];
const BYSTANDER: [u8; 4] = [127, 0, 0, 3];
/// The number of sealed bytes and of text.
const BYTES: usize = 100 << 10;
/// A possible length of a sealed file of about this size: two chunks.
const FILE_BYTES: usize = 7 + BYTES + 2 * 16;
/// The password of a secret that is viewed.
const PASSWORD: &str = "p";
const VIEWS_OF_ONE: usize = 100;
const MOST: Duration = Duration::from_millis(250);
const MOST_HEALTH: Duration = Duration::from_millis(100);
/// The attack is in progress by then.
const UNDER_WAY: Duration = Duration::from_secs(1);
/// The number of sockets of a flood of connections: the usual limit of open files.
const SOCKETS: usize = 800;
const THREADS: usize = 64;
/// The names of rows, and the attack of each.
const ATTACKS: [(&str, Attack); 5] = [
    ("fair beside nothing", |_, _| Ok(())),
    ("fair beside connections", connections),
    ("fair beside slow work", slow_work),
    ("fair beside bodies", bodies),
    ("fair beside uploads", uploads),
];

type Attack = fn(&Target, &AtomicBool) -> io::Result<()>;

/// A daemon, and a key of an account there.
struct Target {
    daemon: Daemon,
    key: String,
}

/// The times of requests, of each kind.
#[derive(Default)]
struct Noticed {
    health: Latencies,
    create: Latencies,
    view: Latencies,
    upload: Latencies,
    /// Answers with an unexpected status.
    refused: usize,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let wanted: Vec<_> = ATTACKS.into_iter().filter(|(name, _)| plan.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    report.table(&[
        "by another client, p99  ",
        "    health",
        "create 100 KiB",
        "view with password",
        "    upload",
        "requests",
        "refused",
    ]);
    for (name, attack) in wanted {
        let directory = plan.directory();
        let data = directory.path().join("data");
        let key = daemon::create_account(&data)?;
        let daemon = Daemon::start_as(&data, &["--create", "open", "--key-pool", "0"])?;
        let target = Target { daemon, key };
        let is_over = AtomicBool::new(false);
        let mut noticed = scope(|scope| {
            let attacker = scope.spawn(|| attack(&target, &is_over));
            let noticed = bystander(&target, plan.seconds);
            is_over.store(true, Ordering::Relaxed);
            attacker.join().expect("an attack that ends")?;
            noticed
        })?;
        target.daemon.stop()?;
        row(report, name, &mut noticed);
    }
    Ok(())
}

fn row(report: &mut Report, name: &str, noticed: &mut Noticed) {
    let Noticed { health, create, view, upload, refused } = noticed;
    let requests = [&*health, create, view, upload].map(Latencies::len).iter().sum::<usize>();
    let p99 = [health, create, view, upload].map(Latencies::p99);
    let [health, others @ ..] = p99;
    let mut cells = vec![name.to_owned()];
    cells.extend(p99.map(milliseconds));
    cells.extend([whole(requests as f64), refused.to_string()]);
    report.row(&cells);
    let slowest = others.into_iter().max().unwrap_or_default();
    let text =
        format!("{} for /health, {} for others", milliseconds(health), milliseconds(slowest));
    let is_met = health < MOST_HEALTH && slowest < MOST;
    report.expect(name, text, "p99 under 100 ms, and under 250 ms", is_met);
    report.expect(name, format!("{refused} refused"), "none", *refused == 0);
}

/// Requests the health on a new connection each, and the rest on one that is kept, for `time`.
fn bystander(target: &Target, time: Duration) -> io::Result<Noticed> {
    let Target { daemon, key } = target;
    let authorization = format!("authorization: ApiKey {key}\r\n");
    let mut client = Client::from(daemon.address, BYSTANDER)?;
    let text = beside::random(BYTES);
    let plain = secret(BYTES);
    let mut guarded = plain.clone();
    guarded["password"] = json!(PASSWORD);
    guarded["max_views"] = json!(VIEWS_OF_ONE);
    let mut draft = plain.clone();
    draft["attachments"] = json!(1);
    sleep(UNDER_WAY);
    let mut noticed = Noticed::default();
    let mut views = VecDeque::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let start = Instant::now();
        let answer = Client::from(daemon.address, BYSTANDER)?
            .send(b"GET /health HTTP/1.1\r\nhost: bench\r\n\r\n")?;
        noticed.health.add(start.elapsed());
        noticed.refused += usize::from(answer.status != 200);

        let start = Instant::now();
        let created = client.post_json("/api/secrets", &authorization, &plain)?;
        noticed.create.add(start.elapsed());
        noticed.refused += usize::from(created.status != 201);

        if views.is_empty() {
            let answer = client.post_json("/api/secrets", &authorization, &guarded)?.expect(201);
            let id = answer.json()["data"]["id"].as_str().expect("an id").to_owned();
            views.extend(std::iter::repeat_n(id, VIEWS_OF_ONE));
        }
        let id = views.pop_front().expect("just filled");
        let request = format!(
            "GET /api/secrets/{id} HTTP/1.1\r\nhost: bench\r\n{authorization}\
             secret-password: {PASSWORD}\r\n\r\n"
        );
        let start = Instant::now();
        let viewed = client.send(request.as_bytes())?;
        noticed.view.add(start.elapsed());
        noticed.refused += usize::from(viewed.status != 200);

        let answer = client.post_json("/api/secrets", &authorization, &draft)?.expect(201);
        let (path, headers) = first_attachment(&answer.json());
        let start = Instant::now();
        let uploaded = client.put(&path, &headers, &text, FILE_BYTES)?;
        noticed.upload.add(start.elapsed());
        noticed.refused += usize::from(uploaded.status != 200);
    }
    Ok(noticed)
}

/// A secret with `bytes` bytes of text.
fn secret(bytes: usize) -> Value {
    json!({"ciphertext": ciphertext(bytes), "password_part_private": PASSWORD_PART})
}

/// The path of the first attachment of a draft, and the header with its token.
fn first_attachment(created: &Value) -> (String, String) {
    let text = |name: &str| created["data"][name].as_str().expect("a text").to_owned();
    let path = format!("/api/secrets/{}/attachments/1", text("id"));
    (path, format!("upload-token: {}\r\n", text("upload_token")))
}

/// Opens connections without a pause, and sends nothing on them.
fn connections(target: &Target, is_over: &AtomicBool) -> io::Result<()> {
    let mut held = VecDeque::new();
    while !is_over.load(Ordering::Relaxed) {
        held.push_back(connect_from(target.daemon.address, ATTACKER)?);
        if held.len() > SOCKETS {
            held.pop_front();
        }
    }
    Ok(())
}

/// Requests captchas, and creates secrets whose passwords are hashed, on 64 connections.
fn slow_work(target: &Target, is_over: &AtomicBool) -> io::Result<()> {
    let authorization = format!("authorization: ApiKey {}\r\n", target.key);
    let mut secret = secret(100);
    secret["password"] = json!("q");
    let flood = || -> io::Result<()> {
        let mut client = Client::from(target.daemon.address, ATTACKER)?;
        while !is_over.load(Ordering::Relaxed) {
            client.send(b"GET /api/public/captcha HTTP/1.1\r\nhost: bench\r\n\r\n")?;
            client.post_json("/api/secrets", &authorization, &secret)?;
        }
        Ok(())
    };
    scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(flood)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a flood"))
    })
}

/// Announces long bodies and sends a little of each; starts again when one has ended.
fn bodies(target: &Target, is_over: &AtomicBool) -> io::Result<()> {
    let head = |path: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             {more}content-length: 1000000\r\n\r\n"
        )
    };
    let authorization = format!("authorization: ApiKey {}\r\n", target.key);
    let heads = [
        head("/api/secrets", &authorization),
        head("/api/public/secrets", ""),
        head("/Service", ""),
    ];
    while !is_over.load(Ordering::Relaxed) {
        let mut held: Vec<TcpStream> = Vec::new();
        for head in heads.iter().cycle().take(70) {
            let mut stream = connect_from(target.daemon.address, ATTACKER)?;
            stream.write_all(head.as_bytes())?;
            stream.write_all(&[b'x'; 7000])?;
            held.push(stream);
        }
        wait(Duration::from_secs(10), is_over);
    }
    Ok(())
}

/// Starts all uploads of 14 drafts, sends a part of each and stops; starts again when they have ended.
fn uploads(target: &Target, is_over: &AtomicBool) -> io::Result<()> {
    let authorization = format!("authorization: ApiKey {}\r\n", target.key);
    let mut client = Client::from(target.daemon.address, ATTACKER)?;
    let mut secret = secret(100);
    secret["attachments"] = json!(10);
    let mut drafts = Vec::new();
    for _ in 0..14 {
        let created = client.post_json("/api/secrets", &authorization, &secret)?.expect(201);
        drafts.push(first_attachment(&created.json()));
    }
    while !is_over.load(Ordering::Relaxed) {
        let mut held = Vec::new();
        for (path, headers) in &drafts {
            for n in 1..=10 {
                let path = path.trim_end_matches('1').to_owned() + &n.to_string();
                let mut stream = connect_from(target.daemon.address, ATTACKER)?;
                write!(
                    stream,
                    "PUT {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {FILE_BYTES}\r\n\r\n"
                )?;
                stream.write_all(&[0; 7000])?;
                held.push(stream);
            }
        }
        wait(Duration::from_secs(10), is_over);
    }
    Ok(())
}

fn wait(time: Duration, is_over: &AtomicBool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !is_over.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(50));
    }
}
