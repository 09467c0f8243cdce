//! Finds the id of a secret and the public half of its password in a link, also if a mail program or an
//! incomplete selection has damaged it. The pages do the same (`src/web/js/common/link_parts.js`); the
//! tests of both read `tests/vectors/links.json`.

use base64::{
    Engine,
    alphabet::{STANDARD as PLAIN, URL_SAFE},
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD,
    },
};
use zeroize::Zeroizing;

use super::readable_text::readable;
use crate::crypto::{SecretText, sjcl::PASSWORD_HALF_CHARS};

/// The length of sealdrop's ids.
const OUR_ID_CHARS: usize = 31;
/// The base64 of a half that was made by sealdrop: the halves consist of letters and digits, so it has no
/// padding, and neither `+` nor `/`.
const OWN_KEY_CHARS: usize = PASSWORD_HALF_CHARS / 3 * 4;
/// A key has at least this many characters: a shorter one that is followed by a space was broken into
/// lines.
const SHORT: usize = 18;
/// The positions of the parts of a secret's link in a text.
pub(super) struct FoundLink<'a> {
    /// The text up to the end of the id, without other characters within it.
    pub(super) address: Zeroizing<String>,
    /// The text after the id.
    behind: Behind<'a>,
}

enum Behind<'a> {
    Whole(&'a str),
    Mended(Zeroizing<String>),
}

impl<'a> FoundLink<'a> {
    /// Finds an id of sealdrop in a text that is [`readable`].
    pub(super) fn find(text: &'a str) -> Option<Self> {
        if let Some(end) = id_end(text) {
            let (address, behind) = text.split_at(end);
            let address = Zeroizing::new(address.to_owned());
            return Some(Self { address, behind: Behind::Whole(behind) });
        }
        // Blanks and similar characters may have broken it. Words before an address are not a part of it.
        // Any words could be joined to form an id; a key after them shows that they are one.
        let (head, tail) = text.split_at(text.find('#')?);
        let address = head.get(scheme(head).unwrap_or_default()..)?;
        // A host contains dots, which are removed elsewhere.
        let (host, path) = address.split_at(host_end(address).unwrap_or_default());
        let path = path.replace("=\r\n", "").replace("=\n", "");
        let path = path.chars().filter(|char| !is_junk(*char));
        let bare: Zeroizing<String> = Zeroizing::new(host.chars().chain(path).collect());
        let (address, behind) = bare.split_at(id_end(&bare)?);
        let behind = Zeroizing::new([behind, tail].concat());
        Some(Self { address: Zeroizing::new(address.to_owned()), behind: Behind::Mended(behind) })
    }

    /// The public half after the id.
    pub(super) fn half(&self) -> Option<SecretText> {
        let behind = match &self.behind {
            Behind::Whole(text) => text,
            Behind::Mended(text) => text.as_str(),
        };
        match behind_sharp(behind) {
            Some(fragment) => half_of(fragment),
            // If the # is lost, only a key of sealdrop can be distinguished from other words.
            None => own_key_in(behind),
        }
    }
}

/// Whether a half is a truncated half of sealdrop, as far as this is known: these have a fixed length,
/// those of other programs may have any.
#[must_use]
pub fn is_cut(half: &SecretText) -> bool {
    half.expose_secret().len() < PASSWORD_HALF_CHARS && is_letters(half)
}

fn is_letters(half: &SecretText) -> bool {
    half.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The half in a fragment, or a key that was pasted alone.
#[must_use]
pub fn public_half(text: &str) -> Option<SecretText> {
    let text = readable(text);
    half_of(text.split_once('#').map_or(&*text, |(_, fragment)| fragment))
}

fn half_of(fragment: &str) -> Option<SecretText> {
    let plain = Zeroizing::new(fragment.replace("=3D", "="));
    let plain = plain.trim_start_matches(|char: char| !char.is_ascii_alphanumeric());
    let run = plain.find(|char| !is_base64(char)).unwrap_or(plain.len());
    let (run, rest) = plain.split_at(run);
    // A key with padding, or longer than sealdrop's, was made by another program.
    let behind_padding = rest.trim_start_matches('=');
    let is_padded = run.len() % 4 > 1
        && behind_padding.len() < rest.len()
        && !behind_padding.starts_with('\n')
        && !behind_padding.starts_with("\r\n");
    let is_foreign = (is_padded || run.len() > OWN_KEY_CHARS) && is_canonical(run);
    let own = if is_foreign { None } else { own_key_in(plain) };
    own.or_else(|| any_key_in(plain))
}

/// Where an id of sealdrop ends: in a link, if there is one.
fn id_end(text: &str) -> Option<usize> {
    id_end_behind(text, |before| before.ends_with(['/', '?', '&']))
        // The value of a parameter is not an id, nor is the token of a box.
        .or_else(|| id_end_behind(text, |before| !before.ends_with(['=', '#'])))
}

fn id_end_behind(text: &str, fits: impl Fn(&str) -> bool) -> Option<usize> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    let mut start = 0;
    while let Some(at) = text.get(start..)?.find(is_part) {
        let (before, rest) = text.split_at(start + at);
        let length = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
        let end = before.len() + length;
        if is_our_id(rest.get(..length)?) && fits(before) {
            return Some(end);
        }
        start = end;
    }
    None
}

