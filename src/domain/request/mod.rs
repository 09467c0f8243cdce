//! Secret requests: a link that asks a person for a secret, usable a limited number of times.
//!
//! A sender with the link creates a secret in the account of the requester, with the settings of the request.
//! As in [`secret`], the functions here return changes for the store's writer.

pub mod answers;
mod ending;
mod error;
mod list;
pub mod manage;
#[cfg(test)]
mod model_tests;

use std::{
    hint::black_box,
    num::{NonZeroU8, NonZeroU16},
};

use serde::{Deserialize, Serialize};

pub(super) use self::ending::{remove, remove_unreadable, sweep_one};
pub use self::{
    error::RequestError,
    list::{RequestListEntry, RequestPage, list},
};
use super::{
    account::{self, AccountCounts, RequestMetadata},
    alike::StandIn,
    lifetime::Lifetime,
    notify::{
        self,
        language::Language,
        mailbox::Mailbox,
        outbox::{self, Letter, NewMail},
    },
    numbers::{AccountNumber, SecretId},
    schema::{self, RequestText},
    sealed_part::{SealedHalf, StoredAnswerKey},
    secret::{
        self, MessageShown, NewSecret, Secret,
        attachment::{NewAttachments, draft},
        manage::Manage,
    },
    text::Text,
};
pub use super::{request_id::RequestId, request_record::Request};
use crate::{
    clock::UnixSeconds,
    crypto::PasswordHash,
    domain::numbers::RequestNumber,
    store::{Key, Payload, Record, Store, StoreError, Transaction},
};

/// Records that a secret was created through a request.
#[derive(Serialize, Deserialize)]
struct MadeThroughRequest;

impl Record for MadeThroughRequest {
    const VERSION: u8 = 1;
}

/// The texts of a request.
#[derive(Clone, Default)]
pub struct Texts {
    /// The description of the request, visible to the owner only.
    pub description: Option<Text>,
    /// The message of the request, visible to senders with the link.
    pub message: Option<Text>,
    /// The description of the secrets.
    pub secret_description: Option<Text>,
    /// The message of the secrets.
    pub secret_message: Option<Text>,
}

/// A new request, already validated.
pub struct NewRequest {
    /// The id in its link.
    pub id: RequestId,
    /// The texts of the request and its secrets.
    pub texts: Texts,
    /// The lifetime of the request.
    pub lifetime: Lifetime,
    /// The number of secrets that can be created through it.
    pub limit: NonZeroU16,
    /// The recipient of the request's link, by mail.
    pub send_request_to: Option<Mailbox>,
    /// The recipient of the secrets' links.
    pub send_to: Option<Mailbox>,
    /// The language of the mails, if chosen.
    pub language: Option<Language>,
    /// The lifetime of each secret.
    pub secret_lifetime: Lifetime,
    /// The number of views of each secret.
    pub secret_max_views: NonZeroU8,
    /// The hash of the password that viewers of the secrets need.
    pub secret_password: Option<PasswordHash>,
    /// The key that answers are sealed for.
    pub answer_key: Option<StoredAnswerKey>,
}

/// A request that could be used when it was read. Its settings and texts never change.
pub struct UsableRequest {
    number: RequestNumber,
    /// The record.
    pub request: Request,
    /// The texts of the request.
    pub texts: Texts,
    /// The key that answers are sealed for.
    pub answer_key: Option<StoredAnswerKey>,
}

/// The recipient of a secret's complete link, and the account that sends it.
pub struct Receiver {
    /// The account that owns the request.
    pub account: AccountNumber,
    /// The recipient of the secrets' links.
    pub to: Mailbox,
    /// The language of the mails, if chosen.
    pub language: Option<Language>,
}

impl UsableRequest {
    /// The recipient of the link of a secret created through the request; `None` if the sender keeps the
    /// link.
    #[must_use]
    pub fn receiver(&self) -> Option<Receiver> {
        let Request { send_to, language, .. } = &self.request;
        let (account, language) = (self.number.account, *language);
        send_to.clone().map(|to| Receiver { account, to, language })
    }
}

