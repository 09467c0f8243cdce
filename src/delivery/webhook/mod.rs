//! Webhook calls: one signed POST each, to public addresses only, answered by a status.
//!
//! [`crate::domain::notify::webhook`] decides which event calls which webhook; the outbox decides when, and
//! how often.

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
        notify::{
            event::WebhookEvent,
            webhook::{Endpoint, fetch},
        },
        numbers::WebhookNumber,
    },
    store::{Store, StoreError},
};

/// The number of concurrent name lookups: a resolver that does not answer holds a thread for half a minute.
const MAX_LOOKUPS: usize = 4;
/// The limit for all headers of an answer together, and for the part of its body that is buffered with
/// them; the body is not read.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// Calls webhooks.
pub struct Caller {
    allow_private: bool,
    limits: CallTimeLimits,
    lookups: Arc<Semaphore>,
    /// Created for the first `https` call: the authorities take a megabyte.
    tls: OnceCell<TlsConnector>,
}

/// The time limits of a call.
#[derive(Clone, Copy, Debug)]
pub struct CallTimeLimits {
    /// Until the connection is established, TLS included.
    pub connect: Duration,
    /// For the whole call.
    pub whole: Duration,
}

/// Why a call failed, for the operator. Names the host, never the path or the query, which may contain
/// credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A retry may succeed.
    #[error("{0}")]
    Later(String),
    /// A retry is useless.
    #[error("{0}")]
    Never(String),
}

/// Why [`Caller::test`] did not deliver the event.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The webhook is removed.
    #[error("the webhook is removed")]
    Gone,
    /// The endpoint did not accept the call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a call that needs no retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// The endpoint accepted it, with this status.
    Taken(StatusCode),
    /// The webhook is removed, so the call is dropped.
    Removed,
}

impl Default for CallTimeLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), whole: Duration::from_secs(15) }
    }
}

impl Caller {
    /// A caller that calls webhooks at private and loopback addresses only if `allow_private`.
    #[must_use]
    pub fn new(allow_private: bool) -> Self {
        Self::with_limits(allow_private, CallTimeLimits::default())
    }

    /// Like [`Caller::new`], with other limits.
    #[must_use]
    pub fn with_limits(allow_private: bool, limits: CallTimeLimits) -> Self {
        let lookups = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Self { allow_private, limits, lookups, tls: OnceCell::new() }
    }

    /// Calls a webhook once, at `now`, with `body`, signed. `id` is the same in all attempts of this call.
    /// Returns the status, which is a success.
    ///
    /// # Errors
    ///
    /// [`CallError::Never`] if the endpoint answers that it is gone (410), [`CallError::Later`] for other
    /// failures.
    pub async fn call(
        &self,
        endpoint: &Endpoint,
        id: &str,
        now: UnixSeconds,
        body: &[u8],
    ) -> Result<StatusCode, CallError> {
        // The URL was checked when the webhook was added.
        let url = Url::parse(&endpoint.url)
            .map_err(|_| CallError::Never("the webhook's URL cannot be read".into()))?;
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        let request = message::request(&url, endpoint, id, now, body)
            .map_err(|_| CallError::Never(format!("{host}: its URL cannot be called")))?;
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
    /// [`TestError`], if the webhook is removed, the call fails, or the store does.
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

/// Calls `webhook` for `event` once, at `now`. `name` is the same in all attempts.
///
/// # Errors
///
/// [`CallError`], if the endpoint did not accept the call.
pub async fn deliver(
    store: &Store,
    ids: &Ids,
    caller: &Caller,
    name: &str,
    webhook: WebhookNumber,
    event: &WebhookEvent,
    now: UnixSeconds,
) -> Result<CallResult, CallError> {
    let broken = |error: StoreError| CallError::Later(error.to_string());
    let Some(payload) = store.change(fetch(webhook)).await.map_err(broken)? else {
        return Ok(CallResult::Removed);
    };
    let endpoint = Endpoint::open(payload).map_err(broken)?;
    caller.call(&endpoint, name, now, &body(event, ids)).await.map(CallResult::Taken)
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

/// Sends one request and waits for the head of its answer. The connection is closed afterwards.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, hyper::Error> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_ANSWER_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    // Both futures run here, without a task: if the caller stops waiting, the connection is closed.
    let mut answered = std::pin::pin!(sender.send_request(request));
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
    .map(|answer| answer.status())
}

/// An error with its causes: hyper's own texts are not specific.
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
