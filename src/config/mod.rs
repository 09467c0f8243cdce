//! The settings of the daemon, read once at start.
//!
//! A setting is taken from its flag, else from `SEALDROP_…` in the environment, else, if it is the path of a
//! file, from the credential of systemd with its name, else from the TOML file, else it has its default.
//! `definitions.rs` defines each setting once; flag, environment variable
//! and key of the file have the same parser.

mod acme;
mod cross_origin;
pub(crate) mod definitions;
mod expiration;
mod listen;
mod mail;
mod parse;
mod public_url;
mod ring;
mod site;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use std::{ffi::OsString, path::PathBuf};

use self::sources::Sources;
pub use self::{
    cross_origin::CrossOrigin,
    listen::{ALL as ALL_ADDRESSES, ListenAddress},
    mail::{SmtpHost, SmtpTls, SmtpUrl},
    public_url::PublicUrl,
    ring::RingPlace,
    site::{Color, Link, NamedLink},
    table::{
        Expiration, MailSettings, RingSettings, Setting, Settings, SiteSettings, TABLE, TryLimits,
    },
    values::{BadSetting, Boxes, Flags, LogFormat, SecretCreation, ViewerIp},
};

/// Settings, and warnings about their sources.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// One sentence for each `SEALDROP_…` variable that is not a setting; to be logged.
    pub warnings: Vec<String>,
    sources: Sources,
}

impl Loaded {
    /// The error for a setting that proves wrong in use: an address that is taken, a directory that cannot be
    /// written. `key` is its name in the file.
    #[must_use]
    pub fn bad(&self, key: &str, problem: impl Into<String>) -> BadSetting {
        self.sources.bad(key, problem)
    }
}

impl Settings {
    /// Reads all settings from the flags, the environment (all of it; only `SEALDROP_…` and
    /// `CREDENTIALS_DIRECTORY` are used) and the file that one of the two names.
    ///
    /// # Errors
    ///
    /// The first [`BadSetting`]: a wrong value, an unknown key of the file, or a file that cannot be read.
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
        tls::complete(&mut settings, &sources);
        tls::check(&settings, &sources)?;
        listen::check(&settings, &sources)?;
        mail::check(&settings, &sources)?;
        Ok(Loaded { settings, warnings: sources.warnings(), sources })
    }
}

/// The data directory alone, for the commands that need no other setting.
///
/// Other settings are not parsed, so that a wrong one does not prevent a command such as revoking a key.
///
/// # Errors
///
/// [`BadSetting`] for an empty path or a file that cannot be read.
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
