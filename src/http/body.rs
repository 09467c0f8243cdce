//! Reads request bodies, with limits on size and speed.

use std::{mem, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    Response, Version,
    body::{Body, Bytes, Incoming},
    header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::optimization_barrier;

use super::{api_key, body_budget::SMALL_BYTES, error::HttpError};
use super::{
    body_budget::{BudgetShare, Payer},
    response,
};

/// A body that makes no progress for this time is rejected.
pub(crate) const STALLED: Duration = Duration::from_secs(30);
/// After the first [`STALLED`], a body slower than this is rejected: it holds its share of the budget until
/// it is complete.
pub(crate) const MIN_BYTES_PER_SECOND: u64 = 16 << 10;
/// An upload slower than this is rejected: it holds one of few places, and connections in
/// practical use are faster.
pub(crate) const MIN_UPLOAD_BYTES_PER_SECOND: u64 = 2 << 10;
/// The most waiting time that a fast client can save up.
const MAX_CREDIT: Duration = Duration::from_secs(60);
/// How long the unused rest of a short body is read.
const DISCARD_TIME: Duration = Duration::from_secs(10);
/// The most that is read of a body that nobody needs: more than the largest body of the default settings, as
/// some clients send all of it before they read.
pub(crate) const MAX_DISCARD_BYTES: usize = 256 << 20;
/// The time limit for that.
pub(crate) const MAX_DISCARD_TIME: Duration = Duration::from_secs(30);

/// How long the server still waits for a client: each byte adds time, each wait consumes it.
pub(crate) struct Credit(Duration);

impl Default for Credit {
    fn default() -> Self {
        Self(STALLED)
    }
}

impl Credit {
    /// How long to wait for the next bytes; `None` if the time is used up.
    pub(crate) fn patience(&self) -> Option<Duration> {
        Some(self.0.min(STALLED)).filter(|patience| !patience.is_zero())
    }

    /// Adds the time for `bytes` that arrived after a wait since `since`; `slowest` is the minimum rate in
    /// bytes per second.
    pub(crate) fn arrived(&mut self, since: Instant, bytes: u64, slowest: u64) {
        let earned = Duration::from_millis(bytes.saturating_mul(1000) / slowest);
        self.0 = (self.0.saturating_sub(since.elapsed()) + earned).min(MAX_CREDIT);
    }
}

/// A whole body with its share of the budget. It is wiped on drop because it may hold a password.
pub struct WholeBody {
    bytes: Vec<u8>,
    share: BudgetShare,
}

impl Drop for WholeBody {
    fn drop(&mut self) {
        // `Zeroize` would wipe one byte at a time: 6 % of the work on 100 KiB.
        self.bytes.fill(0);
        optimization_barrier(&*self.bytes);
    }
}

impl WholeBody {
    /// The content of the body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the share of the budget, for data that is made from the body and outlives it.
    pub(crate) fn take_share(&mut self) -> BudgetShare {
        let nothing = self.share.without_memory();
        mem::replace(&mut self.share, nothing)
    }
}

/// Reads a JSON body of at most `max_bytes`. The content type may be missing if the request carries an API
/// key.
///
/// # Errors
///
/// [`HttpError::NotJson`] for a missing content type or one that is not JSON, [`HttpError::ContentCoding`],
/// [`HttpError::TooLarge`] (before reading, if the length is declared), [`HttpError::BodyTimeout`],
/// [`HttpError::Malformed`] for an incomplete body, [`HttpError::Busy`] if too many large bodies arrive at
/// once.
pub async fn read_json(
    headers: &HeaderMap,
    body: &mut Incoming,
    max_bytes: usize,
    payer: &Payer,
) -> Result<WholeBody, HttpError> {
    let is_wrong = match headers.get(CONTENT_TYPE) {
        Some(value) => !is_json(value.as_bytes()),
        // A page of any origin may send a body without a content type and without a preflight (the Fetch
        // standard). An API key requires a preflight, and some clients of the Secrets API send no content
        // type.
        None => !api_key::names_key(headers),
    };
    if is_wrong {
        return Err(HttpError::NotJson);
    }
    read_whole(body, max_bytes, payer).await
}

/// Reads a body of at most `max_bytes`, of any content type.
///
/// # Errors
///
/// As for [`read_json`], except [`HttpError::NotJson`].
pub(crate) async fn read_whole<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    max_bytes: usize,
    payer: &Payer,
) -> Result<WholeBody, HttpError> {
    let too_large = || {
        HttpError::TooLarge(format!(
            "The request's body is too long: {max_bytes} bytes are allowed"
        ))
    };
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if told > max_bytes {
        return Err(too_large());
    }
    let most = match body.size_hint().upper() {
        Some(_) => told,
        None => max_bytes,
    };
    // This reserves address space only: memory is used when it is written.
    let mut read = WholeBody { bytes: Vec::with_capacity(told), share: payer.share() };
    let slowest = Duration::from_secs(most as u64 / MIN_BYTES_PER_SECOND);
    let mut deadline = Instant::now() + STALLED + slowest;
    loop {
        let until = deadline.min(Instant::now() + STALLED);
        let frame = timeout_at(until, body.frame()).await.map_err(|_| HttpError::BodyTimeout)?;
        let Some(frame) = frame else { return Ok(read) };
        let frame =
            frame.map_err(|_| HttpError::Malformed("The request's body is incomplete".into()))?;
        if let Some(data) = frame.data_ref() {
            if read.bytes.len() + data.len() > max_bytes {
                return Err(too_large());
            }
            let since = Instant::now();
            read.share.cover(read.bytes.len() + data.len()).await?;
            // The wait for memory does not count against the sender.
            deadline += since.elapsed();
            read.bytes.extend_from_slice(data);
        }
    }
}

