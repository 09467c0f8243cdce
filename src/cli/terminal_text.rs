//! Foreign text on a terminal: control characters are escaped.

use crate::crypto::contents::turns_direction;

/// Escapes control characters, which could rewrite the screen.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\n' | '\t' => shown.push(char),
            // The end of a line on Windows.
            '\r' if chars.peek() == Some(&'\n') => {}
            char if char.is_control() || turns_direction(char) => {
                shown.extend(char.escape_default())
            }
            char => shown.push(char),
        }
    }
    shown
}

/// Escapes control characters and joins the lines.
pub(crate) fn line(text: &str) -> String {
    escaped(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\tb\nå"), "a\tb\nå");
        assert_eq!(escaped("a\r\nb\r"), "a\nb\\r");
        assert_eq!(escaped("\u{1b}[2J\r\u{9b}"), "\\u{1b}[2J\\r\\u{9b}");
        assert_eq!(line("a\nb\u{202e}c"), "a b\\u{202e}c");
    }
}
