//! The table of routes: each operation of the APIs with its method, path, id, rights and handler.
//!
//! Everything that depends on a path or a method comes from this table: the handler that answers, 404 and
//! 405, `Allow`, OPTIONS, HEAD, the CORS headers, the paths of the OpenAPI document and the table in
//! docs/api.md. A new route is one row here and its handler.

#[cfg(test)]
mod tests;

use std::{future::ready, pin::Pin, sync::LazyLock};

use hyper::{Method, Response};

use super::{
    ApiError, RoutedRequest, account, attachments, auth, health,
    key_service::{self, Operation, RequestOutcome},
    mail::preferred_language,
    public, requests, secrets,
};
use crate::{
    domain::numbers::AccountNumber,
    http::{cors, response::Body},
    web,
};

/// Makes the table. A row has the methods, the path, the id of the operation and its tag and summary in the
/// OpenAPI document, then a variant of [`RouteAccess`] with the handler. HEAD is listed beside GET if GET
/// changes nothing and is cheap.
macro_rules! routes {
    ($(
        $($method:ident)+ $path:literal $id:ident [$tag:literal] $summary:literal,
        $access:ident $(($right:literal))? |$($argument:ident),+| $answer:expr;
    )+) => {
        &[$(Route {
            methods: &[$(Method::$method),+],
            path: $path,
            id: stringify!($id),
            tag: $tag,
            summary: $summary,
            access: RouteAccess::$access($($right,)? |$($argument),+| Box::pin($answer)),
        }),+]
    };
}

