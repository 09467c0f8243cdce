//! Downloads that continue after a broken connection, with as many requests as needed.

use std::io::{self, Read};

use ureq::{
    Body,
    http::{Response, StatusCode, header::CONTENT_LENGTH, request::Builder},
};

use super::{
    error::ClientError,
    server::{Again, ServerClient, Watch},
};

/// A reader of the bytes of a file. Its errors contain [`ClientError`]s.
pub(super) struct Resumed<'a, C> {
    pub(super) server: &'a ServerClient,
    /// Requests all bytes from a position.
    pub(super) connect: C,
    pub(super) at: u64,
    /// The length of the file. If it is unknown, the first answer may tell it; else the end of any answer
    /// counts as the end of the file.
    pub(super) total: Option<u64>,
    pub(super) body: Option<Box<dyn Read>>,
    /// Receives the position and the length.
    pub(super) moved: Box<dyn Fn(u64, Option<u64>) + 'a>,
    pub(super) watch: &'a dyn Watch,
}

/// Makes the request for the bytes from `at`.
pub(super) fn from(request: Builder, at: u64) -> Builder {
    match at {
        0 => request,
        at => request.header("Range", format!("bytes={at}-")),
    }
}

impl<C: FnMut(u64) -> Result<Response<Body>, ClientError>> Resumed<'_, C> {
    /// Starts where the previous connection ended.
    fn begin(&mut self) -> Result<Box<dyn Read>, ClientError> {
        let answer = match (self.connect)(self.at) {
            // All bytes had arrived when the connection broke.
            Err(ClientError::Rejected { status: 416, .. })
                if self.at > 0 && self.total.is_none() =>
            {
                self.total = Some(self.at);
                return Ok(Box::new(io::empty()));
            }
            answer => answer?,
        };
        let length = answer.headers().get(CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        let start = if is_part { self.at } else { 0 };
        self.total = self.total.or(length.map(|length| start.saturating_add(length)));
        let mut body = answer.into_body().into_reader();
        // The server sends no ranges of files that it decrypts itself, and gateways may not support them.
        let to_skip = self.at - start;
        let skipped = io::copy(&mut (&mut body).take(to_skip), &mut io::sink());
        if skipped.map_err(|error| self.server.broken(&error))? < to_skip {
            return Err(self.cut());
        }
        Ok(Box::new(body))
    }

    fn cut(&self) -> ClientError {
        self.server.broken(&io::Error::from(io::ErrorKind::UnexpectedEof))
    }
}

impl<C: FnMut(u64) -> Result<Response<Body>, ClientError>> Read for Resumed<'_, C> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // An empty file is also requested: the server then counts it as downloaded.
        let is_whole = self.at > 0 && self.total.is_some_and(|total| self.at >= total);
        if is_whole || bytes.is_empty() {
            return Ok(0);
        }
        let (server, watch) = (self.server, self.watch);
        let read = server.patiently(Again::Harmless, watch, || {
            let mut body = match self.body.take() {
                Some(body) => body,
                None => self.begin()?,
            };
            match body.read(bytes) {
                Ok(0) if self.total.is_some_and(|total| self.at < total) => Err(self.cut()),
                Ok(read) if self.total.is_some_and(|total| total - self.at < read as u64) => {
                    Err(ClientError::Damaged("there is more of it than there should be".into()))
                }
                Ok(read) => {
                    self.body = Some(body);
                    Ok(read)
                }
                Err(error) => Err(server.broken(&error)),
            }
        });
        let read = read.map_err(io::Error::other)?;
        self.at += read as u64;
        (self.moved)(self.at, self.total);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, time::Duration};

    use super::*;
    use crate::client::{Dialect, Way};

    struct Unwatched;

    impl Watch for Unwatched {
        fn waits(&self, _: &ClientError, _: Duration) {}
        fn moved(&self, _: u64, _: u64) {}
    }

    /// Status, length if sent, and body.
    type Given = (u16, Option<u64>, &'static [u8]);

    /// The result of these answers in sequence, each read until it ends or breaks; and the position at
    /// which each was requested.
    fn fetched(total: Option<u64>, answers: &[Given]) -> (Vec<u8>, Vec<u64>, bool) {
        let root = "http://127.0.0.1".parse().unwrap();
        // One attempt for each request, without waiting.
        let server =
            ServerClient::new(root, None, Dialect::Sealdrop, Way::default()).unwrap().impatient();
        let asked = RefCell::new(Vec::new());
        let mut answers: VecDeque<Given> = answers.iter().copied().collect();
        let tries = answers.len();
        let connect = |at| {
            asked.borrow_mut().push(at);
            let (status, length, body) = answers.pop_front().expect("an answer");
            if status == 416 {
                return Err(ClientError::Rejected { status, field: None, message: "no".into() });
            }
            let mut answer = Response::builder().status(status);
            if let Some(length) = length {
                answer = answer.header(CONTENT_LENGTH, length);
            }
            Ok(answer.body(Body::builder().reader(body)).unwrap())
        };
        let moved = Box::new(|_, _| ());
        let mut resumed = Resumed {
            server: &server,
            connect,
            at: 0,
            total,
            body: None,
            moved,
            watch: &Unwatched,
        };
        let mut bytes = Vec::new();
        let mut is_whole = false;
        for _ in 0..tries {
            is_whole = resumed.read_to_end(&mut bytes).is_ok();
            if is_whole {
                break;
            }
        }
        drop(resumed);
        (bytes, asked.into_inner(), is_whole)
    }

    #[test]
    fn only_all_of_it_is_whole() {
        // (length, answers) -> (bytes, requested positions, complete)
        type Case = (Option<u64>, &'static [Given], (&'static [u8], &'static [u64], bool));
        let cases: [Case; 10] = [
            (Some(6), &[(200, None, b"abcdef")], (b"abcdef", &[0], true)),
            // If the length is known, an earlier end is a broken connection, whatever the answer says.
            (Some(6), &[(200, None, b"abc")], (b"abc", &[0], false)),
            (Some(6), &[(200, Some(3), b"abc")], (b"abc", &[0], false)),
            (None, &[(200, Some(6), b"abc")], (b"abc", &[0], false)),
            (Some(3), &[(200, None, b"abcdef")], (b"", &[0], false)),
            (Some(6), &[(200, None, b"abc"), (206, None, b"def")], (b"abcdef", &[0, 3], true)),
            // The whole file again: the bytes that are already here are skipped, if the answer is complete.
            (
                Some(6),
                &[(200, None, b"abc"), (200, None, b"ab"), (200, None, b"abcdef")],
                (b"abcdef", &[0, 3, 3], true),
            ),
            // If the length is unknown, any end counts as the end, also an empty answer.
            (None, &[(200, None, b"abc")], (b"abc", &[0], true)),
            (Some(6), &[(200, None, b"abc"), (416, None, b"")], (b"abc", &[0, 3], false)),
            // An empty file is requested, too.
            (Some(0), &[(200, Some(0), b"")], (b"", &[0], true)),
        ];
        for (total, answers, (bytes, asked, is_whole)) in cases {
            let found = fetched(total, answers);
            assert_eq!(found, (bytes.to_vec(), asked.to_vec(), is_whole), "{total:?} {answers:?}");
        }
    }
}
