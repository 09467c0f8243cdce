//! The fields of a message, borrowed from its JSON. All checks are here, once, for [`check`](super::check)
//! and [`SjclMessage::parse`](super::SjclMessage::parse) alike.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::error::Category;

use super::{
    ITERATIONS, MAX_ITERATIONS, MAX_IV_BYTES, MIN_ITERATIONS, MIN_IV_BYTES, SjclError,
    base64_text::Base64Text, gcm::TagLength,
};

/// The fields of a well-formed message.
pub(super) struct SjclFields<'a> {
    /// 8 to 16 bytes.
    pub(super) iv: Base64Text<'a>,
    /// At least one byte.
    pub(super) salt: Base64Text<'a>,
    /// SJCL 1.0.8 writes text given as `adata` as base64 of its UTF-8, and reads only that.
    pub(super) associated_data: Base64Text<'a>,
    pub(super) iterations: u32,
    pub(super) tag: TagLength,
    /// At least as long as its tag.
    pub(super) ciphertext_and_tag: Base64Text<'a>,
}

impl<'a> SjclFields<'a> {
    /// Reads and checks all fields.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, SjclError> {
        let raw = RawFields::read(json)?;

        if text(raw.mode, "mode")? != Some("gcm") {
            return Err(SjclError::Mode);
        }
        if !matches!(raw.ks, Some(SjclValue::Number(256))) {
            return Err(SjclError::KeySize);
        }
        if raw.cipher.is_some() && text(raw.cipher, "cipher")? != Some("aes") {
            return Err(SjclError::Cipher);
        }
        if !matches!(raw.v, None | Some(SjclValue::Number(1))) {
            return Err(SjclError::Version);
        }
        let iterations = match raw.iter {
            None => ITERATIONS, // SJCL's default is the count that the API prescribes
            Some(SjclValue::Number(iterations)) => iterations_allowed(iterations)?,
            Some(_) => return Err(SjclError::Iterations),
        };
        let tag = match raw.ts {
            None => TagLength::Bytes8,
            Some(SjclValue::Number(bits)) => {
                TagLength::from_bits(bits).ok_or(SjclError::TagSize)?
            }
            Some(_) => return Err(SjclError::TagSize),
        };

        let iv = base64(raw.iv, "iv")?.ok_or(SjclError::Missing("iv"))?;
        if !(MIN_IV_BYTES..=MAX_IV_BYTES).contains(&iv.decoded_bytes()) {
            return Err(SjclError::IvLength);
        }
        let salt = base64(raw.salt, "salt")?.ok_or(SjclError::Missing("salt"))?;
        if salt.decoded_bytes() == 0 {
            return Err(SjclError::EmptySalt);
        }
        let associated_data = base64(raw.adata, "adata")?.unwrap_or(Base64Text::EMPTY);
        let ciphertext_and_tag = base64(raw.ct, "ct")?.ok_or(SjclError::Missing("ct"))?;
        if ciphertext_and_tag.decoded_bytes() < tag.bytes() {
            return Err(SjclError::TooShort);
        }
        Ok(Self { iv, salt, associated_data, iterations, tag, ciphertext_and_tag })
    }
}

/// The iterations, if they are within the limits.
pub(super) fn iterations_allowed(iterations: u64) -> Result<u32, SjclError> {
    u32::try_from(iterations)
        .ok()
        .filter(|iterations| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(iterations))
        .ok_or(SjclError::Iterations)
}

/// The text of a field; `None` if it is missing, an error if it is not text.
fn text<'a>(
    value: Option<SjclValue<'a>>,
    name: &'static str,
) -> Result<Option<&'a str>, SjclError> {
    match value {
        Some(SjclValue::Text(text)) => Ok(Some(text)),
        Some(SjclValue::Escaped) => Err(SjclError::Escaped(name)),
        _ => Ok(None),
    }
}

/// The base64 of a field; `None` if it is missing.
fn base64<'a>(
    value: Option<SjclValue<'a>>,
    name: &'static str,
) -> Result<Option<Base64Text<'a>>, SjclError> {
    if value.is_none() {
        return Ok(None);
    }
    let text = text(value, name)?.ok_or(SjclError::NotBase64(name))?;
    Base64Text::parse(text).map(Some).ok_or(SjclError::NotBase64(name))
}

