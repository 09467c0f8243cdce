//! The objects in answers, with the names of the document: keys and messages.
//!
//! The tables of fields are what JSON, XML and the API description are made from.

use crate::clock::UnixSeconds;

/// A key, for its owner. Messages are listed by another operation, so `Messages` is always empty here.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the table of fields has the meanings")]
pub struct KeyItem<'a> {
    pub key_id: u32,
    pub key_token: &'a str,
    pub public_key: &'a str,
    pub private_key: Option<&'a str>,
    pub private_key_hash: &'a str,
    pub is_private_key_encrypted: bool,
    pub is_public_key_only: bool,
    pub request_date: UnixSeconds,
    pub release_date: UnixSeconds,
    pub lock_date: Option<UnixSeconds>,
    pub delete_messages_after_reading: bool,
    pub delete_key_after_reading: bool,
    pub uri: &'a str,
}

/// The terms of a box, for all holders of its token. The time from which it can be read is not included:
/// only readers learn it.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the table of fields has the meanings")]
pub struct TermsItem {
    pub lock_date: Option<UnixSeconds>,
    pub is_locked: bool,
    pub delete_messages_after_reading: bool,
    pub delete_key_after_reading: bool,
    pub has_private_key: bool,
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
#[expect(missing_docs, reason = "the table of fields has the meanings")]
pub struct MessageTail<'a> {
    pub created: UnixSeconds,
    pub message_hash: Option<&'a str>,
    pub is_file: bool,
    pub file_name: Option<&'a str>,
    pub size: u64,
    pub temporary_download_id: Option<&'a str>,
}

/// A field of an item.
pub(super) struct ItemField<'a> {
    pub(super) name: &'static str,
    pub(super) value: ItemValue<'a>,
    /// The meaning in the API description, in Markdown.
    pub(super) meaning: &'static str,
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
    /// A number from 1.
    Ordinal(u64),
    /// A positive `int` of .NET.
    Id(u32),
    /// The messages of a key, which are listed by another operation.
    NoMessages,
}

impl TermsItem {
    /// The fields, with the same names as in a key.
    pub(super) fn fields(&self) -> [ItemField<'static>; 5] {
        [
            lock_date(self.lock_date),
            field(
                "IsLocked",
                ItemValue::Flag(self.is_locked),
                "Whether the box accepts no messages now, by the server's clock.",
            ),
            delete_messages(self.delete_messages_after_reading),
            delete_key(self.delete_key_after_reading),
            field(
                "HasPrivateKey",
                ItemValue::Flag(self.has_private_key),
                "Whether the server has a private key that a passphrase opens. If it does not, do not send a \
                 passphrase.",
            ),
        ]
    }
}

impl<'a> KeyItem<'a> {
    /// The fields, in the original's order.
    pub(super) fn fields(&self) -> [ItemField<'a>; 14] {
        [
            field(
                "KeyId",
                ItemValue::Id(self.key_id),
                "A number that is constant for the box. It is not unique: use the token to identify the box.",
            ),
            field(
                "KeyToken",
                ItemValue::Text(self.key_token),
                "The token of the box, for senders.",
            ),
            field("PublicKey", ItemValue::Text(self.public_key), "SPKI PEM, or the uploaded text."),
            field(
                "PrivateKey",
                ItemValue::OptionalText(self.private_key),
                "PEM, encrypted with the passphrase; or the uploaded text. Null if the server has none.",
            ),
            field(
                "PrivateKeyHash",
                ItemValue::Text(self.private_key_hash),
                "SHA-256 of the unencrypted private key (PKCS#8 DER) in lower-case hexadecimal, or the \
                 uploaded text.",
            ),
            field(
                "IsPrivateKeyEncrypted",
                ItemValue::Flag(self.is_private_key_encrypted),
                "Whether the server has a private key, which is encrypted.",
            ),
            field(
                "IsPublicKeyOnly",
                ItemValue::Flag(self.is_public_key_only),
                "Whether the server has only the public key.",
            ),
            field(
                "RequestDate",
                ItemValue::Date(self.request_date),
                "The creation time of the key.",
            ),
            field(
                "ReleaseDate",
                ItemValue::Date(self.release_date),
                "The time from which messages can be read; by default the creation time.",
            ),
            lock_date(self.lock_date),
            delete_messages(self.delete_messages_after_reading),
            delete_key(self.delete_key_after_reading),
            field("URI", ItemValue::Text(self.uri), "The address of the page for senders."),
            field(
                "Messages",
                ItemValue::NoMessages,
                "Always empty. XML does not have this element.",
            ),
        ]
    }
}

impl<'a> MessageHead<'a> {
    /// The fields, in the original's order.
    pub(super) fn fields(&self) -> [ItemField<'a>; 2] {
        [
            field(
                "MessageId",
                ItemValue::Ordinal(self.message_id),
                "The number of the message in its box.",
            ),
            field(
                "EncryptionKey",
                ItemValue::OptionalText(self.encryption_key),
                "The encrypted key in base64, or the text of the sender. Null if the server has opened the \
                 message.",
            ),
        ]
    }
}

/// The field between the head and the tail of a message, with an example. The list writes it in pieces.
pub(super) const MESSAGE_DATA: ItemField<'static> = field(
    "MessageData",
    ItemValue::OptionalText(Some("the door code is 4711")),
    "The text, or base64 of the encrypted message. Null for a file.",
);

impl<'a> MessageTail<'a> {
    /// The fields, in the original's order; fields that the original does not have come last.
    pub(super) fn fields(&self) -> [ItemField<'a>; 6] {
        [
            field(
                "Created",
                ItemValue::Date(self.created),
                "The time when the message was received.",
            ),
            field(
                "MessageHash",
                ItemValue::OptionalText(self.message_hash),
                "SHA-256 of the plain text in lower-case hexadecimal. Null if it is unknown, or if the list \
                 was read with the hash.",
            ),
            field("IsFile", ItemValue::Flag(self.is_file), "Whether the message is a file."),
            field("FileName", ItemValue::OptionalText(self.file_name), "The name of the file."),
            field("Size", ItemValue::Number(self.size), "The size in bytes."),
            field(
                "TemporaryDownloadId",
                ItemValue::OptionalText(self.temporary_download_id),
                "The id for `GET /Service/File/{id}`. Null for a text.",
            ),
        ]
    }
}

// The fields that a key and its terms share.

fn lock_date(lock_date: Option<UnixSeconds>) -> ItemField<'static> {
    field(
        "LockDate",
        ItemValue::OptionalDate(lock_date),
        "The time from which the box accepts no messages. Null if there is none.",
    )
}

fn delete_messages(flag: bool) -> ItemField<'static> {
    field(
        "DeleteMessagesAfterReading",
        ItemValue::Flag(flag),
        "Whether each message is deleted after it was read.",
    )
}

fn delete_key(flag: bool) -> ItemField<'static> {
    field(
        "DeleteKeyAfterReading",
        ItemValue::Flag(flag),
        "Whether the box is deleted after all its messages were read.",
    )
}

const fn field<'a>(
    name: &'static str,
    value: ItemValue<'a>,
    meaning: &'static str,
) -> ItemField<'a> {
    ItemField { name, value, meaning }
}
