//! The readable form of a text that a mail program or a chat has escaped or marked up.

use zeroize::Zeroizing;

/// How many times a forwarded link may have been escaped.
const ESCAPED: usize = 3;
/// HTML entities, by name and number.
const ENTITIES: [(&str, &str); 15] = [
    ("#35", "#"),
    ("#x23", "#"),
    ("num", "#"),
    ("amp", "&"),
    ("#38", "&"),
    ("lt", "<"),
    ("#60", "<"),
    ("gt", ">"),
    ("#62", ">"),
    ("quot", "\""),
    ("#34", "\""),
    ("apos", "'"),
    ("#39", "'"),
    ("nbsp", " "),
    ("#160", " "),
];
/// HTML elements that may occur within a word.
const INLINE: [&str; 9] = ["wbr", "b", "i", "em", "strong", "span", "font", "mark", "u"];

/// The text without percent escapes and entities, also if it was escaped several times, and without
/// invisible characters; variants of the # are replaced by it.
pub(super) fn readable(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(text.to_owned());
    for _ in 0..ESCAPED {
        let next = Zeroizing::new(without_entities(&without_percents(&plain)));
        if *next == *plain {
            break;
        }
        plain = next;
    }
    let plain = plain.replace(['\u{ff03}', '\u{fe5f}'], "#").replace('\u{ff0f}', "/");
    let plain = without_markup(&Zeroizing::new(plain.replace('\u{ff1f}', "?")));
    let seen: String = plain.chars().filter(|char| !is_unseen(*char)).collect();
    Zeroizing::new(seen.trim().to_owned())
}

/// Whether a character is invisible.
fn is_unseen(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Decodes each run of percent escapes; one that is not UTF-8 stays.
fn without_percents(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escaped) = rest.split_at(at);
        out.push_str(before);
        let mut bytes = Vec::new();
        let mut length = 0;
        while let Some(byte) = escaped.get(length..).and_then(escape) {
            bytes.push(byte);
            length += 3;
        }
        match std::str::from_utf8(&bytes) {
            Ok("") => {
                out.push('%');
                length = 1;
            }
            Ok(plain) => out.push_str(plain),
            Err(_) => bytes.iter().for_each(|byte| match byte.is_ascii() {
                true => out.push(char::from(*byte)),
                false => out.push_str(&format!("%{byte:02X}")),
            }),
        }
        rest = escaped.get(length..).unwrap_or_default();
    }
    out + rest
}

/// The byte of a `%XX` at the start.
fn escape(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

fn without_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let known = entity.get(1..).and_then(|name| {
            let name = name.get(..name.find(';')?)?;
            ENTITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        });
        let length = match known {
            Some((name, char)) => {
                out.push_str(char);
                name.len() + 2
            }
            None => {
                out.push('&');
                1
            }
        };
        rest = entity.get(length..).unwrap_or_default();
    }
    out + rest
}

/// Removes tags that may occur within a word; a `<br>` ends a line.
fn without_markup(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let body =
            tag.get(1..).and_then(|body| body.get(..body.find(['>', '<'])?)).unwrap_or_default();
        let is_closed = tag.get(body.len() + 1..).is_some_and(|rest| rest.starts_with('>'));
        let name = body.trim_start_matches('/').trim_end_matches('/');
        let name = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let length = body.len() + 2;
        rest = if is_closed && INLINE.contains(&&*name) {
            tag.get(length..).unwrap_or_default()
        } else if is_closed && name == "br" {
            out.push('\n');
            tag.get(length..).unwrap_or_default()
        } else {
            out.push('<');
            tag.get(1..).unwrap_or_default()
        };
    }
    out.push_str(rest);
    out
}
