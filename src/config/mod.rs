//! The settings of the daemon, read once at start.
//!
//! A setting is taken from its flag, else from `SEALDROP_…` in the environment, else from the TOML
//! file, else it has its default. [`TABLE`] defines each setting once; flag, environment variable and
//! file key all go through the same parser, so that they can not drift apart. What a value means to
//! the daemon is left to the modules that use it.

mod cross_origin;
mod expiration;
mod limits;
mod mail;
mod parse;
mod public_url;
mod site;
mod sources;
mod table;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use hyper::header::HeaderName;
use ipnet::IpNet;

use self::sources::Sources;
pub use self::{
    cross_origin::CrossOrigin,
    expiration::Expiration,
    limits::TryLimits,
    mail::{MailSettings, SmtpHost, SmtpTls, SmtpUrl},
    public_url::PublicUrl,
    site::{Color, Link, SiteSettings},
    table::{Setting, TABLE},
};
use crate::crypto::RsaBits;

/// Everything that `serve` needs to know, parsed.
///
/// [`Settings::default`] has the documented defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The one address to listen on; port 0 picks a free port.
    pub listen: SocketAddr,
    /// The data directory. A relative path starts at the working directory, whatever its source.
    pub data: PathBuf,
    /// Where people reach the daemon, if that is not `listen`; links are made of it.
    pub public_url: Option<PublicUrl>,
    /// The longest ciphertext of a secret, in bytes, 1 KiB to 16 MiB.
    pub max_ciphertext_bytes: u64,
    /// How long secrets may live.
    pub expiration: Expiration,
    /// How many secrets a new account may create in a calendar month.
    pub allowance: u64,
    /// How many secret requests an account may have in its list.
    pub request_allowance: u64,
    /// How many days a used-up or expired secret or secret request stays in the list, 1 to 3,650.
    pub keep_log_days: u32,
    /// Who may create secrets.
    pub create: Create,
    /// Who may create boxes.
    pub boxes: Boxes,
    /// The longest file in a box, in bytes, also once it is decompressed, and the longest attachment of a
    /// secret; `None` for no limit.
    pub max_upload_bytes: Option<u64>,
    /// What the messages of one box may take on disk, in bytes; `None` for no limit.
    pub max_box_bytes: Option<u64>,
    /// How many attachments a secret may have, 1 to 64.
    pub max_attachments: u8,
    /// What the attachments of one account may take, in bytes; `None` for no limit.
    pub max_account_bytes: Option<u64>,
    /// What all attachments may take, in bytes; `None` for no limit.
    pub max_storage_bytes: Option<u64>,
    /// The size of the keys of new boxes.
    pub rsa_bits: RsaBits,
    /// How many keys for new boxes are prepared, 0 to 64.
    pub key_pool: usize,
    /// The proxies whose `X-Forwarded-For` and `Forwarded` are believed; empty for none.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which those proxies name the client, if it is neither of these.
    pub client_ip_header: Option<HeaderName>,
    /// Whose pages may call the APIs, besides our own.
    pub cors: CrossOrigin,
    /// What one client, account or box may do within a while.
    pub limits: TryLimits,
    /// What the view log keeps of a viewer's address.
    pub viewer_ip: ViewerIp,
    /// Whether webhooks at private and loopback addresses are called.
    pub webhook_private: bool,
    /// How many connections may be open at once, 1 to 65,536.
    pub max_connections: usize,
    /// How many of them one client may have, 1 to 65,536; trusted proxies may have more.
    pub max_connections_per_client: usize,
    /// The page cache of the database, in bytes, 8 MiB to 1 GiB.
    pub cache_bytes: u64,
    /// Mails.
    pub mail: MailSettings,
    /// How the pages look.
    pub site: SiteSettings,
    /// The least important level that is still logged.
    pub log: tracing::Level,
}

/// What the view log keeps of a viewer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerIp {
    /// The whole address.
    Full,
    /// The network only: the first 24 bits of IPv4, the first 48 of IPv6.
    Truncated,
    /// Nothing.
    Off,
}

