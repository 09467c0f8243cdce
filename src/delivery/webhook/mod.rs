//! Calls of webhooks: one signed POST each, to public addresses only, answered by a status.
//!
//! What is called for what is [`crate::domain::notify::webhook`]'s; when, and how often, is the outbox's.

pub(crate) mod connection;
pub(crate) mod message;

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OnceCell, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::{Position, Url};

pub use self::message::body;
use crate::{
    clock::UnixSeconds,
    crypto::{Random, hex, random_array},
    domain::{
        id::Ids,
        notify::webhook::{Endpoint, Event, fetch},
        numbers::WebhookNumber,
    },
    store::{Store, StoreError},
};

/// How many names are looked up at once: a resolver that hangs holds a thread for half a minute.
const MAX_LOOKUPS: usize = 4;
/// All headers of an answer together, and what of its body may lie beside them; nobody reads that.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// Calls webhooks.
pub struct Caller {
    allow_private: bool,
    limits: Limits,
    lookups: Arc<Semaphore>,
    /// Made for the first `https` call: the authorities take a megabyte.
    tls: OnceCell<TlsConnector>,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// All of it.
    pub whole: Duration,
}

/// Why a call was not taken, for the operator. Names the host, never the path or the query, which may
/// hold what lets one in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It may go better later.
    #[error("{0}")]
    Later(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
}

/// Why a [`Caller::test`] has told nobody anything.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The webhook is removed.
    #[error("the webhook is removed")]
    Gone,
    /// The other end has not taken the call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a call that need not be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The other end has taken it, with this status.
    Taken(StatusCode),
    /// The webhook is removed: nobody wants the call any more.
    Removed,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), whole: Duration::from_secs(15) }
    }
}

impl Caller {
    /// A caller that calls webhooks at private and loopback addresses only where `allow_private`.
    #[must_use]
    pub fn new(allow_private: bool) -> Self {
        Self::with_limits(allow_private, Limits::default())
    }

    /// As [`Caller::new`], with other limits.
    #[must_use]
    pub fn with_limits(allow_private: bool, limits: Limits) -> Self {
        let lookups = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Self { allow_private, limits, lookups, tls: OnceCell::new() }
    }

    /// Calls a webhook once, at `now`, with `body`, signed. `id` is the same whenever this call is tried
    /// again. Returns the status, which is a success.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Never`] where the other end says that it is gone (410).
    pub async fn call(
        &self,
        endpoint: &Endpoint,
        id: &str,
        now: UnixSeconds,
        body: &[u8],
    ) -> Result<StatusCode, CallError> {
        // It was checked when it was added.
        let url = Url::parse(&endpoint.url)
            .map_err(|_| CallError::Never("the webhook's URL can not be read".into()))?;
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        let request = message::request(&url, endpoint, id, now, body)
            .map_err(|_| CallError::Never(format!("{host}: its URL can not be called")))?;
        let exchanged = timeout(self.limits.whole, self.exchange(&url, request)).await;
        let status = exchanged
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.limits.whole)))
            .map_err(|problem| CallError::Later(format!("{host}: {problem}")))?;
        verdict(&host, status)
    }

    /// Calls a webhook once, now, with an event of the type `test`. Returns the status, which is a success.
    ///
    /// # Errors
    ///
    /// See [`TestError`].
    pub async fn test(
        &self,
        store: &Store,
        webhook: WebhookNumber,
        random: &dyn Random,
        now: UnixSeconds,
    ) -> Result<StatusCode, TestError> {
        let payload = store.change(fetch(webhook)).await?.ok_or(TestError::Gone)?;
        let endpoint = Endpoint::open(payload)?;
        let name = format!("test_{}", hex(&random_array::<8>(random)));
        Ok(self.call(&endpoint, &name, now, &message::test_body(now)).await?)
    }

    async fn exchange(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, String> {
        let connected = timeout(self.limits.connect, self.open(url)).await;
        let stream = connected
            .unwrap_or_else(|_| Err(format!("no connection within {:?}", self.limits.connect)))?;
        send(stream, request).await.map_err(|error| with_causes(&error))
    }
}

/// Calls `webhook` for `event` once, at `now`. `name` is the same whenever this is tried again.
///
/// # Errors
///
/// See [`CallError`].
pub async fn deliver(
    store: &Store,
    ids: &Ids,
    caller: &Caller,
    name: &str,
    webhook: WebhookNumber,
    event: &Event,
    now: UnixSeconds,
) -> Result<Delivered, CallError> {
    let broken = |error: StoreError| CallError::Later(error.to_string());
    let Some(payload) = store.change(fetch(webhook)).await.map_err(broken)? else {
        return Ok(Delivered::Removed);
    };
    let endpoint = Endpoint::open(payload).map_err(broken)?;
    caller.call(&endpoint, name, now, &body(event, ids)).await.map(Delivered::Taken)
}

fn verdict(host: &str, status: StatusCode) -> Result<StatusCode, CallError> {
    let text = format!("{host} answered {status}");
    match status {
        status if status.is_success() => Ok(status),
        StatusCode::GONE => Err(CallError::Never(format!("{text}: the endpoint is gone"))),
        status if status.is_redirection() => {
            Err(CallError::Later(format!("{text}: redirects are not followed")))
        }
        _ => Err(CallError::Later(text)),
    }
}

/// Sends one request and waits for the head of its answer. The connection ends with it.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, hyper::Error> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_ANSWER_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    // Both here, not one in a task of its own: who gives up waiting closes the connection.
    let mut answered = std::pin::pin!(sender.send_request(request));
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
    .map(|answer| answer.status())
}

/// An error with what caused it: hyper's own texts say little.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
