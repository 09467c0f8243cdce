//! E-mail addresses: exactly one RFC 5321 mailbox.

use std::{fmt, net::IpAddr};

use lettre::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address that mail can be sent to: `local-part@domain`, in ASCII, 254 characters at most.
///
/// Narrower than RFC 5321 4.1.2 in two ways. The local part is a dot-string: a quoted one may contain spaces,
/// commas and `@`, so that an address could be read as several; the RFC says "a host that expects to receive
/// mail SHOULD avoid" it. The domain is a name, not an address literal (`[192.0.2.1]`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Mailbox(String);

/// The reason why a text is not a [`Mailbox`]. The texts are for people and do not repeat the input.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMailbox {
    /// The text is longer than [`Mailbox::MAX_CHARS`].
    #[error("is too long: {} characters are allowed", Mailbox::MAX_CHARS)]
    TooLong,
    /// The text is not ASCII.
    #[error("must be ASCII: write an international domain as punycode, xn--…")]
    NotAscii,
    /// The text is not exactly one plain address.
    #[error(
        "must be one e-mail address such as name@example.org, without a display name, quotes or \
         an IP address"
    )]
    NotOne,
}

impl Mailbox {
    /// RFC 5321 4.5.3.1.3: a path has 256 octets, two of them `<` and `>`.
    pub const MAX_CHARS: usize = 254;

    /// Parses an address. The text, including its case, is kept unchanged.
    ///
    /// # Errors
    ///
    /// [`BadMailbox`] if the text is too long, not ASCII, or not one plain address.
    pub fn new(text: &str) -> Result<Self, BadMailbox> {
        if !text.is_ascii() {
            return Err(BadMailbox::NotAscii);
        }
        if text.len() > Self::MAX_CHARS {
            return Err(BadMailbox::TooLong);
        }
        let address: Address = text.parse().map_err(|_| BadMailbox::NotOne)?;
        // The crate lettre also accepts quoted local parts and IP addresses.
        let plain = is_dot_string(address.user()) && is_name(address.domain());
        if plain { Ok(Self(text.to_owned())) } else { Err(BadMailbox::NotOne) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Mailbox {
    type Error = BadMailbox;

    fn try_from(text: String) -> Result<Self, BadMailbox> {
        Self::new(&text)
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.0
    }
}

/// RFC 5321 4.1.2: atoms with single dots between them, 64 octets at most (4.5.3.1.1).
fn is_dot_string(text: &str) -> bool {
    let is_atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.len() <= 64 && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Labels of letters, digits and inner hyphens. The last one is not a number, so that no IP address is a
/// name.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.chars().all(|c| c.is_ascii_digit());
    text.split('.').all(is_label)
        && !text.rsplit('.').next().is_some_and(is_number)
        && text.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_and_nothing_else() {
        let label = "l".repeat(63);
        let longest = format!("{}@{label}.{label}.{}.d", "u".repeat(64), "m".repeat(59));
        assert_eq!(longest.len(), Mailbox::MAX_CHARS);
        let good = [
            "a@b",
            "root@localhost",
            "example@example.com",
            "Example@EXAMPLE.Com",
            "first.last+tag@mail.example.org",
            "o'brien@example.org",
            "!#$%&'*+-/=?^_`{|}~@example.org",
            "1@1.example",
            "user@xn--bcher-kva.example",
            "user@a-b.example",
            "user@3com.example",
            longest.as_str(),
        ];
        for text in good {
            let mailbox = Mailbox::new(text).map_err(|error| format!("{text}: {error}")).unwrap();
            assert_eq!((mailbox.as_str(), mailbox.to_string()), (text, text.to_owned()));
            let stored = serde_json::to_string(&mailbox).unwrap();
            assert_eq!(stored, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Mailbox>(&stored).unwrap(), mailbox);
        }
        use BadMailbox::{NotAscii, NotOne, TooLong};
        let bad = [
            ("", NotOne),
            ("@", NotOne),
            ("a@", NotOne),
            ("@b.example", NotOne),
            ("example", NotOne),
            ("a@b@c.example", NotOne),
            ("a,b@c.example", NotOne),
            ("a@b.example,c@d.example", NotOne),
            ("a@b.example, c@d.example", NotOne),
            ("a@b.example;c@d.example", NotOne),
            ("a@b.example c@d.example", NotOne),
            ("<a@b.example>", NotOne),
            ("A <a@b.example>", NotOne),
            ("\"A\" <a@b.example>", NotOne),
            ("group:a@b.example;", NotOne),
            ("(comment)a@b.example", NotOne),
            ("a@b.example(comment)", NotOne),
            ("a(c)@b.example", NotOne),
            ("\"a b\"@c.example", NotOne),
            ("\"a\"@c.example", NotOne),
            ("\"a@x.example,b\"@c.example", NotOne),
            ("\"a\\\r\nBcc: x\"@c.example", NotOne),
            (" a@b.example", NotOne),
            ("a@b.example ", NotOne),
            ("a @b.example", NotOne),
            ("a@ b.example", NotOne),
            ("a\t@b.example", NotOne),
            ("a@b.example\n", NotOne),
            ("a@b.example\r\nBcc: c@d.example", NotOne),
            ("a@b.example\nSubject: x", NotOne),
            ("a\r\nRCPT TO:<x@y.example>@b.example", NotOne),
            ("a@b.example>\r\nDATA", NotOne),
            ("a@b\0.example", NotOne),
            ("a\u{1b}@b.example", NotOne),
            ("a@b.example\u{7f}", NotOne),
            ("a..b@c.example", NotOne),
            (".a@c.example", NotOne),
            ("a.@c.example", NotOne),
            ("a@b..example", NotOne),
            ("a@.example", NotOne),
            ("a@b.example.", NotOne),
            ("a@-b.example", NotOne),
            ("a@b-.example", NotOne),
            ("a@b_c.example", NotOne),
            ("a@192.0.2.1", NotOne),
            ("a@[192.0.2.1]", NotOne),
            ("a@[IPv6:2001:db8::1]", NotOne),
            ("a@2001:db8::1", NotOne),
            ("a@12", NotOne),
            ("a%b@c@d", NotOne),
            ("mailto:a@b.example", NotOne),
            ("a@b.example?subject=x", NotOne),
            ("å@b.example", NotAscii),
            ("a@bücher.example", NotAscii),
            ("a@b.example\u{2028}", NotAscii),
            ("a\u{a0}@b.example", NotAscii),
        ];
        for (text, expected) in bad {
            assert_eq!(Mailbox::new(text), Err(expected), "{text:?}");
            assert!(serde_json::from_value::<Mailbox>(text.into()).is_err(), "{text:?}");
        }
        assert_eq!(Mailbox::new(&format!("{longest}x")), Err(TooLong));
        let long_local = format!("{}@b.example", "u".repeat(65));
        assert_eq!(Mailbox::new(&long_local), Err(NotOne));
        assert_eq!(Mailbox::new(&format!("a@{}.example", "l".repeat(64))), Err(NotOne));
    }
}
