//! Certificates from an ACME authority (RFC 8555), such as Let's Encrypt: issued, kept, renewed.
//!
//! Each domain has a certificate of its own, so that one whose DNS is wrong does not keep the others from
//! theirs. The certificate that is there is served while a new one cannot be had.

mod account;
mod client;
mod order;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use instant_acme::{Account, ChallengeType};
use tokio::{sync::Notify, task::spawn_blocking, time::sleep};
use tokio_rustls::rustls::ClientConfig;

use super::{DomainCertificates, FOLDER, Validity};
use crate::{
    clock::{Clock, UnixSeconds},
    crypto::{hex, sha256},
    private_file::private_folder,
    tls,
};

/// How long to wait after the first failure, the second, and all later ones. Let's Encrypt allows five
/// failures an hour for a name (letsencrypt.org/docs/rate-limits).
const PAUSES: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];
/// The longest time between two looks at the certificates: the clock may be set meanwhile.
const CHECK: Duration = Duration::from_secs(3600);
/// The shortest time between two looks.
const MIN_CHECK: Duration = Duration::from_secs(1);
/// The longest pause after a success: a clock that is ahead must not order certificates without end.
const MAX_PAUSE_AFTER_SUCCESS: u64 = 24 * 3600;
/// When a failed renewal becomes a warning.
const WARNING_SECONDS: u64 = 20 * 24 * 3600;

/// An authority, and this server's account there.
pub struct AcmeAuthority {
    directory: String,
    email: Option<String>,
    tls: Arc<ClientConfig>,
    /// The account and the certificates: each authority has its own.
    folder: PathBuf,
}

