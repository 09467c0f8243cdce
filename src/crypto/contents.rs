//! The plaintext of a secret: a text without a wrapper, or JSON of a text with files
//! (`docs/secrets-api.md`, "What is in a secret").

use std::{io, mem, str};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    message_key::MessageKey,
    secret_bytes::{SecretBytes, SecretText},
};

/// The version of the JSON form; a plaintext with another version is a plain text.
const VERSION: u64 = 1;
/// The longest safe name, in bytes: file systems allow 255, and the rest is for suffixes that make names
/// unique.
const MAX_NAME_BYTES: usize = 180;
/// The longest suffix that counts as an extension.
const MAX_EXTENSION_BYTES: usize = 20;

/// A file to be packed with a text.
#[derive(Serialize)]
pub struct Packed<'a> {
    /// Its name, without folders.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// The location of its bytes.
    #[serde(flatten)]
    pub place: PackedPlace<'a>,
}

/// The location of the bytes of a [`Packed`] file.
#[derive(Serialize)]
#[serde(untagged)]
pub enum PackedPlace<'a> {
    /// In the secret itself.
    Here {
        /// The bytes in base64.
        data: &'a str,
    },
    /// In an attachment.
    Attached {
        /// Its number, from 1.
        n: u32,
        /// Base64 of the key that seals it.
        key: &'a str,
    },
}

/// Packs a text and its files. A text without files stays a plain text, for other clients, unless it looks
/// like the packed form.
#[must_use]
pub fn pack(text: &str, files: &[Packed<'_>]) -> Zeroizing<Vec<u8>> {
    pack_for_reply(text, files, None)
}

/// As [`pack`], with the fingerprint of the key for a reply, by which a viewer detects that the server has
/// replaced the key.
#[must_use]
pub fn pack_for_reply(text: &str, files: &[Packed<'_>], reply: Option<&str>) -> Zeroizing<Vec<u8>> {
    #[derive(Serialize)]
    struct WrittenForm<'a> {
        sealdrop: u64,
        text: &'a str,
        attachments: &'a [Packed<'a>],
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<&'a str>,
    }
    if files.is_empty() && reply.is_none() && !text.trim_start().starts_with('{') {
        return Zeroizing::new(text.as_bytes().to_vec());
    }
    wiped_json(&WrittenForm { sealdrop: VERSION, text, attachments: files, reply })
}

/// The JSON of texts and numbers, wiped on drop.
///
/// # Panics
///
/// For a value without a JSON form, such as a map whose keys are not texts.
#[must_use]
pub fn wiped_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    // The length is counted first: a vector that grows leaves copies of its content in memory.
    let mut length = Counter(0);
    serde_json::to_writer(&mut length, value).expect(HAS_JSON);
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, value).expect(HAS_JSON);
    json
}

const HAS_JSON: &str = "texts and numbers have a JSON";

/// The content of a secret.
pub struct Contents {
    /// The text; empty if there are only files.
    pub text: SecretText,
    /// The files, in the sender's order.
    pub files: Vec<PackedFile>,
    /// The fingerprint of the key for a reply, if the sender allows one.
    pub reply: Option<String>,
}

/// A file of a secret.
pub struct PackedFile {
    /// Its name, [safe](safe_name) to show and to save under.
    pub name: String,
    /// Its size in bytes, as the sender declared it.
    pub size: u64,
    /// The location of its bytes.
    pub place: FilePlace,
}

/// The location of the bytes of a [`PackedFile`].
pub enum FilePlace {
    /// In the secret itself.
    Here(SecretBytes),
    /// In an attachment.
    Attached {
        /// Its number, from 1.
        n: u32,
        /// The key that seals it.
        key: MessageKey,
    },
}

