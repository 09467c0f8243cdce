//! The server: its address, its calls, and the retries.

use std::{cell::Cell, io::Read, path::PathBuf, sync::Arc, thread, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, AsSendBody, Body, Error, Proxy, ProxyProtocol, Timeout,
    http::{
        HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header::AUTHORIZATION,
        request::Builder,
    },
    unversioned::resolver::DefaultResolver,
};
use url::Url;
use zeroize::Zeroizing;

use super::{
    error::{ClientError, RequestReach},
    refusal,
    transport::{NoConnection, ProxyRoute},
};
use crate::{
    crypto::{Random, SecretText, SystemRandom, contents::wiped_json, random_array},
    tls,
};

/// The time limit for making a connection.
const CONNECT: Duration = Duration::from_secs(20);
/// The time without any transferred byte after which a connection counts as broken. The server may have to
/// derive a key from a password, or wait for its disk; and a view must be repeated before its lease of a
/// minute ends.
const STALLED: Duration = Duration::from_secs(25);
/// How long to wait for 100 Continue before the body is sent.
const WANTED: Duration = Duration::from_secs(2);
/// A connection that was idle for longer may have been closed by the server; a call on it would fail.
const IDLE: Duration = Duration::from_secs(5);
/// The longest JSON answer, which is that of a page of a box.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// The delays between attempts in seconds, with up to a half more each: together about a minute.
const WAITS: [u64; 6] = [1, 2, 4, 8, 16, 30];
/// The number of attempts while no attempt has had an answer: the address may be wrong, and the user should
/// learn this soon.
const FIRST_TRIES: usize = 3;
/// The longest delay of the server that is followed without asking the user.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The API of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// All calls of sealdrop.
    #[default]
    Sealdrop,
    /// Only the calls that password.link has published.
    PasswordLink,
}

/// Receives the progress of a call.
pub trait Watch {
    /// A call has failed, and is repeated after `wait`.
    fn waits(&self, error: &ClientError, wait: Duration);
    /// `done` of `total` bytes have been transferred.
    fn moved(&self, done: u64, total: u64);
}

/// Whether a call may be repeated if it is unknown whether the server processed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Repeating has no further effect.
    Harmless,
    /// Repeating would have an effect, so it is repeated only if the server did nothing.
    IfNothingWasDone,
}

/// The connection settings of a server, besides its address.
#[derive(Default)]
pub struct Way {
    /// Sent with every call, for a gateway in front of the server.
    pub headers: HeaderMap,
    /// The proxy to the server.
    pub proxy: Option<Proxy>,
    /// A file with the trusted certificates, in place of the system's.
    pub certificates: Option<PathBuf>,
}

/// A server.
pub struct ServerClient {
    /// Ends with a slash.
    root: Url,
    agent: Agent,
    key: Option<SecretText>,
    headers: HeaderMap,
    /// The proxy's host and port.
    through: Option<String>,
    dialect: Dialect,
    has_answered: Cell<bool>,
    /// The delay before each retry, in seconds.
    waits: &'static [u64],
}

