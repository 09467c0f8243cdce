//! The time limits for the next request of a connection.
//!
//! hyper has one time limit for idle connections and for heads that arrive slowly. A client that keeps a
//! connection for its next request is allowed more time than one that sends a head byte by byte.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::open_connection::OpenConnection;

/// The time limit of a head, from its first byte, or from the start of the connection.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// How long an idle connection is kept if its place is not needed; announced in `Keep-Alive`.
pub(super) const IDLE: Duration = Duration::from_secs(75);

/// A stream that ends if a request does not arrive in time.
pub(super) struct Patient<S> {
    stream: S,
    connection: Arc<OpenConnection>,
    requests: u64,
    wait: StreamWait,
}

/// What the stream waits for, and its time limit.
enum StreamWait {
    /// Nothing: a request is being answered, or has just been.
    Busy,
    /// The first byte of a head.
    Idle(Pin<Box<Sleep>>),
    /// The rest of a head.
    Head(Pin<Box<Sleep>>),
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, connection: Arc<OpenConnection>) -> Self {
        let wait = StreamWait::Head(Box::pin(sleep(HEAD)));
        Self { stream, connection, requests: 0, wait }
    }

    /// Whether a request is awaited. Ends the wait for one that has arrived.
    fn is_waiting(&mut self) -> bool {
        let requests = self.connection.requests();
        if requests != self.requests {
            (self.requests, self.wait) = (requests, StreamWait::Busy);
        }
        self.connection.is_idle()
    }

    /// Ready once the time limit has passed; else wakes the task then.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.wait, StreamWait::Busy) {
            self.wait = StreamWait::Idle(Box::pin(sleep(IDLE)));
        }
        match &mut self.wait {
            StreamWait::Busy => Poll::Pending,
            StreamWait::Idle(ends) | StreamWait::Head(ends) => ends.as_mut().poll(context),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if !this.is_waiting() {
            return read;
        }
        match read {
            // The same result as when the client disconnects.
            Poll::Pending => this.poll_patience(context).map(Ok),
            Poll::Ready(read) => {
                if buffer.filled().len() > filled && !matches!(this.wait, StreamWait::Head(_)) {
                    this.wait = StreamWait::Head(Box::pin(sleep(HEAD)));
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        // hyper does not always read again after the end of an answer, so the time limit starts here.
        if this.is_waiting() {
            // The next read detects that the limit has passed.
            let _ = this.poll_patience(context);
        }
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
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, advance, pause},
    };

    use super::*;
    use crate::{
        domain::limits::client_net::ClientNet,
        server::connections::{ConnectionLimits, Connections, Owner},
    };

    /// Events on a connection: the first byte of a head, an answered request.
    enum Step {
        Byte,
        Answer,
        Wait(u64),
    }

    /// The number of seconds after which the stream ends, counted from its start.
    fn end_after(steps: &[Step]) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            pause();
            let connections = Connections::new(ConnectionLimits { all: 10, of_client: 10 });
            let owner = Owner::Client(ClientNet::of(Ipv4Addr::LOCALHOST.into()));
            let place = connections.admit(owner).unwrap();
            let connection = Arc::clone(place.connection());
            let (near, mut far) = duplex(64);
            let start = Instant::now();
            let mut stream = Patient::new(near, Arc::clone(&connection));
            let mut byte = [0];
            for step in steps {
                match step {
                    Step::Byte => {
                        far.write_all(b"G").await.unwrap();
                        assert_eq!(stream.read(&mut byte).await.unwrap(), 1);
                    }
                    Step::Answer => {
                        assert!(connection.begin_request());
                        connection.answered();
                        place.connection().written();
                        stream.flush().await.unwrap();
                    }
                    Step::Wait(seconds) => advance(Duration::from_secs(*seconds)).await,
                }
            }
            assert_eq!(stream.read(&mut byte).await.unwrap(), 0, "it ends");
            start.elapsed().as_secs()
        })
    }

    #[test]
    fn idle_connections_are_kept_and_heads_come_at_once() {
        use Step::{Answer, Byte, Wait};
        assert_eq!(end_after(&[]), 10, "silent from the beginning");
        assert_eq!(end_after(&[Byte, Wait(4), Byte]), 10, "a head that is too slow");
        assert_eq!(end_after(&[Byte, Answer]), 75);
        assert_eq!(end_after(&[Byte, Wait(5), Answer, Wait(60), Byte]), 75, "60 + 5 + 10");
        assert_eq!(end_after(&[Byte, Answer, Wait(60), Byte, Answer]), 60 + 75);
    }
}
