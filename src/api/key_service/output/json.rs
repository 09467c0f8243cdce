//! Writes fields and texts as JSON (RFC 8259).

use super::{
    escape::escape,
    item::{ItemField, ItemValue},
};

/// A text in quotes.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    push_text(text, out);
    out.push(b'"');
}

/// A part of a text, without quotes.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, is_special, push_special);
}

/// `"Name":value,…`, without braces.
pub(super) fn push_fields(fields: &[ItemField<'_>], out: &mut Vec<u8>) {
    for (index, ItemField { name, value, .. }) in fields.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        push_value(value, out);
    }
}

fn push_value(value: &ItemValue<'_>, out: &mut Vec<u8>) {
    match value {
        ItemValue::Text(text) | ItemValue::OptionalText(Some(text)) => string(text, out),
        ItemValue::OptionalText(None) | ItemValue::OptionalDate(None) => {
            out.extend_from_slice(b"null")
        }
        ItemValue::Date(date) | ItemValue::OptionalDate(Some(date)) => {
            string(&date.to_string(), out)
        }
        ItemValue::Flag(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
        ItemValue::Number(number) | ItemValue::Ordinal(number) => {
            out.extend_from_slice(number.to_string().as_bytes());
        }
        ItemValue::Id(id) => out.extend_from_slice(id.to_string().as_bytes()),
        ItemValue::NoMessages => out.extend_from_slice(b"[]"),
    }
}

/// Whether a byte must be escaped in a string.
fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Escapes the special byte at the start of `text`, and returns its length.
fn push_special(text: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = text.first().copied().unwrap_or_default();
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
    }
    1
}
