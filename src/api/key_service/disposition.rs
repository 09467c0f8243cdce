//! `Content-Disposition`, for parts of a form (RFC 7578), as browsers and command-line tools write it, and
//! for downloads (RFC 6266).

use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::input::form::percent_decode;

/// The names of a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: Option<String>,
    /// The unchanged name, see [`without_folders`]. Empty if the user has selected no file.
    pub(super) file_name: Option<String>,
}

impl Disposition {
    /// Reads the header's value. Invalid UTF-8 becomes U+FFFD; other invalid parts are ignored.
    pub(super) fn parse(header: &[u8]) -> Self {
        let mut found = Self::default();
        let mut plain_file_name = None;
        let (_form_data, mut rest) = split_at(header, b';');
        while !rest.is_empty() {
            let (name, value, after) = pair(rest);
            rest = after;
            let text = || String::from_utf8_lossy(&value).into_owned();
            // The first occurrence counts, as in browsers (RFC 6266 4.1 allows only one).
            match name.to_ascii_lowercase().as_slice() {
                b"name" => _ = found.name.get_or_insert_with(text),
                b"filename" => _ = plain_file_name.get_or_insert_with(text),
                // RFC 7578 forbids it, but clients send it. It takes precedence (RFC 6266 4.3).
                b"filename*" if found.file_name.is_none() => found.file_name = extended(&value),
                _ => {}
            }
        }
        found.file_name = found.file_name.or(plain_file_name);
        found
    }
}

/// The header for a download to be saved as `name`, which can be any text.
///
/// The name is given twice (RFC 6266 4.3): exactly, and in ASCII for clients that do not support the exact
/// form.
pub(super) fn attachment(name: &str) -> HeaderValue {
    let harmless: String =
        name.chars().map(|c| if is_harmful(c) { '_' } else { c }).take(MAX_NAME_CHARS).collect();
    let name = match harmless.trim_matches(|c: char| c.is_whitespace() || c == '.') {
        "" => "file",
        trimmed => trimmed,
    };
    let plain: String =
        name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let exact = utf8_percent_encode(name, EXCEPT_IN_NAMES);
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

/// Characters that separate folders, that file systems reject, or that reverse the writing direction and so
/// can disguise a file's type.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || "/\\:*?\"<>|".contains(c)
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Longer names do not fit in common file systems.
const MAX_NAME_CHARS: usize = 255;
/// All characters except attr-char of RFC 8187.
const EXCEPT_IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The first `name=value`, and the text after it.
fn pair(text: &[u8]) -> (&[u8], Vec<u8>, &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or_default();
    let Some(value) = rest.strip_prefix(b"=") else {
        return (name.trim_ascii(), Vec::new(), rest.strip_prefix(b";").unwrap_or_default());
    };
    let (value, after) = match value.trim_ascii_start().strip_prefix(b"\"") {
        Some(quoted) => unquote(quoted),
        None => {
            let (value, after) = split_at(value, b';');
            return (name.trim_ascii(), value.trim_ascii().to_vec(), after);
        }
    };
    (name.trim_ascii(), value, split_at(after, b';').1)
}

/// The text before and after the closing quote. Only `\"` and `\\` are escapes: browsers send other
/// backslashes unescaped. If the last quote is escaped by this rule, it closes a name that ends with a
/// backslash.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return (value, after),
            [b'\\', byte @ (b'"' | b'\\'), after @ ..] => {
                value.push(*byte);
                after
            }
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
            [] => {
                if text.ends_with(b"\\\"") {
                    value.pop();
                    value.push(b'\\');
                }
                return (value, &[]);
            }
        };
    }
}

/// `UTF-8''na%C3%AFve` (RFC 8187).
fn extended(value: &[u8]) -> Option<String> {
    let (charset, rest) = split_at(value, b'\'');
    let (_language, text) = split_at(rest, b'\'');
    let is_utf8 = charset.eq_ignore_ascii_case(b"utf-8");
    String::from_utf8(percent_decode(text, b'+')).ok().filter(|name| is_utf8 && !name.is_empty())
}

/// Removes the folders of a path, which old browsers send.
pub(super) fn without_folders(name: &str) -> String {
    name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

/// The text before and after the first `byte`.
fn split_at(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |other| *other == byte);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_saved_under_a_harmless_name() {
        let cases = [
            ("a b.txt", "\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
            ("å\"100%.txt", "\"__100_.txt\"; filename*=UTF-8''%C3%A5_100%25.txt"),
            ("../../.ssh/keys", "\"_.._.ssh_keys\"; filename*=UTF-8''_.._.ssh_keys"),
            (
                "a\r\nSet-Cookie: b=c",
                "\"a__Set-Cookie_ b=c\"; filename*=UTF-8''a__Set-Cookie_%20b%3Dc",
            ),
            ("a\u{202E}txt.exe", "\"a_txt.exe\"; filename*=UTF-8''a_txt.exe"),
            (" .. ", "\"file\"; filename*=UTF-8''file"),
            ("", "\"file\"; filename*=UTF-8''file"),
        ];
        for (name, expected) in cases {
            let header = attachment(name);
            assert_eq!(header, format!("attachment; filename={expected}").as_str(), "{name:?}");
        }
        assert!(attachment(&"å".repeat(10_000)).len() < 3000);
    }

    #[test]
    fn names_are_read_as_they_are_sent() {
        // (header, name, file name)
        let cases = [
            (r#"form-data; name="a""#, Some("a"), None),
            (r#"form-data; name=a ; filename = b.txt"#, Some("a"), Some("b.txt")),
            (r#"form-data; filename="x; name=b.txt"; name="a""#, Some("a"), Some("x; name=b.txt")),
            (r#"form-data; NAME="a"; FileName="å ä.txt""#, Some("a"), Some("å ä.txt")),
            (r#"form-data; name="a"; filename="q\"q\\q""#, Some("a"), Some("q")),
            (r#"form-data; name="a"; filename="q\"q""#, Some("a"), Some("q\"q")),
            (r#"form-data; name="a"; filename="C:\dir\b.txt""#, Some("a"), Some("b.txt")),
            (r#"form-data; name="a"; filename="end\""#, Some("a"), Some("end")),
            (r#"form-data; name="a"; filename="../../etc/passwd""#, Some("a"), Some("passwd")),
            (r#"form-data; name="a"; filename="""#, Some("a"), Some("")),
            ("form-data; name=a; filename=b; filename*=UTF-8''%C3%A5+%22", Some("a"), Some("å+\"")),
            ("form-data; filename*=utf-8'sv'%C3%A5; filename=b", None, Some("å")),
            ("form-data; filename*=x'y'%C3; filename=b", None, Some("b")),
            ("form-data; filename*=UTF-8''%FF; filename=b", None, Some("b")),
            ("form-data; name=a; name=b", Some("a"), None),
            ("form-data", None, None),
            ("form-data;;;=;name", None, None),
            ("", None, None),
        ];
        for (header, name, file_name) in cases {
            let found = Disposition::parse(header.as_bytes());
            let saved = found.file_name.as_deref().map(without_folders);
            let found = (found.name.as_deref(), saved.as_deref());
            let name = if header.ends_with("name") { Some("") } else { name };
            assert_eq!(found, (name, file_name), "{header}");
        }
    }
}
