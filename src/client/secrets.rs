//! The calls of the Secrets API about secrets, with a key or without: `docs/secrets-api.md`,
//! `docs/public-api.md`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    error::{ClientError, Reach},
    link::is_id,
    server::{Again, Dialect, Server, Watch, in_path},
};
use crate::crypto::{Random, SecretText, random_array};

/// How a secret is to be.
#[derive(Default, Serialize)]
pub struct Terms {
    /// In hours; the server's default if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// How often it can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_views: Option<u64>,
    /// What viewers must know besides the link.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub password: Option<SecretText>,
    /// Shown with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Shown in the list only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether viewers have to let their machine work first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub captcha: bool,
}

/// What a sealed secret is sent as.
#[derive(Clone, Copy, Serialize)]
pub struct SealedFields<'a> {
    /// Base64 of SJCL's JSON.
    pub ciphertext: &'a str,
    /// The private half, base64.
    pub password_part_private: &'a str,
    /// The public half, base64: only where the server is to mail the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_part_public: Option<&'a str>,
    /// How many files follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<usize>,
}

/// A secret that was made.
#[derive(Deserialize)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Until when it can be viewed, RFC 3339; none for ever, or as long as it is a draft.
    pub expires_at: Option<String>,
    /// How often.
    pub max_views: Option<u64>,
    /// Whether it waits for files.
    #[serde(default)]
    pub draft: bool,
    /// What shows that one has made it; only without an account.
    #[serde(default, deserialize_with = "secret")]
    pub manage_token: Option<SecretText>,
    /// With which the files are uploaded.
    #[serde(default, deserialize_with = "secret")]
    pub upload_token: Option<SecretText>,
}

/// What is told of a secret before anything is spent.
#[derive(Deserialize)]
pub struct Look {
    /// Whether it asks for a proof of work.
    pub captcha: bool,
    /// Whether it asks for a password.
    pub password: bool,
    /// How often it can still be viewed.
    pub views_left: u64,
    /// Until when, RFC 3339; none for ever.
    pub expires_at: Option<String>,
    /// The files that are not in the secret itself.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// A file that is not in the secret itself.
#[derive(Deserialize)]
pub struct Attachment {
    /// Its number, from 1.
    pub n: u32,
    /// How many bytes it has, sealed.
    pub size: u64,
}

/// What a view gives.
#[derive(Deserialize)]
pub struct View {
    /// Base64 of SJCL's JSON.
    pub ciphertext: String,
    /// The private half, base64.
    pub password_part_private: Zeroizing<String>,
    /// The sender's words.
    pub message: Option<String>,
    /// How long it can be had again; only from servers that know leases.
    pub lease: Option<Lease>,
}

/// How long a view can be had again.
#[derive(Deserialize)]
pub struct Lease {
    /// In seconds.
    pub seconds_left: u64,
}

/// What a viewer of a secret has in hand.
#[derive(Serialize)]
pub struct ViewRequest {
    /// Where the secret asks for one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub password: Option<SecretText>,
    /// Where the secret asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captcha: Option<String>,
    /// With which the same bytes are asked for again.
    #[serde(serialize_with = "exposed_lease")]
    pub lease: SecretText,
}

/// What the Secrets API wraps all in.
#[derive(Deserialize)]
pub struct Answer<T> {
    /// What was asked for.
    pub data: T,
}

#[derive(Serialize)]
struct NewSecret<'a> {
    #[serde(flatten)]
    sealed: &'a SealedFields<'a>,
    #[serde(flatten)]
    terms: &'a Terms,
}

/// Makes a secret, in the account of the key if there is one.
///
/// # Errors
///
/// [`ClientError`].
pub fn create(
    server: &Server,
    sealed: &SealedFields<'_>,
    terms: &Terms,
    watch: &dyn Watch,
) -> Result<Created, ClientError> {
    let path = if server.has_key() { "api/secrets" } else { "api/public/secrets" };
    let request = || server.request_with_key("POST", path);
    let body = NewSecret { sealed, terms };
    let made: Answer<Created> = server
        .json(request, Some(&body), Again::IfNothingWasDone, watch)
        .map_err(|error| may_be(server, error))?;
    made.data.checked(server)
}

