//! Answers that only one person can open: the replies to a secret, and the answers to a request
//! (`docs/public-api.md`, "Answers that only the requester opens").

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{
    error::ClientError,
    link::SecretLink,
    secrets::ApiAnswer,
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::{
    AnswerKey, AnswerKeyError, AnswerPrivateKey, Random, SecretText, contents::pack, halves,
};

/// An answer to a request or a secret, as the person who can open it sees it.
#[derive(Deserialize)]
pub struct ListedAnswer {
    /// The id of the answer.
    pub id: String,
    /// When it was sent, RFC 3339.
    pub created_at: String,
    /// Whether it has expired.
    pub expired: bool,
    /// Whether its attachments are not complete yet.
    #[serde(default)]
    pub draft: bool,
    /// How often it was viewed.
    pub view_times: u64,
    /// How often it can be viewed in total.
    pub max_views: u64,
    /// The public half of its link, encrypted; `None` if the sender of the answer has the link instead.
    pub sealed_part: Option<String>,
}

impl ListedAnswer {
    /// Whether it can be viewed.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.draft && !self.expired && self.view_times < self.max_views
    }

    /// Its link, decrypted with the key of the request or secret `id`; `None` if it was not encrypted.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError`], if it was encrypted for another key.
    pub fn link(
        &self,
        root: &Url,
        id: &str,
        key: &AnswerPrivateKey,
    ) -> Option<Result<SecretText, AnswerKeyError>> {
        let sealed = self.sealed_part.as_deref()?;
        let link = |half: SecretText| {
            let key = SecretText::new(STANDARD.encode(half.expose_secret()));
            SecretLink::text(root, &self.id, &key)
        };
        Some(key.open(id, sealed).map(link))
    }
}

/// Puts the complete link into the entry of an answer, as JSON.
pub fn put_link(answer: &mut Value, link: &SecretText) {
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("link".to_owned(), link.expose_secret().into());
    }
}

/// Encrypts the public half of a link, which is base64, for the sender of the secret or request `id`.
///
/// # Errors
///
/// [`AnswerKeyError`], if the key cannot be used.
pub fn seal_half(
    key: &AnswerKey,
    id: &str,
    public: &SecretText,
    random: &dyn Random,
) -> Result<String, AnswerKeyError> {
    let half = STANDARD.decode(public.expose_secret()).ok();
    let half = half.and_then(|half| String::from_utf8(half).ok()).map(SecretText::new);
    // Our own halves are letters and digits.
    key.seal(id, &half.ok_or(AnswerKeyError::NoSealedPart)?, random)
}

/// Replies to the secret `id` with a text, under the lease of a view.
///
/// # Errors
///
/// [`ClientError`]; a rejection with status 409 if there is a reply already.
pub fn reply(
    server: &ServerClient,
    id: &str,
    lease: &SecretText,
    (key, text): (&AnswerKey, &str),
    random: &dyn Random,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    #[derive(Serialize)]
    struct ReplyFields<'a> {
        lease: &'a str,
        ciphertext: &'a str,
        password_part_private: &'a str,
        sealed_part: &'a str,
    }
    let sealed = halves::seal(&pack(text, &[]), random);
    let part = seal_half(key, id, &sealed.public, random)
        .map_err(|error| server.misunderstood(error.to_string()))?;
    let body = ReplyFields {
        lease: lease.expose_secret(),
        ciphertext: &sealed.ciphertext,
        password_part_private: sealed.private.expose_secret(),
        sealed_part: &part,
    };
    let path = format!("api/public/secrets/{}/reply", in_path(id));
    let request = || server.request("POST", &path);
    // A repetition after a lost answer would find its own reply, and be refused.
    let _: ApiAnswer<Value> = server.json(request, Some(&body), Again::IfNothingWasDone, watch)?;
    Ok(())
}
