//! An answer to a secret request or to a secret: a secret whose link only one person can put together.

use crate::{
    clock::UnixSeconds,
    domain::{numbers::SecretNumber, schema, sealed_part::SealedHalf, secret::Secret, view::View},
    store::{Store, StoreError},
};

/// An answer, for the person who can open it.
pub struct SealedAnswer {
    /// The location of the secret. Together with the record it gives the id.
    pub number: SecretNumber,
    /// The record.
    pub secret: Secret,
    /// The public half of its link, sealed for the key of that person.
    pub sealed_part: Option<SealedHalf>,
    /// The time of the last view.
    pub viewed_at: Option<UnixSeconds>,
}

impl SealedAnswer {
    /// Reads an answer; `None` if it was deleted.
    pub(in crate::domain) fn read(
        store: &Store,
        number: SecretNumber,
    ) -> Result<Option<Self>, StoreError> {
        let Some(secret) = store.get::<Secret>(&schema::secret(number))? else { return Ok(None) };
        let sealed_part = store.get(&schema::sealed_part(number))?;
        let viewed_at = match secret.view_times.checked_sub(1) {
            Some(last) => store.get::<View>(&schema::view(number, last))?.map(|view| view.at),
            None => None,
        };
        Ok(Some(Self { number, secret, sealed_part, viewed_at }))
    }
}
