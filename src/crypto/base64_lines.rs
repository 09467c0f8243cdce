//! Line ends within base64, which MIME (RFC 2045), PEM and many programs write by default.

use std::borrow::Cow;

/// `text` without carriage returns and line feeds; copied only if it contains any.
#[must_use]
pub fn without_line_ends(text: &str) -> Cow<'_, str> {
    let is_line_end = |byte| matches!(byte, b'\r' | b'\n');
    if text.bytes().any(is_line_end) {
        Cow::Owned(text.replace(['\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_go() {
        assert!(matches!(without_line_ends("YWJj"), Cow::Borrowed("YWJj")));
        for text in ["YW\r\nJj\r\n", "\nYWJj", "YWJj\n", "Y\rWJj", "YWJj\n\n\n"] {
            assert_eq!(without_line_ends(text), "YWJj", "{text:?}");
        }
        assert_eq!(without_line_ends("YW Jj\t"), "YW Jj\t");
    }
}
