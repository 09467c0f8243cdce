//! Who can open a backup, from the flags.

use std::path::Path;

use crate::{
    cli::{Context, Failure, prompt},
    crypto::{AgeIdentity, AgeLock, AgeRecipient},
    secret_file,
};

/// The flag with a passphrase.
pub(super) const PASSPHRASE_FLAG: &str = "--passphrase-file";

/// The longest file with recipients or identities.
const MAX_KEYS_BYTES: u64 = 64 << 10;

/// The flags that say who can open a backup.
pub(super) struct LockFlags<'a> {
    pub(super) recipients: &'a [String],
    pub(super) recipients_file: Option<&'a str>,
    pub(super) passphrase_file: Option<&'a str>,
}

impl LockFlags<'_> {
    /// Who can open the backup: recipients, or a passphrase, which is asked for if there is a terminal.
    pub(super) fn lock(&self, context: &Context<'_>) -> Result<AgeLock, Failure> {
        let mut recipients = Vec::new();
        for text in self.recipients {
            recipients.push(AgeRecipient::parse(text).ok_or_else(|| {
                Failure::usage(format!("--recipient {text}: this is not a recipient of age, age1…"))
            })?);
        }
        if let Some(path) = self.recipients_file {
            let keys = keys_in(path, "--recipients-file", AgeRecipient::parse)?;
            if keys.is_empty() {
                return Err(Failure::usage(format!(
                    "--recipients-file: {path}: it has no recipient"
                )));
            }
            recipients.extend(keys);
        }
        let has_recipients = !recipients.is_empty();
        match self.passphrase_file {
            Some(_) if has_recipients => Err(Failure::usage(
                "give either recipients or --passphrase-file: age does not combine them",
            )),
            _ if has_recipients => Ok(AgeLock::Recipients(recipients)),
            Some(path) => {
                let passphrase = prompt::passphrase_in(path, PASSPHRASE_FLAG)?;
                Ok(AgeLock::Passphrase(passphrase))
            }
            None if context.interactive => {
                let passphrase = prompt::new_password("Passphrase", PASSPHRASE_FLAG)?;
                Ok(AgeLock::Passphrase(passphrase))
            }
            None => Err(Failure::usage(
                "a backup is always encrypted: give --recipient age1…, --recipients-file FILE or \
                 --passphrase-file FILE",
            )),
        }
    }
}

/// The identities in files.
pub(super) fn identities(paths: &[String]) -> Result<Vec<AgeIdentity>, Failure> {
    let mut identities = Vec::new();
    for path in paths {
        let found = keys_in(path, "--identity", AgeIdentity::parse)?;
        if found.is_empty() {
            return Err(Failure::usage(format!("--identity: {path}: it has no identity")));
        }
        identities.extend(found);
    }
    Ok(identities)
}

/// The keys in a file: one in each line; empty lines and comments (`#`) do not count.
fn keys_in<T>(path: &str, flag: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{flag}: {path}: {why}"));
    let bytes =
        secret_file::read_short(Path::new(path), MAX_KEYS_BYTES).map_err(|error| wrong(&error))?;
    let text = secret_file::decode(&bytes).map_err(|problem| wrong(&problem))?;
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            // The line itself may be a secret.
            parse(line).ok_or_else(|| {
                wrong(&format!("line {number} is not a key of age (plugins are not supported)"))
            })
        })
        .collect()
}
