//! Files that only their recipients can open: the format of age, <https://age-encryption.org/v1>, with
//! X25519 recipients or a passphrase (scrypt). The program `age` opens them, too.
//!
//! A file for recipients can have a *note* in its header: a stanza that every program for age ignores. It is
//! readable for everybody, and only the recipients can check it.

use std::{
    collections::HashSet,
    io::{self, BufRead, Read, Write},
};

use age::{
    DecryptError, EncryptError, Identity, Recipient,
    secrecy::SecretString,
    stream::{StreamReader, StreamWriter},
    x25519,
};
use age_core::format::{FileKey, Stanza};

/// Encrypts what is written to it. It must be [finished](StreamWriter::finish).
pub type AgeWriter<W> = StreamWriter<W>;

use super::secret_bytes::SecretText;

/// The beginning of every file of this format.
pub const AGE_MAGIC: &[u8] = b"age-encryption.org/";

/// The longest header in which a note is looked for.
const MAX_HEADER_BYTES: u64 = 64 << 10;
const END_OF_HEADER: &str = "---";

/// The cost of a passphrase: scrypt with N = 2^17 and r = 8, which takes 128 MiB. By default, age takes a
/// second, which is 512 MiB on a fast machine: more than a small server has beside its work.
const PASSPHRASE_COST: u8 = 17;
/// The most that is accepted: 1 GiB.
const MAX_PASSPHRASE_COST: u8 = 20;

/// Who can open a file.
pub enum AgeLock {
    /// Each of these, on its own.
    Recipients(Vec<AgeRecipient>),
    /// Everybody who knows the passphrase.
    Passphrase(SecretText),
}

/// The public key of a recipient: `age1…`.
#[derive(Clone, Debug)]
pub struct AgeRecipient(x25519::Recipient);

/// What opens a file.
pub enum AgeKey {
    /// Private keys: one of them must match.
    Identities(Vec<AgeIdentity>),
    /// The passphrase.
    Passphrase(SecretText),
}

/// A private key: `AGE-SECRET-KEY-1…`.
pub struct AgeIdentity(x25519::Identity);

/// A file that does not open.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// It is for other recipients, or its header was changed.
    #[error(
        "no identity opens it: it was encrypted for other recipients, or its beginning is damaged"
    )]
    WrongIdentity,
    /// The passphrase is wrong.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Its passphrase takes more than 1 GiB of memory.
    #[error("its passphrase needs more work than this program does")]
    TooMuchWork,
    /// Its header is damaged.
    #[error("the beginning of the file is damaged")]
    Damaged,
    /// It cannot be read.
    #[error(transparent)]
    Io(io::Error),
}

impl AgeRecipient {
    /// Parses `age1…`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }
}

impl AgeIdentity {
    /// Parses `AGE-SECRET-KEY-1…`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }
}

/// The note with the name `tag` in a file, which begins like this: its words. They are not checked.
#[must_use]
pub fn note<'a>(beginning: &'a [u8], tag: &str) -> Option<Vec<&'a str>> {
    let mut all = stanzas(beginning);
    all.find(|words| words.first() == Some(&tag)).map(|words| words.into_iter().skip(1).collect())
}

/// The beginning of a file, for [`note`].
///
/// # Errors
///
/// The system's.
pub fn read_beginning(input: impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    input.take(MAX_HEADER_BYTES).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// The first lines of the stanzas in a header, in words.
fn stanzas(beginning: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    let lines =
        beginning.split(|byte| *byte == b'\n').map_while(|line| std::str::from_utf8(line).ok());
    let lines = lines.take_while(|line| !line.starts_with(END_OF_HEADER));
    let is_age = beginning.starts_with(AGE_MAGIC);
    lines
        .filter(move |_| is_age)
        .filter_map(|line| Some(line.strip_prefix("-> ")?.split(' ').collect()))
}

/// Encrypts what is written to the result.
///
/// `note` is a name and words without blanks. A file with a passphrase has no note.
///
/// # Errors
///
/// Those of `out`.
pub fn encrypt<W: Write>(
    out: W,
    lock: &AgeLock,
    note: (&'static str, Vec<String>),
) -> io::Result<AgeWriter<W>> {
    let encryptor = match lock {
        AgeLock::Passphrase(passphrase) => {
            let mut typed = age::scrypt::Recipient::new(secret(passphrase));
            typed.set_work_factor(PASSPHRASE_COST);
            age::Encryptor::with_recipients([&typed as &dyn Recipient].into_iter())
        }
        AgeLock::Recipients(recipients) => {
            let note = Note { tag: note.0, words: note.1 };
            let keys = recipients.iter().map(|AgeRecipient(key)| key as &dyn Recipient);
            let all = keys.chain([&note as &dyn Recipient]);
            age::Encryptor::with_recipients(all)
        }
    };
    let invalid =
        |error: EncryptError| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
    encryptor.map_err(invalid)?.wrap_output(out)
}

/// An encrypted file whose header is read.
pub struct AgeFile<R>(age::Decryptor<R>);

impl<R: BufRead> AgeFile<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`AgeError::Damaged`] and [`AgeError::Io`].
    pub fn begin(input: R) -> Result<Self, AgeError> {
        age::Decryptor::new_buffered(input).map(Self).map_err(|error| match error {
            DecryptError::Io(error) => AgeError::Io(error),
            _ => AgeError::Damaged,
        })
    }

    /// Whether a passphrase opens it, and not an identity.
    pub fn needs_passphrase(&self) -> bool {
        self.0.is_scrypt()
    }

    /// Opens the file. Reading fails with [`io::ErrorKind::InvalidData`] where it was changed, and with
    /// [`io::ErrorKind::UnexpectedEof`] where it was cut off.
    ///
    /// # Errors
    ///
    /// [`AgeError`]
    pub fn open(self, key: &AgeKey) -> Result<StreamReader<R>, AgeError> {
        let opened = match key {
            AgeKey::Identities(keys) => {
                self.0.decrypt(keys.iter().map(|AgeIdentity(key)| key as &dyn Identity))
            }
            AgeKey::Passphrase(passphrase) => {
                let mut identity = age::scrypt::Identity::new(secret(passphrase));
                identity.set_max_work_factor(MAX_PASSPHRASE_COST);
                self.0.decrypt([&identity as &dyn Identity].into_iter())
            }
        };
        opened.map_err(|error| match (error, key) {
            (DecryptError::Io(error), _) => AgeError::Io(error),
            (DecryptError::ExcessiveWork { .. }, _) => AgeError::TooMuchWork,
            (DecryptError::NoMatchingKeys, AgeKey::Identities(_)) => AgeError::WrongIdentity,
            (
                DecryptError::DecryptionFailed
                | DecryptError::KeyDecryptionFailed
                | DecryptError::NoMatchingKeys,
                AgeKey::Passphrase(_),
            ) => AgeError::WrongPassphrase,
            _ => AgeError::Damaged,
        })
    }
}

