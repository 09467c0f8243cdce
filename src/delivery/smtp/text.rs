//! Makes foreign text suitable for a mail.

/// Text of a caller as one line: characters that break lines or change the direction of writing become
/// spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text of a caller as lines with a `>` before each, so that they are not taken for text of the daemon.
#[must_use]
pub fn quoted(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| {
        let plain: String = line.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
        format!("> {}", plain.trim_end()).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a character is neither a control, nor ends a line or changes the direction of the following
/// text.
fn is_plain(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_writes_our_lines() {
        assert_eq!(one_line("a\r\nBcc: b\u{2028}c\u{202e}d\0"), "a Bcc: b c d");
        assert_eq!(quoted("a\r\n\r\nb\rc\n\n"), "> a\n>\n> b c");
        assert_eq!(quoted("x\u{2029}\u{85}y"), "> x  y");
        assert_eq!(quoted(""), "");
    }
}
