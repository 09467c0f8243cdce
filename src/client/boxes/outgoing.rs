//! Sending to a box: each text and each file is a message, sealed here or by the server. Each has an
//! idempotency key, so a retry after a lost answer does not store it twice.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{self, Read, Seek, SeekFrom, Write},
    rc::Rc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::json;
use ureq::{SendBody, http::request::Builder};
use zeroize::Zeroizing;

use super::{BoxClient, BoxClientError};
use crate::{
    client::{
        ClientError, Watch, counted::Counted, error::RequestReach, handover::SourceFile,
        server::Again,
    },
    crypto::{EnvelopeWriter, MessageKey, PublicKey, Random, envelope, hex, random_array},
};

/// The number of broken connections after which a file is given up: the server may refuse its length.
const MAX_BREAKS: u32 = 3;
/// The bytes of a file that are read at once.
const PIECE_BYTES: usize = 64 << 10;

/// Sends to one box.
pub struct OutgoingMessage<'a> {
    /// The box.
    pub drop_box: BoxClient<'a>,
    /// The public key for sealing here; without it, the server seals.
    pub public_key: Option<PublicKey>,
    /// The source of keys.
    pub random: &'a dyn Random,
    /// Receives the progress.
    pub watch: &'a dyn Watch,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TextMessage<'a> {
    Plain { message: &'a str },
    SealedOutgoing { encryptionkey: String, encryptedmessage: String },
}

impl OutgoingMessage<'_> {
    /// Sends a text.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`], if the server did not store it.
    pub fn text(&self, text: &str) -> Result<(), BoxClientError> {
        let body = match &self.public_key {
            None => TextMessage::Plain { message: text },
            Some(public_key) => {
                let key = MessageKey::new(self.random);
                let sealed = envelope::seal(&key, text.as_bytes(), self.random);
                TextMessage::SealedOutgoing {
                    encryptionkey: self.wrapped(public_key, &key),
                    encryptedmessage: STANDARD.encode(sealed),
                }
            }
        };
        let server = self.drop_box.server;
        let key = self.idempotency_key();
        let request = || self.request(&key);
        let sent = server.json(request, Some(&body), Again::Harmless, self.watch);
        sent.and_then(|is_taken| self.taken(is_taken)).map_err(|error| told(error, true))
    }

    /// Sends a file; `done` of `total` bytes were sent before it.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`], if the server did not store it.
    pub fn file(
        &self,
        source: &mut SourceFile,
        progress: (u64, u64),
    ) -> Result<(), BoxClientError> {
        let server = self.drop_box.server;
        let mut breaks = 0;
        let is_whole = Cell::new(false);
        let key = self.idempotency_key();
        let sent = server.patiently(Again::Harmless, self.watch, || {
            is_whole.set(false);
            let sent = self.put(source, &key, progress, &is_whole);
            match sent {
                // The server has an incomplete message, which it discards.
                Err(ClientError::Unreachable { host, cause, reach: RequestReach::Sent })
                    if !is_whole.get() =>
                {
                    breaks += 1;
                    let is_too_often = breaks >= MAX_BREAKS;
                    let reach =
                        if is_too_often { RequestReach::Never } else { RequestReach::NotConnected };
                    let cause = match is_too_often {
                        true => format!(
                            "{cause}, {breaks} times; does the server accept files of this size?"
                        ),
                        false => cause,
                    };
                    Err(ClientError::Unreachable { host, cause, reach })
                }
                sent => sent,
            }
        });
        sent.map_err(|error| told(error, is_whole.get()))
    }

    fn put(
        &self,
        source: &mut SourceFile,
        key: &str,
        (done, total): (u64, u64),
        is_whole: &Cell<bool>,
    ) -> Result<(), ClientError> {
        let wrong = |cause| ClientError::File { what: source.name.clone(), cause };
        source.file.seek(SeekFrom::Start(0)).map_err(wrong)?;
        let boundary = hex(&random_array::<16>(self.random));
        let mut plain = Counted {
            inner: (&source.file).take(source.size),
            left: source.size,
            done,
            total,
            watch: self.watch,
            failed: None,
        };
        let (head, length, content): (String, Option<u64>, Box<dyn Read + '_>) = match &self
            .public_key
        {
            None => (plain_head(&boundary, &source.name), Some(source.size), Box::new(&mut plain)),
            Some(public_key) => {
                // Each attempt has its own key: the file may have changed since the last one.
                let key = MessageKey::new(self.random);
                let about = Zeroizing::new(json!({ "name": source.name }).to_string());
                let name = envelope::seal(&key, about.as_bytes(), self.random);
                let wrapped = self.wrapped(public_key, &key);
                let head = sealed_head(&boundary, &wrapped, &STANDARD.encode(name));
                (head, None, Box::new(Sealing::new(&mut plain, &key, self.random).map_err(wrong)?))
            }
        };
        let tail = format!("\r\n--{boundary}--\r\n");
        let whole = length.map(|length| (head.len() + tail.len()) as u64 + length);
        let before = head.as_bytes().chain(content);
        let mut body = MessageParts { before, tail: tail.as_bytes(), is_whole };
        let server = self.drop_box.server;
        let mut request = self
            .request(key)
            // The server can refuse the body before it is sent: otherwise the connection would break, and
            // the reason would be lost.
            .header("Expect", "100-continue")
            .header("Content-Type", format!("multipart/form-data; boundary={boundary}"));
        if let Some(whole) = whole {
            request = request.header("Content-Length", whole);
        }
        let sent = server.run(server.built(request, SendBody::from_reader(&mut body))?);
        drop(body);
        if let Some(cause) = plain.failed {
            return Err(wrong(cause));
        }
        self.taken(server.read_json(sent?)?)
    }

    /// The idempotency key of one message, the same in all attempts.
    fn idempotency_key(&self) -> String {
        hex(&random_array::<16>(self.random))
    }

    fn request(&self, key: &str) -> Builder {
        let BoxClient { server, token } = self.drop_box;
        server.request("PUT", "Service").header("token", token).header("Idempotency-Key", key)
    }

    /// Checks the answer to a message.
    fn taken(&self, is_taken: bool) -> Result<(), ClientError> {
        match is_taken {
            true => Ok(()),
            false => Err(self.drop_box.server.misunderstood("it does not confirm the message")),
        }
    }

    fn wrapped(&self, public_key: &PublicKey, key: &MessageKey) -> String {
        STANDARD.encode(public_key.seal_message_key(key, self.random))
    }
}

/// The meaning of an error if the body was sent, to its end if `is_whole`.
fn told(error: ClientError, is_whole: bool) -> BoxClientError {
    match error.may_pass() && is_whole && !error.did_nothing() {
        true => BoxClientError::Unsure(error),
        false => error.into(),
    }
}

/// The form fields before a sealed file. The token is in a header, because it has to precede the file.
fn sealed_head(boundary: &str, encryption_key: &str, name: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"encryptionkey\"\r\n\r\n\
         {encryption_key}\r\n--{boundary}\r\nContent-Disposition: form-data; \
         name=\"encryptedfile\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

/// The form fields before a file that the server seals.
fn plain_head(boundary: &str, name: &str) -> String {
    let mut quoted = String::with_capacity(name.len());
    for char in name.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            // A header cannot contain control characters.
            char if char.is_control() => quoted.push('_'),
            char => quoted.push(char),
        }
    }
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{quoted}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

/// The envelope of the bytes of `R`, made while it is read: one piece at a time is in memory.
struct Sealing<R> {
    plain: R,
    piece: Zeroizing<Vec<u8>>,
    /// `None` at the end.
    writer: Option<EnvelopeWriter<SealedOutgoing>>,
    sealed: SealedOutgoing,
}

/// The output of the writer that has not been read yet.
#[derive(Clone, Default)]
struct SealedOutgoing(Rc<RefCell<VecDeque<u8>>>);

impl Write for SealedOutgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read> Sealing<R> {
    fn new(plain: R, key: &MessageKey, random: &dyn Random) -> io::Result<Self> {
        let sealed = SealedOutgoing::default();
        let writer = Some(EnvelopeWriter::new(sealed.clone(), key, random)?);
        Ok(Self { plain, piece: Zeroizing::new(vec![0; PIECE_BYTES]), writer, sealed })
    }
}

impl<R: Read> Read for Sealing<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.sealed.0.borrow().is_empty() {
            let Some(mut writer) = self.writer.take() else { break };
            match self.plain.read(&mut self.piece)? {
                0 => drop(writer.finish()?),
                read => {
                    writer.write_all(self.piece.get(..read).unwrap_or_default())?;
                    self.writer = Some(writer);
                }
            }
        }
        self.sealed.0.borrow_mut().read(bytes)
    }
}

