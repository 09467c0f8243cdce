//! Answers: JSON, streams, and the headers of every answer.

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
    /// A body in memory.
    Whole(Full<Bytes>),
    /// A body that is produced while it is sent.
    Stream(FeedStream),
}

/// The reading end of a [`Feed`].
pub struct FeedStream {
    pieces: mpsc::Receiver<BodyPiece>,
    taken: Arc<AtomicU64>,
    bytes: Option<u64>,
}

/// The writing end of a streamed body. If it is dropped without [`Feed::finish`], the client sees that the
/// answer is incomplete.
pub struct Feed {
    pieces: mpsc::Sender<BodyPiece>,
    taken: Arc<AtomicU64>,
    sent: u64,
}

enum BodyPiece {
    Data(Bytes),
    End,
}

/// The client has closed the connection.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the answer is gone")]
pub struct HungUp;

/// An answer that could not be completed; the log has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be made to its end")]
pub struct BrokenOff;

/// `{"data": …, "metadata": …}`, the form of all successful answers of the Secrets API.
#[derive(Serialize)]
pub struct DataAnswer<D, M> {
    /// The result of the operation.
    pub data: D,
    /// The account's numbers.
    pub metadata: M,
}

/// The same for a page of a list.
#[derive(Serialize)]
pub struct PageAnswer<D, M> {
    /// The entries.
    pub data: D,
    /// The account's numbers.
    pub metadata: M,
    /// The cursor of the next page; `None` at the end of the list.
    pub next_cursor: Option<String>,
}

impl Body {
    /// A streamed body. `bytes` is its length, if known.
    #[must_use]
    pub fn stream(bytes: Option<u64>) -> (Feed, Self) {
        // One piece is in the channel while the next one is produced.
        let (sender, receiver) = mpsc::channel(1);
        let taken = Arc::new(AtomicU64::new(0));
        let feed = Feed { pieces: sender, taken: Arc::clone(&taken), sent: 0 };
        (feed, Self::Stream(FeedStream { pieces: receiver, taken, bytes }))
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
            Some(BodyPiece::Data(bytes)) => {
                stream.taken.fetch_add(bytes.len() as u64, Ordering::Release);
                Some(Ok(Frame::data(bytes)))
            }
            Some(BodyPiece::End) => None,
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
    /// Sends a piece; waits until the one before it has been taken.
    ///
    /// # Errors
    ///
    /// [`HungUp`] if the client has closed the connection.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<(), HungUp> {
        let bytes = bytes.into();
        self.sent += bytes.len() as u64;
        self.pieces.send(BodyPiece::Data(bytes)).await.map_err(|_| HungUp)
    }

    /// Ends the answer. Returns when all of it has been passed on to the socket.
    ///
    /// # Errors
    ///
    /// [`HungUp`] if the client has closed the connection before.
    pub async fn finish(&mut self) -> Result<(), HungUp> {
        // If the length is declared, hyper does not wait for `Piece::End`, so the bytes taken decide. Their
        // number is final when the reading end is dropped, because a piece leaves the channel before it is
        // counted.
        let _ = self.pieces.send(BodyPiece::End).await;
        self.pieces.closed().await;
        if self.taken() == self.sent { Ok(()) } else { Err(HungUp) }
    }

    /// The number of bytes sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The number of bytes passed on to the socket.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Whether the client has closed the connection.
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

/// Adds the headers of every answer: no caching (unless the answer sets it), no content sniffing, no
/// referrer.
pub fn add_common_headers(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Methods in the format of `Allow`.
pub(crate) fn method_list(methods: &[Method]) -> HeaderValue {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).expect("methods are letters")
}
