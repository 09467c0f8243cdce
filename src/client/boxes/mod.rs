//! The calls of the Key Service about boxes: `docs/key-service.md`. Secrets go in headers or bodies, never
//! in addresses, which appear in logs.

mod error;
pub mod incoming;
pub mod outgoing;

use std::io::Read;

use serde::{Deserialize, Serialize};
use ureq::{
    Body,
    http::{HeaderValue, Response},
};
use zeroize::Zeroizing;

pub use self::error::BoxClientError;
use super::{
    error::ClientError,
    link::is_id,
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::{PublicKey, SecretText, public_key};

/// The parameters of a new box.
#[derive(Default, Serialize)]
pub struct NewBoxFields<'a> {
    /// The server generates the key, and encrypts it under this passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<&'a str>,
    /// The client generated the key: its public key, PEM.
    #[serde(rename = "publickey", skip_serializing_if = "Option::is_none")]
    pub public_key: Option<&'a str>,
    /// The hash of the client's private key, which authenticates its owner.
    #[serde(rename = "privatekeyhash", skip_serializing_if = "Option::is_none")]
    pub private_key_hash: Option<&'a str>,
    /// The private key under a passphrase, PEM, if the server is to open the box, too.
    #[serde(rename = "privatekey", skip_serializing_if = "Option::is_none")]
    pub private_key: Option<&'a str>,
    /// The release date: messages cannot be read before it.
    #[serde(rename = "releasedate", skip_serializing_if = "Option::is_none")]
    pub release: Option<&'a str>,
    /// The lock date: messages cannot be sent from then on.
    #[serde(rename = "lockdate", skip_serializing_if = "Option::is_none")]
    pub lock: Option<&'a str>,
    /// Whether messages are deleted once they are read.
    #[serde(rename = "deletemessagesafterreading", skip_serializing_if = "std::ops::Not::not")]
    pub delete_messages: bool,
    /// Whether the box is deleted once all messages are read.
    #[serde(rename = "deletekeyafterreading", skip_serializing_if = "std::ops::Not::not")]
    pub delete_box: bool,
    /// The recipient of notifications about messages.
    #[serde(rename = "notifyemail", skip_serializing_if = "Option::is_none")]
    pub notify: Option<&'a str>,
}

/// A new box.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedBox {
    /// The token of the box, which senders need.
    #[serde(rename = "KeyToken")]
    pub token: String,
    /// In the format of the upload, else PEM.
    pub public_key: String,
    /// PEM, under the passphrase; `None` if the server does not have it.
    pub private_key: Option<String>,
}

/// Creates a box; with the API key, if there is one.
///
/// # Errors
///
/// [`ClientError`]; its field is the parameter that the server refuses.
pub fn create(
    server: &ServerClient,
    new: &NewBoxFields<'_>,
    watch: &dyn Watch,
) -> Result<CreatedBox, ClientError> {
    let request = || server.request_with_key("POST", "Service");
    let created: CreatedBox = server
        .json(request, Some(new), Again::IfNothingWasDone, watch)
        .map_err(error::with_field)?;
    // The token becomes the name of a file.
    match is_id(&created.token) {
        true => Ok(created),
        false => Err(server.misunderstood("its token of the box is not valid")),
    }
}

/// The settings of a box, chosen by its owner.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoxTerms {
    /// The date from which the box refuses messages, RFC 3339.
    pub lock_date: Option<String>,
    /// Whether the lock date has passed.
    pub is_locked: bool,
    /// Whether messages are deleted once they are read.
    #[serde(rename = "DeleteMessagesAfterReading")]
    pub delete_messages: bool,
    /// Whether the box is deleted once all messages are read.
    #[serde(rename = "DeleteKeyAfterReading")]
    pub delete_box: bool,
    /// Whether the server has the private key, and can therefore use a passphrase. The passphrase is not
    /// sent to a server that does not report this.
    #[serde(default)]
    pub has_private_key: bool,
}

/// The proof that allows reading a box.
pub enum BoxAccess {
    /// The hash of the private key: messages stay sealed in transfer.
    Hash(SecretText),
    /// The passphrase of a key that the server has: the server opens the messages.
    Passphrase(SecretText),
}