/// Who may create secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Anyone, within limits.
    Open,
    /// Who has a private API key.
    Account,
}

/// Who may create boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boxes {
    /// Anyone.
    Open,
    /// Who has a private API key.
    Account,
    /// Nobody. Those that there are go on.
    Off,
}

/// Settings and what to tell the operator about how they were found.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// One sentence for each `SEALDROP_…` variable that is not a setting; to be logged.
    pub warnings: Vec<String>,
    sources: Sources,
}

impl Loaded {
    /// The error for a setting that turns out to be wrong only in use: an address that is taken, a
    /// directory that can not be written. `key` is its name in the file.
    #[must_use]
    pub fn bad(&self, key: &str, problem: impl Into<String>) -> BadSetting {
        BadSetting {
            setting: key.to_owned(),
            origin: self.sources.origin(key),
            problem: problem.into(),
            remedy: table::find(key)
                .map_or("give another value", |setting| setting.remedy)
                .to_owned(),
        }
    }
}

/// A setting that can not be used: exit code 64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} (from {origin}): {problem}; {remedy}")]
pub struct BadSetting {
    /// The setting, as it is called in the file.
    pub setting: String,
    /// Where the value came from: `--listen`, `SEALDROP_LISTEN`, `sealdrop.toml: listen`.
    pub origin: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

/// The flags that were given: file key and value, in the order of the command line.
///
/// A setting that is a list may come more than once.
pub type Flags = Vec<(&'static str, String)>;

impl Settings {
    /// Reads all settings from the flags, the environment (all of it; what does not begin with
    /// `SEALDROP_` is passed over) and the file that one of the two names.
    ///
    /// # Errors
    ///
    /// The first [`BadSetting`]: a value that is wrong, a key of the file that is no setting, or a
    /// file that can not be read.
    pub fn load(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Loaded, BadSetting> {
        let sources = Sources::gather(flags, environment)?;
        sources.refuse_unknown_keys()?;
        let mut settings = Self::default();
        for setting in TABLE {
            let Some(found) = sources.find(setting)? else { continue };
            (setting.set)(&mut settings, &found.text)
                .map_err(|problem| setting.bad(&found.origin, problem))?;
        }
        settings.expiration.check(&sources)?;
        mail::check(&settings, &sources)?;
        Ok(Loaded { settings, warnings: sources.warnings(), sources })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("./sealdrop-data"),
            public_url: None,
            max_ciphertext_bytes: 1 << 20,
            expiration: Expiration::default(),
            allowance: 1_000_000,
            request_allowance: 10_000,
            keep_log_days: 90,
            create: Create::Account,
            boxes: Boxes::Open,
            max_upload_bytes: Some(100 << 20),
            max_box_bytes: Some(10 << 30),
            max_attachments: 10,
            max_account_bytes: Some(10 << 30),
            max_storage_bytes: None,
            rsa_bits: RsaBits::Bits3072,
            key_pool: 4,
            trusted_proxies: Vec::new(),
            client_ip_header: None,
            cors: CrossOrigin::Any,
            limits: TryLimits::default(),
            viewer_ip: ViewerIp::Full,
            webhook_private: false,
            max_connections: 1024,
            max_connections_per_client: 256,
            cache_bytes: 32 << 20,
            mail: MailSettings::default(),
            site: SiteSettings::default(),
            log: tracing::Level::INFO,
        }
    }
}

/// The data directory alone, for the commands that need no other setting.
///
/// Other settings are not looked at, so that a wrong one does not stand in the way of, say, revoking
/// a key.
///
/// # Errors
///
/// [`BadSetting`] for an empty path or a file that can not be read.
pub fn data_directory(
    flags: Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<PathBuf, BadSetting> {
    let sources = Sources::gather(flags, environment)?;
    let mut settings = Settings::default();
    for setting in TABLE.iter().filter(|setting| setting.key == "data") {
        if let Some(found) = sources.find(setting)? {
            (setting.set)(&mut settings, &found.text)
                .map_err(|problem| setting.bad(&found.origin, problem))?;
        }
    }
    Ok(settings.data)
}
