//! Secrets that the server seals itself: for a mail, and the example of a first start.

use std::num::NonZeroU8;

use super::{
    MessageShown, NewSecret,
    ciphertext::{self, Ciphertext, PasswordPart},
};
use crate::{
    crypto::{Random, SecretText, halves, random_array},
    domain::lifetime::Lifetime,
    store::{Store, StoreError},
};

/// Seals `contents` as a secret with one view and a button. Returns it with the public half of its password,
/// in base64. Blocks.
///
/// # Errors
///
/// [`StoreError`] if the payload cannot be stored.
pub fn seal(
    store: &Store,
    random: &dyn Random,
    contents: &[u8],
    lifetime: Lifetime,
) -> Result<(NewSecret, SecretText), StoreError> {
    let sealed = halves::seal(contents, random);
    let ciphertext = Ciphertext::new(&sealed.ciphertext, sealed.ciphertext.len())
        .map_err(|_| StoreError::Damaged("a ciphertext of this server cannot be read"))?;
    let part = PasswordPart::new(sealed.private.expose_secret().to_owned())
        .map_err(|_| StoreError::Damaged("a password of this server cannot be read"))?;
    let secret_random: [u8; 15] = random_array(random);
    let payload = ciphertext::to_payload(&ciphertext, &part);
    let new = NewSecret {
        random: secret_random,
        payload: store.seal(random, &secret_random, payload)?,
        description: None,
        message: None,
        message_shown: MessageShown::With,
        is_from_owner: false,
        lifetime,
        // Mail scanners and previews open links; the button prevents them from spending the view.
        view_button: true,
        captcha: false,
        password: None,
        max_views: NonZeroU8::MIN,
        attachments: None,
        reply_key: None,
    };
    Ok((new, sealed.public))
}
