//! Commands carried out on the store: each is one call of the domain.

use super::{
    AccountCreated, AccountDeleted, AccountRow, ApiKeyCreated, ApiKeyRevoked, ApiKeyRow, Command,
    CommandError, ErrorKind, Reply,
};
use crate::{
    clock::UnixSeconds,
    crypto::Random,
    domain::{account::AccountError, administration},
    store::Store,
};

/// Carries out `command`. Blocks until it is durable. `allowance` is for accounts that are created
/// without one.
///
/// # Errors
///
/// The domain's, in its words.
pub fn run(
    store: &Store,
    command: Command,
    allowance: u64,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, CommandError> {
    Ok(match command {
        Command::CreateAccount { name, allowance: given } => {
            let allowance = given.unwrap_or(allowance);
            let keys = administration::create_account(store, &name, allowance, random, now)?;
            let administration::NewAccount { private_key, public_key } = keys;
            Reply::AccountCreated(AccountCreated { account: name, private_key, public_key })
        }
        Command::ListAccounts => {
            let rows = administration::accounts(store)?.into_iter().map(|(account, api_keys)| {
                let figures = account.metadata(now);
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
            let secrets_burned = administration::delete_account(store, &name, now)?;
            Reply::AccountDeleted(AccountDeleted { account: name, secrets_burned })
        }
        Command::CreateApiKey { account, kind } => {
            let administration::NewApiKey { key, id } =
                administration::create_key(store, &account, kind, random, now)?;
            Reply::ApiKeyCreated(ApiKeyCreated { account, kind, id, key })
        }
        Command::ListApiKeys { account } => {
            let listed = administration::list_keys(store, account.as_deref())?;
            let rows = listed.into_iter().map(|listed| ApiKeyRow {
                id: listed.id,
                account: listed.account,
                kind: listed.key.kind,
                created_at: listed.key.created_at,
            });
            Reply::ApiKeys(rows.collect())
        }
        Command::RevokeApiKey { id } => {
            let account = administration::revoke_key(store, &id)?;
            Reply::ApiKeyRevoked(ApiKeyRevoked { id, account })
        }
    })
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        let kind = match error {
            AccountError::BadName => ErrorKind::Usage,
            AccountError::Exists(_) => ErrorKind::Conflict,
            AccountError::Unknown(_) | AccountError::UnknownKey(_) => ErrorKind::NotFound,
            AccountError::TooMany | AccountError::Store(_) => ErrorKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}