/// A box on a server.
#[derive(Clone, Copy)]
pub struct BoxClient<'a> {
    /// The server.
    pub server: &'a ServerClient,
    /// The token of the box.
    pub token: &'a str,
}

impl BoxClient<'_> {
    /// The settings of the box.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`], for example if the box does not exist.
    pub fn terms(&self, watch: &dyn Watch) -> Result<BoxTerms, BoxClientError> {
        let path = format!("Service/{}/terms", in_path(self.token));
        let request = || self.server.request("GET", &path);
        Ok(self.server.json(request, None::<&()>, Again::Harmless, watch)?)
    }

    /// The public key of the box.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`]; [`BoxClientError::PublicKey`] for a key that cannot seal messages.
    pub fn public_key(&self, watch: &dyn Watch) -> Result<PublicKey, BoxClientError> {
        let path = format!("Service/{}/publickey", in_path(self.token));
        let pem = self.server.patiently(Again::Harmless, watch, || {
            let request = self.server.request("GET", &path);
            let answer = self.server.run(self.server.built(request, ())?)?;
            let mut pem = String::new();
            let most = public_key::MAX_TEXT_BYTES as u64;
            let mut body = answer.into_body().into_reader().take(most);
            body.read_to_string(&mut pem).map_err(|error| self.server.broken(&error))?;
            Ok(pem)
        })?;
        PublicKey::parse(&pem).map_err(BoxClientError::PublicKey)
    }

    /// Deletes the box, with all messages.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`], for example if the box does not exist.
    pub fn delete(&self, access: &BoxAccess, watch: &dyn Watch) -> Result<(), BoxClientError> {
        let mut may_be_done = false;
        let deleted = self.server.patiently(Again::Harmless, watch, || {
            let deleted = self.call("DELETE", "Service", access);
            let deleted = deleted.map(drop).map_err(BoxClientError::from);
            match deleted {
                // An earlier attempt deleted it, and its answer was lost.
                Err(BoxClientError::Gone) if may_be_done => Ok(Ok(())),
                Err(BoxClientError::Other(error)) => {
                    may_be_done |= !error.did_nothing();
                    Err(error)
                }
                known => Ok(known),
            }
        });
        deleted?
    }

    /// Makes one call, once, with the proof of `access`.
    fn call(
        &self,
        method: &str,
        path: &str,
        access: &BoxAccess,
    ) -> Result<Response<Body>, ClientError> {
        let request = self.server.request(method, path).header("token", self.token);
        let (name, secret) = match access {
            BoxAccess::Hash(hash) => ("privatekeyhash", hash),
            BoxAccess::Passphrase(passphrase) => ("passphrase", passphrase),
        };
        let secret = secret.expose_secret();
        if fits_header(secret) {
            let value = HeaderValue::from_bytes(secret.as_bytes()).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            if let Ok(value) = value {
                return self.server.run(self.server.built(request.header(name, value), ())?);
            }
        }
        let body = Zeroizing::new(serde_json::json!({ name: secret }).to_string());
        let request = request.header("Content-Type", "application/json");
        self.server.run(self.server.built(request, body.as_bytes())?)
    }
}

/// Whether a text can be a header value without changes: no spaces at its ends, and no controls.
fn fits_header(text: &str) -> bool {
    !text.starts_with([' ', '\t']) && !text.ends_with([' ', '\t']) && !text.chars().any(is_control)
}

fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\u{1f}' | '\u{7f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_passphrases_go_into_the_body() {
        for good in ["correct horse", "å", "a  b", "\u{1f511}"] {
            assert!(fits_header(good), "{good}");
        }
        for odd in [" a", "a ", "\ta", "a\nb", "a\u{7f}"] {
            assert!(!fits_header(odd), "{odd:?}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_said() {
        let new =
            NewBoxFields { passphrase: Some("a"), delete_box: true, ..NewBoxFields::default() };
        let json = serde_json::to_value(&new).unwrap();
        assert_eq!(json, serde_json::json!({"passphrase": "a", "deletekeyafterreading": true}));
    }
}
