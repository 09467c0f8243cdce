//! Text files of editors and other systems: the value may be surrounded by a byte order mark, blanks, or
//! line ends of Windows. The daemon and the command line read theirs here.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::crypto::SecretText;

/// Passwords, passphrases and API keys are shorter, and so are the tokens of mail servers: a line of SMTP has
/// 12,288 bytes with the token in base64 (RFC 4954).
pub(crate) const MAX_SECRET_BYTES: u64 = 8 << 10;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file, without a byte order mark at its beginning.
///
/// # Errors
///
/// The likely encoding, if it is not UTF-8; the text contains nothing of the file.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, &'static str> {
    // Without a mark it is UTF-16 if every other byte is zero; valid values contain no zeros.
    let is_utf_16 =
        matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, 0, ..] | [_, 0, _, 0, ..]);
    if is_utf_16 {
        return Err("it is UTF-16, as some editors of Windows write: save it as UTF-8");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// A value without a byte order mark, blanks and line ends around it.
#[must_use]
pub(crate) fn trimmed(value: &str) -> &str {
    value.trim_matches(|char: char| char.is_whitespace() || char == BYTE_ORDER_MARK)
}

/// The only line of a file, [`trimmed`], in memory that is wiped. Blocks.
///
/// # Errors
///
/// The problem with the file; the text contains nothing of its content.
pub(crate) fn read_secret(path: &Path) -> Result<SecretText, String> {
    read_line(path, trimmed, char::is_control)
}

/// The only line of a file as it would be typed: without a byte order mark and the end of the line, but
/// with blanks at its ends. The passphrase of a box is used in this form wherever it is typed. Blocks.
///
/// # Errors
///
/// As [`read_secret`].
pub(crate) fn read_passphrase(path: &Path) -> Result<SecretText, String> {
    read_line(path, without_line_end, |char| char.is_control() && char != '\t')
}

fn without_line_end(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

fn read_line(
    path: &Path,
    part: impl Fn(&str) -> &str,
    is_refused: impl Fn(char) -> bool,
) -> Result<SecretText, String> {
    let trouble = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let bytes = read_short(path, MAX_SECRET_BYTES).map_err(|error| trouble(&error))?;
    let text = decode(&bytes).map_err(|problem| trouble(&problem))?;
    let text = part(text);
    if text.is_empty() {
        return Err(trouble(&"it is empty"));
    }
    if text.contains(is_refused) {
        return Err(trouble(&"it must be one line without control characters"));
    }
    Ok(SecretText::new(text.to_owned()))
}

/// All of a file of at most `most` bytes, in memory that is wiped. Blocks.
///
/// # Errors
///
/// The system's, or that it is too long.
pub(crate) fn read_short(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let capacity = usize::try_from(most).unwrap_or(0).saturating_add(1);
    // Large enough not to be moved, which would leave a copy in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::other(format!("it is longer than {most} bytes"))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn utf_16(text: &str, mark: bool, encode: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(encode).collect()
    }

    #[test]
    fn a_secret_is_what_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        let read = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            read_secret(&file).map(|text| text.expose_secret().to_owned())
        };
        for bytes in [
            "s3 crét",
            "s3 crét\n",
            "s3 crét\r\n\r\n",
            "\u{feff}s3 crét\r\n",
            " \t s3 crét \u{a0}\u{2003}\n",
            "\n\u{feff}s3 crét\u{feff}\n",
            "\u{c}s3 crét\u{85}\u{2028}",
        ] {
            assert_eq!(read(bytes.as_bytes()).unwrap(), "s3 crét", "{bytes:?}");
        }
        for (bytes, problem) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            ("\u{feff} \r\n".as_bytes(), "it is empty"),
            (b"planted\nplanted", "one line"),
            (b"planted\0", "one line"),
            (b"planted\x1b[2J", "one line"),
            (b"planted\xff", "not UTF-8"),
            (&utf_16("planted\r\n", true, u16::to_le_bytes), "UTF-16"),
            (&utf_16("planted\r\n", true, u16::to_be_bytes), "UTF-16"),
            (&utf_16("planted", false, u16::to_le_bytes), "UTF-16"),
            (&utf_16("planted", false, u16::to_be_bytes), "UTF-16"),
            (&[b'p'; 9000], "longer than 8192 bytes"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(problem) && !error.contains("planted"), "{error}");
            assert!(error.contains("secret: "), "the file is named: {error}");
        }
        assert_eq!(read(&[b'p'; 8192]).unwrap().len(), 8192);
        assert!(read_secret(&dir.path().join("absent")).is_err());
        assert!(read_secret(dir.path()).is_err());
        assert!(read_secret(Path::new("/dev/zero")).is_err(), "one that never ends");
    }

    #[test]
    fn a_passphrase_is_what_would_be_typed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("phrase");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read_passphrase(&file).map(|text| text.expose_secret().to_owned())
        };
        for (text, phrase) in [
            ("correct horse", "correct horse"),
            ("correct horse\n", "correct horse"),
            ("\u{feff}correct horse\r\n", "correct horse"),
            (" \tcorrect\thorse\u{a0} \n", " \tcorrect\thorse\u{a0} "),
            ("  \n", "  "),
        ] {
            assert_eq!(read(text).unwrap(), phrase, "{text:?}");
        }
        for (text, problem) in [
            ("", "it is empty"),
            ("\u{feff}\r\n", "it is empty"),
            ("planted\n\n", "one line"),
            ("planted\nplanted", "one line"),
            ("planted\0", "one line"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains("planted"), "{error}");
        }
    }
}
