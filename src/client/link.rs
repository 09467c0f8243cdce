//! Parsing of links, including links that a mail program or an incomplete selection has damaged. Only
//! decryption shows whether the key in a link is right.

use url::Url;

use super::{
    link_parts::{FoundLink, is_our_id, scheme},
    readable_text::readable,
};
pub use super::{
    link_parts::{is_cut, public_half},
    status_link::StatusLink,
};
use crate::crypto::{AnswerKey, SecretText};

/// The address of a secret, request or box.
pub struct LinkPlace {
    /// The server's address, which ends with a slash; `None` if only an id was given.
    pub root: Option<Url>,
    /// The id of the secret or request, or the token of the box.
    pub id: String,
}

/// The link of a secret: `<root>/<id>/#<key>` or `<root>/?<id>#<key>`.
pub struct SecretLink {
    /// The address of the secret.
    pub place: LinkPlace,
    /// The public half of its password; `None` if the link has none, or it is too damaged.
    pub half: Option<SecretText>,
}

/// Why a text is not a link of this kind. The texts are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// The text contains no id.
    #[error("it contains no id; is the link complete?")]
    NoId,
    /// A link of another kind.
    #[error("this is the link of {0}")]
    Other(&'static str),
    /// The address is not valid.
    #[error("the address is not valid: {0}")]
    Address(url::ParseError),
}

/// The first path segment of pages that are not secrets, and a description of their links.
const PAGES: [(&str, &str); 6] = [
    ("status", "a secret's sender: see `sealdrop status`"),
    ("req", "a secret request: see `sealdrop answer` and `sealdrop request`"),
    ("box", "a box: see `sealdrop box`"),
    ("manage", "the page of an account"),
    ("docs", "the page about the API"),
    ("api", "the API"),
];
/// Ids of other servers are shorter than those of sealdrop.
const ID_CHARS: std::ops::RangeInclusive<usize> = 4..=64;

impl SecretLink {
    /// Finds the parts of a link in `text`, which may have other words around it.
    ///
    /// # Errors
    ///
    /// [`BadLink`], if there is no id, or the link is of another kind.
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let text = readable(text);
        if let Some(found) = FoundLink::find(&text) {
            return Ok(Self {
                place: place(own_address(&found.address), None)?,
                half: found.half(),
            });
        }
        let (address, fragment) = cut(&text);
        let place = place(address, None)?;
        Ok(Self { place, half: fragment.and_then(public_half) })
    }

    /// The link, with the public half as base64.
    #[must_use]
    pub fn text(root: &Url, id: &str, half: &SecretText) -> SecretText {
        SecretText::new(format!("{root}{id}/#{}", half.expose_secret()))
    }
}

/// The address of a request, `<root>/req/<id>` or its id alone.
///
/// # Errors
///
/// [`BadLink`], if there is no id, or the link is of another kind.
pub fn request_place(text: &str) -> Result<LinkPlace, BadLink> {
    place(cut(&readable(text)).0, Some("req"))
}

/// The address of a box: `<root>/box/<token>`, `<root>/#<token>`, or its token alone.
///
/// # Errors
///
/// [`BadLink`], if there is no token, or the link is of another kind.
pub fn box_place(text: &str) -> Result<LinkPlace, BadLink> {
    let text = readable(text);
    let (address, fragment) = cut(&text);
    match (place(address, Some("box")), fragment) {
        (Err(BadLink::NoId), Some(token)) if is_id(token.trim()) => {
            let root = Url::parse(address).map_err(BadLink::Address)?;
            Ok(LinkPlace { root: Some(root), id: token.trim().to_owned() })
        }
        (found, _) => found,
    }
}

/// The fingerprint of the key for the answers, in the link of a request; `None` if the link has none, or a
/// damaged one.
#[must_use]
pub fn fingerprint_in(text: &str) -> Option<String> {
    let text = readable(text);
    let fragment = cut(&text).1?;
    let is_of_print = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let print = fragment.split(|char| !is_of_print(char)).next()?;
    (print.len() == AnswerKey::FINGERPRINT_CHARS).then(|| print.to_owned())
}

/// Address and fragment of the first link in `text`, or of the whole text.
pub(super) fn cut(text: &str) -> (&str, Option<&str>) {
    let start = ["https://", "http://"].iter().filter_map(|scheme| text.find(scheme)).min();
    let link = text.get(start.unwrap_or_default()..).unwrap_or_default();
    let Some((address, fragment)) = link.split_once('#') else {
        return (link.split_whitespace().next().unwrap_or_default(), None);
    };
    let is_before = |char: char| char.is_whitespace() || matches!(char, '#' | '/');
    (address.trim_end(), Some(fragment.trim_start_matches(is_before)))
}

/// The address that ends with the id of a secret, without words before it.
fn own_address(text: &str) -> &str {
    if let Some(start) = scheme(text) {
        return text.get(start..).unwrap_or_default();
    }
    let is_of_address = |char: char| char.is_ascii_alphanumeric() || "-._~:/?&=%+[]".contains(char);
    let start = text.rfind(|char| !is_of_address(char)).map_or(0, |at| {
        at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    });
    let address = text.get(start..).unwrap_or_default();
    // RFC 3986, appendix C: <URL:…>.
    let address = address.strip_prefix("URL:").unwrap_or(address);
    address.trim_start_matches(|char: char| !char.is_ascii_alphanumeric() && char != '?')
}

/// The server and the id of an address: the segment after `page`, else the last one, or the first word of
/// the query.
pub(super) fn place(address: &str, page: Option<&str>) -> Result<LinkPlace, BadLink> {
    let address = address.trim_matches(['"', '\'', '<', '>', '(', ')', '[', ']', '.', ',', ';']);
    if !address.contains('/') {
        let id = address.trim_start_matches('?');
        return match is_id(id) {
            true => Ok(LinkPlace { root: None, id: id.to_owned() }),
            false => Err(BadLink::NoId),
        };
    }
    let url = match address.contains("://") {
        true => Url::parse(address),
        false => Url::parse(&format!("https://{address}")),
    };
    let mut url = url.map_err(BadLink::Address)?;
    let mut segments: Vec<String> =
        url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    // The status of a request is below its own address.
    if matches!(segments.as_slice(), [.., page, _, last] if page == "req" && last == "status") {
        segments.pop();
    }
    let query = url.query().and_then(|query| query.split(['&', '=']).next()).map(str::to_owned);
    url.set_query(None);
    url.set_fragment(None);
    let mut before = &segments[..];
    let is_in_query = query.as_deref().is_some_and(is_our_id);
    let last = match before.split_last() {
        Some((last, rest)) if is_id(last) && (is_our_id(last) || !is_in_query) => {
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
    Ok(LinkPlace { root: Some(url), id })
}

/// Whether a text can be an id or a token; it contains no characters with a meaning in a path.
pub(super) fn is_id(text: &str) -> bool {
    ID_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{AnswerPrivateKey, SystemRandom};

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
    fn links_of_requests_and_boxes() {
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
    fn fingerprints_in_links_of_requests() {
        let print = AnswerPrivateKey::generate(&SystemRandom).public().fingerprint();
        assert_eq!(print.len(), AnswerKey::FINGERPRINT_CHARS);
        for behind in ["", ".", "> ", " please"] {
            let text = format!("answer <https://x.org/req/{ID}#{print}{behind}");
            assert_eq!(fingerprint_in(&text).as_deref(), Some(&*print), "{text}");
        }
        for other in ["", "#", "#short", &format!("#{print}x")] {
            assert_eq!(fingerprint_in(&format!("https://x.org/req/{ID}{other}")), None, "{other}");
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
