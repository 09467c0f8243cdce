//! The calls of the Secrets API about secrets, with a key or without: `docs/secrets-api.md`,
//! `docs/public-api.md`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    error::{ClientError, RequestReach},
    link::is_id,
    server::{Again, Dialect, ServerClient, Watch, in_path},
};
use crate::crypto::{Random, SecretText, random_array};

/// The parameters of a new secret.
#[derive(Default, Serialize)]
pub struct SecretTerms {
    /// The lifetime in hours; without it, the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// The moment at which it expires, RFC 3339, in place of a lifetime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// How often it can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_views: Option<u64>,
    /// The password that viewers need besides the link.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub password: Option<SecretText>,
    /// The message that viewers see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When viewers see it: `before` or `with`; without it, with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_shown: Option<String>,
    /// The description, only in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether viewers have to solve a proof of work first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub captcha: bool,
    /// The public key for a reply; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_key: Option<String>,
}

/// The fields of a sealed secret.
#[derive(Clone, Copy, Serialize)]
pub struct SealedFields<'a> {
    /// Base64 of SJCL's JSON.
    pub ciphertext: &'a str,
    /// The private half, base64.
    pub password_part_private: &'a str,
    /// The public half, base64: only if the server is to mail the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_part_public: Option<&'a str>,
    /// The public half, encrypted for the key of the person who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_part: Option<&'a str>,
    /// How many attachments follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<usize>,
}

/// A new secret.
#[derive(Deserialize)]
pub struct CreatedSecret {
    /// Its id.
    pub id: String,
    /// When it expires, RFC 3339; `None` if it does not expire, or is a draft.
    pub expires_at: Option<String>,
    /// How often it can be viewed.
    pub max_views: Option<u64>,
    /// Whether its attachments are not complete yet.
    #[serde(default)]
    pub draft: bool,
    /// The token that allows the sender to manage it; only without an account.
    #[serde(default, deserialize_with = "secret")]
    pub manage_token: Option<SecretText>,
    /// The token for uploading the attachments.
    #[serde(default, deserialize_with = "secret")]
    pub upload_token: Option<SecretText>,
}

/// The result of a look, which spends nothing.
#[derive(Deserialize)]
pub struct SecretLook {
    /// Whether a view needs a proof of work.
    pub captcha: bool,
    /// Whether a view needs a password.
    pub password: bool,
    /// How many views are left.
    pub views_left: u64,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
    /// The sender's message, if it is shown before the view.
    #[serde(default)]
    pub message: Option<String>,
    /// The name of the sender.
    #[serde(default)]
    pub sender: Option<String>,
    /// The attachments.
    #[serde(default)]
    pub attachments: Vec<SecretAttachment>,
}

/// A file that is not in the secret itself.
#[derive(Deserialize)]
pub struct SecretAttachment {
    /// Its number, from 1.
    pub n: u32,
    /// Its sealed length in bytes.
    pub size: u64,
}

/// The result of a view.
#[derive(Deserialize)]
pub struct ViewedSecret {
    /// Base64 of SJCL's JSON.
    pub ciphertext: String,
    /// The private half, base64.
    pub password_part_private: Zeroizing<String>,
    /// The sender's message.
    pub message: Option<String>,
    /// The lease; only from servers that have leases.
    pub lease: Option<ViewLease>,
    /// The key for a reply, if the sender allows one and there is none yet.
    #[serde(default)]
    pub reply_key: Option<String>,
}

/// The time in which the same view can be repeated.
#[derive(Deserialize)]
pub struct ViewLease {
    /// In seconds.
    pub seconds_left: u64,
}

/// The parameters of a view.
#[derive(Serialize)]
pub struct ViewFields {
    /// The password, if the secret needs one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub password: Option<SecretText>,
    /// The password, if the secret needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captcha: Option<String>,
    /// The token with which the same view can be repeated.
    #[serde(serialize_with = "exposed_lease")]
    pub lease: SecretText,
}

/// The wrapper of all answers of the Secrets API.
#[derive(Deserialize)]
pub struct ApiAnswer<T> {
    /// The content of the answer.
    pub data: T,
}

#[derive(Serialize)]
struct NewSecretFields<'a> {
    #[serde(flatten)]
    sealed: &'a SealedFields<'a>,
    #[serde(flatten)]
    terms: &'a SecretTerms,
}

/// Creates a secret, in the account of the key if there is one.
///
/// # Errors
///
/// [`ClientError`], if the server did not create it, or its answer was lost.
pub fn create(
    server: &ServerClient,
    sealed: &SealedFields<'_>,
    terms: &SecretTerms,
    watch: &dyn Watch,
) -> Result<CreatedSecret, ClientError> {
    let path = if server.has_key() { "api/secrets" } else { "api/public/secrets" };
    let request = || server.request_with_key("POST", path);
    let body = NewSecretFields { sealed, terms };
    let made: ApiAnswer<CreatedSecret> = server
        .json(request, Some(&body), Again::IfNothingWasDone, watch)
        .map_err(|error| may_be(server, error))?;
    made.data.checked(server)
}

/// The meaning of an error of a create call: if the answer was lost, the object may exist; and 404 means
/// that the server does not have this call.
pub(super) fn may_be(server: &ServerClient, error: ClientError) -> ClientError {
    match error {
        ClientError::Gone => {
            server.misunderstood("this call does not exist; is the address right?")
        }
        other => perhaps(other, "it may have been created nevertheless"),
    }
}

