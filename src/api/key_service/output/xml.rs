//! Writes fields and texts as XML 1.0, in the format of .NET's `XmlSerializer`.

use super::{
    escape::escape,
    item::{ItemField, ItemValue},
};

/// The start of each document. The original service writes all answers under this root element.
pub(super) const BEGIN: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
    r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema">"#
);
/// The start of a document with a plain value, which needs no namespaces.
pub(super) const BEGIN_PLAIN: &str = r#"<?xml version="1.0" encoding="utf-8"?><response>"#;
/// The end of each document.
pub(super) const END: &str = "</response>";

/// `<name>text</name>`.
pub(super) fn element(name: &str, text: &str, out: &mut Vec<u8>) {
    push_tag("<", name, out);
    push_text(text, out);
    push_tag("</", name, out);
}

/// A part of a text. Characters that XML 1.0 cannot contain, not even escaped, become U+FFFD.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, is_special, push_special);
}

/// One element for each field.
pub(super) fn push_fields(fields: &[ItemField<'_>], out: &mut Vec<u8>) {
    for ItemField { name, value, .. } in fields {
        match value {
            ItemValue::Text(text) | ItemValue::OptionalText(Some(text)) => element(name, text, out),
            ItemValue::OptionalText(None) => {}
            ItemValue::Date(date) | ItemValue::OptionalDate(Some(date)) => {
                element(name, &date.to_string(), out);
            }
            ItemValue::OptionalDate(None) => {
                out.extend_from_slice(format!("<{name} xsi:nil=\"true\" />").as_bytes());
            }
            ItemValue::Flag(flag) => element(name, &flag.to_string(), out),
            ItemValue::Number(number) | ItemValue::Ordinal(number) => {
                element(name, &number.to_string(), out);
            }
            ItemValue::Id(id) => element(name, &id.to_string(), out),
            // The original has no list element, and a reader would take an empty one for a list with one
            // item.
            ItemValue::NoMessages => {}
        }
    }
}

fn push_tag(open: &str, name: &str, out: &mut Vec<u8>) {
    for part in [open, name, ">"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Whether a byte must be escaped in the text of an element; 0xEF can begin U+FFFE and U+FFFF.
fn is_special(byte: u8) -> bool {
    (byte < b' ' && byte != b'\n' && byte != b'\t')
        || matches!(byte, b'<' | b'>' | b'&')
        || byte == 0xef
}

/// Escapes the special character at the start of `text`, and returns its length.
fn push_special(text: &[u8], out: &mut Vec<u8>) -> usize {
    let (escaped, length): (&[u8], usize) = match text {
        [b'<', ..] => (b"&lt;", 1),
        // Only `]]>` is forbidden, but a piece can end within it, so every `>` is escaped.
        [b'>', ..] => (b"&gt;", 1),
        [b'&', ..] => (b"&amp;", 1),
        // XML readers convert an unescaped carriage return to a line feed (XML 1.0, 2.11).
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
