//! A mail server that accepts all mails, a simple client that sends mails, and the daemon's settings for
//! its mail server.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// No mail takes longer to arrive, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The mail server of the daemon.
pub(crate) struct MailServer {
    url: String,
}

impl MailServer {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { url: format!("smtp://{address}?tls=none") }
    }

    /// A port without a listener.
    pub(crate) fn down() -> io::Result<Self> {
        Ok(Self::at(TcpListener::bind("127.0.0.1:0")?.local_addr()?))
    }

    /// The settings of the daemon.
    pub(crate) fn settings(&self) -> [&str; 8] {
        [
            "--smtp-url",
            &self.url,
            "--mail-from",
            "sealdrop <no-reply@example.org>",
            "--public-url",
            "http://127.0.0.1",
            "--webhook-private",
            "true",
        ]
    }
}

/// A received mail.
#[derive(Clone)]
pub(crate) struct Mail {
    /// The lines of its envelope, MAIL and RCPT.
    envelope: [String; 2],
    /// Includes the dots that the protocol adds, and the one at the end.
    bytes: Vec<u8>,
}

impl Mail {
    /// Its Message-ID, the same in each attempt.
    pub(crate) fn name(&self) -> String {
        let head = String::from_utf8_lossy(&self.bytes);
        let mut lines = head.lines().take_while(|line| !line.is_empty());
        let name = lines.find_map(|line| line.strip_prefix("Message-ID: "));
        name.expect("a Message-ID").to_owned()
    }
}

/// The server: a thread for each connection.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The time that it takes for each mail.
    pause: Duration,
    open: AtomicUsize,
    most_open: AtomicUsize,
    taken: Mutex<Taken>,
    arrived: Condvar,
}

/// The mails received since the last query.
#[derive(Default)]
struct Taken {
    mails: Vec<Mail>,
    first_connection: Option<Instant>,
    last_mail: Option<Instant>,
}

impl Sink {
    pub(crate) fn start(pause: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { pause, ..Shared::default() });
        let server = Arc::clone(&shared);
        // The thread ends with the bench.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let now = Instant::now();
                server.taken.lock().expect("no panic").first_connection.get_or_insert(now);
                let open = server.open.fetch_add(1, Ordering::SeqCst) + 1;
                server.most_open.fetch_max(open, Ordering::SeqCst);
                let server = Arc::clone(&server);
                thread::spawn(move || {
                    // A client that disconnects has no more mails.
                    let _ = server.converse(stream);
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { address, shared })
    }

    /// Waits until `count` mails have arrived. Returns them, and the time from the first connection to the
    /// last mail.
    pub(crate) fn wait_for(&self, count: usize) -> (Vec<Mail>, Duration) {
        let mut taken = self.shared.taken.lock().expect("no panic");
        while taken.mails.len() < count {
            let before = taken.mails.len();
            let waited = self.shared.arrived.wait_timeout(taken, PATIENCE).expect("no panic");
            taken = waited.0;
            assert!(taken.mails.len() > before || !waited.1.timed_out(), "no more mails arrive");
        }
        let Taken { mails, first_connection, last_mail } = std::mem::take(&mut *taken);
        let times = first_connection.zip(last_mail);
        (mails, times.map_or(Duration::ZERO, |(first, last)| last - first))
    }

    /// The highest number of connections that were open at once since the last call.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.most_open.swap(0, Ordering::SeqCst)
    }
}

impl Shared {
    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let mut envelope = [String::new(), String::new()];
        let mut reply = "220 sink ESMTP\r\n";
        loop {
            stream.get_mut().write_all(reply.as_bytes())?;
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            reply = "250 ok\r\n";
            match &*verb {
                "EHLO" => reply = "250-sink\r\n250 8BITMIME\r\n",
                "MAIL" => envelope[0] = line,
                "RCPT" => envelope[1] = line,
                "DATA" => {
                    stream.get_mut().write_all(b"354 go on\r\n")?;
                    let bytes = data(&mut stream)?;
                    if !self.pause.is_zero() {
                        thread::sleep(self.pause);
                    }
                    let mut taken = self.taken.lock().expect("no panic");
                    taken.mails.push(Mail { envelope: envelope.clone(), bytes });
                    taken.last_mail = Some(Instant::now());
                    self.arrived.notify_all();
                }
                "QUIT" => return stream.get_mut().write_all(b"221 bye\r\n"),
                _ => {}
            }
        }
    }
}

/// All lines up to the one with a single dot, including it.
fn data(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let line = bytes.len();
        if stream.read_until(b'\n', &mut bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes.get(line..) == Some(b".\r\n") {
            return Ok(bytes);
        }
    }
}

/// Sends `mails` over `connections` connections, step by step, as the daemon does.
pub(crate) fn hand_in(server: SocketAddr, mails: &[Mail], connections: usize) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let client = || -> io::Result<()> {
            let stream = TcpStream::connect(server)?;
            stream.set_nodelay(true)?;
            let mut stream = BufReader::new(stream);
            step(&mut stream, b"")?;
            step(&mut stream, b"EHLO bench\r\n")?;
            while let Some(mail) = mails.get(next.fetch_add(1, Ordering::Relaxed)) {
                step(&mut stream, mail.envelope[0].as_bytes())?;
                step(&mut stream, mail.envelope[1].as_bytes())?;
                step(&mut stream, b"DATA\r\n")?;
                step(&mut stream, &mail.bytes)?;
            }
            step(&mut stream, b"QUIT\r\n")
        };
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("no panic"))
    })
}

/// Writes a text and reads all lines of the reply.
fn step(stream: &mut BufReader<TcpStream>, text: &[u8]) -> io::Result<()> {
    stream.get_mut().write_all(text)?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return if line.starts_with(['2', '3']) { Ok(()) } else { Err(io::Error::other(line)) };
        }
    }
}
