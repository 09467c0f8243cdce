//! A small blocking client for the rows about the Key Service: one connection, one request at a time,
//! bodies of any length that come from memory and are discarded.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// The size of the pieces in which bodies are sent and read.
const PIECE_BYTES: usize = 256 << 10;
const BOUNDARY: &str = "sealdropbenchsealdropbench";
/// No answer takes longer, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A kept-alive connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer, with its body if the caller asked for it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) body_bytes: usize,
}

impl Answer {
    /// The value of a header; `name` is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("an answer in JSON")
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}{body}", self.head);
        self
    }
}

impl Client {
    pub(crate) fn connect(server: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(server)?)
    }

    /// Connects from another address of this machine: for the server, this is another client.
    pub(crate) fn from(server: SocketAddr, source: [u8; 4]) -> io::Result<Self> {
        Self::over(connect_from(server, source)?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::with_capacity(PIECE_BYTES, stream) })
    }

    /// Sends a form, and reads the whole answer.
    pub(crate) fn form(&mut self, method: &str, path: &str, form: &str) -> io::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.answer(true)
    }

    /// Sends JSON, and reads the whole answer. `headers` are complete lines.
    pub(crate) fn post_json(
        &mut self,
        path: &str,
        headers: &str,
        body: &serde_json::Value,
    ) -> io::Result<Answer> {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send(head.as_bytes())
    }

    /// Sends a request without a body, as its caller wrote it.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        self.answer(true)
    }

    /// Sends `data`, repeated up to `bytes` bytes, as one file of a form.
    pub(crate) fn put_file(
        &mut self,
        path: &str,
        token: &str,
        data: &[u8],
        bytes: usize,
    ) -> io::Result<Answer> {
        let start = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n\
             --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: bench\r\n\
             content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
            start.len() + bytes + end.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(start.as_bytes())?;
        write_cycle(stream, data, bytes)?;
        stream.write_all(end.as_bytes())?;
        self.answer(true)
    }

    /// Sends `data`, repeated up to `bytes` bytes, as a body. `headers` are complete lines.
    pub(crate) fn put(
        &mut self,
        path: &str,
        headers: &str,
        data: &[u8],
        bytes: usize,
    ) -> io::Result<Answer> {
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {bytes}\r\n\r\n"
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        write_cycle(stream, data, bytes)?;
        self.answer(true)
    }

    /// Downloads a body that may be long, and only counts its bytes. `headers` are complete lines.
    pub(crate) fn get_and_count(&mut self, path: &str, headers: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.answer(false)
    }

    fn answer(&mut self, keep_body: bool) -> io::Result<Answer> {
        let (mut head, mut line) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head += &line;
        }
        let status = head.get(9..12).and_then(|text| text.parse().ok()).expect("a status");
        let mut answer = Answer { status, head, body: Vec::new(), body_bytes: 0 };
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            self.take(length, keep_body, &mut answer)?;
        } else if answer.header("transfer-encoding").is_some() {
            loop {
                line.clear();
                self.stream.read_line(&mut line)?;
                let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
                self.take(length, keep_body, &mut answer)?;
                self.stream.read_line(&mut line)?;
                if length == 0 {
                    break;
                }
            }
        }
        Ok(answer)
    }

    fn take(&mut self, mut left: usize, keep: bool, answer: &mut Answer) -> io::Result<()> {
        answer.body_bytes += left;
        while left > 0 {
            let piece = self.stream.fill_buf()?;
            let taken = piece.len().min(left);
            if taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if keep {
                answer.body.extend_from_slice(&piece[..taken]);
            }
            self.stream.consume(taken);
            left -= taken;
        }
        Ok(())
    }
}

/// A connection from another address of this machine, such as 127.0.0.2.
pub(crate) fn connect_from(server: SocketAddr, source: [u8; 4]) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::new(source.into(), 0))?;
    connect(&socket, &server)?;
    Ok(TcpStream::from(socket))
}

/// Writes `data`, repeated up to `bytes` bytes.
fn write_cycle(stream: &mut TcpStream, data: &[u8], bytes: usize) -> io::Result<()> {
    let mut left = bytes;
    for piece in data.chunks(PIECE_BYTES).cycle() {
        let piece = &piece[..piece.len().min(left)];
        stream.write_all(piece)?;
        left -= piece.len();
        if left == 0 {
            break;
        }
    }
    Ok(())
}