/// Adds `note` to the error of a call whose answer was lost.
fn perhaps(error: ClientError, note: &str) -> ClientError {
    match error {
        ClientError::Unreachable { host, cause, reach: RequestReach::Sent } => {
            let cause = format!("{cause}; {note}");
            ClientError::Unreachable { host, cause, reach: RequestReach::Sent }
        }
        other => other,
    }
}

impl CreatedSecret {
    /// Checks that id and token have the right form: they become parts of links.
    pub(super) fn checked(self, server: &ServerClient) -> Result<Self, ClientError> {
        let token = self.manage_token.as_ref();
        match is_id(&self.id) && token.is_none_or(|token| is_id(token.expose_secret())) {
            true => Ok(self),
            false => Err(server.misunderstood("its id of the secret is not valid")),
        }
    }
}

/// Looks at a secret; spends nothing.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it cannot be viewed.
pub fn look(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<SecretLook, ClientError> {
    let path = format!("api/public/secrets/{}", in_path(id));
    let seen: ApiAnswer<SecretLook> =
        server.json(|| server.request("GET", &path), None::<&()>, Again::Harmless, watch)?;
    Ok(seen.data)
}

/// A new token, with which a view can be repeated if its answer was lost.
#[must_use]
pub fn new_lease(random: &dyn Random) -> SecretText {
    SecretText::new(URL_SAFE_NO_PAD.encode(random_array::<24>(random)))
}

/// Views a secret: spends one view, even if the call has to be repeated.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it cannot be viewed.
pub fn view(
    server: &ServerClient,
    id: &str,
    viewer: &ViewFields,
    watch: &dyn Watch,
) -> Result<ViewedSecret, ClientError> {
    let seen: ApiAnswer<ViewedSecret> = match server.dialect() {
        Dialect::Sealdrop => {
            let path = format!("api/public/secrets/{}/view", in_path(id));
            let request = || server.request("POST", &path);
            server.json(request, Some(viewer), Again::Harmless, watch)?
        }
        // There are no leases, so a lost answer cannot be repeated.
        Dialect::PasswordLink => {
            let path = format!("api/secrets/{}", in_path(id));
            let request = || server.request_with_key("GET", &path);
            server.json(request, None::<&()>, Again::IfNothingWasDone, watch)?
        }
    };
    Ok(seen.data)
}

/// Ends the lease of a viewer who has downloaded everything; if no views are left, all other leases end,
/// too.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it had ended.
pub fn burn(
    server: &ServerClient,
    id: &str,
    lease: &SecretText,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    #[derive(Serialize)]
    struct BurnFields<'a> {
        lease: &'a str,
    }
    let path = format!("api/public/secrets/{}/burn", in_path(id));
    let body = BurnFields { lease: lease.expose_secret() };
    let request = || server.request("POST", &path);
    let _: ApiAnswer<()> = server.json(request, Some(&body), Again::Harmless, watch)?;
    Ok(())
}

/// The changes of a secret. `None` leaves a property as it is.
#[derive(Serialize)]
pub struct SecretChangeTerms<'a> {
    /// The lifetime in hours, from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// The moment at which it expires, RFC 3339, in place of a lifetime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<&'a str>,
    /// How often it can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_views: Option<u64>,
    /// Base64 of SJCL's JSON, for a new content together with the private half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphertext: Option<&'a str>,
    /// The private half, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_part_private: Option<&'a str>,
}

/// Changes a secret before its first view, with its manage token or with the key of its account. Returns its
/// entry in the list, as JSON, so that fields of newer servers are kept.
///
/// # Errors
///
/// [`ClientError`]; a rejection with status 409 if it was viewed or is a draft.
pub fn change(
    server: &ServerClient,
    id: &str,
    manage_token: Option<&SecretText>,
    terms: &SecretChangeTerms<'_>,
    watch: &dyn Watch,
) -> Result<Value, ClientError> {
    let id = in_path(id);
    let request = || match manage_token {
        Some(token) => server
            .request("PATCH", &format!("api/public/secrets/{id}"))
            .header("Manage-Token", token.expose_secret()),
        None => server.request_with_key("PATCH", &format!("api/secrets/{id}")),
    };
    // After a lost answer, a viewer may come before the repetition, which would then be refused.
    let changed: ApiAnswer<Value> = server
        .json(request, Some(terms), Again::IfNothingWasDone, watch)
        .map_err(|error| perhaps(error, "it may have been changed nevertheless"))?;
    Ok(changed.data)
}

/// Burns a secret of the account, and removes it from the list.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it does not exist.
pub fn delete(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<(), ClientError> {
    let path = format!("api/secrets/{}", in_path(id));
    let request = || server.request_with_key("DELETE", &path);
    let _: ApiAnswer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

/// Burns a secret that was created without an account, and deletes its record.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it does not exist.
pub fn delete_managed(
    server: &ServerClient,
    id: &str,
    manage_token: &SecretText,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    let path = format!("api/public/secrets/{}", in_path(id));
    let request =
        || server.request("DELETE", &path).header("Manage-Token", manage_token.expose_secret());
    let _: ApiAnswer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

pub(super) fn exposed<S: serde::Serializer>(
    text: &Option<SecretText>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text.as_ref().map(SecretText::expose_secret).serialize(serializer)
}

fn exposed_lease<S: serde::Serializer>(
    text: &SecretText,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.expose_secret())
}

pub(super) fn secret<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretText>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretText::new))
}
