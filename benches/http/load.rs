//! The load: a given number of kept-alive connections, each with one request in progress.
//!
//! It runs on the same machine as the server, so it does as little as possible: one thread, prepared
//! requests, and it reads only the status, the length, and the beginning of the body of an answer.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    task::{JoinSet, LocalSet},
};

/// The size of the pieces in which answers are read; the first one contains the beginning of every body.
const BUFFER_BYTES: usize = 64 << 10;

/// A request, and its expected answer.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) bytes: Rc<[u8]>,
    pub(crate) status: u16,
    /// The least length of the answer's body.
    pub(crate) least_bytes: usize,
}

/// Provides requests, and receives their answers.
pub(crate) trait Source {
    /// The next request; `None` at the end.
    fn next(&mut self) -> Option<Request>;

    /// Receives the beginning of an answer's body (all of a short one), and its length.
    fn answered(&mut self, _start_of_body: &[u8], _body_bytes: usize) {}
}

/// Open connections to one server.
pub(crate) struct Connections {
    runtime: Runtime,
    open: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// The result of a load.
pub(crate) struct Outcome {
    pub(crate) latencies: Latencies,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// The time of each request.
#[derive(Default)]
pub(crate) struct Latencies {
    nanoseconds: Vec<u64>,
    sorted: bool,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.sorted = false;
        self.nanoseconds.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.sorted = false;
        self.nanoseconds.extend(others.nanoseconds);
    }

    pub(crate) fn len(&self) -> usize {
        self.nanoseconds.len()
    }

    pub(crate) fn p50(&mut self) -> Duration {
        self.per_mille(500)
    }

    pub(crate) fn p99(&mut self) -> Duration {
        self.per_mille(990)
    }

    fn per_mille(&mut self, rank: usize) -> Duration {
        if !self.sorted {
            self.nanoseconds.sort_unstable();
            self.sorted = true;
        }
        let index = (self.len() * rank / 1000).min(self.len().saturating_sub(1));
        Duration::from_nanos(self.nanoseconds.get(index).copied().unwrap_or(0))
    }
}

impl Connections {
    pub(crate) fn open(server: SocketAddr, count: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let connect = async {
            let mut open = Vec::new();
            for _ in 0..count {
                let stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                open.push(Connection { stream, buffer: vec![0; BUFFER_BYTES].into() });
            }
            io::Result::Ok(open)
        };
        let open = runtime.block_on(connect)?;
        Ok(Self { runtime, open })
    }

    /// Sends the requests of `source` on all connections, until there are no more or `time` is over.
    pub(crate) fn run<S: Source + 'static>(
        &mut self,
        source: S,
        time: Duration,
    ) -> io::Result<(Outcome, S)> {
        let source = Rc::new(RefCell::new(source));
        let latencies = Rc::new(RefCell::new(Latencies::default()));
        let local = LocalSet::new();
        let open = std::mem::take(&mut self.open);
        let start = Instant::now();
        let work = async {
            let mut tasks = JoinSet::new();
            for mut connection in open {
                let (source, latencies) = (Rc::clone(&source), Rc::clone(&latencies));
                tasks.spawn_local(async move {
                    loop {
                        let began = Instant::now();
                        if began - start >= time {
                            break;
                        }
                        let Some(request) = source.borrow_mut().next() else { break };
                        let (filled, body) = connection.exchange(&request).await?;
                        latencies.borrow_mut().add(began.elapsed());
                        let start_of_body = connection.buffer.get(body.clone()).unwrap_or(&[]);
                        let start_of_body =
                            &start_of_body[..start_of_body.len().min(filled - body.start)];
                        source.borrow_mut().answered(start_of_body, body.len());
                    }
                    io::Result::Ok(connection)
                });
            }
            while let Some(connection) = tasks.join_next().await {
                self.open.push(connection.map_err(io::Error::other)??);
            }
            io::Result::Ok(())
        };
        self.runtime.block_on(local.run_until(work))?;
        let elapsed = start.elapsed();
        let only = "all tasks have ended";
        let source = Rc::into_inner(source).expect(only).into_inner();
        let latencies = Rc::into_inner(latencies).expect(only).into_inner();
        Ok((Outcome { latencies, elapsed }, source))
    }
}

impl Connection {
    /// One request and its whole answer. Returns how much of the buffer its beginning fills, and the range
    /// of the body, whose end may be beyond the buffer.
    async fn exchange(&mut self, request: &Request) -> io::Result<(usize, std::ops::Range<usize>)> {
        self.stream.write_all(&request.bytes).await?;
        let mut filled = 0;
        let (status, body) = loop {
            filled += self.read(filled).await?;
            if let Some(head) = parse_head(&self.buffer[..filled]) {
                break head;
            }
        };
        while filled < body.end.min(self.buffer.len()) {
            filled += self.read(filled).await?;
        }
        let right = status == request.status && body.len() >= request.least_bytes;
        let shown = &self.buffer[..filled.min(2000)];
        assert!(right, "not the expected answer:\n{}", String::from_utf8_lossy(shown));
        // Bytes that do not fit are read and discarded; the beginning stays unchanged.
        let mut missing = body.end.saturating_sub(filled);
        let mut rest = [0; 32 << 10];
        while missing > 0 {
            let piece = missing.min(rest.len());
            match self.stream.read(&mut rest[..piece]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => missing -= read,
            }
        }
        Ok((filled, body))
    }

    async fn read(&mut self, filled: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

/// The status, and the range of the body; `None` while the head is incomplete.
fn parse_head(bytes: &[u8]) -> Option<(u16, std::ops::Range<usize>)> {
    const LENGTH: &[u8] = b"content-length:";
    let mut status = None;
    let mut length = 0;
    let mut start = 0;
    loop {
        let line_bytes = bytes.get(start..)?.iter().position(|byte| *byte == b'\n')? + 1;
        let line = bytes[start..start + line_bytes].trim_ascii_end();
        start += line_bytes;
        if line.is_empty() {
            return Some((status?, start..start + length));
        }
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.trim().parse().ok();
        if status.is_none() {
            status = number(line.get(9..12)?).and_then(|status: usize| u16::try_from(status).ok());
        } else if line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH)) {
            length = number(&line[LENGTH.len()..])?;
        }
    }
}
