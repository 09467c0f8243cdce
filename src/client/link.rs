//! The addresses that people hand on, also where a mail program or a hasty selection has damaged them.
//! What is found in one is checked by nobody but the ciphertext.

use base64::{
    Engine,
    alphabet::{STANDARD as PLAIN, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::crypto::SecretText;

/// Where something of a server's is.
pub struct Place {
    /// The server's address, which ends with a slash; none where only an id was given.
    pub root: Option<Url>,
    /// Which secret, request or box.
    pub id: String,
}

/// The link of a secret: `<root>/<id>/#<key>` or `<root>/?<id>#<key>`.
pub struct SecretLink {
    /// Where it is.
    pub place: Place,
    /// The public half of its password; none where the link has none, or one that is too damaged.
    pub half: Option<SecretText>,
}

/// What a sender keeps of a secret: `<root>/status/<id>#<manage token>`, or the id alone.
pub struct StatusLink {
    /// Where it is.
    pub place: Place,
    /// What shows that one has made it without an account.
    pub manage_token: Option<SecretText>,
}

/// Why a text is no link of this kind. The texts are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Nothing in it can be an id.
    #[error("there is no id in it; is the link whole?")]
    NoId,
    /// A link of another kind.
    #[error("that is the link of {0}")]
    Other(&'static str),
    /// The address is none.
    #[error("the address is none that can be used: {0}")]
    Address(url::ParseError),
}

/// The first segment of pages that are no secrets, and what their links are of.
const PAGES: [(&str, &str); 6] = [
    ("status", "a secret's sender: see `sealdrop status`"),
    ("req", "a secret request: see `sealdrop answer`"),
    ("box", "a box: see `sealdrop box`"),
    ("manage", "the page of an account"),
    ("docs", "the page about the API"),
    ("api", "the API"),
];
const OUR_ID_CHARS: usize = 31;
/// Ids of other servers are shorter than ours.
const ID_CHARS: std::ops::RangeInclusive<usize> = 4..=64;
/// Fewer characters than that are no key: where there is a space among them, it was cut into lines.
const SHORT: usize = 18;

impl SecretLink {
    /// Finds its parts in `text`, which may have other words around it.
    ///
    /// # Errors
    ///
    /// [`BadLink`].
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let (address, fragment) = cut(text);
        let place = place(address, None)?;
        Ok(Self { place, half: fragment.and_then(public_half) })
    }

    /// The link, with the public half as base64.
    #[must_use]
    pub fn text(root: &Url, id: &str, half: &SecretText) -> SecretText {
        SecretText::new(format!("{root}{id}/#{}", half.expose_secret()))
    }
}

impl StatusLink {
    /// Finds its parts in `text`; the link of the secret itself will do, though it has no token.
    ///
    /// # Errors
    ///
    /// [`BadLink`].
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let (address, fragment) = cut(text);
        // A bare id may have the key of the secret behind it: that is no token, and goes to nobody.
        if let Some(place) =
            place(address, Some("status")).ok().filter(|place| place.root.is_some())
        {
            let token = fragment.map(str::trim).filter(|token| !token.is_empty());
            let manage_token = token.map(|token| SecretText::new(token.to_owned()));
            return Ok(Self { place, manage_token });
        }
        Ok(Self { place: place(address, None)?, manage_token: None })
    }

    /// The link.
    #[must_use]
    pub fn text(root: &Url, id: &str, manage_token: Option<&SecretText>) -> SecretText {
        let token =
            manage_token.map_or(String::new(), |token| format!("#{}", token.expose_secret()));
        SecretText::new(format!("{root}status/{id}{token}"))
    }
}

/// The place of a request, `<root>/req/<id>` or its id alone.
///
/// # Errors
///
/// [`BadLink`].
pub fn request_place(text: &str) -> Result<Place, BadLink> {
    place(cut(text).0, Some("req"))
}

/// The place of a box: `<root>/box/<token>`, `<root>/#<token>`, or its token alone.
///
/// # Errors
///
/// [`BadLink`].
pub fn box_place(text: &str) -> Result<Place, BadLink> {
    let (address, fragment) = cut(text);
    match (place(address, Some("box")), fragment) {
        (Err(BadLink::NoId), Some(token)) if is_id(token.trim()) => {
            let root = Url::parse(address).map_err(BadLink::Address)?;
            Ok(Place { root: Some(root), id: token.trim().to_owned() })
        }
        (found, _) => found,
    }
}

/// Address and fragment of the first link in `text`, or of all of it.
fn cut(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    let start = ["https://", "http://"].iter().filter_map(|scheme| text.find(scheme)).min();
    let link = text.get(start.unwrap_or_default()..).unwrap_or_default();
    let sharp =
        ["#", "%23"].iter().filter_map(|sharp| Some((link.find(sharp)?, sharp.len()))).min();
    let Some((at, length)) = sharp else {
        return (link.split_whitespace().next().unwrap_or_default(), None);
    };
    let (address, fragment) = link.split_at(at);
    (address.trim_end(), fragment.get(length..))
}