/// Whether a text has the form of sealdrop's ids; other servers may have other ids.
pub(super) fn is_our_id(text: &str) -> bool {
    text.len() == OUR_ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Where the last address in a text begins.
pub(super) fn scheme(text: &str) -> Option<usize> {
    ["https://", "http://"].iter().filter_map(|scheme| text.rfind(scheme)).max()
}

/// Where the host of an address ends.
fn host_end(address: &str) -> Option<usize> {
    let host = address.find("://").map_or(0, |at| at + 3);
    Some(host + address.get(host..)?.find(['/', '?'])?)
}

/// The text after the `#`; another one ("… is ticket #4711") is ignored.
fn behind_sharp(text: &str) -> Option<&str> {
    let (before, fragment) = text.split_once('#')?;
    (!before.trim_end().contains(char::is_whitespace)).then_some(fragment)
}

/// Whether a character can be between the words of a text that was broken into lines, quoted or marked up.
fn is_junk(char: char) -> bool {
    char.is_whitespace() || "\"'<>|\\.,;“”„‘’«»".contains(char)
}

/// A half of sealdrop, whatever is around it and between its pieces. It is assumed that other words never
/// have its length and decode to letters and digits only.
fn own_key_in(text: &str) -> Option<SecretText> {
    let text = text.split(['&', '?', '#']).next().unwrap_or_default();
    let words = words(text);
    for first in 0..words.len() {
        let mut joined = Zeroizing::new(String::with_capacity(text.len()));
        let mut last = first;
        for word in words.iter().skip(first) {
            if joined.len() >= OWN_KEY_CHARS {
                break;
            }
            joined.push_str(text.get(word.clone())?);
            last += 1;
        }
        let Some(half) = joined.get(..OWN_KEY_CHARS).and_then(own_half) else { continue };
        let is_joined = last > first + 1;
        // After a key that is written without a space, the text is not base64.
        if joined.len() > OWN_KEY_CHARS && (is_joined || is_canonical(&joined)) {
            continue;
        }
        // "… a key" is not the end of a truncated key.
        let end = words.get(last - 1)?.end;
        let is_long = words.get(first)?.len() >= SHORT;
        if !(is_joined && is_long && goes_on(text.get(end..)?)) {
            return Some(half);
        }
    }
    None
}

/// Whether more words follow in the same line.
fn goes_on(text: &str) -> bool {
    let is_blank = |char: char| char.is_whitespace() && !matches!(char, '\r' | '\n');
    let rest = text.trim_start_matches(is_blank);
    rest.len() < text.len() && rest.starts_with(|char: char| char.is_ascii_alphanumeric())
}

/// The positions of runs of letters and digits.
fn words(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                found.push(begin..at);
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn own_half(encoded: &str) -> Option<SecretText> {
    let half = decoded(encoded)?;
    let is_own = encoded.len() == OWN_KEY_CHARS
        && half.expose_secret().len() == PASSWORD_HALF_CHARS
        && is_letters(&half);
    is_own.then_some(half)
}

/// Whether this base64 was written by a program: it has no unused bits that are set, and decodes to text.
fn is_canonical(encoded: &str) -> bool {
    decoded(encoded).is_some_and(|half| {
        let again = Zeroizing::new(STANDARD_NO_PAD.encode(half.expose_secret()));
        *again == encoded.replace('-', "+").replace('_', "/")
    })
}

/// The half of any program.
fn any_key_in(plain: &str) -> Option<SecretText> {
    let first = plain.split_whitespace().next().unwrap_or_default();
    let word = first_word(plain);
    let half = half_in(&word);
    if *word == first || half.as_ref().is_some_and(is_letters) {
        return half;
    }
    // Prose after a truncated key would turn it into a key of another program, which spends a view.
    let run = first.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(first.len());
    first.get(..run).and_then(half_in).filter(is_cut).or(half)
}

fn half_in(word: &str) -> Option<SecretText> {
    let bare = word.split(['&', '?', '#']).next().unwrap_or_default();
    let mut encoded = Zeroizing::new(String::with_capacity(bare.len()));
    let mut rest = bare.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            char if is_base64(char) => encoded.push(char),
            // Mails break lines after a "=" (RFC 2045, 6.7).
            '=' if rest.peek().is_some_and(char::is_ascii_alphanumeric) => {}
            _ => break,
        }
    }
    // A single character at the end encodes nothing: it is markup that was copied, as in _link_ or link/.
    let whole = match encoded.len() % 4 {
        1 => encoded.get(..encoded.len() - 1).unwrap_or_default(),
        _ => &encoded,
    };
    decoded(whole).or_else(|| decoded(whole.trim_end_matches(['_', '/', '+', '-'])))
}