/// The table, in the order of the documentation.
pub static ROUTES: &[Route] = routes! {
    POST "/api/secrets" createSecret
        ["Secrets"] "Create a secret",
        PrivateKey |c, account| secrets::create(c.app, c.client, account, c.headers, c.body);
    GET HEAD "/api/secrets" listSecrets
        ["Secrets"] "List secrets and their views",
        PrivateKey |c, account| secrets::list(c.app, account, c.query);
    // No HEAD: it must not spend a view, and without that it cannot answer as GET does.
    GET "/api/secrets/{id}" viewSecret
        ["Secrets"] "Return a secret, and spend a view",
        AnyKey |c, account| secrets::view(c.app, c.client, account, c.path[0], c.headers);
    PATCH "/api/secrets/{id}" changeSecret
        ["Secrets"] "Change a secret before its first view",
        PrivateKey |c, account|
            secrets::change::change(c.app, c.client, account, c.path[0], c.headers, c.body);
    DELETE "/api/secrets/{id}" deleteSecret
        ["Secrets"] "Burn a secret",
        PrivateKey |c, account| secrets::delete(c.app, account, c.path[0], c.headers);

    PUT "/api/secrets/{id}/attachments/{n}" uploadAttachment
        ["Attachments"] "Upload an attachment, or a part of it",
        Other("its upload token") |c|
            attachments::upload::put(c.app, c.client, c.path.into(), c.headers, c.body);
    HEAD "/api/secrets/{id}/attachments/{n}" attachmentProgress
        ["Attachments"] "Return how much of an attachment is stored",
        Other("its upload token, or a view's lease") |c|
            attachments::fetch::get(c.app, c.method, c.path.into(), c.headers);
    GET "/api/secrets/{id}/attachments/{n}" downloadAttachment
        ["Attachments"] "Return an attachment, or a part of it",
        Other("a view's lease") |c| attachments::fetch::get(c.app, c.method, c.path.into(), c.headers);
    POST "/api/secrets/{id}/publish" publishDraft
        ["Attachments"] "Publish a secret with complete attachments",
        Other("its upload token") |c| attachments::upload::publish(c.app, c.path[0], c.headers);
    DELETE "/api/secrets/{id}/draft" dropDraft
        ["Attachments"] "Delete a draft",
        Other("its upload token") |c| attachments::upload::drop_draft(c.app, c.path[0], c.headers);

    POST "/api/secret_requests" createRequest
        ["Secret requests"] "Create a secret request",
        PrivateKey |c, account| requests::create(c.app, c.client, account, c.headers, c.body);
    GET HEAD "/api/secret_requests" listRequests
        ["Secret requests"] "List secret requests",
        PrivateKey |c, account| requests::list(c.app, account, c.query);
    GET HEAD "/api/secret_requests/{id}" showRequest
        ["Secret requests"] "Return a secret request and its answers",
        PrivateKey |c, account| requests::answers::show(c.app, account, c.path[0], c.query);
    DELETE "/api/secret_requests/{id}" deleteRequest
        ["Secret requests"] "Delete a secret request",
        PrivateKey |c, account| requests::delete(c.app, account, c.path[0], c.headers);

    GET HEAD "/api/account" showAccount
        ["Account"] "Return settings and usage",
        PrivateKey |c, account| account::show(c.app, account);
    PUT "/api/account" changeAccount
        ["Account"] "Set the address of notifications and the display name",
        PrivateKey |c, account| account::change(c.app, c.client, account, c.headers, c.body);
    GET HEAD "/api/account/server" showServer
        ["Account"] "Return the state of the server",
        PrivateKey |c, account| account::server::show(c.app, account);
    GET HEAD "/api/account/keys" listApiKeys
        ["Account"] "List API keys",
        PrivateKey |c, account| account::keys::list(c.app, account, c.headers);
    POST "/api/account/keys" createApiKey
        ["Account"] "Create an API key",
        PrivateKey |c, account| account::keys::create(c.app, c.client, account, c.headers, c.body);
    PATCH "/api/account/keys/{id}" renameApiKey
        ["Account"] "Rename an API key",
        PrivateKey |c, account|
            account::keys::rename(c.app, c.client, account, c.path[0], c.headers, c.body);
    DELETE "/api/account/keys/{id}" revokeApiKey
        ["Account"] "Revoke an API key",
        PrivateKey |c, account| account::keys::revoke(c.app, account, c.path[0], c.query, c.headers);
    POST "/api/account/webhooks" addWebhook
        ["Account"] "Add a webhook",
        PrivateKey |c, account| account::webhooks::add(c.app, c.client, account, c.headers, c.body);
    DELETE "/api/account/webhooks/{id}" removeWebhook
        ["Account"] "Remove a webhook",
        PrivateKey |c, account| account::webhooks::remove(c.app, account, c.path[0], c.headers);
    POST "/api/account/webhooks/{id}/test" testWebhook
        ["Account"] "Test a webhook",
        PrivateKey |c, account| account::webhooks::test(c.app, account, c.path[0]);

    // No HEAD: a look enters the log of the secret.
    GET "/api/public/secrets/{id}" lookAtSecret
        ["Viewing"] "Return what a view needs",
        Other("the link") |c| public::viewing::look(c.app, c.path[0], c.client, c.headers);
    PATCH "/api/public/secrets/{id}" changeSecretOpenly
        ["Without an account"] "Change a secret before its first view",
        Other("its manage token") |c|
            public::secrets::change(c.app, c.client, c.path[0], c.headers, c.body);
    DELETE "/api/public/secrets/{id}" deleteSecretOpenly
        ["Without an account"] "Burn a secret made without an account",
        Other("its manage token") |c| public::secrets::delete(c.app, c.path[0], c.headers);
    POST "/api/public/secrets/{id}/view" viewSecretByLink
        ["Viewing"] "Return a secret, and spend a view",
        Other("the link") |c| public::viewing::view(c.app, c.path[0], c.client, c.headers, c.body);
    POST "/api/public/secrets/{id}/burn" burnByLease
        ["Viewing"] "Burn a secret after a view",
        Other("a view's lease") |c| public::viewing::burn(c.app, c.path[0], c.client, c.headers, c.body);
    POST "/api/public/secrets/{id}/reply" replyToSecret
        ["Viewing"] "Answer a secret with a secret",
        Other("a view's lease") |c| public::replies::create(c.app, c.path[0], c.client, c.headers, c.body);
    GET "/api/public/captcha" captcha
        ["Viewing"] "Create a challenge for a proof of work",
        Other("none") |c| ready(Ok(public::captcha::challenge(c.app)));
    POST "/api/public/secrets" createSecretOpenly
        ["Without an account"] "Create a secret without an account",
        Other("none, where open") |c| public::secrets::create(c.app, c.client, c.headers, c.body);
    GET "/api/public/secrets/{id}/status" secretStatus
        ["Without an account"] "Return the views of a secret",
        Other("its manage token") |c| public::secrets::status(c.app, c.path[0], c.headers);
    POST "/api/public/secret_requests" createRequestOpenly
        ["Without an account"] "Create a secret request without an account",
        Other("none, where open") |c| public::open_requests::create(c.app, c.client, c.headers, c.body);
    GET "/api/public/secret_requests/{id}/status" requestStatus
        ["Without an account"] "Return a secret request and its answers",
        Other("its manage token") |c| public::open_requests::status(c.app, c.path[0], c.headers, c.query);
    DELETE "/api/public/secret_requests/{id}" deleteRequestOpenly
        ["Without an account"] "Delete a secret request and its answers",
        Other("its manage token") |c| public::open_requests::delete(c.app, c.path[0], c.headers);
    POST "/api/public/claims" redeemClaim
        ["Account"] "Sign in with a claim link",
        Other("the link") |c| public::claims::redeem(c.app, c.client, c.headers, c.body);
    GET HEAD "/api/public/secret_requests/{id}" lookAtRequest
        ["Answering a request"] "Return what is asked for",
        Other("the link") |c| public::requests::look(c.app, c.path[0]);
    POST "/api/public/secret_requests/{id}/secrets" answerRequest
        ["Answering a request"] "Submit a secret",
        Other("the link") |c| public::requests::answer(c.app, c.path[0], c.client, c.headers, c.body);

    POST "/Service" createBox
        ["Boxes"] "Create a box",
        KeyService("none, where open") |c| key_service::act(c, Operation::Create);
    PUT "/Service" sendToBox
        ["Boxes"] "Send messages and files to a box",
        KeyService("token") |c| key_service::act(c, Operation::Send);
    GET "/Service" readBox
        ["Boxes"] "List the content of a box",
        KeyService("token, and passphrase or hash") |c| key_service::act(c, Operation::List);
    DELETE "/Service" deleteBox
        ["Boxes"] "Burn a box and its content",
        KeyService("token, and passphrase or hash") |c| key_service::act(c, Operation::Delete);
    GET "/Service/{token}/publickey" boxPublicKey
        ["Boxes"] "Return the public key of a box",
        KeyService("token") |c| key_service::public_key(c);
    GET "/Service/{token}/terms" boxTerms
        ["Boxes"] "Return the terms of a box",
        KeyService("token") |c| key_service::terms(c);
    // No HEAD: it would have to open the file as GET does, and opening can burn it.
    GET "/Service/File/{id}" fetchFile
        ["Boxes"] "Return a file of a box",
        KeyService("the id") |c| key_service::file(c);
    POST "/Service/SelfDestruct" selfDestruct
        ["Boxes"] "Mail a message that can be read once",
        KeyService("none, where open") |c| key_service::act(c, Operation::SelfDestruct);

    GET HEAD "/api/public/unsubscribe/{token}" askUnsubscribe
        ["Notifications"] "Ask whether to end notifications",
        Other("the token") |c| public::unsubscribe::ask(c.app, c.path[0], preferred_language(c.headers));
    POST "/api/public/unsubscribe/{token}" unsubscribe
        ["Notifications"] "End notifications by mail",
        Other("the token") |c| public::unsubscribe::end(c.app, c.path[0], preferred_language(c.headers));

    GET HEAD "/health" health
        ["Health"] "Report that the process is up",
        Other("none") |_c| ready(Ok(health::health()));
    GET HEAD "/ready" ready
        ["Health"] "Report whether secrets can be created",
        Other("none") |c| async { Ok(health::ready(c.app).await) };
};

