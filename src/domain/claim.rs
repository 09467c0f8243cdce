//! Claims: tokens that give a new private API key of an account to the first who presents one.
//!
//! The operator passes a claim to a browser as a link, so that no key has to be typed or pasted.

use serde::{Deserialize, Serialize};

use super::{
    account::{
        Account, AccountError, AccountName,
        api_key::{ApiKey, KeyKind, StoredApiKey},
        display_name::DisplayName,
    },
    numbers::AccountNumber,
    operator::live_account,
    schema,
    secret::manage,
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText, sha256},
    store::{Record, Store, StoreError, Transaction},
};

/// How long a claim is valid, in seconds.
pub const CLAIM_SECONDS: u64 = 15 * 60;

/// The name of the keys that claims create.
const KEY_NAME: &str = "Browser, by sign-in link";

/// The record of a claim, found by the hash of its token.
#[derive(Serialize, Deserialize)]
struct Claim {
    account: AccountNumber,
    /// The time from which the claim has expired.
    until: UnixSeconds,
}

impl Record for Claim {
    const VERSION: u8 = 1;
}

/// A new claim. Its token is stored nowhere else.
pub struct NewClaim {
    /// The token, for a link.
    pub token: SecretText,
    /// The time from which the claim has expired.
    pub until: UnixSeconds,
}

/// The reason why a claim was refused.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Unknown, expired, used, replaced, or of a deleted account. The answer does not tell which.
    #[error("there is no such claim")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates a claim for the account with this name. It replaces the account's previous claim. Blocks.
///
/// # Errors
///
/// [`AccountError::Unknown`], [`AccountError::BadName`] and [`AccountError::Store`].
pub fn create(
    store: &Store,
    account: &str,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<NewClaim, AccountError> {
    let name = AccountName::new(account)?;
    let (token, hash) = manage::generate(random);
    let until = now.plus(CLAIM_SECONDS);
    store
        .change(move |transaction| {
            let (account, _) = live_account(transaction, &name)?;
            for key in transaction.keys(&schema::claims(), usize::MAX)? {
                let found = transaction.get::<Claim>(&key)?;
                if found.is_none_or(|found| found.account == account || found.until <= now) {
                    transaction.delete(&key)?;
                }
            }
            Ok::<_, AccountError>(
                transaction.put(&schema::claim(&hash), &Claim { account, until })?,
            )
        })
        .wait()?;
    Ok(NewClaim { token, until })
}

/// Whether the claim with this token can be used at `now`. Reads the disk, so it must run on a blocking thread.
///
/// # Errors
///
/// [`StoreError`].
pub fn is_valid(store: &Store, token: &str, now: UnixSeconds) -> Result<bool, StoreError> {
    let found = store.get::<Claim>(&schema::claim(&sha256(token.as_bytes())))?;
    Ok(found.is_some_and(|claim| now < claim.until))
}

/// Uses a claim: deletes it, and stores a private API key with the hash `key_hash`. Returns the name of its
/// account, and the key.
pub fn redeem(
    token: &str,
    key_hash: [u8; 32],
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(String, StoredApiKey), ClaimError> + Send + 'static
{
    let hash = sha256(token.as_bytes());
    move |transaction| {
        let key = schema::claim(&hash);
        let claim = transaction.get::<Claim>(&key)?.filter(|claim| now < claim.until);
        let number = claim.ok_or(ClaimError::NotFound)?.account;
        let account = transaction.get::<Account>(&schema::account(number))?;
        let account = account.filter(|account| !account.deleting).ok_or(ClaimError::NotFound)?;
        transaction.delete(&key)?;
        let name = DisplayName::new(KEY_NAME).ok();
        let api_key = ApiKey::new(number, KeyKind::Private, name, now);
        transaction.put(&schema::api_key(&key_hash), &api_key)?;
        Ok((account.name, StoredApiKey { hash: key_hash, key: api_key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRandom,
        domain::{
            account::api_key::{ApiKeys, generate, of_account},
            operator::{create_account, delete_account},
        },
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    struct ClaimFixture {
        store: Store,
        random: SeededRandom,
        _dir: tempfile::TempDir,
    }

    fn fixture() -> ClaimFixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 16 << 20).unwrap();
        let random = SeededRandom::new(1);
        for name in ["alice", "bob"] {
            create_account(&store, name, 10, &random, NOW).unwrap();
        }
        ClaimFixture { store, random, _dir: dir }
    }

    impl ClaimFixture {
        fn claim(&self, account: &str, now: UnixSeconds) -> SecretText {
            create(&self.store, account, &self.random, now).unwrap().token
        }

        /// The account that the token gives a key of.
        fn redeem(&self, token: &SecretText, now: UnixSeconds) -> Option<String> {
            let (key, hash) = generate(KeyKind::Private, &self.random);
            let token = token.expose_secret();
            let was_valid = is_valid(&self.store, token, now).unwrap();
            let account = match self.store.change(redeem(token, hash, now)).wait() {
                Ok((account, _)) => Some(account),
                Err(ClaimError::NotFound) => None,
                Err(ClaimError::Store(error)) => panic!("{error}"),
            };
            let keys = ApiKeys::load(&self.store).unwrap();
            let found = keys.find(key.expose_secret().as_bytes());
            assert_eq!(
                found.is_some(),
                account.is_some(),
                "a key exists only if the claim was used"
            );
            assert!(found.is_none_or(|found| found.kind == KeyKind::Private));
            assert!(was_valid || account.is_none());
            account
        }
    }

    #[test]
    fn a_claim_is_used_once_and_in_time() {
        let fixture = fixture();
        let token = fixture.claim("alice", NOW);
        let last = NOW.plus(CLAIM_SECONDS - 1);
        assert_eq!(fixture.redeem(&token, last), Some("alice".into()));
        let mut names = of_account(&fixture.store, AccountNumber::FIRST).unwrap();
        let name = names.pop().and_then(|last| last.key.name).map(DisplayName::into_string);
        assert_eq!(name.as_deref(), Some(KEY_NAME), "its name says where the key comes from");
        assert_eq!(fixture.redeem(&token, last), None);
        let late = fixture.claim("alice", NOW);
        assert_eq!(fixture.redeem(&late, NOW.plus(CLAIM_SECONDS)), None);
        assert_eq!(fixture.redeem(&SecretText::new("0".repeat(64)), NOW), None);
    }

    #[test]
    fn an_account_has_one_claim_and_a_deleted_one_none() {
        let fixture = fixture();
        let (old, other) = (fixture.claim("alice", NOW), fixture.claim("bob", NOW));
        let new = fixture.claim("alice", NOW);
        assert_eq!(fixture.redeem(&old, NOW), None);
        assert_eq!(fixture.redeem(&new, NOW), Some("alice".into()));
        delete_account(&fixture.store, "bob", NOW).unwrap();
        assert_eq!(fixture.redeem(&other, NOW), None);
        assert!(matches!(
            create(&fixture.store, "bob", &fixture.random, NOW),
            Err(AccountError::Unknown(_))
        ));
        // Expired claims of other accounts are deleted with the next one.
        create_account(&fixture.store, "carol", 10, &fixture.random, NOW).unwrap();
        fixture.claim("carol", NOW.plus(CLAIM_SECONDS));
        assert_eq!(fixture.store.keys(&schema::claims()).count(), 1);
    }
}
