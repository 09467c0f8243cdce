//! An answer to a secret request or to a secret: a secret whose link only one person can put together.

use crate::{
    clock::UnixSeconds,
    domain::{numbers::SecretNumber, schema, sealed_part::SealedHalf, secret::Secret, view::View},
    store::{Key, Store, StoreError},
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
    /// Reads answers; `None` for each that was deleted.
    pub(in crate::domain) fn read(
        store: &Store,
        answers: &[SecretNumber],
    ) -> Result<Vec<Option<Self>>, StoreError> {
        let keys = |key: fn(SecretNumber) -> Key| -> Vec<Key> {
            answers.iter().map(|number| key(*number)).collect()
        };
        let secrets = store.get_many::<Secret>(&keys(schema::secret))?;
        let sealed_parts = store.get_many(&keys(schema::sealed_part))?;
        let last_view = |(number, secret): (&SecretNumber, &Option<Secret>)| {
            let last = secret.as_ref()?.view_times.checked_sub(1)?;
            Some(schema::view(*number, last))
        };
        let last_views: Vec<Key> = answers.iter().zip(&secrets).filter_map(last_view).collect();
        let mut last_views = store.get_many::<View>(&last_views)?.into_iter();
        let found = answers.iter().zip(secrets).zip(sealed_parts);
        Ok(found
            .map(|((number, secret), sealed_part)| {
                let secret = secret?;
                let view = if secret.view_times > 0 { last_views.next() } else { None };
                let viewed_at = view.flatten().map(|view| view.at);
                Some(Self { number: *number, secret, sealed_part, viewed_at })
            })
            .collect())
    }
}