/// A row of the table: one operation.
pub struct Route {
    /// The method of the operation, then HEAD if GET also answers it.
    pub methods: &'static [Method],
    /// The path, with `{name}` for a variable segment. Use it as the label of a route in logs and metrics,
    /// because the path of a request can contain a token.
    pub path: &'static str,
    /// The id of the operation in the OpenAPI document.
    pub id: &'static str,
    /// The group of the operation: a tag of the OpenAPI document.
    pub tag: &'static str,
    /// What the operation does, in a few words.
    pub summary: &'static str,
    /// The required right, and the handler.
    pub access: RouteAccess,
}

/// The right that an operation requires, with its handler.
pub enum RouteAccess {
    /// A private API key, which is checked before the handler runs.
    PrivateKey(KeyHandler),
    /// An API key of any kind, which is checked before the handler runs.
    AnyKey(KeyHandler),
    /// The named right, which the handler checks.
    Other(&'static str, OpenHandler),
    /// The named right, which the handler checks, with the answers and errors of the Key Service.
    KeyService(&'static str, ServiceHandler),
}

type KeyHandler = for<'a> fn(RoutedRequest<'a>, AccountNumber) -> HandlerFuture<'a, HandlerAnswer>;
type OpenHandler = for<'a> fn(RoutedRequest<'a>) -> HandlerFuture<'a, HandlerAnswer>;
type ServiceHandler =
    for<'a> fn(RoutedRequest<'a>) -> HandlerFuture<'a, (Response<Body>, RequestOutcome)>;
type HandlerFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type HandlerAnswer = Result<Response<Body>, ApiError>;

impl RouteAccess {
    /// The name of the right in the table of docs/api.md.
    #[must_use]
    pub fn right(&self) -> &'static str {
        match self {
            Self::PrivateKey(_) => "private key",
            Self::AnyKey(_) => "any key",
            Self::Other(right, _) | Self::KeyService(right, _) => right,
        }
    }
}

/// All operations of one path.
pub struct Resource {
    /// The path as in [`Route::path`].
    pub path: &'static str,
    /// Its place in [`labels`].
    pub place: usize,
    /// The allowed methods, in the order of `Allow`.
    pub methods: Vec<Method>,
    segments: Vec<&'static str>,
    routes: Vec<&'static Route>,
}

static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    let mut resources: Vec<Resource> = Vec::new();
    for route in ROUTES {
        match resources.iter_mut().find(|resource| resource.path == route.path) {
            Some(resource) => resource.routes.push(route),
            None => resources.push(Resource {
                path: route.path,
                place: 0,
                methods: Vec::new(),
                segments: route.path.split('/').skip(1).collect(),
                routes: vec![route],
            }),
        }
    }
    for Resource { methods, routes, .. } in &mut resources {
        let order = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        let is_allowed = |method: &Method| {
            *method == Method::OPTIONS || routes.iter().any(|route| route.methods.contains(method))
        };
        *methods = order.into_iter().filter(is_allowed).collect();
    }
    // `/Service/File/publickey` is a file, so fixed segments are matched before variable ones.
    resources.sort_by_key(|resource| {
        resource.segments.iter().map(|segment| is_chosen(segment)).collect::<Vec<_>>()
    });
    for (place, resource) in resources.iter_mut().enumerate() {
        resource.place = place;
    }
    resources
});

/// The path of the metrics, which belongs to no API.
pub const METRICS_PATH: &str = "/metrics";

/// The labels of all routes in metrics and logs: the templates of the APIs' paths, those of the pages, and the
/// path of the metrics.
#[must_use]
pub fn labels() -> Vec<&'static str> {
    let templates = RESOURCES.iter().map(|resource| resource.path);
    templates.chain(web::ROUTES.iter().copied()).chain([METRICS_PATH]).collect()
}

