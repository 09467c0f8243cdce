//! The proof of ownership of a box, from the flags: the key in a file, or the passphrase alone.

use super::key_file;
use crate::{
    cli::{Context, Exit, Failure, prompt},
    client::boxes::{BoxAccess, BoxClientError, BoxTerms},
    crypto::{BoxKey, OpenKeyError, SecretText},
};

const FLAG: &str = "--passphrase-file";

/// The flags of a command for owners.
pub(super) struct BoxOwner<'a> {
    /// The server opens the box.
    pub(super) online: bool,
    pub(super) private_key: Option<&'a str>,
    pub(super) passphrase_file: Option<&'a str>,
}

impl BoxOwner<'_> {
    /// The access to the box, and the key if messages are opened here. Asks again while the passphrase is
    /// wrong. A server without the private key gets no passphrase.
    pub(super) fn access(
        &self,
        (token, terms): (&str, &BoxTerms),
        context: &mut Context<'_>,
    ) -> Result<(BoxAccess, Option<BoxKey>), Failure> {
        if self.online {
            if self.private_key.is_some() {
                return Err(Failure::usage("give either --online or --private-key"));
            }
            if !terms.has_private_key {
                return Err(BoxClientError::NoKeyThere.into());
            }
            return Ok((BoxAccess::Passphrase(self.passphrase()?), None));
        }
        let (path, pem) = key_file::read(self.private_key, token, context)?;
        loop {
            let opened = BoxKey::from_encrypted_pem(&pem, &self.passphrase()?);
            match opened {
                Ok(key) => return Ok((BoxAccess::Hash(SecretText::new(key.hash())), Some(key))),
                Err(OpenKeyError::WrongPassphrase) if self.asks() => self.tell_wrong(context)?,
                Err(error) => {
                    let exit = match error {
                        OpenKeyError::WrongPassphrase => Exit::Refused,
                        OpenKeyError::Unreadable => Exit::Damaged,
                    };
                    return Err(Failure { exit, message: format!("{}: {error}", path.display()) });
                }
            }
        }
    }

    /// Another passphrase, asked at the terminal after the server has rejected the previous one.
    pub(super) fn access_again(
        &self,
        context: &mut Context<'_>,
    ) -> Result<Option<BoxAccess>, Failure> {
        if !self.online || !self.asks() {
            return Ok(None);
        }
        self.tell_wrong(context)?;
        Ok(Some(BoxAccess::Passphrase(self.passphrase()?)))
    }

    fn asks(&self) -> bool {
        self.passphrase_file.is_none()
    }

    fn passphrase(&self) -> Result<SecretText, Failure> {
        match self.passphrase_file {
            Some(path) => prompt::passphrase_in(path, FLAG),
            None => prompt::password("Passphrase", FLAG),
        }
    }

    fn tell_wrong(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        Ok(writeln!(context.err, "The passphrase is wrong.")?)
    }
}
