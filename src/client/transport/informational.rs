//! Informational answers (RFC 9110 15.2): 100 that allows the body to be sent, 103 with hints, and others.
//!
//! A client has to read them with their headers, and ignore unknown ones. ureq accepts a 100 only without
//! headers, and only while it waits for one; Caddy and Traefik send headers with it. So while an answer is
//! expected, informational answers are dropped here, except for a 100, whose headers are removed.

use std::{fmt, time};

use ureq::{
    Error,
    unversioned::transport::{Buffers, NextTimeout, Transport},
};

/// The number of informational answers allowed for a request; more of them are an error.
const MOST: usize = 64;
/// A 100 without headers.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection that removes informational answers.
pub(super) struct Informational {
    below: Box<dyn Transport>,
    /// Whether the next bytes are the start of an answer.
    is_expected: bool,
    /// The number of informational answers to this request.
    count: usize,
}

/// The type of the answer at the start of the input.
#[derive(Debug, PartialEq, Eq)]
enum Beginning {
    /// The input is too short to decide.
    Part,
    /// 100, with the length of its head.
    Continue(usize),
    /// Another informational answer, with the length of its head.
    Informs(usize),
    /// The final answer, or unknown data.
    Answer,
}

impl Informational {
    pub(super) fn new(below: Box<dyn Transport>) -> Self {
        Self { below, is_expected: false, count: 0 }
    }

    /// Removes informational answers, all but one 100. Returns whether input is left to read.
    fn sort(&mut self) -> Result<bool, Error> {
        let buffers = self.below.buffers();
        let (mut taken, mut may_continue) = (0, false);
        let rest = loop {
            let rest = beginning(buffers.input().get(taken..).unwrap_or_default());
            let (Beginning::Continue(length) | Beginning::Informs(length)) = rest else {
                break rest;
            };
            may_continue |= matches!(rest, Beginning::Continue(_));
            taken += length;
            self.count += 1;
            if self.count > MOST {
                let message = "it sends too many informational answers";
                return Err(Error::Io(std::io::Error::other(message)));
            }
        };
        // The data after the head of the final answer is not parsed.
        self.is_expected = rest == Beginning::Part;
        if may_continue {
            let rest = buffers.input().get(taken..).unwrap_or_default().to_vec();
            buffers.input_consume(taken + rest.len());
            append(buffers, CONTINUE);
            append(buffers, &rest);
        } else if taken > 0 {
            buffers.input_consume(taken);
        }
        // If there is no room for more, ureq reports the error.
        Ok(may_continue || !self.is_expected || buffers.input_append_buf().is_empty())
    }
}

impl Transport for Informational {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.below.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !self.is_expected {
            self.is_expected = true;
            self.count = 0;
        }
        self.below.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let begun = time::Instant::now();
        let mut left = timeout;
        loop {
            let has_come = self.below.await_input(left)?;
            if !self.is_expected || !has_come || self.sort()? {
                return Ok(has_come);
            }
            // A head that arrives byte by byte has the same time limit as one that arrives at once.
            if !timeout.after.is_not_happening() {
                let after = (*timeout.after).saturating_sub(begun.elapsed());
                if after.is_zero() {
                    return Err(Error::Timeout(timeout.reason));
                }
                left.after = after.into();
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.below.is_open()
    }

    fn is_tls(&self) -> bool {
        self.below.is_tls()
    }
}

impl fmt::Debug for Informational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informational").field("below", &self.below).finish_non_exhaustive()
    }
}

fn append(buffers: &mut dyn Buffers, bytes: &[u8]) {
    // It fits, because it is not longer than the input before.
    if let Some(free) = buffers.input_append_buf().get_mut(..bytes.len()) {
        free.copy_from_slice(bytes);
        buffers.input_appended(bytes.len());
    }
}

fn beginning(input: &[u8]) -> Beginning {
    const START: &[u8] = b"HTTP/1.";
    let Some(start) = input.get(..START.len()) else {
        return if START.starts_with(input) { Beginning::Part } else { Beginning::Answer };
    };
    if start != START {
        return Beginning::Answer;
    }
    // "HTTP/1.1 103 "
    let Some(status) = input.get(9..12) else { return Beginning::Part };
    // 101 changes the protocol, so it is the final answer.
    if status.first() != Some(&b'1') || status == b"101" {
        return Beginning::Answer;
    }
    match end_of_head(input) {
        None => Beginning::Part,
        Some(length) if status == b"100" => Beginning::Continue(length),
        Some(length) => Beginning::Informs(length),
    }
}

/// The end of the empty line that ends a head. Lines may end with LF alone (RFC 9112 2.2).
fn end_of_head(input: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line == b"\r\n" || line == b"\n" {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Beginning::*, *};

    #[test]
    fn what_only_informs_is_known_by_its_head() {
        let cases: [(&str, Beginning); 14] = [
            ("", Part),
            ("HTT", Part),
            ("HTTP/1.1 1", Part),
            ("HTTP/1.1 100 Continue\r\n", Part),
            ("HTTP/1.1 100 Continue\r\nServer: Caddy\r\n", Part),
            ("HTTP/1.1 100 Continue\r\n\r\n", Continue(25)),
            ("HTTP/1.1 100\r\nServer: Caddy\r\n\r\nHTTP/1.1 200", Continue(31)),
            ("HTTP/1.0 100 C\nA: b\n\n", Continue(21)),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Informs(40)),
            ("HTTP/1.1 199 x\r\n\r\n", Informs(18)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Answer),
            ("HTTP/1.1 200 OK\r\n", Answer),
            ("HTTP/1.1 413", Answer),
            ("SSH-2.0", Answer),
        ];
        for (input, expected) in cases {
            assert_eq!(beginning(input.as_bytes()), expected, "{input:?}");
        }
    }
}