/// The place of a route of the pages in [`labels`]; `route` is its place in [`web::ROUTES`].
#[must_use]
pub fn place_of_page(route: usize) -> usize {
    RESOURCES.len() + route
}

/// The place of [`METRICS_PATH`] in [`labels`].
#[must_use]
pub fn place_of_metrics() -> usize {
    place_of_page(web::ROUTES.len())
}

/// Whether a segment of a template is variable: `{name}`.
fn is_chosen(segment: &str) -> bool {
    segment.starts_with('{')
}

/// A resource with the variable segments of a path.
pub type MatchedRoute<'a> = (&'static Resource, [&'a str; 2]);

/// The most segments of a template.
const MAX_SEGMENTS: usize = 5;

/// Finds the resource of a path. A slash at the end of the path is ignored.
#[must_use]
pub fn find(path: &str) -> Option<MatchedRoute<'_>> {
    let path = path.strip_suffix('/').unwrap_or(path).strip_prefix('/')?;
    // Split once: each request is compared with many resources.
    let mut parts = [""; MAX_SEGMENTS];
    let mut count = 0;
    for part in path.split('/') {
        *parts.get_mut(count)? = part;
        count += 1;
    }
    let parts = &parts[..count];
    RESOURCES.iter().find_map(|resource| Some((resource, resource.matches(parts)?)))
}

impl Resource {
    /// The variable segments of a path with these segments.
    fn matches<'a>(&self, parts: &[&'a str]) -> Option<[&'a str; 2]> {
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut chosen = [""; 2];
        let mut free = chosen.iter_mut();
        for (segment, &part) in self.segments.iter().zip(parts) {
            let is_match = match is_chosen(segment) {
                // The Key Service has a specific error for an empty token.
                true if part.is_empty() && !self.is_key_service() => false,
                true => {
                    *free.next()? = part;
                    true
                }
                false if self.is_key_service() => segment.eq_ignore_ascii_case(part),
                false => *segment == part,
            };
            if !is_match {
                return None;
            }
        }
        Some(chosen)
    }

    /// Whether the resource belongs to the Key Service, which has its own errors.
    #[must_use]
    pub fn is_key_service(&self) -> bool {
        self.segments.first() == Some(&"Service")
    }

    /// The header fields that its requests can have, besides those of every request.
    fn request_headers(&self) -> Vec<&'static str> {
        if self.is_key_service() {
            return key_service::request_headers();
        }
        let is_public = self.path.starts_with("/api/public/");
        if is_public { public::HEADERS.to_vec() } else { cors::HEADERS.to_vec() }
    }

    /// Answers a request: OPTIONS and 405 first, then the API key, then the handler.
    ///
    /// # Errors
    ///
    /// The errors of the handler. Errors of the Key Service are returned as answers.
    pub async fn answer(
        &'static self,
        call: RoutedRequest<'_>,
    ) -> Result<(Response<Body>, RequestOutcome), ApiError> {
        if *call.method == Method::OPTIONS {
            let answer = cors::options(&self.methods, &self.request_headers());
            return Ok((answer, RequestOutcome::Done));
        }
        let Some(route) = self.routes.iter().find(|route| route.methods.contains(call.method))
        else {
            if self.is_key_service() {
                let takes_parameters = !self.segments.iter().any(|segment| is_chosen(segment));
                let answer = key_service::not_allowed(&self.methods, takes_parameters, &call);
                return Ok((answer, RequestOutcome::Refused));
            }
            return Err(ApiError::MethodNotAllowed(&self.methods));
        };
        let answer = match route.access {
            RouteAccess::PrivateKey(handler) => {
                let account = auth::private_key(call.app, call.headers)?;
                handler(call, account).await?
            }
            RouteAccess::AnyKey(handler) => {
                let account = auth::any_key(call.app, call.headers)?;
                handler(call, account).await?
            }
            RouteAccess::Other(_, handler) => handler(call).await?,
            RouteAccess::KeyService(_, handler) => return Ok(handler(call).await),
        };
        Ok((answer, RequestOutcome::Done))
    }
}
