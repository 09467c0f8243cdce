//! The Key Service: one URL, four verbs, boxes that anybody drops messages into.
//!
//! [`input`] reads a request into parameters and files; `keys`, `send`, `list`, `file` and `self_destruct`
//! carry it out; [`output`] writes the answer as JSON or XML; [`error`] gives each failure its text and
//! status.

mod access;
mod disposition;
pub mod error;
mod file;
pub mod input;
pub mod key_pool;
mod keys;
mod list;
pub mod output;
mod self_destruct;
mod send;
pub mod tickets;

use std::sync::Arc;

use hyper::{Method, Response, body::Incoming, header::HeaderMap};

pub use self::access::Guesses;
use self::{
    error::ServiceError,
    input::{
        parameters::{FORMAT, Parameters, TOKEN},
        request::{Limits, RequestReader},
    },
    key_pool::KeyPool,
    output::format::Format,
    tickets::Tickets,
};
use super::{ApiError, App, Client, auth, load::places::Places};
use crate::{
    config::{Boxes, TryLimits},
    crypto::{Random, RsaBits},
    domain::{
        drop_box::{self, BoxNumber},
        limits::{client_net::ClientNet, try_limit::TryLimit},
    },
    http::{cors, response::Body},
};

/// What the calls of the Key Service share.
pub struct KeyService {
    /// What the operator has set.
    pub rules: ServiceRules,
    /// Keys for new boxes.
    pub pool: KeyPool,
    /// Files that may be fetched.
    pub tickets: Arc<Tickets>,
    /// Slows guessers down.
    pub guesses: Guesses,
    /// Places for files that are sent.
    pub(super) uploads: Places<BoxNumber>,
    /// Slows down clients that mail messages that destroy themselves.
    pub mailings: TryLimit<ClientNet>,
}

/// The operator's settings for the Key Service.
#[derive(Clone, Debug)]
pub struct ServiceRules {
    /// Who may create boxes.
    pub creation: Boxes,
    /// The size of new keys.
    pub rsa_bits: RsaBits,
    /// How many keys are prepared.
    pub key_pool: usize,
    /// Rounds of PBKDF2 for the passphrase of a new box.
    pub iterations: u32,
    /// All parameters of a body together, in bytes.
    pub max_text: usize,
    /// One file, in bytes, also decompressed; `None` for no limit.
    pub max_upload: Option<u64>,
    /// How much may lie in a box.
    pub limits: drop_box::Limits,
    /// Where people reach the server, without a slash at its end.
    pub public_url: Option<String>,
}

/// What a path below `/Service` names.
#[derive(Clone, Copy, Debug)]
pub enum ServiceResource<'a> {
    /// `/Service`: boxes and messages.
    Boxes,
    /// `/Service/<token>/publickey`.
    PublicKey(&'a str),
    /// `/Service/<token>/terms`.
    Terms(&'a str),
    /// `/Service/File/<id>`.
    File(&'a str),
    /// `/Service/SelfDestruct`.
    SelfDestruct,
}

impl KeyService {
    /// Begins to prepare keys.
    #[must_use]
    pub fn new(
        rules: ServiceRules,
        limits: TryLimits,
        logs_addresses: bool,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            pool: KeyPool::start(rules.rsa_bits, rules.key_pool, random),
            tickets: Arc::default(),
            guesses: Guesses::new(limits, logs_addresses),
            uploads: Places::default(),
            mailings: TryLimit::new(limits.self_destruct_rule(), logs_addresses),
            rules,
        }
    }
}

/// Whether a path is `/Service` or below it, in any case: what is not there is told in this API's shape.
#[must_use]
pub fn is_service(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case("service"))
}

/// The answer where a path below `/Service` names nothing.
#[must_use]
pub fn not_found(headers: &HeaderMap, query: Option<&str>) -> Response<Body> {
    ServiceError::NotFound.into_response(format_of_errors(headers, query))
}

/// In what an error is told. Where `format` names something else, or nothing that is known, `Accept` alone
/// counts.
fn format_of_errors(headers: &HeaderMap, query: Option<&str>) -> Format {
    Format::choose(headers, query).unwrap_or_else(|_| Format::accepted(headers))
}

impl<'a> ServiceResource<'a> {
    /// What a path without its last slash names; `Service` and the like in any case.
    #[must_use]
    pub fn find(path: &'a str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.split('/');
        if !segments.next()?.eq_ignore_ascii_case("service") {
            return None;
        }
        match (segments.next(), segments.next(), segments.next()) {
            (None, ..) => Some(Self::Boxes),
            (Some(what), None, _) if what.eq_ignore_ascii_case("selfdestruct") => {
                Some(Self::SelfDestruct)
            }
            (Some(file), Some(id), None) if file.eq_ignore_ascii_case("file") => {
                Some(Self::File(id))
            }
            (Some(token), Some(what), None) if what.eq_ignore_ascii_case("publickey") => {
                Some(Self::PublicKey(token))
            }
            (Some(token), Some(what), None) if what.eq_ignore_ascii_case("terms") => {
                Some(Self::Terms(token))
            }
            _ => None,
        }
    }

