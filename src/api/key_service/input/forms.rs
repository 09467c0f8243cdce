//! The bodies of the Key Service, for the API description: the parameters of each, with types, limits and
//! meanings.
//!
//! A parameter can also be a header or in the query. [`super::parameters`] reads it.

use serde_json::{Map, Value, json};

use super::names::{
    ATTACHMENT, ATTACHMENT_NAME, DELETE_KEY_AFTER_READING, DELETE_MESSAGES_AFTER_READING, EMAIL,
    ENCRYPTED_MESSAGE, ENCRYPTION_KEY, FORMAT, LOCK_DATE, MESSAGE, NOTIFY_EMAIL, PASSPHRASE,
    PRIVATE_KEY, PRIVATE_KEY_HASH, PUBLIC_KEY, RELEASE_DATE, TOKEN, V,
};

/// The maximum length of a passphrase, in bytes. Neither people nor programs use longer ones.
pub(in crate::api::key_service) const MAX_PASSPHRASE_BYTES: usize = 1024;
/// The maximum length of a stored key, in bytes: several times the PEM of 8192 bits.
pub(in crate::api::key_service) const MAX_KEY_BYTES: usize = 32 << 10;
/// The maximum length of a hash, in bytes. It can be any text.
pub(in crate::api::key_service) const MAX_HASH_BYTES: usize = 1024;
/// The maximum length of an attachment's name, in bytes: the limit of file systems.
pub(in crate::api::key_service) const MAX_NAME_BYTES: usize = 255;

/// A parameter of a body.
struct FormParameter {
    name: &'static str,
    kind: ParameterKind,
    /// The meaning, in Markdown.
    meaning: &'static str,
}

/// The type of a parameter, with its limits.
enum ParameterKind {
    /// A text of any length.
    Text,
    /// A text that is not empty.
    Filled,
    /// A text with a maximum length in bytes.
    Bytes(usize),
    /// A text with a maximum length in bytes that is not empty.
    FilledBytes(usize),
    /// A passphrase, with its maximum length in bytes.
    Passphrase(usize),
    /// A public key: a text with a maximum length in bytes, or in JSON an object.
    Key(usize),
    Base64,
    Email,
    Date,
    Flag,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Files of a multipart body.
    Files,
}

/// A body: its name, its meaning, the names of the required parameters, and all parameters.
struct Form {
    name: &'static str,
    meaning: &'static str,
    required: &'static [&'static str],
    parameters: &'static [&'static [FormParameter]],
}

const DATE_PATTERN: &str = concat!(
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
);

/// The parameters that all bodies have.
const COMMON: &[FormParameter] = &[
    parameter(
        V,
        ParameterKind::Words(&["1", "1.0"]),
        "The version of the API. Only version 1 exists.",
    ),
    parameter(
        FORMAT,
        ParameterKind::Words(&["json", "xml"]),
        "The format of the answer; JSON by default. `Accept: application/xml` has the same effect.",
    ),
];

const BOX: &[FormParameter] = &[
    parameter(
        PASSPHRASE,
        ParameterKind::Passphrase(MAX_PASSPHRASE_BYTES),
        "The passphrase that opens the box on the server. 1,024 bytes at most.",
    ),
    parameter(
        PUBLIC_KEY,
        ParameterKind::Key(MAX_KEY_BYTES),
        "An RSA key of 2048 to 8192 bits as PEM, base64 of its DER, JWK or `<RSAKeyValue>`. In JSON a JWK \
         can be an object. 32 KiB at most.",
    ),
    parameter(
        PRIVATE_KEY,
        ParameterKind::Bytes(MAX_KEY_BYTES),
        "The encrypted private key (PKCS#8 PEM, PBES2 with PBKDF2 or scrypt and AES-CBC or 3DES-CBC), if \
         the server must open messages for readers with the passphrase.",
    ),
    parameter(
        PRIVATE_KEY_HASH,
        ParameterKind::FilledBytes(MAX_HASH_BYTES),
        "The text with which the owner reads the messages in encrypted form: any text of 1,024 bytes at \
         most; the SHA-256 of the private key is recommended.",
    ),
    parameter(
        RELEASE_DATE,
        ParameterKind::Date,
        "The time from which messages can be read. `2026-11-22`, or `2026-11-22T12:00:00Z` with any offset.",
    ),
    parameter(
        LOCK_DATE,
        ParameterKind::Date,
        "The time from which no messages are accepted. `2026-11-22`, or `2026-11-22T12:00:00Z` with any \
         offset.",
    ),
    parameter(
        DELETE_MESSAGES_AFTER_READING,
        ParameterKind::Flag,
        "Whether each message is deleted after it was read.",
    ),
    parameter(
        DELETE_KEY_AFTER_READING,
        ParameterKind::Flag,
        "Whether the box is deleted after all its messages were read.",
    ),
    parameter(
        NOTIFY_EMAIL,
        ParameterKind::Email,
        "The address for notifications about new messages, one an hour at most. Needs a private API key.",
    ),
];

