//! Requests as bytes, including requests that a correct client never sends.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

use crate::http::Client;

/// Longer than any limit of the server that a test waits for; a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// An answer as it was received.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(client: &Client) -> Self {
        Self::try_connect(client).expect("a connection")
    }

    pub(crate) fn try_connect(client: &Client) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(client.base.trim_start_matches("http://"))?)
    }

    /// From another address of this machine, such as 127.0.0.2: another client for the server.
    pub(crate) fn connect_from(client: &Client, source: [u8; 4]) -> Self {
        let server: SocketAddr =
            client.base.trim_start_matches("http://").parse().expect("an address");
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddr::new(IpAddr::from(source), 0)).expect("a loopback address");
        connect(&socket, &server).expect("a connection");
        Self::over(TcpStream::from(socket)).expect("a connection")
    }

    fn over(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, reader })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("a peer that listens");
        self
    }

    /// Sends as much as the peer accepts.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next answer, which has a body unless `is_head`.
    pub(crate) fn answer_to(&mut self, is_head: bool) -> RawAnswer {
        let mut answer = self.head();
        let length = answer.header("content-length");
        let length = length.map_or(0, |value| value.parse().expect("a length"));
        answer.body = vec![0; if is_head || answer.status == 100 { 0 } else { length }];
        self.reader.read_exact(&mut answer.body).expect("a whole body");
        answer
    }

    /// The head of the next answer, whose body is not read yet.
    pub(crate) fn head(&mut self) -> RawAnswer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.reader.read_line(&mut line).expect("an answer"), 0, "{lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).expect("a status").parse().expect("a number");
        let headers: Vec<_> = lines[1..]
            .iter()
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        RawAnswer { status, headers, body: Vec::new() }
    }

    /// The received bytes, unchanged.
    pub(crate) fn reader(&mut self) -> &mut impl BufRead {
        &mut self.reader
    }

    pub(crate) fn answer(&mut self) -> RawAnswer {
        self.answer_to(false)
    }

    /// Whether an answer begins within `patience`.
    pub(crate) fn answers_within(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).expect("a timeout");
        let begun = match self.reader.fill_buf() {
            Ok(bytes) => !bytes.is_empty(),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                false
            }
        };
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        begun
    }

    /// Waits until the server closes the connection; returns what it sent before.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the server did not hang up: {error}"),
        }
    }

    pub(crate) fn hang_up(&mut self) {
        self.stream.shutdown(Shutdown::Both).expect("an open connection");
    }
}

impl RawAnswer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// A request with the client's key, as bytes; `headers` are whole lines without their ends.
pub(crate) fn request(client: &Client, method: &str, path: &str, headers: &[&str]) -> String {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: sealdrop\r\nAuthorization: ApiKey {}\r\n",
        client.key
    );
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text + "\r\n"
}
