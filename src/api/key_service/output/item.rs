//! The objects in answers, with the names of the document: keys and messages.

use crate::{clock::UnixSeconds, domain::drop_box::Terms};

/// A key, for its owner. Messages are listed by another operation, so `Messages` is always empty here.
#[derive(Clone, Copy, Debug)]
pub struct KeyItem<'a> {
    /// A positive number; the original service numbers its keys with it.
    pub key_id: u32,
    /// The token of the box.
    pub key_token: &'a str,
    /// SPKI PEM, or the uploaded text.
    pub public_key: &'a str,
    /// Encrypted PEM, if the server has it.
    pub private_key: Option<&'a str>,
    /// Lower-case hex SHA-256 of the private key, or the text that the owner sent in its place.
    pub private_key_hash: Option<&'a str>,
    /// Whether the private key is encrypted with a passphrase.
    pub is_private_key_encrypted: bool,
    /// Whether the server has only the public key.
    pub is_public_key_only: bool,
    /// The creation time of the key.
    pub request_date: UnixSeconds,
    /// The time from which messages can be read; by default the creation time.
    pub release_date: UnixSeconds,
    /// The time from which no messages are accepted.
    pub lock_date: Option<UnixSeconds>,
    /// Whether messages are deleted after reading.
    pub delete_messages_after_reading: bool,
    /// Whether the key is deleted with them.
    pub delete_key_after_reading: bool,
    /// The URL for senders.
    pub uri: &'a str,
}

/// The terms of a box, for all holders of its token. The time from which it can be read is not included:
/// only readers learn it.
#[derive(Clone, Copy, Debug)]
pub struct TermsItem {
    /// The terms from the creation of the box.
    pub terms: Terms,
    /// Whether the server has a private key that it can open with a passphrase.
    pub has_private_key: bool,
    /// The current time.
    pub now: UnixSeconds,
}

/// The part of a message before its text.
#[derive(Clone, Copy, Debug)]
pub struct MessageHead<'a> {
    /// The number of the message in its box, from 1.
    pub message_id: u64,
    /// Base64 of the encrypted passphrase, if the message is returned in encrypted form.
    pub encryption_key: Option<&'a str>,
    /// Whether a text follows, possibly empty; otherwise `MessageData` is null.
    pub has_data: bool,
}

/// The part of a message after its text.
#[derive(Clone, Copy, Debug)]
pub struct MessageTail<'a> {
    /// The time when the message was received.
    pub created: UnixSeconds,
    /// Lower-case hex SHA-256 of the plain text, if the server has seen it.
    pub message_hash: Option<&'a str>,
    /// Whether the message is a file.
    pub is_file: bool,
    /// The file's name.
    pub file_name: Option<&'a str>,
    /// The size in bytes.
    pub size: u64,
    /// The id of the ticket for the file.
    pub temporary_download_id: Option<&'a str>,
}

/// The value of a field, in the types of the document.
pub(super) enum ItemValue<'a> {
    Text(&'a str),
    /// Omitted in XML if it is `None`.
    OptionalText(Option<&'a str>),
    Date(UnixSeconds),
    /// `xsi:nil` in XML if it is `None`.
    OptionalDate(Option<UnixSeconds>),
    Flag(bool),
    Number(u64),
    EmptyList,
}

impl TermsItem {
    /// The fields, with the same names as in a key.
    pub(super) fn fields(&self) -> [(&'static str, ItemValue<'static>); 5] {
        let Self { terms, has_private_key, now } = self;
        [
            ("LockDate", ItemValue::OptionalDate(terms.lock_at)),
            // The server compares the times, because clients' clocks are wrong more often.
            ("IsLocked", ItemValue::Flag(terms.lock_at.is_some_and(|lock| lock <= *now))),
            ("DeleteMessagesAfterReading", ItemValue::Flag(terms.delete_messages_after_reading)),
            ("DeleteKeyAfterReading", ItemValue::Flag(terms.delete_box_after_reading)),
            ("HasPrivateKey", ItemValue::Flag(*has_private_key)),
        ]
    }
}

impl<'a> KeyItem<'a> {
    /// The fields, in the original's order.
    pub(super) fn fields(&self) -> [(&'static str, ItemValue<'a>); 14] {
        [
            ("KeyId", ItemValue::Number(self.key_id.into())),
            ("KeyToken", ItemValue::Text(self.key_token)),
            ("PublicKey", ItemValue::Text(self.public_key)),
            ("PrivateKey", ItemValue::OptionalText(self.private_key)),
            ("PrivateKeyHash", ItemValue::OptionalText(self.private_key_hash)),
            ("IsPrivateKeyEncrypted", ItemValue::Flag(self.is_private_key_encrypted)),
            ("IsPublicKeyOnly", ItemValue::Flag(self.is_public_key_only)),
            ("RequestDate", ItemValue::Date(self.request_date)),
            ("ReleaseDate", ItemValue::Date(self.release_date)),
            ("LockDate", ItemValue::OptionalDate(self.lock_date)),
            ("DeleteMessagesAfterReading", ItemValue::Flag(self.delete_messages_after_reading)),
            ("DeleteKeyAfterReading", ItemValue::Flag(self.delete_key_after_reading)),
            ("URI", ItemValue::Text(self.uri)),
            ("Messages", ItemValue::EmptyList),
        ]
    }
}

impl<'a> MessageHead<'a> {
    /// The fields, in the original's order.
    pub(super) fn fields(&self) -> [(&'static str, ItemValue<'a>); 2] {
        [
            ("MessageId", ItemValue::Number(self.message_id)),
            ("EncryptionKey", ItemValue::OptionalText(self.encryption_key)),
        ]
    }
}

impl<'a> MessageTail<'a> {
    /// The fields, in the original's order; fields that the original does not have come last.
    pub(super) fn fields(&self) -> [(&'static str, ItemValue<'a>); 6] {
        [
            ("Created", ItemValue::Date(self.created)),
            ("MessageHash", ItemValue::OptionalText(self.message_hash)),
            ("IsFile", ItemValue::Flag(self.is_file)),
            ("FileName", ItemValue::OptionalText(self.file_name)),
            ("Size", ItemValue::Number(self.size)),
            ("TemporaryDownloadId", ItemValue::OptionalText(self.temporary_download_id)),
        ]
    }
}