const DROP: &[FormParameter] = &[
    parameter(TOKEN, ParameterKind::Text, "The token of the box."),
    parameter(
        MESSAGE,
        ParameterKind::Text,
        "A text. The server encrypts it with the public key of the box.",
    ),
    parameter(
        ENCRYPTION_KEY,
        ParameterKind::Text,
        "The key of an encrypted message, encrypted with the public key of the box. 2,048 bytes at most.",
    ),
    parameter(ENCRYPTED_MESSAGE, ParameterKind::Text, "A text that the sender has encrypted."),
];

const DROPPED_FILES: &[FormParameter] = &[
    parameter("files", ParameterKind::Files, "Files. The server encrypts them."),
    parameter(
        "encryptedfile",
        ParameterKind::Files,
        "Files that the sender has encrypted. They are stored unchanged.",
    ),
];

const SELF_DESTRUCTING: &[FormParameter] = &[
    parameter(MESSAGE, ParameterKind::Filled, "The text that the recipient can read once."),
    parameter(EMAIL, ParameterKind::Email, "The address that the link is mailed to."),
    parameter(ATTACHMENT, ParameterKind::Base64, "A file in base64."),
    parameter(
        ATTACHMENT_NAME,
        ParameterKind::Bytes(MAX_NAME_BYTES),
        "The name of the file, 255 bytes at most.",
    ),
];

const FORMS: [Form; 4] = [
    Form {
        name: "NewBox",
        meaning: "Send either `passphrase`, and the server makes a key; or `publickey` and \
                  `privatekeyhash` of a key of your own.",
        required: &[],
        parameters: &[BOX, COMMON],
    },
    Form {
        name: "Drop",
        meaning: "At least one of `message`, `encryptedmessage` and files is required. The token must come \
                  before the first file.",
        required: &[TOKEN],
        parameters: &[DROP, COMMON],
    },
    Form {
        name: "DropWithFiles",
        meaning: "The same as the other forms, with files: 100 at most, 100 MiB each (`--max-upload`).",
        required: &[TOKEN],
        parameters: &[DROP, DROPPED_FILES, COMMON],
    },
    Form {
        name: "SelfDestructing",
        meaning: "A message that is deleted after it was read once.",
        required: &[MESSAGE, EMAIL],
        parameters: &[SELF_DESTRUCTING, COMMON],
    },
];

/// The JSON Schema of each body, under its name.
pub(in crate::api) fn schemas() -> impl Iterator<Item = (String, Value)> {
    FORMS.iter().map(|form| (form.name.to_owned(), form.schema()))
}

const fn parameter(
    name: &'static str,
    kind: ParameterKind,
    meaning: &'static str,
) -> FormParameter {
    FormParameter { name, kind, meaning }
}

impl Form {
    fn schema(&self) -> Value {
        let parameters = self.parameters.iter().copied().flatten();
        let properties = parameters.map(|parameter| {
            let mut schema = parameter.kind.schema();
            schema["description"] = parameter.meaning.into();
            (parameter.name.to_owned(), schema)
        });
        let properties: Map<String, Value> = properties.collect();
        let mut schema =
            json!({ "type": "object", "description": self.meaning, "properties": properties });
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        schema
    }
}

impl ParameterKind {
    /// The JSON Schema of the values.
    fn schema(&self) -> Value {
        // A character has at most four bytes in UTF-8.
        let max_chars = |bytes: &usize| bytes / 4;
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Filled => json!({ "type": "string", "minLength": 1 }),
            Self::Bytes(max) => json!({ "type": "string", "maxLength": max_chars(max) }),
            Self::FilledBytes(max) => {
                json!({ "type": "string", "minLength": 1, "maxLength": max_chars(max) })
            }
            Self::Passphrase(max) => {
                let mut schema = Self::FilledBytes(*max).schema();
                schema["format"] = "password".into();
                schema
            }
            Self::Key(max) => {
                let object = json!({ "$ref": "#/components/schemas/JsonWebKey" });
                json!({ "oneOf": [Self::FilledBytes(*max).schema(), object] })
            }
            Self::Base64 => json!({ "type": "string", "contentEncoding": "base64" }),
            Self::Email => json!({ "type": "string", "format": "email" }),
            Self::Date => json!({
                "type": "string",
                "pattern": DATE_PATTERN,
                "examples": ["2030-01-01"],
            }),
            Self::Flag => Self::Words(&["true", "false"]).schema(),
            Self::Words(words) => json!({ "type": "string", "enum": words }),
            Self::Files => {
                json!({ "type": "array", "items": { "type": "string", "format": "binary" } })
            }
        }
    }
}