impl ServerClient {
    /// The server at `root`, which may have a path. `key` is an API key.
    ///
    /// # Errors
    ///
    /// If TLS is needed and no certificate authorities are found.
    pub fn new(
        root: Url,
        key: Option<SecretText>,
        dialect: Dialect,
        way: Way,
    ) -> Result<Self, ClientError> {
        let Way { headers, proxy, certificates } = way;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would send key and secret to a server that the user did not choose.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(IDLE)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(STALLED))
            .timeout_per_write(Some(STALLED))
            .timeout_await_100(Some(WANTED))
            .proxy(proxy.clone())
            .user_agent(concat!("sealdrop/", env!("CARGO_PKG_VERSION")));
        let is_tls = root.scheme() == "https"
            || proxy.as_ref().is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Https);
        let tls = match is_tls || certificates.is_some() {
            true => {
                Some(Arc::new(tls::client_config(certificates.as_deref()).map_err(|cause| {
                    let host = root.host_str().unwrap_or_default().to_owned();
                    ClientError::Unreachable { host, cause, reach: RequestReach::Never }
                })?))
            }
            false => None,
        };
        let through = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let route = ProxyRoute { tls, has_proxy: proxy.is_some() };
        let agent = Agent::with_parts(config.build(), route, DefaultResolver::default());
        let mut root = root;
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let has_answered = Cell::new(false);
        Ok(Self { root, agent, key, headers, through, dialect, has_answered, waits: &WAITS })
    }

    /// The same server, with one attempt for each call.
    #[must_use]
    pub fn impatient(self) -> Self {
        Self { waits: &[], ..self }
    }

    /// The address; ends with a slash.
    #[must_use]
    pub fn root(&self) -> &Url {
        &self.root
    }

    /// The API of the server.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether calls with a key can be made.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The name of the server for messages.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.root.host_str().unwrap_or_default();
        self.root.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Starts a request for `path`, which is relative to the root.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.root));
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// Like [`request`](Self::request), with the API key, if there is one.
    #[must_use]
    pub fn request_with_key(&self, method: &str, path: &str) -> Builder {
        let request = self.request(method, path);
        let Some(key) = &self.key else { return request };
        // If a login of a gateway uses `Authorization`, the key is in another header.
        let (name, scheme) = match self.headers.contains_key(AUTHORIZATION) {
            true => ("X-Api-Key", ""),
            false => ("Authorization", "ApiKey "),
        };
        let value = Zeroizing::new(format!("{scheme}{}", key.expose_secret()));
        match HeaderValue::from_str(&value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(name, value)
            }
            // The text cannot be a key; the server reports this.
            Err(_) => request.header("Authorization", "ApiKey -"),
        }
    }

    /// Makes one call, once.
    ///
    /// # Errors
    ///
    /// [`ClientError`], also for any answer that is not 2xx or 304.
    pub fn run(&self, request: Request<impl AsSendBody>) -> Result<Response<Body>, ClientError> {
        let is_head = request.method() == Method::HEAD;
        let response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        self.has_answered.set(true);
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        Err(refusal::read(self, response, is_head))
    }

    /// Makes one call with a JSON body, if there is one, and reads the JSON of the answer, with the retries
    /// of [`patiently`](Self::patiently).
    ///
    /// # Errors
    ///
    /// [`ClientError`] of the last attempt.
    pub fn json<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> Builder,
        body: Option<&impl Serialize>,
        again: Again,
        watch: &dyn Watch,
    ) -> Result<T, ClientError> {
        let body = body.map(wiped_json);
        self.patiently(again, watch, || {
            let request = request();
            let response = match &body {
                Some(body) => {
                    let request = request.header("Content-Type", "application/json");
                    self.run(self.built(request, body.as_slice())?)?
                }
                None => self.run(self.built(request, ())?)?,
            };
            self.read_json(response)
        })
    }

    /// Adds a body to a request started by [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// [`ClientError::Rejected`] for a header that cannot be sent.
    pub fn built<B>(&self, request: Builder, body: B) -> Result<Request<B>, ClientError> {
        request.body(body).map_err(|error| ClientError::Rejected {
            status: 400,
            field: None,
            message: format!("this cannot be sent: {error}"),
        })
    }

    /// Reads a JSON answer.
    ///
    /// # Errors
    ///
    /// [`ClientError::Misunderstood`] for other content; those of the connection.
    pub fn read_json<T: DeserializeOwned>(
        &self,
        response: Response<Body>,
    ) -> Result<T, ClientError> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut reader = response.into_body().into_reader().take(MAX_ANSWER_BYTES);
        reader.read_to_end(&mut bytes).map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            // serde's messages are not used: they quote the input.
            self.misunderstood(format!(
                "unexpected JSON at line {}; if it is the page of a login, give its header with --header",
                error.line()
            ))
        })
    }

    /// Calls `work`, with retries where they may help, and reports each delay to `watch`.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub fn patiently<T>(
        &self,
        again: Again,
        watch: &dyn Watch,
        mut work: impl FnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut waits = self.waits.iter().enumerate();
        loop {
            let error = match work() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let asked = match &error {
                ClientError::Busy { retry_after, .. }
                | ClientError::InFront { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let allowed = again == Again::Harmless || error.did_nothing();
            let Some((tries, seconds)) = waits.next() else { return Err(error) };
            let is_lost = tries + 1 >= FIRST_TRIES && !self.has_answered.get();
            if !error.may_pass() || !allowed || asked > MAX_RETRY_AFTER || is_lost {
                return Err(error);
            }
            let wait = jittered(*seconds, &SystemRandom).max(asked);
            watch.waits(&error, wait);
            thread::sleep(wait);
        }
    }

    /// An answer that does not follow the API.
    #[must_use]
    pub fn misunderstood(&self, cause: impl Into<String>) -> ClientError {
        ClientError::Misunderstood { host: self.host(), cause: cause.into() }
    }

    /// A connection that broke in the middle of an answer.
    #[must_use]
    pub fn broken(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::Unreachable {
            host: self.host(),
            cause: format!("the connection broke: {error}"),
            reach: RequestReach::Sent,
        }
    }

    fn unreachable(&self, error: &Error) -> ClientError {
        let reach = match error {
            Error::HostNotFound | Error::BadUri(_) => RequestReach::Never,
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => RequestReach::NotConnected,
            // Errors of the resolver have no kind of their own.
            Error::Io(error) if is_lookup(error) => RequestReach::NotConnected,
            Error::Other(other) => match other.downcast_ref::<NoConnection>() {
                Some(NoConnection { is_final: true, .. }) => RequestReach::Never,
                Some(NoConnection { is_final: false, .. }) => RequestReach::NotConnected,
                None => RequestReach::Sent,
            },
            _ => RequestReach::Sent,
        };
        let error = match error {
            Error::Other(other) => match other.downcast_ref::<NoConnection>() {
                Some(NoConnection { cause, .. }) => cause,
                None => error,
            },
            error => error,
        };
        let cause = match error {
            Error::HostNotFound => NO_HOST.to_owned(),
            Error::Io(error) if is_lookup(error) => NO_HOST.to_owned(),
            Error::Io(error) => error.to_string(),
            Error::Timeout(_) => "it does not answer".to_owned(),
            other => other.to_string(),
        };
        let cause = match &self.through {
            Some(proxy) if reach != RequestReach::Sent => {
                format!("through the proxy {proxy}: {cause}")
            }
            _ => cause,
        };
        ClientError::Unreachable { host: self.host(), cause, reach }
    }
}

const NO_HOST: &str = "its name has no address; is it right?";

/// Whether a name could not be looked up: std reports this in the text only.
fn is_lookup(error: &std::io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address")
}

/// This many seconds, and up to a half more, so that clients do not retry at the same moment.
fn jittered(seconds: u64, random: &dyn Random) -> Duration {
    let share = u64::from(u16::from_le_bytes(random_array(random)));
    let millis = seconds * 1000;
    Duration::from_millis(millis + (millis / 2 * share) / u64::from(u16::MAX))
}

/// The characters that must be escaped in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An id, escaped for a path.
#[must_use]
pub fn in_path(id: &str) -> String {
    utf8_percent_encode(id, PATH).to_string()
}