/// What an error means where something was to be made: if the answer got lost it may be there, and without
/// the call itself there is nothing that could be gone.
pub(super) fn may_be(server: &Server, error: ClientError) -> ClientError {
    match error {
        ClientError::Gone => server.misunderstood("there is no such call; is the address right?"),
        ClientError::Unreachable { host, cause, reach: Reach::Sent } => {
            let cause = format!("{cause}; what was sent may be there all the same");
            ClientError::Unreachable { host, cause, reach: Reach::Sent }
        }
        other => other,
    }
}

impl Created {
    /// The same, if its id and its token are such: they become parts of links.
    pub(super) fn checked(self, server: &Server) -> Result<Self, ClientError> {
        let token = self.manage_token.as_ref();
        match is_id(&self.id) && token.is_none_or(|token| is_id(token.expose_secret())) {
            true => Ok(self),
            false => Err(server.misunderstood("what it calls the secret is no id")),
        }
    }
}

/// Looks at a secret; spends nothing.
///
/// # Errors
///
/// [`ClientError`].
pub fn look(server: &Server, id: &str, watch: &dyn Watch) -> Result<Look, ClientError> {
    let path = format!("api/public/secrets/{}", in_path(id));
    let seen: Answer<Look> =
        server.json(|| server.request("GET", &path), None::<&()>, Again::Harmless, watch)?;
    Ok(seen.data)
}

/// A token that nobody has had before: with it a view can be asked for again if its answer gets lost.
#[must_use]
pub fn new_lease(random: &dyn Random) -> SecretText {
    SecretText::new(URL_SAFE_NO_PAD.encode(random_array::<24>(random)))
}

/// Views a secret: spends a view, once, however often it must be asked for.
///
/// # Errors
///
/// [`ClientError`].
pub fn view(
    server: &Server,
    id: &str,
    viewer: &ViewRequest,
    watch: &dyn Watch,
) -> Result<View, ClientError> {
    let seen: Answer<View> = match server.dialect() {
        Dialect::Sealdrop => {
            let path = format!("api/public/secrets/{}/view", in_path(id));
            let request = || server.request("POST", &path);
            server.json(request, Some(viewer), Again::Harmless, watch)?
        }
        // No lease: an answer that gets lost is lost.
        Dialect::PasswordLink => {
            let path = format!("api/secrets/{}", in_path(id));
            let request = || server.request_with_key("GET", &path);
            server.json(request, None::<&()>, Again::IfNothingWasDone, watch)?
        }
    };
    Ok(seen.data)
}

/// Ends the lease of a viewer who has got everything; where no views are left all other leases end, too.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) where it was over.
pub fn burn(
    server: &Server,
    id: &str,
    lease: &SecretText,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    #[derive(Serialize)]
    struct Lease<'a> {
        lease: &'a str,
    }
    let path = format!("api/public/secrets/{}/burn", in_path(id));
    let body = Lease { lease: lease.expose_secret() };
    let request = || server.request("POST", &path);
    let _: Answer<()> = server.json(request, Some(&body), Again::Harmless, watch)?;
    Ok(())
}

/// Burns a secret of the account, and takes it out of its list.
///
/// # Errors
///
/// [`ClientError`].
pub fn delete(server: &Server, id: &str, watch: &dyn Watch) -> Result<(), ClientError> {
    let path = format!("api/secrets/{}", in_path(id));
    let request = || server.request_with_key("DELETE", &path);
    let _: Answer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

/// Burns a secret that was made without an account, and forgets it.
///
/// # Errors
///
/// [`ClientError`].
pub fn delete_managed(
    server: &Server,
    id: &str,
    manage_token: &SecretText,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    let path = format!("api/public/secrets/{}", in_path(id));
    let request =
        || server.request("DELETE", &path).header("Manage-Token", manage_token.expose_secret());
    let _: Answer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
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

fn secret<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretText>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretText::new))
}
