//! Executes commands on the store: each is one call of the domain.

use super::{
    AccountCreated, AccountDeleted, AccountRow, ApiKeyCreated, ApiKeyRenamed, ApiKeyRevoked,
    ApiKeyRow, Command, CommandError, DisplayNameSet, ErrorKind, NotifyEmailSet, Reply, outbox,
    webhook,
};
use crate::{
    clock::UnixSeconds,
    crypto::Random,
    domain::{
        account::{
            AccountError,
            api_key::NewApiKey,
            display_name::{DisplayName, set_display_name},
            find_account,
        },
        notify::{self, mailbox::Mailbox},
        operator::{self, ListedApiKey},
    },
    store::Store,
};

/// The settings of the daemon that commands need.
#[derive(Clone, Copy, Debug)]
pub struct OperatorTerms {
    /// For accounts that are created without an allowance.
    pub allowance: u64,
    /// Whether webhooks may be at private addresses.
    pub webhook_private: bool,
}

/// Executes `command`. Blocks until its changes are durable.
///
/// # Errors
///
/// The error of the domain.
pub fn run(
    store: &Store,
    command: Command,
    terms: OperatorTerms,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, CommandError> {
    Ok(match command {
        Command::CreateAccount { name, allowance: given } => {
            let allowance = given.unwrap_or(terms.allowance);
            let keys = operator::create_account(store, &name, allowance, random, now)?;
            let operator::NewAccount { private_key, public_key } = keys;
            Reply::AccountCreated(AccountCreated { account: name, private_key, public_key })
        }
        Command::ListAccounts => {
            let rows = operator::accounts(store)?.into_iter().map(|(account, counts, api_keys)| {
                let figures = counts.metadata(&account, now);
                AccountRow {
                    name: account.name,
                    allowance: figures.secrets_allowance,
                    secrets_total: figures.secrets_total,
                    secrets_usage: figures.secrets_usage,
                    api_keys,
                    created_at: account.created_at,
                }
            });
            Reply::Accounts(rows.collect())
        }
        Command::DeleteAccount { name } => {
            let secrets_burned = operator::delete_account(store, &name, now)?;
            Reply::AccountDeleted(AccountDeleted { account: name, secrets_burned })
        }
        Command::CreateApiKey { account, kind, name } => {
            let parsed = parse_name(name.as_deref(), "the name of the key")?;
            let NewApiKey { key, stored } =
                operator::create_key(store, &account, (kind, parsed), random, now)?;
            let id = stored.id();
            let name = stored.key.name.map(DisplayName::into_string);
            Reply::ApiKeyCreated(ApiKeyCreated { account, kind, id, key, name })
        }
        Command::RenameApiKey { id, name } => {
            let name = parse_name(name.as_deref(), "the name of the key")?;
            let ListedApiKey { account, stored } = operator::rename_key(store, &id, name)?;
            let name = stored.key.name.map(DisplayName::into_string);
            Reply::ApiKeyRenamed(ApiKeyRenamed { id, account, name })
        }
        Command::ListApiKeys { account } => {
            let listed = operator::list_keys(store, account.as_deref())?;
            let rows = listed.into_iter().map(|ListedApiKey { account, stored }| ApiKeyRow {
                id: stored.id(),
                account,
                kind: stored.key.kind,
                created_at: stored.key.created_at,
                name: stored.key.name.map(DisplayName::into_string),
                last_used_on: stored.key.last_used.map(|day| day.to_string()),
            });
            Reply::ApiKeys(rows.collect())
        }
        Command::SetNotifyEmail { account, email } => {
            let to = email.as_deref().map(mailbox).transpose()?;
            let number = find_account(store, &account)?;
            notify::set_email(store, number, to, random)?;
            Reply::NotifyEmailSet(NotifyEmailSet { account, email, mail_ready: None })
        }
        Command::SetDisplayName { account, display_name } => {
            let name = parse_name(display_name.as_deref(), "the display name")?;
            let number = find_account(store, &account)?;
            set_display_name(store, number, name.clone())?;
            let display_name = name.map(DisplayName::into_string);
            Reply::DisplayNameSet(DisplayNameSet { account, display_name })
        }
        Command::ListOutbox { from } => Reply::Outbox(outbox::page(store, from)?),
        Command::RetryOutbox { id } => Reply::OutboxRetried(outbox::retry(store, id, now)?),
        Command::DropOutbox { id } => Reply::OutboxDropped(outbox::drop_one(store, id)?),
        Command::TurnRing => {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "no daemon runs on this data directory, and only a running daemon knows the copies of the \
                 ring: start it first",
            ));
        }
        Command::TestMail { .. } => {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "no daemon runs here, and only a running daemon can send mail: start it first",
            ));
        }
        Command::ShowStatus => {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "no daemon runs on this data directory, and only a running daemon has a state: start it \
                 first",
            ));
        }
        Command::CreateClaim { .. } => {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "no daemon runs on this data directory, and the link only opens while it runs: start it \
                 first",
            ));
        }
        Command::CheckHealth
        | Command::CreateBackup { .. }
        | Command::DescribeServing
        | Command::AwaitRequest { .. }
        | Command::ShowAwaited
        | Command::TestMailLogin => {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "no daemon runs on this data directory",
            ));
        }
        Command::RevokeApiKey { id } => {
            let account = operator::revoke_key(store, &id)?;
            Reply::ApiKeyRevoked(ApiKeyRevoked { id, account })
        }
        Command::AddWebhook { account, url, events } => {
            webhook::add(store, account, &url, &events, terms.webhook_private, random, now)?
        }
        Command::ListWebhooks { account } => webhook::list(store, account.as_deref())?,
        Command::RemoveWebhook { id } => webhook::remove(store, id)?,
        Command::TestWebhook { .. } => return Err(webhook::needs_daemon()),
    })
}

fn parse_name(text: Option<&str>, what: &str) -> Result<Option<DisplayName>, CommandError> {
    let name = text.map(DisplayName::new).transpose();
    name.map_err(|error| CommandError::new(ErrorKind::Usage, format!("{what} {error}")))
}

/// Parses an address.
///
/// # Errors
///
/// The problem with the address.
pub fn mailbox(text: &str) -> Result<Mailbox, CommandError> {
    Mailbox::new(text).map_err(|error| {
        CommandError::new(ErrorKind::Usage, format!("the address {text:?} {error}"))
    })
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        let kind = match error {
            AccountError::BadName => ErrorKind::Usage,
            AccountError::Exists(_) => ErrorKind::Conflict,
            AccountError::Unknown(_)
            | AccountError::Gone
            | AccountError::Revoked
            | AccountError::UnknownKey(_) => ErrorKind::NotFound,
            AccountError::TooMany | AccountError::Store(_) => ErrorKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}
