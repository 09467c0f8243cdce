//! What answers are made of, as the document names it: a key, and the messages of its box.

use crate::{clock::UnixSeconds, domain::drop_box::Terms};

/// A key as its owner sees it. Its messages are listed elsewhere, so `Messages` is always empty here.
#[derive(Clone, Copy, Debug)]
pub struct KeyItem<'a> {
    /// Over 0; the original counts its keys with it.
    pub key_id: u32,
    /// The token of the box.
    pub key_token: &'a str,
    /// SPKI PEM, or what was uploaded.
    pub public_key: &'a str,
    /// Encrypted PEM, if the server keeps it.
    pub private_key: Option<&'a str>,
    /// Lower-case hex SHA-256 of the private key, or what its owner chose to send for it.
    pub private_key_hash: Option<&'a str>,
    /// Whether the private key is under a passphrase.
    pub is_private_key_encrypted: bool,
    /// Whether the server has only the public key.
    pub is_public_key_only: bool,
    /// When the key was made.
    pub request_date: UnixSeconds,
    /// From when on messages can be read: when the key was made, where its owner has not said.
    pub release_date: UnixSeconds,
    /// From when on none are taken.
    pub lock_date: Option<UnixSeconds>,
    /// Whether messages go when they are read.
    pub delete_messages_after_reading: bool,
    /// Whether the key goes with them.
    pub delete_key_after_reading: bool,
    /// Where to send people who drop something in.
    pub uri: &'a str,
}

/// What the owner of a box wants, for everybody who has its token: not when it can be read, which is told
/// to who may read.
#[derive(Clone, Copy, Debug)]
pub struct TermsItem {
    /// As they were set when it was made.
    pub terms: Terms,
    /// Whether the server has the private key, in a form that a passphrase opens here.
    pub has_private_key: bool,
    /// When they are told.
    pub now: UnixSeconds,
}

/// A message, up to its text.
#[derive(Clone, Copy, Debug)]
pub struct MessageHead<'a> {
    /// 1, 2, 3 … in its box.
    pub message_id: u64,
    /// Base64 of the encrypted passphrase; encrypted mode only.
    pub encryption_key: Option<&'a str>,
    /// Whether a text follows, be it empty; else `MessageData` is null.
    pub has_data: bool,
}

/// A message, behind its text.
#[derive(Clone, Copy, Debug)]
pub struct MessageTail<'a> {
    /// When it was dropped in.
    pub created: UnixSeconds,
    /// Lower-case hex SHA-256 of the plain text, where the server saw it.
    pub message_hash: Option<&'a str>,
    /// Whether it is a file.
    pub is_file: bool,
    /// The file's name.
    pub file_name: Option<&'a str>,
    /// Its size, in bytes.
    pub size: u64,
    /// What the file is fetched with.
    pub temporary_download_id: Option<&'a str>,
}

/// A field's value, in the types that the document has.
pub(super) enum Value<'a> {
    Text(&'a str),
    /// XML leaves it out when there is none.
    OptionalText(Option<&'a str>),
    Date(UnixSeconds),
    /// XML says so when there is none.
    OptionalDate(Option<UnixSeconds>),
    Flag(bool),
    Number(u64),
    EmptyList,
}

impl TermsItem {
    /// Its fields; what a key has as well is called as there.
    pub(super) fn fields(&self) -> [(&'static str, Value<'static>); 5] {
        let Self { terms, has_private_key, now } = self;
        [
            ("LockDate", Value::OptionalDate(terms.lock_at)),
            // Clocks of clients are wrong more often.
            ("IsLocked", Value::Flag(terms.lock_at.is_some_and(|lock| lock <= *now))),
            ("DeleteMessagesAfterReading", Value::Flag(terms.delete_messages_after_reading)),
            ("DeleteKeyAfterReading", Value::Flag(terms.delete_box_after_reading)),
            ("HasPrivateKey", Value::Flag(*has_private_key)),
        ]
    }
}

impl<'a> KeyItem<'a> {
    /// Its fields, in the original's order.
    pub(super) fn fields(&self) -> [(&'static str, Value<'a>); 14] {
        [
            ("KeyId", Value::Number(self.key_id.into())),
            ("KeyToken", Value::Text(self.key_token)),
            ("PublicKey", Value::Text(self.public_key)),
            ("PrivateKey", Value::OptionalText(self.private_key)),
            ("PrivateKeyHash", Value::OptionalText(self.private_key_hash)),
            ("IsPrivateKeyEncrypted", Value::Flag(self.is_private_key_encrypted)),
            ("IsPublicKeyOnly", Value::Flag(self.is_public_key_only)),
            ("RequestDate", Value::Date(self.request_date)),
            ("ReleaseDate", Value::Date(self.release_date)),
            ("LockDate", Value::OptionalDate(self.lock_date)),
            ("DeleteMessagesAfterReading", Value::Flag(self.delete_messages_after_reading)),
            ("DeleteKeyAfterReading", Value::Flag(self.delete_key_after_reading)),
            ("URI", Value::Text(self.uri)),
            ("Messages", Value::EmptyList),
        ]
    }
}

impl<'a> MessageHead<'a> {
    /// Its fields, in the original's order.
    pub(super) fn fields(&self) -> [(&'static str, Value<'a>); 2] {
        [
            ("MessageId", Value::Number(self.message_id)),
            ("EncryptionKey", Value::OptionalText(self.encryption_key)),
        ]
    }
}

impl<'a> MessageTail<'a> {
    /// Its fields, in the original's order; those that it does not have stand behind its own.
    pub(super) fn fields(&self) -> [(&'static str, Value<'a>); 6] {
        [
            ("Created", Value::Date(self.created)),
            ("MessageHash", Value::OptionalText(self.message_hash)),
            ("IsFile", Value::Flag(self.is_file)),
            ("FileName", Value::OptionalText(self.file_name)),
            ("Size", Value::Number(self.size)),
            ("TemporaryDownloadId", Value::OptionalText(self.temporary_download_id)),
        ]
    }
}