/// The secret that a sender provides through a request, validated and sealed.
pub struct Handed {
    /// The 120 random bits of the secret's id. The payload is sealed with them as the context.
    pub random: [u8; 15],
    /// The sealed ciphertext and private half.
    pub payload: Payload,
    /// The mail with the complete link, if the request has [`Request::send_to`].
    pub mail: Option<NewMail>,
    /// The attachments.
    pub attachments: Option<NewAttachments>,
    /// The public half of the link, sealed for the request's key for answers.
    pub sealed_part: Option<SealedHalf>,
}

impl Texts {
    fn fields(&self) -> [(RequestText, Option<&Text>); 4] {
        [
            (RequestText::Description, self.description.as_ref()),
            (RequestText::Message, self.message.as_ref()),
            (RequestText::SecretDescription, self.secret_description.as_ref()),
            (RequestText::SecretMessage, self.secret_message.as_ref()),
        ]
    }

    fn read(store: &Store, number: RequestNumber, request: &Request) -> Result<Self, StoreError> {
        let is_there = |field: &RequestText| request.has_text[*field as usize];
        let there = RequestText::ALL.into_iter().filter(is_there);
        let keys: Vec<Key> = there.map(|field| schema::request_text(number, field)).collect();
        let mut texts = store.get_many::<Text>(&keys)?.into_iter();
        let [description, message, secret_description, secret_message] = RequestText::ALL
            .map(|field| if is_there(&field) { texts.next().flatten() } else { None });
        Ok(Self { description, message, secret_description, secret_message })
    }
}

/// Creates a request in `account`, if its list has fewer than `allowance` requests. Returns the account's
/// figures.
pub fn create(
    account: AccountNumber,
    new: NewRequest,
    allowance: u64,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<RequestMetadata, RequestError> + Send + 'static {
    move |transaction| {
        let (_, _, metadata) = insert(transaction, account, &new, allowance, now)?;
        if let Some(to) = &new.send_request_to {
            let (to, language) = (to.clone(), new.language);
            let mail = NewMail { account: Some(account), to, language, payload: None };
            let letter = Letter::Request { request: new.id.clone() };
            outbox::put_mail(transaction, &mail, letter, now)?;
        }
        Ok(metadata)
    }
}

/// Writes the records of a new request.
fn insert(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    new: &NewRequest,
    allowance: u64,
    now: UnixSeconds,
) -> Result<(RequestNumber, Request, RequestMetadata), RequestError> {
    transaction.check_room()?;
    let owner = secret::live_account(transaction, account)?;
    let (sequence, counts) = account::count_request(transaction, account, &owner, allowance)?
        .ok_or(RequestError::OverAllowance(allowance))?;
    let number = RequestNumber { account, sequence };
    let expires_at = new.lifetime.ends_at(now);
    let mut request = Request {
        id: new.id.clone(),
        created_at: now,
        lifetime: new.lifetime,
        expires_at,
        limit: new.limit,
        used: 0,
        send_to: new.send_to.clone(),
        language: new.language,
        secret_lifetime: new.secret_lifetime,
        secret_max_views: new.secret_max_views,
        has_secret_password: new.secret_password.is_some(),
        secret_password: new.secret_password.clone(),
        has_text: new.texts.fields().map(|(_, text)| text.is_some()),
        ended_at: None,
        due_at: None,
        drafts: 0,
    };
    request.reschedule(transaction, number, expires_at)?;
    transaction.put(&schema::request(number), &request)?;
    transaction.put(&schema::request_id(&new.id.hash()), &number)?;
    for (field, text) in new.texts.fields() {
        if let Some(text) = text {
            transaction.put(&schema::request_text(number, field), text)?;
        }
    }
    if let Some(key) = &new.answer_key {
        transaction.put(&schema::request_answer_key(number), key)?;
    }
    Ok((number, request, counts.request_metadata(&owner, now, allowance)))
}

