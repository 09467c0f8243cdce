//! What can be asked of the administration, and what it answers: one line of JSON each.
//!
//! The rules behind the commands are the domain's; here are only their shapes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{clock::UnixSeconds, crypto::SecretText, domain::api_key::KeyKind};

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
    /// Lists API keys; never the keys themselves, which nobody has.
    ListApiKeys {
        /// Only those of this account.
        account: Option<String>,
    },
    /// Makes an API key useless at once.
    RevokeApiKey {
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
    /// To [`Command::RevokeApiKey`].
    ApiKeyRevoked(ApiKeyRevoked),
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
    /// How many of its secrets could still have been viewed and now can not.
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

/// An API key is useless now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApiKeyRevoked {
    pub id: String,
    pub account: String,
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
    /// The command can not be right: a name with wrong characters, say.
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
