//! Path, method, handler: the whole API on one screen. What is none of it may be a page: [`crate::web`].

mod sub_path;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hyper::{
    Method, Request, Response, Uri,
    body::Incoming,
    header::{EXPECT, HeaderMap},
    http::request::Parts,
};

use self::sub_path::Found;
use crate::{
    api::{
        ApiError, App, Client,
        account::{self, AccountResource},
        attachments, health,
        key_service::{self, Outcome, ServiceResource},
        public::{self, PublicResource},
        requests, secrets,
    },
    http::{body::leave, cors, request_head, response},
    web::{self, Web},
};

/// What is served: the APIs and the pages.
pub struct Site {
    /// The APIs.
    pub app: Arc<App>,
    /// The pages.
    pub web: Web,
    /// The path of the public URL, such as `/secrets`, or empty: a proxy may keep it in its requests.
    pub sub_path: String,
}

#[derive(Debug)]
enum Resource<'a> {
    Health,
    Ready,
    Secrets,
    Secret(&'a str),
    Attachment(&'a str, &'a str),
    Publish(&'a str),
    Draft(&'a str),
    SecretRequests,
    SecretRequest(&'a str),
    Account(AccountResource<'a>),
    Public(PublicResource<'a>),
    Service(ServiceResource<'a>),
}

impl<'a> Resource<'a> {
    fn find(path: &'a str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/health" => Some(Self::Health),
            "/ready" => Some(Self::Ready),
            "/api/secrets" => Some(Self::Secrets),
            "/api/secret_requests" => Some(Self::SecretRequests),
            _ => Self::with_id(path)
                .or_else(|| AccountResource::find(path).map(Self::Account))
                .or_else(|| Self::below_secret(path))
                .or_else(|| PublicResource::find(path).map(Self::Public))
                .or_else(|| ServiceResource::find(path).map(Self::Service)),
        }
    }

    fn with_id(path: &'a str) -> Option<Self> {
        let id_below = |start| {
            let id = path.strip_prefix(start)?;
            (!id.is_empty() && !id.contains('/')).then_some(id)
        };
        let secret = id_below("/api/secrets/").map(Self::Secret);
        secret.or_else(|| id_below("/api/secret_requests/").map(Self::SecretRequest))
    }

    fn below_secret(path: &'a str) -> Option<Self> {
        let (id, rest) = path.strip_prefix("/api/secrets/")?.split_once('/')?;
        match rest {
            _ if id.is_empty() => None,
            "publish" => Some(Self::Publish(id)),
            "draft" => Some(Self::Draft(id)),
            _ => {
                let n = rest.strip_prefix("attachments/")?;
                (!n.is_empty() && !n.contains('/')).then_some(Self::Attachment(id, n))
            }
        }
    }

    fn methods(&self) -> &'static [Method] {
        match self {
            Self::Health | Self::Ready => &[Method::GET, Method::HEAD, Method::OPTIONS],
            Self::Secrets | Self::SecretRequests => {
                &[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS]
            }
            Self::Attachment(..) => &[Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS],
            Self::Publish(_) => &[Method::POST, Method::OPTIONS],
            Self::Draft(_) | Self::SecretRequest(_) => &[Method::DELETE, Method::OPTIONS],
            // No HEAD: it would have to spend a view, or lie about the answer to GET.
            Self::Secret(_) => &[Method::GET, Method::DELETE, Method::OPTIONS],
            Self::Account(resource) => resource.methods(),
            Self::Public(resource) => resource.methods(),
            Self::Service(resource) => resource.methods(),
        }
    }
}

/// Answers one request of one client.
pub async fn route(
    site: &Site,
    client: Client,
    mut request: Request<Incoming>,
) -> Response<response::Body> {
    let app = &site.app;
    let redirect = take_prefix(site, &mut request);
    let origin = cors::origin_of(request.headers());
    let allow_origin = |answer: &mut Response<response::Body>| {
        cors::allow(&app.cors, origin.as_ref(), answer.headers_mut());
    };
    // The body is not invited before it is read, so that a refusal is all that a client gets which asks.
    let is_asked = request.headers().contains_key(EXPECT);
    let (mut answer, unread) = match request_head::check(request.version(), request.headers()) {
        Err(error) => {
            let mut answer = refusal(error.into(), &request);
            allow_origin(&mut answer);
            (answer, Some(request.into_body()))
        }
        Ok(()) => match redirect.or_else(|| page(&site.web, &request)) {
            Some(page) => (page, Some(request.into_body())),
            None => {
                let (mut answer, unread) = dispatch(app, client, request).await;
                allow_origin(&mut answer);
                (answer, unread)
            }
        },
    };
    if let Some(body) = unread {
        leave(body, is_asked, &mut answer);
    }
    response::add_common_headers(answer.headers_mut());
    answer
}

/// Takes the path of the public URL from a request that still has it. Gives the answer where that is a redirect.
fn take_prefix(site: &Site, request: &mut Request<Incoming>) -> Option<Response<response::Body>> {
    let is_known = |uri: &Uri| Resource::find(uri.path()).is_some() || site.web.has(uri);
    match sub_path::find(&site.sub_path, request.uri(), is_known) {
        Found::Here => None,
        Found::Below(uri) => {
            *request.uri_mut() = uri;
            None
        }
        Found::AfterSlash(path) => web::redirect(&path),
    }
}

/// Answers a request that is not looked at.
pub fn refuse(
    site: &Site,
    error: ApiError,
    mut request: Request<Incoming>,
) -> Response<response::Body> {
    take_prefix(site, &mut request);
    let mut answer = refusal(error, &request);
    let origin = cors::origin_of(request.headers());
    cors::allow(&site.app.cors, origin.as_ref(), answer.headers_mut());
    let is_asked = request.headers().contains_key(EXPECT);
    leave(request.into_body(), is_asked, &mut answer);
    response::add_common_headers(answer.headers_mut());
    answer
}

/// An error that has nothing to do with what a path does, in the shape of the path's API.
fn refusal(error: ApiError, request: &Request<Incoming>) -> Response<response::Body> {
    match Resource::find(request.uri().path()) {
        Some(Resource::Service(_)) => key_service::refusal(error, request.headers()),
        _ => error.into_response(),
    }
}

/// The page or file at a path that is no part of an API.
fn page(web: &Web, request: &Request<Incoming>) -> Option<Response<response::Body>> {
    let path = request.uri().path();
    let is_api = Resource::find(path).is_some() || key_service::is_service(path);
    if is_api { None } else { web.answer(request).or_else(|| web.not_found(request)) }
}

/// The answer, and the body where it may not have been read to its end.
async fn dispatch(
    app: &Arc<App>,
    client: Client,
    request: Request<Incoming>,
) -> (Response<response::Body>, Option<Incoming>) {
    let (Parts { method, uri, headers, .. }, mut body) = request.into_parts();
    let answer = answer(app, client, &method, &uri, &headers, &mut body).await;
    let is_refused = answer.as_ref().map_or(true, |(_, outcome)| *outcome == Outcome::Refused);
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
) -> Result<(Response<response::Body>, Outcome), ApiError> {
    let Some(resource) = Resource::find(uri.path()) else {
        if key_service::is_service(uri.path()) {
            return Ok((key_service::not_found(headers, uri.query()), Outcome::Refused));
        }
        return Err(ApiError::NotFound);
    };
    let done = match (&resource, method) {
        (Resource::Service(service), &Method::OPTIONS) => {
            Ok(cors::options(service.methods(), &service.headers()))
        }
        (Resource::Service(service), method) => {
            let request = (method, headers, uri.query());
            return Ok(key_service::answer(app, client, *service, request, body).await);
        }
        (Resource::Public(public), &Method::OPTIONS) => {
            Ok(cors::options(public.methods(), &public::HEADERS))
        }
        (_, &Method::OPTIONS) => Ok(cors::options(resource.methods(), &cors::HEADERS)),
        (_, method) if !resource.methods().contains(method) => {
            Err(ApiError::MethodNotAllowed(resource.methods()))
        }
        (Resource::Public(public), method) => {
            public::answer(app, client, *public, (method, headers), body).await
        }
        (Resource::Account(account), method) => {
            account::answer(app, client, *account, (method, headers), body).await
        }
        (Resource::Health, _) => Ok(health::health()),
        (Resource::Ready, _) => Ok(health::ready(app).await),
        (Resource::Secrets, &Method::POST) => secrets::create(app, client, headers, body).await,
        (Resource::Secrets, _) => secrets::list(app, uri.query(), headers).await,
        (Resource::Secret(id), &Method::DELETE) => secrets::delete(app, id, headers).await,
        (Resource::Secret(id), _) => secrets::view(app, id, client, headers).await,
        (Resource::Attachment(id, n), &Method::PUT) => {
            attachments::upload::put(app, client, (id, n), headers, body).await
        }
        (Resource::Attachment(id, n), method) => {
            attachments::fetch::get(app, method, (id, n), headers).await
        }
        (Resource::Publish(id), _) => attachments::upload::publish(app, id, headers).await,
        (Resource::Draft(id), _) => attachments::upload::drop_draft(app, id, headers).await,
        (Resource::SecretRequests, &Method::POST) => {
            requests::create(app, client, headers, body).await
        }
        (Resource::SecretRequests, _) => requests::list(app, uri.query(), headers).await,
        (Resource::SecretRequest(id), _) => requests::delete(app, id, headers).await,
    };
    done.map(|response| (response, Outcome::Done))
}