/// Marks an answer to a request whose body was not read: the connection is closed after it.
#[derive(Clone, Copy, Debug)]
pub struct LeftUnread;

/// Handles a body that is not needed, because the `answer` was made without it.
///
/// Over HTTP/1.1, a short body is read in the background, so that the connection can be reused. Otherwise the
/// connection is closed after the answer. It is also closed if the client has sent `Expect` (`is_asked`): the
/// body may not follow, because the server has not asked for it.
///
/// Over HTTP/2, any body is read in the background for a while: many clients lose the answer if their stream is
/// reset before they have sent all (RFC 9113 8.1 allows it, and curl 7.88 and Node.js 20 do so).
pub fn leave(
    version: Version,
    body: Incoming,
    is_asked: bool,
    answer: &mut Response<response::Body>,
) {
    if body.is_end_stream() {
        return;
    }
    if version == Version::HTTP_2 {
        tokio::spawn(timeout(MAX_DISCARD_TIME, discard(body, MAX_DISCARD_BYTES)));
        return;
    }
    let is_short = body.size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BYTES as u64);
    if is_short && !is_asked && !answer.headers().contains_key(CONNECTION) {
        tokio::spawn(timeout(DISCARD_TIME, discard(body, SMALL_BYTES)));
        return;
    }
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer.extensions_mut().insert(LeftUnread);
}

async fn discard(mut body: Incoming, most_bytes: usize) {
    let mut left = most_bytes;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// `application/json` or any `…+json` (RFC 6839), with or without parameters.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || essence.ends_with(b"+json")
}

/// A number of bytes for people: "100 MiB", "1.5 MiB" (rounded down), "300 bytes".
pub(crate) fn bytes_in_words(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        let (whole, tenths) = (bytes >> shift, ((bytes % (1 << shift)) * 10) >> shift);
        match (whole, tenths) {
            (0, _) => {}
            (whole, 0) => return format!("{whole} {unit}"),
            (whole, tenths) => return format!("{whole}.{tenths} {unit}"),
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_binary_units() {
        let cases = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (100 << 20, "100 MiB"),
            ((100 << 20) + 40, "100 MiB"),
            (3 << 19, "1.5 MiB"),
            (104_857_599, "99.9 MiB"),
            (100_000_000, "95.3 MiB"),
            (2 << 30, "2 GiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ];
        for (bytes, words) in cases {
            assert_eq!(bytes_in_words(bytes), words);
        }
    }

    #[test]
    fn json_goes_by_several_names() {
        let cases: [(&[u8], bool); 6] = [
            (b"application/json", true),
            (b"Application/JSON; charset=utf-8", true),
            (b"application/problem+json", true),
            (b"application/x-www-form-urlencoded", false),
            (b"text/plain", false),
            (b"", false),
        ];
        for (content_type, expected) in cases {
            assert_eq!(is_json(content_type), expected);
        }
    }
}
