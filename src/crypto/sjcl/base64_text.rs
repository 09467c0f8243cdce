//! Base64 (RFC 4648, section 4) of a message: a scan proves that it is valid, and it is decoded only when
//! its bytes are needed.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Text that is known to decode.
#[derive(Clone, Copy)]
pub(super) struct Base64Text<'a> {
    /// The text without padding.
    digits: &'a str,
}

impl<'a> Base64Text<'a> {
    /// The text of zero bytes.
    pub(super) const EMPTY: Self = Self { digits: "" };

    /// Accepts text with full padding or with none. The unused bits of the last digit must be zero: SJCL
    /// would include them in its computation.
    ///
    /// One pass that the compiler turns into vector instructions, no copy.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let digits = text.trim_end_matches('=');
        let padding = text.len() - digits.len();
        if padding > 0 && (padding > 2 || !text.len().is_multiple_of(4)) {
            return None;
        }
        if !digits.bytes().fold(true, |sound, byte| sound & is_digit(byte)) {
            return None;
        }
        // The digits whose low bits, as many as the last byte leaves unused, are zero.
        let last_digits: &[u8] = match digits.len() % 4 {
            0 => return Some(Self { digits }),
            2 => b"AQgw",
            3 => b"AEIMQUYcgkosw048",
            _ => return None, // 6 bits are not a byte
        };
        let last = digits.bytes().next_back()?;
        last_digits.contains(&last).then_some(Self { digits })
    }

    /// The text without padding. What [`Base64Text::decode`] makes of it has no other text.
    pub(super) fn digits(self) -> &'a str {
        self.digits
    }

    /// The number of decoded bytes.
    pub(super) fn decoded_bytes(self) -> usize {
        // No overflow: a text has at most isize::MAX bytes, and dividing first loses only what % 4 adds.
        self.digits.len() / 4 * 3 + self.digits.len() % 4 * 3 / 4
    }

    /// The decoded bytes, newly allocated.
    pub(super) fn decode(self) -> Vec<u8> {
        STANDARD_NO_PAD
            .decode(self.digits)
            .expect("parse has seen every digit, the length and the end")
    }
}

/// Whether a byte is one of `A-Za-z0-9+/`. Without branches or tables, so that it vectorises.
fn is_digit(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let slash_or_number = byte.wrapping_sub(b'/') < 11; // the slash directly precedes the zero
    letter | slash_or_number | (byte == b'+')
}

#[cfg(test)]
mod tests {
    use base64::{
        alphabet,
        engine::{
            DecodePaddingMode,
            general_purpose::{GeneralPurpose, GeneralPurposeConfig},
        },
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_with_its_padding_or_none() {
        let cases: [(&str, Option<&[u8]>); 20] = [
            ("", Some(b"")),
            ("Zg==", Some(b"f")),
            ("Zg", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("+/+/", Some(b"\xfb\xff\xbf")),
            ("Zg=", None),
            ("Zg===", None),
            ("Zm9v====", None),
            ("=", None),
            ("====", None),
            ("Z", None),
            ("Zm9vZ", None),
            ("Zh", None),  // f and four bits too many
            ("Zm9", None), // fo and two bits too many
            ("Zm 9v", None),
            ("Zm\n9v", None),
            ("Zm-_", None), // that is base64url
            ("Zm9å", None),
        ];
        for (text, bytes) in cases {
            let parsed = Base64Text::parse(text);
            assert_eq!(parsed.map(Base64Text::decode).as_deref(), bytes, "{text}");
            assert_eq!(parsed.map(Base64Text::decoded_bytes), bytes.map(<[u8]>::len), "{text}");
        }
    }

    #[test]
    fn a_digit_is_one_of_64() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
            assert_eq!(is_digit(byte), expected, "{byte}");
        }
    }

    /// Every last digit in every position: `decode` must not fail where `parse` succeeds.
    #[test]
    fn the_base64_crate_agrees_on_every_ending() {
        for last in 0..128_u8 {
            for start in ["", "A", "AA", "AAA"] {
                let text = format!("{start}{}", char::from(last));
                if last != b'=' {
                    let theirs = STANDARD_NO_PAD.decode(&text).ok();
                    assert_eq!(Base64Text::parse(&text).map(Base64Text::decode), theirs, "{text}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_base64_crate_agrees(text in "[A-Za-z0-9+/]{0,70}[AQgw=+_ å]{0,4}") {
            let padding_or_none = GeneralPurpose::new(
                &alphabet::STANDARD,
                GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
            );
            // The crate accepts one = where two are needed; the table above has those cases.
            let partly = text.ends_with('=') && text.len() % 4 != 0;
            let theirs = padding_or_none.decode(&text).ok().filter(|_| !partly);
            let ours = Base64Text::parse(&text);
            prop_assert_eq!(ours.map(Base64Text::decoded_bytes), theirs.as_ref().map(Vec::len));
            prop_assert_eq!(ours.map(Base64Text::decode), theirs);
        }
    }
}
