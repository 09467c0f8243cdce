//! The ciphertext of the Secrets API: the JSON that SJCL 1.0.8 (the Stanford JavaScript Crypto Library)
//! makes of `sjcl.encrypt(password, text, {mode: "gcm", ks: 256, iter: 10000})`.
//!
//! The server neither encrypts nor decrypts: it calls [`check`] to learn whether a viewer can read the
//! message. [`SjclMessage`] and [`seal`] are for the command line, for requests answered without a script,
//! and for tests. The API carries this JSON in base64; the caller decodes that layer.
//!
//! `sjcl.decrypt` accepts every message that is accepted here: a message that SJCL cannot read would spend
//! the view of its viewer. Both read flat JSON without escapes. The reverse does not hold: [`SjclError`]
//! lists what is required beyond SJCL's rules.

mod base64_text;
mod fields;
mod gcm;
mod password_half;

use std::ops::Range;

use aes_gcm::aead::consts::U16;
use base64::{Engine, engine::general_purpose::STANDARD};
use pbkdf2::{pbkdf2_hmac_array, sha2::Sha256};
use zeroize::Zeroizing;

pub use self::password_half::{PASSWORD_HALF_CHARS, password_half};
use self::{
    fields::{SjclFields, iterations_allowed},
    gcm::TagLength,
};
use super::{
    random::{Random, random_array},
    secret_bytes::SecretBytes,
};

/// The iterations of PBKDF2 that the Secrets API prescribes (`iter:10000`). They are few for a password
/// that a person chose, and enough for two random halves of 107 bits each.
pub const ITERATIONS: u32 = 10_000;

/// Fewer iterations than this are refused; SJCL itself refuses 100 or fewer.
pub const MIN_ITERATIONS: u32 = 1_000;

/// More iterations than this are refused: SJCL counts them in a script, which takes too long on a phone.
pub const MAX_ITERATIONS: u32 = 2_000_000;

/// The shortest IV that is accepted, in bytes; SJCL takes 5 but never makes fewer than 16.
pub const MIN_IV_BYTES: usize = 8;

/// The longest IV that SJCL reads, in bytes.
pub const MAX_IV_BYTES: usize = 16;

/// A message that is well-formed. Only decryption with the password shows whether it opens.
pub struct SjclMessage {
    iv: Vec<u8>,
    salt: Vec<u8>,
    associated_data: Vec<u8>,
    iterations: u32,
    tag: TagLength,
    ciphertext_and_tag: Vec<u8>,
}

impl SjclMessage {
    /// Reads a message. A missing field has SJCL's default: `v` 1, `iter` 10000, `ts` 64, `adata` empty,
    /// `cipher` aes; the defaults of `ks` (128) and `mode` (ccm) are not allowed, so these two are
    /// required.
    ///
    /// # Errors
    ///
    /// [`SjclError`], for exactly the input that [`check`] refuses, with the same error.
    pub fn parse(json: &[u8]) -> Result<Self, SjclError> {
        let fields = SjclFields::read(json)?;
        Ok(Self {
            iv: fields.iv.decode(),
            salt: fields.salt.decode(),
            associated_data: fields.associated_data.decode(),
            iterations: fields.iterations,
            tag: fields.tag,
            ciphertext_and_tag: fields.ciphertext_and_tag.decode(),
        })
    }

    /// Decrypts with the UTF-8 of the password; for a secret, this is the private half followed by the
    /// public half. Text sealed by SJCL comes out as UTF-8.
    ///
    /// The cost is the iterations, about 2 ms for 10,000 and so at most half a second where the processor
    /// has SHA instructions, plus about 1 ms for each MiB: call it on the blocking pool.
    ///
    /// # Errors
    ///
    /// Only [`SjclError::DoesNotOpen`]: a wrong password and damaged data cannot be distinguished.
    pub fn open(&self, password: &[u8]) -> Result<SecretBytes, SjclError> {
        let key = derive_key(password, &self.salt, self.iterations);
        let sealed = self.ciphertext_and_tag.clone();
        gcm::open(&key, &self.iv, self.tag, &self.associated_data, sealed)
            .ok_or(SjclError::DoesNotOpen)
    }
}

/// Checks whether [`SjclMessage::parse`] accepts this; the hot path of creating a secret. Returns where in `json`
/// the ciphertext is, in base64 without its padding, so that decoding and encoding it gives the same text.
///
/// Decodes and copies nothing: three passes over the text, about 0.4 ms for 1 MiB. It allocates only for
/// the names of fields that SJCL does not know.
///
/// # Errors
///
/// The first fault found.
pub fn check(json: &[u8]) -> Result<Range<usize>, SjclError> {
    let digits = SjclFields::read(json)?.ciphertext_and_tag.digits();
    // The field is borrowed from the JSON.
    let start = digits.as_ptr().addr() - json.as_ptr().addr();
    Ok(start..start + digits.len())
}

