//! A connection to a server that a test can record and break.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// The fate of a request.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// It passes, and its answer is returned.
    Passes,
    /// The connection breaks after this many bytes of its body.
    BreaksUp(u64),
    /// It passes, and the connection breaks after this many bytes of the answer, including the head.
    BreaksDown(u64),
    /// It passes, and one byte of its answer is changed.
    Spoilt(usize),
    /// It passes, and its answer is replaced by bytes that are not HTTP.
    Mangled,
    /// This many bytes of the answer arrive, and then it stalls.
    Halts(u64),
    /// It passes, and these heads come before the answer instead of a plain 100.
    Announced(&'static str),
    /// A proxy answers with this status and a header.
    Answered(&'static str, &'static str),
    /// A proxy answers with this body.
    Says(&'static str),
    /// It passes. The length of the answer is removed, and its body ends after this many bytes as if it were
    /// complete.
    Cut(u64),
}

/// A proxy on a port of its own. Each request has a connection of its own.
pub(super) struct Wire {
    pub(super) base: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// A connection to the server at `to`; `fate` decides about each request, from the text of its head.
    pub(super) fn to(to: &str, fate: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let to = to.trim_start_matches("http://").to_owned();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (all, fate) = (Arc::clone(&heard), Arc::new(Mutex::new(fate)));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (to, all, fate) = (to.clone(), Arc::clone(&all), Arc::clone(&fate));
                thread::spawn(move || {
                    let mut reader = BufReader::new(client.try_clone().expect("a socket"));
                    let Some(head) = head(&mut reader) else { return };
                    let fate = (*fate.lock().unwrap())(&head);
                    all.lock().unwrap().push(head.clone());
                    // A client may disconnect for its own reasons.
                    let _ = pass(&to, client, reader, &head, fate);
                });
            }
        });
        Self { base, heard }
    }

    /// The heads of all requests until now.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn pass(
    to: &str,
    mut client: TcpStream,
    mut body: BufReader<TcpStream>,
    head: &str,
    fate: Fate,
) -> std::io::Result<()> {
    let length = header(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let between = match fate {
        Fate::Answered(status, header) => Some((status, header, "")),
        Fate::Says(text) => Some(("200 OK", "Content-Type: application/json", text)),
        _ => None,
    };
    if let Some((status, header, text)) = between {
        let length = text.len();
        write!(
            client,
            "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n\
             {text}"
        )?;
        // Read to its end: a reset could overtake the answer.
        client.shutdown(Shutdown::Write)?;
        std::io::copy(&mut body, &mut std::io::sink())?;
        return Ok(());
    }
    // A body of unknown length is passed on as it arrives.
    let is_chunked = header(head, "transfer-encoding").is_some();
    let length = if is_chunked { u64::MAX } else { length };
    let mut server = TcpStream::connect(to)?;
    if let Fate::Announced(heads) = fate {
        client.write_all(heads.as_bytes())?;
    } else if header(head, "expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let lines = head.lines().filter(|line| !line.to_lowercase().starts_with("expect:"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let passed = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    server.write_all(passed.as_bytes())?;
    if let Fate::BreaksUp(after) = fate {
        std::io::copy(&mut body.take(after.min(length)), &mut server)?;
        return Ok(());
    }
    if is_chunked {
        let mut server = server.try_clone()?;
        thread::spawn(move || std::io::copy(&mut body, &mut server));
    } else {
        std::io::copy(&mut body.take(length), &mut server)?;
    }
    match fate {
        Fate::BreaksDown(after) => {
            // All of it has passed when there is an answer.
            server.peek(&mut [0])?;
            std::io::copy(&mut server.take(after), &mut client)?;
        }
        Fate::Spoilt(at) => {
            let mut answer = Vec::new();
            server.read_to_end(&mut answer)?;
            answer[at] ^= 1;
            client.write_all(&answer)?;
        }
        Fate::Mangled => {
            std::io::copy(&mut server, &mut std::io::sink())?;
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")?;
        }
        Fate::Halts(after) => {
            std::io::copy(&mut server.take(after), &mut client)?;
            // Until the other end closes the connection.
            let _ = client.read(&mut [0]);
        }
        Fate::Cut(after) => {
            let mut answer = BufReader::new(server);
            let head = self::head(&mut answer).unwrap_or_default();
            let is_length = |line: &str| line.to_lowercase().starts_with("content-length:");
            for line in head.split_inclusive("\r\n").filter(|line| !is_length(line)) {
                client.write_all(line.as_bytes())?;
            }
            std::io::copy(&mut answer.take(after), &mut client)?;
        }
        _ => {
            std::io::copy(&mut server, &mut client)?;
        }
    }
    // The other direction may still be copied.
    client.shutdown(Shutdown::Both)
}

/// The value of a header in a head.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
}