    /// The request headers that it knows what to do with: any parameter may be one.
    #[must_use]
    pub fn headers(self) -> Vec<&'static str> {
        let others = ["Authorization", "Content-Type", "Accept", "Range"];
        others.into_iter().chain(input::parameters::NAMES).collect()
    }

    /// The methods that it allows.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Boxes => {
                &[Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]
            }
            Self::SelfDestruct => &[Method::POST, Method::OPTIONS],
            // No HEAD of a file: it would have to say what a GET has to open it for.
            Self::PublicKey(_) | Self::Terms(_) | Self::File(_) => &[Method::GET, Method::OPTIONS],
        }
    }
}

/// Answers a request that is no preflight. What is wrong is told in the format that was asked for.
pub async fn answer(
    app: &Arc<App>,
    client: Client,
    resource: ServiceResource<'_>,
    request: (&Method, &HeaderMap, Option<&str>),
    body: &mut Incoming,
) -> (Response<Body>, Outcome) {
    let (method, headers, query) = request;
    let accepted = format_of_errors(headers, query);
    let (format, outcome) = match resource {
        ServiceResource::Boxes | ServiceResource::SelfDestruct => {
            match Format::choose(headers, query) {
                Ok(format) => {
                    let request = (method, headers, query);
                    (format, act(app, client, resource, format, request, body).await)
                }
                Err(error) => (accepted, Err(error)),
            }
        }
        _ if !resource.methods().contains(method) => {
            (accepted, Err(ServiceError::MethodNotAllowed(resource.methods())))
        }
        ServiceResource::PublicKey(token) => {
            let found = match Parameters::only(FORMAT, headers, query) {
                Ok(form) => keys::public_key(app, token, form.text(FORMAT)).await,
                Err(error) => Err(error),
            };
            (accepted, found)
        }
        ServiceResource::Terms(token) => (accepted, keys::terms_of(app, token).await),
        ServiceResource::File(id) => (accepted, file::fetch(app, id, headers).await),
    };
    match outcome {
        Ok(response) => (response, Outcome::Done),
        Err(error) => (error.into_response(format), Outcome::Refused),
    }
}

/// An error of a request whose head is all that was looked at.
#[must_use]
pub fn refusal(error: ApiError, headers: &HeaderMap) -> Response<Body> {
    ServiceError::from(error).into_response(Format::accepted(headers))
}

/// Whether a request was done; the body of one that was not may be unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Done,
    /// It was not.
    Refused,
}

/// Does what takes a body with parameters.
async fn act(
    app: &Arc<App>,
    client: Client,
    resource: ServiceResource<'_>,
    format: Format,
    (method, headers, query): (&Method, &HeaderMap, Option<&str>),
    body: &mut Incoming,
) -> Result<Response<Body>, ServiceError> {
    let allowed = resource.methods();
    if !allowed.contains(method) {
        return Err(ServiceError::MethodNotAllowed(allowed));
    }
    let rules = &app.key_service.rules;
    // Forms need no preflight, so what `--cors` leaves out is refused here.
    let own = rules.public_url.as_deref().map(origin_of_url);
    if cors::is_forbidden(&app.cors, headers, own) {
        return Err(ServiceError::ForeignPage);
    }
    let limits = Limits { max_text: rules.max_text, max_file: rules.max_upload };
    // Rights first, then the body, as far as the head tells them.
    if *method == Method::POST {
        keys::may_create(app, headers)?;
    } else {
        let head = Parameters::from_head(headers, query)?;
        head.text(TOKEN).map(|_| access::find(app, &head)).transpose()?;
    }
    let payer = match auth::any_key(app, headers) {
        Ok(_) => app.load.body_budget.with_key(client),
        Err(_) => app.load.body_budget.anybody(client),
    };
    let request = RequestReader::open(headers, query, body, limits, &payer).await?;
    request.parameters().check_version()?;
    if method == Method::PUT {
        return send::send(app, client, format, request).await;
    }
    let parameters = request.finish().await?;
    parameters.check_version()?;
    let format = format.or_given(&parameters)?;
    if matches!(resource, ServiceResource::SelfDestruct) {
        return self_destruct::create(app, format, client, headers, parameters).await;
    }
    match *method {
        Method::POST => keys::create(app, format, client, headers, &parameters).await,
        Method::DELETE => keys::delete(app, format, client, &parameters).await,
        _ => list::list(app, format, client, &parameters).await,
    }
}

/// `https://example.org` of `https://example.org/secrets`.
fn origin_of_url(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let host_ends = url[host_at..].find('/').map_or(url.len(), |at| host_at + at);
    &url[..host_ends]
}