/// Encrypts as SJCL does, with a fresh IV of 16 bytes, a fresh salt of 8, and a full tag of 128 bits. The
/// JSON has SJCL's order of fields.
///
/// `sjcl.decrypt` returns text, so `plaintext` must be UTF-8 for it; [`SjclMessage::open`] takes any bytes.
/// Costs as much as opening.
///
/// # Errors
///
/// [`SjclError::Iterations`], when they are not allowed.
///
/// # Panics
///
/// For more than AES-GCM's limit of 64 GiB. A secret is much smaller.
pub fn seal(
    password: &[u8],
    plaintext: &[u8],
    iterations: u32,
    random: &dyn Random,
) -> Result<String, SjclError> {
    let iterations = iterations_allowed(iterations.into())?;
    let iv: [u8; 16] = random_array(random);
    let salt: [u8; 8] = random_array(random);
    let key = derive_key(password, &salt, iterations);
    let sealed = gcm::seal::<U16>(&key, &iv.into(), plaintext);

    let (iv, salt) = (STANDARD.encode(iv), STANDARD.encode(salt));
    let mut json = format!(
        r#"{{"iv":"{iv}","v":1,"iter":{iterations},"ks":256,"ts":128,"mode":"gcm","adata":"","cipher":"aes","salt":"{salt}","ct":""#
    );
    json.reserve_exact(sealed.len().div_ceil(3) * 4 + 2);
    STANDARD.encode_string(sealed, &mut json);
    json.push_str("\"}");
    Ok(json)
}

/// Why a message is refused. API clients get these texts after the name of the field, as in `Ciphertext
/// does not work: mode must be "gcm"`; they quote nothing of the message.
///
/// Beyond what SJCL refuses, these are refused: any other mode, key size, cipher and version; iterations
/// and IVs outside the limits; an empty salt; numbers as text; spaces inside text; a duplicate field;
/// base64 with wrong padding or left-over bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SjclError {
    /// Invalid or truncated JSON, or data after it.
    #[error("it must be JSON")]
    NotJson,
    /// JSON, but a list or a plain value.
    #[error("it must be a JSON object")]
    NotAnObject,
    /// JSON does not define which of two equal fields counts, so two readers could see two messages.
    #[error("{0} must occur only once")]
    Duplicate(&'static str),
    /// SJCL does not read backslashes.
    #[error("{0} must be written without backslash escapes")]
    Escaped(&'static str),
    /// An additional field that would stop SJCL from reading the message.
    #[error(
        "names of fields must consist of letters and digits, and values must be a whole number, true, false, \
         or a text of letters, digits and + / % * _ . @ = -"
    )]
    OtherField,
    /// `iv`, `salt` or `ct` is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// `iv`, `salt`, `adata` or `ct` is not base64 (RFC 4648, section 4), with or without padding.
    #[error("{0} must be base64 text")]
    NotBase64(&'static str),
    /// The mode is another one, or missing: SJCL's default is another mode.
    #[error("mode must be \"gcm\"")]
    Mode,
    /// The key size is another one, or missing: SJCL's default is another size.
    #[error("ks must be 256")]
    KeySize,
    /// Another cipher.
    #[error("cipher must be \"aes\"")]
    Cipher,
    /// Another version of the format.
    #[error("v must be 1")]
    Version,
    /// Not between [`MIN_ITERATIONS`] and [`MAX_ITERATIONS`].
    #[error("iter must be a whole number, 1,000 to 2,000,000")]
    Iterations,
    /// The size of the tag, in bits, is not allowed.
    #[error("ts must be 64, 96 or 128")]
    TagSize,
    /// Not between [`MIN_IV_BYTES`] and [`MAX_IV_BYTES`].
    #[error("iv must have 8 to 16 bytes")]
    IvLength,
    /// A salt of no bytes.
    #[error("salt must not be empty")]
    EmptySalt,
    /// Truncated: `ct` ends with the tag, so it has at least as many bits as `ts` says.
    #[error("ct must have at least the bits of ts")]
    TooShort,
    /// Only from [`SjclMessage::open`].
    #[error("wrong password or damaged data")]
    DoesNotOpen,
}

fn derive_key(password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations))
}

#[cfg(test)]
mod tests;