fn is_base64(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '-' | '_')
}

/// Up to the first space, unless that is too short for a key: then up to the next one.
fn first_word(text: &str) -> Zeroizing<String> {
    let mut key = Zeroizing::new(String::with_capacity(text.len()));
    for word in text.split_whitespace() {
        if key.len() >= SHORT {
            break;
        }
        key.push_str(word);
    }
    key
}

/// Decodes either alphabet of base64, with or without padding, and with unused bits set.
fn decoded(encoded: &str) -> Option<SecretText> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if encoded.contains(['-', '_']) { URL_SAFE } else { PLAIN };
    let half = GeneralPurpose::new(&alphabet, LENIENT).decode(encoded).ok()?;
    let half = String::from_utf8(half).ok()?;
    // A password contains only printable characters.
    (!half.is_empty() && !half.chars().any(char::is_control)).then(|| SecretText::new(half))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::client::link::SecretLink;

    #[derive(Deserialize)]
    struct Links {
        id: String,
        half: String,
        key: String,
        heads: Vec<String>,
        sharps: Vec<String>,
        ends: Vec<String>,
        wraps: Vec<(String, String)>,
        within: Vec<String>,
        cut: Vec<usize>,
        behind_cut: Vec<String>,
        texts: Vec<(String, String, Option<String>)>,
    }

    #[test]
    fn damaged_links_the_same_as_on_the_pages() {
        let links: Links =
            serde_json::from_str(include_str!("../../tests/vectors/links.json")).unwrap();
        let Links { id, half, key, .. } = &links;
        let filled =
            |text: &str| text.replace("{id}", id).replace("{key}", key).replace("{half}", half);
        let (mut count, mut wrong) = (0, Vec::new());
        let mut expect = |text: &str, root: Option<&str>, half: Option<&str>| {
            count += 1;
            let link = SecretLink::parse(text);
            let found = link.as_ref().ok().and_then(|link| link.half.as_ref());
            let right = link.as_ref().is_ok_and(|link| {
                let place = &link.place;
                let is_there = root
                    .is_none_or(|root| place.root.as_ref().is_some_and(|url| url.as_str() == root));
                place.id == *id && is_there
            });
            if !right || found.map(SecretText::expose_secret) != half {
                let place = link.as_ref().map(|link| (link.place.root.clone(), &link.place.id));
                wrong.push(format!(
                    "{text:?}: {place:?} {:?}",
                    found.map(SecretText::expose_secret)
                ));
            }
        };
        let mut cuts = 0;
        for head in links.heads.iter().map(|head| filled(head)) {
            let port = if head.contains(":8443") { ":8443" } else { "" };
            let path = if head.contains("secrets") { "secrets/" } else { "" };
            let root = format!("https://x.example{port}/{path}");
            let root = Some(root.as_str());
            let half = Some(half.as_str());
            for sharp in &links.sharps {
                expect(&format!("{head}{sharp}{key}"), root, half);
            }
            for end in &links.ends {
                expect(&format!("{head}#{key}{end}"), root, half);
            }
            for (before, behind) in &links.wraps {
                for sharp in ["#", "%23"] {
                    expect(&format!("{before}{head}{sharp}{key}{behind}"), root, half);
                }
            }
            for junk in &links.within {
                for at in [1, 9, 12, 20, 23] {
                    let (start, end) = key.split_at(at);
                    expect(&format!("{head}#{start}{junk}{end}"), root, half);
                }
                for at in [3, 16, 28] {
                    let (start, end) = id.split_at(at);
                    let broken = head.replace(id, &format!("{start}{junk}{end}"));
                    expect(&format!("{broken}#{key}"), root, half);
                }
            }
            for missing in &links.cut {
                for behind in &links.behind_cut {
                    let text = format!("{head}#{}{behind}", &key[..key.len() - missing]);
                    let half = SecretLink::parse(&text).unwrap().half;
                    assert!(half.is_none_or(|half| is_cut(&half)), "{text}");
                    cuts += 1;
                }
            }
        }
        for (text, _, half) in &links.texts {
            expect(&filled(text), None, half.as_deref().map(&filled).as_deref());
        }
        assert!(
            wrong.is_empty(),
            "{} of {count}:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(30)].join("\n")
        );
        assert!(count > 2000 && cuts > 500);
        for whole in [half, "l\u{f6}se", "abc-def"] {
            assert!(!is_cut(&SecretText::new(whole.to_owned())), "{whole}");
        }
    }
}