/// The server and the id of an address: the segment behind `page`, or where there is none the last one, or
/// the first word of the query.
fn place(address: &str, page: Option<&str>) -> Result<Place, BadLink> {
    let address = address.trim_matches(['"', '\'', '<', '>', '(', ')', '[', ']', '.', ',', ';']);
    if !address.contains('/') {
        let id = address.trim_start_matches('?');
        return match is_id(id) {
            true => Ok(Place { root: None, id: id.to_owned() }),
            false => Err(BadLink::NoId),
        };
    }
    let url = match address.contains("://") {
        true => Url::parse(address),
        false => Url::parse(&format!("https://{address}")),
    };
    let mut url = url.map_err(BadLink::Address)?;
    let segments: Vec<String> =
        url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let query = url.query().and_then(|query| query.split(['&', '=']).next()).map(str::to_owned);
    url.set_query(None);
    url.set_fragment(None);
    let mut before = &segments[..];
    let is_in_query = query.as_deref().is_some_and(is_ours);
    let last = match before.split_last() {
        Some((last, rest)) if is_id(last) && (is_ours(last) || !is_in_query) => {
            before = rest;
            Some(last.clone())
        }
        _ => None,
    };
    let kind = before
        .last()
        .filter(|_| last.is_some())
        .and_then(|segment| PAGES.iter().find(|(name, _)| name == segment));
    match (kind, page) {
        (Some((name, _)), Some(page)) if *name == page => {
            before = before.split_last().map_or(before, |(_, rest)| rest);
        }
        (Some((_, what)), _) => return Err(BadLink::Other(what)),
        (None, Some(_)) => return Err(BadLink::NoId),
        (None, None) => {}
    }
    let id = match (last, query) {
        (Some(id), _) if PAGES.iter().all(|(name, _)| *name != id) => id,
        (None, Some(id)) if is_id(&id) => id,
        _ => return Err(BadLink::NoId),
    };
    let path: String = before.iter().flat_map(|part| ["/", part]).collect();
    url.set_path(&format!("{path}/"));
    Ok(Place { root: Some(url), id })
}

/// Whether it is of the form that our ids have; other words may be ids elsewhere.
fn is_ours(text: &str) -> bool {
    text.len() == OUR_ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a text can be an id or a token; nothing in one means anything in a path.
pub(super) fn is_id(text: &str) -> bool {
    ID_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The half that a fragment holds, if it can be found: base64, which mails break and escape.
#[must_use]
pub fn public_half(fragment: &str) -> Option<SecretText> {
    let unescaped = unescaped(fragment);
    let word = first_word(&unescaped);
    let bare: String = word.chars().filter(|char| !is_blank(*char)).collect();
    // Mails write "=3D" for "=", and break lines behind a "=" (RFC 2045, 6.7).
    let bare = bare.replace("=3D", "=");
    let bare =
        bare.trim_start_matches(['"', '\'', '<', '(', '[', '{', '„', '“', '”', '‘', '’', '«', '»']);
    let bare = bare.split(['&', '?', '#']).next().unwrap_or_default();
    let mut encoded = String::new();
    let mut rest = bare.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '-' | '_' => encoded.push(char),
            '=' if rest.peek().is_some_and(char::is_ascii_alphanumeric) => {}
            _ => break,
        }
    }
    // A single character at the end stands for nothing: markup that came along, as in _link_ or link/.
    let whole = match encoded.len() % 4 {
        1 => encoded.get(..encoded.len() - 1).unwrap_or_default(),
        _ => &encoded,
    };
    decoded(whole).or_else(|| decoded(whole.trim_end_matches(['_', '/', '+', '-'])))
}

/// Without percent signs, also where a program has escaped twice.
fn unescaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for _ in 0..2 {
        match percent_decode_str(&plain).decode_utf8() {
            Ok(decoded) if decoded != plain => plain = decoded.into_owned(),
            _ => break,
        }
    }
    plain
}

/// Up to the first space, unless that would be too short for a key: then up to the next one.
fn first_word(text: &str) -> String {
    let mut key = String::new();
    for word in text.split_whitespace() {
        if key.len() >= SHORT {
            break;
        }
        key.push_str(word);
    }
    key
}

