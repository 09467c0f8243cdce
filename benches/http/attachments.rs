//! Attachments of secrets: the memory for a gigabyte, and the cost of a byte compared with bare hyper that
//! copies it to or from a file.

use std::{io, time::Duration};

use crate::{
    Plan,
    bare::Bare,
    beside,
    client::Client,
    daemon::{self, Daemon},
    process,
    report::{Report, mebibytes},
};

/// The length of a sealed file of 1 GiB, with the tags of its chunks.
const BYTES: usize = 7 + (1 << 30) + 16 * (1 << 14);
/// The length of a smaller sealed file.
const SMALL_BYTES: usize = 7 + (8 << 20) + 16 * (1 << 7);
const MOST_MEMORY_KIB: u64 = 16 << 10;
const MOST_CPU: f64 = 1.5;
/// Each figure is the median of this many rounds.
const ROUNDS: usize = 3;

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    if !plan.wants("attachment 1GiB up") && !plan.wants("attachment 1GiB down") {
        return Ok(());
    }
    let directory = plan.directory();
    let data = directory.path().join("data");
    let key = daemon::create_account(&data)?;
    let limits = ["--max-upload", "0", "--max-account", "0", "--key-pool", "0"];
    let daemon = Daemon::start_as(&data, &limits)?;
    let bare = Bare::start()?;
    let file = directory.path().join("copied");
    let copy = format!("/copy{}", file.display());
    let bytes = beside::random(64 << 20);
    // One upload and download before the measurement, so that one-time allocations are not counted.
    let small = Sent::new(&daemon, &key, &bytes, SMALL_BYTES)?;
    small.fetch(&daemon)?;
    small.burn(&daemon, &key)?;

    let [mut up, mut down] = [Figures::default(), Figures::default()];
    for _ in 0..ROUNDS {
        let mut client = Client::connect(bare.address)?;
        up.bare.push(spent(bare.pid(), || {
            client.put(&copy, "", &bytes, BYTES).map(|answer| drop(answer.expect(200)))
        })?);
        down.bare.push(spent(bare.pid(), || {
            let answer = client.get_and_count(&copy, "")?.expect(200);
            assert_eq!(answer.body_bytes, BYTES, "the whole file");
            Ok(())
        })?);
        let mut sent = None;
        up.note(&daemon, || {
            sent = Some(Sent::new(&daemon, &key, &bytes, BYTES)?);
            Ok(())
        })?;
        let sent = sent.expect("just sent");
        down.note(&daemon, || sent.fetch(&daemon))?;
        sent.burn(&daemon, &key)?;
    }
    report.table(&[
        "1 GiB, one connection",
        "    CPU",
        "bare hyper, its CPU",
        "ratio",
        "memory moved",
        "MB/s",
    ]);
    for (name, figures) in [("attachment 1GiB up", up), ("attachment 1GiB down", down)] {
        let (own, bare) = (median(figures.own), median(figures.bare));
        let ratio = own.0.as_secs_f64() / bare.0.as_secs_f64();
        let moved = figures.moved.into_iter().max().unwrap_or(0);
        report.row(&[
            name.into(),
            format!("{:.2} s", own.0.as_secs_f64()),
            format!("{:.2} s", bare.0.as_secs_f64()),
            format!("{ratio:.2}"),
            mebibytes(moved),
            format!("{:.0}", BYTES as f64 / 1e6 / own.1.as_secs_f64()),
        ]);
        report.expect(name, format!("{ratio:.2} of the CPU"), "at most 1.5", ratio <= MOST_CPU);
        report.expect(name, mebibytes(moved), "less than 16 MiB", moved < MOST_MEMORY_KIB);
    }
    daemon.stop()
}

/// Processor time, and elapsed time.
type Cost = (Duration, Duration);

#[derive(Default)]
struct Figures {
    own: Vec<Cost>,
    bare: Vec<Cost>,
    moved: Vec<u64>,
}

impl Figures {
    fn note(&mut self, daemon: &Daemon, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        process::forget_peak(daemon.pid());
        let before = process::resident_kib(daemon.pid());
        self.own.push(spent(daemon.pid(), work)?);
        self.moved.push(process::peak_kib(daemon.pid()).saturating_sub(before));
        Ok(())
    }
}

fn spent(pid: u32, work: impl FnOnce() -> io::Result<()>) -> io::Result<Cost> {
    let (cpu, began) = (process::cpu(pid), std::time::Instant::now());
    work()?;
    Ok((process::cpu(pid) - cpu, began.elapsed()))
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_unstable();
    costs[costs.len() / 2]
}

/// A secret with an attachment.
struct Sent {
    id: String,
    bytes: usize,
}

impl Sent {
    fn new(daemon: &Daemon, key: &str, data: &[u8], bytes: usize) -> io::Result<Self> {
        let mut client = Client::connect(daemon.address)?;
        let body = include_str!("../../docs/recipes/secret.json").trim_end();
        let body = body.trim_end_matches('}').trim_end().to_owned() + ",\"attachments\":1}";
        let request = format!(
            "POST /api/secrets HTTP/1.1\r\nhost: bench\r\nauthorization: ApiKey {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let created = client.send(request.as_bytes())?.expect(201).json()["data"].clone();
        let text = |name: &str| created[name].as_str().expect("a text").to_owned();
        let (id, token) = (text("id"), format!("upload-token: {}\r\n", text("upload_token")));
        client.put(&format!("/api/secrets/{id}/attachments/1"), &token, data, bytes)?.expect(200);
        Ok(Self { id, bytes })
    }

    fn fetch(&self, daemon: &Daemon) -> io::Result<()> {
        let mut client = Client::connect(daemon.address)?;
        let request = format!(
            "POST /api/public/secrets/{}/view HTTP/1.1\r\nhost: bench\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
            self.id
        );
        let viewed = client.send(request.as_bytes())?.expect(200).json();
        let lease = viewed["data"]["lease"]["token"].as_str().expect("a lease").to_owned();
        let path = format!("/api/secrets/{}/attachments/1", self.id);
        let answer = client.get_and_count(&path, &format!("lease: {lease}\r\n"))?.expect(200);
        assert_eq!(answer.body_bytes, self.bytes, "the whole attachment");
        Ok(())
    }

    fn burn(&self, daemon: &Daemon, key: &str) -> io::Result<()> {
        let request = format!(
            "DELETE /api/secrets/{} HTTP/1.1\r\nhost: bench\r\nauthorization: ApiKey {key}\r\n\r\n",
            self.id
        );
        Client::connect(daemon.address)?.send(request.as_bytes())?.expect(200);
        Ok(())
    }
}
