//! The public URL: whether it leads to the daemon, and what happens to requests on the way.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use url::Url;

use super::{
    finding::{Diagnosis, DoctorCheck},
    local_daemon::LocalDaemon,
    machine::is_private,
    outside::{CertificateFault, OutsideAnswer, OutsideClient, OutsideError},
};
use crate::{
    admin::{RequestArrival, ServingFacts},
    certificates::validity_of,
    cli::Failure,
    clock::UnixSeconds,
    crypto::{SystemRandom, hex, random_array},
    server::DOCTOR_HEADER,
};

/// A certificate that is not renewed in time ends in fewer days than this; see docs/operations.md.
const CERTIFICATE_DAYS: u64 = 20;
const DAY_SECONDS: u64 = 86_400;
/// Clocks may differ by this many seconds: expiry is in hours.
const CLOCK_SECONDS: u64 = 30;
/// What a client writes into the header of proxies; it must not be believed (RFC 5737).
const FORGED: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 77));
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How much longer than a file its request may be.
const AROUND_BYTES: u64 = 64 << 10;
/// The body without a limit of the settings.
const LARGE_BYTES: u64 = 1 << 30;
const CONTENT_TOO_LARGE: u16 = 413;

/// An examination of one URL.
pub(super) struct PublicExamination<'a> {
    pub(super) client: OutsideClient,
    /// Without a slash at the end.
    pub(super) base: &'a str,
    pub(super) daemon: Option<(&'a LocalDaemon, &'a ServingFacts)>,
    pub(super) now: UnixSeconds,
}

