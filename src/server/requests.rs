//! The requests of one connection: who the client is, and which limits apply.

use std::sync::{Arc, atomic::Ordering};

use hyper::{
    Method, Request, Response, Version,
    body::{Body, Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY},
};

use super::{
    client_address::Peer,
    connection::{ConnectionContext, ListenerRole},
    lingering::Unread,
    open_connection::OpenConnection,
    patience::IDLE,
    watched::{Answering, WatchedBody},
};
use crate::{
    api::{ApiError, Client},
    http::{
        body::{LeftUnread, leave},
        response,
    },
    router::{RequestSender, refuse, route},
};

/// How long browsers use nothing but HTTPS after an answer, in seconds.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What the requests of a connection share.
pub(super) struct RequestContext {
    context: Arc<ConnectionContext>,
    pub(super) peer: Peer,
    role: ListenerRole,
    /// Whether the connection has TLS.
    is_secure: bool,
    pub(super) is_proxy: bool,
    connection: Arc<OpenConnection>,
    /// Set when a body is left unread.
    pub(super) unread: Unread,
}

/// A request arrived on an idle connection that was already being closed.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed before the request arrived")]
pub(super) struct MadeRoom(#[source] h2::Error);

impl Default for MadeRoom {
    /// Over HTTP/2, tells the client that the request was not looked at, and may be sent again (RFC 9113 8.7).
    fn default() -> Self {
        Self(h2::Reason::REFUSED_STREAM.into())
    }
}

impl RequestContext {
    pub(super) fn new(
        context: Arc<ConnectionContext>,
        peer: Peer,
        role: ListenerRole,
        is_secure: bool,
        connection: Arc<OpenConnection>,
    ) -> Self {
        let is_proxy = context.proxies.is_trusted(peer);
        Self { context, peer, role, is_secure, is_proxy, connection, unread: Unread::default() }
    }

    /// Answers one request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<WatchedBody<response::Body>>, MadeRoom> {
        let Self { context, connection, .. } = self;
        let mut answering = Answering::begin(connection).ok_or_else(MadeRoom::default)?;
        let is_multiplexed = request.version() >= Version::HTTP_2;
        let is_head = request.method() == Method::HEAD;
        let stays_open = !is_multiplexed && keeps_alive(&request);
        let address = context.proxies.client(self.peer, request.headers());
        let client = Client { address };
        // A proxy's own requests, such as health checks, do not count against a share.
        let is_passed_on = self.is_proxy && address != self.peer.address.to_canonical();
        // Over HTTP/1.1, the connection is counted.
        let is_counted = is_passed_on || (is_multiplexed && !self.is_proxy);
        let place = is_counted.then(|| context.connections.admit_request(client.net())).transpose();
        let mut answer = match place {
            Ok(place) => {
                answering.place = place;
                self.answer_of_role(client, request).await
            }
            Err(_) => refuse(&context.site, ApiError::Busy, client, self.sender(), request),
        };
        if answer.extensions().get::<LeftUnread>().is_some() {
            self.unread.set();
        }
        if is_multiplexed {
            // It is not allowed there (RFC 9113 8.2.2), and a body that is left ends its stream alone.
            answer.headers_mut().remove(CONNECTION);
            if is_head {
                answer = without_body(answer);
            }
        } else if context.is_leaving.load(Ordering::Relaxed) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        } else if stays_open && !answer.headers().contains_key(CONNECTION) {
            let value = HeaderValue::from_str(&format!("timeout={}", IDLE.as_secs()));
            answer.headers_mut().extend(value.ok().map(|value| (KEEP_ALIVE, value)));
        }
        if self.is_secure && context.is_https_only {
            answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
        Ok(answer.map(|body| WatchedBody { body, answering }))
    }
}

impl RequestContext {
    fn sender(&self) -> RequestSender {
        if self.is_proxy { RequestSender::TrustedProxy } else { RequestSender::Client }
    }

    async fn answer_of_role(
        &self,
        client: Client,
        request: Request<Incoming>,
    ) -> Response<response::Body> {
        let redirect =
            self.context.redirect.as_ref().filter(|_| self.role == ListenerRole::Redirect);
        let Some(redirect) = redirect else {
            return route(&self.context.site, client, self.sender(), request).await;
        };
        let mut answer = redirect.answer(&request);
        leave(request.version(), request.into_body(), false, &mut answer);
        answer
    }
}

/// The answer to `HEAD`: hyper leaves the body out by itself only over HTTP/1.1.
fn without_body(answer: Response<response::Body>) -> Response<response::Body> {
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    Response::from_parts(head, response::Body::from(Bytes::new()))
}

/// Whether a client expects its connection to stay open after the answer (RFC 9112, 9.3).
fn keeps_alive(request: &Request<Incoming>) -> bool {
    let values = request.headers().get_all(CONNECTION).iter();
    let mut options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    match request.version() {
        Version::HTTP_11 => {
            !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
        }
        _ => options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"keep-alive")),
    }
}
