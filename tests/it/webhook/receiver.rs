//! The endpoint of a webhook: accepts every call, stores it, and answers as the test has set.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// A receiver on a free port of 127.0.0.1; ended when dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    calls: mpsc::Receiver<Call>,
    answer: Arc<Mutex<Vec<u8>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A received call.
#[derive(Debug)]
pub(super) struct Call {
    /// `POST /hook HTTP/1.1`
    pub(super) line: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Receiver {
    pub(super) fn start() -> Self {
        Self::with(None)
    }

    /// Speaks TLS with the certificate and the key in these PEM files.
    pub(super) fn start_tls(certificate: &Path, key: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        Self::with(Some(Arc::new(config)))
    }

    fn with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (sender, calls) = mpsc::channel();
        let answer = Arc::new(Mutex::new(status("204 No Content")));
        let stopping = Arc::new(AtomicBool::new(false));
        let (next, stop) = (Arc::clone(&answer), Arc::clone(&stopping));
        let thread = std::thread::spawn(move || {
            // Connections that get no answer stay open.
            let mut silent: Vec<TcpStream> = Vec::new();
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.expect("a connection");
                let answer = next.lock().expect("an answer").clone();
                if answer.is_empty() {
                    silent.push(stream);
                    continue;
                }
                let taken = match &tls {
                    None => take(stream, &answer),
                    Some(config) => ServerConnection::new(Arc::clone(config))
                        .map_err(io::Error::other)
                        .and_then(|tls| take(StreamOwned::new(tls, stream), &answer)),
                };
                // A client that disconnects in the middle has not made a call.
                if let Ok(call) = taken {
                    sender.send(call).expect("a waiting test");
                }
            }
        });
        Self { address, calls, answer, stopping, thread: Some(thread) }
    }

    /// From now on these bytes are the answer; none for silence.
    pub(super) fn answer(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().expect("an answer") = answer.into();
    }

    /// A URL here, with a part that must not be shown.
    pub(super) fn url(&self) -> String {
        format!("http://{}/planted-path?token=planted-token", self.address)
    }

    /// The next call.
    pub(super) fn call(&self) -> Call {
        self.calls.recv_timeout(Duration::from_secs(10)).expect("a call")
    }

    /// Whether there is no call that the test has not read.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.try_recv().is_err()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the receiver panicked");
        }
    }
}

impl Call {
    pub(super) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(found, _)| found == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}: {self:?}"));
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        value
    }
}

/// An answer with a body, as many servers send one.
pub(super) fn status(status: &str) -> Vec<u8> {
    match status {
        "204 No Content" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ => format!("HTTP/1.1 {status}\r\nContent-Length: 12\r\n\r\nplanted-body").into_bytes(),
    }
}

/// Reads a request, and answers it.
fn take(stream: impl Read + Write, answer: &[u8]) -> io::Result<Call> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.strip_suffix("\r\n") {
            Some("") => break,
            line => lines.push(line.expect("a whole line").to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<(String, String)> = lines
        .iter()
        .map(|line| line.split_once(": ").expect("a header"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").expect("a length");
    let mut body = vec![0; length.1.parse().expect("a number")];
    reader.read_exact(&mut body)?;
    let call = Call { line, headers, body: String::from_utf8(body).expect("text") };
    // The caller may leave it unread.
    let _ = reader.get_mut().write_all(answer).and_then(|()| reader.get_mut().flush());
    Ok(call)
}
