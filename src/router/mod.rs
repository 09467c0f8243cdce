//! The routing of a request: the path of the public URL, the checks of its head, then a page or a route of
//! [`crate::api::routes`], and the headers that every answer has.

mod https_redirect;
mod observed;
mod request_id;
mod sub_path;

use std::sync::Arc;

use hyper::{
    Method, Request, Response, Uri,
    body::Incoming,
    header::{EXPECT, HeaderMap},
    http::request::Parts,
};

pub(crate) use self::observed::{log_refusal, read_metrics};
pub use self::{
    https_redirect::HttpsRedirect,
    observed::{Observation, RequestSender},
};
use self::{observed::SeenRequest, sub_path::InnerPath};
use crate::{
    api::{
        ApiError, App, Client,
        key_service::{self, RequestOutcome},
        routed_request::RoutedRequest,
        routes::{self, METRICS_PATH},
    },
    http::{body::leave, cors, request_head, response},
    web::{self, ServedWeb, Web},
};

/// The APIs and the pages.
pub struct Site {
    /// The APIs.
    pub app: Arc<App>,
    /// The pages.
    pub web: ServedWeb,
    /// The path of the public URL, such as `/secrets`, or empty: a proxy may leave it in its requests.
    pub sub_path: String,
    /// What is recorded about requests, and who may read it.
    pub observation: Observation,
}

/// Answers one request of one client.
pub async fn route(
    site: &Site,
    client: Client,
    sender: RequestSender,
    mut request: Request<Incoming>,
) -> Response<response::Body> {
    let app = &site.app;
    let authority = request_head::take_authority(&mut request);
    let redirect = take_prefix(site, &mut request);
    let mut seen = SeenRequest::begin(site, client, sender, &request);
    let origin = cors::origin_of(request.headers());
    let allow_origin = |answer: &mut Response<response::Body>| {
        cors::allow(&app.cors, origin.as_ref(), answer.headers_mut());
    };
    // 100 Continue is only sent when the body is read, so that a client that waits for it gets a refusal at
    // once.
    let (version, is_asked) = (request.version(), request.headers().contains_key(EXPECT));
    let (mut answer, unread) = match authority.and_then(|()| request_head::check(&request)) {
        Err(error) => {
            let mut answer = refusal(error.into(), &request);
            allow_origin(&mut answer);
            (answer, Some(request.into_body()))
        }
        Ok(()) => match redirect.or_else(|| page(&site.web.current(), &request, &mut seen)) {
            Some(page) => (page, Some(request.into_body())),
            None if observed::asks_metrics(site, &request) => {
                (observed::metrics(site, &request).await, Some(request.into_body()))
            }
            None => {
                let (mut answer, unread) = dispatch(app, client, request).await;
                allow_origin(&mut answer);
                (answer, unread)
            }
        },
    };
    if let Some(body) = unread {
        leave(version, body, is_asked, &mut answer);
    }
    response::add_common_headers(answer.headers_mut());
    seen.end(site, &mut answer);
    answer
}

/// Removes the path of the public URL from a request that contains it. Returns the answer if that is a
/// redirect.
fn take_prefix(site: &Site, request: &mut Request<Incoming>) -> Option<Response<response::Body>> {
    let is_known = |uri: &Uri| {
        routes::find(uri.path()).is_some()
            || site.web.current().has(uri)
            || uri.path() == METRICS_PATH
    };
    match sub_path::find(&site.sub_path, request.uri(), is_known) {
        InnerPath::Here => None,
        InnerPath::Below(uri) => {
            *request.uri_mut() = uri;
            None
        }
        InnerPath::AfterSlash(path) => web::redirect(&path),
    }
}

/// Answers a request that is refused before it is examined.
pub fn refuse(
    site: &Site,
    error: ApiError,
    client: Client,
    sender: RequestSender,
    mut request: Request<Incoming>,
) -> Response<response::Body> {
    take_prefix(site, &mut request);
    let seen = SeenRequest::begin(site, client, sender, &request);
    let mut answer = refusal(error, &request);
    let origin = cors::origin_of(request.headers());
    cors::allow(&site.app.cors, origin.as_ref(), answer.headers_mut());
    let is_asked = request.headers().contains_key(EXPECT);
    leave(request.version(), request.into_body(), is_asked, &mut answer);
    response::add_common_headers(answer.headers_mut());
    seen.end(site, &mut answer);
    answer
}

/// An error that is independent of the path's function, in the format of the path's API.
fn refusal(error: ApiError, request: &Request<Incoming>) -> Response<response::Body> {
    match routes::find(request.uri().path()) {
        Some((resource, _)) if resource.is_key_service() => {
            key_service::refusal(error, request.headers())
        }
        _ => error.into_response(),
    }
}

/// The page or file at a path outside the APIs.
fn page(
    web: &Web,
    request: &Request<Incoming>,
    seen: &mut SeenRequest,
) -> Option<Response<response::Body>> {
    let path = request.uri().path();
    if seen.has_route() || key_service::is_service(path) {
        return None;
    }
    match web.answer(request) {
        Some((answer, route)) => {
            seen.is_page(route);
            Some(answer)
        }
        None => web.not_found(request),
    }
}

/// The answer, and the body if it may not have been read to its end.
async fn dispatch(
    app: &Arc<App>,
    client: Client,
    request: Request<Incoming>,
) -> (Response<response::Body>, Option<Incoming>) {
    let (Parts { method, uri, headers, .. }, mut body) = request.into_parts();
    let answer = answer(app, client, &method, &uri, &headers, &mut body).await;
    let is_refused =
        answer.as_ref().map_or(true, |(_, outcome)| *outcome == RequestOutcome::Refused);
    let answer = answer.map_or_else(ApiError::into_response, |(answer, _)| answer);
    (answer, is_refused.then_some(body))
}

async fn answer(
    app: &Arc<App>,
    client: Client,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<(Response<response::Body>, RequestOutcome), ApiError> {
    let Some((resource, path)) = routes::find(uri.path()) else {
        if key_service::is_service(uri.path()) {
            return Ok((key_service::not_found(headers, uri.query()), RequestOutcome::Refused));
        }
        return Err(ApiError::NotFound);
    };
    resource
        .answer(RoutedRequest { app, client, method, path, query: uri.query(), headers, body })
        .await
}