/// The request with this id, if it can be used. Reads the disk, so it must run on a blocking thread.
///
/// # Errors
///
/// [`RequestError::NotFound`] if it is unknown or over, and [`StoreError`].
pub fn look(
    store: &Store,
    id: &RequestId,
    now: UnixSeconds,
) -> Result<UsableRequest, RequestError> {
    let number = store.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
    let Some(number) = number else {
        // As many records as for a request that is over.
        black_box(store.get::<Manage>(&StandIn::Manage.key())?);
        black_box(store.get::<Secret>(&StandIn::Secret.key())?);
        return Err(RequestError::NotFound);
    };
    let request = store.get::<Request>(&schema::request(number))?;
    let request = request
        .filter(|request| request.id == *id && request.is_open(now))
        .ok_or(RequestError::NotFound)?;
    list::live_account(store, number.account)?;
    let texts = Texts::read(store, number, &request)?;
    let answer_key = store.get(&schema::request_answer_key(number))?;
    Ok(UsableRequest { number, request, texts, answer_key })
}

/// Creates a secret through a request. Returns the secret's id and record. A draft returns its use if it is
/// not published; its mail is queued with the publication. The last use ends the request, which is deleted
/// from the list `keep_log_seconds` later.
pub fn answer(
    found: UsableRequest,
    input: Handed,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(SecretId, Secret), RequestError> + Send + 'static
{
    let UsableRequest { number, request: seen, texts, .. } = found;
    let new = NewSecret {
        random: input.random,
        payload: input.payload,
        description: texts.secret_description,
        message: texts.secret_message,
        message_shown: MessageShown::With,
        is_from_owner: false,
        lifetime: seen.secret_lifetime,
        view_button: false,
        captcha: false,
        password: seen.secret_password,
        max_views: seen.secret_max_views,
        attachments: input.attachments,
        reply_key: None,
    };
    let (id, mail, sealed_part) = (seen.id, input.mail, input.sealed_part);
    move |transaction| {
        let key = schema::request(number);
        let request = transaction.get::<Request>(&key)?;
        let mut request = request
            .filter(|request| request.id == id && request.is_open(now))
            .ok_or(RequestError::NotFound)?;
        let (secret_number, secret, _) = secret::insert(transaction, number.account, &new, now)?;
        transaction.put(&schema::made_secret(number, secret_number), &MadeThroughRequest)?;
        if let Some(part) = &sealed_part {
            transaction.put(&schema::sealed_part(secret_number), part)?;
        }
        request.used += 1;
        let secret_id = secret.id(secret_number);
        if secret.is_draft {
            request.drafts += 1;
            transaction.put(&key, &request)?;
            draft::answers(transaction, secret_number, number, mail.as_ref())?;
            return Ok((secret_id, secret));
        }
        if request.is_used_for_good() {
            request.end(transaction, number, now, keep_log_seconds)?;
        }
        transaction.put(&key, &request)?;
        if let Some(mail) = &mail {
            let letter = Letter::Secret { secret: secret_id };
            outbox::put_mail(transaction, mail, letter, now)?;
        }
        notify::answered(transaction, id.clone(), secret_id, now)?;
        Ok((secret_id, secret))
    }
}

/// Deletes a request from the list, whatever its state. The secrets created through it remain. Returns the
/// account's figures, see [`create`].
pub fn delete(
    account: AccountNumber,
    id: RequestId,
    allowance: u64,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<RequestMetadata, RequestError> + Send + 'static {
    move |transaction| {
        let number = transaction.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
        let number =
            number.filter(|number| number.account == account).ok_or(RequestError::NotFound)?;
        let request = transaction.get::<Request>(&schema::request(number))?;
        let request = request.filter(|request| request.id == id).ok_or(RequestError::NotFound)?;
        remove(transaction, number, &request)?;
        let owner = secret::live_account(transaction, account)?;
        let counts = AccountCounts::glance(transaction, account, &owner)?;
        Ok(counts.request_metadata(&owner, now, allowance))
    }
}
