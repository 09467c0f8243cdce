//! The Key Service: boxes that everyone with the token can send messages to.
//!
//! [`input`] reads a request into parameters and files; `keys`, `send`, `list`, `file` and `self_destruct`
//! carry it out; [`output`] writes the answer as JSON or XML; [`error`] gives each error its text and
//! status.

mod access;
mod disposition;
pub mod error;
mod file;
mod guesses;
pub mod input;
pub mod key_pool;
mod keys;
mod list;
pub mod output;
mod self_destruct;
mod send;
mod state;
pub mod tickets;

use hyper::{Method, Response, header::HeaderMap};

pub use self::state::{KeyService, ServiceRules};
use self::{
    error::ServiceError,
    input::{
        names::{FORMAT, TOKEN},
        parameters::Parameters,
        request::{BodyLimits, RequestReader},
    },
    output::format::Format,
};
use super::{ApiError, auth, routed_request::RoutedRequest};
use crate::http::{cors, response::Body};

/// An operation that takes its parameters from the header fields, the query and the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Creates a box.
    Create,
    /// Sends messages and files to a box.
    Send,
    /// Lists the content of a box.
    List,
    /// Deletes a box.
    Delete,
    /// Mails a message that destroys itself.
    SelfDestruct,
}

/// Whether a path is `/Service` or below it, ignoring case. Unknown paths there get an error of this API.
#[must_use]
pub fn is_service(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case("service"))
}

/// The answer for an unknown path below `/Service`.
#[must_use]
pub fn not_found(headers: &HeaderMap, query: Option<&str>) -> Response<Body> {
    ServiceError::NotFound.into_response(format_of_errors(headers, query))
}

/// The format of an error. If `format` is unknown or given more than once, only `Accept` counts.
fn format_of_errors(headers: &HeaderMap, query: Option<&str>) -> Format {
    Format::choose(headers, query).unwrap_or_else(|_| Format::accepted(headers))
}

/// The header fields that requests can have, besides those of every request: any parameter can be one.
#[must_use]
pub fn request_headers() -> Vec<&'static str> {
    let others = ["Authorization", "Content-Type", "Accept", "Range"];
    others.into_iter().chain(input::names::NAMES).collect()
}

/// The answer to a method that a path does not allow. A path that takes parameters checks `format` first.
#[must_use]
pub fn not_allowed(
    methods: &'static [Method],
    takes_parameters: bool,
    call: &RoutedRequest<'_>,
) -> Response<Body> {
    let error = ServiceError::MethodNotAllowed(methods);
    match Format::choose(call.headers, call.query) {
        Ok(format) if takes_parameters => error.into_response(format),
        Err(wrong) if takes_parameters => wrong.into_response(accepted(call)),
        _ => error.into_response(accepted(call)),
    }
}

/// The public key of a box.
pub async fn public_key(call: RoutedRequest<'_>) -> (Response<Body>, RequestOutcome) {
    let found = match Parameters::only(FORMAT, call.headers, call.query) {
        Ok(form) => keys::public_key(call.app, call.path[0], form.text(FORMAT)).await,
        Err(error) => Err(error),
    };
    answer(accepted(&call), found)
}

/// The terms of a box.
pub async fn terms(call: RoutedRequest<'_>) -> (Response<Body>, RequestOutcome) {
    answer(accepted(&call), keys::terms_of(call.app, call.path[0]).await)
}

/// A file of a box.
pub async fn file(call: RoutedRequest<'_>) -> (Response<Body>, RequestOutcome) {
    answer(accepted(&call), file::fetch(call.app, call.path[0], call.headers).await)
}

/// Performs an operation. Errors have the format that the request asks for.
pub async fn act(
    call: RoutedRequest<'_>,
    operation: Operation,
) -> (Response<Body>, RequestOutcome) {
    match Format::choose(call.headers, call.query) {
        Ok(format) => answer(format, act_in(format, call, operation).await),
        Err(error) => answer(accepted(&call), Err(error)),
    }
}

fn accepted(call: &RoutedRequest<'_>) -> Format {
    format_of_errors(call.headers, call.query)
}

fn answer(
    format: Format,
    outcome: Result<Response<Body>, ServiceError>,
) -> (Response<Body>, RequestOutcome) {
    match outcome {
        Ok(response) => (response, RequestOutcome::Done),
        Err(error) => (error.into_response(format), RequestOutcome::Refused),
    }
}

/// The answer to a request that was rejected because of its head.
#[must_use]
pub fn refusal(error: ApiError, headers: &HeaderMap) -> Response<Body> {
    ServiceError::from(error).into_response(Format::accepted(headers))
}

/// Whether a request succeeded. If not, its body may be unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The request succeeded.
    Done,
    /// The request failed; the body may be unread.
    Refused,
}

async fn act_in(
    format: Format,
    call: RoutedRequest<'_>,
    operation: Operation,
) -> Result<Response<Body>, ServiceError> {
    let RoutedRequest { app, client, headers, query, body, .. } = call;
    let rules = &app.key_service.rules;
    // Forms are sent without a preflight, so origins that `--cors` does not allow are rejected here.
    let own = rules.public_url.as_deref().map(origin_of_url);
    if cors::is_forbidden(&app.cors, headers, own) {
        return Err(ServiceError::ForeignPage);
    }
    let limits = BodyLimits { max_text: rules.max_text, max_file: rules.max_upload };
    // The rights are checked before the body is read, as far as the head contains them.
    if matches!(operation, Operation::Create | Operation::SelfDestruct) {
        keys::may_create(app, headers)?;
    } else {
        let head = Parameters::from_head(headers, query)?;
        if head.text(TOKEN).is_some() {
            access::find(app, &head).await?;
        }
    }
    let payer = match auth::any_key(app, headers) {
        Ok(_) => app.load.body_budget.with_key(client),
        Err(_) => app.load.body_budget.anybody(client),
    };
    let request = RequestReader::open(headers, query, body, limits, &payer).await?;
    request.parameters().check_version()?;
    if operation == Operation::Send {
        return send::send(app, client, format, request).await;
    }
    let parameters = request.finish().await?;
    parameters.check_version()?;
    let format = format.or_given(&parameters)?;
    match operation {
        Operation::Create => keys::create(app, format, client, headers, &parameters).await,
        Operation::SelfDestruct => {
            self_destruct::create(app, format, client, headers, parameters).await
        }
        Operation::Delete => keys::delete(app, format, client, &parameters).await,
        Operation::List | Operation::Send => list::list(app, format, client, &parameters).await,
    }
}

/// `https://example.org` of `https://example.org/secrets`.
fn origin_of_url(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let host_ends = url[host_at..].find('/').map_or(url.len(), |at| host_at + at);
    &url[..host_ends]
}
