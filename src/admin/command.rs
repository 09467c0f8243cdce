//! What can be asked of the administration, and what it answers: one line of JSON each.
//!
//! The rules behind the commands are the domain's; here are only their shapes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    clock::UnixSeconds,
    crypto::SecretText,
    domain::{account::api_key::KeyKind, notify::event::WebhookEventKind},
};

/// A command of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Creates an account with one private and one public API key.
    CreateAccount {
        /// The account's name.
        name: String,
        /// How many secrets it may create in a month; the daemon's default if `None`.
        allowance: Option<u64>,
    },
    /// Lists all accounts.
    ListAccounts,
    /// Deletes an account, its keys, and burns all of its secrets.
    DeleteAccount {
        /// The account's name.
        name: String,
    },
    /// Creates an API key.
    CreateApiKey {
        /// The account that it is for.
        account: String,
        /// What it may do.
        kind: KeyKind,
    },
    /// Lists API keys by id; only hashes of the keys are stored.
    ListApiKeys {
        /// Only those of this account.
        account: Option<String>,
    },
    /// Sets or removes the address for an account's notifications.
    SetNotifyEmail {
        /// The account's name.
        account: String,
        /// The address; `None` for no notifications.
        email: Option<String>,
    },
    /// Lists what waits in the outbox, and what was given up.
    ListOutbox {
        /// From this number on.
        from: u64,
    },
    /// Makes what waits due at once.
    RetryOutbox {
        /// Its number; everything if `None`.
        id: Option<u64>,
    },
    /// Takes something out of the outbox unsent, and burns what was sealed of it.
    DropOutbox {
        /// Its number.
        id: u64,
    },
    /// Sends a test mail. Only a daemon that runs can.
    TestMail {
        /// To whom.
        to: String,
    },
    /// Makes an API key useless at once.
    RevokeApiKey {
        /// Its id, as listed.
        id: String,
    },
    /// Creates a link that signs a browser in to an account. Requires a running daemon, which knows its
    /// address.
    CreateClaim {
        /// The account's name; if `None`, the only account or the one of the first start.
        account: Option<String>,
    },
    /// Adds a webhook and makes its signing key.
    AddWebhook {
        /// The account whose events it is called for.
        account: String,
        /// Where it is.
        url: String,
        /// What it is called for; everything if empty.
        events: Vec<WebhookEventKind>,
    },
    /// Lists webhooks; never their signing keys.
    ListWebhooks {
        /// Only those of this account.
        account: Option<String>,
    },
    /// Removes a webhook: it is not called any more.
    RemoveWebhook {
        /// Its id, as listed.
        id: String,
    },
    /// Calls a webhook at once, once. Only a running daemon does.
    TestWebhook {
        /// Its id, as listed.
        id: String,
    },
}

/// The answer to a [`Command`] that was carried out.
// No Debug: some answers hold keys.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Command::CreateAccount`].
    AccountCreated(AccountCreated),
    /// To [`Command::ListAccounts`].
    Accounts(Vec<AccountRow>),
    /// To [`Command::DeleteAccount`].
    AccountDeleted(AccountDeleted),
    /// To [`Command::CreateApiKey`].
    ApiKeyCreated(ApiKeyCreated),
    /// To [`Command::ListApiKeys`].
    ApiKeys(Vec<ApiKeyRow>),
    /// To [`Command::SetNotifyEmail`].
    NotifyEmailSet(NotifyEmailSet),
    /// To [`Command::ListOutbox`].
    Outbox(OutboxPage),
    /// To [`Command::RetryOutbox`].
    OutboxRetried(OutboxChanged),
    /// To [`Command::DropOutbox`].
    OutboxDropped(OutboxChanged),
    /// To [`Command::TestMail`].
    MailTested(MailTested),
    /// To [`Command::RevokeApiKey`].
    ApiKeyRevoked(ApiKeyRevoked),
    /// To [`Command::CreateClaim`].
    ClaimCreated(ClaimCreated),
    /// To [`Command::AddWebhook`].
    WebhookAdded(WebhookAdded),
    /// To [`Command::ListWebhooks`].
    Webhooks(Vec<WebhookRow>),
    /// To [`Command::RemoveWebhook`].
    WebhookRemoved(WebhookRemoved),
    /// To [`Command::TestWebhook`], where the other end has taken the call.
    WebhookTested(WebhookTested),
}

/// A new account and its two keys, which are nowhere else.
#[derive(Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AccountCreated {
    pub account: String,
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub private_key: SecretText,
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub public_key: SecretText,
}