/// The fields of the JSON object, each value as it is written.
#[derive(Default)]
struct RawFields<'a> {
    iv: Option<SjclValue<'a>>,
    v: Option<SjclValue<'a>>,
    iter: Option<SjclValue<'a>>,
    ks: Option<SjclValue<'a>>,
    ts: Option<SjclValue<'a>>,
    mode: Option<SjclValue<'a>>,
    adata: Option<SjclValue<'a>>,
    cipher: Option<SjclValue<'a>>,
    salt: Option<SjclValue<'a>>,
    ct: Option<SjclValue<'a>>,
    /// SJCL copies any other parameter of its caller into the message, and ignores it there.
    others: BTreeSet<&'a str>,
}

impl<'a> RawFields<'a> {
    fn read(json: &'a [u8]) -> Result<Self, SjclError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let raw =
            reader.deserialize_map(RawFieldsVisitor).map_err(|error| match error.classify() {
                Category::Data => SjclError::NotAnObject,
                Category::Syntax | Category::Eof | Category::Io => SjclError::NotJson,
            })?;
        reader.end().map_err(|_| SjclError::NotJson)?;
        raw
    }

    fn put(&mut self, name: SjclValue<'a>, value: SjclValue<'a>) -> Result<(), SjclError> {
        let SjclValue::Text(name) = name else { return Err(SjclError::OtherField) };
        let (field, name) = match name {
            "iv" => (&mut self.iv, "iv"),
            "v" => (&mut self.v, "v"),
            "iter" => (&mut self.iter, "iter"),
            "ks" => (&mut self.ks, "ks"),
            "ts" => (&mut self.ts, "ts"),
            "mode" => (&mut self.mode, "mode"),
            "adata" => (&mut self.adata, "adata"),
            "cipher" => (&mut self.cipher, "cipher"),
            "salt" => (&mut self.salt, "salt"),
            "ct" => (&mut self.ct, "ct"),
            _ => return self.put_other(name, value),
        };
        if field.replace(value).is_some() {
            return Err(SjclError::Duplicate(name));
        }
        Ok(())
    }

    /// Other fields are allowed if SJCL can still read the message.
    fn put_other(&mut self, name: &'a str, value: SjclValue<'a>) -> Result<(), SjclError> {
        let named_well = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            // SJCL calls this method on the object that it has read.
            && name != "hasOwnProperty";
        let readable = match value {
            SjclValue::Number(_) | SjclValue::NegativeNumber | SjclValue::Bool => true,
            SjclValue::Text(text) => text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/%*_.@=-".contains(&byte)),
            SjclValue::Escaped | SjclValue::Unreadable => false,
        };
        if !named_well || !readable {
            return Err(SjclError::OtherField);
        }
        if !self.others.insert(name) {
            return Err(SjclError::Duplicate("each field"));
        }
        Ok(())
    }
}

/// Returns the outer error if the input is not JSON or not an object, the inner one if a field is wrong.
struct RawFieldsVisitor;

impl<'de> Visitor<'de> for RawFieldsVisitor {
    type Value = Result<RawFields<'de>, SjclError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = Ok(RawFields::default());
        // Reads to the end also after a wrong field: only then is it known to be JSON.
        while let Some((name, value)) = map.next_entry()? {
            raw = raw.and_then(|mut raw| raw.put(name, value).map(|()| raw));
        }
        Ok(raw)
    }
}

/// A value, or the name of a field, in the types that SJCL distinguishes.
#[derive(Clone, Copy)]
enum SjclValue<'a> {
    /// Borrowed, so it is in the JSON without escapes.
    Text(&'a str),
    /// Text with a backslash escape in it.
    Escaped,
    Number(u64),
    NegativeNumber,
    Bool,
    /// A value that SJCL does not read: null, a fraction or exponent, a list, an object.
    Unreadable,
}

impl<'de> Deserialize<'de> for SjclValue<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = SjclValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(SjclValue::Text(text))
    }

    fn visit_str<E>(self, _unescaped: &str) -> Result<Self::Value, E> {
        Ok(SjclValue::Escaped)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(SjclValue::Number(number))
    }

    fn visit_i64<E>(self, _number: i64) -> Result<Self::Value, E> {
        Ok(SjclValue::NegativeNumber)
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Self::Value, E> {
        Ok(SjclValue::Unreadable)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(SjclValue::Bool)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(SjclValue::Unreadable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(SjclValue::Unreadable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(SjclValue::Unreadable)
    }
}
