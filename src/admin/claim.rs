//! Links that sign a browser in.

use super::{ClaimCreated, CommandError, ErrorKind};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText},
    domain::{claim, operator},
    store::Store,
};

/// The account that a first start creates.
pub const FIRST_ACCOUNT: &str = "default";

/// Creates a claim link below `base` (without a slash at the end) for `account`, or for the only account, or
/// for [`FIRST_ACCOUNT`]. Blocks.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] for an unknown account, [`ErrorKind::Usage`] if an account must be named.
pub fn create_claim(
    store: &Store,
    account: Option<String>,
    base: &str,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<ClaimCreated, CommandError> {
    let account = account.map_or_else(|| only_account(store), Ok)?;
    let claim::NewClaim { token, until } = claim::create(store, &account, random, now)?;
    let link = SecretText::new(format!("{base}/claim#{}", token.expose_secret()));
    Ok(ClaimCreated { account, link, until })
}

fn only_account(store: &Store) -> Result<String, CommandError> {
    let mut names = operator::accounts(store)?.into_iter().map(|(account, ..)| account.name);
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => Err(CommandError::new(
            ErrorKind::NotFound,
            "there is no account: create one with sealdrop account create NAME",
        )),
        (Some(first), Some(second)) => [first, second]
            .into_iter()
            .chain(names)
            .find(|name| name == FIRST_ACCOUNT)
            .ok_or_else(|| {
                CommandError::new(
                    ErrorKind::Usage,
                    "there are several accounts: give --account NAME (sealdrop account list shows \
                         the names)",
                )
            }),
    }
}
