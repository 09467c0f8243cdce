//! Ends a connection whose client may still be sending a body that is not read.
//!
//! A socket that is closed with unread bytes is reset, and the reset can overtake the answer with the
//! reason. So the sending half is closed first, which shows the client that no more data follows, and
//! further input is discarded for a while.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::http::body::{MAX_DISCARD_BYTES, MAX_DISCARD_TIME};

/// A client that sends nothing for this long has read the answer.
const SILENCE: Duration = Duration::from_secs(2);

/// Marks the stream of a connection whose body was left unread.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream that discards its remaining input if a body was left unread.
pub(super) struct Lingering<S> {
    stream: S,
    unread: Unread,
    farewell: Option<Farewell>,
}

struct Farewell {
    bytes_left: usize,
    ends: Pin<Box<Sleep>>,
    silence: Pin<Box<Sleep>>,
}

impl<S> Lingering<S> {
    pub(super) fn new(stream: S, unread: Unread) -> Self {
        Self { stream, unread, farewell: None }
    }
}

impl Farewell {
    fn begin() -> Self {
        let (ends, silence) = (Box::pin(sleep(MAX_DISCARD_TIME)), Box::pin(sleep(SILENCE)));
        Self { bytes_left: MAX_DISCARD_BYTES, ends, silence }
    }

    /// Discards input; ready once the limits are reached.
    fn poll(&mut self, stream: Pin<&mut impl AsyncRead>, context: &mut Context<'_>) -> Poll<()> {
        let mut stream = stream;
        let mut scratch = [0; 8 << 10];
        loop {
            if self.ends.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match stream.as_mut().poll_read(context, &mut buffer) {
                Poll::Pending => return self.silence.as_mut().poll(context),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let read = buffer.filled().len();
            self.bytes_left = self.bytes_left.saturating_sub(read);
            if read == 0 || self.bytes_left == 0 {
                return Poll::Ready(());
            }
            self.silence.as_mut().reset(Instant::now() + SILENCE);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, unread, farewell } = self.get_mut();
        if farewell.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            if !unread.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let farewell = farewell.get_or_insert_with(Farewell::begin);
        farewell.poll(Pin::new(stream), context).map(Ok)
    }
}
