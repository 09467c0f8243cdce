//! A secret under a password in two halves: the server stores the private one with the ciphertext, the link
//! carries the public one.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    base64_lines::without_line_ends,
    random::Random,
    secret_bytes::{SecretBytes, SecretText},
    sjcl::{self, SjclError, SjclMessage},
};

/// The result of [`seal`].
pub struct Halved {
    /// The `ciphertext` of the Secrets API: base64 of SJCL's JSON.
    pub ciphertext: String,
    /// The `password_part_private` of the Secrets API: base64 of the private half.
    pub private: SecretText,
    /// The public half, base64: the part of a link after the `#`.
    pub public: SecretText,
}

impl Halved {
    /// Decrypts the ciphertext that the server returns, which may have changed since.
    ///
    /// # Errors
    ///
    /// [`CannotOpen`], if the halves do not fit or the input is not valid.
    pub fn open(&self, ciphertext: &str, private: &str) -> Result<SecretBytes, CannotOpen> {
        let public = STANDARD.decode(self.public.expose_secret()).ok();
        let public = public.and_then(|half| String::from_utf8(half).ok()).map(SecretText::new);
        open(ciphertext, private, &public.ok_or(CannotOpen::OtherKey)?)
    }
}

/// The result of [`seal_for`].
pub struct HalfSealed {
    /// The `ciphertext` of the Secrets API: base64 of SJCL's JSON.
    pub ciphertext: String,
    /// The `password_part_private` of the Secrets API: base64 of the private half.
    pub private: SecretText,
}

/// Encrypts under a new private half and the public half of an existing link, as [`open`] takes it. Costs as
/// much as [`sjcl::seal`].
#[must_use]
pub fn seal_for(public: &SecretText, plaintext: &[u8], random: &dyn Random) -> HalfSealed {
    let private = sjcl::password_half(random);
    let password = whole(private.expose_secret().as_bytes(), public.expose_secret().as_bytes());
    let message = sjcl::seal(&password, plaintext, sjcl::ITERATIONS, random)
        .expect("the iterations of the API are allowed");
    HalfSealed {
        ciphertext: STANDARD.encode(message),
        private: SecretText::new(STANDARD.encode(private.expose_secret())),
    }
}

/// Encrypts under two new halves. Costs as much as [`sjcl::seal`].
#[must_use]
pub fn seal(plaintext: &[u8], random: &dyn Random) -> Halved {
    let public = sjcl::password_half(random);
    let HalfSealed { ciphertext, private } = seal_for(&public, plaintext, random);
    let public = SecretText::new(STANDARD.encode(public.expose_secret()));
    Halved { ciphertext, private, public }
}

/// Decrypts `ciphertext` with the private half, encoded as in the API, and the decoded public half.
///
/// # Errors
///
/// [`CannotOpen`], if the halves do not fit or the input is not valid.
pub fn open(
    ciphertext: &str,
    private: &str,
    public: &SecretText,
) -> Result<SecretBytes, CannotOpen> {
    let message = STANDARD
        .decode(&*without_line_ends(ciphertext))
        .map_err(|_| CannotOpen::NoBase64("ciphertext"))?;
    let message = SjclMessage::parse(&message).map_err(CannotOpen::Message)?;
    let private = STANDARD.decode(&*without_line_ends(private)).map(Zeroizing::new);
    let private = private.map_err(|_| CannotOpen::NoBase64("password_part_private"))?;
    let password = whole(&private, public.expose_secret().as_bytes());
    message.open(&password).map_err(|_| CannotOpen::OtherKey)
}

/// Why a secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// The password is wrong, or the ciphertext was changed: these two cannot be distinguished.
    #[error("the key does not fit")]
    OtherKey,
    /// The ciphertext from the server is not an SJCL message.
    #[error("the ciphertext is not valid: {0}")]
    Message(SjclError),
    /// A value that should be base64 is not.
    #[error("{0} is not base64")]
    NoBase64(&'static str),
}

fn whole(private: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
    // Room for both halves, so that the buffer does not grow and leave a copy in memory.
    let mut password = Zeroizing::new(Vec::with_capacity(private.len() + public.len()));
    password.extend_from_slice(private);
    password.extend_from_slice(public);
    password
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    fn decoded(half: &SecretText) -> SecretText {
        let half = STANDARD.decode(half.expose_secret()).unwrap();
        SecretText::new(String::from_utf8(half).unwrap())
    }

    #[test]
    fn it_opens_with_both_halves_only() {
        let sealed = seal(b"hush", &SeededRandom::new(1));
        let public = decoded(&sealed.public);
        let opened = |private: &str, public| open(&sealed.ciphertext, private, public);
        let private = sealed.private.expose_secret();
        assert_eq!(opened(private, &public).ok().unwrap().expose_secret(), b"hush");
        let again = seal_for(&public, b"other", &SeededRandom::new(3));
        let reopened = open(&again.ciphertext, again.private.expose_secret(), &public);
        assert_eq!(reopened.ok().unwrap().expose_secret(), b"other");
        let other = seal(b"", &SeededRandom::new(2));
        let other_half = decoded(&other.public);
        assert_eq!(opened(private, &other_half).err(), Some(CannotOpen::OtherKey));
        let wrong = opened(other.private.expose_secret(), &public);
        assert_eq!(wrong.err(), Some(CannotOpen::OtherKey));
        assert_eq!(opened("!", &public).err(), Some(CannotOpen::NoBase64("password_part_private")));
        assert!(matches!(open("e30=", private, &public), Err(CannotOpen::Message(_))));
    }
}