/// The inverse of [`pack`]. A text that is not in the packed form is returned as a text, so that nothing
/// gets lost.
///
/// # Errors
///
/// The plaintext, if it is not UTF-8.
pub fn unpack(plaintext: SecretBytes) -> Result<Contents, SecretBytes> {
    if let Some(contents) = unpacked(plaintext.expose_secret()) {
        return Ok(contents);
    }
    match str::from_utf8(plaintext.expose_secret()) {
        Ok(text) => {
            let text = SecretText::new(text.to_owned());
            Ok(Contents { text, files: Vec::new(), reply: None })
        }
        Err(_) => Err(plaintext),
    }
}

fn unpacked(plaintext: &[u8]) -> Option<Contents> {
    #[derive(Deserialize)]
    struct ReadForm {
        sealdrop: u64,
        text: Zeroizing<String>,
        attachments: Vec<FileForm>,
        // A form of another type is ignored, as on the pages: it concerns the reply alone.
        #[serde(default)]
        reply: serde_json::Value,
    }
    if plaintext.first() != Some(&b'{') {
        return None;
    }
    let mut form: ReadForm = serde_json::from_slice(plaintext).ok()?;
    let files = form.attachments.into_iter().map(FileForm::unpacked).collect::<Option<_>>()?;
    let text = SecretText::new(mem::take(&mut *form.text));
    let reply = form.reply.as_str().map(str::to_owned);
    (form.sealdrop == VERSION).then_some(Contents { text, files, reply })
}

#[derive(Deserialize)]
struct FileForm {
    name: String,
    size: Option<u64>,
    data: Option<Zeroizing<String>>,
    n: Option<u32>,
    key: Option<Zeroizing<String>>,
}

impl FileForm {
    fn unpacked(self) -> Option<PackedFile> {
        let name = safe_name(&self.name);
        if let Some(data) = self.data {
            let data = SecretBytes::new(STANDARD.decode(&*data).ok()?);
            return Some(PackedFile {
                name,
                size: data.len() as u64,
                place: FilePlace::Here(data),
            });
        }
        let key = Zeroizing::new(STANDARD.decode(&*self.key?).ok()?);
        let key = Zeroizing::new(<[u8; 32]>::try_from(key.as_slice()).ok()?);
        let n = self.n.filter(|n| *n > 0)?;
        let place = FilePlace::Attached { n, key: MessageKey::from_bytes(*key) };
        Some(PackedFile { name, size: self.size?, place })
    }
}

/// A file name without folders, and without characters that disguise the name, that a system refuses, or
/// that make it an option of a command; never empty. A leading dot stays: `.env` and `env` are different
/// files.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().map(|char| if is_unsafe(char) { '_' } else { char }).collect();
    let begin = match clean.trim_start() {
        hidden if hidden.starts_with('.') => ".",
        flag if flag.starts_with('-') => "_",
        _ => "",
    };
    let is_edge = |char: char| char.is_whitespace() || char == '.';
    let clean = clean.trim_matches(is_edge);
    let clean = if begin == "_" { clean.trim_start_matches('-') } else { clean };
    let (stem, extension) = match clean.rfind('.') {
        Some(dot) if dot > 0 && clean.len() - dot <= MAX_EXTENSION_BYTES => clean.split_at(dot),
        _ => (clean, ""),
    };
    if clean.is_empty() {
        return "file".to_owned();
    }
    let room = stem.floor_char_boundary(MAX_NAME_BYTES - begin.len() - extension.len());
    format!("{begin}{}{extension}", stem.get(..room).unwrap_or_default())
}

