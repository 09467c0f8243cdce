//! A connection over HTTP/2 (RFC 9113): many requests at once, with limits of its own.
//!
//! HTTP/1.1 bounds what a client can hold by its connections. Here one connection has many streams, and a
//! client can leave each open, or take nothing of its answer while the socket takes all. So requests are
//! counted for each client, answers are handed on in small pieces, and a connection ends if an answer makes no
//! progress, or if too many requests are taken back.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::{
    Request,
    body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    connection::{LAST_WRITE, MAX_HEADER_BYTES, told_to_stop},
    connections::ConnectionPermit,
    patience::{HEAD, IDLE},
    requests::RequestContext,
    transport::{BoxedTransport, WRITE_TIMEOUT},
    watched::WatchedStream,
};

/// The most requests at once on a connection (RFC 9113 5.1.2 recommends no fewer).
const MAX_STREAMS: u32 = 100;
/// How much of one body a client may send before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// How much of all bodies of a connection: one that waits must not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = 4 * STREAM_WINDOW_BYTES;
/// The most that is handed to HTTP/2 at once: a frame of the usual size.
const PIECE_BYTES: usize = 16 << 10;
/// The last piece of an answer is at most this long, and is a copy: HTTP/2 keeps it for a client that takes
/// nothing, where the request no longer counts.
const LAST_PIECE_BYTES: usize = 2 << 10;
/// How often a connection is checked for idleness and stalled answers.
const CHECK: Duration = Duration::from_secs(5);

/// Serves a connection until it ends, or `stopped` says so and its requests are answered.
pub(super) async fn serve(
    requests: RequestContext,
    stream: BoxedTransport,
    place: ConnectionPermit,
    mut stopped: watch::Receiver<bool>,
) {
    let place = Arc::new(place);
    let open = Arc::clone(place.connection());
    // A proxy's connection carries the requests of many, who must not be able to end it for each other. The
    // proxy limits how slowly its clients read.
    let is_proxy = requests.is_proxy;
    if !is_proxy {
        open.limit_abandoned();
    }
    let stream = WatchedStream { stream, place: Arc::clone(&place) };
    let progress = Arc::new(AnswerProgress::new());
    let (address, requests) = (requests.peer.address, Arc::new(requests));
    let noted = Arc::clone(&progress);
    let service = service_fn(move |request: Request<Incoming>| {
        let (requests, progress) = (Arc::clone(&requests), Arc::clone(&noted));
        async move {
            let answer = requests.answer(request).await;
            answer.map(|answer| answer.map(|body| PiecewiseBody::new(body, progress)))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // More would be kept where the request no longer counts.
        .max_send_buf_size(LAST_PIECE_BYTES)
        .max_header_list_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection failed");
                }
                return;
            }
            () = place.connection().ended() => {
                if open.has_abandoned_many() {
                    tracing::info!(
                        %address,
                        "a connection ends: its client has taken too many requests back"
                    );
                    return;
                }
                tracing::debug!(%address, "an idle connection is closed to make room");
                break;
            }
            why = wears_out(&place, &progress, is_proxy) => {
                tracing::debug!(%address, why, "a connection ends");
                break;
            }
            () = told_to_stop(&mut stopped), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    // Tells the client which requests were not looked at, so that it sends them again elsewhere.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_WRITE, connection).await;
}

/// Returns once a connection has been idle for too long and has ended, or an answer makes no progress; says
/// which.
async fn wears_out(
    place: &ConnectionPermit,
    progress: &AnswerProgress,
    is_proxy: bool,
) -> &'static str {
    let open = place.connection();
    let (mut idle, mut written) = (None, None);
    loop {
        let requests = open.requests();
        match open.idle_since() {
            None => {
                idle = None;
                if !is_proxy && progress.is_stalled() {
                    return "an answer is not read";
                }
                // A stream that was reset has nothing to write that would show its end.
                if written == Some(requests) {
                    place.connection().written();
                }
                written = open.is_answered().then_some(requests);
            }
            Some(since) => match idle {
                Some((seen, at)) if seen == since => {
                    let limit = if requests == 0 { HEAD } else { IDLE };
                    // A request may have arrived in the meantime.
                    if Instant::elapsed(&at) >= limit && open.end(since) {
                        return "it was idle";
                    }
                }
                _ => idle = Some((since, Instant::now())),
            },
        }
        sleep(CHECK).await;
    }
}

/// How far the client takes the answers of a connection.
pub(super) struct AnswerProgress {
    start: Instant,
    /// The answers of which a piece waits for the client.
    waiting: AtomicUsize,
    /// When a piece was taken last, or began to wait while no other did: milliseconds since `start`.
    taken: AtomicU64,
}

