//! The commands of the administration and their replies: one line of JSON each.
//!
//! Only the types are here; the domain has the rules.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::examination::{MailLoginTested, RequestArrival, ServingFacts};
use crate::{
    clock::UnixSeconds,
    crypto::SecretText,
    domain::{
        account::api_key::KeyKind, notify::event::WebhookEventKind, server_status::ServerStatus,
    },
    store::backup::EarlierBackup,
};

/// A command of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Creates an account with one private and one public API key.
    CreateAccount {
        /// The account's name.
        name: String,
        /// The most secrets that it may create in a month; `None` for the daemon's default.
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
        /// The account of the key.
        account: String,
        /// The rights of the key.
        kind: KeyKind,
        /// The name of the key.
        name: Option<String>,
    },
    /// Sets or removes the name of an API key.
    RenameApiKey {
        /// Its id, as listed.
        id: String,
        /// The new name; `None` for none.
        name: Option<String>,
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
    /// Sets or removes the name that viewers of an account's secrets see.
    SetDisplayName {
        /// The account's name.
        account: String,
        /// The new name; `None` for none.
        display_name: Option<String>,
    },
    /// Lists the items of the outbox that wait or were given up.
    ListOutbox {
        /// From this number on.
        from: u64,
    },
    /// Makes waiting items due at once.
    RetryOutbox {
        /// The number of the item; `None` for all.
        id: Option<u64>,
    },
    /// Deletes an item of the outbox without sending it, and burns its sealed part.
    DropOutbox {
        /// The number of the item.
        id: u64,
    },
    /// Sends a test mail. This needs a running daemon.
    TestMail {
        /// The recipient.
        to: String,
    },
    /// Returns the state of the daemon. This needs a running daemon.
    ShowStatus,
    /// Turns the ring now.
    TurnRing,
    /// Revokes an API key at once.
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
    /// Asks the running daemon how it is.
    CheckHealth,
    /// Asks the running daemon for its addresses and what it has noticed, for `sealdrop doctor`.
    DescribeServing,
    /// Lets the running daemon note how the request with this token arrives.
    AwaitRequest {
        /// The value of the header `X-Sealdrop-Doctor`.
        token: String,
    },
    /// Asks the running daemon how the awaited request arrived.
    ShowAwaited,
    /// Logs in to the mail server without sending a mail. This needs a running daemon.
    TestMailLogin,
    /// Makes a backup. The answer is the backup instead of a reply.
    CreateBackup {
        /// Whether it has the keys of payloads.
        with_keys: bool,
        /// The earlier backup whose files it leaves out. The client is asked for each file.
        #[serde(default)]
        since: Option<EarlierBackup>,
    },
    /// Adds a webhook and makes its signing key.
    AddWebhook {
        /// The account whose events the webhook gets.
        account: String,
        /// The URL.
        url: String,
        /// The events; empty for all.
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
    /// Calls a webhook once, now. This needs a running daemon.
    TestWebhook {
        /// Its id, as listed.
        id: String,
    },
}

/// The reply to a [`Command`] that was executed.
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
    /// To [`Command::RenameApiKey`].
    ApiKeyRenamed(ApiKeyRenamed),
    /// To [`Command::ListApiKeys`].
    ApiKeys(Vec<ApiKeyRow>),
    /// To [`Command::SetNotifyEmail`].
    NotifyEmailSet(NotifyEmailSet),
    /// To [`Command::SetDisplayName`].
    DisplayNameSet(DisplayNameSet),
    /// To [`Command::ListOutbox`].
    Outbox(OutboxPage),
    /// To [`Command::RetryOutbox`].
    OutboxRetried(OutboxChanged),
    /// To [`Command::DropOutbox`].
    OutboxDropped(OutboxChanged),
    /// To [`Command::TestMail`].
    MailTested(MailTested),
    /// To [`Command::ShowStatus`].
    Status(Box<ServerStatus>),
    /// To [`Command::TurnRing`].
    RingTurned(RingTurned),
    /// To [`Command::RevokeApiKey`].
    ApiKeyRevoked(ApiKeyRevoked),
    /// To [`Command::CreateClaim`].
    ClaimCreated(ClaimCreated),
    /// To [`Command::CheckHealth`].
    Health(DaemonHealth),
    /// To [`Command::DescribeServing`].
    Serving(Box<ServingFacts>),
    /// To [`Command::AwaitRequest`].
    Awaited,
    /// To [`Command::ShowAwaited`].
    Arrival(Option<RequestArrival>),
    /// To [`Command::TestMailLogin`].
    MailLogin(MailLoginTested),
    /// To [`Command::AddWebhook`].
    WebhookAdded(WebhookAdded),
    /// To [`Command::ListWebhooks`].
    Webhooks(Vec<WebhookRow>),
    /// To [`Command::RemoveWebhook`].
    WebhookRemoved(WebhookRemoved),
    /// To [`Command::TestWebhook`] if the receiver accepted the call.
    WebhookTested(WebhookTested),
}

