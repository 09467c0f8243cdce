//! What is recorded about each request: its figures, its line in the log, its id, and the refusals by limits;
//! and who may read `/metrics`.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};

use super::{
    Site,
    request_id::{REQUEST_ID, RequestIds, given},
};
use crate::{
    api::{Client, metrics as api_metrics, routes},
    crypto::{Random, SecretText, bytes_equal},
    http::response::{Body, empty},
    metrics::{RefusedBy, RequestSlot},
};

/// The settings of observation.
pub struct Observation {
    /// Whether each request is logged at the level info; else at the level debug.
    pub access_log: bool,
    /// The token with which `/metrics` can be read at the listener of requests; `None` if it cannot.
    pub metrics_token: Option<SecretText>,
    ids: RequestIds,
}

/// Who has sent a request to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSender {
    /// The client itself.
    Client,
    /// A trusted proxy.
    TrustedProxy,
}

impl Observation {
    /// No log of requests, and no metrics for clients.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self { access_log: false, metrics_token: None, ids: RequestIds::new(random) }
    }
}

/// A request that is being answered.
pub(super) struct SeenRequest {
    began: Instant,
    client: Client,
    method: Method,
    /// Its place in [`routes::labels`]; `None` for an unknown path.
    route: Option<usize>,
    id: HeaderValue,
}

impl SeenRequest {
    pub(super) fn begin(
        site: &Site,
        client: Client,
        sender: RequestSender,
        request: &Request<Incoming>,
    ) -> Self {
        let taken = match sender {
            RequestSender::TrustedProxy => given(request.headers()),
            RequestSender::Client => None,
        };
        let path = request.uri().path();
        let route = match routes::find(path) {
            Some((resource, _)) => Some(resource.place),
            None => asks_metrics(site, request).then(routes::place_of_metrics),
        };
        Self {
            began: Instant::now(),
            client,
            method: request.method().clone(),
            route,
            id: taken.unwrap_or_else(|| site.observation.ids.make()),
        }
    }

    /// Whether the path is that of a route.
    pub(super) fn has_route(&self) -> bool {
        self.route.is_some()
    }

    /// The path is that of a page, whose template has this place in [`crate::web::ROUTES`].
    pub(super) fn is_page(&mut self, route: usize) {
        self.route = Some(routes::place_of_page(route));
    }

    /// Records the answer, and adds the id to it, unless browsers keep the answer for ever: there the id would
    /// be that of another request.
    pub(super) fn end(self, site: &Site, answer: &mut Response<Body>) {
        let (metrics, duration) = (&site.app.metrics, self.began.elapsed());
        let slot = metrics.requests.slot(self.route, &self.method);
        metrics.requests.record(slot, answer.status(), duration);
        if let Some(limit) = answer.extensions_mut().remove::<RefusedBy>() {
            log_refusal(site, limit, self.client.address);
        }
        self.log(site, slot, answer.status(), duration);
        let control = answer.headers().get(CACHE_CONTROL).map(HeaderValue::as_bytes);
        if !control.is_some_and(|control| control.ends_with(b"immutable")) {
            answer.headers_mut().insert(REQUEST_ID, self.id);
        }
    }

    fn log(&self, site: &Site, slot: RequestSlot, status: StatusCode, duration: Duration) {
        macro_rules! log {
            ($level:ident) => {{
                let (route, method) = site.app.metrics.requests.labels(slot);
                let client = site.app.logged_address(self.client.address);
                tracing::$level!(
                    method,
                    route,
                    status = status.as_u16(),
                    ms = duration.as_micros() as f64 / 1000.0,
                    client = client.map(tracing::field::display),
                    request_id = self.id.to_str().unwrap_or_default(),
                    "request"
                );
            }};
        }
        if site.observation.access_log {
            log!(info);
        } else if tracing::enabled!(tracing::Level::DEBUG) {
            log!(debug);
        }
    }
}

/// Counts a refusal by a limit, and logs it if a line about this limit is due.
pub(crate) fn log_refusal(site: &Site, limit: RefusedBy, client: IpAddr) {
    if let Some(refused) = site.app.metrics.refusals.count(limit, Instant::now()) {
        let client = site.app.logged_address(client).map(tracing::field::display);
        tracing::info!(
            limit = limit.0,
            client,
            more = refused - 1,
            "refused by a limit; more counts the refusals since the last line about this limit"
        );
    }
}

/// Whether the path is that of the metrics, and they can be read here.
pub(super) fn asks_metrics(site: &Site, request: &Request<Incoming>) -> bool {
    site.observation.metrics_token.is_some() && request.uri().path() == routes::METRICS_PATH
}

/// Answers a request for the metrics with the token.
pub(super) async fn metrics(site: &Site, request: &Request<Incoming>) -> Response<Body> {
    let token = site.observation.metrics_token.as_ref();
    if !token.is_some_and(|token| is_allowed(token, request.headers())) {
        let mut answer = empty(StatusCode::UNAUTHORIZED);
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return answer;
    }
    read_metrics(site, request.method()).await
}

/// Answers a request for the metrics whose sender may read them.
pub(crate) async fn read_metrics(site: &Site, method: &Method) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    api_metrics::answer(&site.app).await.unwrap_or_else(crate::api::ApiError::into_response)
}

fn is_allowed(token: &SecretText, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
    });
    given.is_some_and(|given| bytes_equal(given.trim_ascii(), token.expose_secret().as_bytes()))
}
