//! Reports to [`Connections`](super::connections::Connections) when a connection becomes idle: when the
//! body of an answer is complete, and when all of it is written.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    connections::{ConnectionPermit, RequestPlace},
    open_connection::OpenConnection,
};

/// A stream that hyper reads and writes. hyper flushes it only when its own buffer is written out.
pub(super) struct WatchedStream<S> {
    pub(super) stream: S,
    pub(super) place: Arc<ConnectionPermit>,
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let since = self.place.connection().written();
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(since, &outcome, bytes.len());
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.place.connection().written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let since = self.place.connection().written();
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.note(since, &outcome, pieces.iter().map(|piece| piece.len()).sum());
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S> WatchedStream<S> {
    /// hyper writes all the data it has at once, so the write after the end of an answer is the last one,
    /// unless the system has accepted only a part.
    fn note(&self, since: Option<u64>, outcome: &Poll<io::Result<usize>>, bytes: usize) {
        let is_all = matches!(outcome, Poll::Ready(Ok(written)) if *written == bytes);
        if let Some(since) = since.filter(|_| !is_all) {
            self.place.connection().not_written(since);
        }
    }
}

/// A request that is being answered; dropped when its answer is complete, or abandoned.
pub(super) struct Answering {
    connection: Arc<OpenConnection>,
    /// Set if the request is counted for its client.
    pub(super) place: Option<RequestPlace>,
    /// Whether all of the answer was read.
    pub(super) is_answered: bool,
}

impl Answering {
    /// `None` if the connection had to end before.
    pub(super) fn begin(connection: &Arc<OpenConnection>) -> Option<Self> {
        let connection = Arc::clone(connection);
        connection.begin_request().then_some(Self { connection, place: None, is_answered: false })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        match self.is_answered {
            true => self.connection.keep_request(),
            false => self.connection.abandon_request(),
        }
        self.connection.answered();
    }
}

/// The body of an answer; the request counts as being answered until hyper has read all of it.
pub(super) struct WatchedBody<B: HttpBody> {
    pub(super) body: B,
    pub(super) answering: Answering,
}

impl<B: HttpBody> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        self.answering.is_answered |= self.body.is_end_stream();
    }
}

impl<B: HttpBody + Unpin> HttpBody for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.answering.is_answered |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