/// Why a certificate could not be had.
#[derive(Debug, thiserror::Error)]
enum AcmeError {
    #[error(transparent)]
    Authority(#[from] instant_acme::Error),
    #[error("the authority could not check the domain: {0}")]
    Refused(String),
    #[error("the authority offers neither TLS-ALPN-01 nor HTTP-01")]
    NoChallenge,
    #[error("cannot create a key for this name")]
    Key,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl AcmeAuthority {
    /// The authority at the URL `directory`; `email` is told to it. Its server must have a certificate of one
    /// in the file `ca`, or of one that the system knows. Makes the folder for its certificates below `data`.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// A CA file that cannot be used (in words for the operator), and the system's.
    pub fn new(
        directory: String,
        email: Option<String>,
        ca: Option<&Path>,
        data: &Path,
    ) -> io::Result<Self> {
        let tls = Arc::new(tls::client_config(ca).map_err(io::Error::other)?);
        let name = hex(&sha256(directory.as_bytes())[..8]);
        let all = private_folder(&data.join(FOLDER))?;
        let folder = private_folder(&private_folder(&all.join("acme"))?.join(name))?;
        Ok(Self { directory, email, tls, folder })
    }

    /// The certificates of `domains` that are here already. Blocks.
    #[must_use]
    pub fn kept_certificates(&self, domains: Vec<String>) -> DomainCertificates {
        DomainCertificates::load(domains, self.folder.clone())
    }

    /// The host of the authority.
    #[must_use]
    pub fn host(&self) -> String {
        let url = self.directory.parse::<hyper::Uri>().ok();
        url.and_then(|url| url.host().map(str::to_owned)).unwrap_or_default()
    }
}

/// Keeps the certificates valid, until the future is dropped: gets the missing ones, and renews each when a
/// third of its life is left. `has_http` says whether the server answers HTTP-01. After `try_now`, failures
/// are tried again at once.
pub async fn renew(
    authority: AcmeAuthority,
    certificates: Arc<DomainCertificates>,
    has_http: bool,
    clock: Clock,
    try_now: Arc<Notify>,
) {
    let mut worker = RenewalWorker { authority, certificates, has_http, clock, account: None };
    let domains = worker.certificates.domains().to_vec();
    let mut states: Vec<DomainState> = domains.into_iter().map(DomainState::new).collect();
    loop {
        for state in &mut states {
            worker.visit(state).await;
        }
        let now = worker.clock.monotonic().0;
        let next = states.iter().map(|state| worker.due_in(state, now)).min().unwrap_or(CHECK);
        tokio::select! {
            () = sleep(next.clamp(MIN_CHECK, CHECK)) => {}
            () = try_now.notified() => {
                let failed = states.iter_mut().filter(|state| state.failures > 0);
                failed.for_each(|state| state.paused_until = 0);
            }
        }
    }
}

/// A domain, and its failures since the last success.
struct DomainState {
    domain: String,
    failures: usize,
    /// On the monotonic clock.
    paused_until: u64,
}

impl DomainState {
    fn new(domain: String) -> Self {
        Self { domain, failures: 0, paused_until: 0 }
    }
}

struct RenewalWorker {
    authority: AcmeAuthority,
    certificates: Arc<DomainCertificates>,
    has_http: bool,
    clock: Clock,
    account: Option<Account>,
}

impl RenewalWorker {
    /// How long until `state` needs a visit; `now` is monotonic.
    fn due_in(&self, state: &DomainState, now: u64) -> Duration {
        let validity = self.certificates.validity(&state.domain);
        let renewal = validity
            .map_or(0, |validity| renewal_time(validity).0.saturating_sub(self.clock.now().0));
        Duration::from_secs(renewal.max(state.paused_until.saturating_sub(now)))
    }

    /// Gets the certificate of a domain if it is time.
    async fn visit(&mut self, state: &mut DomainState) {
        let now = self.clock.monotonic().0;
        if self.due_in(state, now) > Duration::ZERO {
            return;
        }
        let domain = &state.domain;
        tracing::info!(domain, authority = self.authority.host(), "asking for a certificate");
        match self.issue(domain, state.failures).await {
            Ok(()) => {
                state.failures = 0;
                let Validity { from, until } =
                    self.certificates.validity(domain).unwrap_or_default();
                let pause = (until.0.saturating_sub(from.0) / 3).min(MAX_PAUSE_AFTER_SUCCESS);
                state.paused_until = self.clock.monotonic().plus(pause).0;
                tracing::info!(domain, %until, "a new certificate is in use");
            }
            Err(error) => {
                self.authority.forget_unknown(&error).await;
                self.account = None;
                let pause = PAUSES[state.failures.min(PAUSES.len() - 1)];
                state.failures += 1;
                state.paused_until = self.clock.monotonic().plus(pause.as_secs()).0;
                self.report(domain, &error, pause);
            }
        }
    }

    async fn issue(&mut self, domain: &str, failures: usize) -> Result<(), AcmeError> {
        let account = match &self.account {
            Some(account) => account.clone(),
            None => self.account.insert(self.authority.account().await?).clone(),
        };
        // A proxy or a port that is closed may stand in the way of one kind.
        let proof = match self.has_http && failures % 2 == 1 {
            true => ChallengeType::Http01,
            false => ChallengeType::TlsAlpn01,
        };
        let issued = order::order(&account, &self.certificates, domain, proof).await?;
        let (certificates, domain) = (Arc::clone(&self.certificates), domain.to_owned());
        let keep =
            spawn_blocking(move || certificates.replace(&domain, &issued.chain, &issued.key));
        Ok(keep.await.map_err(io::Error::other)??)
    }

    fn report(&self, domain: &str, error: &AcmeError, pause: Duration) {
        let pause = pause.as_secs() / 60;
        let now = self.clock.now();
        match self.certificates.validity(domain) {
            None => tracing::warn!(
                domain,
                %error,
                "no certificate yet: https does not work; the next try is in {pause} minutes, or at SIGHUP. \
                 The name must point to this machine, and its port 443 or 80 be reachable from the internet"
            ),
            Some(Validity { until, .. }) if until <= now => tracing::error!(
                domain, %error, %until,
                "the certificate has expired; the next try is in {pause} minutes, or at SIGHUP"
            ),
            Some(Validity { until, .. }) if until <= now.plus(WARNING_SECONDS) => tracing::warn!(
                domain, %error, %until,
                "the certificate cannot be renewed; the next try is in {pause} minutes, or at SIGHUP"
            ),
            Some(Validity { until, .. }) => tracing::info!(
                domain, %error, %until,
                "the certificate is not renewed yet; the next try is in {pause} minutes"
            ),
        }
    }
}

/// When a third of the life of a certificate is left.
fn renewal_time(validity: Validity) -> UnixSeconds {
    let life = validity.until.0.saturating_sub(validity.from.0);
    UnixSeconds(validity.until.0.saturating_sub(life / 3))
}
