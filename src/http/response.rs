//! Answers: JSON, streams, and the headers that every one of them has.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::{Body as HttpBody, Bytes, Frame, SizeHint},
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::Serialize;
use tokio::sync::mpsc;

/// The body of every answer.
pub enum Body {
    /// In memory.
    Whole(Full<Bytes>),
    /// Made while it is sent.
    Stream(Stream),
}

/// The reading end of a [`Feed`].
pub struct Stream {
    pieces: mpsc::Receiver<Piece>,
    taken: Arc<AtomicU64>,
    bytes: Option<u64>,
}

/// The writing end of a streamed body. Dropped without [`Feed::finish`], the answer breaks off in a way
/// that its reader notices.
pub struct Feed {
    pieces: mpsc::Sender<Piece>,
    taken: Arc<AtomicU64>,
    sent: u64,
}

enum Piece {
    Data(Bytes),
    End,
}

/// Nobody reads the answer any more.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the answer is gone")]
pub struct HungUp;

/// An answer that could not be made to its end; the log says why.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be made to its end")]
pub struct BrokenOff;

/// `{"data": …, "metadata": …}`, the shape of all good answers of the Secrets API.
#[derive(Serialize)]
pub struct Answer<D, M> {
    /// What was asked for.
    pub data: D,
    /// The account's figures.
    pub metadata: M,
}

impl Body {
    /// A body that is made while it is sent; `bytes` is its length, where that is known.
    #[must_use]
    pub fn stream(bytes: Option<u64>) -> (Feed, Self) {
        // One piece on its way, one being made.
        let (sender, receiver) = mpsc::channel(1);
        let taken = Arc::new(AtomicU64::new(0));
        let feed = Feed { pieces: sender, taken: Arc::clone(&taken), sent: 0 };
        (feed, Self::Stream(Stream { pieces: receiver, taken, bytes }))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let stream = match self.get_mut() {
            Self::Whole(whole) => {
                let frame = ready!(Pin::new(whole).poll_frame(context));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            Self::Stream(stream) => stream,
        };
        Poll::Ready(match ready!(stream.pieces.poll_recv(context)) {
            Some(Piece::Data(bytes)) => {
                stream.taken.fetch_add(bytes.len() as u64, Ordering::Release);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Piece::End) => None,
            None => Some(Err(BrokenOff)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Stream(stream) => stream.bytes.map(SizeHint::with_exact).unwrap_or_default(),
        }
    }
}

impl Feed {
    /// Sends a piece; waits while the one before has not been taken.
    ///
    /// # Errors
    ///
    /// [`HungUp`].
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<(), HungUp> {
        let bytes = bytes.into();
        self.sent += bytes.len() as u64;
        self.pieces.send(Piece::Data(bytes)).await.map_err(|_| HungUp)
    }

    /// Ends the answer. Returns once all of it was taken to be written to the socket.
    ///
    /// # Errors
    ///
    /// [`HungUp`].
    pub async fn finish(&mut self) -> Result<(), HungUp> {
        // Where the length was told, nobody waits for the end: what counts is what was taken. That is
        // known once the reading end is dropped: a piece leaves the channel before it is counted.
        let _ = self.pieces.send(Piece::End).await;
        self.pieces.closed().await;
        if self.taken() == self.sent { Ok(()) } else { Err(HungUp) }
    }

    /// How many bytes were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many of them were taken to be written to the socket.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.pieces.is_closed()
    }
}

/// A JSON answer.
#[must_use]
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("answers have string keys and finite numbers");
    let mut response = Response::new(Bytes::from(bytes).into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = status;
    response
}

/// Adds what every answer has: it is not kept (unless it says how), not guessed about, and not told to
/// other sites.
pub fn add_common_headers(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Methods as they stand in `Allow`.
pub(crate) fn method_list(methods: &[Method]) -> HeaderValue {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).expect("methods are letters")
}
