//! The settings of HTTPS: what follows from them, and whether they fit together. Files are read elsewhere.

use super::{BadSetting, ListenAddress, PublicUrl, sources::Sources, table::Settings};

/// Let's Encrypt, and its authority for trials (letsencrypt.org/docs/staging-environment).
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// The ports that `http` and `https` URLs mean (RFC 9110 4.2).
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

impl Settings {
    /// Whether the TCP addresses speak HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        !self.domains.is_empty() || self.tls_cert.is_some() || self.tls_self_signed
    }

    /// The directory of the ACME authority.
    #[must_use]
    pub fn acme_directory(&self) -> &str {
        let own = if self.acme_staging { STAGING } else { LETS_ENCRYPT };
        self.acme_directory.as_deref().unwrap_or(own)
    }
}

/// Sets what follows from a domain, and is not set itself: addresses and public URL.
pub(super) fn complete(settings: &mut Settings, sources: &Sources) {
    let Some(main) = settings.domains.first() else { return };
    if settings.public_url.is_none() {
        settings.public_url = PublicUrl::parse(&format!("https://{main}")).ok();
    }
    if !sources.has("listen") {
        settings.listen = vec![ListenAddress::all(HTTPS)];
    }
    if !sources.has("http_listen") {
        settings.http_listen = vec![ListenAddress::all(HTTP)];
    }
}

pub(super) fn check(settings: &Settings, sources: &Sources) -> Result<(), BadSetting> {
    let Settings { tls_cert, tls_key, tls_self_signed, domains, .. } = settings;
    let has_domain = !domains.is_empty();
    let given = |keys: &[&'static str]| keys.iter().copied().find(|key| sources.has(key));
    let for_domains = ["acme_email", "acme_directory", "acme_ca"];
    let (key, problem) = match (tls_cert, tls_key, tls_self_signed) {
        (Some(_), None, _) => ("tls_key", "it is missing, and tls_cert is set"),
        (None, Some(_), _) => ("tls_cert", "it is missing, and tls_key is set"),
        (Some(_), Some(_), _) if has_domain => ("tls_cert", "it is set, and domain is set"),
        (Some(_), Some(_), true) => ("tls_self_signed", "it is true, and tls_cert is set"),
        (_, _, true) if has_domain => ("tls_self_signed", "it is true, and domain is set"),
        _ if settings.acme_staging && settings.acme_directory.is_some() => {
            ("acme_staging", "it is true, and acme_directory is set")
        }
        _ if !settings.is_https() && !settings.http_listen.is_empty() => {
            ("http_listen", "there is no HTTPS to go to")
        }
        _ if settings.acme_staging && !has_domain => {
            ("acme_staging", "it is true, and domain is not set")
        }
        _ => match given(&for_domains).filter(|_| !has_domain) {
            Some(key) => (key, "it is set, and domain is not set"),
            None => return Ok(()),
        },
    };
    Err(sources.bad(key, problem))
}
