//! Passes a body to the multipart parser in pieces.
//!
//! multer 3.1 reads everything that a stream has ready before it parses any of it, and searches for the end
//! of a part's head in all the data that has arrived. So the stream returns one piece, then reports that it
//! has none ready, and it fails if a head is too long.

use std::{
    error::Error,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use http_body_util::BodyDataStream;
use hyper::body::{Body, Bytes, Frame};

/// The maximum size of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// How many bytes may arrive, in whole pieces, before a head is complete: the text before the first part, a
/// boundary, and the headers of a part.
const MAX_HEAD_BYTES: u64 = 16 << 10;

/// A part's head exceeds the limit.
#[derive(Debug, thiserror::Error)]
#[error("the head of a part is too long")]
pub(super) struct HeadTooLong;

/// Counts the bytes that were passed on.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    total: AtomicU64,
    at_progress: AtomicU64,
}

impl Meter {
    /// The number of all bytes so far.
    pub(super) fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Records progress: the parser has found a head, or bytes of a part.
    pub(super) fn progress(&self) {
        self.0.at_progress.store(self.total(), Ordering::Relaxed);
    }

    fn since_progress(&self) -> u64 {
        self.total().saturating_sub(self.0.at_progress.load(Ordering::Relaxed))
    }
}

/// A body in pieces.
pub(super) struct Intake<'b, B> {
    body: &'b mut B,
    left: Bytes,
    has_given: bool,
    meter: Meter,
}

impl<'b, B> Intake<'b, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// A stream of the pieces, and its meter.
    pub(super) fn new(body: &'b mut B) -> (BodyDataStream<Self>, Meter) {
        let meter = Meter::default();
        let intake = Self { body, left: Bytes::new(), has_given: false, meter: meter.clone() };
        (BodyDataStream::new(intake), meter)
    }
}

impl<B> Body for Intake<'_, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::take(&mut self.has_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.meter.since_progress() > MAX_HEAD_BYTES {
            return Poll::Ready(Some(Err(HeadTooLong.into())));
        }
        if self.left.is_empty() {
            let frame = match std::task::ready!(Pin::new(&mut *self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Ok(data) => self.left = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let length = self.left.len().min(PIECE_BYTES);
        let piece = self.left.split_to(length);
        self.has_given = true;
        self.meter.0.total.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
