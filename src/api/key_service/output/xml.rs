//! Fields and texts in XML 1.0, as .NET's `XmlSerializer` writes them.

use super::{escape::escape, item::Value};

/// What every document begins with, up to what is told. The original writes each answer under this root.
pub(super) const BEGIN: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
    r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema">"#
);
/// The same of a plain value, which needs no namespaces.
pub(super) const BEGIN_PLAIN: &str = r#"<?xml version="1.0" encoding="utf-8"?><response>"#;
/// What every document ends with.
pub(super) const END: &str = "</response>";

/// `<name>text</name>`.
pub(super) fn element(name: &str, text: &str, out: &mut Vec<u8>) {
    push_tag("<", name, out);
    push_text(text, out);
    push_tag("</", name, out);
}

/// A piece of a text. What XML 1.0 can not hold, not even escaped, becomes U+FFFD.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, is_special, push_special);
}

/// One element for each field.
pub(super) fn push_fields(fields: &[(&'static str, Value<'_>)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        match value {
            Value::Text(text) | Value::OptionalText(Some(text)) => element(name, text, out),
            Value::OptionalText(None) => {}
            Value::Date(date) | Value::OptionalDate(Some(date)) => {
                element(name, &date.to_string(), out);
            }
            Value::OptionalDate(None) => {
                out.extend_from_slice(format!("<{name} xsi:nil=\"true\" />").as_bytes());
            }
            Value::Flag(flag) => element(name, &flag.to_string(), out),
            Value::Number(number) => element(name, &number.to_string(), out),
            // An empty element would be read as a list of one: the original's has no element around it.
            Value::EmptyList => {}
        }
    }
}

fn push_tag(open: &str, name: &str, out: &mut Vec<u8>) {
    for part in [open, name, ">"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// What an element's text can not hold as it is; 0xEF may begin U+FFFE and U+FFFF.
fn is_special(byte: u8) -> bool {
    (byte < b' ' && byte != b'\n' && byte != b'\t')
        || matches!(byte, b'<' | b'>' | b'&')
        || byte == 0xef
}

/// Escapes the special character that `text` begins with, and gives its length.
fn push_special(text: &[u8], out: &mut Vec<u8>) -> usize {
    let (escaped, length): (&[u8], usize) = match text {
        [b'<', ..] => (b"&lt;", 1),
        // Only `]]>` must not stand there, but its parts may come apart.
        [b'>', ..] => (b"&gt;", 1),
        [b'&', ..] => (b"&amp;", 1),
        // Bare, a reader would take it for a line's end (XML 1.0, 2.11).
        [b'\r', ..] => (b"&#xD;", 1),
        [0xef, 0xbf, 0xbe | 0xbf, ..] => (REPLACEMENT, 3),
        [first @ 0xef, second, third, ..] => {
            out.extend_from_slice(&[*first, *second, *third]);
            return 3;
        }
        _ => (REPLACEMENT, 1),
    };
    out.extend_from_slice(escaped);
    length
}

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