impl PublicExamination<'_> {
    pub(super) async fn run(&self, diagnosis: &mut Diagnosis) -> Result<(), Failure> {
        let Ok(url) = Url::parse(&format!("{}/health", self.base)) else {
            let remedy = "Give an absolute URL, such as https://secrets.example.org.";
            diagnosis.find(DoctorCheck::PublicUrl, format!("{} is not a URL.", self.base), remedy);
            return Ok(());
        };
        let (answer, arrival) = match self.ask(&url, None, None).await? {
            Ok(asked) => asked,
            Err(error) => {
                self.explain(&error, diagnosis);
                return Ok(());
            }
        };
        self.certificate(&answer, diagnosis);
        self.clocks(&answer, diagnosis);
        if !self.is_right(&url, &answer, arrival.as_ref(), diagnosis) {
            return Ok(());
        }
        if let (Some((_, facts)), Some(arrival)) = (self.daemon, arrival) {
            self.proxies(&url, facts, &arrival, diagnosis).await?;
        }
        if diagnosis.wants(DoctorCheck::ProxyBody) {
            self.body(diagnosis).await;
        }
        Ok(())
    }

    /// Sends a request that the daemon notes, if it is on this machine.
    pub(super) async fn ask(
        &self,
        url: &Url,
        address: Option<std::net::SocketAddr>,
        forged: Option<HeaderName>,
    ) -> Result<Result<(OutsideAnswer, Option<RequestArrival>), OutsideError>, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(name) = forged {
            let address = match name == header::FORWARDED {
                true => format!("for={FORGED}"),
                false => FORGED.to_string(),
            };
            let value = HeaderValue::from_str(&address);
            headers.extend(value.ok().map(|value| (name, value)));
        }
        let token = hex(&random_array::<16>(&SystemRandom));
        if let Some((daemon, _)) = self.daemon {
            headers.extend(HeaderValue::from_str(&token).ok().map(|value| (DOCTOR_HEADER, value)));
            daemon.await_request(token)?;
        }
        let answer = self.client.get(url, address, headers).await;
        let arrival = match self.daemon {
            Some((daemon, _)) => daemon.arrival()?,
            None => None,
        };
        Ok(answer.map(|answer| (answer, arrival)))
    }

    fn explain(&self, error: &OutsideError, diagnosis: &mut Diagnosis) {
        let base = self.base;
        let problem = format!("{base} does not answer: {error}.");
        let (check, remedy) = match error {
            OutsideError::NoAddress(_) => (
                DoctorCheck::PublicUrl,
                "Add the name to DNS (A and AAAA records), or correct public_url.".to_owned(),
            ),
            OutsideError::NoConnection(_) => (
                DoctorCheck::PublicUrl,
                "Start the proxy, open the port in the firewall, or correct public_url.".to_owned(),
            ),
            OutsideError::NoAnswer(_) => (
                DoctorCheck::PublicUrl,
                "Read the logs of the proxy and of sealdrop; a port with HTTPS needs https in public_url."
                    .to_owned(),
            ),
            OutsideError::NoTls(_) => (
                DoctorCheck::PublicUrl,
                "Set up HTTPS in the proxy or with domain or tls_cert, or correct public_url.".to_owned(),
            ),
            OutsideError::Certificate(fault) => (
                DoctorCheck::Certificate,
                match fault {
                    CertificateFault::Expired => {
                        "Renew the certificate and let the server read it again.".to_owned()
                    }
                    CertificateFault::NotYet => "Set the clock of this machine right.".to_owned(),
                    CertificateFault::OtherName => format!(
                        "Get a certificate with the name in {base}, or correct public_url."
                    ),
                    CertificateFault::Untrusted | CertificateFault::Other => {
                        "Use a certificate of a public authority, with those of its issuers in the same file \
                         (fullchain.pem); name an authority of your own with --cacert."
                            .to_owned()
                    }
                },
            ),
        };
        diagnosis.find(check, problem, remedy);
    }

    fn certificate(&self, answer: &OutsideAnswer, diagnosis: &mut Diagnosis) {
        let Some(validity) = answer.certificate.as_deref().and_then(validity_of) else { return };
        let days = validity.until.0.saturating_sub(self.now.0) / DAY_SECONDS;
        diagnosis.measured.certificate_days = Some(days);
        // Some certificates live only for days: then half of their life is left.
        let life = validity.until.0.saturating_sub(validity.from.0) / DAY_SECONDS;
        if days < CERTIFICATE_DAYS.min(life / 2) {
            let problem = format!(
                "The certificate of {} ends in {days} days, and was not renewed.",
                self.base
            );
            let remedy =
                "Find out why it was not renewed: the log of the proxy, of certbot or of sealdrop.";
            diagnosis.find(DoctorCheck::Certificate, problem, remedy);
        }
    }

    fn clocks(&self, answer: &OutsideAnswer, diagnosis: &mut Diagnosis) {
        let remedy = "Set the clocks with a time server (systemd-timesyncd, chrony).";
        if let Some((_, facts)) = self.daemon {
            let apart = facts.now.0.abs_diff(self.now.0);
            if apart > CLOCK_SECONDS {
                let problem = format!("The clock of the daemon is {apart} seconds off this one.");
                return diagnosis.find(DoctorCheck::Clock, problem, remedy);
            }
        }
        let Some(date) = answer.date.and_then(|date| u64::try_from(date).ok()) else { return };
        let apart = date.abs_diff(self.now.0);
        if apart > CLOCK_SECONDS {
            let problem =
                format!("The clock of {} is {apart} seconds off that of this machine.", self.base);
            diagnosis.find(DoctorCheck::Clock, problem, remedy);
        }
    }

    /// Whether the URL leads to the daemon, with the right scheme.
    fn is_right(
        &self,
        url: &Url,
        answer: &OutsideAnswer,
        arrival: Option<&RequestArrival>,
        diagnosis: &mut Diagnosis,
    ) -> bool {
        let (base, status) = (self.base, answer.status);
        if let Some(location) = &answer.location
            && (300..400).contains(&status)
        {
            let is_https = url.scheme() == "http" && location.starts_with("https://");
            let (problem, remedy) = match is_https {
                true => (
                    format!("{base} only sends browsers to HTTPS."),
                    format!("Set public_url to https://{}.", base.trim_start_matches("http://")),
                ),
                false => (
                    format!("{base} answers with a redirect ({status}) to another address."),
                    "Correct public_url, or let the proxy pass requests on without a login."
                        .to_owned(),
                ),
            };
            diagnosis.find(DoctorCheck::PublicUrl, problem, remedy);
            return false;
        }
        if status != 200 || self.daemon.is_some() && arrival.is_none() {
            let problem = match self.daemon.is_some() && arrival.is_none() {
                true => {
                    format!("{base} does not lead to the daemon on this machine (status {status}).")
                }
                false => format!("{base} answers with the status {status}."),
            };
            let remedy = "Correct public_url, its path, or the address of sealdrop in the proxy \
                          (docs/operations.md, \"Behind a proxy\").";
            diagnosis.find(DoctorCheck::PublicUrl, problem, remedy);
            return false;
        }
        let is_local = url.host_str().is_some_and(|host| {
            host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_private)
        });
        if url.scheme() == "http" && !is_local {
            let problem = format!("{base} has no HTTPS: links and secrets can be read on the way.");
            let remedy = "Set domain, or tls_cert and tls_key, or put a proxy with HTTPS in front.";
            diagnosis.find(DoctorCheck::PublicUrl, problem, remedy);
        }
        true
    }

    /// Whether proxies tell the address of the client, are believed, and cannot be deceived.
    async fn proxies(
        &self,
        url: &Url,
        facts: &ServingFacts,
        arrival: &RequestArrival,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Failure> {
        // Then the peer is the client that the header of the protocol names, and no other header counts.
        if facts.has_proxy_protocol {
            return Ok(());
        }
        let peer = arrival.peer;
        // Only a proxy speaks HTTPS for a daemon without.
        let is_behind = url.scheme() == "https" && !facts.is_https;
        let passes = "Let it set X-Forwarded-For to the client's address (docs/operations.md, \"Behind a \
                      proxy\")";
        let shared = "all clients share one address and its limits";
        match (arrival.is_trusted, &arrival.header) {
            (true, None) if is_own(url, facts) => diagnosis.find(
                DoctorCheck::PublicUrl,
                format!(
                    "A proxy is trusted, and the public URL {} is the daemon's own address.",
                    self.base
                ),
                "Set public_url to the URL of the proxy, or leave trusted_proxy out.",
            ),
            (false, Some(name)) => diagnosis.find(
                DoctorCheck::TrustedProxy,
                format!("The proxy at {peer} is not trusted, and its header {name} is ignored: {shared}."),
                format!("Set trusted_proxy to {peer} (--trusted-proxy {peer})."),
            ),
            (false, None) if is_behind => diagnosis.find(
                DoctorCheck::ProxyAddress,
                format!("The proxy at {peer} does not pass the client's address on: {shared}."),
                format!("{passes}, and set trusted_proxy to {peer}."),
            ),
            (true, _) if !arrival.names_client => diagnosis.find(
                DoctorCheck::ProxyAddress,
                format!(
                    "The trusted proxy at {peer} does not name the client in the header that is read: {shared}."
                ),
                format!("{passes}, or set client_ip_header to the header that it sets."),
            ),
            (true, Some(name)) => self.forgery(url, name, facts, arrival, diagnosis).await?,
            _ => {}
        }
        if !facts.trusted_proxies.is_empty() && !arrival.is_trusted && !facts.is_proxy_used {
            let problem = format!(
                "No request has come from the trusted proxy ({}) since the start, and those for {} come from \
                 {peer}.",
                facts.trusted_proxies.join(", "),
                self.base
            );
            let remedy =
                format!("Set trusted_proxy to {peer}, or leave it out if that is no proxy.");
            diagnosis.find(DoctorCheck::TrustedProxy, problem, remedy);
        }
        // Strangers may send such headers as well, from public addresses.
        for other in facts.untrusted.iter().filter(|other| **other != peer && is_private(**other)) {
            let problem = format!(
                "A proxy at {other} is not trusted, and its headers about clients are ignored."
            );
            let remedy = format!("Set trusted_proxy to {other} as well, if it is yours.");
            diagnosis.find(DoctorCheck::TrustedProxy, problem, remedy);
        }
        Ok(())
    }

    /// Whether a client can choose its address by writing the header of proxies itself.
    async fn forgery(
        &self,
        url: &Url,
        name: &str,
        facts: &ServingFacts,
        arrival: &RequestArrival,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Failure> {
        // If this machine's own address is trusted, the address that it claims is believed, as it should be.
        let trusted = facts.trusted_proxies.iter().filter_map(|net| net.parse::<IpNet>().ok());
        if trusted.into_iter().any(|net| net.contains(&arrival.client)) {
            return Ok(());
        }
        let name = HeaderName::try_from(name).unwrap_or(X_FORWARDED_FOR);
        let Ok((_, Some(again))) = self.ask(url, None, Some(name.clone())).await? else {
            return Ok(());
        };
        if again.client == FORGED {
            let problem = format!(
                "The proxy at {} passes on the header {name} that a client writes: anyone can choose an address, and \
                 escape the limits.",
                again.peer
            );
            let remedy = format!(
                "Let the proxy overwrite {name}, or append to it (docs/operations.md, \"Behind a proxy\")."
            );
            diagnosis.find(DoctorCheck::ProxyAddress, problem, remedy);
        }
        Ok(())
    }

    /// Whether a body of the longest upload is refused before it is sent.
    async fn body(&self, diagnosis: &mut Diagnosis) {
        let limit = self.daemon.and_then(|(_, facts)| facts.max_upload_bytes);
        let bytes = match self.daemon {
            Some(_) => limit.map_or(LARGE_BYTES, |limit| limit.saturating_add(AROUND_BYTES)),
            None => return,
        };
        // There is nothing at this address, so the daemon refuses it in another way.
        let Ok(url) = Url::parse(&format!("{}/api/doctor", self.base)) else { return };
        if self.client.announce(&url, bytes).await == Some(CONTENT_TOO_LARGE) {
            let problem = format!(
                "The proxy of {} refuses uploads as long as max_upload allows ({bytes} bytes).",
                self.base
            );
            let remedy = "Raise its limit (nginx: client_max_body_size 0), or lower max_upload.";
            diagnosis.find(DoctorCheck::ProxyBody, problem, remedy);
        }
    }
}

/// Whether the URL has an address of the daemon itself.
fn is_own(url: &Url, facts: &ServingFacts) -> bool {
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']).parse::<IpAddr>());
    let port = url.port_or_known_default();
    facts.addresses.iter().any(|own| host == Some(Ok(own.ip())) && port == Some(own.port()))
}
