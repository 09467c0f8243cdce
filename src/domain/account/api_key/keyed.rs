//! Changes on behalf of an API key.

use super::ApiKey;
use crate::{
    domain::{account::AccountError, schema},
    store::{StoreError, Transaction},
};

/// The reason why a change on behalf of an API key has failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyedError<E> {
    /// The key was revoked before the change.
    #[error("the API key is not known any more")]
    Revoked,
    /// The change was refused.
    #[error(transparent)]
    Change(E),
}

impl<E: From<StoreError>> From<StoreError> for KeyedError<E> {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Who asks for a change of an account.
#[derive(Clone, Copy, Debug)]
pub enum AskedBy {
    /// The operator.
    Operator,
    /// The holder of the API key with this hash.
    Key([u8; 32]),
}

impl AskedBy {
    /// Makes a change fail if the API key is revoked before it, by any process.
    ///
    /// # Errors
    ///
    /// [`AccountError::Revoked`] and [`AccountError::Store`].
    pub(in crate::domain) fn check(
        self,
        transaction: &Transaction<'_, '_>,
    ) -> Result<(), AccountError> {
        match self {
            Self::Key(hash) if !is_known(transaction, &hash)? => Err(AccountError::Revoked),
            Self::Operator | Self::Key(_) => Ok(()),
        }
    }
}

/// Makes a change fail if the API key with this hash is revoked before it, by any process. The keys in memory
/// are older than the change. Without a hash, the change needs no key.
pub fn with_key<T, E: From<StoreError>>(
    hash: impl Into<Option<[u8; 32]>>,
    change: impl Fn(&mut Transaction<'_, '_>) -> Result<T, E> + Send + 'static,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<T, KeyedError<E>> + Send + 'static {
    let hash = hash.into();
    move |transaction| {
        if let Some(hash) = &hash
            && !is_known(transaction, hash)?
        {
            return Err(KeyedError::Revoked);
        }
        change(transaction).map_err(KeyedError::Change)
    }
}

fn is_known(transaction: &Transaction<'_, '_>, hash: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(transaction.get::<ApiKey>(&schema::api_key(hash))?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixSeconds,
        crypto::SeededRandom,
        domain::{
            account::api_key::{ApiKeys, key_hash, key_id},
            numbers::AccountNumber,
            operator::{create_account, revoke_key},
            request,
            request_id::RequestId,
        },
        store::{
            Store,
            faulty::{MemoryDisk, Sharing},
        },
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    #[test]
    fn a_key_that_another_process_revokes_is_refused_at_once() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let [one, other] = [(), ()].map(|()| Store::in_memory(&disk).unwrap());
        let random = SeededRandom::new(1);
        let made = create_account(&one, "alice", 10, &random, NOW).unwrap();
        let key = made.private_key.expose_secret().as_bytes().to_vec();
        let (hash, keys) = (key_hash(&key), ApiKeys::load(&one).unwrap());
        // It fails for another reason than the key.
        let delete = || {
            let delete = request::delete(AccountNumber::FIRST, RequestId::new(&random), 10, NOW);
            one.change(with_key(hash, delete)).wait().map(drop)
        };
        let refused = delete();
        assert!(matches!(refused, Err(KeyedError::Change(request::RequestError::NotFound))));
        // After the change has read the key, and before its commit.
        let count = || {
            one.change(with_key(hash, |transaction| {
                transaction.put(&schema::daemon("a note"), &AccountNumber::FIRST)
            }))
        };
        count().wait().unwrap();
        disk.before_next_commit(move || drop(revoke_key(&other, &key_id(&hash)).unwrap()));
        assert!(matches!(count().wait(), Err(KeyedError::<StoreError>::Revoked)));
        assert!(matches!(delete(), Err(KeyedError::Revoked)));
        assert!(keys.find(&key).is_some(), "this process has not read the keys again");
    }
}
