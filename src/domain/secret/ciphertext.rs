//! The input of a sender: the ciphertext and the private half of the password.
//!
//! Both are base64 and are returned unchanged. Together they form the payload that is sealed.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD, STANDARD_NO_PAD},
    },
};

use zeroize::Zeroizing;

use crate::{
    crypto::{SecretBytes, sjcl, without_line_ends},
    store::MAX_INLINE_BYTES,
};

/// Accepts missing padding, because some clients omit it.
const RELAXED: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The reason why a ciphertext or a private half is invalid. The texts are for people and contain no part of
/// the input.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CiphertextError {
    /// The text is empty.
    #[error("can't be blank")]
    Blank,
    /// The text has more characters than allowed.
    #[error("is too long: {0} characters are allowed")]
    TooLong(usize),
    /// The text is not base64.
    #[error("must be base64")]
    NotBase64,
    /// The base64 does not contain SJCL's JSON.
    #[error("must be the base64 of an SJCL message: {0}")]
    NotSjcl(#[from] sjcl::SjclError),
}

/// A validated ciphertext: base64 of an SJCL message.
pub struct Ciphertext(StoredCiphertext);

/// The decoded message if encoding it reproduces the same base64, which saves a quarter of the space; else
/// the base64 as received. A short message has base64 in it, which is decoded as well: see [`pack`].
enum StoredCiphertext {
    Packed(Vec<u8>),
    Message(Vec<u8>),
    Text(Vec<u8>),
}

impl Ciphertext {
    /// Parses the `ciphertext` of the Secrets API. Line breaks are removed and not counted.
    ///
    /// # Errors
    ///
    /// [`CiphertextError`] if the text is empty, too long, or not the base64 of an SJCL message.
    pub fn new(text: &str, max_chars: usize) -> Result<Self, CiphertextError> {
        let text = &*without_line_ends(text);
        if text.is_empty() {
            return Err(CiphertextError::Blank);
        }
        if text.len() > max_chars {
            return Err(CiphertextError::TooLong(max_chars));
        }
        if let Ok(message) = STANDARD.decode(text) {
            let digits = sjcl::check(&message)?;
            return Ok(Self(match pack(&message, digits) {
                Some(packed) => StoredCiphertext::Packed(packed),
                None => StoredCiphertext::Message(message),
            }));
        }
        let message = RELAXED.decode(text).map_err(|_| CiphertextError::NotBase64)?;
        sjcl::check(&message)?;
        Ok(Self(StoredCiphertext::Text(text.as_bytes().to_vec())))
    }
}

/// A validated private half of the password, in base64.
pub struct PasswordPart(Zeroizing<String>);

impl PasswordPart {
    /// A half has 18 characters, 24 in base64. Other clients may use longer ones.
    pub const MAX_CHARS: usize = 1024;

    /// Parses the `password_part_private` of the Secrets API. Line breaks are removed in place.
    ///
    /// # Errors
    ///
    /// [`CiphertextError`] if the text is empty, too long, or not base64.
    pub fn new(text: String) -> Result<Self, CiphertextError> {
        let mut text = Zeroizing::new(text);
        text.retain(|char| !matches!(char, '\r' | '\n'));
        if text.is_empty() {
            return Err(CiphertextError::Blank);
        }
        if text.len() > Self::MAX_CHARS {
            return Err(CiphertextError::TooLong(Self::MAX_CHARS));
        }
        RELAXED.decode(&*text).map(Zeroizing::new).map_err(|_| CiphertextError::NotBase64)?;
        Ok(Self(text))
    }