impl AnswerProgress {
    fn new() -> Self {
        Self { start: Instant::now(), waiting: AtomicUsize::new(0), taken: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn handed(&self) {
        if self.waiting.fetch_add(1, Ordering::AcqRel) == 0 {
            self.taken.store(self.now(), Ordering::Release);
        }
    }

    fn taken(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        self.taken.store(self.now(), Ordering::Release);
    }

    /// Whether pieces wait, and none was taken for as long as a socket may take nothing.
    fn is_stalled(&self) -> bool {
        let since = self.now().saturating_sub(self.taken.load(Ordering::Acquire));
        self.waiting.load(Ordering::Acquire) > 0 && Duration::from_millis(since) >= WRITE_TIMEOUT
    }
}

/// An answer in small pieces, which reports when the client has taken one.
///
/// hyper asks for the next piece once HTTP/2 has accepted the one before, for which the client must have
/// allowed something (RFC 9113 5.2).
struct PiecewiseBody<B> {
    body: B,
    rest: Bytes,
    progress: Arc<AnswerProgress>,
    is_waiting: bool,
}

impl<B> PiecewiseBody<B> {
    fn new(body: B, progress: Arc<AnswerProgress>) -> Self {
        Self { body, rest: Bytes::new(), progress, is_waiting: false }
    }

    fn taken(&mut self) {
        if self.is_waiting {
            self.is_waiting = false;
            self.progress.taken();
        }
    }

    fn next_piece(&mut self) -> Frame<Bytes> {
        let length = self.rest.len();
        let piece = if length <= LAST_PIECE_BYTES {
            // Else it would keep the whole of a long answer in memory.
            Bytes::copy_from_slice(&std::mem::take(&mut self.rest))
        } else {
            self.rest.split_to(PIECE_BYTES.min(length - LAST_PIECE_BYTES))
        };
        self.is_waiting = true;
        self.progress.handed();
        Frame::data(piece)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for PiecewiseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.taken();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(self.next_piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl<B> Drop for PiecewiseBody<B> {
    fn drop(&mut self) {
        self.taken();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http_body_util::{BodyExt, Full};
    use tokio::time::{advance, pause};

    use super::*;
    use crate::{
        domain::limits::client_net::ClientNet,
        server::connections::{ConnectionLimits, Connections, Owner},
    };

    #[tokio::test]
    async fn an_answer_comes_in_small_pieces() {
        for length in [0, 1, LAST_PIECE_BYTES, LAST_PIECE_BYTES + 1, PIECE_BYTES + 1, 1 << 20] {
            let whole: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
            let body = Full::new(Bytes::from(whole.clone()));
            let mut body = PiecewiseBody::new(body, Arc::new(AnswerProgress::new()));
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            let (mut read, mut last) = (Vec::new(), 0);
            while let Some(frame) = body.frame().await {
                let piece = frame.unwrap().into_data().unwrap();
                assert!(piece.len() <= PIECE_BYTES);
                last = piece.len();
                read.extend(piece);
                assert_eq!(body.size_hint().exact(), Some((length - read.len()) as u64));
                assert_eq!(body.is_end_stream(), read.len() == length);
            }
            assert!(last <= LAST_PIECE_BYTES, "{last} of {length}");
            assert_eq!(read, whole);
        }
    }

    #[tokio::test]
    async fn a_piece_that_is_not_taken_stalls() {
        pause();
        let progress = Arc::new(AnswerProgress::new());
        let body = |bytes| PiecewiseBody::new(Full::new(Bytes::from(bytes)), Arc::clone(&progress));
        let (mut first, mut second) = (body(vec![1; 100_000]), body(vec![2; 100_000]));
        advance(WRITE_TIMEOUT * 2).await;
        assert!(!progress.is_stalled(), "nothing waits");
        let _ = first.frame().await;
        advance(WRITE_TIMEOUT / 2).await;
        let _ = second.frame().await;
        assert!(!progress.is_stalled());
        advance(WRITE_TIMEOUT / 2).await;
        assert!(progress.is_stalled(), "both wait, and the first for the whole time");
        let _ = second.frame().await;
        assert!(!progress.is_stalled(), "one is taken");
        advance(WRITE_TIMEOUT).await;
        assert!(progress.is_stalled());
        drop((first, second));
        assert!(!progress.is_stalled(), "nothing waits any more");
    }

    #[tokio::test]
    async fn idle_connections_end() {
        pause();
        let progress = AnswerProgress::new();
        let connections = Connections::new(ConnectionLimits { all: 10, of_client: 10 });
        let owner = Owner::Client(ClientNet::of(Ipv4Addr::LOCALHOST.into()));
        let silent = connections.admit(owner).unwrap();
        let start = Instant::now();
        assert_eq!(wears_out(&silent, &progress, false).await, "it was idle");
        assert!((HEAD..HEAD + CHECK).contains(&start.elapsed()), "silent from the beginning");
        assert!(!silent.connection().begin_request(), "it has ended");
        let place = connections.admit(owner).unwrap();
        let open = Arc::clone(place.connection());
        assert!(open.begin_request() && open.begin_request());
        open.answered();
        progress.handed();
        let start = Instant::now();
        assert_eq!(wears_out(&place, &progress, false).await, "an answer is not read");
        assert!(start.elapsed() < WRITE_TIMEOUT + CHECK);
        progress.taken();
        open.answered();
        let start = Instant::now();
        assert_eq!(wears_out(&place, &progress, false).await, "it was idle");
        // The answer counts as written after a while without a write.
        assert!((IDLE..IDLE + 3 * CHECK).contains(&start.elapsed()));
    }
}
