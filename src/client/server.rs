//! The other end: where it is, how it is called, and how often it is tried again.

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
    error::{ClientError, Reach},
    refusal,
    transport::{NoConnection, Route},
};
use crate::{
    crypto::{Random, SecretText, SystemRandom, contents::wiped_json, random_array},
    tls,
};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long nothing may come, or go, before the line counts as broken. The server may have to derive a
/// key from a password, or wait for its disk; and a view must be asked for again before its lease of a
/// minute is over.
const STALLED: Duration = Duration::from_secs(25);
/// How long the server has to say that it wants a body, where that is asked.
const WANTED: Duration = Duration::from_secs(2);
/// A connection that was idle for longer may be closed at the other end; a call on it would fail.
const IDLE: Duration = Duration::from_secs(5);
/// The longest answer of JSON: a page of a box may be that long.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Waits between tries in seconds, with up to a half more each: together about a minute.
const WAITS: [u64; 6] = [1, 2, 4, 8, 16, 30];
/// Where nobody has answered yet the address may be wrong: that is said soon.
const FIRST_TRIES: usize = 3;
/// Longer than that nobody waits without being asked.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Which API the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// All of ours.
    #[default]
    Sealdrop,
    /// What password.link has published, and no more.
    PasswordLink,
}

/// Is told how work goes on.
pub trait Watch {
    /// A call has failed, and is made again after `wait`.
    fn waits(&self, error: &ClientError, wait: Duration);
    /// So many bytes of so many have come through.
    fn moved(&self, done: u64, total: u64);
}

/// Whether a call may be made again when nobody knows whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Twice is as good as once.
    Harmless,
    /// Twice would be one too many.
    IfNothingWasDone,
}

/// What leads to a server, besides its address.
#[derive(Default)]
pub struct Way {
    /// Sent with every call: for what stands in front of it.
    pub headers: HeaderMap,
    /// What it is reached through.
    pub proxy: Option<Proxy>,
    /// A file with the certificates that are trusted, in place of the system's.
    pub certificates: Option<PathBuf>,
}

/// A server.
pub struct Server {
    /// Ends with a slash.
    root: Url,
    agent: Agent,
    key: Option<SecretText>,
    headers: HeaderMap,
    /// The proxy's host and port.
    through: Option<String>,
    dialect: Dialect,
    has_answered: Cell<bool>,
    /// How long to wait before each further try, in seconds.
    waits: &'static [u64],
}

impl Server {
    /// The server at `root`, which may have a path. `key` is an API key.
    ///
    /// # Errors
    ///
    /// Where there is no certificate authority to trust, and TLS is needed.
    pub fn new(
        root: Url,
        key: Option<SecretText>,
        dialect: Dialect,
        way: Way,
    ) -> Result<Self, ClientError> {
        let Way { headers, proxy, certificates } = way;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry key and secret to somebody who was not named.
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
                    ClientError::Unreachable { host, cause, reach: Reach::Never }
                })?))
            }
            false => None,
        };
        let through = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let route = Route { tls, has_proxy: proxy.is_some() };
        let agent = Agent::with_parts(config.build(), route, DefaultResolver::default());
        let mut root = root;
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let has_answered = Cell::new(false);
        Ok(Self { root, agent, key, headers, through, dialect, has_answered, waits: &WAITS })
    }

    /// The same server, of which each call is tried once.
    #[must_use]
    pub fn impatient(self) -> Self {
        Self { waits: &[], ..self }
    }

    /// Its address; ends with a slash.
    #[must_use]
    pub fn root(&self) -> &Url {
        &self.root
    }

    /// What it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether calls with a key can be made.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Who it is, for messages.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.root.host_str().unwrap_or_default();
        self.root.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Begins a call of `path`, which is relative to the root.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.root));
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// The same with the API key, if there is one.
    #[must_use]
    pub fn request_with_key(&self, method: &str, path: &str) -> Builder {
        let request = self.request(method, path);
        let Some(key) = &self.key else { return request };
        // Where a login before the server has taken the place, the key has another one.
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
            // Nothing that a key could be; the server says so.
            Err(_) => request.header("Authorization", "ApiKey -"),
        }
    }

    /// Makes one call, once.
    ///
    /// # Errors
    ///
    /// [`ClientError`], for any answer that is not 2xx or 304 too.
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

    /// Makes one call with a body of JSON, if there is one, and reads the JSON of the answer, as often as
    /// [`patiently`](Self::patiently) does.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
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

    /// Puts a body to what [`request`](Self::request) has begun.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rejected`] for a header that can not be sent.
    pub fn built<B>(&self, request: Builder, body: B) -> Result<Request<B>, ClientError> {
        request.body(body).map_err(|error| ClientError::Rejected {
            status: 400,
            field: None,
            message: format!("this can not be sent: {error}"),
        })
    }

    /// Reads an answer of JSON.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn read_json<T: DeserializeOwned>(
        &self,
        response: Response<Body>,
    ) -> Result<T, ClientError> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut reader = response.into_body().into_reader().take(MAX_ANSWER_BYTES);
        reader.read_to_end(&mut bytes).map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            // Not in serde's words: they quote what was read.
            self.misunderstood(format!(
                "no such JSON at line {}; if it is the page of a login, give what that wants with --header",
                error.line()
            ))
        })
    }

    /// Does `work`, again where that may help, and tells `watch` of each wait.
    ///
    /// # Errors
    ///
    /// That of the last try.
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

    /// An answer that is none of the API.
    #[must_use]
    pub fn misunderstood(&self, cause: impl Into<String>) -> ClientError {
        ClientError::Misunderstood { host: self.host(), cause: cause.into() }
    }

    /// A connection that ended in the middle of an answer.
    #[must_use]
    pub fn broken(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::Unreachable {
            host: self.host(),
            cause: format!("the connection broke: {error}"),
            reach: Reach::Sent,
        }
    }

    fn unreachable(&self, error: &Error) -> ClientError {
        let reach = match error {
            Error::HostNotFound | Error::BadUri(_) => Reach::Never,
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => Reach::NotConnected,
            // The resolver's errors have no kind of their own.
            Error::Io(error) if is_lookup(error) => Reach::NotConnected,
            Error::Other(other) => match other.downcast_ref::<NoConnection>() {
                Some(NoConnection { is_final: true, .. }) => Reach::Never,
                Some(NoConnection { is_final: false, .. }) => Reach::NotConnected,
                None => Reach::Sent,
            },
            _ => Reach::Sent,
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
            Some(proxy) if reach != Reach::Sent => format!("through the proxy {proxy}: {cause}"),
            _ => cause,
        };
        ClientError::Unreachable { host: self.host(), cause, reach }
    }
}

const NO_HOST: &str = "its name leads to no address; is it right?";

/// Whether a name could not be looked up: std says so in words only.
fn is_lookup(error: &std::io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address")
}

/// So many seconds, and up to a half more: not all who wait come back at once.
fn jittered(seconds: u64, random: &dyn Random) -> Duration {
    let share = u64::from(u16::from_le_bytes(random_array(random)));
    let millis = seconds * 1000;
    Duration::from_millis(millis + (millis / 2 * share) / u64::from(u16::MAX))
}

/// What may not stand in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An id as it stands in a path.
#[must_use]
pub fn in_path(id: &str) -> String {
    utf8_percent_encode(id, PATH).to_string()
}