    /// The text as received, for the link in a mail.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

const MESSAGE: u8 = 0;
const TEXT: u8 = 1;
const PACKED: u8 = 2;

/// The longest message that is packed, in bytes: longer ones do not fit into the database in any case. In a file,
/// a quarter less costs more than it saves: viewing 100 KiB took 18 % more of the processor.
const MAX_PACKED_BYTES: usize = MAX_INLINE_BYTES / 3 * 4;

/// A message with its ciphertext decoded: `length ‖ JSON before it ‖ length ‖ JSON after it ‖ ciphertext`, with
/// lengths of 2 bytes, big endian. `digits` is the place of the base64 in the message. `None` if it is too long,
/// or if the base64 cannot be decoded, which [`sjcl::check`] excludes.
fn pack(message: &[u8], digits: Range<usize>) -> Option<Vec<u8>> {
    if message.len() > MAX_PACKED_BYTES {
        return None;
    }
    let [before, after] = [&message[..digits.start], &message[digits.end..]];
    // The decoder asks for a few bytes more than it needs.
    let mut packed = Vec::with_capacity(message.len() - digits.len() / 4 + 16);
    for json in [before, after] {
        packed.extend_from_slice(&u16::try_from(json.len()).ok()?.to_be_bytes());
        packed.extend_from_slice(json);
    }
    STANDARD_NO_PAD.decode_vec(&message[digits], &mut packed).ok()?;
    Some(packed)
}

/// The message that [`pack`] was given. `None` for bytes that it cannot produce.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (before, rest) = split_part(packed)?;
    let (after, ciphertext) = split_part(rest)?;
    let text = STANDARD_NO_PAD.encode(ciphertext);
    Some([before, text.as_bytes(), after].concat())
}

/// Splits `length, 2 bytes, big endian ‖ part ‖ rest` into the part and the rest.
fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The payload to seal: `form byte ‖ length of the part, 2 bytes, big endian ‖ part ‖ ciphertext`.
#[must_use]
pub fn to_payload(ciphertext: &Ciphertext, part: &PasswordPart) -> Vec<u8> {
    let (form, bytes) = match &ciphertext.0 {
        StoredCiphertext::Packed(bytes) => (PACKED, bytes),
        StoredCiphertext::Message(bytes) => (MESSAGE, bytes),
        StoredCiphertext::Text(bytes) => (TEXT, bytes),
    };
    let part_bytes = u16::try_from(part.0.len()).expect("a part is at most 1,024 characters");
    // Includes space for the tag, so that sealing in place does not reallocate.
    let mut payload = Vec::with_capacity(3 + part.0.len() + bytes.len() + 16);
    payload.push(form);
    payload.extend_from_slice(&part_bytes.to_be_bytes());
    payload.extend_from_slice(part.0.as_bytes());
    payload.extend_from_slice(bytes);
    payload
}

/// The content of a payload, as the sender provided it.
pub struct Opened {
    /// Base64 of the SJCL message.
    pub ciphertext: String,
    /// Base64 of the private half.
    pub password_part_private: String,
}

