//! The JSON Schemas of the objects in answers, from the tables of their fields and an example of each.

use serde_json::{Map, Value, json};

use super::{
    item::{ItemField, ItemValue, KeyItem, MESSAGE_DATA, MessageHead, MessageTail, TermsItem},
    json as writer,
};
use crate::clock::UnixSeconds;

/// 2026-11-22T12:00:00Z.
const NOW: UnixSeconds = UnixSeconds(1_795_348_800);
const KEY: KeyItem<'_> = KeyItem {
    key_id: 1_234_567_890,
    key_token: "3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2",
    public_key: "-----BEGIN PUBLIC KEY-----\n…",
    private_key: Some("-----BEGIN ENCRYPTED PRIVATE KEY-----\n…"),
    private_key_hash: "9f86d081…",
    is_private_key_encrypted: true,
    is_public_key_only: false,
    request_date: NOW,
    release_date: NOW,
    lock_date: None,
    delete_messages_after_reading: false,
    delete_key_after_reading: false,
    uri: "https://box.example.org/#3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2",
};
const HEAD: MessageHead<'_> = MessageHead { message_id: 1, encryption_key: None, has_data: true };
const TAIL: MessageTail<'_> = MessageTail {
    created: NOW,
    message_hash: Some("9f86d081…"),
    is_file: false,
    file_name: None,
    size: 21,
    temporary_download_id: None,
};
const TERMS: TermsItem = TermsItem {
    lock_date: None,
    is_locked: false,
    delete_messages_after_reading: false,
    delete_key_after_reading: false,
    has_private_key: true,
};

/// The name and the schema of each object.
pub(in crate::api) fn schemas() -> [(&'static str, Value); 3] {
    let mut key = object("The key of a new box. It is returned only once.", KEY.fields());
    key["xml"] = json!({ "name": "response" });
    let message = HEAD.fields().into_iter().chain([MESSAGE_DATA]).chain(TAIL.fields());
    let mut message = object("A message or a file of a box.", message);
    message["xml"] = json!({ "name": "Message" });
    let terms = object("The terms of a box.", TERMS.fields());
    [("BoxKey", key), ("Message", message), ("BoxTerms", terms)]
}

/// The schema of an object with these fields.
fn object<'a>(meaning: &str, fields: impl IntoIterator<Item = ItemField<'a>>) -> Value {
    let fields: Vec<ItemField<'_>> = fields.into_iter().collect();
    let mut example = vec![b'{'];
    writer::push_fields(&fields, &mut example);
    example.push(b'}');
    let required: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let properties = fields.iter().map(|field| {
        let mut schema = schema(&field.value);
        schema["description"] = field.meaning.into();
        (field.name.to_owned(), schema)
    });
    json!({
        "type": "object",
        "description": meaning,
        "required": required,
        "properties": properties.collect::<Map<_, _>>(),
        "examples": [serde_json::from_slice::<Value>(&example).unwrap_or_default()],
    })
}

/// The schema of the values of a field with this value.
fn schema(value: &ItemValue<'_>) -> Value {
    let time = || json!({ "$ref": "#/components/schemas/Time" });
    match value {
        ItemValue::Text(_) => json!({ "type": "string" }),
        ItemValue::OptionalText(_) => json!({ "type": ["string", "null"] }),
        ItemValue::Date(_) => time(),
        ItemValue::OptionalDate(_) => json!({ "oneOf": [time(), { "type": "null" }] }),
        ItemValue::Flag(_) => json!({ "type": "boolean" }),
        ItemValue::Number(_) => json!({ "type": "integer", "minimum": 0 }),
        ItemValue::Ordinal(_) => json!({ "type": "integer", "minimum": 1 }),
        ItemValue::Id(_) => {
            json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": i32::MAX })
        }
        ItemValue::NoMessages => {
            let message = json!({ "$ref": "#/components/schemas/Message" });
            json!({ "type": "array", "maxItems": 0, "items": message })
        }
    }
}