fn is_blank(char: char) -> bool {
    char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Either alphabet of base64, with or without padding, and with bits left over.
fn decoded(encoded: &str) -> Option<SecretText> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if encoded.contains(['-', '_']) { URL_SAFE } else { PLAIN };
    let half = GeneralPurpose::new(&alphabet, LENIENT).decode(encoded).ok()?;
    let half = String::from_utf8(half).ok()?;
    // A password is something that can be written down.
    (!half.is_empty() && !half.chars().any(char::is_control)).then(|| SecretText::new(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdefghijklmnopqrstu";
    const HALF: &str = "FIGKEOTIRUBNAKQJRL";
    const KEY: &str = "RklHS0VPVElSVUJOQUtRSlJM";

    /// Root, id and half.
    fn parts(text: &str) -> (Option<String>, String, Option<String>) {
        let link = SecretLink::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let half = link.half.map(|half| half.expose_secret().to_owned());
        (link.place.root.map(String::from), link.place.id, half)
    }

    #[test]
    fn links_of_secrets_in_every_form() {
        let root = Some("https://drop.example.org/".to_owned());
        let below = Some("https://example.org/secrets/".to_owned());
        let (id, half) = (ID.to_owned(), Some(HALF.to_owned()));
        // (text, root)
        let cases = [
            (format!("https://drop.example.org/{ID}/#{KEY}"), &root),
            (format!("https://drop.example.org/{ID}#{KEY}"), &root),
            (format!("https://drop.example.org/?{ID}#{KEY}"), &root),
            (format!("https://drop.example.org/?{ID}&utm_source=x#{KEY}"), &root),
            (format!("https://drop.example.org/{ID}/?utm_source=x#{KEY}&fbclid=y"), &root),
            (format!("https://example.org/secrets/{ID}/#{KEY}"), &below),
            (format!("https://example.org/secrets/?{ID}#{KEY}"), &below),
            (format!("drop.example.org/{ID}/#{KEY}"), &root),
            (format!("Ticket #4711: <https://drop.example.org/{ID}/#{KEY}>."), &root),
            (format!("https://drop.example.org/{ID}/%23{KEY}"), &root),
            (format!("https://drop.example.org/{ID}/#RklHS0VP=\r\n  VElSVUJOQUtRSlJM"), &root),
            (format!("https://drop.example.org/{ID}/#{KEY}, please"), &root),
            (format!("https://drop.example.org/{ID}/#%52klHS0VPVElSVUJOQUtRSlJM"), &root),
            (format!("https://drop.example.org/{ID}/#\u{200b}{KEY}_"), &root),
            (format!("{ID}#{KEY}"), &None),
        ];
        for (text, root) in cases {
            assert_eq!(parts(&text), (root.clone(), id.clone(), half.clone()), "{text}");
        }
        let short = parts("https://password.link/dT5g/#YWJj");
        assert_eq!(short.1, "dT5g");
        assert_eq!(parts(&format!("https://x.org/{ID}/")).2, None);
        assert_eq!(parts("https://x.org:8443/dT5g#YQ").0.unwrap(), "https://x.org:8443/");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "https://x.org/", "https://x.org/a/b?c", "x y", "https://x.org/manage", "#"]
        {
            assert_eq!(SecretLink::parse(text).err(), Some(BadLink::NoId), "{text}");
        }
        let other = SecretLink::parse(&format!("https://x.org/req/{ID}")).err();
        assert!(matches!(other, Some(BadLink::Other(what)) if what.contains("answer")));
        assert!(request_place(&format!("https://x.org/{ID}")).is_err());
        assert!(matches!(SecretLink::parse("http://[x/abcd"), Err(BadLink::Address(_))));
    }

    #[test]
    fn links_of_senders_requests_and_boxes() {
        let text = format!("https://x.org/status/{ID}#token");
        let link = StatusLink::parse(&text).unwrap();
        assert_eq!((&*link.place.id, link.place.root.unwrap().as_str()), (ID, "https://x.org/"));
        assert_eq!(link.manage_token.unwrap().expose_secret(), "token");
        let link = StatusLink::parse(&format!("https://x.org/{ID}/#{KEY}")).unwrap();
        assert!(link.place.id == ID && link.manage_token.is_none());
        let link = StatusLink::parse(&format!("{ID}#{KEY}")).unwrap();
        assert!(link.place.id == ID && link.manage_token.is_none());
        let uuid = "5e976e6e-d205-4f58-8df9-5ac0048bc702";
        for text in [format!("https://x.org/a/req/{uuid}"), uuid.to_owned()] {
            assert_eq!(request_place(&text).unwrap().id, uuid);
        }
        for text in
            [format!("https://x.org/box/{ID}"), format!("https://x.org/#{ID}"), ID.to_owned()]
        {
            let place = box_place(&text).unwrap();
            assert_eq!(place.id, ID);
            assert!(place.root.is_none_or(|root| root.as_str() == "https://x.org/"), "{text}");
        }
    }

    #[test]
    fn what_is_made_is_found_again() {
        let root = Url::parse("https://x.org/a/").unwrap();
        let text = SecretLink::text(&root, ID, &SecretText::new(KEY.to_owned()));
        let (found, id, half) = parts(text.expose_secret());
        assert_eq!((found.as_deref(), &*id), (Some(root.as_str()), ID));
        assert_eq!(half.as_deref(), Some(HALF));
    }
}