/// Decodes a payload. Returns `None` for bytes that [`to_payload`] cannot produce.
#[must_use]
pub fn from_payload(payload: &SecretBytes) -> Option<Opened> {
    let (form, rest) = payload.expose_secret().split_first()?;
    let (part, bytes) = split_part(rest)?;
    let ciphertext = match *form {
        PACKED => STANDARD.encode(unpack(bytes)?),
        MESSAGE => STANDARD.encode(bytes),
        TEXT => String::from_utf8(bytes.to_vec()).ok()?,
        _ => return None,
    };
    Some(Opened { ciphertext, password_part_private: String::from_utf8(part.to_vec()).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE_JSON: &str = r#"{"iv":"kWzXu1z4TB17UqoML6j/ww==","v":1,"iter":10000,"ks":256,"ts":64,"mode":"gcm","adata":"","cipher":"aes","salt":"5c5Omxh4wL4=","ct":"bqgKWeDwecQpsxK7uFw+"}"#;

    #[test]
    fn what_goes_in_comes_out_unchanged() {
        let padded = STANDARD.encode(format!("{MESSAGE_JSON}  "));
        let unpadded = padded.trim_end_matches('=');
        assert_ne!(padded, unpadded, "the case needs padding");
        for text in [padded.as_str(), unpadded, &STANDARD.encode(MESSAGE_JSON)] {
            let ciphertext = Ciphertext::new(text, 1 << 20).unwrap();
            let part = PasswordPart::new("TFNFQ1RBbENZNUNyYVhLSnlo".into()).unwrap();
            let payload = SecretBytes::new(to_payload(&ciphertext, &part));
            let opened = from_payload(&payload).unwrap();
            assert_eq!(opened.ciphertext, text);
            assert_eq!(opened.password_part_private, "TFNFQ1RBbENZNUNyYVhLSnlo");
        }
    }

    #[test]
    fn a_message_is_stored_without_base64() {
        let bytes = 1500;
        let message = MESSAGE_JSON.replace("bqgKWeDwecQpsxK7uFw+", &"AbC+".repeat(bytes / 3));
        let part = PasswordPart::new("TFNF".into()).unwrap();
        let payload = |message: &str| {
            let text = STANDARD.encode(message);
            let payload = to_payload(&Ciphertext::new(&text, 1 << 20).unwrap(), &part);
            let opened = from_payload(&SecretBytes::new(payload.clone())).unwrap();
            assert_eq!(opened.ciphertext, text);
            payload
        };
        let packed = payload(&message);
        assert_eq!(packed.len(), bytes + MESSAGE_JSON.len() - 20 + 3 + 4 + 4);
        // The same with its padding, or in another place.
        let digits = message.replace("AbC+\"}", "AQ==\" }");
        assert_eq!(payload(&digits).len(), packed.len() - 2 + 2 + 1);
        let first = format!("{{\"ct\":\"{}\",{}", "AbC+".repeat(8), &MESSAGE_JSON[1..]);
        let first = first.replace(",\"ct\":\"bqgKWeDwecQpsxK7uFw+\"", " ");
        payload(&first);
        // A long one goes into a file.
        let long = message.replace("AbC+", &"AbC+".repeat(60));
        assert_eq!(payload(&long)[0], MESSAGE);
        for (cut, _) in packed.iter().enumerate().take(200) {
            // Nothing panics, and nothing is taken for another message.
            if let Some(opened) = from_payload(&SecretBytes::new(packed[..cut].to_vec())) {
                assert_ne!(opened.ciphertext, STANDARD.encode(&message));
            }
        }
    }

    /// As versions before the packed form have stored it.
    #[test]
    fn a_message_that_is_not_packed_is_read() {
        let payload = [&[MESSAGE, 0, 4], &b"TFNF"[..], MESSAGE_JSON.as_bytes()].concat();
        let opened = from_payload(&SecretBytes::new(payload)).unwrap();
        assert_eq!(opened.ciphertext, STANDARD.encode(MESSAGE_JSON));
        assert_eq!(opened.password_part_private, "TFNF");
    }

    #[test]
    fn each_refusal_says_why() {
        let encoded = |json: &str| STANDARD.encode(json);
        let cases = [
            (String::new(), "can't be blank"),
            ("*".into(), "must be base64"),
            ("x".repeat(200), "is too long: 199 characters are allowed"),
            (encoded("hello"), "must be the base64 of an SJCL message"),
            (encoded(&MESSAGE_JSON.replace("gcm", "ccm")), "mode"),
            (encoded(&MESSAGE_JSON.replace(":256", ":128")), "ks"),
            (encoded(&MESSAGE_JSON.replace("10000", "999")), "iter"),
            (encoded(&MESSAGE_JSON.replace(":64", ":65")), "ts"),
        ];
        for (text, reason) in cases {
            let limit = if text.len() == 200 { 199 } else { 1 << 20 };
            let error = Ciphertext::new(&text, limit).err().unwrap().to_string();
            assert!(error.contains(reason), "{error:?} should say {reason:?}");
        }
    }

    #[test]
    fn line_ends_are_left_out() {
        let encoded = STANDARD.encode(MESSAGE_JSON);
        let (start, end) = encoded.split_at(76);
        // The limit equals the number of base64 characters without line breaks.
        let ciphertext = Ciphertext::new(&format!("{start}\r\n{end}\r\n"), encoded.len()).unwrap();
        let part = PasswordPart::new("\nTFNFQ1RB\r\nbENZNUNyYVhLSnlo\n".into()).unwrap();
        let payload = SecretBytes::new(to_payload(&ciphertext, &part));
        let opened = from_payload(&payload).unwrap();
        assert_eq!(opened.ciphertext, encoded);
        assert_eq!(opened.password_part_private, "TFNFQ1RBbENZNUNyYVhLSnlo");
        assert_eq!(Ciphertext::new("\r\n", 9).err(), Some(CiphertextError::Blank));
        assert_eq!(PasswordPart::new("\n".into()).err(), Some(CiphertextError::Blank));
    }

    #[test]
    fn parts_are_base64_and_short() {
        for good in ["TFNFQ1RBbENZNUNyYVhLSnlo", "YQ", "YQ=="] {
            assert!(PasswordPart::new(good.into()).is_ok(), "{good}");
        }
        for bad in ["", "a b", "å", &"A".repeat(1025)] {
            assert!(PasswordPart::new(bad.into()).is_err(), "{bad}");
        }
    }
}