fn secret(text: &SecretText) -> SecretString {
    text.expose_secret().to_owned().into()
}

/// A recipient that opens nothing.
struct Note {
    tag: &'static str,
    words: Vec<String>,
}

impl Recipient for Note {
    fn wrap_file_key(&self, _: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = Stanza { tag: self.tag.into(), args: self.words.clone(), body: Vec::new() };
        Ok((vec![stanza], HashSet::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(lock: &AgeLock) -> Vec<u8> {
        let note = ("a-note", vec!["one=1".to_owned(), "two=2".to_owned()]);
        let mut out = encrypt(Vec::new(), lock, note).unwrap();
        out.write_all(b"planted").unwrap();
        out.finish().unwrap()
    }

    fn opened(file: &[u8], key: &AgeKey) -> Result<Vec<u8>, AgeError> {
        let mut plain = Vec::new();
        AgeFile::begin(file)?.open(key)?.read_to_end(&mut plain).map_err(AgeError::Io)?;
        Ok(plain)
    }

    fn pair() -> (AgeKey, AgeRecipient) {
        let identity = x25519::Identity::generate();
        let recipient = AgeRecipient::parse(&format!(" {}\n", identity.to_public())).unwrap();
        (AgeKey::Identities(vec![AgeIdentity(identity)]), recipient)
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let ((one, to_one), (two, to_two), (other, _)) = (pair(), pair(), pair());
        let file = sealed(&AgeLock::Recipients(vec![to_one, to_two]));
        assert_eq!(opened(&file, &one).unwrap(), b"planted");
        assert_eq!(opened(&file, &two).unwrap(), b"planted");
        assert!(matches!(opened(&file, &other), Err(AgeError::WrongIdentity)));
        assert_eq!(note(&file, "a-note").unwrap(), ["one=1", "two=2"]);
        assert!(note(&file, "another").is_none());
        assert!(!AgeFile::begin(&file[..]).unwrap().needs_passphrase());
        // The note cannot be changed.
        let text = file.windows(5).position(|part| part == b"one=1").unwrap();
        let mut changed = file.clone();
        changed[text + 4] = b'7';
        assert!(matches!(opened(&changed, &one), Err(AgeError::Damaged)));
        assert!(AgeRecipient::parse("age1nonsense").is_none());
    }

    #[test]
    fn a_passphrase_opens_it() {
        let lock = AgeLock::Passphrase(SecretText::new("correct horse".into()));
        let file = sealed(&lock);
        assert!(AgeFile::begin(&file[..]).unwrap().needs_passphrase());
        assert!(note(&file, "a-note").is_none());
        let typed = |text: &str| AgeKey::Passphrase(SecretText::new(text.into()));
        assert_eq!(opened(&file, &typed("correct horse")).unwrap(), b"planted");
        assert!(matches!(opened(&file, &typed("wrong horse")), Err(AgeError::WrongPassphrase)));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let (key, to) = pair();
        let file = sealed(&AgeLock::Recipients(vec![to]));
        for end in 0..file.len() {
            assert!(opened(&file[..end], &key).is_err(), "cut at {end}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(opened(&flipped, &key).is_err(), "bit {bit}");
        }
    }
}