/// A new account and its two keys, which are stored nowhere.
#[derive(Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are enough")]
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
    /// The most secrets that it may create in a calendar month (UTC).
    pub allowance: u64,
    /// The number of secrets in its list.
    pub secrets_total: u64,
    /// The number of secrets that it created in this calendar month.
    pub secrets_usage: u64,
    /// The number of its API keys.
    pub api_keys: u64,
    /// The time of creation.
    pub created_at: UnixSeconds,
}

/// An account was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDeleted {
    /// Its name.
    pub account: String,
    /// The number of its secrets that could still be viewed, which are now burned.
    pub secrets_burned: u64,
}

/// A new API key, which is stored nowhere.
#[derive(Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are enough")]
pub struct ApiKeyCreated {
    pub account: String,
    pub kind: KeyKind,
    /// The id for [`Command::RevokeApiKey`]; not secret.
    pub id: String,
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub key: SecretText,
    pub name: Option<String>,
}

/// The new name of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRenamed {
    /// Its id.
    pub id: String,
    /// The account of the key.
    pub account: String,
    /// Its name; `None` for none.
    pub name: Option<String>,
}

/// One API key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRow {
    /// The id for [`Command::RevokeApiKey`]; not secret.
    pub id: String,
    /// The account of the key.
    pub account: String,
    /// The rights of the key.
    pub kind: KeyKind,
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The name of the key; `None` for none.
    pub name: Option<String>,
    /// The day of its last use in UTC, as in `2026-11-22`; `None` if it was not used.
    pub last_used_on: Option<String>,
}

/// The new address for an account's notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyEmailSet {
    /// The account's name.
    pub account: String,
    /// The address; `None` for no notifications.
    pub email: Option<String>,
    /// Whether the daemon sends mails; `None` if no daemon runs.
    pub mail_ready: Option<bool>,
}

/// The new display name of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayNameSet {
    /// The account's name.
    pub account: String,
    /// The name that viewers see; `None` for none.
    pub display_name: Option<String>,
}

/// A page of the outbox, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxPage {
    /// The entries.
    pub entries: Vec<OutboxRow>,
    /// The start of the next page; `None` after the last one.
    pub next: Option<u64>,
}

/// One entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The number for [`Command::RetryOutbox`] and [`Command::DropOutbox`].
    pub id: u64,
    /// The kind: `request`, `secret`, `viewed`, …, `webhook`.
    pub kind: String,
    /// The address of a mail; `None` for a webhook.
    pub to: Option<String>,
    /// `waiting` or `given up`.
    pub state: String,
    /// The time when it was queued.
    pub queued_at: UnixSeconds,
    /// The time of the next attempt; `None` for never.
    pub next_at: Option<UnixSeconds>,
    /// The number of attempts.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: Option<String>,
}

/// Entries of the outbox were changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the name is enough")]
pub struct OutboxChanged {
    pub count: u64,
}

/// A test mail was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTested {
    /// The answer of the mail server.
    pub reply: String,
}

/// The ring was turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingTurned {
    /// The time, as in RFC 3339.
    pub turned_at: String,
}

/// An API key was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are enough")]
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

/// A daemon that answers, and whose store does.
#[derive(Serialize, Deserialize)]
pub struct DaemonHealth {
    /// The reason why it cannot create secrets now, as `GET /ready` says it; `None` if it can.
    pub not_ready: Option<String>,
}

/// A new webhook. Its signing key is shown only here.
#[derive(Serialize, Deserialize)]
pub struct WebhookAdded {
    /// The id for the other commands; not secret.
    pub id: String,
    /// The account whose events the webhook gets.
    pub account: String,
    /// The URL without its query.
    pub url: String,
    /// `whsec_…`, as Standard Webhooks writes it.
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub signing_key: SecretText,
}

/// One webhook of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// The id for the other commands; not secret.
    pub id: String,
    /// The account whose events the webhook gets.
    pub account: String,
    /// The URL without its query.
    pub url: String,
    /// The events.
    pub events: Vec<WebhookEventKind>,
    /// The time when it was added.
    pub created_at: UnixSeconds,
}

/// A webhook was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are enough")]
pub struct WebhookRemoved {
    pub id: String,
    pub account: String,
}

/// A webhook accepted a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTested {
    /// The id of the webhook.
    pub id: String,
    /// The status of its answer, 200 to 299.
    pub status: u16,
}

/// The error of a command, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct CommandError {
    /// The kind, for programs.
    pub kind: ErrorKind,
    /// The message, for people, without secrets.
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
    /// A conflict: the name is taken, for example.
    Conflict,
    /// The object of the command does not exist.
    NotFound,
    /// Any other failure.
    Failed,
}

/// Writes a secret in plain text.
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