/// One account of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its name.
    pub name: String,
    /// How many secrets it may create in a calendar month (UTC).
    pub allowance: u64,
    /// Secrets in its list now.
    pub secrets_total: u64,
    /// Secrets that it created in this calendar month.
    pub secrets_usage: u64,
    /// How many API keys it has.
    pub api_keys: u64,
    /// When it was created.
    pub created_at: UnixSeconds,
}

/// An account is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDeleted {
    /// Its name.
    pub account: String,
    /// The number of its secrets that could still be viewed and are burned now.
    pub secrets_burned: u64,
}

/// A new API key, which is nowhere else.
#[derive(Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApiKeyCreated {
    pub account: String,
    pub kind: KeyKind,
    /// What [`Command::RevokeApiKey`] wants; not secret.
    pub id: String,
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub key: SecretText,
}

/// One API key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRow {
    /// What [`Command::RevokeApiKey`] wants; not secret.
    pub id: String,
    /// The account that it belongs to.
    pub account: String,
    /// What it may do.
    pub kind: KeyKind,
    /// When it was created.
    pub created_at: UnixSeconds,
}

/// Where an account's notifications go now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyEmailSet {
    /// The account's name.
    pub account: String,
    /// The address; `None` for no notifications.
    pub email: Option<String>,
    /// Whether the daemon sends mails; `None` where none runs that could tell.
    pub mail_ready: Option<bool>,
}

/// A page of what is in the outbox, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxPage {
    /// The entries.
    pub entries: Vec<OutboxRow>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<u64>,
}

/// One entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// What [`Command::RetryOutbox`] and [`Command::DropOutbox`] want.
    pub id: u64,
    /// What it is: `request`, `secret`, `viewed`, …, `webhook`.
    pub kind: String,
    /// The address of a mail; `None` for a webhook.
    pub to: Option<String>,
    /// `waiting` or `given up`.
    pub state: String,
    /// Since when it is there.
    pub queued_at: UnixSeconds,
    /// When it is tried next; `None` for never.
    pub next_at: Option<UnixSeconds>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// Entries of the outbox were changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the name says it")]
pub struct OutboxChanged {
    pub count: u64,
}

/// A test mail was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTested {
    /// What the server has said.
    pub reply: String,
}

/// An API key is useless now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApiKeyRevoked {
    pub id: String,
    pub account: String,
}

/// A new link that signs a browser in.
#[derive(Serialize, Deserialize)]
pub struct ClaimCreated {
    /// The account.
    pub account: String,
    /// The link. It opens the account, and is stored nowhere else.
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub link: SecretText,
    /// The time from which the link has expired.
    pub until: UnixSeconds,
}

/// A new webhook. Its signing key is shown nowhere else.
#[derive(Serialize, Deserialize)]
pub struct WebhookAdded {
    /// What the other commands want; not secret.
    pub id: String,
    /// The account whose events it is called for.
    pub account: String,
    /// Where it is, without the query.
    pub url: String,
    /// `whsec_…`, as Standard Webhooks writes it.
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub signing_key: SecretText,
}

/// One webhook of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// What the other commands want; not secret.
    pub id: String,
    /// The account whose events it is called for.
    pub account: String,
    /// Where it is, without the query.
    pub url: String,
    /// What it is called for.
    pub events: Vec<WebhookEventKind>,
    /// When it was added.
    pub created_at: UnixSeconds,
}

/// A webhook is not called any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WebhookRemoved {
    pub id: String,
    pub account: String,
}

/// A webhook has taken a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTested {
    /// Which.
    pub id: String,
    /// The status of its answer, 200 to 299.
    pub status: u16,
}

/// Why a command was not carried out, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct CommandError {
    /// What a program would do about it.
    pub kind: ErrorKind,
    /// What a person should know; nothing secret.
    pub message: String,
}

impl CommandError {
    /// An error of `kind` with `message`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The kinds of [`CommandError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command is wrong: a name with wrong characters, for example.
    Usage,
    /// It does not fit what is there: the name is taken.
    Conflict,
    /// What it is about is not there.
    NotFound,
    /// Something broke on the way.
    Failed,
}

/// Writes a secret out.
///
/// # Security
///
/// The administration shows new keys to the operator once; that is the only use of this.
fn expose<S: Serializer>(secret: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
    String::deserialize(deserializer).map(SecretText::new)
}
