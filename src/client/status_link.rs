//! Status links: the links that the sender of a secret, and the person who asks for one, keep.

use url::Url;

use super::{
    link::{BadLink, LinkPlace, cut, place},
    readable_text::readable,
};
use crate::crypto::{AnswerPrivateKey, SecretText};

/// Manage tokens are hexadecimal digits, of this length (`domain::manage`).
const MANAGE_TOKEN_CHARS: usize = 64;
/// Private keys are base64url of 32 bytes ([`AnswerPrivateKey::to_text`]).
const ANSWER_KEY_CHARS: usize = 43;

/// The link that the sender of a secret keeps, `<root>/status/<id>#<manage token>.<private key>`, or that of
/// a request, `<root>/req/<id>/status#…`. Both parts can be missing; the id alone is one, too.
pub struct StatusLink {
    /// The address of the secret or request.
    pub place: LinkPlace,
    /// The token that allows its owner to manage it without an account.
    pub manage_token: Option<SecretText>,
    /// The private key for the reply or the answers. It is never sent.
    pub answer_key: Option<AnswerPrivateKey>,
}

impl StatusLink {
    /// Finds the parts of a status link in `text`. The link of the secret is also accepted; it has no
    /// manage token.
    ///
    /// # Errors
    ///
    /// [`BadLink`], if there is no id, or the link is of another kind.
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let text = readable(text);
        let (address, fragment) = cut(&text);
        // A bare id may be followed by the key of the secret: that is not a token, and must not be sent.
        if let Some(place) =
            place(address, Some("status")).ok().filter(|place| place.root.is_some())
        {
            return Ok(Self::new(place, fragment));
        }
        Ok(Self { place: place(address, None)?, manage_token: None, answer_key: None })
    }

    /// Finds the parts of the status link of a request in `text`. The link of the request is also accepted;
    /// it has neither token nor key.
    ///
    /// # Errors
    ///
    /// [`BadLink`], if there is no id, or the link is of another kind.
    pub fn of_request(text: &str) -> Result<Self, BadLink> {
        let text = readable(text);
        let (address, fragment) = cut(&text);
        Ok(Self::new(place(address, Some("req"))?, fragment))
    }

    fn new(place: LinkPlace, fragment: Option<&str>) -> Self {
        let fragment = fragment.unwrap_or_default();
        Self { place, manage_token: manage_token_in(fragment), answer_key: answer_key_in(fragment) }
    }

    /// The status link of a secret.
    #[must_use]
    pub fn text(
        root: &Url,
        id: &str,
        manage_token: Option<&SecretText>,
        answer_key: Option<&AnswerPrivateKey>,
    ) -> SecretText {
        with_fragment(format!("{root}status/{id}"), manage_token, answer_key)
    }

    /// The status link of a request.
    #[must_use]
    pub fn text_of_request(
        root: &Url,
        id: &str,
        manage_token: Option<&SecretText>,
        answer_key: Option<&AnswerPrivateKey>,
    ) -> SecretText {
        with_fragment(format!("{root}req/{id}/status"), manage_token, answer_key)
    }
}

/// An address with `#<token>.<key>` behind it, with the parts that there are.
fn with_fragment(
    address: String,
    manage_token: Option<&SecretText>,
    answer_key: Option<&AnswerPrivateKey>,
) -> SecretText {
    let token = manage_token.map_or("", SecretText::expose_secret);
    SecretText::new(match answer_key {
        Some(key) => format!("{address}#{token}.{}", key.to_text().expose_secret()),
        None if token.is_empty() => address,
        None => format!("{address}#{token}"),
    })
}

/// The manage token in a fragment, also with characters that a mail program added around it. A fragment of
/// another form may be the key of the secret, whole or truncated, and must not be sent.
fn manage_token_in(fragment: &str) -> Option<SecretText> {
    let mut runs = fragment.split(|char: char| !char.is_ascii_alphanumeric());
    let is_token = |run: &&str| {
        run.len() == MANAGE_TOKEN_CHARS && run.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    runs.find(is_token).map(|token| SecretText::new(token.to_owned()))
}

/// The private key behind the dot in a fragment, also with characters that a mail program added after it.
fn answer_key_in(fragment: &str) -> Option<AnswerPrivateKey> {
    let is_of_key = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    fragment.split('.').skip(1).find_map(|part| {
        let key = part.split(|char| !is_of_key(char)).next()?;
        (key.len() == ANSWER_KEY_CHARS).then(|| AnswerPrivateKey::parse(key).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::link::request_place, crypto::SystemRandom};

    const ID: &str = "0123456789abcdefghijklmnopqrstu";
    const KEY: &str = "RklHS0VPVElSVUJOQUtRSlJM";

    #[test]
    fn token_and_key_are_found() {
        let token = "0123456789abcdef".repeat(4);
        for behind in ["", ".", "> ", " by\nmail"] {
            let text = format!("https://x.org/status/{ID}#{token}{behind}");
            let link = StatusLink::parse(&text).unwrap();
            let root = link.place.root.unwrap();
            assert_eq!((&*link.place.id, root.as_str()), (ID, "https://x.org/"));
            assert_eq!(link.manage_token.unwrap().expose_secret(), token, "{text}");
        }
        let key = AnswerPrivateKey::generate(&SystemRandom);
        let (root, manage) =
            (Url::parse("https://x.org/a/").unwrap(), SecretText::new(token.clone()));
        for token in [None, Some(&manage)] {
            for behind in ["", ".", "> ", ", please"] {
                let of_secret = StatusLink::text(&root, ID, token, Some(&key));
                let text = format!("{}{behind}", of_secret.expose_secret());
                let link = StatusLink::parse(&text).unwrap();
                let of_request = StatusLink::text_of_request(&root, ID, token, Some(&key));
                let text = format!("{}{behind}", of_request.expose_secret());
                for found in [link, StatusLink::of_request(&text).unwrap()] {
                    assert_eq!((&*found.place.id, &found.place.root), (ID, &Some(root.clone())));
                    assert_eq!(found.manage_token.is_some(), token.is_some(), "{text}");
                    let found = found.answer_key.expect("a key");
                    assert_eq!(found.public(), key.public(), "{text}");
                }
                assert!(matches!(StatusLink::parse(&text), Err(BadLink::Other(_))), "{text}");
                assert_eq!(request_place(&text).unwrap().id, ID);
            }
        }
        let link = StatusLink::parse(&format!("https://x.org/{ID}/#{KEY}")).unwrap();
        assert!(link.place.id == ID && link.manage_token.is_none());
        // A text that is not a token may be the key of the secret, or a part of it.
        let longer = format!("{token}0");
        for other in [KEY, &format!("{KEY}."), &KEY[..20], "bMO2c2Utbm9yZD8+fg==", &longer, "token"]
        {
            let link = StatusLink::parse(&format!("https://x.org/status/{ID}#{other}")).unwrap();
            assert!(link.place.id == ID && link.manage_token.is_none(), "{other}");
        }
        let link = StatusLink::parse(&format!("{ID}#{KEY}")).unwrap();
        assert!(link.place.id == ID && link.manage_token.is_none());
    }
}