/// Whether a character changes the direction of writing, so that the name looks different from what it is.
#[must_use]
pub fn turns_direction(char: char) -> bool {
    matches!(
        char,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a character is a control, a line end, changes the direction of writing, or is refused by some
/// system.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || turns_direction(char)
        || matches!(char, '<' | '>' | ':' | '"' | '|' | '?' | '*')
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(plaintext: &[u8]) -> Contents {
        unpack(SecretBytes::new(plaintext.to_vec())).ok().unwrap()
    }

    #[test]
    fn a_text_alone_stays_as_it_is() {
        assert_eq!(*pack("Möt mig", &[]), "Möt mig".as_bytes());
        for text in
            ["Möt mig", "", "{", " {\"a\":1}", r#"{"sealdrop":1,"text":"x","attachments":[]}"#]
        {
            let contents = unpacked(&pack(text, &[]));
            assert_eq!((contents.text.expose_secret(), contents.files.len()), (text, 0));
        }
    }

    #[test]
    fn files_come_back() {
        let key = STANDARD.encode([7; 32]);
        let files = [
            Packed { name: "a/b.txt", size: 2, place: PackedPlace::Here { data: "aGk=" } },
            Packed { name: "c", size: 99, place: PackedPlace::Attached { n: 1, key: &key } },
        ];
        let contents = unpacked(&pack("x", &files));
        assert_eq!(contents.text.expose_secret(), "x");
        let [here, attached] = &contents.files[..] else { panic!("two files") };
        assert_eq!((&*here.name, here.size), ("b.txt", 2));
        assert!(matches!(&here.place, FilePlace::Here(data) if data.expose_secret() == b"hi"));
        assert_eq!((&*attached.name, attached.size), ("c", 99));
        let FilePlace::Attached { n: 1, key } = &attached.place else { panic!("attached") };
        assert_eq!(key.expose_secret(), &[7; 32]);
    }

    #[test]
    fn the_fingerprint_for_a_reply_is_kept() {
        let contents = unpacked(&pack_for_reply("x", &[], Some("print")));
        assert_eq!(
            (contents.text.expose_secret(), contents.reply.as_deref()),
            ("x", Some("print"))
        );
        assert_eq!(unpacked(&pack("{x", &[])).reply, None);
        let other = unpacked(br#"{"sealdrop":1,"text":"x","attachments":[],"reply":7}"#);
        assert_eq!((other.text.expose_secret(), other.reply), ("x", None));
    }

    #[test]
    fn what_is_not_quite_of_the_form_is_text() {
        let cases = [
            r#"{"sealdrop":2,"text":"x","attachments":[]}"#,
            r#"{"sealdrop":1,"text":7,"attachments":[]}"#,
            r#"{"sealdrop":1,"text":"x","attachments":[{"name":"a","size":1}]}"#,
            r#"{"sealdrop":1,"text":"x","attachments":[{"name":"a","data":"!"}]}"#,
            r#"{"sealdrop":1,"text":"x","attachments":[{"name":"a","size":1,"n":1,"key":"AA=="}]}"#,
            r#"{"sealdrop":1,"text":"x","attachments":[{"name":"a","size":1,"n":0,"key":"AA=="}]}"#,
            r#"{"sealdrop":1,"text":"x"}"#,
        ];
        for case in cases {
            assert_eq!(unpacked(case.as_bytes()).text.expose_secret(), case);
        }
        assert!(unpack(SecretBytes::new(vec![255])).is_err());
    }

    #[test]
    fn names_are_made_safe() {
        let long = "x".repeat(300);
        let cases = [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\a.txt", "a.txt"),
            (".env", ".env"),
            ("a/.env.local", ".env.local"),
            (" .env. ", ".env"),
            ("..env", ".env"),
            ("..", "file"),
            (". .", "file"),
            ("../..", "file"),
            ("-rf", "_rf"),
            ("--", "file"),
            (" -x.sh", "_x.sh"),
            (".-rf", ".-rf"),
            ("a-b.-c", "a-b.-c"),
            ("", "file"),
            ("a\u{1b}[2Jb\n.txt", "a_[2Jb_.txt"),
            ("invoice\u{202e}fdp.exe", "invoice_fdp.exe"),
            ("å.ä", "å.ä"),
            (" - ", "file"),
            (&long, &long[..180]),
        ];
        for (name, safe) in cases {
            assert_eq!(safe_name(name), safe);
        }
        assert_eq!(safe_name(&format!("{}.tar", "å".repeat(200))).len(), 180);
        assert_eq!(safe_name(&format!(".{}.tar", "x".repeat(300))).len(), 180);
    }
}
