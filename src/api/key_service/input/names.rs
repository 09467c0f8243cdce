//! The names of all parameters.

/// The token of the box.
pub const TOKEN: &str = "token";
/// The passphrase of a box whose private key is on the server.
pub const PASSPHRASE: &str = "passphrase";
/// The RSA public key of an uploaded box.
pub const PUBLIC_KEY: &str = "publickey";
/// The encrypted private key of an uploaded box.
pub const PRIVATE_KEY: &str = "privatekey";
/// The hash of the private key, to read a box as it is stored.
pub const PRIVATE_KEY_HASH: &str = "privatekeyhash";
/// A message in plain text.
pub const MESSAGE: &str = "message";
/// A message that the sender has encrypted.
pub const ENCRYPTED_MESSAGE: &str = "encryptedmessage";
/// The key of an encrypted message, encrypted with the public key.
pub const ENCRYPTION_KEY: &str = "encryptionkey";
/// The time from which the box can be read.
pub const RELEASE_DATE: &str = "releasedate";
/// The time from which the box accepts no messages.
pub const LOCK_DATE: &str = "lockdate";
/// Whether messages are deleted after reading.
pub const DELETE_MESSAGES_AFTER_READING: &str = "deletemessagesafterreading";
/// Whether the box is deleted after reading.
pub const DELETE_KEY_AFTER_READING: &str = "deletekeyafterreading";
/// The mail address for notifications about new messages.
pub const NOTIFY_EMAIL: &str = "notifyemail";
/// The recipient of a message that destroys itself.
pub const EMAIL: &str = "email";
/// The attachment of that message, in base64.
pub const ATTACHMENT: &str = "attachment";
/// The name of that attachment.
pub const ATTACHMENT_NAME: &str = "attachmentname";
/// The number of messages to skip.
pub const OFFSET: &str = "offset";
/// The maximum number of messages to list.
pub const LIMIT: &str = "limit";
/// The last known message; only newer ones are listed.
pub const SINCE: &str = "since";
/// Identifies a message, so that repeated requests deliver it only once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The version of the API.
pub const V: &str = "v";
/// The format of the answer: JSON or XML.
pub const FORMAT: &str = "format";

/// All known names; others are ignored. Pages of other origins may send these as headers.
pub const NAMES: [&str; 22] = [
    TOKEN,
    PASSPHRASE,
    PUBLIC_KEY,
    PRIVATE_KEY,
    PRIVATE_KEY_HASH,
    MESSAGE,
    ENCRYPTED_MESSAGE,
    ENCRYPTION_KEY,
    RELEASE_DATE,
    LOCK_DATE,
    DELETE_MESSAGES_AFTER_READING,
    DELETE_KEY_AFTER_READING,
    NOTIFY_EMAIL,
    EMAIL,
    ATTACHMENT,
    ATTACHMENT_NAME,
    OFFSET,
    LIMIT,
    SINCE,
    IDEMPOTENCY_KEY,
    V,
    FORMAT,
];

/// The entry of `names` that equals `name`, ignoring case.
pub(super) fn find(names: &[&'static str], name: &[u8]) -> Option<&'static str> {
    names.iter().copied().find(|known| known.as_bytes().eq_ignore_ascii_case(name))
}