/// A request body; records whether its end was sent.
struct MessageParts<'a, R> {
    before: R,
    tail: &'a [u8],
    is_whole: &'a Cell<bool>,
}

impl<R: Read> Read for MessageParts<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.before.read(bytes)? {
            0 if !bytes.is_empty() => {
                self.is_whole.set(true);
                self.tail.read(bytes)
            }
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{SeededRandom, SystemRandom};

    #[test]
    fn what_is_sealed_as_it_is_read_opens() {
        for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 1_000_000] {
            let mut plain = vec![0; length];
            SeededRandom::new(1).fill(&mut plain);
            let key = MessageKey::new(&SystemRandom);
            let mut sealing = Sealing::new(plain.as_slice(), &key, &SystemRandom).unwrap();
            let mut sealed = Vec::new();
            sealing.read_to_end(&mut sealed).unwrap();
            let opened = envelope::open(&key, &sealed, length as u64).unwrap();
            assert!(opened.expose_secret() == plain, "{length}");
        }
    }

    #[test]
    fn a_body_is_whole_only_at_its_end() {
        let is_whole = Cell::new(false);
        let before: &[u8] = b"abc";
        let mut body = MessageParts { before, tail: b"end", is_whole: &is_whole };
        let mut bytes = [0; 3];
        assert_eq!(body.read(&mut bytes).unwrap(), 3);
        assert!(!is_whole.get());
        assert_eq!(body.read(&mut bytes).unwrap(), 3);
        assert!(is_whole.get() && bytes == *b"end");
        assert_eq!(body.read(&mut bytes).unwrap(), 0);
    }

    #[test]
    fn names_stay_within_their_quotes() {
        let head = plain_head("b", "a\"b\\c\r\n.txt");
        assert!(head.contains(r#"filename="a\"b\\c__.txt""#), "{head}");
    }

    #[test]
    fn what_may_have_arrived_is_said_so() {
        let broken =
            |reach| ClientError::Unreachable { host: "x".into(), cause: "broke".into(), reach };
        assert!(matches!(told(broken(RequestReach::Sent), true), BoxClientError::Unsure(_)));
        assert!(matches!(told(broken(RequestReach::Sent), false), BoxClientError::Other(_)));
        assert!(matches!(told(broken(RequestReach::NotConnected), true), BoxClientError::Other(_)));
    }
}
